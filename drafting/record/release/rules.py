"""The packs of rules: who may get what, by which paper, where, read from data.

In: a jurisdiction's key. Out: a `Pack`, whole and checked, or the reason why the file cannot be used; the words of its codes. A pack that lies over
another only adds turns, and a turn only tightens: the stricter rule wins. Knows no request.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Any, NoReturn, TypeVar

import prompts
from drafting.errors import PolicyError
from drafting.record.release.conditions import CONDITIONS
from drafting.record.release.deadlines import Term
from drafting.record.release.nouns import PRIVATE_RULES, Approval, Bucket, Fact, Instrument, Letter, Outcome, Profile, Requester

FEDERAL = "us-federal"
IDS = tuple(f"D{number:02d}" for number in range(1, 34))
FALLBACK = "D33"
NO_PACK = "jurisdiction_not_modelled"

_FOLDER = "jurisdictions"
_WORDS = "letters/words.toml"
_STATE = re.compile(r"us(-[a-z]{2})?", re.ASCII)
_Code = TypeVar("_Code", bound=StrEnum)


class Ground(StrEnum):
    """Why a change to a record may be refused (45 CFR 164.526(a)(2)). `not_open_to_inspection`: what the client has no right to see, private
    notes."""

    NOT_OURS = "not_ours"
    NOT_IN_SET = "not_in_set"
    NOT_OPEN_TO_INSPECTION = "not_open_to_inspection"
    ACCURATE_AND_COMPLETE = "accurate_and_complete"


@dataclass(frozen=True, slots=True)
class Conditions:
    """All of `when` hold and none of `unless`; and the requester is one of `requesters`, if any are named."""

    when: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    requesters: frozenset[Requester] = frozenset()


@dataclass(frozen=True, slots=True)
class Turn:
    """What changes an outcome, for `buckets` and, in a pack, for `rules`. Without `outcome` it only adds words where the outcome is to allow."""

    buckets: frozenset[Bucket]
    conditions: Conditions
    outcome: Outcome | None = None
    rules: frozenset[str] = frozenset()
    reasons: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    letters: tuple[Letter, ...] = ()
    withholds: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """One bucket's outcome in a row, before any turn."""

    outcome: Outcome
    reasons: tuple[str, ...]
    notices: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    letters: tuple[Letter, ...] = ()
    approval: Approval = Approval.BOTH


@dataclass(frozen=True, slots=True)
class Rule:
    """A row. `profile` is how what is allowed is rendered; `authority`: it rests on an authorization; `letters` are owed whatever the
    outcome. A bucket without a cell is not this row's."""

    id: str
    title: str
    requesters: frozenset[Requester]
    instruments: frozenset[Instrument]
    conditions: Conditions
    cells: Mapping[Bucket, Cell]
    evidence: tuple[str, ...]
    profile: Profile | None
    minimum_necessary: bool
    accounting: bool
    authority: bool
    term: Term | None
    letters: tuple[Letter, ...]
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Amending:
    """How a change to the record is asked for here: the time to answer, the grounds of refusal, and the buckets that the right does not reach.
    `rights` are what a refusal leaves the client; `accepted` and `refused` what a person then does."""

    term: Term
    grounds: frozenset[Ground]
    beyond: frozenset[Bucket]
    rights: tuple[str, ...]
    accepted: tuple[str, ...]
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pack:
    """A jurisdiction's rules. `country` is us or uk; `artificial`: what the law there says of AI in therapy, codes by subject; `banner`: none, or a
    code."""

    key: str
    title: str
    version: int
    country: str
    digest: str
    rules: tuple[Rule, ...]
    turns: tuple[Turn, ...]
    holds: frozenset[Instrument]
    amending: Amending
    artificial: Mapping[str, str]
    banner: str | None = None


def pack(jurisdiction: str) -> Pack | None:
    """The rules of a jurisdiction; of a US state that is not modelled the federal ones, with a banner; None elsewhere. Raises PolicyError."""
    if jurisdiction in _keys():
        return _loaded(jurisdiction)
    return _loaded(FEDERAL) if _STATE.fullmatch(jurisdiction) else None


@cache
def _keys() -> frozenset[str]:
    return frozenset(prompts.names(_FOLDER))


@cache
def _loaded(key: str) -> Pack:
    file = f"{_FOLDER}/{key}.toml"
    data = prompts.table(file)
    base = _loaded(data["over"]) if "over" in data else None
    digest = prompts.digest(file) if base is None else f"{prompts.digest(file)}+{base.digest}"
    return parse(data, key, digest, base)


def say(code: str) -> str:
    """The words of a code: a reason, a notice, a step, evidence, or a fault of a form. Raises PolicyError for a code that has none."""
    words = prompts.table(_WORDS)
    if code not in words:
        raise PolicyError(file=_WORDS, reason=f"it has no words for {code!r}")
    return words[code]


# ── reading the data ──────────────────────────────────────────────────────────────────────────────────────────────────


