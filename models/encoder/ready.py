"""Pieces of the corpus as arrays that the network is trained on, and what is changed in them on the way.

In: pieces, a tokenizer. Out: `Ready`s and batches. Training only. Knows no weight and no figure.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from models.encoder.features import SHAPES, SPEAKERS, tokens, windows
from models.encoder.pieces import ELEMENTS, LABEL_OF, LABELS, ROLES, ROUTES, Piece, Segment, Span, inner_sentences

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TAGS = 1 + 2 * len(LABELS)  # outside, and for each label its first token and the ones after
SHORTEST_HALF = 2  # words
FILLERS = ("um", "uh", "so", "you know", "okay", "and", "like", "i mean")


class Ready:
    """One piece with its tokens, windows and labels. Arrays over tokens: owner (which clause), real, begins, tags; over clauses: route, role, risk,
    elements, speaker. A label of -1 is not known."""

    def __init__(self, piece: Piece, tokenizer: Tokenizer) -> None:
        self.piece = piece
        self.text, self.places, turns = piece.laid_out
        self.tokens = tokens(self.text, turns, tokenizer)
        self.windows = list(windows(self.text, self.tokens))
        t = self.tokens
        heads = np.array([a for a, _ in self.places])
        self.real = t.start < t.end
        after = np.searchsorted(heads, t.start, side="right") - 1
        self.owner = np.where(self.real, after, np.searchsorted(heads, t.start, side="left")).clip(0, len(heads) - 1)
        self.begins = np.zeros(len(t), np.float32)
        owned, first = np.unique(np.where(self.real, self.owner, -1), return_index=True)
        self.begins[np.isin(t.start, self._inner()) & self.real] = -1
        own = owned[owned >= 0]
        self.begins[first[owned >= 0]] = [-1 if piece.segments[n].part == 2 else 1 for n in own]
        self.tags = self._tags()
        if "begins" not in piece.knows:
            self.begins[:] = -1
        if "tags" not in piece.knows:
            self.tags[:] = -1

    def __len__(self) -> int:
        return len(self.piece.segments)

    def _inner(self) -> list[int]:
        return [a + at for (a, _), s in zip(self.places, self.piece.segments, strict=True) for at in inner_sentences(s.text)]

    def _tags(self) -> np.ndarray:
        t, out = self.tokens, np.zeros(len(self.tokens), np.int64)
        for (a, _), segment in zip(self.places, self.piece.segments, strict=True):
            for span in segment.phi:
                own = np.flatnonzero(self.real & (t.start < a + span.end) & (a + span.start < t.end))
                label = LABELS.index(LABEL_OF.get(span.kind, span.kind))
                out[own] = 2 + 2 * label
                out[own[:1]] = 1 + 2 * label
        return out

    @property
    def _known(self) -> bool:
        return "clauses" in self.piece.knows

    @cached_property
    def route(self) -> np.ndarray:
        return np.array([ROUTES.index(s.route) if self._known else -1 for s in self.piece.segments])

    @cached_property
    def role(self) -> np.ndarray:
        """-1 also where the clause is no record."""
        return np.array([ROLES.index(s.role) if s.role and self._known else -1 for s in self.piece.segments])

    @cached_property
    def risk(self) -> np.ndarray:
        """-1 where it is not known, of the elements too: also in the halves of a clause that speaks of any of it."""
        return np.array([-1.0 if not self._known or (s.part and (s.risk or s.elements)) else float(s.risk) for s in self.piece.segments], np.float32)

    @cached_property
    def elements(self) -> np.ndarray:
        return np.array([[float(e in s.elements) for e in ELEMENTS] for s in self.piece.segments], np.float32)

    @cached_property
    def speaker(self) -> np.ndarray:
        return np.array([[float((s.speaker or "none") == k) for k in SPEAKERS] for s in self.piece.segments], np.float32)


def batch(items: Sequence[Ready], cls: int, sep: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The windows of `items`: ids and mask (windows, width), shapes, and where in them each token of each item is new, in order."""
    every = [(item, *w) for item in items for w in item.windows]
    width = max(end - context for _, context, _, _, end in every) + 2
    ids, mask = np.zeros((len(every), width), np.int64), np.zeros((len(every), width), np.int64)
    shapes = np.zeros((len(every), width, len(SHAPES)), np.float32)
    new: list[int] = []
    for row, (item, context, at, old, end) in enumerate(every):
        size = end - context
        ids[row, : size + 2] = [cls, *item.tokens.ids[context:end], sep]
        mask[row, : size + 2] = 1
        shapes[row, 1 : size + 1] = item.tokens.shape[context:end]
        new += range(row * width + 1 + at - context, row * width + 1 + old - context)
    return ids, mask, shapes, np.array(new)


