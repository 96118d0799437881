"""`aside people login`: who may log in to the desk.

In: a person, a login, a password. Out: recovery codes, once. Knows no session. What it gives opens no key: a passphrase is the person's own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drafting.commands import shared
from drafting.commands.shared import As, opened, say
from drafting.errors import NotPermitted, RecordError
from drafting.types.record import Standing


class NoName(RecordError):
    """{person} has no login yet. Say with --login which it shall be, such as ada."""


class HasLogin(RecordError):
    """{person} has the login {login}. Where they have lost what they log in with, and you are sure who asks, add --reset."""


def login(
    person: Annotated[str, typer.Argument(metavar="PERSON")],
    name: Annotated[str | None, typer.Option("--login", metavar="NAME", help="A short name, such as ada.")] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Another password; second factors, recovery codes and sessions from before end.")] = False,
    password_file: Annotated[Path | None, typer.Option(metavar="FILE", help="Read the password from FILE instead of asking.")] = None,
    as_: As = None,
) -> None:
    """Give a person a login, or one that was lost anew. Prints their recovery codes, this once."""
    from drafting.record.accounts import logins

    with opened() as practice:
        by = shared.actor(practice, as_)
        if as_ is not None and shared.at_work(practice, as_).standing is not Standing.ADMINISTRATOR:
            raise NotPermitted(who=as_, reason="logins are given by an administrator")
        shared.at_work(practice, person)
        there = logins.login_of(practice, person)
        if there is not None and not reset:
            raise HasLogin(person=person, login=there)
        if there is not None and name not in (None, there):
            raise typer.BadParameter("a login stays as it is; --reset changes what it is checked by")
        if there is None and name is None:
            raise NoName(person=person)
        given = _password(person, password_file)
        codes = logins.create(practice, person, name, given, by=by) if there is None else logins.reset(practice, person, given, by=by)
    for code in codes:
        typer.echo(code)
    say(f"aside: each of these stands in once for the second factor of {person}. They are not shown again; no password is kept that could be.")


def _password(person: str, file: Path | None) -> str:
    if file is not None:
        return shared.secret(file)
    return typer.prompt(f"Password of {person}", hide_input=True, confirmation_prompt=True, err=True)
