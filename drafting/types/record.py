"""What is kept: people, clients, encounters, signed notes, and what leaves. Ids are opaque; a client's is a pseudonym."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from drafting.types.review import NoteHeader


class Standing(StrEnum):
    """What a person may do here. A trainee's notes need a cosignature; records staff have signed notes, letters and releases, and no clients."""

    CLINICIAN = "clinician"
    TRAINEE = "trainee"
    SUPERVISOR = "supervisor"
    ADMINISTRATOR = "administrator"
    RECORDS = "records"


NO_CLINICIANS = frozenset((Standing.ADMINISTRATOR, Standing.RECORDS))
"""Who has no clients and writes no notes."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works here. `supervisor` is a person's id, for a trainee. `health_professional`: as the UK's DPA 2018 s.204 means it."""

    id: str
    name: str = field(repr=False)
    standing: Standing
    credential: str | None = None
    licence: str | None = None
    supervisor: str | None = None
    health_professional: bool = False
    active: bool = True


@dataclass(frozen=True, slots=True)
class Client:
    """A client. `allowed`: words found by screening that are relevant to this client's treatment, and stay."""

    id: str
    name: str = field(repr=False)
    clinician: str
    jurisdiction: str = "us-federal"
    part2: bool = False
    self_pay: bool = False
    allowed: tuple[str, ...] = field(default=(), repr=False)


class Stage(StrEnum):
    """How far an encounter's words have come."""

    RECEIVED = "received"
    TRANSCRIBED = "transcribed"
    ROUTED = "routed"
    DRAFTED = "drafted"
    FAILED = "failed"


class NoteState(StrEnum):
    """Where a note stands. `returned`: the supervisor gave it back. `addended`, `amended`: locked, with something signed after it."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    RETURNED = "returned"
    SIGNED = "signed"
    COSIGN_DUE = "cosign_due"
    COSIGNED = "cosigned"
    LOCKED = "locked"
    ADDENDED = "addended"
    AMENDED = "amended"
    ENTERED_IN_ERROR = "entered_in_error"


@dataclass(frozen=True, slots=True)
class Encounter:
    """One visit and its note. `version` is the review's; `note` the id of the signed note that stands, if one does."""

    id: str
    client: str
    author: str
    supervisor: str | None
    service_date: date | None
    stage: Stage
    state: NoteState
    version: int
    created: datetime
    note: str | None = None
    signed: datetime | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class SignedSentence:
    """A sentence as signed, with the ids of the statements that it rests on (ids and no words), and the goals that it speaks to."""

    text: str = field(repr=False)
    evidence: tuple[str, ...] = ()
    goals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignedSection:
    """A section as signed: `key` and `title` of the format."""

    key: str
    title: str
    sentences: tuple[SignedSentence, ...]

    @property
    def text(self) -> str:
        return " ".join(s.text for s in self.sentences)


class NoteKind(StrEnum):
    """What a signed document is to its encounter: the note, something added, a correction, or a withdrawal (which keeps what it withdraws)."""

    NOTE = "note"
    ADDENDUM = "addendum"
    AMENDMENT = "amendment"
    ERROR = "entered_in_error"


@dataclass(frozen=True, slots=True)
class RiskLine:
    """A risk item as signed: its topic, whose, and the answer in fixed words or the clinician's own."""

    topic: str
    whose: str
    answer: str
    own: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SignedNote:
    """What a person signed: content and no private word. Its canonical JSON (`canonical.py`) is what the digest and the signature are over.

    `open_items`: what was still open where it was signed as incomplete for urgent care; printed on the note. `parent`: the document that an
    addendum, amendment or withdrawal is to; `reason` why there is one. `late`: signed later than the practice allows, labelled so.
    """

    id: str
    encounter: str
    number: int
    kind: NoteKind
    format: str
    format_digest: str
    header: NoteHeader
    sections: tuple[SignedSection, ...]
    risks: tuple[RiskLine, ...] = ()
    open_items: tuple[str, ...] = ()
    late: bool = False
    parent: str | None = None
    reason: str | None = field(default=None, repr=False)
    writer: str | None = None
    model: str | None = None
    prompt: str | None = None
    mode: str | None = None
    edited_share: float | None = None


class Meaning(StrEnum):
    """What a signature says."""

    AUTHOR = "author"
    COSIGNER = "cosigner"


@dataclass(frozen=True, slots=True)
class Signature:
    """A person's signature over a note's digest (domain 5.2). `key` names the Ed25519 key, `value` is 64 bytes, `method` how the signer was known."""

    note: str
    signer: str
    name: str = field(repr=False)
    credential: str | None
    licence: str | None
    meaning: Meaning
    statement: str
    method: str
    at: datetime
    zone: str
    digest: str
    key: str
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Document:
    """A signed note with its signatures, and what was signed after it (addenda, amendments, a withdrawal), in order: what an export renders."""

    note: SignedNote
    signatures: tuple[Signature, ...]
    after: tuple[Document, ...] = ()


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Something that happened: codes and ids, no words. `facts` holds further codes, counts and digests."""

    at: datetime
    actor: str
    action: str
    outcome: str = "ok"
    subject: str | None = None
    client: str | None = None
    rule: str | None = None
    reason: str | None = None
    facts: Mapping[str, str | int | bool | None] = field(default_factory=dict)
