"""The clinical encoder: an `Encoder` that is trained, read by onnxruntime, with no torch.

In: a transcript. Out: a `Reading`: where clauses begin; for each clause the probabilities of its routes and roles, of danger and of the excluded
elements; spans that identify somebody. It decides nothing, and it knows no law.

What rules are certain of is not left to it: it is given an encoder by rule, and takes from that one the name of a danger, and the higher of the two
probabilities for danger and for the excluded elements; and where a rule leans to private, the record is dearer.
"""

from __future__ import annotations

import hashlib
import math
import tomllib
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from drafting.errors import EncoderMissing
from drafting.ports import Encoder
from drafting.types import Clause, PhiSpan, Reading, Route, Transcript, Turn
from models.encoder.engine import HEADS, HERE, TRUNK, Engine, sigmoid, softmax
from models.encoder.features import tokens
from models.encoder.pieces import ELEMENTS, ROLES, ROUTES
from models.encoder.places import clause_spans, is_bare, phi_spans, pooled, rejoined

CALIBRATION = "calibration.toml"


@dataclass(frozen=True, slots=True)
class Outputs:
    """What the network says of one text: clauses' offsets, their logits (clauses, heads), and spans that identify somebody. Not calibrated."""

    clauses: Sequence[tuple[int, int]]
    logits: np.ndarray
    spans: Sequence[PhiSpan]


class ClinicalEncoder:
    """Implements `ports.Encoder`. `name` holds the digest of its weights."""

    def __init__(self, rules: Encoder | None, folder: Path | None = None) -> None:
        """`folder` holds the weights; where they are not, raises EncoderMissing. Without `rules` the network reads alone."""
        self._rules, folder = rules, folder or HERE
        for part in (TRUNK, HEADS):
            if not (folder / part).is_file():
                raise EncoderMissing(path=folder / part)
        beside = ThreadPoolExecutor(1)  # what else is to be loaded goes on meanwhile
        self._engine: Future[Engine] = beside.submit(Engine, folder)
        beside.shutdown(wait=False)

    @property
    def engine(self) -> Engine:
        """The network, loaded; other heads stand on its trunk."""
        return self._engine.result()

    @property
    def name(self) -> str:
        digest = hashlib.sha256(self._engine.result().digest + (HERE / CALIBRATION).read_bytes()).hexdigest()
        return f"encoder:{digest[:12]}" + (f"+{self._rules.name}" if self._rules else "")

    def read(self, transcript: Transcript) -> Reading:
        """Read the whole text. Raises nothing."""
        return reading(self.outputs(transcript), transcript, self._rules, self.name)

    def outputs(self, transcript: Transcript) -> Outputs:
        """What the network says, before calibration: `reading` makes a `Reading` of it."""
        text, turns, c, engine = transcript.text, transcript.turns, calibration(), self._engine.result()
        read = tokens(text, turns, engine.tokenizer)
        if not len(read):
            return Outputs((), np.zeros((0, 0), np.float32), ())
        hidden, begins, tags = engine.over_tokens(text, read)
        fine = list(clause_spans(text, turns, read, begins, c["boundary_faint"]))
        if not fine:
            return Outputs((), np.zeros((0, 0), np.float32), tuple(phi_spans(text, read, tags, c["phi"])))
        firm = {a for a, _ in clause_spans(text, turns, read, begins, c["boundary_bare"] if is_bare(text) else c["boundary"])}
        routes = softmax(engine.over_clauses(*pooled(fine, turns, read, hidden))[:, : len(ROUTES)])
        clauses = rejoined(fine, firm, routes, c["apart"])
        return Outputs(clauses, engine.over_clauses(*pooled(clauses, turns, read, hidden)), tuple(phi_spans(text, read, tags, c["phi"])))

    def spans(self, text: str) -> tuple[PhiSpan, ...]:
        """What identifies somebody in any text, with no clause read."""
        engine = self._engine.result()
        read = tokens(text, (Turn(0, len(text), 0),), engine.tokenizer)
        return tuple(phi_spans(text, read, engine.over_tokens(text, read)[2], calibration()["phi"])) if len(read) else ()


