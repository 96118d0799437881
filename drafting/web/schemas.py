"""The API's nouns: what goes over the wire, each field with the words that say what it is.

In: the record's own nouns, from whose attributes most are read; or JSON. Out: pydantic models. Knows no store, no route and no rule. Fields that hold
somebody's words are in no repr.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import Header, Path
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from drafting.record.export.blocks import zone_of
from drafting.record.review.lifecycle import Block, blocks, suggestions
from drafting.types.notes import Severity, Support
from drafting.types.record import Document, Meaning, NoteKind, NoteState, Person, Stage
from drafting.types.review import FlagState, Origin, Review, RiskAnswer
from drafting.types.statements import Polarity, Route
from drafting.types.visit import Mode
from drafting.web.acts import Line, Words


def _name(given: str) -> str:
    name = " ".join(given.split())
    if not any(letter.isalnum() for letter in name):
        raise ValueError("it has no letter")
    return name


def _zone(given: str) -> str:
    if zone_of(given) is None:
        raise ValueError("it is not known here")
    return given


Name = Annotated[str, StringConstraints(max_length=200), AfterValidator(_name)]
Zone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_zone)]
Instant = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(2999, 12, 31, tzinfo=UTC))]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
EncounterId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="The encounter's id.")]
ClientId = Annotated[str, Path(pattern=r"^[A-Za-z0-9-]{1,64}$", description="The client's pseudonym.")]
IfMatch = Annotated[str, Header(alias="If-Match", pattern=r'^"[0-9]{1,9}"$', description="The entity tag of what is changed, as it was last read.")]


def version_of(tag: str) -> int:
    """The version that an entity tag names."""
    return int(tag.strip('"'))


def tag_of(version: int) -> dict[str, str]:
    """The header that names it."""
    return {"ETag": f'"{version}"', "Cache-Control": "no-store"}


class Out(BaseModel):
    """What the service answers with, read from the attributes of the record's nouns."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class In(BaseModel):
    """What the service is given; a name that it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# ── a review ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class SectionName(Out):
    """A section of the note's format."""

    key: str = Field(description="Its key, such as subjective.")
    title: str = Field(description="Its heading.")


class HeaderOut(Out):
    """What stands over a note. Said times are suggestions until a person confirms the header."""

    client: str = Field(description="The client's pseudonym.")
    date_of_service: date | None = Field(description="The day of the visit.")
    start: str | None = Field(description="When it began: hours and minutes, local.")
    stop: str | None = Field(description="When it ended.")
    zone: str = Field(description="The time zone of both, an IANA name.")
    place: str | None = Field(description="Where it was held.")
    telehealth: bool = Field(description="Whether it was held over a distance.")
    client_location: str | None = Field(description="Where the client was, if it was.")
    participants: tuple[str, ...] = Field(description="Who took part, as roles.")
    code: str | None = Field(description="The service code.")
    add_ons: tuple[str, ...] = Field(description="Its add-on codes.")
    diagnoses: tuple[str, ...] = Field(description="Diagnoses, as ICD-10-CM codes.")
    goals: tuple[str, ...] = Field(description="Goals of the treatment plan that the visit served.")
    modality: str | None = Field(description="The modality of treatment.")
    frequency: str | None = Field(description="How often client and clinician meet.")
    note_kind: str = Field(description="The kind of note: session, intake, crisis and so on.")
    late_reason: str | None = Field(repr=False, description="Why the note is late, where it is.")
    confirmed: bool = Field(description="Whether the clinician has confirmed all of this.")


class SentenceOut(Out):
    """A sentence of the note as it stands."""

    id: str = Field(description="Stays the same through every change.")
    section: str = Field(description="The key of its section.")
    text: str = Field(repr=False, description="How it reads.")
    evidence: tuple[str, ...] = Field(description="Ids of the statements that it rests on.")
    support: Support = Field(description="How well they bear it.")
    origin: Origin = Field(description="Whose wording it is: the draft's, the draft's as a person changed it, or a person's own.")
    confirmed: bool = Field(description="Whether the clinician vouches for it, though nobody was heard to say it.")
    goals: tuple[str, ...] = Field(description="Goals of the treatment plan that it speaks to.")


