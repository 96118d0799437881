"""The editing tagger: which spoken words a written sentence leaves out, and which it swaps. A small head on the encoder's trunk, read by onnxruntime.

In: texts. Out: `Edit`s with their probability: a word is kept, dropped, or swapped for one of a closed list, so that no fact can be added. Knows no
rule, no style and no note. The trunk is not changed by it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from drafting.errors import EncoderMissing
from drafting.types import Edit, Turn
from models.encoder.engine import HERE, Engine, softmax
from models.encoder.features import SHAPES, Tokens, tokens

FILE = "tagger.onnx"
KEEP, DROP = "K", "D"
SWAPS = "he she they him her them his their client clinician was were had did could would said reported asked noted stated felt".split()
TAGS = (KEEP, DROP, *SWAPS)
WORD = re.compile(r"\S+")
_CORE = re.compile(r"[\w’'-]+")


class EditingTagger:
    """Implements `ports.Editor`. Shares the encoder's `engine`."""

    def __init__(self, engine: Engine, folder: Path | None = None) -> None:
        """`folder` holds the head; where it is not, raises EncoderMissing."""
        import onnxruntime as ort

        path = (folder or HERE) / FILE
        if not path.is_file():
            raise EncoderMissing(path=path)
        options = ort.SessionOptions()
        options.log_severity_level = 3
        head = path.read_bytes()
        self._engine, self._head = engine, ort.InferenceSession(head, options, providers=["CPUExecutionProvider"])
        self.name = f"tagger:{hashlib.sha256(engine.digest + head).hexdigest()[:12]}"

    def edits(self, texts: Sequence[str]) -> tuple[tuple[Edit, ...], ...]:
        """For each text its edits, in order, one a word."""
        places = [[m.span() for m in WORD.finditer(text)] for text in texts]
        read = vectors(self._engine, texts, places)
        return tuple(tuple(self._edits(text, own, words)) for text, own, words in zip(texts, places, read, strict=True))

    def _edits(self, text: str, places: Sequence[tuple[int, int]], words: np.ndarray) -> Iterator[Edit]:
        if not places:
            return
        probabilities = softmax(self._head.run(None, {"words": words[None]})[0][0])
        for (start, end), p in zip(places, probabilities, strict=True):
            tag = TAGS[int(p.argmax())]
            core = _CORE.search(text, start, end)
            if tag == DROP:
                yield Edit(start, end, "", float(p.max()))
            elif tag != KEEP and core:
                yield Edit(core.start(), core.end(), tag, float(p.max()))


def vectors(engine: Engine, texts: Sequence[str], places: Sequence[Sequence[tuple[int, int]]]) -> list[np.ndarray]:
    """For each text, for each of its words at `places`, the mean of its tokens' hidden states and the shape of its first (words, width + shapes)."""
    read = [tokens(text, (Turn(0, len(text), 0),), engine.tokenizer) for text in texts]
    hidden = engine.over_texts(list(zip(texts, read, strict=True)))
    return [_words(*one) for one in zip(read, hidden, places, strict=True)]


def _words(read: Tokens, hidden: np.ndarray, places: Sequence[tuple[int, int]]) -> np.ndarray:
    out = np.zeros((len(places), hidden.shape[1] + len(SHAPES)), np.float32)
    owner = np.searchsorted(np.array([a for a, _ in places]), read.start, side="right") - 1
    for n in range(len(places)):
        own = np.flatnonzero((owner == n) & (read.start < read.end))
        if len(own):
            out[n] = np.concatenate([hidden[own].mean(0), read.shape[own[0]]])
    return out