def parse(data: Mapping[str, Any], key: str, digest: str, base: Pack | None = None) -> Pack:
    """The pack of a table such as us-federal.toml; over `base`, where the table names one. Raises PolicyError."""
    reader = _Reader(f"{_FOLDER}/{key}.toml")
    if base is None:
        reader.keys(data, ("title", "version", "country", "groups", "holds", "rules", "amendment", "ai"), ("turns", "banner"), "the file")
    else:
        reader.keys(data, ("title", "version", "over", "turns", "ai"), (), "the file")
    title, version = reader.line(data["title"], "title"), reader.number(data["version"], "version")
    turns = tuple(reader.turn(t, f"turn {n}", whole=True) for n, t in enumerate(reader.tables(data.get("turns", []), "turns"), 1))
    artificial = {name: reader.line(value, f"ai.{name}") for name, value in reader.table(data["ai"], "ai").items()}
    if base is not None:
        return replace(base, key=key, title=title, version=version, digest=digest, turns=base.turns + turns, artificial=artificial, banner=None)
    reader.groups = {name: reader.codes(Requester, members, f"groups.{name}") for name, members in reader.table(data["groups"], "groups").items()}
    rules = tuple(reader.rule(row) for row in reader.tables(data["rules"], "rules"))
    if not rules or rules[-1].id != FALLBACK or [r.id for r in rules].count(FALLBACK) != 1 or set(rules[-1].cells) != set(Bucket):
        reader.refuse(f"its last row, and no other, must be {FALLBACK}, for both buckets")
    banner = reader.words([data["banner"]], "banner")[0] if "banner" in data else None
    country = reader.one_of(data["country"], ("us", "uk"), "country")
    holds = reader.codes(Instrument, data["holds"], "holds")
    return Pack(key, title, version, country, digest, rules, turns, holds, reader.amending(data["amendment"]), artificial, banner)


