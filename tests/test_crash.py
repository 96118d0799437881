"""A process killed at any moment, and a disk that fails: nothing that was said to be done is lost, nothing is done twice, nothing is half done."""

from __future__ import annotations

import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from bench.record import places
from bench.record.crash import Aftermath, crashed, rest
from bench.record.disk import supported
from bench.record.failing import EXPECTED, flushing_fails, troubled
from bench.record.ledger import Ledger
from bench.record.life import Life
from bench.record.places import Place
from bench.record.whole import Trail, faults
from drafting.pipeline import Engines, Work
from drafting.record.practice import Practice
from drafting.record.store.tables.record import ENCOUNTERS
from tests.dictated import work as dictated

KILLS = 12
SEED = 20261118


@pytest.fixture(scope="module")
def work(engines: Engines) -> Work:
    return dictated(engines)


@pytest.fixture(params=("sqlite", "postgresql"))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A practice on SQLite, then on PostgreSQL."""
    server = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    return places.made(request.param, tmp_path, server)


def told(after: Aftermath) -> list[str]:
    return [f"{fault.kind}: {fault.what}" for fault in after.faults]


def test_nothing_acknowledged_is_lost_to_a_kill(place: Place, work: Work) -> None:
    """After each kill and a sweep all that was acknowledged is there and opens, no version is signed twice, and the stores are whole."""
    after = crashed(place, work, KILLS, SEED, calls=12, every=0)
    assert after.kills == KILLS and after.ledger.acknowledged > KILLS
    assert not told(after)
    assert not after.ledger.refused


def lived(place: Place, practice: Practice, work: Work) -> bytes:
    """What a process says that works until one note waits for its cosignature and another is not signed yet."""
    reading, writing = os.pipe()
    life = Life(practice, place, work, random.Random(SEED), writing)
    waited: set[str] = set()
    while not waited >= {"cosign_due", "in_review"}:
        assert life.step()
        with practice.look() as connection:
            waited = set(connection.scalars(sa.select(ENCOUNTERS.c.state)))
    os.close(writing)
    said = rest(reading)
    os.close(reading)
    return said


@pytest.mark.skipif(not supported(), reason="a filter over system calls is Linux's")
def test_a_disk_that_fails_is_never_said_to_have_kept_anything(tmp_path: Path, work: Work) -> None:
    """From a random flush on none succeeds: what is begun after is refused, in a store's own words, and what was done before is there."""
    place = places.made("sqlite", tmp_path, None)
    after = troubled(place, work, 4, SEED, flushing_fails(place, work, 12))
    assert after.ledger.acknowledged and after.ledger.refused and after.ledger.refused.keys() <= set(EXPECTED)
    assert not after.ledger.late
    assert not told(after)


@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        ("DELETE FROM work WHERE kind = 'source'", "half"),
        ("UPDATE encounters SET state = 'signed'", "half"),
        ("UPDATE encounters SET version = version - 1", "lost"),
        ("DELETE FROM tasks", "half"),
        ("DELETE FROM encounters", "lost"),
        ("UPDATE encounters SET note = NULL", "half"),
    ],
)
def test_the_check_finds_what_is_broken(tmp_path: Path, work: Work, broken: str, kind: str) -> None:
    """A practice that was altered behind the product's back does not pass for whole."""
    place, ledger = places.made("sqlite", tmp_path, None), Ledger()
    with place.practice() as practice:
        said = lived(place, practice, work)
        touched = ledger.enter(said)
        assert not list(faults(practice, place, work, ledger, Trail(), touched))
        with closing(sqlite3.connect(place.files / "record.db")) as connection:  # a connection of its own keeps no rule of ours
            connection.execute(broken)
            connection.commit()
        assert kind in {fault.kind for fault in faults(practice, place, work, ledger, Trail(), touched)}
