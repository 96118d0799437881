"""The network, run by onnxruntime: tokens to hidden states and probabilities, clauses to logits. No torch.

In: the folder of the weights; tokens; vectors of clauses. Out: arrays. Knows no calibration, no label and no law.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.encoder.features import SHAPES, Tokens, windows

HERE = Path(__file__).parent
TRUNK, HEADS, WORDS = "weights.onnx", "heads.onnx", "tokenizer.json"
BATCH = 16  # windows read at once
SEQUENCE = 256  # clauses that the heads read at once: memory stays bounded on a long text


class Engine:
    """The network and its words, loaded: a third of a second."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime as ort
        from tokenizers import Tokenizer

        options = ort.SessionOptions()
        options.log_severity_level = 3
        parts = [(folder / p).read_bytes() for p in (TRUNK, HEADS)]
        self.digest = b"".join(hashlib.sha256(p).digest() for p in parts)
        self.trunk, self.heads = (ort.InferenceSession(p, options, providers=["CPUExecutionProvider"]) for p in parts)
        self.tokenizer = Tokenizer.from_file(str(HERE / WORDS))
        self._marks = self.tokenizer.token_to_id("[CLS]"), self.tokenizer.token_to_id("[SEP]")

    def over_tokens(self, text: str, read: Tokens) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Hidden states (n, width), probabilities that a clause begins (n,) and of each tag (n, tags): a token's from the window where it is new."""
        hidden, begins, tags = self._run([(read, w) for w in windows(text, read)])
        return hidden, sigmoid(begins), softmax(tags)

    def over_texts(self, texts: Sequence[tuple[str, Tokens]]) -> list[np.ndarray]:
        """The hidden states of many short texts, which are read together, those of like length at once."""
        places = [(n, read, w) for n, (text, read) in enumerate(texts) for w in windows(text, read)]
        order = sorted(range(len(places)), key=lambda i: places[i][2][3] - places[i][2][0])
        hidden = self._run([places[i][1:] for i in order])[0] if places else np.zeros((0, 0), np.float32)
        ends = np.cumsum([places[i][2][2] - places[i][2][1] for i in order])
        parts = dict(zip(order, np.split(hidden, ends[:-1]) if len(ends) else [], strict=True))
        own: list[list[np.ndarray]] = [[] for _ in texts]
        for i, (n, _, _) in enumerate(places):
            own[n].append(parts[i])
        return [np.concatenate(some) if some else np.zeros((0, hidden.shape[1]), np.float32) for some in own]

    def _run(self, places: Sequence[tuple[Tokens, tuple[int, int, int, int]]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What the trunk says of the windows' new tokens, in order."""
        parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        for at in range(0, len(places), BATCH):
            some = places[at : at + BATCH]
            hidden, begins, tags = self.trunk.run(None, self._inputs(some))
            for row, (_, (context, new, old, _)) in enumerate(some):
                own = slice(new - context + 1, old - context + 1)
                parts.append((hidden[row, own], begins[row, own], tags[row, own]))
        return tuple(np.concatenate(p) for p in zip(*parts, strict=True))

    def _inputs(self, some: Sequence[tuple[Tokens, tuple[int, int, int, int]]]) -> dict[str, np.ndarray]:
        width = max(end - context for _, (context, _, _, end) in some) + 2
        ids, mask = np.zeros((len(some), width), np.int64), np.zeros((len(some), width), np.int64)
        shapes = np.zeros((len(some), width, len(SHAPES)), np.float32)
        cls, sep = self._marks
        for row, (read, (context, _, _, end)) in enumerate(some):
            size = end - context
            ids[row, : size + 2] = [cls, *read.ids[context:end], sep]
            mask[row, : size + 2] = 1
            shapes[row, 1 : size + 1] = read.shape[context:end]
        return {"ids": ids, "mask": mask, "shapes": shapes}

    def over_clauses(self, vectors: np.ndarray, speakers: np.ndarray) -> np.ndarray:
        """All heads' logits (clauses, heads)."""
        stretches = [slice(at, at + SEQUENCE) for at in range(0, len(vectors), SEQUENCE)]
        return np.concatenate([self.heads.run(None, {"clauses": vectors[None, s], "speakers": speakers[None, s]})[0][0] for s in stretches])


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(x, -30, 30)))


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)
