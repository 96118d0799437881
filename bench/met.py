"""Each labelled clause beside what the product made of it, by the product's own way from text to routes.

In: pieces of the corpus, an encoder. Out: `Met`s, a dictation's risk items. Clauses are found, not given; commands, excluded elements and risk
items count as they do in the product.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from drafting.pipeline.routing import route
from drafting.pipeline.statements import state
from drafting.ports import Encoder
from drafting.types import Context, Mode, Placed, Role, Route
from models.encoder.pieces import Piece, Segment, inner_sentences
from models.encoder.unseen import transcript

_DEATH = re.compile(
    r"\b(?:d(?:ie[sd]?|ying|ead|eath|eadly)|kill\w*|murder\w*|shot|shoot\w*|bomb\w*|drown\w*|strangl\w*|stab\w*|blood\w*|bleed\w*|grave|corpse|fatal)\b",
    re.I,
)
_RISK_WORDS = re.compile(r"\b(?:suicid\w*|kill\w*|harm\w*|safety|si|hi|die|dead|risk|abus\w*|violen\w*|overdos\w*|weapon|gun|rifle|firearm)\b", re.I)
_SELF = re.compile(r"\b(?:i|i'm|i've|i'd|me|my|mine|myself|feel|felt|feeling)\b", re.I)


@dataclass(frozen=True, slots=True)
class Met:
    """A clause as labelled, and what became of the characters that it covers: `record` is the share of them in the record, `most` the statement that
    covers most of it, `seen` whether danger in it is record text or behind a risk item, `marked` whether it is behind one."""

    piece: Piece
    segment: Segment
    mixed: bool
    record: float
    most: Placed
    seen: bool
    marked: bool

    @property
    def leaked(self) -> bool:
        return self.record >= 0.5

    @property
    def kinds(self) -> Iterator[str]:
        """The hard kinds that the clause is of, as far as they can be counted."""
        s = self.segment
        if self.mixed:
            yield "mixed sentence"
        if s.route is Route.PRIVATE and not _SELF.search(s.text):
            yield "private, no first person, no feeling"
        if s.route is Route.PRIVATE and s.detail:
            yield "private detail"
        if s.route is Route.PRIVATE and s.risk:
            yield "danger in a reflection"
        if s.route is Route.RECORD and s.role in (Role.IMPRESSION, Role.PROGRESS):
            yield "clinical judgement"
        if s.route is Route.RECORD and re.search(r"\bi\b", s.text, re.I) and s.role is Role.INTERVENTION:
            yield "the clinician's I, an intervention"
        if s.risk and not _RISK_WORDS.search(s.text):
            yield "danger without its words"
        if self.trap:
            yield "idiom of death, no danger"

    @property
    def trap(self) -> bool:
        return not self.segment.risk and bool(_DEATH.search(self.segment.text))


def met(piece: Piece, encoder: Encoder) -> tuple[list[Met], int]:
    """Each labelled clause of `piece` beside what the product made of it; and how many risk items rest on no clause of danger."""
    t = transcript(piece)
    mode = Mode.SESSION if piece.kind == "session" else Mode.DICTATION
    routed = route(state(t, encoder.read(t)), Context(mode=mode))
    behind = {e for item in routed.risk_items for e in item.evidence}
    found, danger = [], set()
    for i, (segment, (a, b)) in enumerate(zip(piece.segments, piece.laid_out[1], strict=True)):
        own = [(min(b, p.statement.end) - max(a, p.statement.start), p) for p in routed.placed if p.statement.start < b and a < p.statement.end]
        record = sum(n for n, p in own if p.route is Route.RECORD) / max(sum(n for n, _ in own), 1)
        items = any(p.statement.id in behind for _, p in own)
        danger |= {p.statement.id for _, p in own if segment.risk}
        found.append(Met(piece, segment, _mixed(piece.segments, i), record, max(own, key=lambda o: o[0])[1], items or record >= 0.5, items))
    return found, sum(not danger & set(item.evidence) for item in routed.risk_items)


def _mixed(segments: Sequence[Segment], i: int) -> bool:
    """Whether the sentence of clause `i` goes to more than one place."""
    first = i
    while first and segments[first].joins:
        first -= 1
    last = i + 1
    while last < len(segments) and segments[last].joins:
        last += 1
    return len({s.route for s in segments[first:last]}) > 1


def boundaries(pieces: Sequence[Piece], encoder: Encoder) -> float:
    """F1 of the places inside a turn where a clause begins; a second sentence within a labelled clause counts neither way."""
    hit = said = true = 0
    for piece in pieces:
        _, places, turns = piece.laid_out
        free = {t.body for t in turns} | {a + at for (a, _), s in zip(places, piece.segments, strict=True) for at in inner_sentences(s.text)}
        want = {a for a, _ in places} - free
        got = {c.start for c in encoder.read(transcript(piece)).clauses} - free
        hit, said, true = hit + len(want & got), said + len(got), true + len(want)
    return 2 * hit / max(said + true, 1)
