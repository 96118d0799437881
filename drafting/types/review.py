"""A draft under review: what a clinician may change, answer and decide before signing. It lies on the workbench, never in the record.

Ids: sentences `n1`, findings `f1`, risk items `r1`, statements `s7`. All are stable through every change, so that undo and evidence can rest on them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from drafting.types.notes import Provenance, Severity, Support
from drafting.types.statements import Polarity, Route
from drafting.types.visit import Mode


class RiskAnswer(StrEnum):
    """The clinician's answer to a risk item; none is ever preselected."""

    DENIED = "denied"  # asked and denied
    NOT_ASKED = "not_asked"  # not asked, no indicators observed
    DISCUSSED = "discussed"  # discussed, see note
    OWN_WORDS = "own_words"  # in the clinician's own words


class FlagState(StrEnum):
    """What became of a PHI finding. `applied`: its replacement stands. `kept`: the words stay, with a reason. `remembered`: kept for this client."""

    OPEN = "open"
    APPLIED = "applied"
    KEPT = "kept"
    REMEMBERED = "remembered"


class Origin(StrEnum):
    """Whose wording a sentence is: the writer's, the writer's as a person changed it, or a person's own."""

    DRAFTED = "drafted"
    EDITED = "edited"
    TYPED = "typed"


@dataclass(frozen=True, slots=True)
class ReviewSentence:
    """A sentence of the note as it stands. `confirmed`: nobody was heard to say it, and the clinician vouches for it. `goals`: ids in the treatment
    plan that it speaks to (the golden thread)."""

    id: str
    section: str
    text: str = field(repr=False)
    evidence: tuple[str, ...]
    support: Support = Support.SUPPORTED
    origin: Origin = Origin.DRAFTED
    confirmed: bool = False
    goals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Flag:
    """A PHI finding in a sentence. `words` is what was found (it stays on the workbench), offsets count in the sentence as it reads now: where the
    replacement stands applied they span the replacement."""

    id: str
    sentence: str
    start: int
    end: int
    words: str = field(repr=False)
    kind: str
    severity: Severity
    reason: str
    suggestion: str = field(repr=False)
    state: FlagState = FlagState.OPEN
    why: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class RiskQuestion:
    """A risk item, and its answer. `own` holds the clinician's words where the answer is `own_words`."""

    id: str
    topic: str
    whose: str
    polarity: Polarity
    evidence: tuple[str, ...]
    answer: RiskAnswer | None = None
    own: str | None = field(default=None, repr=False)
    answered_by: str | None = None
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Undecided:
    """A statement that routing held, and what the clinician decided. `elements` are those of X1–X4 that stand in it."""

    statement: str
    text: str = field(repr=False)
    risk: bool = False
    elements: tuple[str, ...] = ()
    decision: Route | None = None


@dataclass(frozen=True, slots=True)
class NoteHeader:
    """What stands over a note. Said times are suggestions until `confirmed`; the model never chooses them. Times are minutes-exact and local,
    `zone` an IANA name. `participants` are roles, never names. Diagnoses are ICD-10-CM codes."""

    client: str
    date_of_service: date | None = None
    start: str | None = None
    stop: str | None = None
    zone: str = "UTC"
    place: str | None = None
    telehealth: bool = False
    client_location: str | None = None
    participants: tuple[str, ...] = ()
    code: str | None = None
    add_ons: tuple[str, ...] = ()
    diagnoses: tuple[str, ...] = ()
    goals: tuple[str, ...] = ()
    modality: str | None = None
    frequency: str | None = None
    note_kind: str = "session"
    late_reason: str | None = field(default=None, repr=False)
    confirmed: bool = False

    @property
    def minutes(self) -> int | None:
        """Whole minutes from `start` to `stop` ("14:03"), over midnight if need be; None where either is not known."""
        if not self.start or not self.stop:
            return None
        a, b = (int(t[:2]) * 60 + int(t[3:5]) for t in (self.start, self.stop))
        return (b - a) % (24 * 60)


@dataclass(frozen=True, slots=True)
class Review:
    """All that a clinician sees of an unsigned note. A change makes the next `version`; nothing is changed in place.

    `rough`: the transcript is a rough one and must be confirmed (`rough_confirmed`). `missing`: required elements (E01–E17) that the note lacks;
    `prompts`: excluded elements (X5–X10) that stand in private words alone, dismissible. `private`: ids of statements kept private (their words are
    elsewhere). `returned`: the supervisor's reason, while the note is returned.
    """

    encounter: str
    version: int
    mode: Mode
    format: str
    format_digest: str
    sections: tuple[tuple[str, str], ...]
    header: NoteHeader
    sentences: tuple[ReviewSentence, ...] = ()
    flags: tuple[Flag, ...] = ()
    risks: tuple[RiskQuestion, ...] = ()
    held: tuple[Undecided, ...] = ()
    private: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    prompts: tuple[tuple[str, tuple[str, ...]], ...] = ()
    dismissed: tuple[str, ...] = ()
    rough: bool = False
    rough_confirmed: bool = False
    provenance: Provenance | None = None
    engines: tuple[tuple[str, str], ...] = ()
    returned: str | None = field(default=None, repr=False)
