"""What a text claims: its figures, who does what, what is denied, what is doubted, what is planned.

In: sources, each with its speaker where that is known, and the names that mean client or clinician. Out: `Claims`. Knows no draft and gives no
verdict: two texts are compared in grounding.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property

from drafting.pipeline.grounding.figures import Mark, marks, settled
from drafting.pipeline.grounding.tokens import NOBODY, PEOPLE, STRONG, Token, classes, tokens, words
from prompts import table

_MOST, _BESIDE, _HEAD, _LONG = 8, 4, 5, 4  # words: that a scope holds, beside a soft denial, before a subject, of a list's last item
_FAR = 30  # words that are looked at for where a clause ends


@dataclass(frozen=True, slots=True)
class Source:
    """Words, who spoke them where that is known, and who does what they tell where they name nobody."""

    words: str = field(repr=False)
    speaker: str | None = None
    doer: str | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What a word of denial ("no"), of doubt ("maybe") or of plan ("will") reaches over, an item of a list each. `firm`: it is such a word itself,
    not one that only amounts to it ("poor"). `at`: where in the tokens; a doubt stands over its whole sentence."""

    kind: str
    items: tuple[tuple[str, ...], ...] = field(repr=False)
    at: frozenset[int]
    firm: bool = True


@dataclass(frozen=True, slots=True)
class Part:
    """A clause: who does it, its stems, and whether somebody says something in it ("tells") or thinks it as well ("speech")."""

    who: str | None = field(repr=False)
    stems: frozenset[str] = field(repr=False)
    told: str = ""


@dataclass(frozen=True)
class Claims:
    """All that a text claims. `asked`: tokens of questions; `speakers`: who spoke, where the words are a session's."""

    tokens: tuple[Token, ...] = field(repr=False)
    scopes: tuple[Scope, ...] = field(repr=False)
    parts: tuple[Part, ...] = field(repr=False)
    asked: frozenset[int] = frozenset()
    speakers: frozenset[str] = frozenset()

    @cached_property
    def marks(self) -> tuple[Mark, ...]:
        return marks(self.tokens)

    @cached_property
    def places(self) -> Mapping[tuple[str, str], list[Mark]]:
        """The marks by their kind and each of their values, and by their kind alone ("")."""
        found: dict[tuple[str, str], list[Mark]] = defaultdict(list)
        for m in self.marks:
            for value in (*m.values, ""):
                found[m.kind, value].append(m)
        return found

    @cached_property
    def telling(self) -> Mapping[str, list[Part]]:
        """The clauses by each of their stems."""
        found: dict[str, list[Part]] = defaultdict(list)
        for part in self.parts:
            for own in part.stems:
                found[own].append(part)
        return found

    @cached_property
    def stems(self) -> frozenset[str]:
        return frozenset(t.stem for t in self.tokens if t.stem)

    @cached_property
    def plain(self) -> tuple[str, ...]:
        """The words without fillers and repeats: what a light edit leaves as it is."""
        said = [t.text for t in self.tokens if t.text[0].isalnum() and t.text not in words("fillers")]
        return tuple(w for i, w in enumerate(said) if not i or said[i - 1] != w)

    def outside(self, *kinds: str) -> frozenset[str]:
        """Stems that stand outside every scope of `kinds`, questions left out."""
        over = self.asked.union(*(s.at for s in self.scopes if s.kind in kinds))
        return frozenset(t.stem for i, t in enumerate(self.tokens) if t.stem and i not in over)

    def denials(self, *lists: str) -> int:
        """How many words of `lists` there are: "no" denies, "near" is as good as a denial."""
        return sum(any(t.text in words("denial", name) for name in lists) for t in self.tokens)

    def items(self, kind: str, *, firm: bool = False) -> list[tuple[str, ...]]:
        """What scopes of `kind` reach over."""
        return [item for s in self.scopes if s.kind == kind and (s.firm or not firm) for item in s.items]


def read(sources: Sequence[Source], names: Mapping[str, str] = NOBODY, *, settle: bool = False) -> Claims:
    """The claims of `sources` together, in order; a question that the next words answer is read with its answer. `settle`: a figure that the speaker
    took back is none of them."""
    every: list[Token] = []
    scopes: list[Scope] = []
    parts: list[Part] = []
    asked: set[int] = set()
    question = range(0)
    for source in sources:
        own = tokens(source.words, source.speaker, names)
        sentences = list(_sentences(settled(own) if settle else own))
        for n, sentence in enumerate(sentences):
            at, quote = len(every), _quoted_answer(sentence)
            every += sentence
            for ask, first in ((question, 0), (range(at, at + quote), quote)):
                answer = _answer(" ".join(t.text for o in sentences[n:] for t in (o[first:] if o is sentence else o))) if ask else ""
                if answer == "no":
                    scopes.append(Scope("no", _listed([every[i] for i in ask]), frozenset(ask)))
                asked = asked - set(ask) if answer == "yes" else asked | set(ask)
            scopes += _scopes(sentence, at)
            parts += _parts(sentence, source.doer)
            question = range(at, len(every)) if sentence[-1].text == "?" else range(0)
        every.append(Token(".", ""))
    asked |= set(question)
    speakers = frozenset(s.speaker for s in sources if s.speaker and s.speaker != "author")
    return Claims(tuple(every), tuple(scopes), tuple(parts), frozenset(asked), speakers)


