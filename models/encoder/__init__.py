"""The clinical encoder: an `Encoder` that is trained, read by onnxruntime, with no torch. Not shipped yet, see card.md.

In: a transcript. Out: a `Reading`: where clauses begin; for each clause the probabilities of its routes and roles, of danger and of the excluded
elements; spans that identify somebody. It decides nothing, and it knows no law.

What rules are certain of is not left to it: it is given an encoder by rule, and takes from that one the name of a danger, and the higher of the two
probabilities for danger and for the excluded elements. A clause also begins where a rule says so, unless the network is sure that none does.
"""

from __future__ import annotations

import hashlib
import tomllib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np

from drafting.errors import EncoderMissing
from drafting.ports import Encoder
from drafting.types import Clause, PhiSpan, Reading, Transcript, Turn
from models.encoder.features import SHAPES, SPEAKERS, Tokens, tokens, windows
from models.encoder.pieces import ELEMENTS, LABELS, ROLES, ROUTES

HERE = Path(__file__).parent
TRUNK, HEADS, WORDS, CALIBRATION = "weights.onnx", "heads.onnx", "tokenizer.json", "calibration.toml"
BATCH = 16  # windows read at once
SEQUENCE = 256  # clauses that the heads read at once: memory stays bounded on a long text


class Engine:
    """The network and its words, loaded: a third of a second."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime as ort
        from tokenizers import Tokenizer

        options = ort.SessionOptions()
        options.log_severity_level = 3
        self.trunk, self.heads = (ort.InferenceSession(str(folder / p), options, providers=["CPUExecutionProvider"]) for p in (TRUNK, HEADS))
        self.tokenizer = Tokenizer.from_file(str(HERE / WORDS))


class ClinicalEncoder:
    """Implements `ports.Encoder`. `name` holds the digest of its weights."""

    def __init__(self, rules: Encoder, folder: Path | None = None) -> None:
        """`folder` holds the weights; where they are not, raises EncoderMissing."""
        self._rules, folder = rules, folder or HERE
        self._calibration = tomllib.loads((HERE / CALIBRATION).read_text(encoding="utf-8"))
        try:
            digest = hashlib.sha256((folder / TRUNK).read_bytes() + (folder / HEADS).read_bytes() + (HERE / CALIBRATION).read_bytes()).hexdigest()
        except FileNotFoundError:
            raise EncoderMissing(path=folder / TRUNK) from None
        self.name = f"encoder:{digest[:12]}+{rules.name}"
        beside = ThreadPoolExecutor(1)  # what else is to be loaded goes on meanwhile
        self._engine: Future[Engine] = beside.submit(Engine, folder)
        beside.shutdown(wait=False)

    def read(self, transcript: Transcript) -> Reading:
        """Read the whole text. Raises nothing."""
        read = tokens(transcript.text, transcript.turns, self._engine.result().tokenizer)
        if not len(read):
            return Reading((), (), self.name)
        hidden, begins, tags = self._token_pass(transcript.text, read)
        by_rule = self._rules.read(transcript).clauses
        begins = begins + np.isin(read.start, [c.start for c in by_rule]) * self._calibration["boundary_by_rule"]
        spans = list(clause_spans(transcript.text, transcript.turns, read, begins, self._calibration["boundary"]))
        vectors, speakers = _pooled(spans, transcript.turns, read, hidden)
        heads = self._clause_pass(vectors, speakers) if spans else ()
        clauses = tuple(self._clause(a, b, row, _overlapping(by_rule, a, b)) for (a, b), row in zip(spans, heads, strict=True))
        return Reading(clauses, tuple(phi_spans(read, tags, self._calibration["phi"])), self.name)

    # ── the two passes ────────────────────────────────────────────────────────────────────────────────────────────────

    def _token_pass(self, text: str, read: Tokens) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Hidden states (n, width), probabilities that a clause begins (n,) and of each tag (n, tags): a token's from the window where it is new."""
        engine = self._engine.result()
        cls, sep = engine.tokenizer.token_to_id("[CLS]"), engine.tokenizer.token_to_id("[SEP]")
        parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        places = list(windows(text, read))
        for at in range(0, len(places), BATCH):
            some = places[at : at + BATCH]
            width = max(end - context for context, _, end in some) + 2
            ids, mask = np.zeros((len(some), width), np.int64), np.zeros((len(some), width), np.int64)
            shape = np.zeros((len(some), width, read.shape.shape[1]), np.float32)
            for row, (context, _, end) in enumerate(some):
                size = end - context
                ids[row, : size + 2] = [cls, *read.ids[context:end], sep]
                mask[row, : size + 2] = 1
                shape[row, 1 : size + 1] = read.shape[context:end]
            hidden, begins, tags = engine.trunk.run(None, {"ids": ids, "mask": mask, "shapes": shape})
            for row, (context, new, end) in enumerate(some):
                own = slice(new - context + 1, end - context + 1)
                parts.append((hidden[row, own], begins[row, own], tags[row, own]))
        hidden, begins, tags = (np.concatenate(p) for p in zip(*parts, strict=True))
        return hidden, _sigmoid(begins), _softmax(tags)

    def _clause_pass(self, vectors: np.ndarray, speakers: np.ndarray) -> np.ndarray:
        """All heads' logits (clauses, heads)."""
        heads = self._engine.result().heads
        stretches = [slice(at, at + SEQUENCE) for at in range(0, len(vectors), SEQUENCE)]
        return np.concatenate([heads.run(None, {"clauses": vectors[None, s], "speakers": speakers[None, s]})[0][0] for s in stretches])

    def _clause(self, start: int, end: int, logits: np.ndarray, by_rule: Sequence[Clause]) -> Clause:
        c = self._calibration
        route, role, risk, elements = np.split(logits, np.cumsum([len(ROUTES), len(ROLES), 1]))
        routes = _softmax((route - np.array([c["caution"], 0.0, 0.0], np.float32)) / c["route_temperature"])
        roles = _softmax(role)
        ruled = next((r for r in by_rule if r.topic), None)
        danger = float(_sigmoid((risk[0] + c["risk_shift"]) / c["risk_temperature"]))
        found = {e: float(p) for e, p in zip(ELEMENTS, _sigmoid(elements + c["element_shift"]), strict=True)}
        for r in by_rule:
            found |= {e: max(p, found[e]) for e, p in r.elements.items()}
        return Clause(
            start,
            end,
            dict(zip(ROUTES, map(float, routes), strict=True)),
            dict(zip(ROLES, map(float, roles), strict=True)),
            max(danger, ruled.risk if ruled else 0.0),
            ruled.topic if ruled else None,
            found,
        )


