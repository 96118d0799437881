"""Words that carry weight: numbers, negations, times, doses, names of drugs. The writer may not touch them, and grounding checks that it did not.

In: text. Out: its weighty words, in order. Knows no statement and no note.
"""

from __future__ import annotations

import re
from functools import cache

from prompts import table

_TOKEN = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")
_COUNT = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen twenty"""
_NUMBERS = {word: str(n) for n, word in enumerate(_COUNT.split())}


@cache
def _guarded() -> re.Pattern[str]:
    drugs = next(c for c in table("record_cues.toml")["cue"] if c["role"] == "medication")["patterns"][0]
    return re.compile(rf"{table('edits.toml')['guarded']}|{drugs}")


def weighty(text: str) -> tuple[str, ...]:
    """Numbers, negations, times, doses and drugs of `text`, small letters, in order; a number word as its digits."""
    return tuple(_NUMBERS.get(m[0], m[0]) for m in _guarded().finditer(text.replace("’", "'").lower()))


def content(text: str) -> tuple[str, ...]:
    """The words of `text`, small letters, cut to a rough stem, without those that only join."""
    words = _TOKEN.findall(text.replace("’", "'").lower())
    return tuple(_NUMBERS.get(w) or _stem(w) for w in words if w not in _JOINING)


def _stem(word: str) -> str:
    for ending in ("ing", "ies", "ied", "ed", "es", "s", "'s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


_JOINING = frozenset(
    """a an the and or but so then that this these those it its is are was were be been of to in on at for with by from as he she they
    we i his her their him them my our client clinician has had have did do does who which said says reported reports stated""".split()
)
