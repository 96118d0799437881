"""Words that carry weight: numbers, negations, times, doses, names of drugs. The writer may not touch them, and grounding checks that it did not.

In: text. Out: its weighty words, in order; the people that it names; its content. Knows no statement and no note.
"""

from __future__ import annotations

import re
from functools import cache

from drafting.types import Role
from prompts import table

_TOKEN = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")
_COUNT = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_NUMBERS = {word: n for n, word in enumerate(_COUNT.split())} | {word: 10 * n for n, word in enumerate(_TENS.split(), 2)}
_UNITS = "|".join(_COUNT.split()[1:10])
_SMALL = rf"(?:(?:{'|'.join(_TENS.split())})(?:[ -](?:{_UNITS}))?|{'|'.join(sorted(_COUNT.split(), key=len, reverse=True))})"
SPELLED = rf"\b(?:(?:{_SMALL}|a) hundred(?: (?:and )?{_SMALL})?|{_SMALL})\b"
_SAME = {"milligrams": "mg", "milligram": "mg", "cannot": "not", "per cent": "percent", "thrice": "3"}
_CAPITAL = re.compile(r"(?<![\w’'-])[^\W\d_a-z][^\W\d_]*(?:['’-][^\W\d_]+)*")
_HEADS = re.compile(r"(?:^\W*|(?<!\b[DM]r)(?<!\bM[rsx]s)(?<!\bMs)[.?!]|[:“”\"(])[\s“\"‘(]*$")


@cache
def drugs() -> str:
    """What names a drug: a regular expression."""
    return next(c for c in table("record_cues.toml")["cue"] if c["role"] == "medication")["patterns"][0]


@cache
def _guarded() -> re.Pattern[str]:
    return re.compile(rf"{SPELLED}|{table('edits.toml')['guarded']}|{drugs()}")


def weighty(text: str) -> tuple[str, ...]:
    """Numbers, negations, times, doses and drugs of `text`, small letters, in order; a number as its digits, "denies" as "deny"."""
    return tuple(_same(m[0]) for m in _guarded().finditer(text.replace("’", "'").lower()))


def _same(word: str) -> str:
    if re.fullmatch(SPELLED, word):
        return str(_digits(word))
    if word.endswith("n't"):
        return "not"
    if word.startswith("den"):
        return "deny"
    return _SAME.get(word) or (word.replace(".", "") if word[:1] in "ap" and word[-1:] in "m." else word)


def _digits(words: str) -> int:
    before, hundred, after = words.partition("hundred")
    small = sum(_NUMBERS.get(w, 0) for w in re.split(r"[ -]", after if hundred else before))
    return small + (100 * (sum(_NUMBERS.get(w, 0) for w in re.split(r"[ -]", before)) or 1) if hundred else 0)


# ── people ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def relations() -> re.Pattern[str]:
    """Words for somebody by what they are to the client or do for them: a relative, a friend, a nurse."""
    rows = table("phi_people.toml")["relations"].values()
    kin = table("recast.toml")["gender"]
    words = {w for row in rows for w in row["words"]} | {w for row in kin.values() for w in row}
    words -= {"date", "crush", "patient", "my client"}  # what else these words mean is said more often
    return re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, words), key=len, reverse=True))})s?\b", re.I)


@cache
def _nobody() -> frozenset[str]:
    t = table("phi_people.toml")
    return frozenset([*t["not_names"]["words"].split(), *t["wide_places"]["words"].split(), *t["title"]["words"], "dr"])


@cache
def _given() -> frozenset[str]:
    return frozenset(table("phi_people.toml")["given"]["words"].split())


def names(text: str) -> tuple[str, ...]:
    """Words of `text` that may name somebody, in order: with a capital that no sentence gives them, or a given name."""
    found = []
    for m in _CAPITAL.finditer(text):
        word = re.sub(r"['’]s$", "", m[0]).lower()
        at_head = bool(_HEADS.search(text[: m.start()][-8:]) if m.start() > 8 else _HEADS.search(text[: m.start()]))
        if word in _given() or (word not in _nobody() and len(word) > 1 and not m[0].isupper() and not at_head and not re.match(r"i['’]", word)):
            found.append(word)
    return tuple(found)


def persons(text: str) -> tuple[str, ...]:
    """Everybody of whom `text` speaks by relation or by name, sorted."""
    return tuple(sorted([m[0].lower() for m in relations().finditer(text)] + list(names(text))))


# ── content ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def content(text: str) -> tuple[str, ...]:
    """The words of `text`, small letters, cut to a rough stem, without those that only join."""
    words = _TOKEN.findall(text.replace("’", "'").lower())
    return tuple(str(_NUMBERS[w]) if w in _NUMBERS else _stem(w) for w in words if w not in _JOINING)


def _stem(word: str) -> str:
    for ending in ("ing", "ies", "ied", "ed", "es", "s", "'s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


_JOINING = frozenset(
    """a an the and or but so then that this these those it its is are was were be been of to in on at for with by from as he she they
    we i his her their him them my our client clinician has had have did do does who which said says reported reports stated""".split()
)


def role_of(role: Role, words: str) -> Role:
    """`role`, but for the client's mood in the client's words, which belongs to the mental state."""
    return Role.OBSERVATION if role is Role.REPORT and _mental_state().search(words) else role


@cache
def _mental_state() -> re.Pattern[str]:
    return re.compile(table("recast.toml")["mental_state"], re.I)