class _Reader:
    """Checks one file's values, and says of a fault where it is."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.groups: Mapping[str, frozenset[Requester]] = {}

    def refuse(self, reason: str) -> NoReturn:
        raise PolicyError(file=self.file, reason=reason)

    def keys(self, table: object, needed: Sequence[str], may: Sequence[str], where: str) -> None:
        table, known = self.table(table, where), (*needed, *may)
        if unknown := [k for k in table if k not in known]:
            self.refuse(f"{where} has the unknown key {unknown[0]!r}; known are {', '.join(known)}")
        if missing := [k for k in needed if k not in table]:
            self.refuse(f"{where} lacks the key {missing[0]!r}")

    def rule(self, row: Mapping[str, Any]) -> Rule:
        where = self.one_of(row.get("id"), IDS, "a row's id")
        needed = ("id", "title", "requesters", "instruments", "evidence")
        may = ("when", "unless", "record", "private", "profile", "minimum_necessary", "accounting", "authority", "deadline", "letters", "turns")
        self.keys(row, needed, may, where)
        cells = {bucket: self.cell(row[bucket], where, bucket) for bucket in Bucket if bucket in row}
        if not cells:
            self.refuse(f"{where} says nothing of either bucket")
        turns = tuple(self.turn(t, f"{where}, a turn") for t in self.tables(row.get("turns", []), f"{where}: turns"))
        switches = [self.switch(row.get(name, False), f"{where}: {name}") for name in ("minimum_necessary", "accounting", "authority")]
        conditions = Conditions(self.conditions(row.get("when", []), where), self.conditions(row.get("unless", []), where))
        profile = self.code(Profile, row["profile"], where) if "profile" in row else None
        term = self.term(row["deadline"], where) if "deadline" in row else None
        requesters, instruments = self.requesters(row["requesters"], where), self.instruments(row["instruments"], where)
        evidence = self.words(row["evidence"], where)
        title, letters = self.line(row["title"], where), self.letters(row, where)
        return Rule(where, title, requesters, instruments, conditions, cells, evidence, profile, *switches, term, letters, turns)

    def cell(self, table: Mapping[str, Any], where: str, bucket: Bucket) -> Cell:
        where = f"{where}, {bucket}"
        self.keys(table, ("outcome", "reasons"), ("notices", "steps", "letters", "approval"), where)
        outcome = self.code(Outcome, table["outcome"], where)
        if outcome is Outcome.ALLOW and "approval" not in table:
            self.refuse(f"{where} allows, and names nobody who approves")
        approval = self.code(Approval, table.get("approval", Approval.BOTH), where)
        if bucket is Bucket.PRIVATE and outcome is Outcome.ALLOW and (where[:3] not in PRIVATE_RULES or approval is Approval.STAFF):
            self.refuse(f"{where}: private notes leave by this rule, or on the word of staff: neither may be")
        reasons = self.words(table["reasons"], where)
        if not reasons:
            self.refuse(f"{where} gives no reason")
        notices, steps = (self.words(table.get(part, []), where) for part in ("notices", "steps"))
        return Cell(outcome, reasons, notices, steps, self.letters(table, where), approval)

    def turn(self, table: Mapping[str, Any], where: str, whole: bool = False) -> Turn:
        may = ("when", "unless", "requesters", "outcome", "reasons", "notices", "steps", "letters", "withholds")
        self.keys(table, ("buckets", "rules") if whole else ("buckets",), may, where)
        outcome = self.code(Outcome, table["outcome"], where) if "outcome" in table else None
        reasons, notices, steps = (self.words(table.get(part, []), where) for part in ("reasons", "notices", "steps"))
        if outcome is Outcome.ALLOW or (outcome is not None and not reasons):
            self.refuse(f"{where}: a turn tightens, and says why")
        requesters = self.requesters(table["requesters"], where) if "requesters" in table else frozenset()
        conditions = Conditions(self.conditions(table.get("when", []), where), self.conditions(table.get("unless", []), where), requesters)
        rules = frozenset(self.one_of(rule, IDS, where) for rule in table.get("rules", ()))
        letters, withholds = self.letters(table, where), self.switch(table.get("withholds", False), where)
        buckets = self.codes(Bucket, table["buckets"], where)
        return Turn(buckets, conditions, outcome, rules, reasons, notices, steps, letters, withholds)

    def term(self, table: Mapping[str, Any], where: str) -> Term:
        self.keys(table, (), ("days", "months", "more_days", "more_months", "more_when", "stops"), f"{where}: deadline")
        numbers = {name: self.number(table[name], where) for name in ("days", "months", "more_days", "more_months") if name in table}
        if ("days" in numbers) == ("months" in numbers):
            self.refuse(f"{where}: a deadline is in days or in months")
        more_when = self.code(Fact, table["more_when"], where) if "more_when" in table else None
        return Term(**numbers, more_when=more_when, stops=self.switch(table.get("stops", False), where))

    def amending(self, table: Mapping[str, Any]) -> Amending:
        self.keys(table, ("deadline", "grounds", "beyond", "rights", "accepted", "refused"), (), "amendment")
        grounds, beyond = self.codes(Ground, table["grounds"], "amendment"), self.codes(Bucket, table["beyond"], "amendment")
        rights, accepted, refused = (self.words(table[part], "amendment") for part in ("rights", "accepted", "refused"))
        return Amending(self.term(table["deadline"], "amendment"), grounds, beyond, rights, accepted, refused)

    def requesters(self, values: Sequence[str], where: str) -> frozenset[Requester]:
        """Requesters and groups of them; "any" is whoever is known, "all" also an unknown one."""
        every = {"all": frozenset(Requester), "any": frozenset(Requester) - {Requester.UNKNOWN}, **self.groups}
        plain = self.codes(Requester, [v for v in self.strings(values, where) if v not in every], where)
        return plain.union(*(every[v] for v in values if v in every))

    def instruments(self, values: Sequence[str], where: str) -> frozenset[Instrument]:
        every = {"all": frozenset(Instrument), "any": frozenset(Instrument) - {Instrument.UNKNOWN}}
        plain = self.codes(Instrument, [v for v in self.strings(values, where) if v not in every], where)
        return plain.union(*(every[v] for v in values if v in every))

    def conditions(self, values: Sequence[str], where: str) -> tuple[str, ...]:
        return tuple(self.one_of(value, CONDITIONS, where) for value in self.strings(values, where))

    def letters(self, table: Mapping[str, Any], where: str) -> tuple[Letter, ...]:
        return tuple(self.code(Letter, value, where) for value in self.strings(table.get("letters", []), where))

    def words(self, values: Sequence[str], where: str) -> tuple[str, ...]:
        """Codes that have words."""
        return tuple(self.one_of(value, prompts.table(_WORDS), where) for value in self.strings(values, where))

    def codes(self, kind: type[_Code], values: object, where: str) -> frozenset[_Code]:
        return frozenset(self.code(kind, value, where) for value in self.strings(values, where))

    def code(self, kind: type[_Code], value: object, where: str) -> _Code:
        return kind(self.one_of(value, tuple(kind), where))

    def one_of(self, value: object, known: Container[str], where: str) -> str:
        if not isinstance(value, str) or value not in known:
            self.refuse(f"{where}: {value!r} is not known")
        return value

    def strings(self, values: object, where: str) -> list[str]:
        if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
            self.refuse(f"{where}: a list of codes is wanted")
        return values

    def table(self, value: object, where: str) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            self.refuse(f"{where}: a table is wanted")
        return value

    def tables(self, values: object, where: str) -> list[dict[str, Any]]:
        if not isinstance(values, list) or not all(isinstance(v, dict) for v in values):
            self.refuse(f"{where}: a list of tables is wanted")
        return values

    def line(self, value: object, where: str) -> str:
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            self.refuse(f"{where}: words on one line are wanted")
        return value

    def number(self, value: object, where: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            self.refuse(f"{where}: a whole number of at least 1 is wanted")
        return value

    def switch(self, value: object, where: str) -> bool:
        if not isinstance(value, bool):
            self.refuse(f"{where}: true or false is wanted")
        return value
