"""Print the figures of the desk, a line each, with its goal and their ratio: `make bench-service`. Run with nothing else on the machine.

`python -m bench.service [--only load] [--notes 100000] [--seconds 30] [--size 200] [--cases 10000] [--kills 100] [--seed 4]`. Everything that is made
on the way is removed again.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

from bench.record.places import folder
from bench.service.measure import of_figure
from drafting.pipeline import Engines, Work

TYPED = Path(__file__).parents[2] / "examples/dictation.txt"


@dataclass
class Asked:
    """What was asked for, and what the rooms work with, made when the first asks for it."""

    given: argparse.Namespace

    @cached_property
    def engines(self) -> Engines:
        from drafting import wiring
        from drafting.settings import read_settings

        return wiring.engines(read_settings({}))

    @cached_property
    def works(self) -> tuple[Work, ...]:
        """Finished drafts: a short one that can be signed once its header is filled, and a typical one."""
        from tests.dictated import work

        return work(self.engines), work(self.engines, TYPED.read_text(encoding="utf-8"))


def load(asked: Asked) -> Iterator[object]:
    from bench.service import load

    given = asked.given
    return load.measured(asked.works, notes=given.notes, rate=given.rate, seconds=given.seconds, seed=given.seed)


def upload(asked: Asked) -> Iterator[object]:
    from bench.service import upload

    return upload.measured(size=int(asked.given.size * 1e6))


def cases(asked: Asked) -> Iterator[object]:
    from bench.service import cases

    return cases.measured(asked.works, cases=asked.given.cases, seed=asked.given.seed)


def sizes(asked: Asked) -> Iterator[object]:
    from bench.service import sizes

    return sizes.measured()


def page(asked: Asked) -> Iterator[object]:
    from bench.service import page

    return page.measured(asked.engines)


def kills(asked: Asked) -> Iterator[object]:
    from bench import jobs

    return map(of_figure, chain.from_iterable(jobs.kills(engine, asked.given.kills, asked.given.seed) for engine in ("sqlite", "postgresql")))


def workers(asked: Asked) -> Iterator[object]:
    from bench import jobs

    return map(of_figure, jobs.pairs())


ROOMS: Mapping[str, Callable[[Asked], Iterator[object]]] = {room.__name__: room for room in (sizes, load, upload, page, cases, kills, workers)}


def main() -> None:
    parser = argparse.ArgumentParser(description="The figures of the desk.")
    parser.add_argument("--only", action="append", choices=[*ROOMS], help="this figure alone; may be given again")
    parser.add_argument("--notes", type=int, default=100_000, help="notes of the large practice (100,000)")
    parser.add_argument("--rate", type=float, default=50, help="requests a second (50)")
    parser.add_argument("--seconds", type=float, default=30, help="for how long (30)")
    parser.add_argument("--size", type=float, default=200, help="MB of the recording that is sent (200)")
    parser.add_argument("--cases", type=int, default=10_000, help="requests drawn from the API's description (10,000)")
    parser.add_argument("--kills", type=int, default=100, help="kills of the worker on each engine (100)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of all that is drawn; another each time if not given")
    given = parser.parse_args()
    print(f"seed {given.seed}")
    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")
    from drafting import wiring

    wiring.mask_torch()
    asked = Asked(given)
    with folder() as runtime:
        os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
        for name in given.only or ROOMS:
            began = time.perf_counter()
            for figure in ROOMS[name](asked):
                print(figure, flush=True)
            print(f"{'':4}{name} took {time.perf_counter() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
