"""What reading and routing come to on writers that the network never saw: `make eval-encoder`, or `python -m bench.encoder [--public FOLDER]`.

Each figure with n, a 95% interval and its goal. First all writers but the final ones, each read by a network that was trained without that writer
(folds.npz): by rules alone, by the network alone, by both. Then the final writers, read by the network that ships. With `--public`, PHI on public
sets.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from bench import phi
from bench.met import Met, boundaries, met
from bench.shares import kappa, share
from bench.speed import clauses_a_second
from drafting import wiring
from drafting.errors import EncoderMissing
from drafting.pipeline import formats
from drafting.pipeline.routing import SURE_ASIDE, SURE_ELEMENT, SURE_PRIVATE, SURE_RECORD
from drafting.ports import Encoder
from drafting.types import Reading, Role, Route, Transcript
from models.encoder import Outputs, calibration, cautious, reading
from models.encoder.engine import softmax
from models.encoder.pieces import CORPUS, FINAL, ROUTES, Piece, read
from models.encoder.unseen import FILE, load

CAUTIONS = (-1.0, 0.0, 1.0, 2.0, 3.0)  # added to the shipped caution for the curve of leak against held


class Unseen:
    """An `Encoder` that answers with what a network said that had not seen the writer."""

    def __init__(self, outputs: dict[str, Outputs], rules: Encoder | None) -> None:
        self._outputs, self._rules, self.name = outputs, rules, "unseen"

    def read(self, transcript: Transcript) -> Reading:
        return reading(self._outputs[transcript.text], transcript, self._rules, self.name)


class Table:
    """Rows of figures, one column an encoder."""

    def __init__(self, pieces: Sequence[Piece], encoders: dict[str, Encoder]) -> None:
        self.pieces, self.encoders = pieces, encoders
        self.met = {name: [met(p, e) for p in pieces] for name, e in encoders.items()}

    def rows(self, name: str) -> Iterator[tuple[str, str, str]]:
        """What, figure, goal."""
        each = self.met[name]
        rows = [m for found, _ in each for m in found]
        dictated = [(found, needless) for found, needless in each if found[0].piece.kind == "dictation"]
        private = [m for m in rows if m.segment.route is Route.PRIVATE]
        record = [m for m in rows if m.segment.route is Route.RECORD and not m.segment.speaker]
        danger = [m for m in rows if m.segment.risk]
        yield "private clauses that reach the record", str(share(m.leaked for m in private)), "≤ 1%, upper end ≤ 2%"
        yield "record clauses lost to private or set aside", str(share(m.most.route in (Route.PRIVATE, Route.SET_ASIDE) for m in record)), "≤ 2%"
        yield "held, of all clauses of dictations", str(share(_held(m) for found, _ in dictated for m in found)), "≤ 6%"
        yield "held in a dictation, 90th percentile", f"{np.percentile([sum(map(_held, found)) for found, _ in dictated], 90):7.1f}", "≤ 3"
        yield "danger that is record text or behind a risk item", str(share(m.seen for m in danger)), "≥ 99.5%"
        yield "idioms of death behind a risk item", str(share(m.marked for m in rows if m.trap)), "≤ 10%"
        yield "needless risk items in ten dictations", f"{10 * sum(n for _, n in dictated) / len(dictated):7.1f}", "≤ 2"
        stray = [m for m in private if set(m.segment.elements) & {"X1", "X2", "X3", "X4"}] + [m for m in record if _musing(m)]
        yield "X1–X4 in musings or mixed sentences, on the record side", str(share(_shown(m) for m in stray)), "≥ 97%"
        for key in ("soap", "dap", "birp"):
            kept = [m for m in record if m.most.route is Route.RECORD and m.segment.role]
            yield f"right section in {key.upper()}", str(share(_section(key, m.most.role) == _section(key, m.segment.role) for m in kept)), "≥ 93%"
        bare = [p for p in self.pieces if not any(c.isupper() for s in p.segments for c in s.text)]
        marked = [p for p in self.pieces if p not in bare]
        yield "clause boundaries, F1, punctuated", f"{boundaries(marked, self.encoders[name]):8.3f}", "≥ 0.95"
        yield "clause boundaries, F1, as a recogniser writes", f"{boundaries(bare, self.encoders[name]):8.3f}", "≥ 0.88"

    def parts(self, name: str) -> Iterator[tuple[str, str, str]]:
        """By hard kind and by writer: leak, what is lost or held, danger seen."""
        groups: dict[str, list[Met]] = defaultdict(list)
        for found, _ in self.met[name]:
            for m in found:
                for kind in (*m.kinds, "session" if m.segment.speaker else "dictation", f"writer {m.piece.writer}"):
                    groups[kind].append(m)
        for kind, rows in sorted(groups.items(), key=lambda g: (g[0].startswith("writer"), g[0])):
            leak = share(m.leaked for m in rows if m.segment.route is Route.PRIVATE)
            away = share(m.most.route is not Route.RECORD for m in rows if m.segment.route is Route.RECORD)
            seen = share(m.seen for m in rows if m.segment.risk)
            yield kind, "  ".join(f"{s.hits:4}/{s.n:<5}" for s in (leak, away, seen)), ""


def _held(m: Met) -> bool:
    return m.most.route is Route.HELD


def _musing(m: Met) -> bool:
    return m.mixed and bool(set(m.segment.elements) & {"X1", "X2", "X3", "X4"})


def _shown(m: Met) -> bool:
    """In the record, or found in what is apart, so that a prompt names it."""
    found = {e for e, p in m.most.statement.clause.elements.items() if p >= SURE_ELEMENT}
    return m.leaked or bool(found & set(m.segment.elements))


def _section(key: str, role: Role | None) -> str | None:
    return next((s.key for s in formats.load(key).sections if role in s.roles), None)


def curve(outputs: dict[str, Outputs], table: Table) -> Iterator[tuple[str, str, str]]:
    """Leak against held as caution grows, routes of the network alone at its own cuts."""
    rows = []
    for piece in table.pieces:
        own = outputs[piece.laid_out[0]]
        for (a, b), segment in zip(piece.laid_out[1], piece.segments, strict=True):
            over = [(min(b, d) - max(a, c), n) for n, (c, d) in enumerate(own.clauses) if c < b and a < d]
            rows.append((segment.route, own.logits[max(over)[1], : len(ROUTES)]))
    private = np.array([r is Route.PRIVATE for r, _ in rows])
    logits = np.array([x for _, x in rows])
    for more in CAUTIONS:
        p = cautious(logits, calibration()["caution"] + more)
        record = p[:, 0] >= SURE_RECORD
        held = ~record & (p[:, 1] < SURE_PRIVATE) & (p[:, 2] < SURE_ASIDE)
        yield f"caution {calibration()['caution'] + more:.1f}", f"leak {record[private].mean():7.2%}   held {held.mean():7.2%}", ""
    yield from _reliability(softmax(logits), np.array([r is Route.RECORD for r, _ in rows]))


def _reliability(p: np.ndarray, record: np.ndarray) -> Iterator[tuple[str, str, str]]:
    for low, high in pairwise((0.0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98, 1.0001)):
        own = (p[:, 0] >= low) & (p[:, 0] < high)
        if own.any():
            yield f"record at {low:.2f}–{min(high, 1):.2f}", f"said {p[own, 0].mean():7.1%}   true {record[own].mean():7.1%}   n={own.sum()}", ""


def agreement() -> Iterator[tuple[str, str, str]]:
    """How far two hands agree that labelled the same clauses blind."""
    rows = [json.loads(line) for line in (CORPUS / "agreement.jsonl").read_text(encoding="utf-8").splitlines()]
    first, second = ([label for r in rows for label in r[hand]] for hand in ("first", "second"))
    whats = {
        "route": lambda s: {"R": "R", "K": "R", "P": "P", "D": "P", "X": "X"}[s[0]],
        "danger": lambda s: s[0] == "K" or s[1] == "!",
        "role": lambda s: s.split(":")[1].split("/")[0],
    }
    for what, of in whats.items():
        yield f"{what}, κ of two hands", f"{kappa([of(s) for s in first], [of(s) for s in second]):8.3f}  n={len(first)}", ""


def main() -> None:
    parser = argparse.ArgumentParser(description="The clinical encoder's figures.")
    parser.add_argument("--public", type=Path, help="folder of presidio-research, ASQ-PHI and WNUT-17, to measure PHI on them")
    parser.add_argument("--parts", action="store_true", help="by hard kind and by writer too")
    args = parser.parse_args()
    wiring.mask_torch()
    _print("agreement", agreement())
    pieces = read()
    if FILE.exists():
        by_id = dict(load())
        seen = [p for p in pieces if p.id in by_id]
        outputs = {p.laid_out[0]: by_id[p.id] for p in seen}
        rules = wiring.rules()
        table = Table(seen, {"rules alone": rules, "network alone": Unseen(outputs, None), "both": Unseen(outputs, rules)})
        for name in table.encoders:
            _print(f"writers left out, {len(seen)} pieces: {name}", table.rows(name))
        if args.parts:
            _print("leaked of private, not in the record of record, danger seen: both", table.parts("both"))
        _print("the network alone: leak against held, and whether its probabilities hold", curve(outputs, table))
    try:
        shipped = wiring.encoder()
    except EncoderMissing as error:
        raise SystemExit(str(error)) from None
    final = Table([p for p in pieces if p.writer in FINAL], {"as shipped": shipped})
    _print(f"final writers ({', '.join(FINAL)}), as shipped", final.rows("as shipped"))
    if args.parts:
        _print("final writers", final.parts("as shipped"))
    _print("PHI", phi.rows(final.pieces, args.public))
    _print("speed", [("from text to reading", f"{clauses_a_second(shipped, final.pieces):8.0f} clauses/s", "≥ 400")])


def _print(name: str, rows: Iterable[tuple[str, str, str]]) -> None:
    print(f"\n{name}")
    for what, figure, goal in rows:
        print(f"  {what:58} {figure:42} {goal}".rstrip(), flush=True)


if __name__ == "__main__":
    main()
