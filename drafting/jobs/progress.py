"""How far a job is, where any process can read it: ids, names of steps and numbers.

In: steps and the shares of them that are done. Out: `Progress`, with an estimate of the time that is left of the step. Knows no word and no engine.
`Board` keeps it in the jobs' database; `Slate` in the memory of one process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Column, Float, Integer, MetaData, String, Table, select, update
from sqlalchemy.dialects import postgresql, sqlite

from drafting.errors import RecordError
from drafting.jobs.database import Database
from drafting.types.record import Encounter, Stage

TABLES = MetaData()
_PROGRESS = Table(
    "aside_progress",
    TABLES,
    Column("encounter", String(64), primary_key=True),
    Column("cancelled", Integer, nullable=False, default=0),
    Column("step", String(16)),
    Column("share", Float),
    Column("left", Float),
)
_SOONEST = 0.02  # of a step must be done before the rest is estimated


class Cancelled(RecordError):
    """The job was stopped."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an encounter's words have come. `step`: the one under way, None while the job waits; `share` of it that is done, 0 to 1, and seconds
    that are `left` of it, an estimate, both None where that is not known; `failure`: a code; `done`: the draft stands."""

    encounter: str
    step: str | None = None
    share: float | None = None
    left: float | None = None
    failure: str | None = None
    done: bool = False


def told_of(there: Encounter, now: Progress | None) -> Progress:
    """What to say of an encounter: whether it is done or has failed the record says, the rest `now`."""
    if there.version or there.stage is Stage.DRAFTED:
        return Progress(there.id, done=True)
    if there.stage is Stage.FAILED:
        return Progress(there.id, failure=there.failure)
    return now or Progress(there.id)


class Kept(Protocol):
    """Where progress is kept."""

    def begin(self, encounter: str) -> None:
        """A job begins: nothing is known of it, and it is not cancelled."""
        ...

    def write(self, now: Progress) -> None:
        """Raises Cancelled."""
        ...

    def cancel(self, encounter: str) -> None:
        """Whoever writes next is told to stop."""
        ...

    def read(self, encounter: str) -> Progress | None: ...


class Slate:
    """Progress in memory, for jobs that are done in the process that asks."""

    def __init__(self) -> None:
        self._rows: dict[str, Progress] = {}

    def begin(self, encounter: str) -> None:
        self._rows[encounter] = Progress(encounter)

    def write(self, now: Progress) -> None:
        if self._rows.get(now.encounter, now).failure:
            raise Cancelled()
        self._rows[now.encounter] = now

    def cancel(self, encounter: str) -> None:
        self._rows[encounter] = Progress(encounter, failure=Cancelled.code)

    def read(self, encounter: str) -> Progress | None:
        return self._rows.get(encounter)


class Board:
    """Progress in the jobs' database. Raises StoreFailed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, encounter: str) -> None:
        self._put(encounter, cancelled=0)

    def write(self, now: Progress) -> None:
        values = {"step": now.step, "share": now.share, "left": now.left}
        mine = _PROGRESS.c.encounter == now.encounter
        with self._database.change() as connection:
            if connection.execute(update(_PROGRESS).where(mine, _PROGRESS.c.cancelled == 0).values(values)).rowcount:
                return
            if connection.scalar(select(_PROGRESS.c.cancelled).where(mine)):
                raise Cancelled()
        self._put(now.encounter, cancelled=0, **values)

    def cancel(self, encounter: str) -> None:
        self._put(encounter, cancelled=1)

    def read(self, encounter: str) -> Progress | None:
        with self._database.change() as connection:
            row = connection.execute(select(_PROGRESS).where(_PROGRESS.c.encounter == encounter)).first()
        return row and Progress(encounter, row.step, row.share, row.left, Cancelled.code if row.cancelled else None)

    def _put(self, encounter: str, **values: object) -> None:
        """Write a row, whatever is there."""
        row = {"encounter": encounter, "step": None, "share": None, "left": None, **values}
        put = (sqlite if self._database.local else postgresql).insert(_PROGRESS).values(row)
        with self._database.change() as connection:
            connection.execute(put.on_conflict_do_update(index_elements=[_PROGRESS.c.encounter], set_=row))


class Ticker:
    """Hears how far the steps of one encounter are (`way.Told`), and writes it down at most once a `pause` (seconds), and at the start of each step.
    What is left is estimated from how fast the share has come since the step began."""

    def __init__(self, kept: Kept, encounter: str, *, pause: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._kept, self._encounter, self._pause, self._clock = kept, encounter, pause, clock
        self._step: str | None = None
        self._begun = self._written = 0.0

    def __call__(self, step: str, share: float | None) -> None:
        now = self._clock()
        if step != self._step:
            self._step, self._begun = step, now
        elif now - self._written < self._pause:
            return
        self._written = now
        left = round((now - self._begun) / share * (1 - share), 1) if share and share >= _SOONEST else None
        self._kept.write(Progress(self._encounter, step, share, left))
