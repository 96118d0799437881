"""How far the words of a visit are on their way to a draft: step by step, with the time left; or why they stopped, and what to do.

In: an encounter of one's own. Out: the page; stopping, trying again. Knows no words and no step's insides.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from drafting.jobs import STEPS, Progress
from drafting.record.workbench import media
from drafting.record.workbench.media import Stored
from drafting.record.workbench.visits import RECORDING, TYPED
from drafting.types.record import Encounter, Stage
from drafting.web import pages, queues, words
from drafting.web.access import Asked, mine, told
from drafting.web.api import encounters
from drafting.web.forms import to

router = APIRouter(include_in_schema=False)

MEGA = 1_000_000


@router.get("/work/{encounter}")
@told("job:read")
def show_work(request: Request, asked: Asked, encounter: str) -> Response:
    """The way of one visit's words."""
    there = mine(asked, encounter)
    progress = asked.desk.jobs.progress(encounter)
    here = media.received(asked.practice, encounter, RECORDING)
    sent = here.whole or progress.step is not None or media.received(asked.practice, encounter, TYPED).whole
    return pages.render(
        request,
        "work.html",
        encounter=encounter,
        client=queues.named(asked, there.client),
        when=words.whole_day(there.service_date),
        step=progress.step,
        steps=tuple(_steps(progress)),
        share=progress.share,
        left=words.left(progress.left),
        done=progress.done,
        failure=words.failure(progress.failure) if progress.failure else None,
        waiting=words.word("stages", Stage.RECEIVED.value),
        unsent=_unsent(there, here, sent),
        open=there.note is None,
    )


@router.post("/work/{encounter}/cancel")
@told("job:cancelled")
def cancel(asked: Asked, encounter: str) -> Response:
    encounters.cancel(asked, encounter)
    return to(f"/work/{encounter}")


@router.post("/work/{encounter}/retry")
@told("job:retried")
def retry(asked: Asked, encounter: str) -> Response:
    encounters.retry(asked, encounter)
    return to(f"/work/{encounter}")


def _steps(progress: Progress) -> list[tuple[str, str]]:
    """Each step in words, with where it is: past, now or to come."""
    at = len(STEPS) if progress.done else STEPS.index(progress.step) if progress.step in STEPS else -1
    return [(words.word("steps", step), "past" if n < at else "now" if n == at else "") for n, step in enumerate(STEPS)]


def _unsent(there: Encounter, here: Stored, sent: bool) -> str | None:
    """How much of a recording is here whose end was not received; None where all is here, or was and is gone."""
    if sent or there.version or there.stage is not Stage.RECEIVED:
        return None
    return f"{here.size / MEGA:.1f} MB of it are here" if here.size else "nothing of it is here yet"
