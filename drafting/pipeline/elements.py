"""What a complete note needs, and what this one lacks.

In: record statements, risk items, the draft, the visit's context, and the last note's text if there is one. Out: an `ElementReport`, codes
in order. Does not know headings, so that a narrative is held to the same elements as a SOAP note; nor what was said outside the record.
The words sought are data: elements.toml; who needs what: kinds/*.toml and payers/*.toml.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import cache
from typing import Any

import prompts
from drafting.errors import PolicyError
from drafting.types import Context, Draft, ElementReport, RecordStatement, RiskItem, Role

CODES = tuple(f"E{number:02d}" for number in range(1, 18))
CLONED = 0.85
"""The share of words in common order from which a note counts as the last one copied (an audit's red flag)."""

_FILE = "elements.toml"
_FRAGMENT = re.compile(r"<<(\w+)>>")


@dataclass(frozen=True, slots=True)
class Note:
    """All that an element may be sought in."""

    statements: tuple[RecordStatement, ...] = field(repr=False)
    risk_items: tuple[RiskItem, ...]
    draft: Draft
    context: Context
    words: tuple[int, int]
    previous: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to recognise an element: enough of `patterns` found in the statements of `roles`, all roles if empty."""

    roles: frozenset[Role]
    patterns: tuple[re.Pattern[str], ...]
    at_least: int

    def holds(self, statements: Iterable[RecordStatement]) -> bool:
        lines = [_line(s) for s in statements if not self.roles or s.role in self.roles]
        text = "\n".join(lines)
        return bool(lines) and sum(bool(pattern.search(text)) for pattern in self.patterns) >= self.at_least


@dataclass(frozen=True, slots=True)
class Element:
    """A thing that a note may need: how a person calls it, and how it is recognised."""

    label: str
    ways: tuple[Way, ...] = ()
    when: tuple[Way, ...] = ()
    unless: re.Pattern[str] | None = None
    author: re.Pattern[str] | None = None

    def admits(self, statement: RecordStatement) -> bool:
        return self.unless is None or not self.unless.search(_line(statement))

    def asked(self, statements: Sequence[RecordStatement]) -> bool:
        return not self.when or self._any(self.when, statements)

    def said(self, statements: Sequence[RecordStatement]) -> bool:
        return self._any(self.ways, statements)

    def _any(self, ways: Iterable[Way], statements: Sequence[RecordStatement]) -> bool:
        seen = [s for s in statements if self.admits(s)]
        return any(way.holds(seen) for way in ways)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of note: the elements that it must have, those that it should, and its usual length in words."""

    title: str
    require: frozenset[str]
    warn: frozenset[str]
    words: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Payer:
    """Who reads the note for payment: the elements that it insists on, and those that it never asks for."""

    title: str
    require: frozenset[str]
    skip: frozenset[str]


def check(
    statements: Sequence[RecordStatement],
    risk_items: Sequence[RiskItem],
    draft: Draft,
    context: Context,
    previous: str | None = None,
) -> ElementReport:
    """What the note lacks. Statements that the draft omits do not count: the note does not say them. Raises PolicyError.

    An element is `missing` when the kind of note and the payer both require it, otherwise a warning; one that the kind has not, or the
    payer skips, is not reported.
    """
    note_kind, profile = kind(context.note_kind), payer(context.payer)
    used = tuple(s for s in statements if s.id not in draft.omitted)
    note = Note(used, tuple(risk_items), draft, context, note_kind.words, previous)
    asked = (note_kind.require | note_kind.warn) - profile.skip
    lacking = [code for code in CODES if code in asked and not _has(note, code)]
    required = note_kind.require & profile.require
    return ElementReport(tuple(c for c in lacking if c in required), tuple(c for c in lacking if c not in required))


def label(code: str) -> str:
    """What a person reads for `code`. Raises PolicyError for a code that is none."""
    if code not in CODES:
        raise PolicyError(file=_FILE, reason=f"there is no element {code!r}")
    return _elements()[code].label


def kind(key: str) -> Kind:
    """The kind of note `key`. Raises PolicyError."""
    data, file = _profile("kinds", key, ("title", "version", "require", "warn", "words"))
    least, most = data["words"]
    return Kind(data["title"], _codes(data["require"], file), _codes(data["warn"], file), (least, most))


def payer(key: str) -> Payer:
    """The payer profile `key`. Raises PolicyError."""
    data, file = _profile("payers", key, ("title", "version", "require", "skip"))
    return Payer(data["title"], _codes(data["require"], file), _codes(data["skip"], file))


# ── what is there ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _has(note: Note, code: str) -> bool:
    element = _elements()[code]
    return not element.asked(note.statements) or _OTHERWISE.get(code, _no)(note) or element.said(note.statements)


def _no(_note: Note) -> bool:
    return False


def _dated(note: Note) -> bool:
    return note.context.date_of_service is not None


def _risk_addressed(note: Note) -> bool:
    """Risk that routing found in the words, whatever their role. An item that rests only on what was left unasked addresses nothing."""
    element = _elements()["E05"]
    unasked = {s.id for s in note.statements if not element.admits(s)}
    stated = any(s.risk for s in note.statements if s.id not in unasked)
    return stated or any(not unasked.issuperset(item.evidence) for item in note.risk_items)


def _credentialed(note: Note) -> bool:
    author = _elements()["E08"].author
    return author is not None and bool(author.search(note.context.clinician or ""))


def _usual_length(note: Note) -> bool:
    least, most = note.words
    return least <= len(_words(_text(note.draft))) <= most


def _own_words(note: Note) -> bool:
    return note.previous is None or likeness(_text(note.draft), note.previous) < CLONED


_OTHERWISE: Mapping[str, Callable[[Note], bool]] = {
    "E01": _dated,
    "E05": _risk_addressed,
    "E08": _credentialed,
    "E16": _usual_length,
    "E17": _own_words,
}


def likeness(text: str, other: str) -> float:
    """How alike two texts are, 0 to 1: difflib's ratio over their words, without regard to case (2 · words in common order ÷ all words)."""
    one, two = _words(text.casefold()), _words(other.casefold())
    if not one or not two:
        return 0.0
    # autojunk would drop every frequent word of a long note.
    return SequenceMatcher(None, one, two, autojunk=False).ratio()


def _text(draft: Draft) -> str:
    return " ".join(sentence.text for sentence in draft.sentences)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+(?:['’.:-]\w+)*", text)


def _line(statement: RecordStatement) -> str:
    """A statement's words on one line, with one kind of apostrophe."""
    return " ".join(statement.words.split()).replace("’", "'")


# ── reading the data ──────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def _elements() -> Mapping[str, Element]:
    return parse(prompts.table(_FILE))


def parse(data: Mapping[str, Any]) -> dict[str, Element]:
    """The elements of a table such as elements.toml. Raises PolicyError."""
    _known(data, ("version", "fragments", *CODES), _FILE)
    _whole(data, ("version", "fragments", *CODES), _FILE)
    fragments: dict[str, str] = {}
    for name, value in data["fragments"].items():
        fragments[name] = _expand(value, fragments, f"fragments.{name}")
    return {code: _element(data[code], fragments, code) for code in CODES}


def _element(data: Mapping[str, Any], fragments: Mapping[str, str], code: str) -> Element:
    _known(data, ("label", "ways", "when", "unless", "author"), f"{_FILE}, {code}")
    _whole(data, ("label",), f"{_FILE}, {code}")
    ways, when = (tuple(_way(way, fragments, code) for way in data.get(part, ())) for part in ("ways", "when"))
    unless, author = (_pattern(data[part], fragments, code) if part in data else None for part in ("unless", "author"))
    return Element(data["label"], ways, when, unless, author)


def _way(data: Mapping[str, Any], fragments: Mapping[str, str], code: str) -> Way:
    _known(data, ("roles", "patterns", "at_least"), f"{_FILE}, {code}")
    roles = frozenset(data.get("roles", ()))
    if unknown := sorted(roles.difference(Role)):
        raise PolicyError(file=_FILE, reason=f"{code}: there is no role {unknown[0]!r}")
    patterns = tuple(_pattern(value, fragments, code) for value in data.get("patterns", ()))
    return Way(frozenset(map(Role, roles)), patterns, data.get("at_least", len(patterns)))


def _pattern(value: str | list[str], fragments: Mapping[str, str], where: str) -> re.Pattern[str]:
    try:
        return re.compile(_expand(value, fragments, where), re.IGNORECASE | re.MULTILINE)
    except re.error as error:
        raise PolicyError(file=_FILE, reason=f"{where}: a pattern is no regular expression ({error.msg})") from error


def _expand(value: str | list[str], fragments: Mapping[str, str], where: str) -> str:
    """A string with its fragments put in; a list as any one of its entries, between word boundaries."""
    if isinstance(value, list):
        return rf"\b(?:{'|'.join(_expand(entry, fragments, where) for entry in value)})\b"
    if unknown := [name for name in _FRAGMENT.findall(value) if name not in fragments]:
        raise PolicyError(file=_FILE, reason=f"{where}: there is no fragment {unknown[0]!r} above it")
    return _FRAGMENT.sub(lambda match: fragments[match[1]], value)


def _profile(folder: str, key: str, keys: Sequence[str]) -> tuple[dict[str, Any], str]:
    """A kind's or a payer's table, whole, and the name of its file."""
    file = f"{folder}/{key}.toml"
    if key not in (names := prompts.names(folder)):
        raise PolicyError(file=file, reason=f"there is no such file; known are {', '.join(names)}")
    data = prompts.table(file)
    _known(data, keys, file)
    _whole(data, keys, file)
    return data, file


def _known(data: Mapping[str, Any], keys: Sequence[str], file: str) -> None:
    if unknown := [key for key in data if key not in keys]:
        raise PolicyError(file=file, reason=f"it has the unknown key {unknown[0]!r}; known are {', '.join(keys)}")


def _whole(data: Mapping[str, Any], keys: Sequence[str], file: str) -> None:
    if missing := [key for key in keys if key not in data]:
        raise PolicyError(file=file, reason=f"it lacks the key {missing[0]!r}")


def _codes(values: Sequence[str], file: str) -> frozenset[str]:
    if unknown := [value for value in values if value not in CODES]:
        raise PolicyError(file=file, reason=f"there is no element {unknown[0]!r}")
    return frozenset(values)
