"""What the pipeline may know of the visit."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Mode(StrEnum):
    """What the source is: the clinician speaking alone after the hour, or the hour itself."""

    DICTATION = "dictation"
    SESSION = "session"


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


class Voice(StrEnum):
    """How the plain writer words a dictation: as a record is worded (third person, past), or in the clinician's own words."""

    RECORD = "record"
    OWN = "own"


class Layout(StrEnum):
    """Sentences one after another, or one a line."""

    PROSE = "prose"
    BULLETS = "bullets"


class Length(StrEnum):
    """How much of a session goes into its note, and how full a generative writer may be."""

    SHORT = "short"
    USUAL = "usual"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Style:
    """How a clinician's notes are worded. `client` and `clinician` are what they call the two (Client, Patient, initials; Clinician, Therapist),
    `phrases` pairs of words to be replaced and the house's words for them, `example` a note of theirs, screened, for a generative writer."""

    voice: Voice = Voice.RECORD
    client: str = "Client"
    clinician: str = "Clinician"
    layout: Layout = Layout.PROSE
    length: Length = Length.USUAL
    phrases: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    example: str | None = field(default=None, repr=False)


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
    style: Style = Style()
