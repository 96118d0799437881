"""From probabilities to places: where clauses begin and end, which words identify somebody, and a clause's vector.

In: tokens and what the network says of each. Out: offsets, spans, arrays. Knows no calibration and no law.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise

import numpy as np

from drafting.types import PhiSpan, Turn
from models.encoder.features import SHAPES, SPEAKERS, Tokens
from models.encoder.pieces import LABELS

_GAP = re.compile(r"[ .,&'’/@-]{0,3}")
_ENDS = re.compile(r"[^\W\d]{4,}\.\s*$")  # a sentence, not an initial or a title
_SET_OFF = re.compile(r"\baside,\s+", re.I)
WORDS_A_MARK = 40  # fewer sentence marks than one in so many words, and there is no punctuation worth the name


def clause_spans(text: str, turns: Sequence[Turn], read: Tokens, begins: np.ndarray, least: float) -> Iterator[tuple[int, int]]:
    """Offsets of clauses: each begins where a turn does, where a line is left blank, after "… aside,", or at a word's head that `begins` gives at
    least `least`."""
    heads = read.shape[:, SHAPES.index("word_head")] > 0
    begins = np.where(np.isin(read.start, [m.end() for m in _SET_OFF.finditer(text)]), 1.0, begins)
    starts = [int(a) for a, p, head in zip(read.start, begins, heads, strict=True) if head and (p >= least or "\n\n" in text[max(0, a - 3) : a])]
    for turn in turns:
        own = starts[bisect_right(starts, turn.body) : bisect_left(starts, turn.end)]
        cuts = [turn.body, *own, turn.end]
        for a, b in pairwise(cuts):
            piece = text[a:b]
            if piece.strip():
                yield a + len(piece) - len(piece.lstrip()), a + len(piece.rstrip())


def rejoined(fine: Sequence[tuple[int, int]], firm: Collection[int], routes: np.ndarray, sure: float) -> list[tuple[int, int]]:
    """`fine` stretches joined to clauses. A cut stands where it is `firm`, and also a faint one where the two sides go apart: one private and one
    record, each at least `sure` (`routes`: probabilities (stretches, routes), record first, then private)."""
    out: list[tuple[int, int]] = []
    before = np.zeros(routes.shape[1])
    for (a, b), own in zip(fine, routes, strict=True):
        apart = min(before[1], own[0]) >= sure or min(before[0], own[1]) >= sure
        if a in firm or apart or not out:
            out.append((a, b))
            before = own
        else:
            out[-1] = (out[-1][0], b)
            before = (before + own) / 2
    return out


def phi_spans(text: str, read: Tokens, tags: np.ndarray, least: float) -> Iterator[PhiSpan]:
    """Whole words that more probably than `least` identify somebody, those of one label side by side joined. A word is as sure as its surest
    piece."""
    inside = 1 - tags[:, 0]
    label = np.add.reduceat(tags[:, 1:], np.arange(0, tags.shape[1] - 1, 2), axis=1)  # a label's first token and its later ones
    run: tuple[int, int, int, float] | None = None
    for first, last in _words(read):
        start, end, p = int(read.start[first]), int(read.end[last]), float(inside[first : last + 1].max())
        if p < least or not any(c.isalnum() for c in text[start:end]):
            continue
        kind = int(label[first : last + 1].sum(0).argmax())
        if run and run[2] == kind and _GAP.fullmatch(text, run[1], start) and not _ENDS.search(text, run[0], start):
            run = (run[0], end, kind, max(run[3], p))
            continue
        if run:
            yield PhiSpan(run[0], run[1], LABELS[run[2]], run[3])
        run = (start, end, kind, p)
    if run:
        yield PhiSpan(run[0], run[1], LABELS[run[2]], run[3])


def _words(read: Tokens) -> Iterator[tuple[int, int]]:
    """First and last token of each word."""
    head = SHAPES.index("word_head")
    real = [i for i in range(len(read)) if read.start[i] < read.end[i]]
    for n, i in enumerate(real):
        if read.shape[i, head] > 0 or n == 0:
            last = next((k for k in range(n + 1, len(real)) if read.shape[real[k], head] > 0), len(real))
            yield i, real[last - 1]


def pooled(spans: Sequence[tuple[int, int]], turns: Sequence[Turn], read: Tokens, hidden: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the greatest of each clause's tokens (clauses, 2 × width), and who speaks it (clauses, speakers)."""
    vectors = np.zeros((len(spans), 2 * hidden.shape[1]), np.float32)
    speakers = np.zeros((len(spans), len(SPEAKERS)), np.float32)
    begin = [t.start for t in turns]
    for n, (a, b) in enumerate(spans):
        first, last = np.searchsorted(read.start, a, "left"), np.searchsorted(read.start, b, "left")
        own = [i for i in range(first, last) if read.start[i] < read.end[i]]
        if own:
            vectors[n] = np.concatenate([hidden[own].mean(0), hidden[own].max(0)])
        speaker = turns[max(0, bisect_right(begin, a) - 1)].speaker
        speakers[n, SPEAKERS.index(speaker) if speaker in SPEAKERS else 0] = 1
    return vectors, speakers


def is_bare(text: str) -> bool:
    """Whether `text` is as a speech recogniser without marks writes it: hardly a sentence ends in it."""
    return sum(text.count(mark) for mark in ".?!") * WORDS_A_MARK < len(text.split())
