"""Spoken words mended: fillers, repeats and false starts out, what the speaker took back given up for the last word.

In: words as said. Out: words as written, and what was given up. Knows no person, no section and no style.
Numbers, negations, names and times stay as they were: an edit that would change one is not made. A self-correction is the one exception: it drops
the value that was taken back, and only that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

from drafting.pipeline.commands import spoken
from drafting.pipeline.wording import SPELLED, drugs, persons, relations, weighty
from prompts import table

_TERMINAL = re.compile(r"[.?!…][\"'”’)\]]*$")
_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")
_NEAR = 3  # words that may stand between a value and the mark that takes it back
_LONGEST = 12  # words that a speaker gives up at most when a sentence is begun again


def tidy(words: str) -> str:
    """`words` as a sentence of a record: mended, with a capital and a full stop. Empty where nothing is left."""
    return finished(mended(words))


def finished(text: str) -> str:
    """`text` with a capital and a full stop. Empty where it holds no letter and no digit."""
    if not any(c.isalnum() for c in text):
        return ""
    text = text[0].upper() + text[1:]
    return text if _TERMINAL.search(text) else text.rstrip(" ,;:—–-") + "."


def mended(words: str) -> str:
    """`words` without commands, fillers, false starts and repeats."""
    text = " ".join(words.split())
    for edit in (spoken, _unfill, _unstart, _unrepeat, _respell, _space):
        text = guarded(edit, text)
    return text


def guarded(edit: Callable[[str], str], text: str) -> str:
    """`edit(text)`, unless it would change a number, a negation, a drug, a time or who is spoken of."""
    after = edit(text)
    return after if after == text or (weighty(after), persons(after)) == (weighty(text), persons(text)) else text


@cache
def _fillers() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(p, re.I) for p in table("edits.toml")["fillers"])


def _unfill(text: str) -> str:
    for pattern in _fillers():
        text = pattern.sub(" ", text).strip()
    return text


def _unstart(text: str) -> str:
    return re.sub(table("edits.toml")["false_start"], "", text, flags=re.I)


def _unrepeat(text: str) -> str:
    kept = "|".join(table("edits.toml")["repeat_kept"])
    return re.sub(rf"\b(?!(?:{kept})\b)([^\W\d_]+)(?:,? \1\b)+", r"\1", text, flags=re.I)


def _respell(text: str) -> str:
    words = table("edits.toml")["words"]
    return re.sub(r"\bi(?:['’](?:m|ve|ll|d))?\b(?!\.)", lambda m: words.get(m[0].replace("’", "'"), m[0]), text)


def _space(text: str) -> str:
    text = re.sub(r"\s+([,.;:?!])", r"\1", " ".join(text.split()))
    return re.sub(r"^[\s,;:.—–-]+|,(?=[,.;])", "", text)


# ── what the speaker took back ────────────────────────────────────────────────────────────────────────────────────────


def corrected(words: str) -> tuple[str, str | None]:
    """`words` with each self-correction resolved to the last word ("thirty, no wait, forty" is forty), and what was given up, if anything."""
    text, given_up, start = " ".join(words.split()), [], 0
    while m := _marks().search(text, start):
        resolved = _resolved(text, m) if m.start() else None
        if resolved is None:
            start = m.end()
            continue
        text, lost, start = resolved
        given_up.append(lost)
    return text, "; ".join(given_up) or None


def takes_back(before: str, words: str) -> bool:
    """Whether `words` begin by taking back something of `before`, and it is certain what."""
    m = _marks().match(words)
    if not m:
        return False
    whole = f"{before.rstrip('.,;: ')}, {words}"
    at = len(whole) - len(words)
    m = _marks().search(whole, at - 2)
    return bool(m) and m.start() <= at and _resolved(whole, m) is not None


@cache
def _marks() -> re.Pattern[str]:
    rules = table("edits.toml")["corrections"]
    hesitant = r"(?:(?:or|oh|no|well|um+|uh+|er),? )*"
    return re.compile(
        rf"(?P<before>[\s,;:.…—–-]*)\b{hesitant}(?:(?P<sure>{rules['sure']})|(?P<faint>{rules['faint']}))\b(?P<after>[,;:.…—–-]*)\s+", re.I
    )


def _resolved(text: str, mark: re.Match[str]) -> tuple[str, str, int] | None:
    """The text after the correction at `mark`, what was given up, and where to look for the next; None where it is not certain what was meant."""
    before, after = text[: mark.start()], text[mark.end() :]
    opening = re.match(table("edits.toml")["corrections"]["opening"], after, re.I)
    after = after[opening.end() :] if opening else after
    near = 2 * _NEAR if opening else _NEAR
    for found in (_value(before, after, mark, near), _again(before, after, mark) if not opening else None):
        if found:
            first, rest = found
            return before[:first] + rest, before[first:].strip(" ,;:—–-"), first + 1
    return None


def _value(before: str, after: str, mark: re.Match[str], near: int) -> tuple[int, str] | None:
    """Where the value that is taken back begins, and what stands from there on: the new value, and the rest."""
    for kind in _kinds():
        new = kind.match(after)
        old = new and _last(kind, before)
        if not old or old[0].lower() == new[0].lower():
            continue
        between, rest = before[old.end() :], after[new.end() :]
        gap = len(between.split())
        again = bool(between.split()) and rest.split()[:1] == between.split()[:1]
        if gap > near or _more(rest) or not (again or gap == 0 or _ends(rest)) or (mark["faint"] and not _faintly(mark, gap, again, rest)):
            continue
        return old.start(), _cased(new[0], old[0]) + (rest if again else between + rest)
    return None


def _more(rest: str) -> bool:
    """Whether a number goes on after what was taken for it: "one forty-eight", "twenty past two"."""
    return bool(re.match(rf" (?:{SPELLED}|past\b)", rest, re.I))


def _faintly(mark: re.Match[str], gap: int, again: bool, rest: str) -> bool:
    """Whether a mark as common as "no" takes a value back: values of one kind stand on both sides of it, and nothing more is said of the second."""
    counted = mark["faint"].lower() == "no" and gap <= _NEAR
    apart = gap == 0 and "," in mark["before"] and "," in mark["after"]
    return again or apart or ((gap == 0 or counted) and _ends(rest))


def _ends(rest: str) -> bool:
    return bool(re.match(rf"\s*{table('edits.toml')['corrections']['ends']}", rest, re.I))


def _last(kind: re.Pattern[str], text: str) -> re.Match[str] | None:
    return next(reversed(list(kind.finditer(text))), None)


def _cased(new: str, old: str) -> str:
    return new[0].upper() + new[1:] if old[0].isupper() and new[0].islower() else new


@cache
def _kinds() -> tuple[re.Pattern[str], ...]:
    rules = table("edits.toml")["corrections"]
    number = rf"(?:[$£€]?\d+(?:[.:,/-]\d+)*|{SPELLED})(?: point {SPELLED})?(?: and a (?:half|quarter))?(?! percent\w)"
    listed = (rf"\b(?:{'|'.join(kind)})\b" for kind in rules["kinds"])
    owner = r"(?:\b(?:his|her|their|my|the|a) (?:\w+ )?)?"
    clock = rf"(?:{number}|quarter|half) (?:past|to)\b"
    counted = (
        rf"{clock} {number}",
        clock,
        rf"{SPELLED} {SPELLED}",
        rf"(?:\b(?:once|twice|thrice)|{number} times)\b",
        rf"{number} ?{rules['units']}\b",
        number,
        rf"\b(?:{drugs()})",
    )
    patterns = (*counted, owner + relations().pattern, relations().pattern, *listed)
    return (*(re.compile(p, re.I) for p in patterns), re.compile(r"\b(?!I\b)[A-Z][a-z]+(?: [A-Z][a-z]+)?\b"))


def _again(before: str, after: str, mark: re.Match[str]) -> tuple[int, str] | None:
    """The sentence begun again: the words after the mark were said before it ("she took 50, sorry, she took 75")."""
    old, new = list(_WORD.finditer(before)), [w[0].lower() for w in _WORD.finditer(after)]
    common = frozenset(table("edits.toml")["corrections"]["again"])
    for i, length in _repeats([w[0].lower() for w in old], new):
        lost = len(old) - i
        brief = len(re.split(r"[,.;:?!]", after)[0].split()) <= _NEAR
        apart = "," in mark["before"]
        alone = length == 1 and not (brief and apart and lost <= _NEAR and new[0] in common)
        faint = mark["faint"] and (length == 1 or not apart or "," not in mark["after"])
        if not alone and not faint and length < lost <= _LONGEST:
            return old[i].start(), _cased(after, old[i][0])
    return None


def _repeats(old: list[str], new: list[str]) -> Iterator[tuple[int, int]]:
    """Places in `old` from which it says the first words of `new`, the longest first and then the latest: (place, how many words)."""
    found = []
    for i in range(len(old)):
        length = 0
        while i + length < len(old) and length < len(new) and old[i + length] == new[length]:
            length += 1
        if length:
            found.append((i, length))
    yield from sorted(found, key=lambda p: (-p[1], -p[0]))
