"""`aside hold`: what stops the destruction of anything of a client, set and lifted by a person.

In: ids, reasons as codes. Out: ids; rows. Knows no note.
"""

from __future__ import annotations

from typing import Annotated

import typer

from drafting.commands import shared
from drafting.commands.shared import Json, Me, opened

app = shared.group()

Reason = Annotated[str, typer.Option(metavar="CODE", help="Why, in a word of small letters, such as litigation.")]


@app.command("set")
def set_(client: Annotated[str, typer.Argument(metavar="CLIENT")], as_: Me, reason: Reason) -> None:
    """Nothing of the client's is destroyed from now on. Prints the hold's id."""
    from drafting.record import holds

    with opened() as practice:
        typer.echo(holds.hold(practice, client, shared.code(reason), shared.actor(practice, as_)))


@app.command()
def lift(hold: Annotated[str, typer.Argument(metavar="HOLD")], as_: Me, reason: Reason) -> None:
    """End a hold. Others of the same client stand; one whose letter is open cannot be lifted."""
    from drafting.record import holds

    with opened() as practice:
        holds.lift(practice, hold, shared.actor(practice, as_), shared.code(reason))
    typer.echo(f"{hold} is lifted.")


@app.command("list")
def list_(client: Annotated[str | None, typer.Option(metavar="CLIENT", help="Of one client.")] = None, as_json: Json = False) -> None:
    """The holds that stand, the oldest first."""
    from drafting.record import holds

    with opened() as practice:
        found = holds.holds_on(practice, client)
    rows = [{"hold": h.id, "client": h.client, "reason": h.reason, "request": h.request, "since": f"{h.since:%Y-%m-%d}"} for h in found]
    shared.rows("aside.hold/1", rows, as_json)
