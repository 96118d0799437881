"""What reading and routing come to on writers that the encoder never saw: `python -m bench.encoder [WRITER …]`, or `make eval-encoder`.

Each figure with n and a 95% interval (Wilson 1927). Whole pieces go the product's own way, from text to routes: clauses are found, not given,
and commands, excluded elements and risk items count as they do there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import sqrt

from drafting import wiring
from drafting.errors import EncoderMissing
from drafting.pipeline.routing import SURE_ELEMENT, route
from drafting.pipeline.statements import state
from drafting.ports import Encoder
from drafting.types import Context, Mode, Placed, Route, Transcript, Utterance
from models.encoder.pieces import HELD_OUT, Piece, Segment, read


@dataclass(frozen=True, slots=True)
class Share:
    """`hits` of `n`."""

    hits: int
    n: int

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.hits / max(self.n, 1):7.2%}  [{low:.2%}, {high:.2%}]  n={self.n}"

    @property
    def interval(self) -> tuple[float, float]:
        """95%, by Wilson's score."""
        z, n, p = 1.96, max(self.n, 1), self.hits / max(self.n, 1)
        middle, half = (p + z * z / (2 * n)) / (1 + z * z / n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, middle - half), min(1.0, middle + half)


def share(marks: Iterable[bool]) -> Share:
    marks = list(marks)
    return Share(sum(marks), len(marks))


@dataclass(frozen=True, slots=True)
class Met:
    """A clause as labelled, and what became of the characters that it covers: `record` is the share of them in the record, `most` the statement that
    covers most of it, `seen` whether danger in it is record text or behind a risk item."""

    segment: Segment
    record: float
    most: Placed
    seen: bool
    marked: bool


def transcript(piece: Piece) -> Transcript:
    """A piece as the product is handed it."""
    text, _, turns = piece.laid_out
    spoken = tuple(Utterance(text[t.start : t.end], speaker=t.speaker) for t in turns) if piece.kind == "session" else None
    return Transcript(text, tuple(turns), spoken)


def met(piece: Piece, encoder: Encoder) -> Iterator[Met]:
    """Each labelled clause of `piece` beside what the product made of it."""
    t = transcript(piece)
    mode = Mode.SESSION if piece.kind == "session" else Mode.DICTATION
    routed = route(state(t, encoder.read(t)), Context(mode=mode))
    behind = {e for item in routed.risk_items for e in item.evidence}
    for segment, (a, b) in zip(piece.segments, piece.laid_out[1], strict=True):
        own = [(min(b, p.statement.end) - max(a, p.statement.start), p) for p in routed.placed if p.statement.start < b and a < p.statement.end]
        record = sum(n for n, p in own if p.route is Route.RECORD) / max(sum(n for n, _ in own), 1)
        items = any(p.statement.id in behind for _, p in own)
        yield Met(segment, record, max(own, key=lambda o: o[0])[1], items or record >= 0.5, items)


def boundaries(pieces: Sequence[Piece], encoder: Encoder) -> float:
    """F1 of the places inside a turn where a clause begins."""
    hit = said = true = 0
    for piece in pieces:
        _, places, turns = piece.laid_out
        heads = {t.body for t in turns}
        want = {a for a, _ in places} - heads
        got = {c.start for c in encoder.read(transcript(piece)).clauses} - heads
        hit, said, true = hit + len(want & got), said + len(got), true + len(want)
    return 2 * hit / max(said + true, 1)


def figures(pieces: Sequence[Piece], encoder: Encoder) -> Iterator[tuple[str, str]]:
    """Rows of the table."""
    rows = [m for p in pieces for m in met(p, encoder)]
    private = [m for m in rows if m.segment.route is Route.PRIVATE]
    record = [m for m in rows if m.segment.route is Route.RECORD]
    dictated = [m for p in pieces if p.kind == "dictation" for m in met(p, encoder)]
    yield "private clauses that reach the record (half of one or more)", str(share(m.record >= 0.5 for m in private))
    yield (
        "record clauses lost to private or set aside",
        str(share(m.most.route in (Route.PRIVATE, Route.SET_ASIDE) for m in record if not m.segment.speaker)),
    )
    yield "held, of all clauses of dictations", str(share(m.most.route is Route.HELD for m in dictated))
    yield "danger that is record text or behind a risk item", str(share(m.seen for m in rows if m.segment.risk))
    yield "risk items on clauses without danger", str(share(m.marked for m in rows if not m.segment.risk))
    kept = [m for m in record if m.most.route is Route.RECORD]
    yield "role of a clause that is in the record", str(share(m.most.role is m.segment.role for m in kept))
    for element in (f"X{n}" for n in range(1, 11)):
        have = [m for m in rows if element in m.segment.elements]
        yield f"{element} found", str(share(m.most.statement.clause.elements.get(element, 0) >= SURE_ELEMENT for m in have))
    marked = [p for p in pieces if any(c.isupper() for s in p.segments for c in s.text)]
    yield "clause boundaries, F1, punctuated", f"{boundaries(marked, encoder):.3f}"
    yield "clause boundaries, F1, as a recogniser writes", f"{boundaries([p for p in pieces if p not in marked], encoder):.3f}"


def main() -> None:
    wanted = sys.argv[1:] or list(HELD_OUT)
    pieces = [p for p in read() if p.writer in wanted]
    _print("rules alone", wanted, figures(pieces, wiring.encoder()))
    try:
        _print("the encoder, with the rules", wanted, figures(pieces, wiring.trained_encoder()))
    except EncoderMissing as error:
        raise SystemExit(str(error)) from None


def _print(name: str, writers: Sequence[str], rows: Iterable[tuple[str, str]]) -> None:
    print(f"{name}, on writers {', '.join(writers)}")
    for what, figure in rows:
        print(f"  {what:60} {figure}")


if __name__ == "__main__":
    main()
