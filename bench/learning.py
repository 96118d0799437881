"""Does it still help to have more writers? `python -m bench.learning 5 12 [--public FOLDER]`: some minutes for each.

Networks trained on so many writers, and read on the same others (the first part of the folds). The last point of the curve is the fold itself.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path

from bench.encoder import Table, Unseen
from drafting import wiring
from models.encoder import ClinicalEncoder, Outputs
from models.encoder.folds import EPOCHS
from models.encoder.pieces import FINAL, Piece, read
from models.encoder.train import SEED, fitted
from models.encoder.unseen import FILE, load, parts, transcript


def main() -> None:
    parser = argparse.ArgumentParser(description="Figures against number of writers.")
    parser.add_argument("writers", type=int, nargs="+")
    parser.add_argument("--public", type=Path)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    args = parser.parse_args()
    pieces = [p for p in read() if p.writer not in FINAL]
    unseen, *others = parts(sorted({p.writer for p in pieces}))
    order = random.Random(SEED).sample(sorted(w for part in others for w in part), sum(map(len, others)))
    kept = [p for p in pieces if p.writer in unseen]
    for n in args.writers:
        with tempfile.TemporaryDirectory() as folder:
            fitted([p for p in pieces if p.writer in order[:n]], args, Path(folder), SEED)
            encoder = ClinicalEncoder(None, Path(folder))
            _print(n, kept, {p.laid_out[0]: encoder.outputs(transcript(p)) for p in kept})
    if FILE.exists():
        by_id = dict(load())
        _print(len(order), kept, {p.laid_out[0]: by_id[p.id] for p in kept})


def _print(writers: int, pieces: list[Piece], outputs: dict[str, Outputs]) -> None:
    print(f"\n{writers} writers, the network with the rules")
    for what, figure, _ in list(Table(pieces, {"both": Unseen(outputs, wiring.rules())}).rows("both"))[:7]:
        print(f"  {what:58} {figure}", flush=True)


if __name__ == "__main__":
    main()
