"""PHI: spans found on unseen writers, and on public sets beside Presidio's patterns alone.

In: pieces with labelled spans, a folder of public sets. Out: rows. A span is found where a finding overlaps it; a finding is right where it overlaps
a labelled span, over-shared or allowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.shares import share
from drafting import wiring
from drafting.ports import PhiScanner
from drafting.types import Context
from models.encoder.pieces import Piece
from models.encoder.public import HELD_OUT_TEMPLATES, PHI, tagged
from models.encoder.public import rows as lines
from models.presidio import patterns_alone

Span = tuple[int, int]
Row = tuple[str, str, str]
DIRECT = ("F01", "F02", "F03", "F04", "F08", "F09")  # names, contacts, numbers
IDENTIFYING = (*DIRECT, "F05", "F06", "F07", "F10", "F11", "F15", "F18", "F27")  # kinds that the corpus marks; topics and quotations are not spans
NOT_PHI = ("AGE", "TITLE", "NRP")  # of presidio-research: an age below 90, a title, a nationality


def rows(pieces: Sequence[Piece], public: Path | None) -> Iterator[Row]:
    """What, figure, goal."""
    scanner = wiring.scanner()
    found = [(p, _found(scanner, p.laid_out[0])) for p in pieces]
    spans = [(p, (a + s.start, a + s.end), s) for p in pieces for (a, _), g in zip(p.laid_out[1], p.segments, strict=True) for s in g.phi]
    by_piece = {p.id: f for p, f in found}
    over = [(p, at, s) for p, at, s in spans if s.over]
    yield "over-shared spans found, unseen writers", str(share(_meets(at, by_piece[p.id]) for p, at, s in over)), "≥ 96%"
    labelled = {p.id: [at for q, at, _ in spans if q is p] for p in pieces}
    yield "findings that are right", str(share(_meets(f, labelled[p.id]) for p, own in found for f in own)), "≥ 93%"
    direct = [(p, at) for p, at, s in over if s.kind in DIRECT]
    yield "names, contacts and numbers found", str(share(_meets(at, by_piece[p.id]) for p, at in direct)), "≥ 99%"
    if public:
        yield from _research(scanner, public)
        yield from _asq(scanner, public)
        yield from _persons(scanner, public)


def _research(scanner: PhiScanner, public: Path) -> Iterator[Row]:
    kept = [r for r in lines(public / PHI) if r["template"] % HELD_OUT_TEMPLATES == 0]
    wanted = [(r["text"], [(a, b) for a, b, k in r["spans"] if k not in NOT_PHI]) for r in kept]
    ours = share(not _meets(s, _found(scanner, text)) for text, spans in wanted for s in spans)
    theirs = share(not _meets(s, patterns_alone(text)) for text, spans in wanted for s in spans)
    yield "presidio-research, unseen templates, missed", str(ours), "≤ ¼ of:"
    yield "  by Presidio's patterns alone", str(theirs), ""


def _asq(scanner: PhiScanner, public: Path) -> Iterator[Row]:
    texts = [(r["text"], [tuple(s[:2]) for s in r["spans"]]) for r in lines(public / "phi/asq-phi-dev.jsonl")]
    yield "ASQ-PHI, spans found", str(share(_meets(s, _found(scanner, t)) for t, spans in texts for s in spans)), "≥ 90%"
    yield "ASQ-PHI, hard negatives flagged", str(share(bool(_found(scanner, t)) for t, spans in texts if not spans)), "≤ 8%"


def _persons(scanner: PhiScanner, public: Path) -> Iterator[Row]:
    ours, theirs = [], []
    for row in lines(public / "phi/wnut17-dev.jsonl"):
        said = tagged(row["tokens"], row["tags"])
        text, spans = said.text, [(p.start, p.end) for p in said.phi if p.kind == "PERSON"]
        found = _found(scanner, text) if spans else []
        ours += [_meets(s, found) for s in spans]
        theirs += [_meets(s, patterns_alone(text)) for s in spans]
    yield "WNUT-17 dev, persons found", str(share(ours)), ""
    yield "  by Presidio's patterns alone", str(share(theirs)), ""


def _found(scanner: PhiScanner, text: str) -> list[Span]:
    return [(f.start, f.end) for f in scanner.scan(text, Context()) if f.kind in IDENTIFYING]


def _meets(span: Span, others: Sequence[Span]) -> bool:
    return any(a < span[1] and span[0] < b for a, b in others)
