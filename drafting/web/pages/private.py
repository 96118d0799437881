"""Private notes, as pages: another room, opened apart with the passphrase, and closed after five idle minutes. Not part of the record.

In: an encounter or a private note, a passphrase. Out: the pages; sharing with a supervisor and taking back. Knows no record. Each reading is on the
audit trail, with its reason, before anything is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from sqlalchemy import select

from drafting.errors import NotKnown
from drafting.record import people, vault, workbench
from drafting.record.accounts import sessions
from drafting.record.accounts.sessions import PRIVATE_IDLE
from drafting.record.export.letters import plain
from drafting.record.store import reading
from drafting.record.store.tables.private import SHARES
from drafting.record.vault import PrivateNote, Why
from drafting.types.record import Encounter, Person, Standing
from drafting.web import pages, queues, words
from drafting.web.access import SLOW, Asked, Asking, mine, told
from drafting.web.api import private as api
from drafting.web.forms import Secret, Short, said, to, tried
from drafting.web.queues import Named
from drafting.web.reviews import PrivateClosed

router = APIRouter(include_in_schema=False)

CLOSED = 423
"""The status of the page that asks for the passphrase."""

Next = Annotated[str, Form(max_length=300)]


@dataclass(frozen=True, slots=True)
class Place:
    """Private notes of one encounter, by number; `of`: whose they are, where not one's own."""

    encounter: str
    client: Named
    count: int
    since: str
    notes: tuple[str, ...] = ()
    of: str = field(repr=False, default="")


@dataclass(frozen=True, slots=True)
class Aside:
    """A private note, opened. `readers`: to whom it was brought, by id and name."""

    id: str
    text: str = field(repr=False)
    since: str
    readers: tuple[tuple[str, str], ...] = field(repr=False, default=())


# ── the room, and its door ────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/private")
@told("private:listed")
def show_places(request: Request, asked: Asked) -> Response:
    """Where there are private notes: one's own, and those that were brought to whoever asks."""
    if (closed := _closed(request, asked, "/private")) is not None:
        return closed
    shared = vault.shared_with(asked.practice, asked.person.id)
    with asked.practice.keyring.remembering():
        own, theirs = _places(asked, vault.listed(asked.practice, asked.person.id)), _places(asked, shared, others=True)
    return pages.render(request, "private.html", **_room(own=own, theirs=theirs, encounter=None))


@router.get("/private/{encounter}")
@told("private:listed")
def show_private(request: Request, asked: Asked, encounter: str, done: str | None = None) -> Response:
    """The private notes of one visit of one's own."""
    there = mine(asked, encounter)
    if (closed := _closed(request, asked, f"/private/{encounter}")) is not None:
        return closed
    return _encounter(request, asked, there, said("done", done))


@router.get("/private/note/{note}")
@told("private:listed")
def show_shared(request: Request, asked: Asked, note: str) -> Response:
    """One private note that was brought to whoever asks."""
    if (closed := _closed(request, asked, f"/private/note/{note}")) is not None:
        return closed
    text = api.read(asked, note).text
    known = [*vault.shared_with(asked.practice, asked.person.id), *vault.listed(asked.practice, asked.person.id)]
    there = next(one for one in known if one.id == note)
    author = people.find_person(asked.practice, there.author).name if there.author != asked.person.id else ""
    opened = Aside(note, plain(text), words.moment(there.since, UTC))
    shown = {"asides": (opened,), "client": queues.named(asked, there.client), "when": "", "own": False, "author": author}
    return pages.render(request, "private.html", **_room(**shown, encounter=there.encounter))


@router.post("/private/open")
@told("private:door")
def open_(request: Request, asked: Asked, passphrase: Secret = "", next: Next = "/private") -> Response:
    def do() -> Response:
        with SLOW:
            sessions.open_private(asked.practice, asked.token, passphrase)
        return to(next)

    return tried(do, lambda status, wrong: _keyhole(request, next, status, wrong))


@router.post("/private/close")
@told("private:door")
def close(asked: Asked, next: Next = "/private") -> Response:
    sessions.close_private(asked.practice, asked.token)
    return to(next)


# ── bringing one to supervision ───────────────────────────────────────────────────────────────────────────────────────


@router.post("/private/note/{note}/share")
@told("private:listed")
def share(request: Request, asked: Asked, note: str, reader: Short = "") -> Response:
    """Bring one private note of one's own to somebody who supervises."""
    there = _own(asked, note)

    def do() -> Response:
        vault.share(asked.practice, asked.unlocked(), note, reader)
        return to(f"/private/{there.encounter}", "shared")

    return _tried(request, asked, there, do)


