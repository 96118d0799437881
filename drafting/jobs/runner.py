"""Durable jobs, over DBOS: what was submitted is done, whoever is killed on the way.

In: encounters' ids. Out: drafts on the workbench. Knows no stage: it walks `way`. `DurableJobs` is what the web holds; `worker.Worker` does the work.
A job is a workflow whose id is the encounter's. A recording is heard on one queue and written on another, by a second workflow, so that each kind has
as many at once as it can take; typed words go to the second at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from dbos import DBOS, DBOSClient, error
from sqlalchemy.exc import SQLAlchemyError

from drafting.errors import StoreFailed
from drafting.jobs import progress, sweeping, way
from drafting.jobs.database import SCHEMA, Database
from drafting.jobs.progress import Board, Cancelled, Progress, told_of
from drafting.jobs.sealed import Sealing
from drafting.record import workbench
from drafting.record.practice import Practice
from drafting.record.workbench.visits import RECORDING

APPLICATION, VERSION = "aside", "1"
"""A job goes on only where the steps are of the same version."""

TAKE, WRITE = "take", "write"
SPEECH, WRITERS = "speech", "writers"
LIVE = frozenset(("ENQUEUED", "DELAYED", "PENDING"))


class DurableJobs:
    """Jobs that workers do (`Jobs`). Makes the jobs' database where it is not there. Raises StoreFailed."""

    def __init__(self, practice: Practice) -> None:
        self._practice = practice
        self.database = Database(practice, progress.TABLES, sweeping.TABLES)
        self.sealing = Sealing(practice)
        self.board = Board(self.database)
        url = self.database.plain_url
        with told():
            DBOS.migrate(url, schema=SCHEMA)
            self._client = DBOSClient(
                system_database_url=url,
                dbos_system_schema=SCHEMA,
                serializer=self.sealing,
                application_name=APPLICATION,
                retry_connection_errors=False,
            )

    def close(self) -> None:
        self._client.destroy()
        self.database.close()

    def submit(self, encounter: str) -> None:
        queue = self._queue(encounter)
        if not self.statuses(encounter):
            self._begin(encounter, queue)

    def cancel(self, encounter: str) -> None:
        if workbench.find(self._practice, encounter).version:
            return
        self.board.cancel(encounter)
        way.failed(self._practice, encounter, Cancelled())
        with told():
            self._client.cancel_workflows([encounter, writing(encounter)])

    def retry(self, encounter: str) -> None:
        if workbench.find(self._practice, encounter).version or LIVE & self.statuses(encounter):
            return
        way.lent(self._practice, encounter)
        self.board.begin(encounter)  # first: a worker that mends goes by it
        way.reopened(self._practice, encounter)
        self.again(encounter)

    def progress(self, encounter: str) -> Progress:
        return told_of(workbench.find(self._practice, encounter), self.board.read(encounter))

    def again(self, encounter: str) -> None:
        """Go on with a job that is over, or begin it; what its steps have kept is there. However many call it at once, it is on its queue once."""
        queue = self._queue(encounter)
        found = self._found(encounter)
        if LIVE & set(found.values()):
            return
        if not found:
            self._begin(encounter, queue)
            return
        self.board.begin(encounter)
        name, queue = (writing(encounter), WRITERS) if writing(encounter) in found else (encounter, queue)
        try:
            with told():
                self._client.rewind_workflow(name, queue_name=queue, application_version=VERSION)
        except error.DBOSException as fault:
            if not LIVE & self.statuses(encounter):  # another was not first
                raise StoreFailed(reason=f"the jobs' database: {type(fault).__name__}") from None

    def statuses(self, encounter: str) -> frozenset[str]:
        """What the queue says of an encounter's workflows; empty where there is none."""
        return frozenset(self._found(encounter).values())

    def waiting(self, queues: Collection[str]) -> int:
        """How many jobs are on these queues, or being done from them."""
        with told():
            return len(self._client.list_workflows(status=[*LIVE], queue_name=[*queues], load_input=False, load_output=False))

    def _found(self, encounter: str) -> dict[str, str]:
        """The status of each of an encounter's workflows, by its id."""
        with told():
            found = self._client.list_workflows(workflow_ids=[encounter, writing(encounter)], load_input=False, load_output=False)
        return {one.workflow_id: one.status for one in found}

    def _begin(self, encounter: str, queue: str) -> None:
        """Put a job on its queue; one that is there by now stays as it is."""
        self.board.begin(encounter)
        options = {"workflow_name": TAKE, "queue_name": queue, "workflow_id": encounter, "app_version": VERSION}
        with told():
            self._client.enqueue(options, encounter, queue == SPEECH)

    def _queue(self, encounter: str) -> str:
        """Raises NotKnown, and NotWhole before the words are all here."""
        return SPEECH if way.medium(self._practice, encounter) == RECORDING else WRITERS


def writing(encounter: str) -> str:
    """The id of the workflow that writes what was heard."""
    return f"{encounter}-{WRITE}"


@contextmanager
def told() -> Iterator[None]:
    """The queue's database's failures in our words."""
    try:
        yield
    except SQLAlchemyError as fault:
        raise StoreFailed(reason=f"the jobs' database: {type(fault).__name__}") from None
