"""How far a job is: what is written down, how often, and the time that is left."""

from __future__ import annotations

from contextlib import closing

import pytest

from drafting.jobs import progress
from drafting.jobs.database import Database
from drafting.jobs.progress import Board, Cancelled, Progress, Slate, Ticker, told_of
from drafting.record import workbench
from drafting.record.store import Stores
from drafting.types.record import Stage
from tests.desks import desk


class Ticks:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def test_time_that_is_left_follows_from_the_share_that_is_done() -> None:
    """A quarter after 30 seconds leaves 90; too little done, or no share, leaves nothing to say; each step begins anew."""
    slate, now = Slate(), Ticks()
    tell = Ticker(slate, "E1", clock=now)
    tell("transcribe", None)
    assert slate.read("E1") == Progress("E1", "transcribe")
    now.at = 2
    tell("transcribe", 0.01)
    assert slate.read("E1") == Progress("E1", "transcribe", 0.01)
    now.at = 30
    tell("transcribe", 0.25)
    assert slate.read("E1") == Progress("E1", "transcribe", 0.25, 90.0)
    now.at = 31
    tell("write", None)
    now.at = 41
    tell("write", 0.5)
    assert slate.read("E1") == Progress("E1", "write", 0.5, 10.0)


def test_it_is_written_down_once_a_pause_and_at_each_step() -> None:
    """A writer that tells of every word is not written down at every word."""
    slate, now = Slate(), Ticks()
    tell = Ticker(slate, "E1", pause=1.0, clock=now)
    for word in range(100):
        now.at = word / 100
        tell("write", word / 100)
    assert slate.read("E1") == Progress("E1", "write", 0.0)
    now.at = 1.0
    tell("write", 0.8)
    assert slate.read("E1").share == 0.8
    tell("screen", None)
    assert slate.read("E1") == Progress("E1", "screen")


def test_whoever_writes_after_a_stop_is_told_to_stop(sqlite_stores: Stores) -> None:
    """Until the job begins again, in memory as in the database, and whether or not anything was known of it before."""
    with closing(Database(desk(sqlite_stores).practice, progress.TABLES)) as database:
        for kept in (Slate(), Board(database)):
            for encounter in ("E1", "E2"):
                assert kept.read(encounter) is None
                if encounter == "E2":
                    kept.write(Progress("E2", "read"))
                kept.cancel(encounter)
                assert kept.read(encounter).failure == "cancelled"
                with pytest.raises(Cancelled):
                    kept.write(Progress(encounter, "write"))
                kept.begin(encounter)
                kept.write(Progress(encounter, "write", 0.5, 3.0))
                assert kept.read(encounter) == Progress(encounter, "write", 0.5, 3.0)


def test_a_board_is_the_same_from_every_process(stores: Stores) -> None:
    """What one connection writes another reads, on either engine; a job that begins anew is at no step."""
    practice = desk(stores).practice
    with closing(Database(practice, progress.TABLES)) as one, closing(Database(practice, progress.TABLES)) as other:
        Board(one).write(Progress("E1", "read", 0.25, 1.0))
        assert Board(other).read("E1") == Progress("E1", "read", 0.25, 1.0)
        Board(other).begin("E1")
        assert Board(one).read("E1") == Progress("E1")


def test_what_the_record_says_goes_before_what_is_under_way(sqlite_stores: Stores) -> None:
    """An encounter that failed or stands is told as such, whatever was written last."""
    here, now = desk(sqlite_stores), Progress("E1", "write", 0.5)
    name = here.encounter()
    assert told_of(workbench.find(here.practice, name), now) == now
    assert told_of(workbench.find(here.practice, name), None) == Progress(name)
    workbench.progress(here.practice, name, Stage.FAILED, "no_speech")
    assert told_of(workbench.find(here.practice, name), now) == Progress(name, failure="no_speech")
    workbench.put(here.practice, name, "review", 1, b"{}", by="worker")
    assert told_of(workbench.find(here.practice, name), now) == Progress(name, done=True)
