"""What the editing tagger learns from: pairs of spoken and written words, and clean clauses into which disfluencies are put.

In: edits/*.jsonl and the corpus. Out: `Pair`s, a tag a word. Training and measuring only. Knows no network.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from drafting.types import Route
from models.encoder.pieces import FINAL, Piece
from models.encoder.ready import unmarked
from models.encoder.tagger import DROP, KEEP, SWAPS

EDITS = Path(__file__).parent / "edits"
HELD_OUT = 5  # every fifth row is kept for measuring
FILLERS = ("um", "uh", "um,", "uh,", "you know,", "I mean,", "er", "so", "okay so", "like,", "let me think,", "what else,", "well,")
TURNS = ("no wait", "sorry", "no", "I mean", "wait", "scratch that", "rather", "no, make that")
_NUMBERS = "one two three four five six seven eight nine ten twelve fifteen twenty thirty forty fifty sixty eighty".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


@dataclass(frozen=True, slots=True)
class Pair:
    """Words as said and a tag for each: K keep, D drop, or the word that it is swapped for."""

    words: tuple[str, ...] = field(repr=False)
    tags: tuple[str, ...] = field(repr=False)
    source: str = "written"

    @property
    def text(self) -> str:
        return " ".join(self.words)


def written(held_out: bool) -> list[Pair]:
    """The pairs written for it: those held out for measuring, or the others."""
    rows = [(path.stem, n, json.loads(line)) for path in sorted(EDITS.glob("*.jsonl")) for n, line in enumerate(path.read_text("utf-8").splitlines())]
    return [_pair(row["tags"]) for _, n, row in rows if (n % HELD_OUT == 0) is held_out]


def _pair(tagged: Sequence[Sequence[str]]) -> Pair:
    return Pair(tuple(w for w, _ in tagged), tuple(_tag(t) for _, t in tagged))


def _tag(given: str) -> str:
    if given in (KEEP, DROP):
        return given
    swap = given.removeprefix("S:").lower()
    return swap if swap in SWAPS else KEEP


def disturbed(pieces: Sequence[Piece], final: bool, seed: int, most: int) -> Iterator[Pair]:
    """Record clauses of writers that are final, or of the others, with disfluencies put in, and as many left as they are."""
    rng = random.Random(seed)
    clauses = [s for p in pieces if (p.writer in FINAL) is final and p.kind == "dictation" for s in p.segments]
    clauses = [s for s in clauses if s.route is Route.RECORD and not s.joins and 4 <= len(s.text.split()) <= 40]
    rng.shuffle(clauses)
    for segment in clauses[:most]:
        bare = rng.random() < 0.35
        words = (unmarked(segment) if bare else segment).text.split()
        yield Pair(*map(tuple, zip(*_disturb(words, rng, bare), strict=True)), source="disturbed")


def _disturb(words: Sequence[str], rng: random.Random, bare: bool) -> list[tuple[str, str]]:
    """`words` with their tags; in half of the cases, with one to three disfluencies."""
    out: list[tuple[str, str]] = []
    at = set(rng.sample(range(len(words)), min(len(words), rng.choice((1, 1, 2, 3))))) if rng.random() < 0.5 else set()
    for i, word in enumerate(words):
        if i in at:
            put = rng.choice((_filler, _filler, _repeat, _start, _correction))(words, i, rng)
            put = [w.lower().strip(",—") for w in put] if bare else put
            out += [(w, DROP) for w in put if w]
        out.append((word, KEEP))
    return out


def _filler(words: Sequence[str], i: int, rng: random.Random) -> list[str]:
    return rng.choice(FILLERS).split()


def _repeat(words: Sequence[str], i: int, rng: random.Random) -> list[str]:
    """The next word or two, said twice."""
    return list(words[i : i + rng.choice((1, 1, 2))])


def _start(words: Sequence[str], i: int, rng: random.Random) -> list[str]:
    """The next words with another last one, broken off."""
    stretch = list(words[i : i + rng.choice((1, 2, 3))])
    if rng.random() < 0.3:
        return [*stretch[:-1], stretch[-1].rstrip(".,;:?!") + "—"]
    return [*stretch, *rng.choice(("uh", "um", "I mean", "no")).split()]


def _correction(words: Sequence[str], i: int, rng: random.Random) -> list[str]:
    """Another value than the one that follows, and the turn to the right one; a filler where no value follows."""
    word = words[i].strip(".,;:?!")
    kinds = (_NUMBERS, _DAYS, [d.lower() for d in _DAYS])
    others = next((k for k in kinds if word in k), None) or ([str(int(word) + d) for d in (1, 2, 5, 10)] if word.isdecimal() else None)
    if others is None:
        return _filler(words, i, rng)
    return [rng.choice([o for o in others if o != word]), *rng.choice(TURNS).split()]
