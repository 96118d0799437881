"""Figures, days, drugs, relations and names of a text, each with the words beside it.

In: tokens. Out: `Mark`s. Knows no clause and no source; what counts as a unit, a day or a drug is in grounding.toml.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache

from drafting.pipeline.grounding.tokens import NUMBERS, ONES, ORDINALS, PEOPLE, SCALE, STRONG, TENS, Token, classes, words
from prompts import table

_NEAR, _FAR = 4, 6  # words beside a figure; words between a number and its unit
_TAKES, _TAKEN = frozenset({"no", "sorry", "rather", "wait"}), frozenset({"no", "sorry", "rather", "wait", "make", "that", "mean", "i"})


@dataclass(frozen=True, slots=True)
class Mark:
    """A figure, day, drug, relation or name, what it may be read as, and the words beside it. `needed`: a source must hold it.
    Marks of one `group` are two readings of the same words: the whole ("4:55") or its parts."""

    kind: str
    values: frozenset[str] = field(repr=False)
    unit: str | None = None
    before: tuple[str, ...] = field(default=(), repr=False)
    after: tuple[str, ...] = field(default=(), repr=False)
    needed: bool = True
    group: int = 0
    whole: bool = False


def settled(found: Sequence[Token]) -> tuple[Token, ...]:
    """`found` without a figure that the speaker took back: "two, no wait, three"."""
    out: list[Token] = []
    for t in found:
        out.append(t)
        if _figure(t) and len(out) > 2:
            at = len(out) - 2
            while at and (out[at].text in _TAKEN or out[at].text == "," or out[at].text in classes("figures", "units")):
                at -= 1
            if _figure(out[at]) and {o.text for o in out[at + 1 : -1]} & _TAKES:
                out[at:] = [t]
    return tuple(out)


def _figure(t: Token) -> bool:
    return t.text[0].isdigit() or t.text in ONES or t.text in TENS or t.text in classes("times", "days")


def marks(found: Sequence[Token]) -> tuple[Mark, ...]:
    """Every figure, day, drug, relation and name of `found`."""
    out: list[Mark] = []
    i = 0
    while i < len(found):
        end = _run(found, i)
        if end > i:
            out += _numbers(found, i, end, len(out) + 1)
            i = end
        else:
            out += [_beside(found, i, i + 1, m) for m in _single(found, i)]
            i += 1
    return tuple(out)


def _run(found: Sequence[Token], i: int) -> int:
    """Where the number that begins at `i` ends; `i` where none begins."""
    first = found[i].text
    if first[0].isdigit():
        return i + 1
    if first in ORDINALS:
        unit = first == "second" and i and (found[i - 1].text in ("a", "per", "each") or _figure(found[i - 1]))
        return i if unit or first in ("first", "zeroth") else i + 1
    j = i
    while j < len(found):
        word, before = found[j].text, found[j - 1].text if j > i else ""
        if (
            word in ONES
            or word in TENS
            or (word in SCALE and (before or (i and found[i - 1].text == "a")))
            or (word == "oh" and before)
            or (word == "and" and before in SCALE and j + 1 < len(found) and _figure(found[j + 1]))
            or (word in ORDINALS and before in TENS)
        ):
            j += 1
        else:
            break
    return j


def _numbers(found: Sequence[Token], i: int, end: int, group: int) -> Iterator[Mark]:
    """A number's readings: each part, and where there are several the whole."""
    texts = [t.text for t in found[i:end]]
    parts, wholes = _digits(texts[0]) if texts[0][0].isdigit() else _spelled(texts)
    unit = _unit(found, i, end)
    needed = texts != ["one"] or _counts(found, i)
    for values in parts:
        yield _beside(found, i, end, Mark("number", values, unit, needed=needed, group=group))
    if wholes:
        yield _beside(found, i, end, Mark("number", frozenset(wholes), unit, needed=needed, group=group, whole=True))
    if "/" in texts[0] and (month := int(texts[0].split("/")[0])) in range(1, 13):
        yield Mark("day", frozenset({_months()[month - 1]}), needed=False)


