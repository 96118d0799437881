"""Signed notes over the wire: read, exported for a kind of reader, searched within a client, handed over to another chart.

In: ids, a form and a profile. Out: documents as JSON, text, PDF or FHIR. Knows no private note and no unsigned word. Who may read a signed note:
whoever wrote it, their supervisor, whoever treats the client now, and records staff; nobody else learns that it exists, no administrator either.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Response

from drafting.errors import NotKnown
from drafting.pipeline.screening import screen
from drafting.record import notes, people, workbench
from drafting.record.export import fhir, pdf, profiles, text
from drafting.record.export.parties import Parties
from drafting.record.export.profiles import Screened
from drafting.record.retention import ending
from drafting.record.review.lifecycle import SIGNATURE_STANDS
from drafting.types import Context, Draft, DraftSentence, NoteFormat, Section
from drafting.types.record import Client, Document, Encounter, Standing
from drafting.web.access import Asked, Asking, told
from drafting.web.schemas import DocumentOut, EncounterId, HandedOver, PreviewOut

router = APIRouter(prefix="/api/v1/notes/{encounter}", tags=["notes"])


class Form(StrEnum):
    """What an export is made of."""

    TEXT = "text"
    PDF = "pdf"
    FHIR = "fhir"


class Profile(StrEnum):
    """Who will read it."""

    CHART = "chart"
    PAYER = "payer"
    CLIENT = "client_copy"
    SUPERVISION = "supervision"


_MEDIA = {Form.TEXT: "text/plain; charset=utf-8", Form.PDF: "application/pdf", Form.FHIR: "application/fhir+ndjson"}
_ENDING = {Form.TEXT: "txt", Form.PDF: "pdf", Form.FHIR: "ndjson"}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_EXPORTED = {"description": "The note, in that form.", "content": {kind.partition(";")[0]: _BINARY for kind in _MEDIA.values()}}
_READERS = {Profile.CHART: "lawyer", Profile.PAYER: "insurer", Profile.CLIENT: "client", Profile.SUPERVISION: "supervisor"}


@router.get("")
@told("note:read")
def read_note(asked: Asked, encounter: EncounterId) -> DocumentOut:
    """The signed note, its signatures, and all that was signed after it."""
    readable(asked, encounter)
    return DocumentOut.of(notes.document(asked.practice, encounter))


@router.get("/export", response_class=Response, responses={200: _EXPORTED})
def export(
    asked: Asked,
    encounter: EncounterId,
    form: Annotated[Form, Query(description="Text, PDF, or FHIR R4 as one JSON resource a line.")] = Form.TEXT,
    profile: Annotated[Profile, Query(description="Who will read it.")] = Profile.CHART,
    section: Annotated[str | None, Query(pattern=r"^[a-z_]{1,32}$", description="The words of one section alone, as text.")] = None,
) -> Response:
    """The signed note for a kind of reader. Whether it may go to anybody is not decided here."""
    view = _view(asked, readable(asked, encounter), profile)
    now = asked.practice.now()
    match form:
        case Form.PDF:
            body = pdf.whole(view, now.date())
        case Form.FHIR:
            body = b"".join(part + b"\n" for package in fhir.packages(view, now) for part in (package.bundle, package.reference))
        case Form.TEXT:
            body = (text.section(view, section) if section else text.whole(view, now.date())).encode()
    facts = {"form": form.value, "profile": profile.value, "sha256": hashlib.sha256(body).hexdigest()}
    with asked.practice.change() as change:
        change.tell(asked.person.id, "note:exported", subject=encounter, client=view.parties.client, **facts)
    name = f'attachment; filename="{encounter}.{_ENDING[form]}"'
    return Response(body, media_type=_MEDIA[form], headers={"Content-Disposition": name, "Cache-Control": "no-store"})


@router.get("/preview")
@told("note:previewed")
def preview(asked: Asked, encounter: EncounterId, profile: Annotated[Profile, Query(description="Who would read it.")]) -> PreviewOut:
    """What a reader would get of the note, and what not."""
    there = readable(asked, encounter)
    document, client = notes.document(asked.practice, encounter), people.find_client(asked.practice, there.client)
    screened = _screened(asked, document, client, profile)
    told = profiles.preview(document, _READERS[profile], _parties(client), screened=screened)
    return PreviewOut.model_validate(told)


@router.post("/hand-over")
def hand_over(asked: Asked, encounter: EncounterId) -> HandedOver:
    """The note is in the chart that is kept elsewhere: our copy is destroyed, and a receipt stays."""
    signed_by(asked, encounter)
    return HandedOver(receipt=ending.hand_over(asked.practice, encounter, asked.person.id))


# ── who may ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def readable(asking: Asking, encounter: str) -> Encounter:
    """The encounter, whose signed note this person may read. Raises NotKnown, for what is not there as for what is another's."""
    there = workbench.find(asking.practice, encounter)
    who = asking.person
    theirs = who.id == there.author or (who.id == there.supervisor and there.state in SIGNATURE_STANDS)
    staff = who.standing is Standing.RECORDS
    if there.note is None or who.standing is Standing.ADMINISTRATOR or not (theirs or staff or _treats(asking, there.client)):
        raise NotKnown(what="encounter", id=encounter)
    return there


def signed_by(asking: Asking, encounter: str) -> Encounter:
    """The same, for whoever may sign what follows the note: its author and their supervisor. Raises NotKnown."""
    there = readable(asking, encounter)
    if asking.person.id not in (there.author, there.supervisor):
        raise NotKnown(what="encounter", id=encounter)
    return there


def _treats(asking: Asking, client: str) -> bool:
    return people.find_client(asking.practice, client).clinician == asking.person.id


# ── exports ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _view(asking: Asking, there: Encounter, profile: Profile) -> profiles.View:
    """Raises ReleaseRefused, KeyWrong where a signature does not fit."""
    document, client = notes.document(asking.practice, there.id), people.find_client(asking.practice, there.client)
    screened = _screened(asking, document, client, profile)
    return profiles.apply(document, profile.value, _parties(client), screened=screened)


def _parties(client: Client) -> Parties:
    return Parties("", client.id, client.name, self_pay=client.self_pay, part2=client.part2)


def _screened(asking: Asking, document: Document, client: Client, profile: Profile) -> Screened | None:
    """What screening finds in all that was signed, for a profile that names nobody; None for the others."""
    if not profiles.profile(profile.value).screened:
        return None
    found, scanner = {}, asking.desk.engines().scanner
    for note in (one.note for one in profiles.every(document)):
        sections = tuple(Section(s.key, s.title, (), (), (0, 0)) for s in note.sections)
        sentences = tuple(DraftSentence(s.key, sentence.text, ()) for s in note.sections for sentence in s.sentences)
        context = Context(client_names=(client.name,), date_of_service=note.header.date_of_service)
        found[note.id] = screen(Draft(NoteFormat(note.format, "", 1, sections, ""), sentences, ""), scanner, context, profile.value)
    return found
