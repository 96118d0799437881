"""The corpus: dictations and sessions, clause by clause, as its writers labelled them.

In: JSON Lines of `corpus/`, one piece a line. Out: `Piece`s with offsets into their text. Knows no token and no network.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from drafting.types import Role, Route, Turn

CORPUS = Path(__file__).parent / "corpus"
FINAL = ("w22", "w23", "w24", "w25", "w26", "w34", "w42", "w52", "w60")  # writers who are read once, at the end
ROUTES = (Route.RECORD, Route.PRIVATE, Route.SET_ASIDE)
ROLES = tuple(Role)
ELEMENTS = tuple(f"X{n}" for n in range(1, 11))
LABELS = ("PERSON", "EMPLOYER", "SCHOOL", "PLACE", "CONTACT", "NUMBER", "DATE", "RARE", "HEALTH", "IMMIGRATION", "SECRET")
LABEL_OF = {
    **dict.fromkeys(("F01", "F02", "F03", "F04"), "PERSON"),
    "F05": "EMPLOYER",
    "F06": "SCHOOL",
    "F07": "PLACE",
    "F08": "CONTACT",
    "F09": "NUMBER",
    "F10": "DATE",
    "F11": "RARE",
    "F15": "HEALTH",
    "F18": "IMMIGRATION",
    "F27": "SECRET",
}

EVERYTHING = frozenset({"begins", "clauses", "tags"})


@dataclass(frozen=True, slots=True)
class Span:
    """Characters of a segment or a piece that identify somebody; `over` is False where the chart may hold them."""

    start: int
    end: int
    kind: str
    over: bool = True


@dataclass(frozen=True, slots=True)
class Segment:
    """One clause as written: `joins` goes on with the sentence before. `detail` is private for what it tells, not for who thinks it. `part` is 1
    or 2 for a clause's first or second half, made in training: that a half begins is not learned, nor which half holds what the clause speaks of."""

    text: str
    route: Route
    joins: bool = False
    risk: bool = False
    detail: bool = False
    role: Role | None = None
    elements: tuple[str, ...] = ()
    speaker: str | None = None
    phi: tuple[Span, ...] = ()
    part: int = 0


@dataclass(frozen=True, slots=True)
class Piece:
    """One dictation or session. `knows` says which labels are to be believed: where clauses begin, what they are, which words identify somebody."""

    id: str
    writer: str
    kind: str
    style: str
    segments: tuple[Segment, ...]
    knows: frozenset[str] = EVERYTHING

    @property
    def laid_out(self) -> tuple[str, list[tuple[int, int]], list[Turn]]:
        """The text, each segment's offsets in it, and the turns."""
        text, places = "", []
        turns: list[Turn] = []
        for i, s in enumerate(self.segments):
            new_turn = bool(i) and s.speaker != self.segments[i - 1].speaker
            text += "" if not text else "\n" if new_turn else " "
            places.append((len(text), len(text) + len(s.text)))
            text += s.text
            if not turns or new_turn:
                turns.append(Turn(places[-1][0], len(text), places[-1][0], s.speaker))
            else:
                turns[-1] = replace(turns[-1], end=len(text))
        return text, places, turns


def read(paths: Sequence[Path] | None = None) -> list[Piece]:
    """Every piece of the corpus, or of `paths`."""
    return [piece for path in (paths or sorted(CORPUS.glob("w*.jsonl"))) for piece in _pieces(path)]


def _pieces(path: Path) -> Iterator[Piece]:
    with path.open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            yield Piece(row["id"], row["writer"], row["kind"], row["style"], tuple(map(_segment, row["segments"])))


def _segment(row: dict) -> Segment:
    return Segment(
        row["text"],
        Route(row["route"]),
        row.get("joins", False),
        row.get("risk", False),
        row.get("detail", False),
        Role(row["role"]) if row.get("role") else None,
        tuple(row.get("elements", ())),
        row.get("speaker"),
        tuple(Span(*p) for p in row.get("phi", ())),
    )


# ── sentences that a clause holds ─────────────────────────────────────────────────────────────────────────────────────

_INNER = re.compile(r"(?P<last>\S+)[.?!…][\"”’')\]]*\s+(?=[\"“‘'(\[]?[A-Z0-9])")
_SHORTENED = re.compile(r"(?:dr|mrs?|ms|st|prof|vs|no|approx|\w|[\w.]+\.\w)", re.I)


def inner_sentences(text: str) -> Iterator[int]:
    """Where in a clause another sentence begins: some writers cut there and some do not, so nothing is learned or counted of it."""
    yield from (m.end() for m in _INNER.finditer(text) if not _SHORTENED.fullmatch(m["last"].lstrip("\"“'(")))
