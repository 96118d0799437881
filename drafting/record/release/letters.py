"""Replies, drafted for a clinician to change and sign.

In: which letter, names, dates and codes. Out: plain text that says it is a draft. Holds no clinical content: there is no field for any. The words are
prompts/letters; nothing is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from functools import cache
from types import MappingProxyType

from jinja2 import FunctionLoader, StrictUndefined, Template, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

import prompts
from drafting.errors import RecordError
from drafting.record.release import rules
from drafting.record.release.authorization import FAULTS
from drafting.record.release.nouns import Letter
from drafting.record.release.rules import Ground

LONGEST = 200
"""Characters of a name or a reference."""

COUNTRIES: Mapping[Letter, str] = MappingProxyType(
    {
        Letter.DENIAL_PRIVATE_NOTES: "us",
        Letter.SUBPOENA_WITHOUT_JUDGE: "us",
        Letter.AUTHORIZATION_DEFECTIVE: "us",
        Letter.PAYER_PACKET: "us",
        Letter.UK_ACCESS: "uk",
    }
)
"""Letters that are right in one country only."""


SAYABLE: Mapping[Letter, Mapping[str, str]] = MappingProxyType(
    {
        Letter.AUTHORIZATION_DEFECTIVE: {code: code for code in (*FAULTS, "other_client", "other_recipient")},
        Letter.AMENDMENT_DENIED: {ground: ground for ground in Ground},
        Letter.UK_ACCESS: {
            "serious_harm": "withheld_harm",
            "serious_harm_part": "withheld_harm",
            "third_parties": "withheld_others",
            "privileged_material": "withheld_privilege",
        },
    }
)
"""The codes that a letter may say, and the words in which it does. A decision's other reasons are for the clinician, and stay out of every letter."""


class NotDrafted(RecordError):
    """The reply cannot be drafted: {reason}."""


@dataclass(frozen=True, slots=True)
class Details:
    """What a letter may say. `sender`: the practice; `to`: who is written to; `reference`: theirs, such as a claim or docket number; `complaints`:
    whom in the practice to complain to. `codes`: a ruling's reasons, of which a letter says those that are its to say. `pages`: of what is
    enclosed."""

    sender: str = field(repr=False)
    clinician: str = field(repr=False)
    to: str = field(repr=False)
    written: date
    received: date
    due: date | None = None
    reference: str | None = field(default=None, repr=False)
    complaints: str | None = field(default=None, repr=False)
    codes: tuple[str, ...] = ()
    pages: int | None = None


def draft_letter(letter: Letter, details: Details, jurisdiction: str) -> str:
    """The draft of a reply, plain text ending in a newline. Raises NotDrafted where the letter is not for this jurisdiction, something that it
    needs is not given, or a name is no name; PolicyError for a code that has no words."""
    pack = rules.pack(jurisdiction)
    if pack is None or COUNTRIES.get(letter, pack.country) != pack.country:
        raise NotDrafted(reason=f"{letter} is no letter for this jurisdiction")
    try:
        text = _template(letter).render(_given(details, letter), country=pack.country, rights=pack.amending.rights)
    except UndefinedError as error:
        raise NotDrafted(reason=f"{letter}: {error.message}") from error
    return text.strip() + "\n"


def _given(details: Details, letter: Letter) -> dict[str, object]:
    """What is given, by name: a template that asks for something else fails."""
    said = SAYABLE.get(letter, {})
    given: dict[str, object] = {}
    codes = tuple(dict.fromkeys(said[code] for code in details.codes if code in said))
    for entry in fields(details):
        value = codes if entry.name == "codes" else getattr(details, entry.name)
        if isinstance(value, str) and not (value.strip() and value.isprintable() and len(value) <= LONGEST):
            raise NotDrafted(reason=f"{entry.name} must be words on one line, {LONGEST} characters at most")
        if value is not None and value != ():
            given[entry.name] = value
    return given


@cache
def _template(letter: Letter) -> Template:
    world = ImmutableSandboxedEnvironment(
        loader=FunctionLoader(prompts.read), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    world.filters.update(day=_day, say=rules.say)
    return world.get_template(f"letters/{letter}.jinja")


def _day(day: date) -> str:
    """4 March 2026."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


_MONTHS = "January February March April May June July August September October November December".split()