def _digits(text: str) -> tuple[list[frozenset[str]], set[str]]:
    if ":" in text:
        return [_time(*text.split(":")[:2])], set()
    if "/" in text:
        return [frozenset({str(int(p))}) for p in re.split(r"[/.,:]", text)], {text}
    plain = text.replace(",", "")
    if re.fullmatch(r"\d+\.\d+", plain):
        return [frozenset({f"{float(plain):g}"} | ({plain.replace(".", ":")} if len(plain.split(".")[1]) == 2 else set()))], set()
    return [frozenset({str(int(plain))} if plain.isdigit() else {plain})], set()


def _time(hour: str, minute: str) -> frozenset[str]:
    h = int(hour)
    return frozenset(f"{n}:{minute}" for n in (h, (h - 1) % 12 + 1)) | (frozenset({str(h), str((h - 1) % 12 + 1)}) if minute == "00" else frozenset())


def _spelled(texts: Sequence[str]) -> tuple[list[frozenset[str]], set[str]]:
    """Number words: "forty five" is one number; "four fifty five" is two, or the time 4:55, or 455."""
    parts: list[int] = []
    fresh = True
    for word in texts:
        if word in SCALE:
            parts = [*parts[:-1], (parts[-1] if parts else 1) * SCALE[word]]
            fresh = False
        elif word != "and":
            n = ONES.get(word, TENS.get(word, ORDINALS.get(word, 0)))
            joins = parts and ((not fresh and parts[-1] % 100 == 0 and parts[-1]) or (parts[-1] % 10 == 0 and parts[-1] % 100 > 19 and 0 < n < 10))
            parts = [*parts[:-1], parts[-1] + n] if joins else [*parts, n]
            fresh = not joins or parts[-1] % 100 != 0
    wholes = set()
    if len(parts) > 1:
        wholes.add("".join(map(str, parts)))
    if len(parts) == 2 and 0 < parts[0] < 25 and 9 < parts[1] < 60:
        wholes |= {f"{parts[0]}:{parts[1]}"}
    if len(parts) == 3 and parts[1] == 0 and parts[2] < 10:
        wholes |= {f"{parts[0]}:0{parts[2]}"}
    return [frozenset({str(p)}) for p in parts], wholes


def _counts(found: Sequence[Token], i: int) -> bool:
    """Whether "one" counts something here."""
    after = found[i + 1] if i + 1 < len(found) else None
    return bool(after and (after.stem or after.text in classes("figures", "units"))) and not (
        i and found[i - 1].text in ("the", "this", "that", "no", "which", "any", "each", "every", "another", "last", "next", "to", "for", "only")
    )


def _unit(found: Sequence[Token], i: int, end: int) -> str | None:
    """What the number counts, where a unit follows or "$" stands before."""
    if i and found[i - 1].text in ("$", "x"):
        return "dollar" if found[i - 1].text == "$" else "time"
    for t in found[end : end + _FAR]:
        if t.text in classes("figures", "units"):
            return classes("figures", "units")[t.text]
        if not (_figure(t) or t.text in ("or", "to", "and", "full", "whole", "more", "good", "straight")):
            return None
    return None


def _single(found: Sequence[Token], i: int) -> Iterator[Mark]:
    t, before = found[i], found[i - 1].text if i else ""
    text = t.text
    times = table("grounding.toml")["figures"]["times"]
    if text in times:
        yield Mark("number", frozenset({times[text]}), "time")
    if text in ("a", "an") and i + 1 < len(found) and (found[i + 1].stem or found[i + 1].text in classes("figures", "units")):
        yield Mark("number", frozenset({"1"}), classes("figures", "units").get(found[i + 1].text), needed=False)
    unit = classes("figures", "units").get(text)
    if unit in _PERIODS and before in ("a", "an", "per", "each", "every", "/"):
        often = (before != "a" and before != "an") or any(
            _figure(o) or o.text in ("once", "twice", "times", "mg") for o in found[max(0, i - 4) : i - 1]
        )
        yield Mark("rate", frozenset({unit}), needed=often)
    if text in table("grounding.toml")["figures"]["rates"]:
        yield Mark("rate", frozenset(table("grounding.toml")["figures"]["rates"][text].split()))
    yield from _when(found, i)
    if drug := _drug(text):
        yield Mark("drug", frozenset({drug}))
    if t.who and t.who not in PEOPLE:
        yield Mark("relation", frozenset({t.who}))
    elif t.capital and not drug and _is_name(found, i):
        yield Mark("name", frozenset({text, t.stem or text}))


