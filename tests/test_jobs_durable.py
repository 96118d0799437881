"""Durable jobs: workers that are killed, jobs that fail and are tried again, and what their database knows of anybody."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.jobs import LINES, Scripted, doubled, lost, take_in, wait
from bench.record import places
from bench.record.places import Place
from drafting.errors import KeyWrong
from drafting.jobs import Tools
from drafting.jobs.database import Database
from drafting.jobs.progress import Progress
from drafting.jobs.runner import DurableJobs, writing
from drafting.jobs.sealed import JobFailed, Sealing
from drafting.jobs.sweeping import TABLES, Roll
from drafting.jobs.worker import Pace, Worker
from drafting.pipeline import Engines
from drafting.record import workbench
from drafting.record.store import Stores
from drafting.record.workbench import media, visits
from drafting.record.workbench.media import NotWhole
from drafting.record.workbench.visits import TYPED, Visit
from drafting.types import Draft, Recording, Utterance
from drafting.types.record import Stage
from tests.desks import Desk, desk

PATIENCE = 120


@dataclass(frozen=True, slots=True)
class Moody(Scripted):
    """Engines that do as files in `folder` say: `slow` holds up hearing, `broken` lets writing fail; `heard` counts."""

    folder: Path = Path()

    def transcribe(self, recording: Recording, start: float = 0.0) -> Iterator[Utterance]:
        with (self.folder / "heard").open("a") as file:
            file.write(".")
        while (self.folder / "slow").exists():
            time.sleep(0.02)
        return Scripted.transcribe(self, recording, start)

    def write(self, *given: object) -> Draft:
        if (self.folder / "broken").exists():
            raise ValueError(LINES[0])
        return Scripted.write(self, *given)


def work(place: Place, folder: Path, told: object) -> None:
    """A worker's whole life."""
    moody = Moody(0.05, folder=folder)
    pace = Pace(speech=2, writers=2, poll=0.05, beat=0.2, patience=60, mend=0.5)
    with place.practice() as practice:
        worker = Worker(practice, Tools(lambda _writer, _told: Engines(moody, moody, moody), lambda _asr: moody), pace)
        worker.start()
        told.send(True)
        told.recv()
        worker.drain()
        worker.stop(5)
        told.send(True)


@contextmanager
def hired(place: Place, folder: Path) -> Iterator[object]:
    """A pipe to a worker's process, which is killed at the end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bench.jobs", "drafting.jobs.worker"])
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(place, folder, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        ours.recv()
        yield ours
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)


# ── workers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_killed_worker_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """A recording is being heard and typed words have been read when the worker is killed; the next one brings both to a draft, each once. What was
    left without a job is begun too. No file of the jobs' database has a word of the source or a name."""
    with places.place("sqlite") as place, place.practice() as practice, closing(DurableJobs(practice)) as jobs:
        (tmp_path / "slow").touch()
        with hired(place, tmp_path):
            ids = take_in(place, practice, jobs, 2)
            until(lambda: (tmp_path / "heard").exists() and jobs.progress(ids[0]).done)
            assert jobs.progress(ids[1]) == Progress(ids[1], "transcribe")
        (tmp_path / "slow").unlink()
        left = workbench.receive(practice, place.clients[0], place.colleague.person, None).id
        visits.put(practice, left, Visit(), by=place.colleague.person)
        media.put(practice, left, TYPED, ["\n".join(LINES).encode()])
        with hired(place, tmp_path) as worker:
            worker.send(True)
            assert worker.poll(PATIENCE), "the worker did not drain its queues"
        ids.append(left)
        assert wait(jobs, ids, 0.5)
        assert [*lost(place, practice, ids), *doubled(place, practice, jobs, ids)] == []
        assert (tmp_path / "heard").read_text() == ".."
        files = b"".join(file.read_bytes() for file in place.files.glob("jobs.db*"))
        assert ids[0].encode() in files and not any(word.encode() in files for word in (*LINES, "ochre", "Wren Alder", "Cy Marsh"))


def test_what_failed_or_was_stopped_goes_on_when_it_is_tried_again(tmp_path: Path) -> None:
    """A writer that failed fails both kinds of job by a code; tried again they go on, and what was heard is not heard again. A job that is stopped
    while it is heard ends before the next step, and can be tried again too."""
    with places.place("sqlite") as place, place.practice() as practice, closing(DurableJobs(practice)) as jobs:
        (tmp_path / "broken").touch()
        with hired(place, tmp_path):
            ids = take_in(place, practice, jobs, 2)
            until(lambda: all(jobs.progress(one).failure == "our_fault" for one in ids))
            until(lambda: all(jobs.statuses(one) == {"SUCCESS"} for one in ids))
            (tmp_path / "broken").unlink()
            for one in ids:
                jobs.retry(one)
                jobs.retry(one)
            until(lambda: all(jobs.progress(one).done for one in ids))
            assert (tmp_path / "heard").read_text() == "."

            (tmp_path / "slow").touch()
            _, spoken = take_in(place, practice, jobs, 2)
            until(lambda: (tmp_path / "heard").read_text() == "..")
            jobs.cancel(spoken)
            assert jobs.progress(spoken).failure == "cancelled"
            (tmp_path / "slow").unlink()
            until(lambda: jobs.statuses(spoken) == {"CANCELLED"})
            time.sleep(1)  # two rounds of mending leave it alone
            assert jobs.progress(spoken).failure == "cancelled" and workbench.find(practice, spoken).version == 0
            jobs.retry(spoken)
            until(lambda: jobs.progress(spoken).done)
            assert wait(jobs, [*ids, spoken], PATIENCE)
        assert [*lost(place, practice, [*ids, spoken]), *doubled(place, practice, jobs, [*ids, spoken])] == []