@router.post("/private/note/{note}/unshare")
@told("private:listed")
def unshare(request: Request, asked: Asked, note: str, reader: Short = "") -> Response:
    """Take it back."""
    there = _own(asked, note)

    def do() -> Response:
        vault.unshare(asked.practice, asked.unlocked(), note, reader)
        return to(f"/private/{there.encounter}", "unshared")

    return _tried(request, asked, there, do)


def _tried(request: Request, asked: Asking, there: PrivateNote, do: Callable[[], Response]) -> Response:
    return tried(do, lambda status, wrong: _encounter(request, asked, mine(asked, there.encounter), "", status, wrong))


# ── within ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _closed(request: Request, asked: Asking, next: str) -> Response | None:
    """The page that asks for the passphrase, while private notes are closed; being asked counts as a use."""
    if sessions.use_private(asked.practice, asked.token):
        return None
    with asked.practice.change() as change:
        change.tell(asked.person.id, "private:door")
    return _keyhole(request, next, CLOSED, None)


def _keyhole(request: Request, next: str, status: int, wrong: str | None) -> Response:
    return pages.render(request, "private.html", status, **_room(open=False, next=next, wrong=wrong))


def _own(asked: Asking, note: str) -> PrivateNote:
    """A private note of one's own, while they are open. Raises PrivateClosed, NotKnown."""
    if not sessions.use_private(asked.practice, asked.token):
        raise PrivateClosed()
    found = next((one for one in vault.listed(asked.practice, asked.person.id) if one.id == note), None)
    if found is None:
        raise NotKnown(what="private note", id=note)
    return found


def _encounter(request: Request, asked: Asking, there: Encounter, done: str, status: int = 200, wrong: str | None = None) -> Response:
    unlocked = asked.unlocked()
    own = sorted(vault.listed(asked.practice, asked.person.id, encounter=there.id), key=_said)
    texts = vault.read_all(asked.practice, [n.id for n in own], unlocked, Why.OWN_TREATMENT)
    readers = _readers(asked, [n.id for n in own])
    over = [p for p in people.all_people(asked.practice) if p.standing is Standing.SUPERVISOR and p.active and p.id != asked.person.id]
    shown = {
        "encounter": there.id,
        "client": queues.named(asked, there.client),
        "when": words.whole_day(there.service_date),
        "own": True,
        "asides": tuple(Aside(n.id, plain(texts[n.id]), words.moment(n.since, UTC), readers.get(n.id, ())) for n in own),
        "supervisors": tuple((p.id, p.name) for p in over),
        "editable": there.state in workbench.EDITABLE and there.version > 0,
        "version": there.version,
    }
    return pages.render(request, "private.html", status, **_room(**shown, done=done, wrong=wrong))


def _said(note: PrivateNote) -> tuple[int, int]:
    """In the order in which it was said."""
    digits = "".join(c for c in note.statements[0] if c.isdecimal()) if note.statements else ""
    return int(digits or 0), note.number


def _readers(asked: Asking, notes: list[str]) -> dict[str, tuple[tuple[str, str], ...]]:
    """To whom each of one's own notes was brought and still is."""
    names: dict[str, Person] = {p.id: p for p in people.all_people(asked.practice)}
    with reading(asked.practice.stores.private) as connection:
        rows = connection.execute(select(SHARES.c.note, SHARES.c.reader, SHARES.c.until).where(SHARES.c.note.in_(notes))).all()
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for row in rows:
        found[row.note] = (*found.get(row.note, ()), (row.reader, names[row.reader].name))
    return found


def _places(asked: Asking, listed: Iterable[PrivateNote], *, others: bool = False) -> tuple[Place, ...]:
    """Encounters with private notes, the newest first."""
    found: dict[tuple[str, str], list[PrivateNote]] = {}
    for one in listed:
        found.setdefault((one.author, one.encounter), []).append(one)
    newest = sorted(found.values(), key=lambda some: max(n.since for n in some), reverse=True)
    return tuple(_place(asked, some, others) for some in newest)


def _place(asked: Asking, some: list[PrivateNote], others: bool) -> Place:
    since: datetime = max(n.since for n in some)
    of = people.find_person(asked.practice, some[0].author).name if others else ""
    return Place(some[0].encounter, queues.named(asked, some[0].client), len(some), words.moment(since, UTC), tuple(n.id for n in some), of)


def _room(**shown: object) -> dict[str, object]:
    """All that the template asks for."""
    given = {"open": True, "next": "/private", "wrong": None, "done": "", "encounter": None, "own": (), "theirs": (), "asides": ()}
    more = {"client": None, "when": "", "supervisors": (), "editable": False, "version": 0, "author": "", "idle": int(PRIVATE_IDLE.total_seconds())}
    return given | more | shown