class FlagOut(Out):
    """Words in a sentence that the chart may not need, and what became of them."""

    id: str = Field(description="The finding's id.")
    sentence: str = Field(description="The id of the sentence.")
    start: int = Field(description="Where it begins in the sentence as it reads now, in characters.")
    end: int = Field(description="Where it ends.")
    words: str = Field(repr=False, description="What was found.")
    kind: str = Field(description="What it is, a code.")
    severity: Severity = Field(description="How much it matters; what blocks must go before a signature.")
    reason: str = Field(description="Why it was found, in words.")
    suggestion: str = Field(repr=False, description="What may stand in its place.")
    state: FlagState = Field(description="Open, applied, kept, or remembered for this client.")
    why: str | None = Field(repr=False, description="Why it was kept, in the clinician's words.")


class RiskOut(Out):
    """A risk item, and its answer. None is ever preselected."""

    id: str = Field(description="The risk item's id.")
    topic: str = Field(description="What danger was spoken of.")
    whose: str = Field(description="Whose danger it is, or to whom.")
    polarity: Polarity = Field(description="How it was spoken of: as present, denied, past, or not clear.")
    evidence: tuple[str, ...] = Field(description="Ids of the statements; none for a blank that must be answered because nobody spoke of danger.")
    answer: RiskAnswer | None = Field(description="The clinician's answer, once there is one.")
    own: str | None = Field(repr=False, description="The clinician's own words, where the answer is in them.")
    answered_by: str | None = Field(description="Who answered.")
    answered_at: datetime | None = Field(description="When.")


class HeldOut(Out):
    """A statement that the clinician decides on."""

    statement: str = Field(description="The statement's id.")
    text: str = Field(repr=False, description="Its words; empty once it is private.")
    risk: bool = Field(description="Whether it speaks of danger.")
    elements: tuple[str, ...] = Field(description="Elements in it that the record must have, as codes.")
    decision: Route | None = Field(description="Where the clinician sent it; none before.")


class PromptOut(Out):
    """Something the record may need that stands in private words alone."""

    element: str = Field(description="What it is, a code.")
    evidence: tuple[str, ...] = Field(description="Ids of the statements.")


class BlockOut(Out):
    """Something to clear, or to look at."""

    code: str = Field(description="What it is, a code.")
    subject: str = Field(description="Which: the id of a finding, sentence, risk item or statement, or the code again.")
    never: bool = Field(description="Whether not even a signature in urgent care passes it.")


class ReviewOut(Out):
    """All that a clinician sees of an unsigned note."""

    encounter: str = Field(description="The encounter's id.")
    version: int = Field(description="Which version this is: the entity tag, to be sent back with every change.")
    mode: Mode = Field(description="A dictation, or a recorded session.")
    format: str = Field(description="The format's key.")
    sections: tuple[SectionName, ...] = Field(description="Its sections, in order.")
    header: HeaderOut = Field(description="What stands over the note.")
    sentences: tuple[SentenceOut, ...] = Field(description="The note, in order.")
    flags: tuple[FlagOut, ...] = Field(description="What screening found.")
    risks: tuple[RiskOut, ...] = Field(description="Dangers that were spoken of, to be answered.")
    held: tuple[HeldOut, ...] = Field(description="Statements to decide on.")
    private: tuple[str, ...] = Field(description="Ids of the statements kept private; their words are elsewhere.")
    missing: tuple[str, ...] = Field(description="Required elements that the note lacks, as codes.")
    warnings: tuple[str, ...] = Field(description="Elements that a reader may miss, as codes.")
    prompts: tuple[PromptOut, ...] = Field(description="What may be wanted in the record and stands in private words alone.")
    dismissed: tuple[str, ...] = Field(description="Prompts and reminders that are not wanted.")
    rough: bool = Field(description="Whether the transcript is a rough one, to be checked.")
    rough_confirmed: bool = Field(description="Whether it was.")
    returned: str | None = Field(repr=False, description="Why the supervisor gave the note back.")
    blocks: tuple[BlockOut, ...] = Field(description="What stops a signature, in the order in which one would clear it.")
    suggestions: tuple[BlockOut, ...] = Field(description="What one may look at, and may leave.")

    @classmethod
    def of(cls, review: Review, author: Person | None = None) -> ReviewOut:
        """`review` as its `author`, whose credential counts, may sign it."""
        same = {name: getattr(review, name) for name in cls.model_fields if hasattr(review, name)}
        apart = {
            "sections": [{"key": key, "title": title} for key, title in review.sections],
            "prompts": [{"element": element, "evidence": evidence} for element, evidence in review.prompts],
            "blocks": _all(blocks(review, author=author)),
            "suggestions": _all(suggestions(review)),
        }
        return cls.model_validate(same | apart)


