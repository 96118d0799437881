"""Signed notes and drafts for the export tests: invented people, and strings that somebody hostile might type."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime

from drafting.record.export.parties import Parties
from drafting.types import Mode
from drafting.types.record import Document, Meaning, NoteKind, RiskLine, Signature, SignedNote, SignedSection, SignedSentence
from drafting.types.review import Flag, NoteHeader, Review, ReviewSentence

PRINTED = date(2026, 3, 5)
AT = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)
PARTIES = Parties("Larkspur Practice", "C-0142", "Ana Belcourt", date(1990, 2, 1))

HEADER = NoteHeader(
    "C-0142", date(2026, 3, 4), "14:05", "14:58", "America/Chicago", place="10", telehealth=True, client_location="Illinois",
    participants=("client",), code="90837", diagnoses=("F41.1",), goals=("G2",), modality="CBT", frequency="weekly", confirmed=True,
)  # fmt: skip

HOSTILE = (
    "<b>bold</b> & <script>alert(1)</script> &amp; <para>",
    "\x00\x1b[31mred\x1b[0m\x07\x7f\x85bell",
    "\u202eevil\u202c \u2066x\u2069 \U000e0041\U000e007f",
    "\ud800 half, \udfff half, \ufffe none",
    "```\n\nSIGNED ELECTRONICALLY BY THE AUTHOR\nName: Mallory\n***",
    "]]> --> {placeholder} %s {0} \\u0000 ' \" `",
    "😀👩‍👩‍👧 漢字 سلام שלום ไทย हिन्दी e\u0301\u0323 \u00ad\u200b\ufeff",
    " \t\r\n\u2028\u2029 ",
    "\u200b",
    "x" * 300,
)


def section(key: str, *sentences: str, title: str | None = None) -> SignedSection:
    return SignedSection(key, title or key.title(), tuple(SignedSentence(text, (f"{key}{n}",)) for n, text in enumerate(sentences)))


def signature(note: str, signer: str = "p1", meaning: Meaning = Meaning.AUTHOR, name: str = "Ines Marlow", **more: object) -> Signature:
    made = Signature(
        note, signer, name, "LCSW", "149.021", meaning, "I reviewed this note and what it rests on.", "passphrase",
        datetime(2026, 3, 4, 22, 1, 5, tzinfo=UTC), "America/Chicago", "ab" * 32, "key-1", bytes(range(64)),
    )  # fmt: skip
    return replace(made, **more)


def note(*sections: SignedSection, id: str = "n1", kind: NoteKind = NoteKind.NOTE, **more: object) -> SignedNote:
    made = SignedNote(id, "e1", 1, kind, "soap", "d", HEADER, sections, writer="plain", mode="dictation", edited_share=0.25)
    return replace(made, **more)


SOAP = note(
    section("subjective", "She slept poorly on four nights.", "Her sister Maria was late again."),
    section("objective", "PHQ-9 was 11, down from 17.", "She wore a green coat."),
    section("assessment", "Panic attacks are less frequent than last month.", "The office is being painted."),
    section("plan", "Next session is Tuesday.", "Bring the worksheet."),
    risks=(RiskLine("suicide", "the client", "asked and denied"), RiskLine("firearm", "the client", "in the clinician's own words", "None at home.")),
)


def signed(content: SignedNote, after: Iterable[Document] = (), **more: object) -> Document:
    """`content`, signed by its author."""
    return Document(content, (signature(content.id, **more),), tuple(after))


def addendum(id: str = "n2", parent: str = "n1", text: str = "A letter was sent.") -> Document:
    made = note(section("addendum", text), id=id, kind=NoteKind.ADDENDUM, parent=parent, reason="More came in.", writer=None, mode=None)
    return signed(made)


def amendment(id: str = "n3", parent: str = "n1") -> Document:
    made = note(section("plan", "Next session is Thursday."), id=id, kind=NoteKind.AMENDMENT, parent=parent, reason="A wrong day.")
    return signed(made)


def withdrawal(id: str = "n4", parent: str = "n1") -> Document:
    return signed(note(id=id, kind=NoteKind.ERROR, parent=parent, reason="Another client's.", writer=None))


def everywhere(text: str) -> tuple[Document, Parties]:
    """A cosigned note with an addendum and a withdrawal in which every field that holds text holds `text`."""
    header = replace(
        HEADER, client=text, zone=text, place=text, client_location=text, participants=(text,), code=text, add_ons=(text,), diagnoses=(text,),
        goals=(text,), modality=text, frequency=text, late_reason=text, note_kind=text,
    )  # fmt: skip
    one = SignedSection(text, text, (SignedSentence(text, (text,)), SignedSentence(text)))

    def made(id: str, kind: NoteKind, parent: str | None) -> Document:
        content = SignedNote(
            id, text, 1, kind, text, text, header, (one, one), (RiskLine(text, text, text, text),), (text,), True, parent, text, text, text, text, text,
        )  # fmt: skip
        mark = signature(id, name=text, credential=text, licence=text, statement=text, method=text, zone=text, digest=text, key=text)
        return Document(content, (mark, replace(mark, signer=text, meaning=Meaning.COSIGNER)))

    later = (made("n2", NoteKind.ADDENDUM, "n1"), made("n3", NoteKind.AMENDMENT, "n1"), made("n4", NoteKind.ERROR, "n2"))
    return replace(made("n1", NoteKind.NOTE, None), after=later), Parties(text, text, text, date(1990, 2, 1), part2=True)


def review(*sentences: tuple[str, str], flags: tuple[Flag, ...] = (), **more: object) -> Review:
    """An unsigned SOAP note; sentences (section, text) are n0, n1 …"""
    written = tuple(ReviewSentence(f"n{number}", key, text, (f"s{number}",)) for number, (key, text) in enumerate(sentences))
    titles = (("subjective", "Subjective"), ("objective", "Objective"), ("assessment", "Assessment"), ("plan", "Plan"))
    return Review("e1", 3, Mode.DICTATION, "soap", "d", titles, HEADER, written, flags, **more)