def _quoted_answer(sentence: Sequence[Token]) -> int:
    """Where the answer begins in "Asked about …, Client answered: “No …”"; 0 where nobody is asked and quoted."""
    texts = [t.text for t in sentence]
    quote = texts.index('"') + 1 if '"' in texts else 0
    return quote if quote > 1 and {"asked", "ask", "asks"} & set(texts[:quote]) else 0


def _listed(found: Sequence[Token]) -> tuple[tuple[str, ...], ...]:
    """The stems of `found`, an item of a list each."""
    items: list[list[str]] = [[]]
    for t in found:
        if t.text in (",", "or", "and"):
            items.append([])
        elif t.stem:
            items[-1].append(t.stem)
    return tuple(tuple(item) for item in items if item)


def _answer(said: str) -> str | None:
    """Whether `said` answers no or yes: "no, but …" is neither."""
    denial = table("grounding.toml")["denial"]
    answer = next((k for k in ("no", "yes") if re.match(denial[f"answers_{k}"], said)), None)
    return None if answer == "no" and re.search(table("risk.toml")["polarity"]["takes_back"], said) else answer


def _sentences(found: Sequence[Token]) -> Iterator[list[Token]]:
    sentence: list[Token] = []
    for t in found:
        sentence.append(t)
        if t.text in STRONG and t.text != ":":
            if len(sentence) > 1:
                yield sentence
            sentence = []
    if sentence:
        yield sentence


# ── denial, doubt, plan ───────────────────────────────────────────────────────────────────────────────────────────────

_CUES = (("no", "denial", "no"), ("maybe", "doubt", "words"), ("will", "plan", "words"))


def _scopes(sentence: Sequence[Token], at: int) -> Iterator[Scope]:
    for i, t in enumerate(sentence):
        for kind, part, key in _CUES:
            if t.text in words(part, key) and (t.head or not t.capital):
                found = _reach(sentence, i, kind)
                if found:
                    yield _doubt(sentence, i, found, at) if kind == "maybe" else _scope(sentence, kind, found, at)
        if t.text in words("denial", "near") or t.text in words("denial", "soft"):
            beside = [j for j in range(max(0, i - _BESIDE), min(len(sentence), i + _BESIDE + 1)) if sentence[j].stem]
            yield _scope(sentence, "no" if t.text in words("denial", "near") else "poor", [beside], at, firm=False)


def _scope(sentence: Sequence[Token], kind: str, found: Sequence[Sequence[int]], at: int, firm: bool = True) -> Scope:
    items = tuple(tuple(sentence[j].stem for j in item) for item in found if item)
    return Scope(kind, items, frozenset(at + j for item in found for j in item), firm)


def _doubt(sentence: Sequence[Token], i: int, found: Sequence[Sequence[int]], at: int) -> Scope:
    over = range(at + max(0, i - 2 * _FAR), at + min(len(sentence), i + 2 * _FAR))
    return replace(_scope(sentence, "maybe", found, at), at=frozenset(over))


def _reach(sentence: Sequence[Token], i: int, kind: str) -> list[list[int]]:
    """The places of the words that the cue at `i` reaches over, an item of a list each; those before it where none follow ("Suicidal: no")."""
    cue, before = sentence[i].text, sentence[i - 1].text if i else ""
    follows = sentence[i + 1].text if i + 1 < len(sentence) else "."
    if cue == "no" and before == '"':
        return _back(sentence, i)
    if cue in ("no", "nope") and not follows[0].isalnum():
        return _back(sentence, i) if follows != "," else []
    if cue == "denied" and before in ("was", "were", "is", "are"):
        return _back(sentence, i)
    lists = kind != "no" or cue in words("denial", "lists")
    found: list[list[int]] = [[]]
    for j in range(i + 1, len(sentence)):
        t = sentence[j]
        if _ends(sentence, j, kind, lists) or sum(map(len, found)) >= _MOST * (3 if lists else 1):
            break
        if t.text in (",", "or", "and", "nor"):
            found.append([])
        elif t.stem:
            found[-1].append(j)
    found = [item for item in found if item]
    last = not follows[0].isalnum()
    return found or (_back(sentence, i) if last and (kind == "maybe" or (kind == "no" and lists)) else [])


@cache
def past() -> frozenset[str]:
    """Irregular past forms."""
    return frozenset(w for w, base in classes("forms", "words").items() if w != base and not w.endswith(("ing", "s")))


