"""What a person writes down of a paper, read: an authorization, an opinion, a pause, who approves.

In: text of an option, or a TOML file. Out: the nouns of release. A name that is none is refused, so that a slip of the pen is seen.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from drafting.commands import shared
from drafting.errors import LetterError
from drafting.record.release import Approver, Authorization, Bucket, Opinion, Pause, Requester, Role, Scope

Opinions = Annotated[Path | None, typer.Option("--opinion", metavar="FILE", help="A professional's opinion on serious harm (UK), TOML.")]

_KINDS: Mapping[str, type] = {"str": str, "bool": bool, "date": date, "date | None": date}


def pause(text: str) -> Pause:
    """2026-11-18..2026-11-21, or 2026-11-18.. while the clock stands."""
    since, dots, until = text.partition("..")
    if not dots:
        raise ValueError("a pause has two dots")
    return Pause(date.fromisoformat(since), date.fromisoformat(until) if until else None)


def approver(text: str) -> Approver:
    """originator=P1."""
    role, _, person = text.partition("=")
    if not person:
        raise ValueError("a role, and a person's id")
    return Approver(person, Role(role))


def authorization(file: Path, client: str) -> Authorization:
    """A form as a person read it off the paper. Raises LetterError, FileTrouble."""
    given = _table(file)
    kinds = {f.name: str(f.type) for f in fields(Authorization) if f.name not in ("id", "client", "scope", "recipients")}
    codes = {name: frozenset(_codes(given.pop(name, []), kind, name)) for name, kind in (("scope", Scope), ("recipients", Requester))}
    for name, value in given.items():
        if type(value) is not _KINDS.get(kinds.get(name, "")):
            raise LetterError(reason=f"{name} is no field of an authorization, or not of its kind")
    return Authorization("", client, **codes, **given)


def opinion(file: Path | None) -> Opinion | None:
    """A professional's opinion. Raises LetterError, FileTrouble."""
    if file is None:
        return None
    given = _table(file)
    kinds = {"on": date, "by_health_professional": bool, "harm_likely": bool, "about": list, "items": list}
    if given.keys() - kinds.keys() or any(type(given.get(name, [] if name == "items" else None)) is not kind for name, kind in kinds.items()):
        raise LetterError(reason=f"an opinion has {', '.join(kinds)}, each of its kind")
    about, items = frozenset(_codes(given["about"], Bucket, "about")), tuple(map(str, given.get("items", [])))
    return Opinion(given["on"], given["by_health_professional"], given["harm_likely"], about, items)


def _table(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(shared.text_of(file))
    except tomllib.TOMLDecodeError:
        raise LetterError(reason=f"{file.name} is no TOML file") from None


def _codes(values: object, kind: type, name: str) -> list[Any]:
    """Raises LetterError for what is none of `kind`."""
    if not isinstance(values, list) or any(value not in list(kind) for value in values):
        raise LetterError(reason=f"{name} is a list of {', '.join(kind)}")
    return [kind(value) for value in values]
