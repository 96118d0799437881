"""What stands over a note, as its form shows it: what is known, what was said and is offered, and what may be chosen.

In: a review, the client's plan. Out: a `Head`. Pure: knows no store and no template. Nothing is filled in that was not said or entered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from drafting.record.review import lifecycle
from drafting.types.review import NoteHeader, Review
from drafting.web import words
from prompts import names, table


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal of the treatment plan, or a diagnosis of it: its id, or its code."""

    id: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Head:
    """A header with what may be chosen in it. `fields`: which of them still block (date, start, stop …); `line` says it all in one line."""

    header: NoteHeader
    line: str
    minutes: int | None
    fields: frozenset[str]
    kinds: tuple[tuple[str, str], ...]
    kind: str
    codes: tuple[str, ...]
    add_ons: tuple[str, ...]
    participants: tuple[tuple[str, str], ...]
    others: tuple[str, ...]
    goals: tuple[Goal, ...]
    diagnoses: tuple[Goal, ...]
    loose: tuple[str, ...]
    problems: tuple[str, ...]
    places: tuple[str, ...]

    @property
    def said(self) -> bool:
        """Whether its times were heard, and nobody has confirmed them yet."""
        return not self.header.confirmed and bool(self.header.start or self.header.stop)


def head(review: Review, plan: Mapping[str, Any] | None = None) -> Head:
    """The header of a review. `plan`: the client's treatment plan, whose goals may be ticked."""
    header, rules = review.header, table("signing.toml")
    blocking = {b.code for b in lifecycle.blocks(review)} & set(words.group("blocks"))
    offered = lifecycle.band(header.code, header.minutes, header.add_ons)
    problems = tuple(_problem(code) for code in offered)
    kinds = tuple((key, table(f"kinds/{key}.toml")["title"]) for key in names("kinds"))
    roles = words.group("participants")
    goals = goals_of(plan)
    return Head(
        header=header,
        line=line(header),
        minutes=header.minutes,
        fields=frozenset(blocking),
        kinds=kinds,
        kind=dict(kinds).get(header.note_kind, header.note_kind),
        codes=tuple(rules["codes"]),
        add_ons=tuple(rules["add_ons"]),
        participants=tuple(roles.items()),
        others=tuple(p for p in header.participants if p not in roles),
        goals=goals,
        diagnoses=tuple(Goal(str(d["code"]), str(d.get("text", ""))) for d in (plan or {}).get("diagnoses", ()) if isinstance(d, Mapping)),
        loose=tuple(g for g in header.goals if g not in {goal.id for goal in goals}),
        problems=problems,
        places=tuple(table("desk.toml")["places"]),
    )


def line(header: NoteHeader) -> str:
    """Such as "14:03–14:56 · 53 minutes · Office · telehealth · 90837": what is known, and nothing else."""
    times = f"{header.start or '?'}–{header.stop or '?'}" if header.start or header.stop else ""
    minutes = words.plural(header.minutes, "minute") if header.minutes else ""
    away = "telehealth" if header.telehealth else ""
    return " · ".join(part for part in (times, minutes, header.place or "", away, header.code or "", *header.diagnoses) if part)


def goals_of(plan: Mapping[str, Any] | None) -> tuple[Goal, ...]:
    """The goals of a treatment plan: with ids of their own, or numbered in order."""
    return tuple(_goals((plan or {}).get("goals", ())))


def _goals(given: Iterable[Any]) -> Iterable[Goal]:
    for number, goal in enumerate(given, 1):
        if isinstance(goal, Mapping):
            yield Goal(str(goal.get("id") or f"G{number}"), str(goal.get("text") or goal.get("title") or ""))
        else:
            yield Goal(f"G{number}", str(goal))


def _problem(code: str) -> str:
    known = words.group("blocks") if code in words.group("blocks") else words.group("suggestions")
    return known[code]["one"]
