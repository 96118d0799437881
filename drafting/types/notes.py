"""Formats, drafts, and what is found in a draft."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from drafting.types.statements import Role


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
    """One sentence of a draft, the statements that it rests on, and how well they bear it. `edited`: the clinician wrote it so, and it stays.
    `said` are earlier words that it does not follow, since the speaker took them back."""

    section: str
    text: str = field(repr=False)
    evidence: tuple[str, ...]
    support: Support = Support.SUPPORTED
    why: str | None = None
    edited: bool = False
    said: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What wrote a draft: the writer's name; for a generative one its model, the model's revision or digest, the prompt's digest and the seed."""

    writer: str
    model: str | None = None
    revision: str | None = None
    prompt: str | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Fallback:
    """A section that the writer asked for could not write, so that the plain writer did; `reason` is a code: refused, empty, invalid, too_long,
    failed, stopped, too_much."""

    section: str
    reason: str


@dataclass(frozen=True, slots=True)
class Question:
    """What the format asks and nobody said: `element` is a code (E01–E17) where a requirement stands behind it."""

    section: str
    text: str
    element: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A note before anybody signed it. `omitted` are record statements that no sentence rests on: risk, medication and plan first."""

    format: NoteFormat
    sentences: tuple[DraftSentence, ...]
    writer: str
    omitted: tuple[str, ...] = ()
    provenance: Provenance | None = None
    fallbacks: tuple[Fallback, ...] = ()
    questions: tuple[Question, ...] = ()

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


@dataclass(frozen=True, slots=True)
class Edit:
    """A change to words `start:end` of a text: dropped where `text` is empty, otherwise swapped for one of a closed list. `score` 0 to 1."""

    start: int
    end: int
    text: str = field(repr=False, default="")
    score: float = 1.0
