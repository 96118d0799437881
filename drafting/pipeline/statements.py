"""A reading's clauses, made into statements that cover the source.

In: a transcript and the encoder's reading of it. Out: statements in order; every character that is no blank lies in exactly one. Knows no route.
The encoder may leave gaps, overlap a turn's border or run past the end: what it drew is mended here, so that no word can fall between two.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from drafting.types import Clause, Reading, Role, Route, Statement, Transcript, Turn, Utterance

_UNREAD = Clause(0, 0, {Route.RECORD: 0.0, Route.PRIVATE: 0.0, Route.SET_ASIDE: 0.0}, {Role.REPORT: 1.0})


def state(transcript: Transcript, reading: Reading) -> tuple[Statement, ...]:
    """The statements of `transcript`, numbered s1, s2, … A clause that spans two turns is cut; words that no clause holds join a neighbour."""
    text = transcript.text
    pieces = [(turn, u, *cover) for turn, u in _turns(transcript) for cover in _cover(text, turn, reading.clauses)]
    return tuple(_statement(n, text, *piece) for n, piece in enumerate(pieces, 1))


def _turns(transcript: Transcript) -> Iterator[tuple[Turn, Utterance | None]]:
    utterances = transcript.utterances or (None,) * len(transcript.turns)
    yield from zip(transcript.turns, utterances, strict=True)


def _cover(text: str, turn: Turn, clauses: tuple[Clause, ...]) -> Iterator[tuple[int, int, Clause]]:
    """Stretches that cover the turn from its first character that is no blank to its last, one a clause."""
    first = bisect_right(clauses, turn.start, key=lambda c: c.end)
    inside = []
    for clause in clauses[first:]:
        if clause.start >= turn.end:
            break
        inside.append(clause)
    cuts = [turn.start] + [max(turn.start, c.start) for c in inside[1:]] + [turn.end]
    for a, b, clause in zip(cuts[:-1], cuts[1:], inside or [_UNREAD], strict=True):
        while a < b and text[a].isspace():
            a += 1
        while b > a and text[b - 1].isspace():
            b -= 1
        if a < b:
            yield a, b, clause


def _statement(n: int, text: str, turn: Turn, utterance: Utterance | None, start: int, end: int, clause: Clause) -> Statement:
    body = min(max(start, turn.body), end)
    return Statement(f"s{n}", text[start:end], start, end, body, clause, turn.speaker, _times(turn, utterance, start, end))


def _times(turn: Turn, utterance: Utterance | None, start: int, end: int) -> tuple[float, float] | None:
    """Seconds at which the stretch was said: from word times where the engine gave them, otherwise by its place in the utterance."""
    if turn.audio is None or utterance is None:
        return None
    a, b = start - turn.body, end - turn.body
    if utterance.words:
        first = min(len(utterance.text[:a].split()), len(utterance.words) - 1)
        last = min(max(len(utterance.text[:b].split()) - 1, first), len(utterance.words) - 1)
        return (utterance.words[first].start, utterance.words[last].end)
    length, (t0, t1) = max(len(utterance.text), 1), turn.audio
    return (round(t0 + (t1 - t0) * a / length, 2), round(t0 + (t1 - t0) * b / length, 2))
