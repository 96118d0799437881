"""What networks said of writers whom they had not seen, kept in folds.npz, so that thresholds are set and figures drawn on all writers at once.

In: outputs by piece. Out: the same, read back. Who trains those networks is `folds.py`; no torch here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from drafting.types import PhiSpan, Transcript, Utterance
from models.encoder import HERE, Outputs
from models.encoder.pieces import LABELS, Piece

FOLDS = 3
FILE = HERE / "folds.npz"


def parts(writers: Sequence[str]) -> list[tuple[str, ...]]:
    """The writers in `FOLDS` parts; neighbours, who were written in one round, are dealt out to different parts."""
    return [tuple(writers[n::FOLDS]) for n in range(FOLDS)]


def transcript(piece: Piece) -> Transcript:
    """A piece as the product is handed it."""
    text, _, turns = piece.laid_out
    spoken = tuple(Utterance(text[t.start : t.end], speaker=t.speaker) for t in turns) if piece.kind == "session" else None
    return Transcript(text, tuple(turns), spoken)


def save(found: Mapping[str, Outputs], path: Path = FILE) -> None:
    """Write outputs by a piece's id: offsets, logits to three digits, spans."""
    rows = list(found.values())
    np.savez_compressed(
        path,
        ids=np.array(list(found)),
        clauses=np.array([len(o.clauses) for o in rows]),
        offsets=np.array([c for o in rows for c in o.clauses], np.int32),
        logits=np.concatenate([o.logits for o in rows]).astype(np.float16),
        tagged=np.array([len(o.spans) for o in rows]),
        spans=np.array([(s.start, s.end, LABELS.index(s.label), s.score) for o in rows for s in o.spans], np.float32).reshape(-1, 4),
    )


def load(path: Path = FILE) -> Iterator[tuple[str, Outputs]]:
    """What `save` wrote."""
    with np.load(path) as z:
        at, seen = 0, 0
        offsets, logits, spans = z["offsets"], z["logits"].astype(np.float32), z["spans"]
        for id_, n, m in zip(z["ids"].tolist(), z["clauses"].tolist(), z["tagged"].tolist(), strict=True):
            own = [PhiSpan(int(a), int(b), LABELS[int(label)], float(p)) for a, b, label, p in spans[seen : seen + m]]
            yield id_, Outputs([(int(a), int(b)) for a, b in offsets[at : at + n]], logits[at : at + n], own)
            at, seen = at + n, seen + m
