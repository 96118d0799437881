"""The words of a text as grounding compares them: contractions undone, forms of a word and words of one sense under one stem.

In: text, who speaks it, the names that mean client or clinician. Out: `Token`s. Knows no clause and no claim; words and forms are in grounding.toml.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any

from prompts import table

STRONG = frozenset(".;:?!\n")
NOBODY: Mapping[str, str] = MappingProxyType({})
PEOPLE = ("client", "clinician", "self", "we", "they", "third")
_TOKEN = re.compile(r"\d+(?:[.,:/]\d+)*|[^\W\d_]+(?:'[^\W\d_]+)?|[.;:?!,()%$=\n\"]|(?<=\s)-(?=\s)")


@dataclass(frozen=True, slots=True)
class Token:
    """A word: small letters, its stem ("" where it carries nothing), whether it has a capital, stands at a sentence's head, and owns ("Monday's"),
    and whom it means."""

    text: str = field(repr=False)
    stem: str = field(repr=False)
    capital: bool = False
    head: bool = False
    who: str | None = field(default=None, repr=False)
    owns: bool = False


@cache
def words(*path: str) -> frozenset[str]:
    """A list of grounding.toml as a set."""
    return frozenset(_at(path).split())


@cache
def classes(*path: str) -> Mapping[str, str]:
    """A list of grounding.toml whose lines' first words stand for the rest."""
    lines = _at(path)
    lines = lines.splitlines() if isinstance(lines, str) else lines
    return {word: line.split()[0] for line in reversed(list(lines)) for word in line.split()}


def _at(path: Sequence[str]) -> Any:
    found = table("grounding.toml")
    for key in path:
        found = found[key]
    return found


ONES = {w: n for n, w in enumerate(table("grounding.toml")["figures"]["ones"].split())}
TENS = {w: 10 * n for n, w in enumerate(table("grounding.toml")["figures"]["tens"].split()) if n > 1}
ORDINALS = {w: n for n, w in enumerate(table("grounding.toml")["figures"]["ordinals"].split())}
SCALE = {"hundred": 100, "thousand": 1000}
NUMBERS = frozenset({*ONES, *TENS, *SCALE})


@cache
def _phrases() -> tuple[tuple[re.Pattern[str], str], ...]:
    """What is written anew before words are read: phrases that deny nothing, and many-worded doubts and plans as one word."""
    t = table("grounding.toml")
    made = (
        [(p, " ") for p in t["denial"]["phrases"]]
        + [(p, " unsure ") for p in t["doubt"]["phrases"]]
        + [(p, r"\g<0> will ") for p in t["plan"]["phrases"]]
    )
    return tuple((re.compile(p, re.I), new) for p, new in [*t["rewrites"], *made])


_ENDINGS = re.compile(
    r"(?<=\w{4})(?:ations?|ements?|ments?|iveness|ingly|edly|fulness|ness|ions?|ives?|ably|able|ally|als?|ful|ities|ity|isms?|ists?"
    r"|ants?|ance|ancy|ences?|ency|ents?|ically|ic)$"
)
_FLEXION = re.compile(r"(?<=\w{3})(?:ing|ied|ies|ed|es|ers?|ly|(?<!s)s|y|e)$")
_DOUBLE = re.compile(r"(.)\1$")


@lru_cache(8192)
def stem(word: str) -> str:
    """A rough stem, the same for the forms of a word and for words that a record may put for one another."""
    exact = classes("drugs", "words").get(word) or classes("figures", "units").get(word)
    return exact or _alike().get(_cut(word)) or _cut(word)


@cache
def _alike() -> Mapping[str, str]:
    return {_cut(word): _cut(first) for word, first in classes("alike", "words").items()}


def _cut(word: str) -> str:
    base = classes("forms", "words").get(word, word)
    base = base.replace("iz", "is").replace("our", "or") if len(base) > 5 else base
    for pattern in (_FLEXION, _ENDINGS, _FLEXION):
        base = pattern.sub("", base)
    return _DOUBLE.sub(r"\1", base)


