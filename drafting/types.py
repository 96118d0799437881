"""Every noun of the application.

In: nothing. Out: frozen values that the stages hand to one another. Knows no rule, no file and no engine, and imports nothing of ours.
A field that holds somebody's words is kept out of `repr`, so that a log line or a traceback cannot print it.

Offsets count Unicode code points in `Transcript.text`, the canonical text; times are seconds from the start of the recording.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


# ── words with a fixed meaning ────────────────────────────────────────────────────────────────────────────────────────


class Mode(StrEnum):
    """What the source is: the clinician speaking alone after the hour, or the hour itself."""

    DICTATION = "dictation"
    SESSION = "session"


class Route(StrEnum):
    """Where a statement may go. `held` counts as private until the clinician decides."""

    RECORD = "record"
    PRIVATE = "private"
    HELD = "held"
    SET_ASIDE = "set_aside"


class Role(StrEnum):
    """What a record statement does in a note: the hinge between reading and format."""

    LOGISTICS = "logistics"
    REPORT = "report"
    OBSERVATION = "observation"
    MEASURE = "measure"
    MEDICATION = "medication"
    INTERVENTION = "intervention"
    RESPONSE = "response"
    IMPRESSION = "impression"
    PROGRESS = "progress"
    RISK = "risk"
    PLAN = "plan"


class Polarity(StrEnum):
    """How a danger was spoken of: as present, as denied by somebody, as past, or not clear from the words."""

    PRESENT = "present"
    DENIED = "denied"
    PAST = "past"
    UNCLEAR = "unclear"


class Support(StrEnum):
    """How well a sentence is borne out by its evidence."""

    SUPPORTED = "supported"
    WEAK = "weak"
    UNSUPPORTED = "unsupported"


class Severity(StrEnum):
    """How much a PHI finding matters; `block` must be resolved before a signature."""

    LOW = "low"
    MED = "med"
    HIGH = "high"
    BLOCK = "block"


# ── what the pipeline may know of the visit ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Roster:
    """The practice's other clients, as keyed digests: it can tell whether a name is among them and cannot list them."""

    key: bytes = field(repr=False, default=b"")
    digests: frozenset[bytes] = field(repr=False, default=frozenset())

    @classmethod
    def of(cls, names: Iterable[str]) -> Roster:
        """A roster of `names`, full names as written; the key lives as long as this value."""
        key = secrets.token_bytes(32)
        return cls(key, frozenset(_name_digest(key, name) for name in names if name.strip()))

    def __contains__(self, name: str) -> bool:
        return bool(self.digests) and _name_digest(self.key, name) in self.digests


def _name_digest(key: bytes, name: str) -> bytes:
    return hmac.new(key, " ".join(name.casefold().split()).encode("utf-8", "surrogatepass"), hashlib.sha256).digest()


@dataclass(frozen=True, slots=True)
class Context:
    """What the pipeline may know of the visit. Flags set it on the command line; later the encounter does."""

    mode: Mode = Mode.DICTATION
    client_names: tuple[str, ...] = field(default=(), repr=False)
    roster: Roster = Roster()
    clinician: str | None = field(default=None, repr=False)
    date_of_service: date | None = None
    jurisdiction: str = "us"
    note_kind: str = "session"
    payer: str = "insurer"
    style: str = "plain"


# ── sound and words ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Recording:
    """Sound, not yet read: mono, 16 kHz, float32 in [-1, 1], in bounded blocks.

    `blocks(start)` yields 1-D arrays from `start` seconds on and may be called again. `seconds` is what the container claims, if it claims.
    """

    sha256: str
    seconds: float | None
    blocks: Callable[[float], Iterator[np.ndarray]] = field(repr=False)
    rate: int = 16_000


