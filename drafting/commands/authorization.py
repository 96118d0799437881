"""`aside authorization`: forms that a client signed, as a person read them off the paper.

In: a TOML file. Out: ids; what is wrong with a form today, in words. What a form is good for is decided with the letter that it comes with.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from drafting.commands import reading, shared
from drafting.commands.shared import As, Json, opened, say
from drafting.record.release import faults
from drafting.record.release import say as words

app = shared.group()

Form = Annotated[str, typer.Argument(metavar="AUTHORIZATION", help="An id that `aside authorization list` shows.")]
On = Annotated[date | None, typer.Option("--on", parser=date.fromisoformat, metavar="DAY", help="An earlier day than today.")]


@app.command()
def add(
    client: Annotated[str, typer.Argument(metavar="CLIENT")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What stands on the form, TOML; see docs/record.md.")],
    as_: As = None,
) -> None:
    """Keep a form, good or not. Prints its id, and says what is wrong with it today."""
    from drafting.record.release import authorizations

    form = reading.authorization(file, client)
    with opened() as practice:
        kept = authorizations.authorize(practice, form, shared.actor(practice, as_))
        wrong = faults(kept, practice.now().date())
    typer.echo(kept.id)
    for code in wrong:
        say(f"aside: it lacks {words(code)}.")


@app.command()
def revoke(authorization: Form, on: On = None, as_: As = None) -> None:
    """The client takes a form back. What was done in reliance on it before was done."""
    from drafting.record.release import authorizations

    with opened() as practice:
        form = authorizations.revoke(practice, authorization, shared.actor(practice, as_), on)
    typer.echo(f"{form.id} is revoked from {form.revoked_on} on.")


@app.command()
def end(authorization: Form, on: On = None, as_: As = None) -> None:
    """The event on which a form ends has come to pass."""
    from drafting.record.release import authorizations

    with opened() as practice:
        form = authorizations.end(practice, authorization, shared.actor(practice, as_), on)
    typer.echo(f"{form.id} ended on {form.ended_on}.")


@app.command("list")
def list_(client: Annotated[str, typer.Argument(metavar="CLIENT")], as_json: Json = False) -> None:
    """A client's forms: for what, for whom, until when, and what is wrong with each today, in codes."""
    from drafting.record import people
    from drafting.record.release import authorizations

    with opened() as practice:
        people.find_client(practice, client)
        found, today = authorizations.authorizations(practice, client), practice.now().date()
    rows = [
        {
            "authorization": form.id,
            "scope": " ".join(sorted(form.scope)),
            "for": " ".join(sorted(form.recipients)),
            "expires": form.expires and form.expires.isoformat(),
            "faults": " ".join(faults(form, today)),
        }
        for form in found
    ]
    shared.rows("aside.authorization/1", rows, as_json)
