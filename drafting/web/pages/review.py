"""The review page: the draft with its marks, what is the clinician's to decide, what was said, and the bar that signs.

In: an encounter of one's own; an act as a form's fields, with the version that was seen. Out: the page, or with `X-Aside-Fragment` what stands in its
`<main>`. Knows no rule of a review. Whatever was typed and could not be kept comes back on the page that says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from drafting.errors import AsideError, NotKnown
from drafting.record import notes, people, workbench
from drafting.record.accounts import logins
from drafting.record.workbench import media
from drafting.record.workbench.visits import RECORDING
from drafting.types.record import Encounter
from drafting.types.review import Review
from drafting.types.statements import Route
from drafting.web import acts, heads, pages, queues, reviews, views, words
from drafting.web.access import Asked, Asking, mine, told
from drafting.web.acts import Act
from drafting.web.api.queue import read_queue
from drafting.web.forms import Secret, Short, how, proven, proving, to
from drafting.web.problems import ELSEWHERE, FRAGMENT, problem
from prompts import table

router = APIRouter(include_in_schema=False)

RAIL = 12
"""Lines of what else waits, beside the note."""

_TYPED = ("text", "own", "why", "late_reason")
"""Fields of an act that hold somebody's words."""
_NUMBER = re.compile(r"[0-9]{1,9}")


async def _fields(request: Request) -> tuple[tuple[str, str], ...]:
    """Names and values of the form that was sent; files are passed over."""
    return tuple((name, value) for name, value in (await request.form()).multi_items() if isinstance(value, str))


Wanted = tuple[tuple[str, str], ...]
Fields = Annotated[Wanted, Depends(_fields)]


