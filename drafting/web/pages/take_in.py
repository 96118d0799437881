"""Taking in, as a page: whose visit it was, and its words, typed, pasted, recorded here or brought as a file; beside it what the note should answer.

In: a form. Out: the page, and the way to the draft. Knows no step of a job. What a browser without scripts uploads is never on disk before it is
sealed: it is held in memory, and so may not be long; with scripts, recordings go to the API in pieces.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Request, Response, UploadFile
from pydantic import ValidationError
from starlette.formparsers import MultiPartParser

from drafting.errors import FormatError
from drafting.pipeline import formats
from drafting.pipeline.source import TEXT_KINDS
from drafting.record import notes, people
from drafting.record.export.blocks import zone_of
from drafting.record.export.letters import plain
from drafting.record.export.profiles import standing
from drafting.record.workbench import media
from drafting.record.workbench.visits import RECORDING
from drafting.types import NoteFormat, Role
from drafting.types.record import Stage
from drafting.web import pages, queues, words
from drafting.web.access import Asked, Asking, mine, stands_as, told
from drafting.web.api import clients, encounters
from drafting.web.api.encounters import EncounterIn
from drafting.web.api.notes import readable
from drafting.web.api.queue import WRITES
from drafting.web.forms import Short, said, to
from drafting.web.heads import Goal, goals_of
from drafting.web.security import takes
from prompts import names, table

router = APIRouter(include_in_schema=False, dependencies=[Depends(stands_as(*WRITES))])

UPLOAD = 48 * 2**20
"""Bytes of a form with a file in it that are taken, all in memory."""
MultiPartParser.spool_max_size = UPLOAD

_FORMAT, _KIND = "soap", "session"


@dataclass(frozen=True, slots=True)
class Given:
    """What stands in the form. `key`: the same again is the same upload."""

    client: str = ""
    format: str = _FORMAT
    kind: str = _KIND
    when: str = ""
    text: str = field(repr=False, default="")
    zone: str = "UTC"
    key: str = ""


@dataclass(frozen=True, slots=True)
class Last:
    """What was planned the last time: the plan's words of the newest signed note."""

    when: str
    plan: tuple[str, ...] = field(repr=False)


class Wrong(Exception):
    """Something in the form is not as it must be: the words for that."""


@router.get("/new")
@told("take_in:opened")
def show_new(request: Request, asked: Asked, client: str = "", format: str = _FORMAT, kind: str = _KIND, when: str = "") -> Response:
    """The form, filled with what is known; beside it the format's questions and the client's last plan."""
    when = when or asked.practice.now().date().isoformat()
    return _form(request, asked, Given(client, format, kind, when, "", "UTC", secrets.token_urlsafe(16)))


