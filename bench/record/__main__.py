"""Print the figures of the record, a line each, with n, the result and its goal: `make bench-record`. Run with nothing else on the machine.

`python -m bench.record [--only crash] [--engine sqlite] [--kills 300] [--runs 60] [--seed 4]`. Everything that is made on the way is removed again.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from bench.record.figure import Figure
from drafting.pipeline import Engines, Work

ENGINES = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for, and what the rooms work with."""

    kills: int
    runs: int
    seed: int
    engines: Engines
    work: Work


def crash(engine: str, asked: Asked) -> Iterator[Figure]:
    from bench.record import crash

    return crash.measured(engine, asked.work, asked.kills, asked.seed)


def failing(engine: str, asked: Asked) -> Iterator[Figure]:
    from bench.record import failing

    return failing.measured(engine, asked.work, asked.runs, asked.seed)


def canary(engine: str, asked: Asked) -> Iterator[Figure]:
    from bench.record import canary

    return canary.measured(engine, asked.engines)


def shredded(engine: str, asked: Asked) -> Iterator[Figure]:
    from bench.record import shredded

    return shredded.measured(engine, asked.work)


def scale(engine: str, asked: Asked) -> Iterator[Figure]:
    from bench.record import scale

    return scale.measured(engine, asked.work, asked.seed)


def tamper(engine: str, asked: Asked) -> Iterator[Figure]:
    from bench import tamper

    rows = tamper.tamper(getattr(tamper, engine), seed=asked.seed)
    for row in rows:
        result = f"{row.found / row.tried:.0%}, {row.false_alarms}"
        whole = row.found == row.placed == row.tried and not row.false_alarms
        yield Figure(f"tamper: {row.kind}, found and false alarms", engine, f"{row.tried} times, {tamper.EVENTS:,} events", result, "100%, 0", whole)
    speed = min(row.speed for row in rows)
    yield Figure(
        "tamper: events walked in a second", engine, f"{len(rows)} medians, the slowest", f"{speed:,.0f}", f"≥ {tamper.GOAL:,}", speed >= tamper.GOAL
    )


ROOMS: Mapping[str, Callable[[str, Asked], Iterator[Figure]]] = {room.__name__: room for room in (crash, tamper, failing, canary, shredded, scale)}


def main() -> None:
    parser = argparse.ArgumentParser(description="The figures of the record, on SQLite and on PostgreSQL.")
    parser.add_argument("--only", action="append", choices=[*ROOMS], help="this figure alone; may be given again")
    parser.add_argument("--engine", choices=ENGINES, help="on this engine alone")
    parser.add_argument("--kills", type=int, default=300, help="kills on each engine (300)")
    parser.add_argument("--runs", type=int, default=60, help="runs on failing disks (60)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of all that is drawn; another each time if not given")
    given = parser.parse_args()
    print(f"seed {given.seed}")
    engines = (given.engine,) if given.engine else ENGINES
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
    from bench.record.places import folder

    with folder() as runtime:
        os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
        asked = _asked(given)
        for name in given.only or ROOMS:
            for engine in engines:
                _print(name, engine, ROOMS[name](engine, asked))


def _asked(given: argparse.Namespace) -> Asked:
    """The engines that draft, and one finished draft for every room that needs one."""
    from drafting import wiring
    from drafting.settings import read_settings
    from tests.dictated import work

    wiring.mask_torch()
    engines = wiring.engines(read_settings({}))
    return Asked(given.kills, given.runs, given.seed, engines, work(engines))


def _print(room: str, engine: str, figures: Iterator[Figure]) -> None:
    began = time.perf_counter()
    for figure in figures:
        verdict = "" if figure.met is None else "met" if figure.met else "FALLS SHORT"
        goal = f"goal {figure.goal}" if figure.goal and figure.met is not None else figure.goal
        print(f"{figure.what:58} {figure.engine:10} {figure.result:>10}  {goal:10} {verdict:11}  n: {figure.n}", flush=True)
    print(f"{'':4}{room} on {engine} took {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