# ── the queue, without a worker ───────────────────────────────────────────────────────────────────────────────────────


def taken(here: Desk) -> str:
    name = here.encounter()
    visits.put(here.practice, name, Visit(), by=here.author.person)
    media.put(here.practice, name, TYPED, [b"Client slept."])
    return name


def test_a_job_is_on_its_queue_once(stores: Stores) -> None:
    """Submitted twice it is there once; stopped it is off the queue and marked, and tried again, however often, it is there once again."""
    here = desk(stores)
    with closing(DurableJobs(here.practice)) as jobs, closing(DurableJobs(here.practice)) as others:
        encounter = taken(here)
        jobs.submit(encounter)
        others.submit(encounter)
        assert jobs.statuses(encounter) == {"ENQUEUED"} and jobs.waiting(["writers"]) == 1 and jobs.waiting(["speech"]) == 0
        assert jobs.progress(encounter) == Progress(encounter)
        jobs.cancel(encounter)
        assert jobs.statuses(encounter) == {"CANCELLED"} and others.progress(encounter).failure == "cancelled" and not jobs.waiting(["writers"])
        jobs.submit(encounter)
        assert jobs.statuses(encounter) == {"CANCELLED"}
        jobs.retry(encounter)
        others.retry(encounter)
        others.again(encounter)
        assert jobs.statuses(encounter) == {"ENQUEUED"} and jobs.waiting(["writers"]) == 1
        assert workbench.find(here.practice, encounter).stage is Stage.RECEIVED and jobs.progress(encounter) == Progress(encounter)
        assert writing(encounter) not in jobs._found(encounter)


def test_words_that_are_not_all_here_are_not_submitted(sqlite_stores: Stores) -> None:
    """An encounter without its words is on no queue."""
    here = desk(sqlite_stores)
    with closing(DurableJobs(here.practice)) as jobs:
        encounter = here.encounter()
        with pytest.raises(NotWhole):
            jobs.submit(encounter)
        assert jobs.statuses(encounter) == frozenset()


# ── what the queue's database is told ─────────────────────────────────────────────────────────────────────────────────


def test_values_are_sealed_and_nouns_are_refused(sqlite_stores: Stores) -> None:
    """Ids and codes come back as they were; of an error its code does, never its message; anything that could hold words is refused; and a value
    that was altered is found out."""
    here = desk(sqlite_stores)
    sealing = Sealing(here.practice)
    for value in ("E1", ["E1", False], {"args": ["E1"], "kwargs": {}}, None):
        text = sealing.serialize(value)
        assert Sealing(here.practice).deserialize(text) == value and "E1" not in text
    told = sealing.deserialize(sealing.serialize(ValueError(LINES[0])))
    assert isinstance(told, JobFailed) and "our_fault" in str(told) and LINES[0] not in str(told)
    with pytest.raises(TypeError):
        sealing.serialize(Utterance(LINES[0], 0.0, 1.0))
    text = sealing.serialize("E1")
    with pytest.raises(KeyWrong):
        sealing.deserialize(text[:20] + ("A" if text[20] != "A" else "B") + text[21:])


# ── who lives ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class Ticks:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def test_a_worker_is_dead_when_its_number_stands_still(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere only time tells: one that counts on lives, one that does not is dead after our patience, by our clock, and alive when it counts
    again; one that nobody knows is given the same time."""
    here, now = desk(stores), Ticks()
    database = Database(here.practice, TABLES)
    with closing(database):
        me = Roll(database, "me", patience=10, clock=now)
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr("drafting.jobs.sweeping.place", lambda: "elsewhere")
            good, bad = (Roll(database, name, patience=10) for name in ("good", "bad"))
        everybody = ["me", "good", "bad", "unknown"]
        for one in (me, good, bad):
            one.beat()
        assert me.dead(everybody) == []
        now.at = 9
        good.beat()
        assert me.dead(everybody) == []
        now.at = 11
        assert sorted(me.dead(everybody)) == ["bad", "unknown"]
        me.strike(["bad"])
        bad.beat()
        assert me.dead(everybody) == ["unknown"]


def test_a_worker_of_this_machine_whose_process_is_gone_is_dead_at_once(sqlite_stores: Stores) -> None:
    """Nobody waits for a process that is not there; one that is there is waited for."""
    here = desk(sqlite_stores)
    context = multiprocessing.get_context("forkserver")
    process = context.Process(target=int)
    process.start()
    gone = process.pid
    process.join()
    process.close()
    with closing(Database(here.practice, TABLES)) as database:
        me, dead, alive = (Roll(database, name, patience=10) for name in ("me", "dead", "alive"))
        dead._process, alive._process = gone, 1
        for one in (dead, alive):
            one.beat()
        assert me.dead(["dead", "alive"]) == ["dead"]