@router.post("/new")
@takes(UPLOAD)
@told("take_in:opened")
def take_in(
    request: Request,
    asked: Asked,
    client: Short = "",
    format: Short = _FORMAT,
    kind: Short = _KIND,
    when: Short = "",
    text: Annotated[str, Form(max_length=1_000_000)] = "",
    zone: Short = "UTC",
    key: Short = "",
    look: Short = "",
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Words or a file; then the way to the draft. `look`: the form again, with what stands beside it for that client and format."""
    given = Given(client, format, kind, when, text, zone, key)
    if look:
        return _form(request, asked, given)
    try:
        return to(f"/work/{_taken(asked, given, file if file is not None and file.filename else None)}")
    except Wrong as wrong:
        return _form(request, asked, given, str(wrong))


# ── taking in ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _taken(asked: Asking, given: Given, file: UploadFile | None) -> str:
    """The encounter that was begun. Raises Wrong, NotKnown for a client who is not theirs, KeyReused."""
    if file is None:
        if not given.text.strip():
            raise Wrong(said("take_in", "words"))
        return _begun(asked, given, given.text, ".txt")
    if given.text.strip():
        raise Wrong(said("take_in", "both"))
    suffix, body = PurePath(file.filename or "").suffix.lower(), file.file.read()
    if suffix in TEXT_KINDS:
        return _begun(asked, given, _text(body), suffix)
    if suffix not in table("pages.toml")["sounds"]:
        raise Wrong(said("take_in", "ending"))
    encounter = _begun(asked, given, None, suffix)
    if not media.received(asked.practice, encounter, RECORDING).whole:
        start = media.received(asked.practice, encounter, RECORDING).size
        media.put(asked.practice, encounter, RECORDING, [body[start:]], start=start, by=asked.person.id)
    if mine(asked, encounter).stage is Stage.RECEIVED:
        asked.desk.jobs.submit(encounter)
    return encounter


def _begun(asked: Asking, given: Given, text: str | None, suffix: str) -> str:
    if not given.client:
        raise Wrong(said("take_in", "client"))
    if given.format not in {f.key for f in formats.available(asked.desk.formats)}:
        raise Wrong(said("take_in", "format"))
    if given.kind not in names("kinds"):
        raise Wrong(said("take_in", "kind"))
    more: dict[str, Any] = {"format": given.format, "note_kind": given.kind, "zone": given.zone if zone_of(given.zone) else "UTC"}
    try:
        wanted = EncounterIn(client=given.client, service_date=given.when or None, text=text, suffix=suffix, **more)
    except ValidationError as wrong:
        (at, *_), *_ = (error["loc"] for error in wrong.errors())
        raise Wrong(said("take_in", {"service_date": "when", "client": "client"}.get(str(at), "words"))) from None
    return encounters.take_in(asked, wanted, Response(), given.key or secrets.token_urlsafe(16)).id


def _text(body: bytes) -> str:
    """A text file's words. Raises Wrong."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Wrong(said("take_in", "not_text")) from None
    if not text.strip():
        raise Wrong(said("take_in", "words"))
    return text


# ── the page ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _form(request: Request, asked: Asking, given: Given, wrong: str | None = None) -> Response:
    own = tuple(sorted(_clients(asked), key=lambda c: (c.name.casefold(), c.id)))
    known = {f.key: f for f in formats.available(asked.desk.formats)}
    chosen = known.get(given.format, known[_FORMAT])
    client = given.client if given.client in {c.id for c in own} else ""
    return pages.render(
        request,
        "new.html",
        422 if wrong else 200,
        given=replace(given, client=client, format=chosen.key),
        clients=own,
        formats=tuple((key, f.title) for key, f in known.items()),
        kinds=tuple((key, table(f"kinds/{key}.toml")["title"]) for key in names("kinds")),
        chosen=chosen,
        last=_last(asked, client) if client else None,
        goals=_goals(asked, client) if client else (),
        files=",".join((*TEXT_KINDS, *table("pages.toml")["sounds"])),
        wrong=wrong,
    )


def _clients(asked: Asking) -> list[clients.ClientOut]:
    """All of one's own clients."""
    found, after = list[clients.ClientOut](), None
    while True:
        page = clients.list_clients(asked, after, 200)
        found += page.items
        if (after := page.next) is None:
            return found


def _last(asked: Asking, client: str) -> Last | None:
    """The plan of the client's newest signed note."""
    encounter = queues.newest(asked, client)
    if encounter is None:
        return None
    there = readable(asked, encounter)
    note = standing(notes.document(asked.practice, encounter)).note
    key = _plan_of(note.format, asked)
    said_then = [plain(s.text) for section in note.sections if section.key == key for s in section.sentences]
    return Last(words.day(there.service_date, asked.practice.now().date()), tuple(said_then)) if said_then else None


def _plan_of(format: str, asked: Asking) -> str:
    """The key of the section in which a format has the plan."""
    try:
        found: NoteFormat = formats.load(format, asked.desk.formats)
    except FormatError:
        return "plan"
    return found.section_of(Role.PLAN).key


def _goals(asked: Asking, client: str) -> tuple[Goal, ...]:
    plan: Mapping[str, Any] | None = people.plan(asked.practice, client)
    return goals_of(plan)