@cache
def calibration() -> Mapping[str, float]:
    """Thresholds and shifts, set on writers that the network did not see."""
    return tomllib.loads((HERE / CALIBRATION).read_text(encoding="utf-8"))


def reading(outputs: Outputs, transcript: Transcript, rules: Encoder | None, name: str) -> Reading:
    """Outputs, calibrated, with what the rules are sure of."""
    by_rule = _attributed(rules, transcript, outputs.clauses) if rules else [()] * len(outputs.clauses)
    clauses = (_clause(a, b, row, own) for (a, b), row, own in zip(outputs.clauses, outputs.logits, by_rule, strict=True))
    return Reading(tuple(clauses), tuple(outputs.spans), name)


def _attributed(rules: Encoder, transcript: Transcript, clauses: Sequence[tuple[int, int]]) -> list[list[Clause]]:
    """For each of the network's clauses, the rules' clauses that say something of it. Where a rule's clause is several of the network's, what the
    rule names is named only of those whose own words say it; of the one that it covers most, where none does by itself."""
    out: list[list[Clause]] = [[] for _ in clauses]
    starts = [a for a, _ in clauses]
    for r in rules.read(transcript).clauses:
        first = max(0, bisect_right(starts, r.start) - 1)
        shared = {n: min(r.end, b) - max(r.start, a) for n, (a, b) in enumerate(clauses[first : bisect_left(starts, r.end)], first)}
        shared = {n: size for n, size in shared.items() if size > 0}
        own = [n for n in shared if len(shared) > 1 and (r.topic or r.elements) and _says(rules, transcript, clauses[n], r)]
        named = own or sorted(shared, key=lambda n: -shared[n])[:1]
        for n in shared:
            out[n].append(r if n in named else replace(r, topic=None, risk=0.0, elements={}))
    return out


def _says(rules: Encoder, transcript: Transcript, clause: tuple[int, int], rule: Clause) -> bool:
    """Whether the clause's own words name a danger or an element that `rule` names."""
    words = transcript.text[slice(*clause)]
    alone = rules.read(Transcript(words, (Turn(0, len(words), 0),))).clauses
    return any((rule.topic and c.topic == rule.topic) or set(rule.elements) & set(c.elements) for c in alone)


def _clause(start: int, end: int, logits: np.ndarray, by_rule: Sequence[Clause]) -> Clause:
    c = calibration()
    route, role, risk, elements = np.split(logits.astype(np.float32), np.cumsum([len(ROUTES), len(ROLES), 1]))
    caution = c["caution"] + c["doubt"] * max((_leaning(r, start, end) for r in by_rule), default=0.0)
    routes = cautious(route, caution)
    ruled = next((r for r in by_rule if r.topic), None)
    danger = float(sigmoid(risk[0] + c["risk_shift"]))
    found = {e: min(float(p), c["element_most"]) for e, p in zip(ELEMENTS, sigmoid(elements + c["element_shift"]), strict=True)}
    for r in by_rule:
        found |= {e: max(p, found[e]) for e, p in r.elements.items()}
    return Clause(
        start,
        end,
        dict(zip(ROUTES, map(float, routes), strict=True)),
        dict(zip(ROLES, map(float, softmax(role)), strict=True)),
        max(danger, ruled.risk if ruled else 0.0),
        ruled.topic if ruled else None,
        found,
    )


def cautious(route: np.ndarray, caution: float) -> np.ndarray:
    """Probabilities of the routes (…, routes). What `caution` takes from the record goes to no other side."""
    routes = softmax(route)
    routes[..., 0] = softmax(route - np.array([caution, 0.0, 0.0], np.float32))[..., 0]
    return routes


def _leaning(rule: Clause, start: int, end: int) -> float:
    """How far a rule leans to private: its log-odds beyond those from which it counts, as far as its clause is this one."""
    shared = (min(end, rule.end) - max(start, rule.start)) / (end - start)
    leaning = math.log(max(rule.routes[Route.PRIVATE], 1e-6) / max(rule.routes[Route.RECORD], 1e-6))
    return shared * max(0.0, leaning - calibration()["doubt_from"])
