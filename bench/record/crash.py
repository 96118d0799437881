"""Crashes: a process at work, killed at a random moment, again and again, in a practice that grows older.

In: a place, a finished draft, how often, a seed. Out: faults of what the kills left, and figures. Knows no table. A kill ends a process and not the
machine: what the disk itself forgets is `failing`'s. On PostgreSQL now and then a process of the server is killed as well, so that the server goes
through its own recovery.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import sqlalchemy as sa

from bench.record import places
from bench.record.figure import Figure, none_of
from bench.record.ledger import Ledger
from bench.record.life import live
from bench.record.places import Place
from bench.record.whole import Fault, Trail, faults
from drafting.errors import StoreFailed
from drafting.pipeline import Work
from drafting.record.workbench import moves

CALLS = 30
"""A process is killed within the time that one takes for so many calls: more than an encounter needs from its receipt to its shredding."""

EVERY = 20
"""One kill in so many takes a process of the PostgreSQL server, too."""

SERVER_GONE = ("store_failed", "store_uncertain")
_WAIT = 60


@dataclass(slots=True)
class Aftermath:
    """What became of so many kills."""

    kills: int = 0
    of_the_server: int = 0
    ledger: Ledger = field(default_factory=Ledger)
    faults: list[Fault] = field(default_factory=list)

    def of(self, kind: str) -> list[Fault]:
        return list(dict.fromkeys(fault for fault in self.faults if fault.kind == kind))


def crashed(place: Place, work: Work, kills: int, seed: int, *, calls: int = CALLS, every: int = EVERY) -> Aftermath:
    """Kill a process at work `kills` times, and look at what is left after each. `every`: how often a process of the server goes too; 0: never."""
    chance, after, trail = random.Random(seed), Aftermath(), Trail()
    span, told = timed(place, work, chance.randrange(2**32), calls)
    after.faults += looked(place, work, after.ledger, trail, after.ledger.enter(told))
    for number in range(1, kills + 1):
        server_too = bool(every) and place.engine == "postgresql" and number % every == 0
        told = killed(place, work, chance.randrange(2**32), chance.uniform(0, span), server_too=server_too)
        after.kills, after.of_the_server = number, after.of_the_server + server_too
        touched = after.ledger.enter(told)
        after.faults += looked(place, work, after.ledger, trail, touched)
    after.faults += looked(place, work, after.ledger, trail, set(after.ledger.known))
    return after


def timed(place: Place, work: Work, seed: int, calls: int) -> tuple[float, bytes]:
    """How long a process takes for so many calls, in seconds; and what it said until it was killed after them."""
    with child(lambda pipe: live(place, work, seed, pipe)) as (pid, pipe):
        told = os.read(pipe, 65536)
        began = time.monotonic()
        while told.count(b'{"done"') < calls and (piece := os.read(pipe, 65536)):
            told += piece
        taken = time.monotonic() - began
        os.kill(pid, signal.SIGKILL)
        return taken, told + rest(pipe)


def killed(place: Place, work: Work, seed: int, moment: float, *, server_too: bool = False) -> bytes:
    """What a process said that was killed `moment` seconds after it began to work."""
    with child(lambda pipe: live(place, work, seed, pipe)) as (pid, pipe):
        told = os.read(pipe, 65536)  # it says that it is ready
        time.sleep(moment)
        if server_too:
            _kill_backend(place)
        os.kill(pid, signal.SIGKILL)
        return told + rest(pipe)


@contextmanager
def child(run: Callable[[int], None]) -> Iterator[tuple[int, int]]:
    """A forked process that does `run` with the writing end of a pipe; its id, and the reading end. It has ended when the block has."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(reading)
            run(writing)
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    try:
        yield pid, reading
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(reading)


def rest(pipe: int) -> bytes:
    """All that is still in a pipe, until its other end is closed."""
    told = b""
    while piece := os.read(pipe, 65536):
        told += piece
    return told


def looked(place: Place, work: Work, ledger: Ledger, trail: Trail, touched: set[str]) -> list[Fault]:
    """Begin a process as the product does, with a sweep, and look whether everything is whole."""
    with place.practice() as practice:
        end = time.monotonic() + _WAIT
        while True:
            try:
                moves.sweep(practice)
                practice.keyring.scrub()
                return list(faults(practice, place, work, ledger, trail, touched))
            except StoreFailed:  # a server that is still recovering
                if place.engine == "sqlite" or time.monotonic() > end:
                    raise
                time.sleep(0.2)


def _kill_backend(place: Place) -> None:
    """Kill the server's process that works for the record, as the kernel does when memory is short: the server ends all the others and recovers."""
    engine = sa.create_engine(place.urls[0], poolclass=sa.NullPool)
    with suppress(sa.exc.OperationalError), engine.connect() as connection:  # the server ends ours too
        query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        for pid in connection.exec_driver_sql(query).scalars().all():
            os.kill(pid, signal.SIGKILL)


# ── figures ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def measured(engine: str, work: Work, kills: int, seed: int) -> Iterator[Figure]:
    """The figures of `kills` kills on `engine`."""
    with places.place(engine) as place:
        after = crashed(place, work, kills, seed)
    cut = Counter(after.ledger.cut)
    within = sum(cut.values()) - cut["between"]
    n = f"{after.kills} kills, {within} within a call, {after.ledger.acknowledged:,} acknowledged"
    yield none_of("crash: acknowledged writes lost", engine, n, len(after.of("lost")))
    yield none_of("crash: double signatures", engine, n, len(after.of("double")))
    yield none_of("crash: half states after a sweep", engine, n, len(after.of("half")))
    broken = [
        f"{code}: {line}" for code, lines in after.ledger.refused.items() if code not in SERVER_GONE or not after.of_the_server for line in lines
    ]
    yield none_of("crash: calls that what was cut stood in the way of", engine, n, len(broken))
    for line in [f"{fault.kind}: {fault.what}" for fault in dict.fromkeys(after.faults)][:20] + broken[:20]:
        print(f"    {line}")
    print("    cut within: " + ", ".join(f"{what} {count}" for what, count in cut.most_common()))