# ── from probabilities to places ──────────────────────────────────────────────────────────────────────────────────────


def clause_spans(text: str, turns: Sequence[Turn], read: Tokens, begins: np.ndarray, least: float) -> Iterator[tuple[int, int]]:
    """Offsets of clauses: each begins where a turn does, where a line is left blank, or at a word's head that `begins` gives at least `least`."""
    heads = read.shape[:, SHAPES.index("word_head")] > 0
    starts = [int(a) for a, p, head in zip(read.start, begins, heads, strict=True) if head and (p >= least or "\n\n" in text[max(0, a - 3) : a])]
    for turn in turns:
        own = starts[bisect_right(starts, turn.body) : bisect_left(starts, turn.end)]
        cuts = [turn.body, *own, turn.end]
        for a, b in pairwise(cuts):
            piece = text[a:b]
            if piece.strip():
                yield a + len(piece) - len(piece.lstrip()), a + len(piece.rstrip())


def phi_spans(read: Tokens, tags: np.ndarray, least: float) -> Iterator[PhiSpan]:
    """Runs of tokens that are more probably of one label than outside of all, whole words."""
    outside = tags[:, 0]
    label = (tags[:, 1:].argmax(1)) // 2
    run: list[int] = []
    for i in range(len(read) + 1):
        inside = i < len(read) and read.start[i] < read.end[i] and 1 - outside[i] >= least
        if run and not (inside and label[i] == label[run[-1]] and read.start[i] - read.end[run[-1]] <= 1):
            yield PhiSpan(int(read.start[run[0]]), int(read.end[run[-1]]), LABELS[label[run[0]]], float(1 - outside[run].max()))
            run = []
        if inside:
            run.append(i)


def _pooled(spans: Sequence[tuple[int, int]], turns: Sequence[Turn], read: Tokens, hidden: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean of each clause's tokens (clauses, width), and who speaks it (clauses, speakers)."""
    vectors = np.zeros((len(spans), hidden.shape[1]), np.float32)
    speakers = np.zeros((len(spans), len(SPEAKERS)), np.float32)
    begin = [t.start for t in turns]
    for n, (a, b) in enumerate(spans):
        first, last = np.searchsorted(read.start, a, "left"), np.searchsorted(read.start, b, "left")
        own = [i for i in range(first, last) if read.start[i] < read.end[i]]
        if own:
            vectors[n] = hidden[own].mean(0)
        speaker = turns[max(0, bisect_right(begin, a) - 1)].speaker
        speakers[n, SPEAKERS.index(speaker) if speaker in SPEAKERS else 0] = 1
    return vectors, speakers


def _overlapping(clauses: Sequence[Clause], start: int, end: int) -> Sequence[Clause]:
    first = bisect_right(clauses, start, key=lambda c: c.end)
    last = first
    while last < len(clauses) and clauses[last].start < end:
        last += 1
    return clauses[first:last]


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(x, -30, 30)))


def _softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)
