"""Does a sentence say what a payer's packet needs?

In: a sentence, and the names of elements (E01–E17, X1–X10). Out: yes or no. The words sought are data: elements.toml and excluded.toml, whose
patterns were made for statements, so that a no here is no proof: what is not found is left out and counted. Knows no profile.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

import prompts
from drafting.pipeline import elements


def speaks_of(text: str, codes: Iterable[str]) -> bool:
    """Whether any way of recognising one of `codes` holds for `text` alone."""
    on_one_line = " ".join(text.split()).replace("’", "'")
    return any(_holds(way, on_one_line) for code in codes for way in _ways().get(code, ()))


_Way = tuple[tuple[re.Pattern[str], ...], int]


def _holds(way: _Way, text: str) -> bool:
    patterns, at_least = way
    return sum(bool(pattern.search(text)) for pattern in patterns) >= at_least


@cache
def _ways() -> dict[str, tuple[_Way, ...]]:
    """Each element's ways as patterns, and how many of them must be found. A way that names a role and no words says nothing of a text."""
    sought = elements.parse(prompts.table("elements.toml"))
    ways = {code: tuple((way.patterns, way.at_least) for way in element.ways if way.patterns) for code, element in sought.items()}
    for entry in prompts.table("excluded.toml")["element"]:
        ways[entry["code"]] = tuple(((re.compile(pattern, re.IGNORECASE),), 1) for pattern in entry["patterns"])
    return ways