def _all(found: tuple[Block, ...]) -> list[BlockOut]:
    return [BlockOut.model_validate(one) for one in found]


class PlaceOut(Out):
    """A statement's place in the source."""

    id: str = Field(description="The statement's id.")
    start: int = Field(description="Where it begins in the text, in characters.")
    end: int = Field(description="Where it ends.")
    audio: tuple[float, float] | None = Field(description="From when to when it was said, in seconds.")
    speaker: str | None = Field(description="Who said it, as a role.")
    route: Route = Field(description="Where it went when it was read.")


class UtteranceOut(Out):
    """A stretch of talk in the text."""

    model_config = ConfigDict(frozen=True, validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    start: float = Field(description="When it began, in seconds.")
    end: float = Field(description="When it ended.")
    from_: int = Field(alias="from", description="Where it begins in the text, in characters.")
    to: int = Field(description="Where it ends.")


class SourceOut(Out):
    """What the note rests on, with private words blacked out letter for letter."""

    text: str = Field(repr=False, description="The words as they were said or typed.")
    engine: str | None = Field(description="What heard them, where they were spoken.")
    utterances: tuple[UtteranceOut, ...] = Field(description="Stretches of talk, where they were spoken.")
    statements: tuple[PlaceOut, ...] = Field(description="Where each statement stands.")


# ── signing, and what is signed ───────────────────────────────────────────────────────────────────────────────────────


class SignIn(In):
    """A signature of the version that the entity tag names."""

    urgent: bool = Field(default=False, description="Sign as incomplete for urgent care: what is open is printed on the note, and a task is set.")
    reason: Reason | None = Field(default=None, repr=False, description="Why a note that was signed before is signed again.")
    zone: Line = Field(default="UTC", description="Where the signer is: an IANA time zone.")


class CosignIn(In):
    """A cosignature."""

    zone: Line = Field(default="UTC", description="Where the signer is: an IANA time zone.")


class ReturnIn(In):
    """A note given back to its author."""

    reason: Reason = Field(repr=False, description="What is to be changed; it stands in the review alone.")


class AddendumIn(In):
    """Something to be added to a signed note."""

    text: Annotated[Words, StringConstraints(strip_whitespace=True, min_length=1)] = Field(
        repr=False, description="What is added, a paragraph a line."
    )
    reason: Reason = Field(repr=False, description="Why.")
    zone: Line = Field(default="UTC", description="Where the signer is: an IANA time zone.")


class WithdrawIn(In):
    """A signed note marked as entered in error."""

    reason: Reason = Field(repr=False, description="Why; it is printed on the note.")
    zone: Line = Field(default="UTC", description="Where the signer is: an IANA time zone.")


class SignatureOut(Out):
    """A signature, whose fit was checked as it was read."""

    signer: str = Field(description="Who signed, an id.")
    name: str = Field(repr=False, description="Their name, as signed.")
    credential: str | None = Field(description="Their credential, as signed.")
    licence: str | None = Field(description="Their licence number, as signed.")
    meaning: Meaning = Field(description="As author, or as cosigner.")
    statement: str = Field(description="What the signature says.")
    method: str = Field(description="How the signer was known, a code.")
    at: datetime = Field(description="When.")
    zone: str = Field(description="Where the signer was: an IANA time zone.")
    digest: str = Field(description="SHA-256 of the exact note, in hex.")


class SignedSentenceOut(Out):
    """A sentence as signed."""

    text: str = Field(repr=False, description="How it reads.")
    evidence: tuple[str, ...] = Field(description="Ids of the statements that it rested on.")
    goals: tuple[str, ...] = Field(description="Goals of the treatment plan that it speaks to.")


class SignedSectionOut(Out):
    """A section as signed."""

    key: str = Field(description="Its key.")
    title: str = Field(description="Its heading.")
    sentences: tuple[SignedSentenceOut, ...] = Field(description="Its sentences, in order.")


class RiskLineOut(Out):
    """A risk item as signed."""

    topic: str = Field(description="What danger.")
    whose: str = Field(description="Whose, or to whom.")
    answer: str = Field(description="The answer, in fixed words.")
    own: str | None = Field(repr=False, description="In the clinician's own words, where it was.")


class NoteOut(Out):
    """What a person signed."""

    id: str = Field(description="The note's id.")
    encounter: str = Field(description="The encounter's id.")
    number: int = Field(description="Its place among what was signed of the encounter, from 1.")
    kind: NoteKind = Field(description="The note, an addendum, an amendment, or a withdrawal.")
    format: str = Field(description="The format's key.")
    header: HeaderOut = Field(description="What stands over it.")
    sections: tuple[SignedSectionOut, ...] = Field(description="Its sections in which something stands.")
    risks: tuple[RiskLineOut, ...] = Field(description="Risk items and their answers.")
    open_items: tuple[str, ...] = Field(description="What was open where it was signed as incomplete, in words.")
    late: bool = Field(description="Whether it was signed later than the practice allows.")
    parent: str | None = Field(description="The document that it follows.")
    reason: str | None = Field(repr=False, description="Why it follows it.")
    writer: str | None = Field(description="What wrote the draft.")
    model: str | None = Field(description="With which model.")


class DocumentOut(Out):
    """A signed note with its signatures, and all that was signed after it."""

    note: NoteOut = Field(description="What was signed.")
    signatures: tuple[SignatureOut, ...] = Field(description="Who signed it.")
    after: tuple[DocumentOut, ...] = Field(description="What was signed after it, in order.")

    @classmethod
    def of(cls, document: Document) -> DocumentOut:
        return cls.model_validate(document)


class PreviewOut(Out):
    """What a reader would get of a note."""

    reader: str = Field(description="Who would read it.")
    gets: str = Field(description="What they get, in words.")
    not_given: str = Field(description="What they do not get, in words.")
    kept: int = Field(description="How many sentences they would read.")
    replaced: int = Field(description="How many passages would be replaced.")
    hidden: tuple[str, ...] = Field(description="Parts of the frame that are not shown.")
    refused: str | None = Field(description="Why nothing would go.")


class HandedOver(Out):
    """That a note was handed over to another chart."""

    receipt: str = Field(description="The receipt of our copy's destruction.")


# ── encounters ────────────────────────────────────────────────────────────────────────────────────────────────────────


class EncounterOut(Out):
    """One visit, and how far its note is."""

    id: str = Field(description="The encounter's id.")
    client: str = Field(description="The client's pseudonym.")
    author: str = Field(description="Whose visit it was.")
    supervisor: str | None = Field(description="Who cosigns the note, where it needs that.")
    service_date: date | None = Field(description="The day of the visit.")
    stage: Stage = Field(description="How far its words have come.")
    state: NoteState = Field(description="Where its note stands.")
    version: int = Field(description="The version of its review; 0 before there is one.")
    created: datetime = Field(description="When it was taken in.")
    note: str | None = Field(description="The id of the signed note that stands.")
    signed: datetime | None = Field(description="When that was signed.")
    failure: str | None = Field(description="Why its words did not become a draft, a code.")
