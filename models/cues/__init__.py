"""An `Encoder` by rule: clauses and cues as data, no training and no weights.

In: a transcript. Out: a `Reading` whose probabilities are a softmax over cue weights, each clause leaning on the one before it.
It reads words alone; it knows no law and makes no decision.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from drafting.types import Clause, Reading, Role, Route, Transcript, Turn
from models.cues.clauses import clauses
from models.cues.scores import Scores, score
from prompts import digest

_PRIOR = {Route.RECORD: 0.0, Route.PRIVATE: -0.4, Route.SET_ASIDE: -1.6}
_CARRY_WHOLE, _CARRY_SENTENCE, _CARRY_NEXT = 1.0, 0.55, 0.2  # how much of the clause before carries over, in a sentence and across
_WEAK = 1.5  # a record score that a bare subject or a symptom word gives: it does not stand against the clause before
_HANGS_ON = re.compile(r"(?:which|because|as|since|or|and (?!i\b|he\b|she\b|they\b|we\b|client|the |his |her |their |my )|felt|wonder)", re.I)
_FILES = ("reflection_cues.toml", "record_cues.toml", "risk.toml", "excluded.toml", "clauses.toml")


class CueEncoder:
    """Reads a text by cues. `name` holds the digest of the cue files."""

    def __init__(self) -> None:
        self.name = "cues:" + "".join(digest(f)[:4] for f in _FILES)

    def read(self, transcript: Transcript) -> Reading:
        """Read the whole text. Raises nothing."""
        found = tuple(clause for turn in transcript.turns for clause in _turn(transcript.text, turn))
        return Reading(found, (), self.name)


def _turn(text: str, turn: Turn) -> Iterator[Clause]:
    before, carried = 0.0, 0.0
    last_end = turn.body
    for start, end in clauses(text, turn.body, turn.end):
        scores = score(text[start:end])
        same = not _ended(text[last_end - 1 : last_end]) and last_end > turn.body
        lean = 0.0 if turn.speaker is not None else before * (_carry(text[start:end]) if same else _CARRY_NEXT)
        yield _clause(start, end, scores, lean, turn.speaker)
        carried = scores.private - scores.record if (scores.private or scores.record) else lean
        before, last_end = max(-2.0, min(2.6, carried)), end


def _carry(words: str) -> float:
    """How much of the clause before carries over in its sentence: all of it to a clause with no subject of its own."""
    return _CARRY_WHOLE if _HANGS_ON.match(words) else _CARRY_SENTENCE


def _ended(mark: str) -> bool:
    return mark in ".?!…"


def _clause(start: int, end: int, s: Scores, lean: float, speaker: str | None) -> Clause:
    """`lean` is what the clause before suggests: above 0 towards private. In a session nobody muses: words are conversation."""
    private = 0.0 if speaker is not None else s.private + max(lean, 0.0)
    own = s.record * 0.4 if lean > 1.0 and s.record <= _WEAK and not s.topic else s.record
    record = (1.8 if speaker is not None else 0.0) + own + max(-lean, 0.0) * 0.5
    logits = {
        Route.RECORD: _PRIOR[Route.RECORD] + record,
        Route.PRIVATE: _PRIOR[Route.PRIVATE] + private,
        Route.SET_ASIDE: _PRIOR[Route.SET_ASIDE] + s.aside,
    }
    risk = 0.97 if s.topic else 0.02
    return Clause(start, end, _softmax(logits), _softmax({r: s.roles.get(r, -1.0) for r in Role}), risk, s.topic, dict.fromkeys(s.elements, 0.95))


def _softmax(logits: dict) -> dict:
    top = max(logits.values())
    exps = {k: math.exp(v - top) for k, v in logits.items()}
    total = sum(exps.values())
    return {k: v / total for k, v in exps.items()}
