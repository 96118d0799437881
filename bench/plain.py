"""What the plain writer's notes come to, on whole dictations and sessions of writers that nothing was tuned on.

In: engines. Out: rows of figures. Every sentence rests on a source and is borne out by it; danger, medication and plans are all in the note.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.shares import share
from drafting.pipeline import STAGES, Engines, Work, run, to_checked
from drafting.pipeline.formats import load
from drafting.types import Context, Mode, Role, Support
from models.encoder.pieces import FINAL, Piece, read
from models.encoder.unseen import transcript

FORMATS = ("soap", "dap", "birp")
MUST = (Role.RISK, Role.MEDICATION, Role.PLAN)


def rows(engines: Engines) -> Iterator[tuple[str, str, str]]:
    """What, figure, goal, for dictations and for sessions."""
    pieces = [p for p in read() if p.writer in FINAL]
    for kind in Mode:
        own = [p for p in pieces if p.kind == kind]
        yield from _rows(str(kind), [_drafted(p, kind, key, engines) for p in own for key in FORMATS])


def _drafted(piece: Piece, mode: Mode, key: str, engines: Engines) -> Work:
    work = Work(transcript(piece), Context(mode=mode), load(key))
    return run(work, engines, STAGES[: STAGES.index(to_checked)])


def _rows(kind: str, works: Sequence[Work]) -> Iterator[tuple[str, str, str]]:
    sentences = [s for w in works for s in w.draft.sentences]
    must = [(w, s) for w in works for s in w.routed.record if s.risk or s.role in MUST]
    yield f"{kind}: sentences without evidence", str(share(not s.evidence for s in sentences)), "0"
    yield f"{kind}: sentences that grounding finds unsupported", str(share(s.support is Support.UNSUPPORTED for s in sentences)), "0"
    yield f"{kind}: sentences that grounding finds weak", str(share(s.support is Support.WEAK for s in sentences)), ""
    yield f"{kind}: danger, medication and plans in the note", str(share(s.id not in w.draft.omitted for w, s in must)), "100%"
    yield f"{kind}: record statements in the note", str(share(s.id not in w.draft.omitted for w in works for s in w.routed.record)), ""
