"""Which workers live: each counts up a number of its own, and one whose number stands still, or whose process is gone, is dead.

In: a worker's name, a clock. Out: the names of dead workers, whose jobs others go on with. Knows no job and nobody's clock but its own: machines
whose clocks differ agree.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from sqlalchemy import Column, Integer, MetaData, String, Table, delete, insert, select, update

from drafting.jobs.database import Database

TABLES = MetaData()
_WORKERS = Table(
    "aside_workers",
    TABLES,
    Column("id", String(64), primary_key=True),
    Column("place", String(128), nullable=False),
    Column("process", Integer, nullable=False),
    Column("beats", Integer, nullable=False),
)


class Roll:
    """The roll of workers, as one of them, `me`, keeps it. One that has not counted for `patience` seconds, as this process measures them, is dead.
    Raises StoreFailed."""

    def __init__(self, database: Database, me: str, *, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._database, self._me, self._patience, self._clock = database, me, patience, clock
        self._seen: dict[str, tuple[int | None, float]] = {}
        self._place, self._process, self._beats = place(), os.getpid(), 0

    def beat(self) -> None:
        """Count up; one who was taken for dead is on the roll again."""
        self._beats += 1
        with self._database.change() as connection:
            if not connection.execute(update(_WORKERS).where(_WORKERS.c.id == self._me).values(beats=self._beats)).rowcount:
                connection.execute(insert(_WORKERS).values(id=self._me, place=self._place, process=self._process, beats=self._beats))

    def dead(self, workers: Iterable[str]) -> list[str]:
        """Which of `workers` are dead. One who is not on the roll is given the same time to come."""
        with self._database.change() as connection:
            rows = {row.id: row for row in connection.execute(select(_WORKERS))}
        now = self._clock()
        self._seen = {name: self._looked(name, rows[name].beats if name in rows else None, now) for name in workers if name != self._me}
        return [name for name, (_, since) in self._seen.items() if now - since >= self._patience or (name in rows and self._gone(rows[name]))]

    def strike(self, workers: Iterable[str]) -> None:
        """Take workers off the roll."""
        with self._database.change() as connection:
            connection.execute(delete(_WORKERS).where(_WORKERS.c.id.in_(list(workers))))

    def _looked(self, name: str, beats: int | None, now: float) -> tuple[int | None, float]:
        """What a worker's number is, and since when."""
        before = self._seen.get(name)
        return before if before and before[0] == beats else (beats, now)

    def _gone(self, row: object) -> bool:
        """Whether a worker of this machine has no process any more, or had the one that is ours now."""
        if not self._place or row.place != self._place:
            return False
        if row.process == self._process:
            return True
        try:
            os.kill(row.process, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        return False


def place() -> str:
    """This machine since it was started, and which processes can be seen here; empty where the system does not tell, and then nobody's are looked
    at."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip() + str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