_PERIODS = frozenset({"hour", "minute", "day", "night", "week", "month", "year"})


def _when(found: Sequence[Token], i: int) -> Iterator[Mark]:
    t = found[i]
    months = classes("times", "months")
    vague = t.text in words("times", "ambiguous")
    if t.text in months:
        dated = any(
            _figure(o) or o.text in ORDINALS or o.text in ("in", "of", "since", "until", "by", "last", "next")
            for o in (*found[i - 1 : i], *found[i + 1 : i + 2])
        )
        yield Mark("day", frozenset({months[t.text]}), needed=not vague or (t.capital and not t.head and dated))
        n = _months().index(months[t.text]) + 1
        yield Mark("number", frozenset({str(n)}), needed=False)
    for key in ("days", "seasons", "relative"):
        if named := classes("times", key).get(t.text):
            yield Mark("day", frozenset({named}), needed=not vague or (t.capital and not t.head))
    if t.text in classes("times", "parts"):
        yield Mark("part", frozenset({classes("times", "parts")[t.text]}))
    if t.text in words("times", "turns"):
        yield Mark("turn", frozenset({"next" if t.text in words("times", "next") else "last"}))
    period = classes("figures", "units").get(t.text) or table("grounding.toml")["figures"]["rates"].get(t.text)
    if period in _PERIODS:
        yield Mark("period", frozenset({period}))


@cache
def _months() -> tuple[str, ...]:
    return tuple(line.split()[0] for line in table("grounding.toml")["times"]["months"])


@cache
def _drugs() -> re.Pattern[str]:
    cues = next(c for c in table("record_cues.toml")["cue"] if c["role"] == "medication")["patterns"][0]
    drugs = table("grounding.toml")["drugs"]
    return re.compile(rf"(?!{drugs['kinds']}){cues}|{drugs['endings']}")


@lru_cache(4096)
def _drug(word: str) -> str | None:
    return classes("drugs", "words").get(word) or (word if len(word) > 4 and _drugs().fullmatch(word) else None)


@cache
def _given() -> frozenset[str]:
    people = table("phi_people.toml")
    return frozenset(people["given"]["words"].split()) - frozenset(people["ambiguous"]["words"].split())


def _is_name(found: Sequence[Token], i: int) -> bool:
    t = found[i]
    if t.who or any(
        t.text in w for w in (words("people", "not_names"), words("joining"), NUMBERS, ORDINALS, classes("times", "days"), classes("times", "months"))
    ):
        return False
    return not t.head or t.text in _given()


def _beside(found: Sequence[Token], i: int, end: int, mark: Mark) -> Mark:
    """`mark` with the words that stand beside it; figures among them are masked, so that two that changed places are still told apart."""
    left = [w for t in reversed(found[max(0, i - 12) : i]) for w in _context(t)]
    right = [w for t in found[end : end + 12] for w in _context(t)]
    return replace(mark, before=_until(left), after=_until(right))


def _until(context: Sequence[str]) -> tuple[str, ...]:
    stop = next((n for n, w in enumerate(context) if w in STRONG), len(context))
    return tuple(context[: min(stop, _NEAR)])


_DIRECTION = frozenset("from to until of before after by down up over under at than least most".split())


def _context(t: Token) -> Iterator[str]:
    if t.text in STRONG:
        yield t.text
    elif _figure(t) or t.text in ORDINALS or t.text in SCALE:
        yield "#"
    elif _drug(t.text):
        yield "@drug"
    elif t.who and t.who not in PEOPLE:
        yield "@relation"
    elif t.stem or t.text in _DIRECTION:
        yield t.stem or t.text
