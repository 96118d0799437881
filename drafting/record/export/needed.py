"""Does a sentence say what a payer's packet needs?

In: a sentence, and what it may speak of: elements (E01–E17, X1–X10) and "danger". Out: yes or no. The words sought are data: elements.toml,
excluded.toml and risk.toml, whose patterns were made for statements, so that a no here is no proof: what is not found is left out and counted, for a
person to see. Knows no profile.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

import prompts
from drafting.pipeline import elements

_Way = tuple[tuple[re.Pattern[str], ...], int]


def speaks_of(text: str, about: Iterable[str]) -> bool:
    """Whether any way of recognising one of `about` holds for `text` alone."""
    on_one_line = " ".join(text.split()).replace("’", "'")
    return any(_danger(on_one_line) if name == "danger" else any(_holds(way, on_one_line) for way in _ways()[name]) for name in about)


def known() -> frozenset[str]:
    """All that may be asked for, whether words are sought for it or only roles."""
    return frozenset(_ways()) | {"danger"}


def _holds(way: _Way, text: str) -> bool:
    patterns, at_least = way
    return sum(bool(pattern.search(text)) for pattern in patterns) >= at_least


def _danger(text: str) -> bool:
    idioms, danger = _words_of_danger()
    return bool(danger.search(idioms.sub(" ", text.lower())))


@cache
def _words_of_danger() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What only sounds like danger, and danger of any topic; over lower-cased words."""
    data = prompts.table("risk.toml")
    patterns = [pattern for topic in data["topic"] for pattern in topic["patterns"]]
    return re.compile("|".join(data["idioms"])), re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


@cache
def _ways() -> dict[str, tuple[_Way, ...]]:
    """Each element's ways as patterns, and how many of them must be found. A way that names a role and no words says nothing of a text."""
    enough = prompts.table("exports.toml")["enough"]
    sought = elements.parse(prompts.table("elements.toml"))
    ways = {code: tuple((way.patterns, enough.get(code, way.at_least)) for way in element.ways if way.patterns) for code, element in sought.items()}
    for entry in prompts.table("excluded.toml")["element"]:
        ways[entry["code"]] = tuple(((re.compile(pattern, re.IGNORECASE),), 1) for pattern in entry["patterns"])
    return ways
