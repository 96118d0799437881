"""A practice: begun once, changed with an event or not at all, and its settings."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from drafting.errors import Conflict, KeyMissing, KeyWrong, KitError, NotKnown, PolicyError, StoreFailed
from drafting.record import audit, people
from drafting.record import practice as practices
from drafting.record.keys import Keyring, Master, kit
from drafting.record.practice import NAMES, Policy, Practice, ready
from drafting.record.store import Stores
from drafting.record.store.tables.record import INTENTS
from drafting.record.store.tables.record import PRACTICE as TABLE
from drafting.types.record import Person, Standing
from tests import stores as of_tests
from tests.keyrings import dies_at


def begun(stores: Stores, master: Master) -> Practice:
    return Practice(stores, Keyring(stores.keyring, master), of_tests.Clock(datetime(2026, 11, 18, 15, 0, tzinfo=UTC)))


def intents(practice: Practice) -> list[str]:
    with practice.look() as connection:
        return list(connection.execute(sa.select(INTENTS.c.id)).scalars())


def intend(change: practices.Change, name: str) -> None:
    change.connection.execute(INTENTS.insert().values(id=name, kind="move", encounter="E1", subject="s1", at="2026"))


# ── begun ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_set_up_that_is_cut_is_begun_again(sqlite_stores: Stores) -> None:
    """Cut at each statement in turn, again and again in the same place, it is made at last: once, with a kit that is proven and a chain that holds."""
    practice, halves, cuts = begun(sqlite_stores, Master.made()), [], 0
    while not halves:
        cuts += 1
        with dies_at(cuts, sqlite_stores.keyring, sqlite_stores.record):
            halves += practices.make(practice, "us-federal")
    assert cuts > 20
    with pytest.raises(KitError):
        ready(practice)
    kit.prove(practice.keyring, *halves, now=practice.now())
    ready(practice)
    assert practice.audit_verify() == 1
    assert practice.open(NAMES, practice.seal(NAMES, "Ann", "people", "P1", "name"), "people", "P1", "name") == b"Ann"
    assert practice.keyring.open(NAMES, kit.joined(practice.keyring, *halves)) == practice.keyring.open(NAMES)


def test_a_practice_is_begun_once(practice: Practice) -> None:
    """Beginning another in the same place is refused, and leaves the kit and the name of the first."""
    with practice.look() as connection:
        name = connection.scalar(sa.select(TABLE.c.public_id))
    with pytest.raises(KitError, match="already"):
        practices.make(practice, "us-il")
    ready(practice)
    with practice.look() as connection:
        assert connection.scalar(sa.select(TABLE.c.public_id)) == name


def test_set_up_begun_again_with_another_key_file_is_told(sqlite_stores: Stores) -> None:
    """What the first try left opens by the first key file alone: with another, or none, nothing is made; with the first one it is."""
    own = Master.made()
    practice = begun(sqlite_stores, own)
    with dies_at(6, sqlite_stores.record):
        practices.make(practice, "us-federal")
    assert practice.keyring.holders_of(NAMES)
    for master, error in ((Master.made(), KeyWrong), (None, KeyMissing)):
        with pytest.raises(error):
            practices.make(begun(sqlite_stores, master), "us-federal")
    assert practices.make(begun(sqlite_stores, own), "us-federal")


def test_a_kit_whose_printing_failed_is_made_again(sqlite_stores: Stores) -> None:
    """The practice stands and nobody has the halves: others are made, and they open what it holds."""
    practice = begun(sqlite_stores, Master.made())
    practices.make(practice, "us-federal")
    halves = kit.make(practice.keyring, now=practice.now())
    kit.prove(practice.keyring, *halves, now=practice.now())
    ready(practice)
    assert practice.keyring.open(NAMES, kit.joined(practice.keyring, *halves)) == practice.keyring.open(NAMES)


# ── changed ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_change_comes_with_its_event_or_not_at_all(stores: Stores) -> None:
    """Without an event, with a fault, with an event that holds words: nothing is kept, of the change or of the trail. With one: both are."""
    practice = of_tests.opened(stores)
    before = practice.audit_verify()
    with pytest.raises(AssertionError), practice.change() as change:
        intend(change, "silent")
    with pytest.raises(ZeroDivisionError), practice.change() as change:
        intend(change, "faulty")
        change.tell("P1", "intent:made")
        raise ZeroDivisionError
    with pytest.raises(ValueError, match="reason"), practice.change() as change:
        intend(change, "wordy")
        change.tell("P1", "intent:made", reason="she felt watched")
    with pytest.raises(Conflict), practice.change() as change:
        change.tell("P1", "intent:made")
        intend(change, "twice")
        intend(change, "twice")
    assert intents(practice) == [] and practice.audit_verify() == before
    with practice.change() as change:
        intend(change, "told")
        change.tell("P1", "intent:made", subject="told", count=2)
    assert intents(practice) == ["told"] and practice.audit_verify(practice.audit_head()) == before + 1


def test_nothing_is_changed_before_the_practice_is_made(sqlite_stores: Stores) -> None:
    """Every way in says that there is no practice yet."""
    practice = begun(sqlite_stores, Master.made())
    for attempt in (practice.policy, lambda: practice.settle("P1", cosign_due=3), lambda: practice.change().__enter__()):
        with pytest.raises(NotKnown, match="no practice yet"):
            attempt()


def test_what_a_change_has_read_stays_true(stores: Stores) -> None:
    """Four at once, each reading the number of versions and writing the next: every number once, and nobody is sent away."""
    practice = of_tests.opened(stores)
    people.add_person(practice, Person("P1", "Ann Pell", Standing.CLINICIAN), by="setup")
    client = people.add_client(practice, "Maud Ferrier", "P1", by="P1").id
    made: list[int] = []

    def write() -> None:
        for _ in range(4):
            made.append(people.write_plan(practice, client, {"goals": []}, by="P1"))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == list(range(1, 17)) and practice.audit_verify(practice.audit_head()) == 19


# ── settled ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_settled_is_kept_and_told(practice: Practice) -> None:
    """One value changes and the rest stay; the trail has what it was set to."""
    assert practice.policy() == Policy()
    practice.settle("P1", cosign_due=3, chart="elsewhere")
    assert practice.policy() == Policy(cosign_due=3, chart="elsewhere")
    with practice.look() as connection:
        _, event = list(audit.events(connection))[-1]
    assert event["action"] == "policy:changed" and event["facts"] == {"cosign_due": 3, "chart": "elsewhere"}


@pytest.mark.parametrize(
    "values",
    [
        {"cosign_due": "soon"},
        {"cosign_due": -1},
        {"cosign_due": True},
        {"cosign_due": 1.5},
        {"chart": "both"},
        {"nothing": 1},
        {"payer": "Blue Cross of Ohio"},
        {"payer": ""},
        {"keep_years": 101},
        {"unsigned_purge": 36_501},
        {"actor": "P2"},
    ],
)
def test_what_is_no_setting_is_refused(practice: Practice, values: dict[str, object]) -> None:
    """An unknown name, also that of whoever asks, a value of another kind, beyond a hundred years, or words: refused by name, and nothing is changed
    or told."""
    before = practice.audit_verify()
    with pytest.raises(PolicyError, match=next(iter(values))) as told:
        practice.settle("P1", **values)
    assert "Blue" not in str(told.value)
    assert practice.policy() == Policy() and practice.audit_verify() == before


# ── an index that says nothing ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("José", "jose", True),
        ("JOSÉ", "Jose\u0301", True),
        ("Straße", "STRASSE", True),
        ("Ｍａｕｄ", "maud", True),
        ("Ann  Pell", " ann pell ", True),
        ("İpek", "ipek", True),
        ("Ann", "Anne", False),
        ("Ann Pell", "AnnPell", False),
        ("Løkke", "Lokke", False),
    ],
)
def test_a_name_is_the_same_however_it_is_spelled(practice: Practice, one: str, other: str, same: bool) -> None:
    """Case, accents, width and spaces make no difference; letters do."""
    assert (practice.token(one) == practice.token(other)) is same and len(practice.token(one)) == 32


def test_another_practice_has_another_index(practice: Practice, tmp_path: Path) -> None:
    """What an index says of one practice's names says nothing of another's."""
    elsewhere = of_tests.made("sqlite", tmp_path / "elsewhere", None)
    assert of_tests.opened(elsewhere).token("Maud") != practice.token("Maud")
    elsewhere.close()


def test_a_store_that_fails_is_no_change(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills while the event is written takes the change with it."""
    with practice.stores.record.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    sa.event.listen(practice.stores.record, "checkout", lambda raw, *_: raw.execute(f"PRAGMA max_page_count={pages}").close())
    with pytest.raises(StoreFailed, match="disk is full"), practice.change() as change:
        for number in range(2000):
            intend(change, f"i{number}")
        change.tell("P1", "intent:made")
    assert intents(practice) == []
