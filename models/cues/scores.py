"""What a clause's words say of it, by cues.

In: a clause's words, small letters. Out: log-odds for each route and role, the risk topic, the excluded elements. Knows no neighbours and
decides nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from drafting.types import Role
from prompts import table

_CAP = 5.0  # however many cues agree, no clause is more certain than this
_RISK_AS_RECORD = 1.6  # danger speaks for the record a little; what else is said decides
_MORE_ROLES, _MORE_PATTERNS = 0.4, 0.9
_HEAD, _AT_HEAD, _STRONG = 12, 0.8, 2.0  # characters from the clause's beginning, what a cue there adds, and the least weight for it


@dataclass(frozen=True, slots=True)
class Cue:
    """Patterns with one weight; `any` is all of them in one, which most clauses never match."""

    patterns: tuple[re.Pattern[str], ...]
    any: re.Pattern[str]
    weight: float
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Scores:
    """Sums of cue weights (log-odds, capped) for one clause."""

    record: float
    private: float
    aside: float
    roles: dict[Role, float]
    topic: str | None
    elements: tuple[str, ...]


def _each(patterns: list[str]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(p) for p in patterns)


def _any(patterns: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{p})" for p in patterns))


@cache
def _private_cues() -> tuple[Cue, ...]:
    return tuple(Cue(_each(c["patterns"]), _any(c["patterns"]), c["weight"]) for c in table("reflection_cues.toml")["cue"])


@cache
def _record_cues() -> tuple[Cue, ...]:
    return tuple(Cue((), _any(c["patterns"]), c["weight"], Role(c["role"])) for c in table("record_cues.toml")["cue"])


@cache
def _aside_cue() -> Cue:
    aside = table("record_cues.toml")["aside"]
    return Cue((), _any(aside["patterns"]), aside["weight"])


@cache
def _risk() -> tuple[re.Pattern[str], tuple[tuple[str, re.Pattern[str]], ...]]:
    t = table("risk.toml")
    return _any(t["idioms"]), tuple((x["key"], _any(x["patterns"])) for x in t["topic"])


@cache
def _soft() -> frozenset[str]:
    """Topics that are the clinician's own worry: they open a risk item and say nothing for the record."""
    return frozenset(t["key"] for t in table("risk.toml")["topic"] if t.get("soft"))


@cache
def _elements() -> tuple[tuple[str, Role | None, re.Pattern[str] | None], ...]:
    rows = table("excluded.toml")["element"]
    return tuple((e["code"], Role(e["like_role"]) if e["like_role"] else None, _any(e["patterns"]) if e["patterns"] else None) for e in rows)


def score(words: str) -> Scores:
    """Scores of one clause's `words`."""
    words = words.lower().replace("’", "'").replace("\n", " ")
    roles: dict[Role, float] = {}
    for cue in _record_cues():
        if cue.role and cue.any.search(words):
            roles[cue.role] = max(roles.get(cue.role, 0.0), cue.weight)
    aside = _aside_cue()
    topic = risk_topic(words)
    found = tuple(code for code, role, pattern in _elements() if (role and role in roles) or (pattern and pattern.search(words)))
    if topic and topic not in _soft():
        record_by_risk, roles[Role.RISK] = _RISK_AS_RECORD, 3.0
    else:
        record_by_risk = 0.0
    others = [w for r, w in roles.items() if r is not Role.RISK]
    record = max([record_by_risk, *others]) + _MORE_ROLES * max(len(roles) - 1, 0)
    aside_weight = aside.weight if aside.any.match(words) else 0.0
    return Scores(min(record, _CAP), min(_private(words), _CAP), aside_weight, roles, topic, found)


def _private(words: str) -> float:
    """Each cue once, a little more for each further pattern of it, and more when one stands at the head, as the main clause."""
    total = 0.0
    for cue in _private_cues():
        hits = [m.start() for p in cue.patterns if (m := p.search(words))] if cue.any.search(words) else []
        if hits:
            total += cue.weight + _MORE_PATTERNS * (len(hits) - 1) + (_AT_HEAD if min(hits) < _HEAD and cue.weight >= _STRONG else 0.0)
    return total


def risk_topic(words: str) -> str | None:
    """The first family of risk.toml that `words` (small letters) match, once idioms are blanked out."""
    idioms, topics = _risk()
    plain = idioms.sub(" ", words)
    return next((key for key, pattern in topics if pattern.search(plain)), None)
