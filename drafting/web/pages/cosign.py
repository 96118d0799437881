"""A trainee's signed note, as the supervisor it waits for reads it: the note, whose wording each sentence is, and what was said beside it.

In: an encounter that waits for whoever asks. Out: the page; a cosignature, or the note given back with words. Knows no private word: what was said is
blacked out where it is private.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from drafting.errors import NotKnown
from drafting.record import notes, people
from drafting.types.record import Encounter, NoteState
from drafting.web import documents, pages, queues, reviews, words
from drafting.web.access import Asked, Asking, mine, told
from drafting.web.forms import Long, Secret, Short, how, proven, proving, tried
from drafting.web.sources import Source

router = APIRouter(include_in_schema=False)

_QUEUE = "/?supervising=true"


@router.get("/cosign/{encounter}")
@told("review:read")
def show_cosign(request: Request, asked: Asked, encounter: str) -> Response:
    """The note that waits."""
    return _page(request, asked, encounter)


@router.post("/cosign/{encounter}")
@told("review:read")
def cosign(request: Request, asked: Asked, encounter: str, password: Secret = "", zone: Short = "UTC") -> Response:
    """Cosign it."""
    _waits(asked, encounter)

    def do() -> Response:
        proven(asked, password)
        notes.cosign(asked.practice, asked.unlocked(), encounter, how(asked, zone))
        return RedirectResponse(_QUEUE, 303)

    return tried(do, lambda status, wrong: _page(request, asked, encounter, status, wrong))


@router.post("/cosign/{encounter}/return")
@told("review:read")
def give_back(request: Request, asked: Asked, encounter: str, reason: Long = "") -> Response:
    """Give it back to its author."""
    _waits(asked, encounter)
    if not reason.strip():
        return _page(request, asked, encounter, 422, "Say what is to be changed: your words stand in the draft alone.")

    def do() -> Response:
        reviews.give_back(asked, encounter, _waits(asked, encounter).version, reason.strip())
        return RedirectResponse(_QUEUE, 303)

    return tried(do, lambda status, wrong: _page(request, asked, encounter, status, wrong, reason))


def _waits(asked: Asking, encounter: str) -> Encounter:
    """A note that waits for this person's cosignature. Raises NotKnown."""
    there = mine(asked, encounter, supervising=True)
    if there.supervisor != asked.person.id or there.state is not NoteState.COSIGN_DUE:
        raise NotKnown(what="encounter", id=encounter)
    return there


def _page(request: Request, asked: Asking, encounter: str, status: int = 200, wrong: str | None = None, reason: str = "") -> Response:
    there = _waits(asked, encounter)
    with asked.practice.keyring.remembering():
        review, source = reviews.load(asked, encounter), reviews.source(asked, encounter)
        document = notes.document(asked.practice, encounter)
    return pages.render(
        request,
        "cosign.html",
        status,
        encounter=encounter,
        client=queues.named(asked, there.client),
        when=words.whole_day(there.service_date),
        author=people.find_person(asked.practice, there.author).name,
        shown=documents.shown(document, review, people.plan(asked.practice, there.client)),
        lines=Source(source, review.private).lines(),
        proving=proving(asked),
        wrong=wrong,
        reason=reason,
    )
