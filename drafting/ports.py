"""The seams: what the pipeline asks of an engine. One method each; adapters live in `models`, and `wiring` picks them.

Every port has a `name` that goes into the note's provenance: engine, version and digest, never a path.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from drafting.types import Context, Draft, Edit, NoteFormat, PhiFinding, Reading, Recording, RecordStatement, Transcript, Utterance


class Transcriber(Protocol):
    """Speech to words."""

    name: str
    preview: bool

    def transcribe(self, recording: Recording, start: float = 0.0) -> Iterator[Utterance]:
        """Yield utterances window by window, in order, from `start` seconds on, so that a cut job resumes where it stopped."""
        ...


class Encoder(Protocol):
    """Words to a reading of them."""

    name: str

    def read(self, transcript: Transcript) -> Reading:
        """Read the whole text in one pass: clauses with their probabilities, and PHI spans."""
        ...


class Writer(Protocol):
    """Record statements to a draft. It is handed nothing else, so it cannot see a private word."""

    name: str

    def write(self, statements: Sequence[RecordStatement], note_format: NoteFormat, context: Context) -> Draft:
        """Write every section from `statements` alone, each sentence with the ids that it rests on."""
        ...


class PhiScanner(Protocol):
    """Words to the PHI in them."""

    name: str

    def scan(self, text: str, context: Context, profile: str = "chart") -> tuple[PhiFinding, ...]:
        """Findings in `text`, in order, none overlapping another; `profile` is a key of phi_policy.toml."""
        ...


class Editor(Protocol):
    """Spoken words to what may be changed in them, so that they read as written. It cannot add a word that is not on its closed list."""

    name: str

    def edits(self, texts: Sequence[str]) -> tuple[tuple[Edit, ...], ...]:
        """For each text its edits, in order, none overlapping another."""
        ...
