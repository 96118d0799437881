"""Every writer read by a network that never saw that writer: `python -m models.encoder.folds`. Forty minutes on two cores.

In: the corpus without its final writers. Out: folds.npz beside this file: what such networks say of each piece, not calibrated, so that
thresholds are set and figures are drawn on all of it without training again. Seeded.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from models.encoder import ClinicalEncoder, Outputs
from models.encoder.pieces import FINAL, read
from models.encoder.train import arguments, fitted
from models.encoder.unseen import FOLDS, parts, save, transcript

EPOCHS = 5  # fewer than what ships is given: three networks are trained


def main() -> None:
    args = arguments(__doc__, EPOCHS)
    pieces = [p for p in read() if p.writer not in FINAL]
    found: dict[str, Outputs] = {}
    for n, own in enumerate(parts(sorted({p.writer for p in pieces})), 1):
        print(f"fold {n} of {FOLDS}: {', '.join(own)} are not seen", file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            fitted([p for p in pieces if p.writer not in own], args, Path(folder), seed=n)
            encoder = ClinicalEncoder(None, Path(folder))
            found |= {p.id: encoder.outputs(transcript(p)) for p in pieces if p.writer in own}
    save(found)


if __name__ == "__main__":
    main()
