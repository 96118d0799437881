"""Sound, and the words that were said. Times are seconds from the start of the recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


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
