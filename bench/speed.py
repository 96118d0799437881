"""How fast an encoder reads."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

from drafting.ports import Encoder
from models.encoder.pieces import Piece
from models.encoder.unseen import transcript


def clauses_a_second(encoder: Encoder, pieces: Sequence[Piece], rounds: int = 3) -> float:
    """Clauses read in a second, the best of some rounds over `pieces`."""
    texts = [transcript(p) for p in pieces]
    best = float("inf")
    for _ in range(rounds):
        began = perf_counter()
        read = sum(len(encoder.read(t).clauses) for t in texts)
        best = min(best, (perf_counter() - began) / read)
    return 1 / best
