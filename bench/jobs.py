"""Jobs, killed and multiplied: what becomes of them when their worker dies at any moment, and what a second worker is worth.

In: a practice in its databases, scripted engines that sleep. Out: faults, and figures with their goals: `python -m bench.jobs [--kills N]`.
The engines wait and do not think, as if another machine did the work. Workers are processes of their own, each forked from one that has no
connection.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import random
import time
import wave
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import chain
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from sqlalchemy import func, select

from bench.record import places
from bench.record.figure import Figure, none_of
from bench.record.places import Place
from drafting.jobs import STEPS, Tools
from drafting.jobs.runner import DurableJobs
from drafting.jobs.worker import Pace, Worker
from drafting.pipeline import Engines
from drafting.record import vault, workbench
from drafting.record.keys import WORKER
from drafting.record.practice import Practice
from drafting.record.store.tables.record import AUDIT, WORK
from drafting.record.vault import Why
from drafting.record.workbench import drafted, media, visits
from drafting.record.workbench.visits import RECORDING, TYPED, Visit
from drafting.types import (
    Clause,
    Draft,
    DraftSentence,
    NoteFormat,
    PhiFinding,
    Reading,
    Recording,
    RecordStatement,
    Role,
    Route,
    Transcript,
    Utterance,
)
from drafting.types.record import Stage

KILLS, ENCOUNTERS, PAIRED = 100, 20, 32
LINES = ("Client slept six hours on most nights.", "I was distracted by the ochre lampshade.", "Client walks to work again.")
PRIVATE = LINES[1]
DAY = date(2026, 11, 17)
_LIVE, _EARLY = (0.0, 1.2), 0.1  # seconds from readiness to a kill; the share of kills that come before it
_PATIENCE = 600


# ── engines that wait ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Scripted:
    """Every engine at once: a clause a line, a sentence a clause, and `seconds` of waiting wherever one is asked."""

    seconds: float
    name: str = "scripted"
    preview: bool = False

    def transcribe(self, recording: Recording, start: float = 0.0) -> Iterator[Utterance]:
        time.sleep(self.seconds)
        for number, line in enumerate(LINES):
            yield Utterance(line, start + number * 0.1, start + number * 0.1 + 0.1)

    def read(self, transcript: Transcript) -> Reading:
        time.sleep(self.seconds)
        clauses, at = [], 0
        for line in transcript.text.split("\n"):
            route = Route.PRIVATE if line == PRIVATE else Route.RECORD
            clauses.append(Clause(at, at + len(line), {r: float(r is route) for r in Route}, {r: float(r is Role.REPORT) for r in Role}))
            at += len(line) + 1
        return Reading(tuple(clauses))

    def write(self, statements: Sequence[RecordStatement], note_format: NoteFormat, _context: object) -> Draft:
        time.sleep(self.seconds)
        return Draft(note_format, tuple(DraftSentence(note_format.section_of(s.role).key, s.words, (s.id,)) for s in statements), self.name)

    def scan(self, _text: str, _context: object, _profile: str = "chart") -> tuple[PhiFinding, ...]:
        return ()

    @property
    def tools(self) -> Tools:
        return Tools(lambda _writer, _told: Engines(self, self, self), lambda _asr: self)


# ── workers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Hired:
    """What a worker's process is told: where it works, how slow its engines are, and where it notes each step that it begins."""

    place: Place
    seconds: float
    pace: Pace
    ledger: Path
    life: int = 0


class _Noting(Worker):
    """A worker that notes which steps it begins."""

    hired: Hired

    def _step(self, step: str, encounter: str) -> str:
        with self.hired.ledger.open("ab", buffering=0) as file:
            file.write(f"{self.hired.life} {encounter} {step}\n".encode())
        return super()._step(step, encounter)


def _work(hired: Hired, told: object) -> None:
    """A worker's whole life."""
    with hired.place.practice() as practice:
        worker = _Noting(practice, Scripted(hired.seconds).tools, hired.pace)
        worker.hired = hired
        worker.start()
        told.send(os.getpid())
        told.recv()
        worker.stop()


