"""A note as the bytes of a form, for a kind of reader: what `aside notes` writes.

In: a practice, an encounter, a profile's key. Out: text, PDF or FHIR, or words on what a reader would get. Knows no file and no person's right.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from drafting import wiring

if TYPE_CHECKING:
    from drafting.record.export.parties import Parties
    from drafting.record.export.profiles import Screened, View
    from drafting.record.keys import Opener
    from drafting.record.practice import Practice
    from drafting.types.record import Client, Document

_READERS = {"chart": "lawyer", "payer": "insurer", "client_copy": "client", "supervision": "supervisor"}


class Form(StrEnum):
    text = "text"
    pdf = "pdf"
    fhir = "fhir"


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed document and all that an export's profile asks for: chart, payer, client_copy or supervision."""

    practice: Practice = field(repr=False)
    document: Document = field(repr=False)
    parties: Parties = field(repr=False)
    profile: str
    screened: Screened | None = field(default=None, repr=False)

    @classmethod
    def of(cls, practice: Practice, encounter: str, profile: str, practice_name: str = "") -> Signed:
        """An encounter's. Raises NotKnown where nothing is signed, KeyWrong where a signature does not fit."""
        from drafting.record import notes, people, workbench

        client = people.find_client(practice, workbench.find(practice, encounter).client)
        return cls.over(practice, notes.document(practice, encounter), client, profile, practice_name)

    @classmethod
    def over(cls, practice: Practice, document: Document, client: Client, profile: str, practice_name: str = "") -> Signed:
        """A document that is at hand."""
        from drafting.record.export import profiles

        screened = screening(document, client, profile) if profiles.profile(profile).screened else None
        return cls(practice, document, parties(client, practice_name), profile, screened)

    def view(self) -> View:
        """Raises ReleaseRefused."""
        from drafting.record.export import profiles

        return profiles.apply(self.document, self.profile, self.parties, screened=self.screened)

    def body(self, form: Form, section: str | None = None) -> bytes:
        """The bytes of a form; of one section, its words alone. Raises ReleaseRefused, ExportFault, NotKnown for a section that is none."""
        view, now = self.view(), self.practice.now()
        if form is Form.pdf:
            from drafting.record.export import pdf

            return pdf.whole(view, now.date())
        if form is Form.fhir:
            from drafting.record.export import fhir

            return b"".join(part + b"\n" for package in fhir.packages(view, now) for part in (package.bundle, package.reference))
        from drafting.record.export import text

        return _encoded(text.whole(view, now.date()) if section is None else text.section(view, section))

    def preview(self) -> bytes:
        """What the reader would get and what not, in words; the sentences that are left out; then what they would read."""
        from drafting.record.export import profiles, text
        from drafting.record.export.letters import line

        told = profiles.preview(self.document, _READERS[self.profile], self.parties, screened=self.screened)
        lines = [f"Reader: {told.reader}", f"Gets: {told.gets}", f"Does not get: {told.not_given}"]
        if told.view is None:
            return _encoded("\n".join([*lines, f"Now: {told.refused}"]))
        lines += [f"Sentences: {told.kept} given, {len(told.left_out)} left out, {told.replaced} passages replaced"]
        lines += [f"Not shown: {', '.join(told.hidden)}"] if told.hidden else []
        lines += [f"Left out, {line(left.title)}: {line(left.text)}" for left in told.left_out]
        return _encoded("\n".join([*lines, "", text.whole(told.view, self.practice.now().date())]))


def draft(practice: Practice, encounter: str, opener: Opener, form: Form, practice_name: str, section: str | None) -> bytes:
    """The note before it is signed, marked so, with what screening found and nobody decided on masked. Raises NotKnown, KeyMissing, Shredded."""
    from drafting.record import people, workbench
    from drafting.record.export import text
    from drafting.record.workbench import drafted

    review = drafted.load(practice, encounter, opener)
    over = parties(people.find_client(practice, workbench.find(practice, encounter).client), practice_name)
    if form is Form.pdf:
        from drafting.record.export import pdf

        return pdf.draft(review, practice.now().date(), over)
    return _encoded(text.draft_text(review, over) if section is None else text.draft_section_text(review, section))


def parties(client: Client, practice_name: str) -> Parties:
    from drafting.record.export.parties import Parties

    return Parties(practice_name, client.id, client.name, self_pay=client.self_pay, part2=client.part2)


def screening(document: Document, client: Client, profile: str) -> Screened:
    """What screening finds in a document and all that was signed after it, for a profile's reader, by the id of each note."""
    from drafting.pipeline.screening import screen
    from drafting.record.export.profiles import every
    from drafting.types import Context, Draft, DraftSentence, NoteFormat, Section

    scanner, found = wiring.scanner(), {}
    for note in (one.note for one in every(document)):
        sections = tuple(Section(s.key, s.title, (), (), (0, 0)) for s in note.sections)
        sentences = tuple(DraftSentence(s.key, sentence.text, ()) for s in note.sections for sentence in s.sentences)
        context = Context(client_names=(client.name,), date_of_service=note.header.date_of_service)
        found[note.id] = screen(Draft(NoteFormat(note.format, "", 1, sections, ""), sentences, ""), scanner, context, profile)
    return found


def _encoded(text: str) -> bytes:
    return text.encode() if text.endswith("\n") else f"{text}\n".encode()