# ── what a recogniser would have written, and other beginnings ────────────────────────────────────────────────────────


def varied(piece: Piece, rng: random.Random, bare: float = 0.3, short: float = 0.1, halved: float = 0.1) -> list[Piece]:
    """`piece`, sometimes without capitals and marks and with fillers, some clauses in halves, sometimes from its middle on or in short stretches, so
    that a clause is also seen cut where none begins, and with little or nothing around it."""
    if "clauses" in piece.knows:
        halves = (_halves(s, rng) if rng.random() < halved else (s,) for s in piece.segments)
        piece = replace(piece, segments=tuple(s for some in halves for s in some))
    if rng.random() < bare:
        segments = tuple(s for s in map(unmarked, piece.segments) if s.text.strip())
        piece = replace(piece, segments=tuple(_filled(s, rng) for s in segments))
    if rng.random() < short and "clauses" in piece.knows:
        return list(_stretches(piece, rng))
    if rng.random() < 0.5 and len(piece.segments) > 8:
        piece = replace(piece, segments=piece.segments[rng.randrange(len(piece.segments) // 2) :])
    return [piece]


def _stretches(piece: Piece, rng: random.Random) -> Iterator[Piece]:
    """All of `piece`, one to five clauses at a time; never from the middle of a sentence."""
    rest = piece.segments
    while rest:
        n = rng.choice((1, 1, 2, 3, 5))
        while n < len(rest) and rest[n].joins:
            n += 1
        yield replace(piece, segments=rest[:n])
        rest = rest[n:]


def _halves(segment: Segment, rng: random.Random) -> tuple[Segment, ...]:
    """`segment` cut at a blank, or whole where it is short or only a name could be cut."""
    text = segment.text
    blanks = [i for i, c in enumerate(text) if c == " " and not any(p.start < i < p.end for p in segment.phi)]
    if len(blanks) < SHORTEST_HALF * 2 - 1:
        return (segment,)
    at = rng.choice(blanks[SHORTEST_HALF - 1 : -SHORTEST_HALF + 1])
    later = tuple(Span(p.start - at - 1, p.end - at - 1, p.kind, p.over) for p in segment.phi if p.start > at)
    first = replace(segment, text=text[:at], phi=tuple(p for p in segment.phi if p.end <= at), part=1)
    return first, replace(segment, text=text[at + 1 :], phi=later, part=2, joins=True)


def unmarked(segment: Segment) -> Segment:
    """`segment` as a speech recogniser writes it: small letters, no marks but those inside numbers and words."""
    moved, text = [], ""
    for i, c in enumerate(segment.text):
        moved.append(len(text))
        inside_number = c in ".:/" and segment.text[i - 1 : i].isdigit() and segment.text[i + 1 : i + 2].isdigit()
        text += c.lower() if c.isalnum() or c in " '’%" or inside_number else " " if c in "-—–/" else ""
    moved.append(len(text))
    return replace(segment, text=text, phi=tuple(Span(moved[p.start], moved[p.end], p.kind, p.over) for p in segment.phi))


def _filled(segment: Segment, rng: random.Random) -> Segment:
    if rng.random() >= 0.08:
        return segment
    filler = rng.choice(FILLERS) + " "
    moved = tuple(Span(p.start + len(filler), p.end + len(filler), p.kind, p.over) for p in segment.phi)
    return replace(segment, text=filler + segment.text, phi=moved)