@contextmanager
def hire(hired: Hired) -> Iterator[tuple[ForkServerProcess, object]]:
    """A worker's process, and a pipe that says when it is ready; killed at the end, if it is not before."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bench.record.places", "drafting.jobs.worker"])
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(hired, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield process, ours
    finally:
        process.kill()
        process.join()
        ours.close()


# ── what is taken in, and what became of it ───────────────────────────────────────────────────────────────────────────


def take_in(place: Place, practice: Practice, jobs: DurableJobs, count: int) -> list[str]:
    """So many encounters submitted, every other one a recording."""
    ids = []
    for number in range(count):
        encounter = workbench.receive(practice, place.clients[number % len(place.clients)], place.colleague.person, DAY).id
        name, body = (RECORDING, _silence()) if number % 2 else (TYPED, "\n".join(LINES).encode())
        visits.put(practice, encounter, Visit(media=name), by=place.colleague.person)
        media.put(practice, encounter, name, [body])
        jobs.submit(encounter)
        ids.append(encounter)
    return ids


def _silence() -> bytes:
    body = io.BytesIO()
    with wave.open(body, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(16_000))
    return body.getvalue()


def finished(jobs: DurableJobs, ids: Sequence[str]) -> bool:
    return all((now := jobs.progress(one)).done or now.failure for one in ids)


def wait(jobs: DurableJobs, ids: Sequence[str], patience: float = _PATIENCE) -> bool:
    """Whether all are done within so many seconds, and their workflows over."""
    end, left = time.monotonic() + patience, list(ids)
    while time.monotonic() < end:
        while left and finished(jobs, left[-1:]) and jobs.statuses(left[-1]) <= {"SUCCESS"}:
            left.pop()
        if not left:
            return True
        time.sleep(0.1)
    return False


def lost(place: Place, practice: Practice, ids: Sequence[str]) -> Iterator[str]:
    """What of each encounter is not there, whole and to be opened by its author."""
    for one in ids:
        there = workbench.find(practice, one)
        if there.stage is not Stage.DRAFTED or there.version != 1:
            yield f"{one} is {there.stage} ({there.failure})"
            continue
        review = drafted.load(practice, one, place.colleague.opener)
        notes = vault.listed(practice, place.colleague.person, encounter=one)
        private = [vault.read(practice, note.id, place.colleague, Why.OWN_TREATMENT) for note in notes]
        if {s.text for s in review.sentences} != {LINES[0], LINES[2]} or PRIVATE not in private:
            yield f"{one} has lost words"


def doubled(place: Place, practice: Practice, jobs: DurableJobs, ids: Sequence[str]) -> Iterator[str]:
    """What of each encounter is there twice, or should not be there any more."""
    with practice.look() as connection:
        told = [body for body in connection.scalars(select(AUDIT.c.body)) if b'"drafted"' in body]
        rows = connection.execute(select(WORK.c.encounter, WORK.c.kind, func.count()).group_by(WORK.c.encounter, WORK.c.kind)).all()
    kinds = Counter({(encounter, kind): count for encounter, kind, count in rows})
    for one in ids:
        if [kinds[one, kind] for kind in ("source", "review", "transcript", "draft")] != [1, 1, 0, 0]:
            yield f"{one} has work that it should not have"
        if sum(f'"{one}"'.encode() in body for body in told) != 1:
            yield f"{one} came to stand more than once"
        if len(vault.listed(practice, place.colleague.person, encounter=one)) != 1:
            yield f"{one} has its private words twice"
        if WORKER in practice.keyring.holders_of(workbench.holder(one)):
            yield f"{one} can still be opened by the worker"
        if jobs.statuses(one) != {"SUCCESS"}:
            yield f"{one} has a workflow that is not over"


def repeated(ledger: Path) -> Iterator[str]:
    """Steps begun more often than the kills explain: twice in one worker's life, or more than one of an encounter again after a kill; and a step
    that was begun before an earlier one was done with."""
    seen: dict[str, list[tuple[int, str]]] = {}
    for line in ledger.read_text(encoding="ascii").splitlines():
        life, encounter, step = line.split()
        seen.setdefault(encounter, []).append((int(life), step))
    for encounter, begun in seen.items():
        if max(Counter(begun).values()) > 1:
            yield f"{encounter}: a step twice in one life"
        order = [STEPS.index(step) for _, step in begun]
        if order != sorted(order):
            yield f"{encounter}: a step that was done is done again"
        again = Counter(life for n, (life, step) in enumerate(begun) if step in {s for _, s in begun[:n]})
        if again and max(again.values()) > 1:
            yield f"{encounter}: two steps again after one kill"


# ── figures ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Kills:
    """What so many kills left."""

    kills: int
    encounters: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    repeated: tuple[str, ...]
    again: int


def killed(place: Place, ledger: Path, kills: int, seed: int, *, seconds: float = 0.3, encounters: int = ENCOUNTERS) -> Kills:
    """Kill a worker so many times while it has something to do, at random moments; then let one finish, and look."""
    chance, pace = random.Random(seed), Pace(speech=2, writers=3, poll=0.1, beat=0.3, patience=5, mend=3, attempts=10_000)
    ids: list[str] = []
    with place.practice() as practice:
        jobs = DurableJobs(practice)
        for life in range(kills):
            if finished(jobs, ids):
                ids += take_in(place, practice, jobs, encounters)
            with hire(Hired(place, seconds, pace, ledger, life)) as (_, ours):
                early = chance.random() < _EARLY
                if not early:
                    ours.recv()
                time.sleep(chance.uniform(*_LIVE))
        with hire(Hired(place, seconds, pace, ledger, kills)):
            wait(jobs, ids)
        faults = (tuple(lost(place, practice, ids)), tuple(doubled(place, practice, jobs, ids)), tuple(repeated(ledger)))
        begun = ledger.read_text(encoding="ascii").splitlines()
        jobs.close()
    return Kills(kills, len(ids), *faults, len(begun) - len(STEPS) * len(ids))


def throughput(place: Place, ledger: Path, workers: int, *, count: int = PAIRED, seconds: float = 1.0) -> float:
    """Encounters a second that so many workers finish, all at work before the first is submitted."""
    pace = Pace(speech=4, writers=4, poll=0.1, beat=1, patience=20)
    with place.practice() as practice:
        jobs = DurableJobs(practice)
        with ExitStack() as stack:
            for n in range(workers):
                _, ours = stack.enter_context(hire(Hired(place, seconds, pace, ledger, n)))
                ours.recv()
            ids = _typed(place, practice, count)
            began = time.perf_counter()
            for one in ids:
                jobs.submit(one)
            if not wait(jobs, ids):
                raise SystemExit("the jobs did not end")
            taken = time.perf_counter() - began
        jobs.close()
    return count / taken


def _typed(place: Place, practice: Practice, count: int) -> list[str]:
    """Encounters that are whole and not submitted."""
    ids = []
    for number in range(count):
        encounter = workbench.receive(practice, place.clients[number % len(place.clients)], place.colleague.person, DAY).id
        visits.put(practice, encounter, Visit(), by=place.colleague.person)
        media.put(practice, encounter, TYPED, ["\n".join(LINES).encode()])
        ids.append(encounter)
    return ids


def kills(engine: str, count: int, seed: int) -> Iterator[Figure]:
    with places.place(engine) as place:
        found = killed(place, place.files.parent / "steps", count, seed)
    n = f"{found.kills} kills, {found.encounters} encounters, seed {seed}"
    for what, faults in (("lost", found.lost), ("doubled", found.doubled), ("steps again beyond one a kill", found.repeated)):
        yield none_of(f"kill -9 the worker: {what}", engine, n, len(faults))
        for fault in faults[:5]:
            print(f"{'':4}{fault}")
    yield Figure("kill -9 the worker: steps begun again", engine, n, str(found.again))


def pairs() -> Iterator[Figure]:
    rates = []
    with places.place("postgresql") as place:
        for workers in (1, 2):
            rates.append(throughput(place, place.files.parent / f"steps{workers}", workers))
    one, two = rates
    yield Figure("one worker, waiting-bound, encounters a second", "postgresql", str(PAIRED), f"{one:.2f}")
    yield Figure("two workers over one", "postgresql", str(PAIRED), f"{two / one:.2f}", "≥ 1.7", two / one >= 1.7)


def main() -> None:
    asked = argparse.ArgumentParser(description="Jobs, killed and multiplied.")
    asked.add_argument("--kills", type=int, default=KILLS, metavar="N", help="how often the worker is killed, on each engine")
    asked.add_argument("--seed", type=int, default=int(time.time()), help="of the moments")
    asked.add_argument("--only", choices=("kills", "pairs"), help="only these figures")
    given = asked.parse_args()
    rooms: dict[str, Callable[[], Iterator[Figure]]] = {
        "kills": lambda: chain.from_iterable(kills(engine, given.kills, given.seed) for engine in ("sqlite", "postgresql")),
        "pairs": pairs,
    }
    for name in [given.only] if given.only else rooms:
        for figure in rooms[name]():
            verdict = "" if figure.met is None else "met" if figure.met else "FALLS SHORT"
            print(f"{figure.what:58} {figure.engine:10} {figure.result:>8}  {figure.goal:6} {verdict:11}  n: {figure.n}", flush=True)


if __name__ == "__main__":
    main()
