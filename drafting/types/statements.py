"""What the encoder says of the words, the statements made of them, and where each may go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


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