def _written(text: str, names: Mapping[str, str]) -> str:
    text = text.replace("’", "'").replace("‘", "'").replace("“", '"').replace("”", '"').replace("—", " - ").replace("–", "-")
    for name in sorted(names, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", names[name], text)
    for pattern, new in _phrases():
        text = pattern.sub(new, text)
    return _clock().sub(_hour, text)


@cache
def _clock() -> re.Pattern[str]:
    """ "Ten past three", "quarter to nine", "at five to four"."""
    hour = "|".join([*list(ONES)[1:13], "1[0-2]", "[1-9]"])
    some = "|".join(("five", "ten", "twenty", "twenty[ -]five"))
    spoken = rf"(?:(?:a )?(?P<q>quarter|half|{some})(?: minutes)? (?P<p>past|after|to|till)|half)"
    return re.compile(rf"\b{spoken} (?P<hour>{hour})\b(?! (?:hours|minutes|days|weeks|a|per))", re.I)


def _hour(found: re.Match[str]) -> str:
    """The time in digits; "five to two" is one only where a time is spoken of before it, since things fall from five to two."""
    said = (found["q"] or "half").lower().replace("-", " ")
    minutes = {"quarter": 15, "half": 30, "twenty five": 25}.get(said) or ONES.get(said) or TENS[said]
    hour, to = ONES.get(found["hour"].lower()) or int(found["hour"]), (found["p"] or "") in ("to", "till")
    vague = (to and said != "quarter") or found["p"] == "after"
    if vague and not re.search(r"\b(?:at|till|until|by|around|about|approximately)\s+$", found.string[: found.start()], re.I):
        return found[0]
    return f"{(hour - 2) % 12 + 1}:{60 - minutes:02d}" if to else f"{hour}:{minutes:02d}"


def tokens(text: str, speaker: str | None = None, names: Mapping[str, str] = NOBODY) -> tuple[Token, ...]:
    """The words of `text` in order, contractions undone. `speaker` said them, where that is known; `names` mean client or clinician."""
    out: list[Token] = []
    head, quoted = True, False
    for found in _TOKEN.finditer(_written(text, names)):
        raw = found[0]
        quoted ^= raw == '"'
        owns = raw.endswith("'s")
        for i, word in enumerate(_undone(raw.lower())):
            own = stem(word) if word[0].isalpha() and word not in _bare() else ""
            out.append(Token(word, own, raw[0].isupper() and not i, head, _who(word, speaker, quoted), owns and not i))
        head = raw in STRONG or (head and not raw[0].isalnum())
    return tuple(out)


@cache
def _bare() -> frozenset[str]:
    """Words with no stem of their own: they join, count or deny."""
    return words("joining") | words("denial", "no") | NUMBERS


def _undone(word: str) -> Sequence[str]:
    if word.endswith("n't"):
        return ({"ca": "can", "wo": "will", "sha": "shall"}.get(word[:-3], word[:-3]), "not") if word != "n't" else ("not",)
    for ending, full in (("'ll", "will"), ("'re", "are"), ("'ve", "have"), ("'m", "am"), ("'d", None)):
        if word.endswith(ending) and len(word) > len(ending):
            return (word[: -len(ending)], full) if full else (word[: -len(ending)],)
    if word in ("he's", "she's", "it's", "that's", "there's", "what's", "who's"):
        return (word[:-2], "is")
    word = word.removesuffix("'s").removesuffix("'")
    return table("grounding.toml")["contractions"].get(word, word).split()


_OWN = {"client": "client", "clinician": "clinician"}


def _who(word: str, speaker: str | None, quoted: bool) -> str | None:
    """Whom a word means: client, clinician, self (one of the two), we, they, third, or a relation. The author of a dictation is the clinician."""
    if word in ("i", "me", "my", "mine", "myself"):
        return _OWN.get(speaker or "", None if quoted else "clinician" if speaker else "self")
    if word in ("you", "your", "yourself"):
        return {"client": "clinician", "clinician": "client"}.get(speaker or "", "they")
    if word in ("we", "us", "our"):
        return "we"
    for who in ("client", "clinician", "they", "third"):
        if word in words("people", who):
            return who
    return word if word.endswith("inlaw") else classes("people", "relations").get(word)
