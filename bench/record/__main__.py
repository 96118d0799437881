"""Print the figures of the record, a line each, with n, the result and its goal: `make bench-record`. Run with nothing else on the machine.

`python -m bench.record [--only crash] [--engine sqlite] [--kills 300] [--runs 60] [--seed 4]`. Everything that is made on the way is removed again.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
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


ROOMS: Mapping[str, Callable[[str, Asked], Iterator[Figure]]] = {
    room.__name__: room for room in (crash, failing, canary, shredded, scale)
}
TAMPER = "tamper"


def main() -> None:
    parser = argparse.ArgumentParser(description="The figures of the record, on SQLite and on PostgreSQL.")
    parser.add_argument("--only", action="append", choices=[*ROOMS, TAMPER], help="this figure alone; may be given again")
    parser.add_argument("--engine", choices=ENGINES, help="on this engine alone")
    parser.add_argument("--kills", type=int, default=300, help="kills on each engine (300)")
    parser.add_argument("--runs", type=int, default=60, help="runs on failing disks (60)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of all that is drawn; another each time if not given")
    given = parser.parse_args()
    print(f"seed {given.seed}")
    wanted, engines = given.only or [*ROOMS, TAMPER], (given.engine,) if given.engine else ENGINES
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
    from bench.record.places import folder

    with folder() as runtime:
        os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
        rooms = [name for name in wanted if name in ROOMS]
        asked = _asked(given) if rooms else None
        for name in rooms:
            for engine in engines:
                _print(name, engine, ROOMS[name](engine, asked))
    if TAMPER in wanted and importlib.util.find_spec("bench.tamper"):
        importlib.import_module("bench.tamper").main()


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