@dataclass(frozen=True, slots=True)
class Again:
    """An act that could not be done, as a form that does it all the same: the field with the words that were typed, and the others."""

    name: str
    words: str = field(repr=False)
    others: tuple[tuple[str, str], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Said:
    """What the page says of what was just done, or refused. `undo`: to which version the next undoing goes, 0 for none; `head`: the header as it was
    typed and not kept."""

    done: str = ""
    undo: int | None = None
    problem: str | None = None
    again: Again | None = None
    head: acts.SetHeader | None = field(repr=False, default=None)


# ── the page ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/review/{encounter}")
@told("review:read")
def show_review(
    request: Request, asked: Asked, encounter: str, done: str | None = None, undo: Annotated[int | None, Query(ge=0, le=2**31)] = None
) -> Response:
    """The page; where there is no draft to review, the way to what there is."""
    there = mine(asked, encounter, supervising=True)
    if (elsewhere := _elsewhere(asked, there)) is not None:
        return to(elsewhere)
    return _page(request, asked, there, Said(words.group("done").get(done or "", ""), undo))


@router.post("/review/{encounter}/act")
@told("review:read")
def act(request: Request, asked: Asked, encounter: str, given: Fields) -> Response:
    """Do one thing, and show the page as it is then."""
    there, wanted = mine(asked, encounter), _wanted(given)
    try:
        verb = acts.of_form(wanted)
        after = reviews.act(asked, encounter, _version(given), verb)
    except (AsideError, ValidationError) as refused:
        return _refused(request, asked, encounter, refused, wanted)
    done, undo = _done(verb), _undo(verb, after.version)
    if FRAGMENT in request.headers:
        return _page(request, asked, there, Said(words.word("done", done), undo), review=after)
    query = f"done={done}" + ("" if undo is None else f"&undo={undo}")
    return RedirectResponse(f"/review/{encounter}?{query}#{_place(verb, after)}", 303)


@router.post("/review/{encounter}/sign")
@told("review:read")
def sign(
    request: Request,
    asked: Asked,
    encounter: str,
    version: Annotated[int, Form(ge=0, le=2**31)] = 0,
    zone: Short = "UTC",
    urgent: Annotated[bool, Form()] = False,
    reason: Short = "",
    password: Secret = "",
) -> Response:
    """Sign what was seen at that version: within a sitting without another word, else with the password."""
    mine(asked, encounter)
    try:
        proven(asked, password)
        reviews.fresh(asked, encounter, version)
        notes.sign(asked.practice, asked.unlocked(), encounter, version, how(asked, zone), urgent=urgent, reason=reason.strip() or None)
    except AsideError as refused:
        return _refused(request, asked, encounter, refused)
    return to(f"/notes/{encounter}", "signed")


def _elsewhere(asked: Asking, there: Encounter) -> str | None:
    """The page of an encounter that is no draft of this person's; None where it is one."""
    if there.author != asked.person.id:
        return f"/cosign/{there.id}"
    if there.version == 0:
        return f"/work/{there.id}"
    return None if there.state in workbench.EDITABLE else f"/notes/{there.id}"


def _page(request: Request, asked: Asking, there: Encounter, said: Said, status: int = 200, review: Review | None = None) -> Response:
    """The page, or what stands in its `<main>`. `review`: as it stands, where it is at hand."""
    practice = asked.practice
    with practice.keyring.remembering():
        review = review or reviews.load(asked, there.id)
        plan = people.plan(practice, there.client)
        view = views.review_view(review, _source(asked, there.id), author=asked.person, plan=plan)
        if said.head is not None:
            view = replace(view, head=heads.head(replace(review, header=replace(said.head.header(there.client), confirmed=False)), plan))
        beside = {"client": queues.named(asked, there.client), **_waiting(asked), **_signing(asked, there)}
    shown = {
        "view": view,
        "whole_day": words.whole_day(review.header.date_of_service),
        "recording": media.received(practice, there.id, RECORDING).whole,
        "done": said.done,
        "moved": said.done in {words.word("done", code) for code in ("private", "leave_rest")},
        "problem": said.problem,
        "again": said.again,
        "undo": view.version - 1 if said.undo is None else said.undo,
    }
    return _rendered(request, "review_main.html", status, **shown, **beside)


def _rendered(request: Request, body: str, status: int, **shown: object) -> Response:
    return pages.render(request, body if FRAGMENT in request.headers else "review.html", status, body=body, **shown)


def _source(asked: Asking, encounter: str) -> Mapping[str, Any]:
    """What was said; nothing, for a note that was written by hand."""
    try:
        return reviews.source(asked, encounter)
    except NotKnown:
        return {}


def _waiting(asked: Asking) -> dict[str, object]:
    """What waits, the oldest first."""
    found, today = read_queue(asked, (), False, True, None, RAIL), asked.practice.now().date()
    count = sum(found.counts.get(state, 0) for state in workbench.EDITABLE)
    return {"waiting": tuple((item.encounter.id, queues.waits(item, today)) for item in found.items), "count": count}


def _signing(asked: Asking, there: Encounter) -> dict[str, object]:
    """What a signature says, and what it asks for."""
    asks, statement = proving(asked), table("signing.toml")["statements"]["author"]
    passkey = asks is not None and "passkey" in logins.second_of(asked.practice, asked.person.id)
    return {"proving": asks, "passkey": passkey, "statement": statement, "signed_before": there.note is not None}


# ── what was asked for, and what came of it ───────────────────────────────────────────────────────────────────────────


def _wanted(given: Iterable[tuple[str, str]]) -> Wanted:
    """An act's fields. A button by itself holds a whole act: its verb, and after a colon names and values."""
    do = next((value for name, value in given if name == "do"), None)
    if do is None:
        return tuple((name, value) for name, value in given if name not in ("csrf", "version"))
    verb, _, rest = do.partition(":")
    return (("verb", verb), *((name, value) for name, _, value in (part.partition("=") for part in rest.split(";") if part)))


def _version(given: Iterable[tuple[str, str]]) -> int:
    """The version that was seen; 0, at which no review stands, where none is named."""
    found = dict(given).get("version", "")
    return int(found) if _NUMBER.fullmatch(found) else 0


def _done(verb: Act) -> str:
    """What was done, a code of desk.toml."""
    if isinstance(verb, acts.Decide):
        return "aside" if verb.route is Route.SET_ASIDE else verb.route.value
    return verb.verb


def _undo(verb: Act, version: int) -> int | None:
    """To which version it goes back next: one further after an undoing, nowhere after words were moved to private, else to the one before."""
    if isinstance(verb, acts.LeaveRest) or (isinstance(verb, acts.Decide) and verb.route is Route.PRIVATE):
        return 0
    return (verb.to or version - 2) - 1 if isinstance(verb, acts.Undo) else None


def _place(verb: Act, after: Review) -> str:
    """Where on the page the eye goes then."""
    match verb:
        case acts.Edit() | acts.Confirm() | acts.Link():
            return verb.sentence
        case acts.Accept() | acts.Keep() | acts.Remember() | acts.Revert():
            return next((f.sentence for f in after.flags if f.id == verb.flag), "note")
        case acts.Answer():
            return f"risk-{verb.risk}"
        case acts.Write():
            return f"section-{verb.section}"
        case acts.SetHeader():
            return "head"
        case acts.Decide() | acts.LeaveRest():
            return "decide" if any(h.decision is None for h in after.held) else "note"
    return "note"


def _refused(request: Request, asked: Asking, encounter: str, refused: AsideError | ValidationError, wanted: Wanted = ()) -> Response:
    """The page as it stands, with why not, and with what was typed. What another page mends, and a fault of the service, goes its own way."""
    status, why = 422, words.word("problems", "form")
    if isinstance(refused, AsideError):
        found = problem(refused)
        if found.code in ELSEWHERE or found.status >= 500:
            raise refused
        status, why = found.status, words.group("problems").get(found.code, found.detail)
    there, again = mine(asked, encounter), _again(wanted)
    if (elsewhere := _elsewhere(asked, there)) is not None:
        return _rendered(request, "review_closed.html", 409, elsewhere=elsewhere, problem=why, again=again)
    return _page(request, asked, there, Said(problem=why, again=again, head=_header(wanted)), status)


def _again(wanted: Wanted) -> Again | None:
    """Where words were typed: the form that they came in. The header has its own."""
    name = next((name for name, value in wanted if name in _TYPED and value.strip()), None)
    if name is None or dict(wanted).get("verb") == "set_header":
        return None
    return Again(name, dict(wanted)[name], tuple((other, value) for other, value in wanted if other != name))


def _header(wanted: Wanted) -> acts.SetHeader | None:
    """The header as it was typed, where it can be read."""
    if dict(wanted).get("verb") != "set_header":
        return None
    with suppress(ValidationError):
        verb = acts.of_form(wanted)
        return verb if isinstance(verb, acts.SetHeader) else None
    return None
