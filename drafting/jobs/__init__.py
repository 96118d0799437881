"""Jobs: from words that were taken in to a draft that stands, by themselves.

In: an encounter's id. Out: `Progress`, and a draft on the workbench. Knows no page. `Jobs` is what the web is handed: `InlineJobs` does everything in
the caller's thread, for tests and for trying; `runner.DurableJobs` hands it to workers, which may be killed at any moment.
"""

from __future__ import annotations

from typing import Protocol

from drafting.jobs.progress import Cancelled, Progress, Slate, Ticker, told_of
from drafting.jobs.way import STEPS, Tools, failed, lent, medium, reopened, walk
from drafting.record import workbench
from drafting.record.practice import Practice
from drafting.types.record import Stage

__all__ = ["STEPS", "InlineJobs", "Jobs", "Progress", "Tools"]


class Jobs(Protocol):
    """What happens to words once they are safely stored."""

    def submit(self, encounter: str) -> None:
        """Begin; again is as once, after a failure too (`retry`). Raises NotKnown, NotWhole, StoreFailed."""
        ...

    def cancel(self, encounter: str) -> None:
        """Stop, between two steps or as soon as the one under way tells how far it is; the encounter is marked as failed, `cancelled`. Nothing is
        done to a draft that stands."""
        ...

    def retry(self, encounter: str) -> None:
        """Go on after a failure, from the last step that was done. Nothing is done where a job is under way or the draft stands. Raises NotLent where
        the worker's time with the encounter is over: first its author lends it again (`lending.lend`); Shredded where its work was destroyed."""
        ...

    def progress(self, encounter: str) -> Progress:
        """Raises NotKnown."""
        ...


class InlineJobs:
    """Jobs done at once, in the caller's thread. What fails is marked on the encounter, and raised by nobody."""

    def __init__(self, practice: Practice, tools: Tools) -> None:
        self._practice, self._tools, self._slate = practice, tools, Slate()

    def submit(self, encounter: str) -> None:
        medium(self._practice, encounter)
        if workbench.find(self._practice, encounter).stage is Stage.FAILED:
            return
        self._slate.begin(encounter)
        try:
            walk(self._practice, encounter, self._tools, Ticker(self._slate, encounter))
        except Exception as fault:
            failed(self._practice, encounter, fault)

    def cancel(self, encounter: str) -> None:
        self._slate.cancel(encounter)
        failed(self._practice, encounter, Cancelled())

    def retry(self, encounter: str) -> None:
        if not workbench.find(self._practice, encounter).version:
            lent(self._practice, encounter)
            reopened(self._practice, encounter)
            self.submit(encounter)

    def progress(self, encounter: str) -> Progress:
        return told_of(workbench.find(self._practice, encounter), self._slate.read(encounter))
