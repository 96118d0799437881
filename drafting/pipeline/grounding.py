"""Whether each sentence of a draft is borne out by its sources.

In: a draft and the statements that it was written from. Out: the draft, each sentence marked supported, weak or unsupported, with the reason.
Knows no writer: these rules are not the writer's own, and hold for any.

A sentence is unsupported that names no source, or holds a number, a negation, a time or a drug that its sources do not hold, or lacks a
negation that they hold; also one that denies a danger which no source denies. It is weak when many of its words are in no source.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

from drafting.pipeline.wording import content, weighty
from drafting.types import Draft, DraftSentence, RecordStatement, Support
from prompts import table

WEAK_BELOW = 0.75  # share of a sentence's content words that its sources hold
_NEGATION = re.compile(r"\b(?:no|not|none|never|nor|without|neither|cannot|\w+n't|den(?:y|ies|ied|ying))\b", re.I)
_SPEAKS = r"(?:talk|spoke|said|says|report|describ|has|is|was|endors|admit|mention)\w*\b"
_APART = re.compile(rf"[.;]|\bbut\b|\b(?:and|then) (?=(?:he |she |they |client )?{_SPEAKS})")

NO_SOURCE, NEW_FACT, NEW_NEGATIVE, LOST_NEGATIVE, OTHER_WORDS = (
    "No source was given for this sentence.",
    "A number, time or medication here is not in the source.",
    "This denies something that the source does not deny.",
    "The source says no; this sentence does not.",
    "Many of these words are not in the source.",
)


def ground(draft: Draft, statements: Sequence[RecordStatement]) -> Draft:
    """`draft` with support and why on every sentence."""
    words = {s.id: s.words for s in statements}
    return replace(draft, sentences=tuple(_marked(s, words) for s in draft.sentences))


def _marked(sentence: DraftSentence, words: Mapping[str, str]) -> DraftSentence:
    sources = [words[e] for e in sentence.evidence if e in words]
    support, why = judge(sentence.text, sources)
    return replace(sentence, support=support, why=why)


def judge(text: str, sources: Sequence[str]) -> tuple[Support, str | None]:
    """How far `sources` bear out `text`, and why not where they do not."""
    if not sources:
        return Support.UNSUPPORTED, NO_SOURCE
    source = " ".join(sources)
    if _negations(text) > _negations(source) or _denied(text) - _denied(source):
        return Support.UNSUPPORTED, NEW_NEGATIVE
    if Counter(weighty(text)) - Counter(weighty(source)):
        return Support.UNSUPPORTED, NEW_FACT
    if _negations(text) < _negations(source) and len(sources) == 1:
        return Support.UNSUPPORTED, LOST_NEGATIVE
    said = content(text)
    held = set(content(source))
    if said and sum(w in held for w in said) / len(said) < WEAK_BELOW:
        return Support.WEAK, OTHER_WORDS
    return Support.SUPPORTED, None


def _negations(text: str) -> int:
    return len(_NEGATION.findall(text.replace("’", "'")))


@cache
def _dangers() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((t["key"], re.compile("|".join(f"(?:{p})" for p in t["patterns"]))) for t in table("risk.toml")["topic"])


def _denied(text: str) -> frozenset[str]:
    """Dangers that `text` denies, named in one clause after a negation: "denied SI and HI" is one, "denied drinking and spoke of SI" is two."""
    clauses = _APART.split(text.lower().replace("’", "'"))
    return frozenset(key for c in clauses if (m := _NEGATION.search(c)) for key, pattern in _dangers() if pattern.search(c, m.start()))
