"""Train the editing tagger: `python -m models.encoder.train_tagger`. Needs the `train` extra; a few minutes on two cores.

In: the shipped trunk, the pairs of edits/, clean clauses of the corpus with disfluencies put in. Out: tagger.onnx beside this file. The trunk is
read, never trained, so no figure of the encoder moves. Seeded. Pairs that are held out and writers of FINAL are never read here.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from models.encoder.edit_pairs import Pair, disturbed, written
from models.encoder.engine import HERE, Engine
from models.encoder.features import SHAPES
from models.encoder.pieces import read
from models.encoder.tagger import DROP, FILE, KEEP, TAGS, WORD, vectors

WIDTH, INNER, SEQUENCE = 384, 96, 64
EPOCHS, BATCH, RATE, SEED = 14, 32, 2e-3, 0
CLAUSES = 5000  # clean clauses read, half of them disturbed
DROPOUT = 0.25
WRITTEN_TIMES = 4  # how often a written pair is read for each disturbed clause
DROP_WEIGHT = 0.7  # of the loss: to drop a word that is content is worse than to leave one that is not


class TaggerHead(nn.Module):
    """Word vectors (texts, words, width + shapes) → logits (texts, words, tags)."""

    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(DROPOUT)
        self.narrow = nn.Sequential(nn.Linear(WIDTH + len(SHAPES), INNER), nn.ReLU())
        self.sequence = nn.GRU(INNER, SEQUENCE, batch_first=True, bidirectional=True)
        self.out = nn.Linear(INNER + 2 * SEQUENCE, len(TAGS))

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        own = self.narrow(self.drop(words))
        around, _ = self.sequence(own)
        return self.out(self.drop(torch.cat([own, around], -1)))


def fit(pairs: Sequence[Pair], engine: Engine, epochs: int = EPOCHS, seed: int = SEED) -> TaggerHead:
    """A head trained on `pairs`, over the engine's trunk."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    texts = [p.text for p in pairs]
    read = vectors(engine, texts, [[m.span() for m in WORD.finditer(text)] for text in texts])
    ready = [(v, [TAGS.index(t) for t in p.tags]) for v, p in zip(read, pairs, strict=True)]
    times = np.repeat(np.arange(len(pairs)), [WRITTEN_TIMES if p.source == "written" else 1 for p in pairs])
    head = TaggerHead()
    optimiser = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=0.01)
    steps = epochs * -(-len(times) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    weight = torch.ones(len(TAGS))
    weight[TAGS.index(DROP)] = DROP_WEIGHT
    for _ in range(epochs):
        order = rng.permutation(times)
        for at in range(0, len(order), BATCH):
            some = [ready[i] for i in order[at : at + BATCH]]
            words = nn.utils.rnn.pad_sequence([torch.from_numpy(v) for v, _ in some], batch_first=True)
            tags = nn.utils.rnn.pad_sequence([torch.tensor(t) for _, t in some], batch_first=True, padding_value=-1)
            loss = functional.cross_entropy(
                head(words).reshape(-1, len(TAGS)), tags.reshape(-1), weight=weight, ignore_index=-1, label_smoothing=0.02
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return head.eval()


def export(head: TaggerHead, path: str) -> None:
    """Write what `EditingTagger` reads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, about itself
        torch.onnx.export(
            head,
            (torch.zeros(1, 7, WIDTH + len(SHAPES)),),
            path,
            input_names=["words"],
            output_names=["tags"],
            dynamic_axes={"words": {1: "words"}},
            opset_version=17,
            dynamo=False,
        )


def main() -> None:
    torch.set_num_threads(2)
    pairs = [*written(held_out=False), *disturbed(read(), final=False, seed=SEED, most=CLAUSES)]
    export(fit(pairs, Engine(HERE)), str(HERE / FILE))
    kept = sum(t == KEEP for p in pairs for t in p.tags) / sum(len(p.tags) for p in pairs)
    print(f"trained on {len(pairs)} texts, {kept:.0%} of their words kept", file=sys.stderr)


if __name__ == "__main__":
    main()
