"""Somebody's own words inside a sentence: found, held apart while the rest is edited, and put back.

In: a sentence. Out: the sentence with its quotations as they were; where speech stands that no mark shows. Knows no style and changes no word.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from prompts import table

_SINGLE = r"(?<!\w)[‘'](?=\w)[^‘’']*(?:\w['’]\w[^‘’']*)*[’'](?!\w)"
_SPOKEN = r"\bquote\b,? .*?(?:\b(?:end quote|unquote|close quote)\b|(?=[.?!]|$))"
_QUOTED = re.compile(rf"“[^”]*”|\"[^\"]*\"|{_SINGLE}|{_SPOKEN}", re.I)
_NEAR = 20  # characters between a quotation and the "she said" that it belongs to
_MARK = re.compile(r"[\"“”]")
_HELD = re.compile("[\ue000-\uf8ff]")  # one character of private use stands for a quotation while it is held


def spans(text: str, within: bool = False) -> list[tuple[int, int]]:
    """Where quotations stand. `within`: the text begins inside one. A mark without its fellow, since a clause was cut there, makes a quotation of
    all that is on its side."""
    if within:
        end = next((m.end() for m in _MARK.finditer(text) if m[0] != "“"), len(text))
        return [(0, end), *((a + end, b + end) for a, b in spans(text[end:]))]
    found = [m.span() for m in _QUOTED.finditer(text)]
    lone = next((m for m in _MARK.finditer(text) if not any(a <= m.start() < b for a, b in found)), None)
    if lone is None:
        return found
    a, b = (lone.start(), len(text)) if _opens(lone) else (0, lone.end())
    return sorted([s for s in found if s[1] <= a or s[0] >= b] + [(a, b)])


def unended(text: str, within: bool = False) -> bool:
    """Whether `text` ends inside a quotation that goes on in the next clause."""
    held = spans(text, within)
    if not held or held[-1][1] < len(text):
        return False
    marks = list(_MARK.finditer(text, held[-1][0]))
    return not marks or (len(marks) == 1 and _opens(marks[0]) and not within) or (_opens(marks[-1]) and marks[-1].start() == held[-1][0])


def _opens(mark: re.Match[str]) -> bool:
    before, after = mark.string[: mark.start()][-1:], mark.string[mark.end() :][:1]
    return mark[0] == "“" or (mark[0] == '"' and (not before or before.isspace() or before in "(—–") and bool(after.strip()))


def outside(edit: Callable[[str], str], text: str, within: bool = False) -> str:
    """`edit(text)` with every quotation as it was."""
    held, kept, at = "", [], 0
    for start, end in spans(text, within):
        kept.append(text[start:end])
        held += _HELD.sub("", text[at:start]) + chr(0xE000 + len(kept) - 1)
        at = end
    return _HELD.sub(lambda m: kept[ord(m[0]) - 0xE000], edit(held + _HELD.sub("", text[at:])))


def speech(text: str) -> tuple[int, int]:
    """Where speech of somebody else may begin and end without a mark ("she said I can't, and I asked why"); the text's end, twice, where none is."""
    for m in _says().finditer(text):
        ours = not m.start() or re.search(r"\b(?:I|we|We)(?: \w+ly| also| then| just)? $", text[: m.start()])
        quoted = _HELD.search(text[: m.end()][-_NEAR:]) or _HELD.search(text[m.end() :][:2])
        if ours or quoted or _told().match(text, m.end()):
            continue
        first = re.search(r"\b(?:I|we|my|me|us|our|mine|myself)\b", text[m.end() :])
        ours = _ours().search(text, m.end())
        end = ours.start() if ours else len(text)
        if first and m.end() + first.start() < end:
            return m.end(), end
    return len(text), len(text)


@cache
def _says() -> re.Pattern[str]:
    return re.compile(table("recast.toml")["speech"]["says"], re.I)


@cache
def _told() -> re.Pattern[str]:
    return re.compile(table("recast.toml")["speech"]["told"], re.I)


@cache
def _ours() -> re.Pattern[str]:
    """The clinician again, after somebody spoke: ", and I asked", "when I said"."""
    joins = r"(?:,|\b(?:and|so|when|as|after|before|but|then|because))"
    told = r"(?:,|\b(?:and|then)) (?:then )?(?:told|tells|asked|asks|showed|handed|gave) me\b"
    return re.compile(rf"{joins} (?:then )?(?:I|we) (?:\w+ly |also |then |just )?{table('recast.toml')['speech']['ours']}\b|{told}")
