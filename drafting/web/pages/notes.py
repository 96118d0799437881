"""Signed notes, as pages: the list, the note to be read with what followed it, and what may be done with it.

In: an encounter with a signed note; forms. Out: pages, exports, what was signed after. Knows no unsigned word and no private note. Whoever may not
read a note does not learn that it exists.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from drafting.errors import IllegalMove
from drafting.record import notes, people
from drafting.record.review import lifecycle
from drafting.record.review.lifecycle import Move
from drafting.types.record import Encounter, NoteState, Standing
from drafting.web import documents, pages, queues, words
from drafting.web.access import Asked, Asking, stands_as, told
from drafting.web.api import notes as api
from drafting.web.api.clients import READS_NOTES
from drafting.web.forms import Long, Secret, Short, how, proven, proving, said, to, tried
from drafting.web.reviews import Stale
from prompts import table

router = APIRouter(include_in_schema=False)


@router.get("/notes", dependencies=[Depends(stands_as(*READS_NOTES))])
@told("note:listed")
def show_notes(request: Request, asked: Asked, before: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9]{1,64}$")] = None) -> Response:
    """One's own signed notes, the newest first; for records staff, everybody's."""
    items, more = queues.signed(asked, asked.practice.now().date(), before=before)
    staff = asked.person.standing is Standing.RECORDS
    return pages.render(request, "notes.html", items=items, more=f"/notes?before={more}" if more else None, staff=staff, later=before is not None)


@router.get("/notes/{encounter}")
@told("note:read")
def show_note(request: Request, asked: Asked, encounter: str, done: str | None = None) -> Response:
    """A signed note."""
    return _page(request, asked, encounter, done=said("done", done))


@router.get("/notes/{encounter}/export")
@told("note:exported")
def export(
    asked: Asked, encounter: str, form: api.Form = api.Form.TEXT, profile: api.Profile = api.Profile.CHART, section: str | None = None
) -> Response:
    """The note for a kind of reader, as a file."""
    return api.export(asked, encounter, form, profile, section)


@router.post("/notes/{encounter}/addenda")
@told("note:read")
def add(request: Request, asked: Asked, encounter: str, text: Long = "", reason: Short = "", password: Secret = "", zone: Short = "UTC") -> Response:
    """Something added to a locked note, signed as it is made."""
    api.signed_by(asked, encounter)
    typed = {"text": text, "reason": reason}
    if not (text.strip() and reason.strip()):
        return _page(request, asked, encounter, 422, "Say what is added, and why.", **typed)

    def do() -> Response:
        proven(asked, password)
        notes.add(asked.practice, asked.unlocked(), encounter, text.strip(), reason.strip(), how(asked, zone))
        return to(f"/notes/{encounter}", "addendum")

    return tried(do, lambda status, wrong: _page(request, asked, encounter, status, wrong, **typed))


@router.post("/notes/{encounter}/withdraw")
@told("note:read")
def withdraw(request: Request, asked: Asked, encounter: str, reason: Short = "", password: Secret = "", zone: Short = "UTC") -> Response:
    """A locked note marked as entered in error."""
    api.signed_by(asked, encounter)
    if not reason.strip():
        return _page(request, asked, encounter, 422, "Say why it was entered in error: it is printed on the note.")

    def do() -> Response:
        proven(asked, password)
        notes.withdraw(asked.practice, asked.unlocked(), encounter, reason.strip(), how(asked, zone))
        return to(f"/notes/{encounter}", "withdrawn")

    return tried(do, lambda status, wrong: _page(request, asked, encounter, status, wrong))


@router.post("/notes/{encounter}/reopen")
@told("note:read")
def reopen(request: Request, asked: Asked, encounter: str, state: Short = "") -> Response:
    """A signed note that is not locked, taken back into review by its author."""
    there = api.signed_by(asked, encounter)

    def do() -> Response:
        if state != there.state.value:
            raise Stale(present=there.version)
        notes.reopen(asked.practice, asked.person.id, encounter)
        return to(f"/review/{encounter}")

    return tried(do, lambda status, wrong: _page(request, asked, encounter, status, wrong))


@router.post("/notes/{encounter}/hand-over")
@told("note:read")
def hand_over(request: Request, asked: Asked, encounter: str) -> Response:
    """The note is in the chart that is kept elsewhere: our copy is destroyed."""
    there = api.signed_by(asked, encounter)

    def do() -> Response:
        receipt = api.hand_over(asked, encounter).receipt
        return pages.render(request, "handed.html", client=queues.named(asked, there.client), receipt=receipt, done=said("done", "handed"))

    return tried(do, lambda status, wrong: _page(request, asked, encounter, status, wrong))


# ── the page ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _page(request: Request, asked: Asking, encounter: str, status: int = 200, wrong: str | None = None, **more: str) -> Response:
    there = api.readable(asked, encounter)
    with asked.practice.keyring.remembering():
        client = people.find_client(asked.practice, there.client)
        shown = documents.shown(notes.document(asked.practice, encounter), plan=people.plan(asked.practice, there.client))
    exports = [{**e, "forms": [(f, said("forms", f)) for f in e["forms"]]} for e in table("pages.toml")["exports"]]
    return pages.render(
        request,
        "note.html",
        status,
        encounter=encounter,
        client=client,
        when=words.whole_day(there.service_date),
        state=there.state.value,
        stands=words.word("states", there.state.value),
        shown=shown,
        exports=[e for e in exports if not (client.self_pay and e["profile"] == "payer")],
        self_pay=client.self_pay,
        may=_may(asked, there),
        proving=proving(asked),
        wrong=wrong,
        **{"done": "", "text": "", "reason": ""} | more,
    )


def _may(asked: Asking, there: Encounter) -> frozenset[str]:
    """What this person may do with the note as it stands: add, withdraw, reopen, hand_over, cosign."""
    own, over = asked.person.id == there.author, asked.person.id == there.supervisor
    if not (own or over):
        return frozenset()
    moves = {"add": Move.ADDEND, "withdraw": Move.WITHDRAW} | ({"reopen": Move.EDIT} if own else {})
    found = {name for name, move in moves.items() if _can(there.state, move)}
    found |= {"cosign"} if over and there.state is NoteState.COSIGN_DUE else set()
    return frozenset(found | ({"hand_over"} if asked.practice.policy().chart == "elsewhere" and there.state is not NoteState.COSIGN_DUE else set()))


def _can(state: NoteState, move: Move) -> bool:
    with suppress(IllegalMove):
        return bool(lifecycle.moved(state, move))
    return False