@dataclass(frozen=True, slots=True)
class Word:
    """One heard word with its times (s) and the engine's confidence, 0 to 1."""

    text: str = field(repr=False)
    start: float
    end: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Utterance:
    """A stretch of one speaker's talk; times are None where the source gave none."""

    text: str = field(repr=False)
    start: float | None = None
    end: float | None = None
    speaker: str | None = None
    words: tuple[Word, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Turn:
    """The characters `start:end` of the canonical text that one speaker said; `body` is where the words begin, after a written label."""

    start: int
    end: int
    body: int
    speaker: str | None = None
    audio: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """The canonical text, and where it came from.

    `utterances` is None for typed text; otherwise `text` is the utterances joined by a newline. `turns` covers every word of `text`, in order.
    """

    text: str = field(repr=False)
    turns: tuple[Turn, ...]
    utterances: tuple[Utterance, ...] | None = None
    engine: str | None = None
    language: str = "en"
    preview: bool = False


# ── what the encoder says ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause's reading. Probabilities: `routes` over record/private/set_aside, `roles` over roles, `elements` each on its own (X1–X10).

    `topic` is the risk topic (a key of risk.toml) where `risk` is not 0.
    """

    start: int
    end: int
    routes: Mapping[Route, float]
    roles: Mapping[Role, float]
    risk: float = 0.0
    topic: str | None = None
    elements: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PhiSpan:
    """Characters `start:end` that name or identify somebody; `label` is the encoder's own (PERSON, ORG, …)."""

    start: int
    end: int
    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What the encoder says of a whole text in one pass. Clauses are in order and do not overlap."""

    clauses: tuple[Clause, ...]
    spans: tuple[PhiSpan, ...] = ()
    engine: str = ""


# ── statements and where they go ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Statement:
    """The smallest quotable unit, a clause: `text == canonical[start:end]`. `clause` is what the encoder said of it."""

    id: str
    text: str = field(repr=False)
    start: int
    end: int
    body: int
    clause: Clause
    speaker: str | None = None
    audio: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """A statement, where it goes and why: `reason` is a code of routing's, never words of the source."""

    statement: Statement
    route: Route
    reason: str
    confidence: float
    role: Role | None = None
    risk: bool = False


@dataclass(frozen=True, slots=True)
class RecordStatement:
    """A statement that may enter the record, and the reason. Only `drafting.pipeline.routing` makes one (a test reads the code for it)."""

    statement: Statement
    role: Role
    reason: str
    risk: bool = False

    @property
    def id(self) -> str:
        return self.statement.id

    @property
    def words(self) -> str:
        """The statement's own words, without a written speaker label."""
        return self.statement.text[self.statement.body - self.statement.start :]


@dataclass(frozen=True, slots=True)
class RiskItem:
    """Danger to anyone, for the clinician to answer before signing: a fixed template with no free text."""

    id: str
    topic: str
    whose: str
    polarity: Polarity
    evidence: tuple[str, ...]
    answered: bool = False


@dataclass(frozen=True, slots=True)
class Prompt:
    """An excluded element (45 CFR 164.501) that stands in private words alone: the clinician may want it in the record."""

    element: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Routed:
    """A partition of the statements: each is in exactly one of `placed`'s routes. `record` is the part that a writer may see."""

    placed: tuple[Placed, ...]
    record: tuple[RecordStatement, ...]
    risk_items: tuple[RiskItem, ...] = ()
    prompts: tuple[Prompt, ...] = ()

    def on(self, route: Route) -> tuple[Statement, ...]:
        """The statements of one route, in order."""
        return tuple(p.statement for p in self.placed if p.route is route)


# ── formats and drafts ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a format: the roles that it takes, questions that help to dictate it, and its usual length in words."""

    key: str
    title: str
    roles: tuple[Role, ...]
    questions: tuple[str, ...]
    words: tuple[int, int]


@dataclass(frozen=True, slots=True)
class NoteFormat:
    """A note's shape: a table from roles to sections, so that a new format is a file and no code."""

    key: str
    title: str
    version: int
    sections: tuple[Section, ...]
    digest: str

    def section_of(self, role: Role) -> Section:
        """The one section that takes `role`."""
        return next(s for s in self.sections if role in s.roles)


@dataclass(frozen=True, slots=True)
class DraftSentence:
    """One sentence of a draft, the statements that it rests on, and how well they bear it."""

    section: str
    text: str = field(repr=False)
    evidence: tuple[str, ...]
    support: Support = Support.SUPPORTED
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A note before anybody signed it. `omitted` are record statements that no sentence rests on."""

    format: NoteFormat
    sentences: tuple[DraftSentence, ...]
    writer: str
    omitted: tuple[str, ...] = ()

    def section(self, key: str) -> tuple[DraftSentence, ...]:
        """The sentences of one section, in order."""
        return tuple(s for s in self.sentences if s.section == key)


@dataclass(frozen=True, slots=True)
class ElementReport:
    """Required elements (E01–E17) that a note lacks: `missing` before a signature, `warnings` for the clinician's eye."""

    missing: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PhiFinding:
    """Words that the chart may not need. Offsets count within the text screened (a sentence of a draft, or any text).

    `kind` is a code of phi_policy.toml (F01–F27), `entity` the recogniser's label, `reason` and `suggestion` words for a person.
    """

    start: int
    end: int
    text: str = field(repr=False)
    entity: str
    kind: str
    severity: Severity
    reason: str
    suggestion: str = field(repr=False)
    score: float = 1.0
    section: str | None = None
    sentence: int | None = None