def _ends(sentence: Sequence[Token], j: int, kind: str, lists: bool) -> bool:
    """Whether what is denied, doubted or planned ends at `j`."""
    text, follows = sentence[j].text, sentence[j + 1] if j + 1 < len(sentence) else None
    if text in STRONG or text in ('"', "(") or text == "but":
        return True
    if kind == "no" and (text in words("denial", "ends") or text in words("denial", "no")):
        return True
    if lists and kind == "no" and text in words("denial", "asserts"):
        return True
    if text not in (",", "and", "or"):
        return False
    if not lists and text != "or":
        return True
    begins = follows is None or follows.who is not None or follows.text in words("denial", "asserts")
    return begins or (kind == "no" and text != "or" and _tells(sentence, j + 1, _LONG if sentence[j - 1].text == "," else len(sentence)))


def _tells(sentence: Sequence[Token], j: int, most: int) -> bool:
    """Whether what begins at `j` is a clause of its own: it holds a verb that tells, or is longer than `most` words."""
    for i, t in enumerate(sentence[j : j + _FAR]):
        if (i == 0 and t.text.endswith("ed")) or i >= most:
            return True
        if t.text in STRONG or t.text in (",", "and", "or", "but") or t.text in words("denial", "ends"):
            return False
        if t.text in words("denial", "asserts") or t.text in past() or t.who in ("they", "third"):
            return True
    return False


def _back(sentence: Sequence[Token], i: int) -> list[list[int]]:
    """The words before `i`, back to where another assertion ends."""
    found: list[list[int]] = [[]]
    for j in range(i - 1, max(-1, i - _FAR), -1):
        t = sentence[j]
        if (t.text in STRONG and t.text != ":") or t.text in words("denial", "ends") or t.text == "but":
            break
        if t.text in (",", "or", "and"):
            found.append([])
        elif t.stem:
            found[-1].append(j)
    return [item[::-1] for item in found if item]


# ── who ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

_OPENS = frozenset("and but that because since when while if although though who whether then so why where how what".split())
_UNDER = _OPENS - {"and", "but", "then"}  # after the comma that ends such a clause, who does it is open


def _parts(sentence: Sequence[Token], doer: str | None) -> Iterator[Part]:
    """The clauses of a sentence. One begins where somebody is named as the one who does it: at the head, after a comma, after a joining word, after
    "reported". A clause that names nobody goes on with the one before; in a quotation it is open who does it."""
    cuts = [(0, *_subject(sentence, 0, _HEAD))]
    for j in range(1, len(sentence)):
        before = sentence[j - 1].text
        if before == '"':
            cuts.append((j, "", j))
        elif before == "," or before in _OPENS or before in words("people", "speech") - {"told", "tells"} or before == ":":
            who, end = _subject(sentence, j, 0)
            if who and end > cuts[-1][2]:
                cuts.append((j, who, end))
            elif before == "," and sentence[cuts[-1][0] - 1].text in _UNDER:
                cuts.append((j, "", j))
    for n, (_, who, end) in enumerate(cuts):
        stop = cuts[n + 1][0] if n + 1 < len(cuts) else len(sentence)
        own = sentence[end:stop]
        told = next((k for k in ("tells", "speech") if any(t.text in words("people", k) for t in own[:3])), "")
        yield Part(doer if who is None else who, frozenset(t.stem for t in own if t.stem and t.text not in words("people", "speech")), told)


def _subject(sentence: Sequence[Token], at: int, most: int) -> tuple[str | None, int]:
    """Who is named at `at`, and where the words after begin; up to `most` words such as "on Monday" may stand before."""
    i = at
    while i < len(sentence) and i - at < most and (sentence[i].text in words("people", "head") or sentence[i].text in ","):
        if sentence[i].text in ("the", "this") and i + 1 < len(sentence) and sentence[i + 1].who:
            break
        i += 1
    if i < len(sentence) and sentence[i].text in ("the", "this", "a"):
        i += 1
    if i >= len(sentence) or (i > at and sentence[i - 1].text in words("people", "before")):
        return None, at
    first = sentence[i]
    if {first.who, *(t.who for t in sentence[i + 2 : i + 3])} == {"client", "clinician"} and sentence[i + 1].text == "and":
        return "we", i + 3
    owner = first.owns or first.text in ("his", "her", "their", "my", "our", "your")
    for j in range(i + 1, min(i + 4, len(sentence))) if owner else ():
        if _other(sentence[j].who):
            return sentence[j].who, j + 1
    if first.who:
        return first.who, i + 1
    if first.text in ("his", "her", "their"):
        return "third", i + 1
    if first.capital and not first.head and first.stem and first.text not in words("people", "not_names"):
        return "name", i + 1
    return None, at


def _other(who: str | None) -> bool:
    return who is not None and who not in PEOPLE
