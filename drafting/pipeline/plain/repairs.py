"""Spoken words mended: fillers, repeats and false starts out, what the speaker took back given up for the last word.

In: words as said. Out: words as written, and what was given up. Knows no person, no section and no style.
Numbers, negations, names and times stay as they were: an edit that would change one is not made. A self-correction is the one exception: it drops
the value that was taken back, and only that. Where a "no" may deny, both halves stay as they were said: a phrase said twice does no harm.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from functools import cache

from drafting.pipeline.commands import spoken
from drafting.pipeline.wording import SPELLED, drugs, persons, relations, weighty
from drafting.types import Edit
from prompts import table

_TERMINAL = re.compile(r"[.?!…][\"'”’)\]]*$")
_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")
_NEAR = 3  # words that may stand between a value and the mark that takes it back
_LONGEST = 12  # words that a speaker gives up at most when a sentence is begun again
_ALIKE, _LETTERS, _WORDS = 0.75, 5, 4  # how like its second try a misheard word is; letters that it has at least, words at most


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
    return re.sub(table("edits.toml")["false_start"], lambda m: m[0] if _denied(text[: m.start()]) else "", text, flags=re.I)


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


def may_take_back(before: str, words: str) -> bool:
    """Whether `words` begin as if they took back the end of `before`: with "sorry" or the like, or with a "no" between two of a kind."""
    m = _marks().match(words)
    if not m or m["sure"]:
        return bool(m)
    after = words[m.end() :]
    return bool(_alike(before, after)) or any(kind.match(after) and _near(kind, before) for kind in _kinds())


def _near(kind: re.Pattern[str], before: str) -> bool:
    old = _last(kind, before)
    return old is not None and len(before[old.end() :].split()) <= _NEAR


def opens_with_no(words: str) -> bool:
    """Whether `words` begin with a bare "no", which denies or takes back."""
    return bool(re.match(r"no\b,? \w", words, re.I))


def begun(words: str) -> str:
    """`words` without a repair at their head whose false start is not among them ("no wait, bipolar two"). A "no" that may deny stays."""
    rules = table("edits.toml")["corrections"]
    m = re.match(rf"(?:{rules['head']})[,;:.…—–-]*\s+", words, re.I) or _before_value(words)
    rest = words[m.end() :] if m else ""
    return rest if rest and not re.match(table("edits.toml")["denies"], rest, re.I) else words


def _before_value(words: str) -> re.Match[str] | None:
    """A repair that is one only before a value: "make that seventy five", and not "make that call"."""
    m = re.match(rf"(?:{table('edits.toml')['corrections']['head_of_value']})[,;:.…—–-]*\s+", words, re.I)
    return m if m and any(kind.match(words, m.end()) for kind in _kinds()) else None


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
    if mark["faint"] and _spoke("asked", before):
        return None
    value = _value(before, after, mark, near)
    again = (way(before, after, mark) for way in ((_misheard, _named) if opening else (_again, _misheard, _named)))
    for found in (value, *again):
        if found and (found is value or not _denied(before[: found[0]])):
            first, rest = found
            return before[:first] + rest, before[first:].strip(" ,;:—–-"), first + 1
    return None


def _spoke(how: str, before: str) -> bool:
    """Whether somebody was asked or told something in the sentence that `before` ends with, so that a "no" may be their answer."""
    return bool(re.search(table("edits.toml")["corrections"][how], re.split(r"[.?!]\s", before)[-1], re.I))


def _denied(before: str) -> bool:
    """Whether a denial ends at what was said twice: it need not hold for the second ("no tremor, sorry, tremor at rest")."""
    return bool(re.search(rf"\b{table('edits.toml')['denies']}(?: \w+)?\s*$", before, re.I))


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
    """Whether a mark as common as "no" takes a value back: values of one kind stand on both sides of it, and nothing more is said of the second,
    as in "no two nights in a row"."""
    if re.match(rf"(?: \w+){{0,2}} {table('edits.toml')['corrections']['runs_on']}", rest, re.I):
        return False
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


# ── one thing said again ──────────────────────────────────────────────────────────────────────────────────────────────


def _misheard(before: str, after: str, mark: re.Match[str]) -> tuple[int, str] | None:
    """A word that a recogniser broke or misheard, and its second try: "bi polo, sorry, bipolar one". A bare "no" may deny the second."""
    found = None if mark["faint"] or mark["sure"].lower().endswith("no") else _alike(before, after)
    if not found or re.match(table("edits.toml")["corrections"]["clause"], after[found[1] :], re.I):
        return None
    return found[0], _cased(after, before[found[0] :])


def _alike(before: str, after: str) -> tuple[int, int] | None:
    """Where the words at the end of `before` begin that sound like the first of `after`, and where those end."""
    old, new = list(_WORD.finditer(before))[-_WORDS:], list(_WORD.finditer(after))[:_WORDS]
    pairs = ((before[o.start() :], after[: n.end()], o.start(), n.end()) for o in reversed(old) for n in new)
    scored = [(_likeness(a, b), -len(a), -len(b), start, end) for a, b, start, end in pairs if _carries(b, a)]
    best = max(scored, default=(0.0, 0, 0, 0, 0))
    return (best[3], best[4]) if best[0] >= _ALIKE else None


def _likeness(a: str, b: str) -> float:
    """How like the letters of two phrases are, 0 to 1, their blanks and the words that both end with apart; 1 for one phrase said twice. Two single
    words must end alike ("laying", "lying"; not "panicky", "panic"), and phrases of as many words are two things, not one misheard."""
    one, two = a.lower().split(), b.lower().split()
    if one == two:
        return 1.0
    while one and two and one[-1] == two[-1]:
        one, two = one[:-1], two[:-1]
    x, y = ("".join(c for word in words for c in word if c.isalpha()) for words in (one, two))
    apart = len(one) != len(two) or (len(one) == 1 and x[-2:] == y[-2:])
    return SequenceMatcher(None, x, y, autojunk=False).ratio() if apart and not {*one} & {*two} and min(len(x), len(y)) >= _LETTERS else 0.0


def _carries(kept: str, lost: str) -> bool:
    """Whether all of weight that goes with `lost` is in `kept`."""
    return set(weighty(lost)) <= set(weighty(kept)) and set(persons(lost)) <= set(persons(kept))


def _named(before: str, after: str, mark: re.Match[str]) -> tuple[int, str] | None:
    """A thing named again by its own noun: "the intake form, no, the blue form"."""
    rules = table("edits.toml")["corrections"]
    phrase = rf"\b(?P<whose>{rules['whose']}) (?:\w+ ){{0,2}}?(?P<noun>[a-z]{{2,}})"
    new = re.match(rf"{phrase}(?=\s*{rules['ends']})", after, re.I)
    if not new or (mark["faint"] and (mark["faint"].lower() != "no" or _spoke("told", before))):
        return None
    olds = [m for at in re.finditer(r"\b\w", before) if (m := re.compile(rf"{phrase}$", re.I).match(before, at.start()))]
    for old in reversed(olds):
        same = (old["whose"].lower(), old["noun"].lower()) == (new["whose"].lower(), new["noun"].lower())
        if same and old[0].lower() != new[0].lower() and _carries(new[0], old[0]):
            return old.start(), _cased(after, old[0])
    return None


# ── what an editor may take ───────────────────────────────────────────────────────────────────────────────────────────


def spare(text: str, edits: Sequence[Edit]) -> list[Edit]:
    """Those of `edits` that may be made: a swap, a whole filler, a word that is said again at once. A repair that is not resolved is never taken
    apart: "no sorry two weeks" without its "sorry" denies."""
    marks = [m.span("sure") for m in _marks().finditer(text) if m["sure"]]
    dropped = [(e.start, e.end) for e in edits if not e.text]
    return [e for e in edits if not any(a < e.end and e.start < b for a, b in marks) and (e.text or _goes(text, e, dropped))]


def _goes(text: str, edit: Edit, dropped: Sequence[tuple[int, int]]) -> bool:
    """Whether the word that `edit` drops is said again at once, or belongs to a filler that goes whole."""
    word = _bare(text[edit.start : edit.end])
    if not word or word in [_bare(w) for w in text[edit.end :].split()[:_NEAR]]:
        return True
    fillers = (m for m in _spare().finditer(text) if m.start() < edit.end and edit.start < m.end())
    return any(all(_within(w.span(), dropped) for w in _WORD.finditer(text, *m.span())) for m in fillers)


def _within(place: tuple[int, int], stretches: Sequence[tuple[int, int]]) -> bool:
    return any(a <= place[0] and place[1] <= b for a, b in stretches)


def _bare(word: str) -> str:
    return word.lower().strip(".,;:?!…—–-\"'“”‘’")


@cache
def _spare() -> re.Pattern[str]:
    return re.compile(table("edits.toml")["spare"], re.I)
