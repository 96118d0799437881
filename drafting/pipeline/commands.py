"""What the clinician said to the dictation itself: "private:", "for the chart", "scratch that", a heading.

In: statements in order. Out: for each, what a command makes of it. Knows no probability and moves nothing.
A private command reaches to the end of its paragraph or to the next record command; a record command reaches to the end of its sentence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from drafting.pipeline.parts import uncued
from drafting.types import Role, Statement
from prompts import table

PAUSE = 0.3  # seconds between two sentences, in speech


@dataclass(frozen=True, slots=True)
class Ordered:
    """What commands make of one statement. `private`: "said" in the command's own sentence, "scope" later in its reach, otherwise None."""

    private: str | None = None
    record: bool = False
    retracted: bool = False
    bare: bool = False
    role: Role | None = None


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    t = table("commands.toml")
    heading = "|".join(re.escape(h) for h in sorted(t["headings"], key=len, reverse=True))
    return {k: re.compile(rf"^\W*(?:{t[k]})[\s:,.;—–-]*", re.I) for k in ("private", "record", "retract")} | {
        "heading": re.compile(rf"^\W*(?:new (?:line|section|paragraph),? )?({heading})\s*(?::|\.(?=\s|$)|\n|$)\s*", re.I)
    }


def spoken(words: str) -> str:
    """`words` without a command, a heading or a cue of whose part it is at their head."""
    words = uncued(words)
    for pattern in _patterns().values():
        words = pattern.sub("", words, count=1)
    return words


def _paused(before: Statement, after: Statement) -> bool:
    """Whether the speaker paused between the two as at a sentence's end: a recogniser writes no full stop."""
    return before.audio is not None and after.audio is not None and after.audio[0] - before.audio[1] >= PAUSE


def obey(statements: Sequence[Statement]) -> tuple[Ordered, ...]:
    """One `Ordered` a statement, in order."""
    orders: list[Ordered] = []
    reach, said, role, before = None, False, None, None
    for s in statements:
        words = s.text[s.body - s.start :]
        new_sentence = before is None or before.text[-1:] in ".?!…" or before.speaker != s.speaker or _paused(before, s)
        new_paragraph = before is not None and s.start - before.end > 1
        reach = None if new_paragraph or (reach == "record" and new_sentence) else reach
        role = None if new_paragraph else role
        said = said and not new_sentence
        hit = {k: p.match(words) for k, p in _patterns().items()}
        if hit["private"] and len(hit["private"][0].strip()) > 0:
            reach, said = "private", True
        elif hit["record"]:
            reach, said = "record", True
        if hit["heading"]:
            role = Role(table("commands.toml")["headings"][hit["heading"][1].lower()])
        if hit["retract"] and orders:
            orders[-1] = Ordered(orders[-1].private, False, True, orders[-1].bare, None)
        bare = not any(c.isalnum() for c in spoken(words))
        private = ("said" if said else "scope") if reach == "private" else None
        orders.append(Ordered(private, reach == "record", False, bare, role))
        before = s
    return tuple(orders)
