"""The order of a section, and what was said twice.

In: the lines of one section, each with its role and its place in the source. Out: the same lines in the order in which a clinician reads them, with
duplicates merged. Adds no word. Knows no style.

Who came and how stands first, then what was said, seen and measured, what was done with what came of it, what it amounts to, and the next contact
last; within that, the order of the dictation. A line that has no sense apart from the one before it stays there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from drafting.pipeline.wording import persons, weighty
from drafting.types import Role
from prompts import table

_DONE = (Role.INTERVENTION, Role.RESPONSE)
_SEEN = (Role.OBSERVATION, Role.MEASURE)
APART = 2  # characters between two sentences; more is something that is not in the record
_LEAST = 4  # words from which a sentence that is said again is the same sentence, or with a number fewer
_LAST = 1  # added to a role's place for the next contact


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence on its way: the statements that it rests on, its role, where it stood in the source, what was given up in it."""

    text: str = field(repr=False)
    evidence: tuple[str, ...]
    role: Role
    start: int
    end: int
    said: str | None = field(default=None, repr=False)


def ordered(lines: Sequence[Line]) -> tuple[Line, ...]:
    """`lines` of one section, which come in the order of the source."""
    placed: list[tuple[tuple[int, int], Line]] = []
    before: Line | None = None
    for line in lines:
        key = (_place(line), line.start)
        if before is not None and _stays(line, before):
            key = placed[-1][0]
        placed.append((key, line))
        before = line
    return tuple(line for _, line in sorted(placed, key=lambda p: (p[0], p[1].start)))


def _place(line: Line) -> int:
    places = table("recast.toml")["order"]
    if line.role in _SEEN and _rules()["later"].search(line.text) and not _rules()["alone"].search(line.text):
        return places[Role.RESPONSE.value]
    place = places[line.role.value]
    return place + _LAST if line.role is Role.PLAN and _rules()["closes"].search(line.text) else place


def _stays(line: Line, before: Line) -> bool:
    """Whether `line` keeps to the one before it: it leans on it, speaks on of somebody whom that one named, or tells what came of what was done."""
    if line.role is Role.LOGISTICS and not _rules()["opens"].search(line.text):
        return True
    if line.start - before.end > APART or (line.role is Role.PLAN and _rules()["closes"].search(line.text)):
        return False
    if _rules()["leans"].search(line.text):
        return True
    if re.match(r"(?:he|she|his|her|their)\b", line.text, re.I) and persons(before.text):
        return True
    return line.role in _SEEN and before.role in _DONE and not _rules()["alone"].search(line.text)


@cache
def _rules() -> dict[str, re.Pattern[str]]:
    return {key: re.compile(pattern, re.I) for key, pattern in table("recast.toml")["place"].items()}


# ── said twice ────────────────────────────────────────────────────────────────────────────────────────────────────────


def once(lines: Iterable[Line]) -> tuple[Line, ...]:
    """`lines` of a whole note, each that is said word for word again written once: as risk where either is, else where it was said first."""
    kept: dict[tuple[str | int, ...], Line] = {}
    for line in lines:
        words = _words(line.text)
        key = tuple(words) if _tells(line.text, words) else (line.start,)
        kept[key] = _both(kept[key], line, line if line.role is Role.RISK else kept[key]) if key in kept else line
    return tuple(sorted(kept.values(), key=lambda line: line.start))


def merged(lines: Iterable[Line]) -> tuple[Line, ...]:
    """`lines` of one section, each that says no more than another taken into it: one sentence, the statements of both."""
    kept: list[tuple[Line, list[str]]] = []
    for line in lines:
        said = _words(line.text)
        for i, (other, words) in enumerate(kept):
            if _holds(other.text, words, line.text, said) or _holds(line.text, said, other.text, words):
                longer = max(other, line, key=lambda x: len(x.text))
                kept[i] = (_both(other, line, longer), words if longer is other else said)
                break
        else:
            kept.append((line, said))
    return tuple(line for line, _ in kept)


def _both(first: Line, second: Line, fuller: Line) -> Line:
    said = "; ".join(filter(None, (first.said, second.said))) or None
    return replace(fuller, start=first.start, end=first.end, evidence=first.evidence + second.evidence, said=said)


def _holds(longer: str, a: list[str], shorter: str, b: list[str]) -> bool:
    """Whether `longer`, whose words are `a`, says all that `shorter` says: the same words first, and then something that goes on from them."""
    if a[: len(b)] != b or not _tells(shorter, b) or weighty(longer)[: len(weighty(shorter))] != weighty(shorter):
        return False
    return a == b or bool(_rules()["goes_on"].match(longer[_spoken(longer)[len(b) - 1].end() :].lstrip()))


def _tells(text: str, words: list[str]) -> bool:
    """Whether a sentence says enough to be one with another: "She agreed." may be said of two things."""
    return len(words) >= _LEAST or any(w[:1].isdigit() for w in weighty(text))


def _spoken(text: str) -> list[re.Match[str]]:
    return list(re.finditer(r"[^\W_]+(?:['’.,:-][^\W_]+)*", text))


def _words(text: str) -> list[str]:
    return [m[0].lower() for m in _spoken(text)]
