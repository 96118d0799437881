"""Private notes over the wire: not part of the record, in a place apart, open for five idle minutes at most.

In: ids, a passphrase. Out: which private notes there are, and the words of one, while they are open. Knows no record. Each reading is on the audit
trail, with its reason, before anything is opened; to bring one into the record is an act of the review.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field, StringConstraints

from drafting.errors import NotKnown
from drafting.record import vault
from drafting.record.accounts import sessions
from drafting.record.vault import PrivateNote, Why
from drafting.web.access import SLOW, Asked, Asking, told
from drafting.web.acts import Id
from drafting.web.reviews import PrivateClosed
from drafting.web.schemas import In, Instant, Out

router = APIRouter(prefix="/api/v1/private", tags=["private notes"])

NoteId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="The private note's id.")]
ReaderId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="Whom to take it from.")]


class PrivateOut(Out):
    """What is known of a private note without opening it. It is not part of the record."""

    id: str = Field(description="The private note's id.")
    encounter: str = Field(description="The encounter that it came from.")
    client: str = Field(description="The client's pseudonym.")
    author: str = Field(description="Whose it is.")
    number: int = Field(description="Its place among the encounter's.")
    statements: tuple[str, ...] = Field(description="Ids of the statements that it was.")
    part2: bool = Field(description="Whether 42 CFR Part 2 binds it.")
    since: datetime = Field(description="When it was put away.")


class PrivateList(Out):
    """Private notes that one may read."""

    own: tuple[PrivateOut, ...] = Field(description="One's own.")
    shared: tuple[PrivateOut, ...] = Field(description="Those that others brought to supervision, or left to an executor.")


class PrivateWords(Out):
    """A private note, opened."""

    id: str = Field(description="The private note's id.")
    text: str = Field(repr=False, description="Its words.")


class PassphraseIn(In):
    """A passphrase."""

    passphrase: Annotated[str, StringConstraints(min_length=1, max_length=1_000)] = Field(repr=False, description="The person's passphrase.")


class ShareIn(In):
    """A private note brought to supervision."""

    reader: Id = Field(description="The supervisor who may read it.")
    until: Instant | None = Field(default=None, description="Until when; until it is taken back, if not given.")


class SharedOut(Out):
    """That a private note was brought to somebody, or taken back."""

    note: str = Field(description="The private note's id.")
    reader: str = Field(description="Whom it was brought to, or taken back from.")


class StandsOpen(Out):
    """Whether private notes are open in this session."""

    open: bool = Field(description="They close after five idle minutes.")


@router.post("/open")
def open_(asked: Asked, given: PassphraseIn) -> StandsOpen:
    """Open one's private notes, with one's passphrase though the keys be open."""
    with SLOW:
        sessions.open_private(asked.practice, asked.token, given.passphrase)
    return StandsOpen(open=True)


@router.post("/close")
def close(asked: Asked) -> StandsOpen:
    """Close them."""
    sessions.close_private(asked.practice, asked.token)
    return StandsOpen(open=False)


@router.get("")
@told("private:listed")
def list_(
    asked: Asked,
    client: Annotated[Id | None, Query(description="Of one client alone.")] = None,
    encounter: Annotated[Id | None, Query(description="Of one encounter alone.")] = None,
) -> PrivateList:
    """One's own private notes, and those that others shared: ids and dates, no words."""
    _open(asked)
    own = vault.listed(asked.practice, asked.person.id, client, encounter)
    shared = vault.shared_with(asked.practice, asked.person.id)
    theirs = [n for n in shared if client in (None, n.client) and encounter in (None, n.encounter)]
    return PrivateList.model_validate({"own": own, "shared": theirs})


@router.get("/{note}")
def read(asked: Asked, note: NoteId) -> PrivateWords:
    """The words of one's own private note, or of one that was brought to supervision."""
    _open(asked)
    why = _why(asked, note)
    return PrivateWords(id=note, text=vault.read(asked.practice, note, asked.unlocked(), why))


@router.post("/{note}/shares", status_code=201)
def share(asked: Asked, note: NoteId, given: ShareIn) -> SharedOut:
    """Bring one private note to supervision."""
    _own(asked, note)
    vault.share(asked.practice, asked.unlocked(), note, given.reader, until=given.until)
    return SharedOut(note=note, reader=given.reader)


@router.delete("/{note}/shares/{reader}")
def unshare(asked: Asked, note: NoteId, reader: ReaderId) -> SharedOut:
    """Take it back. What was read before was read."""
    _own(asked, note)
    vault.unshare(asked.practice, asked.unlocked(), note, reader)
    return SharedOut(note=note, reader=reader)


def _open(asking: Asking) -> None:
    """Raises PrivateClosed."""
    if not sessions.use_private(asking.practice, asking.token):
        raise PrivateClosed()


def _own(asking: Asking, note: str) -> PrivateNote:
    """A private note of one's own, while they are open. Raises NotKnown, for another's as for one that is not there; PrivateClosed."""
    _open(asking)
    return _known(vault.listed(asking.practice, asking.person.id), note)


def _why(asking: Asking, note: str) -> Why:
    """Why this person may read it. Raises NotKnown."""
    if any(one.id == note for one in vault.listed(asking.practice, asking.person.id)):
        return Why.OWN_TREATMENT
    for why in (Why.SUPERVISION, Why.EXECUTOR):
        if any(one.id == note for one in vault.shared_with(asking.practice, asking.person.id, why)):
            return why
    raise NotKnown(what="private note", id=note)


def _known(listed: tuple[PrivateNote, ...], note: str) -> PrivateNote:
    found = next((one for one in listed if one.id == note), None)
    if found is None:
        raise NotKnown(what="private note", id=note)
    return found
