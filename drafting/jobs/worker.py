"""A worker: takes jobs from the queues, does their steps, and goes on with those of workers that died.

In: a practice, and how engines are made. Out: drafts that stand, and encounters marked as failed, by a code. Knows no page. One to a process.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeVar

from dbos import DBOS, SetWorkflowID
from sqlalchemy import exists, select

from drafting.errors import AsideError, RecordError
from drafting.jobs import way
from drafting.jobs.database import SCHEMA
from drafting.jobs.progress import Cancelled, Ticker
from drafting.jobs.runner import APPLICATION, LIVE, SPEECH, TAKE, VERSION, WRITE, WRITERS, DurableJobs, writing
from drafting.jobs.sweeping import Roll
from drafting.jobs.way import STEPS, Tools
from drafting.record import workbench
from drafting.record.practice import Practice
from drafting.record.store.tables.record import ENCOUNTERS, MEDIA, WORK
from drafting.record.workbench.visits import VISIT
from drafting.types.record import Stage

T = TypeVar("T")
_LOG = logging.getLogger("aside.jobs")
_DONE = "done"
_UNDER_WAY = tuple(stage.value for stage in (Stage.RECEIVED, Stage.TRANSCRIBED, Stage.ROUTED))


class GaveUp(RecordError):
    """The job ended its worker time and again, and is left alone now."""


class _Left(BaseException):
    """The worker ends: the job is left as by a kill, and another worker goes on with it."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much at once, and how patiently. `speech` and `writers`: jobs of each kind at one time, in each worker; they are kept with the queues, so
    that what the worker says who started last holds for all. `only`: the queues that are served. Seconds: `poll`
    between looks at a queue, `beat` between signs of life, `patience` until a worker that gives none is taken for dead, `mend` between looks for what
    was left lying, `pauses` before each further try of a step whose failure may pass. `attempts`: how many workers a job may take with it."""

    speech: int = 1
    writers: int = 2
    only: Collection[str] = (SPEECH, WRITERS)
    poll: float = 0.5
    beat: float = 2.0
    patience: float = 20.0
    mend: float = 60.0
    pauses: tuple[float, ...] = (2, 8, 30, 60)
    attempts: int = 20


class Worker:
    """A worker of `practice`, at work from `start` to `stop`. Raises StoreFailed."""

    def __init__(self, practice: Practice, tools: Tools, pace: Pace | None = None) -> None:
        self._practice, self._tools, self._pace = practice, tools, pace or Pace()
        self._name = f"worker-{secrets.token_hex(8)}"
        self._jobs = DurableJobs(practice)
        self._roll = Roll(self._jobs.database, self._name, patience=self._pace.patience)
        self._stopping, self._gone = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._watch, name="aside-watch", daemon=True)
        self._mended = float("-inf")

    def start(self) -> None:
        """Take jobs, in threads, and return."""
        self._roll.beat()
        DBOS(
            config={
                "name": APPLICATION,
                "system_database_url": self._jobs.database.plain_url,
                "dbos_system_schema": SCHEMA,
                "application_version": VERSION,
                "executor_id": self._name,
                "serializer": self._jobs.sealing,
                "log_level": "WARNING",
            }
        )
        self._register()
        DBOS.listen_queues(list(self._pace.only))
        DBOS.launch()
        for name, most in ((SPEECH, self._pace.speech), (WRITERS, self._pace.writers)):
            DBOS.register_queue(name, worker_concurrency=most, polling_interval_sec=self._pace.poll, on_conflict="always_update")
        self._thread.start()

    def stop(self, patience: float = 0) -> None:
        """Take no more jobs, wait up to `patience` seconds for those under way, and end. What is not done by then is left when it next tells how far
        it is; another worker goes on with it, once this process is gone."""
        self._stopping.set()
        self._thread.join()
        DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=int(patience))
        self._gone.set()
        self._jobs.close()

    def drain(self) -> None:
        """Wait until the queues that are served are empty, and nothing of this practice waits to be put on them."""
        self._mend()
        while self._jobs.waiting(self._pace.only):
            time.sleep(self._pace.poll)

    # ── jobs ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _register(self) -> None:
        """The two workflows. Their inputs and outcomes are ids and codes."""

        @DBOS.workflow(name=WRITE, max_recovery_attempts=self._pace.attempts)
        def write(encounter: str) -> str:
            return self._steps(encounter, STEPS[1:])

        @DBOS.workflow(name=TAKE, max_recovery_attempts=self._pace.attempts)
        def take(encounter: str, spoken: bool) -> str:
            if not spoken:
                return self._steps(encounter, STEPS)
            code = self._steps(encounter, STEPS[:1])
            if code == _DONE:
                with SetWorkflowID(writing(encounter)):
                    DBOS.enqueue_workflow(WRITERS, write, encounter)
            return code

    def _steps(self, encounter: str, steps: Collection[str]) -> str:
        for step in steps:
            code = DBOS.run_step({"name": step}, self._step, step, encounter)
            if code != _DONE:
                return code
        return _DONE

    def _step(self, step: str, encounter: str) -> str:
        """Do a step, and say how it ended. Raises StoreFailed where even the failure cannot be written down; then `_mend` begins anew."""
        ticker = Ticker(self._jobs.board, encounter)

        def told(now: str, share: float | None) -> None:
            if self._gone.is_set():
                raise _Left
            ticker(now, share)

        try:
            self._patiently(lambda last: way.take(step, self._practice, encounter, self._tools, told, last=last))
        except Cancelled as stopped:
            return stopped.code
        except Exception as fault:
            failure = fault
            _LOG.warning("%s: %s: %s", encounter, step, way.in_our_words(fault))
            return self._patiently(lambda _: way.failed(self._practice, encounter, failure))
        return _DONE

    def _patiently(self, do: Callable[[bool], T]) -> T:
        """Do it, again after each pause where the failure may pass; `do` is told when it is the last time."""
        for pause in self._pace.pauses:
            try:
                return do(False)
            except way.MAY_PASS:
                if self._stopping.wait(pause):
                    raise _Left from None
        return do(True)

    # ── what was left lying ───────────────────────────────────────────────────────────────────────────────────────────

    def _watch(self) -> None:
        """Give signs of life, and look after the jobs of workers that give none."""
        while True:
            try:
                self._roll.beat()
                self._recover()
                if time.monotonic() - self._mended >= self._pace.mend:
                    self._mend()
                    self._mended = time.monotonic()
            except Exception as fault:
                _LOG.warning("the watch goes on after %s", way.code_of(fault))
            if self._stopping.wait(self._pace.beat):
                return

    def _recover(self) -> None:
        """Put jobs of dead workers back on their queues."""
        pending = {one.executor_id for one in DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)}
        if dead := self._roll.dead(pending - {None}):
            DBOS._recover_pending_workflows(dead)  # idempotent, unlike resuming: only what is still theirs goes back
            self._roll.strike(dead)

    def _mend(self) -> None:
        """Begin what is on its way by the record and on no queue; mark as failed what was stopped or given up; destroy what lies between steps of a
        draft that stands."""
        mine = ENCOUNTERS.c.id
        whole = exists().where(MEDIA.c.encounter == mine, MEDIA.c.last == 1), exists().where(WORK.c.encounter == mine, WORK.c.kind == VISIT)
        lying = select(mine).where(ENCOUNTERS.c.stage.in_(_UNDER_WAY), ENCOUNTERS.c.version == 0, *whole)
        with self._practice.look() as connection:
            ids = connection.scalars(lying).all()
        for encounter in ids:
            try:
                self._mend_one(encounter)
            except AsideError as fault:
                _LOG.warning("%s: %s", encounter, fault.code)
        way.finish(self._practice, lambda encounter: bool(LIVE & self._jobs.statuses(encounter)))

    def _mend_one(self, encounter: str) -> None:
        statuses = self._jobs.statuses(encounter)  # before the stage, which is written first; and the board last, where a retry begins
        there = workbench.find(self._practice, encounter)
        if LIVE & statuses or there.version or there.stage.value not in _UNDER_WAY:
            return
        if "MAX_RECOVERY_ATTEMPTS_EXCEEDED" in statuses:
            way.failed(self._practice, encounter, GaveUp())
        elif self._jobs.progress(encounter).failure:
            way.failed(self._practice, encounter, Cancelled())
        else:
            self._jobs.again(encounter)
