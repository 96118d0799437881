"""`aside clients`: taken in under a pseudonym, found by name, handed on, restricted.

In: names, ids. Out: ids; rows. Knows no note. A client's name is asked for where it is not given, since what is given stays in the shell's history.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from drafting.commands import queries, shared
from drafting.commands.shared import As, Json, Me, Yes, opened, say
from drafting.console import known

app = shared.group()

Name = Annotated[str | None, typer.Argument(metavar="[NAME]", help="Asked for, if not given: what is given here stays in the shell's history.")]


@app.command()
def add(
    clinician: Annotated[str, typer.Option(metavar="PERSON", help="Whose client it is.")],
    name: Name = None,
    jurisdiction: Annotated[str | None, typer.Option(help="Whose law: us-federal, us-il, uk-ew; the practice's own, if not given.")] = None,
    part2: Annotated[bool, typer.Option("--part2", help="The records are those of a programme under 42 CFR Part 2.")] = False,
    majority: Annotated[date | None, typer.Option(parser=date.fromisoformat, metavar="DAY", help="Of a minor: when they come of age.")] = None,
    as_: As = None,
) -> None:
    """Take a client in. Prints their pseudonym, the id that everything else goes by."""
    from drafting.record import people

    place = known("jurisdictions", jurisdiction) if jurisdiction else None
    with opened() as practice:
        by = shared.actor(practice, as_)
        shared.at_work(practice, clinician)
        place = place or queries.jurisdiction(practice)
        client = people.add_client(practice, name or _asked(), clinician, by=by, jurisdiction=place, part2=part2, majority=majority)
    typer.echo(client.id)


@app.command()
def find(as_: Me, name: Name = None, as_json: Json = False) -> None:
    """Clients whose names have every word of NAME: one's own; for a supervisor or an administrator, all."""
    from drafting.record import people
    from drafting.types.record import Standing

    with opened() as practice:
        person = shared.at_work(practice, as_)
        own = person.id if person.standing in (Standing.CLINICIAN, Standing.TRAINEE) else None
        found = people.search_clients(practice, name or _asked(), own)
        with practice.change() as change:
            change.tell(person.id, "client:searched", found=len(found))
    names = ("name", "clinician", "jurisdiction", "part2", "self_pay")
    shared.rows("aside.client/1", [{"client": c.id, **{n: getattr(c, n) for n in names}} for c in found], as_json)


@app.command()
def transfer(
    to: Annotated[str, typer.Option(metavar="PERSON", help="Who takes them on.")],
    clients: Annotated[list[str] | None, typer.Argument(metavar="[CLIENT]...")] = None,
    from_: Annotated[str | None, typer.Option("--from", metavar="PERSON", help="Hand on all of this person's clients.")] = None,
    as_: As = None,
) -> None:
    """Hand clients on. The record goes with them; private notes stay with their author, and unsigned notes with whoever began them."""
    from drafting.record import people

    if bool(clients) == (from_ is not None):
        raise typer.BadParameter("name the clients, or --from whom all of them are handed on")
    with opened() as practice:
        by = shared.actor(practice, as_)
        if from_ is not None:
            people.find_person(practice, from_)
        chosen = clients or queries.clients_of(practice, from_)
        for client in clients or ():
            people.find_client(practice, client)
        for client in chosen:
            people.transfer(practice, client, to, by=by)
            typer.echo(client)
    say(f"aside: handed to {to}: {len(chosen)}. Private notes stay with their authors, unsigned notes with whoever began them.")


@app.command()
def restrict(
    client: Annotated[str, typer.Argument(metavar="CLIENT")],
    lift: Annotated[bool, typer.Option("--lift", help="No longer so.")] = False,
    as_: As = None,
) -> None:
    """The client pays, and asks that their health plan be told nothing (45 CFR 164.522(a)(1)(vi)): no payer's packet is made."""
    from drafting.record import people

    with opened() as practice:
        people.restrict(practice, client, self_pay=not lift, by=shared.actor(practice, as_))
    typer.echo(f"{client} is {'not restricted any more' if lift else 'restricted: nothing goes to a health plan'}.")


@app.command()
def destroy(
    client: Annotated[str, typer.Argument(metavar="CLIENT")],
    as_: Me,
    reason: Annotated[str, typer.Option(metavar="CODE", help="Why, in a word, such as retention.")] = "retention",
    yes: Yes = False,
) -> None:
    """Destroy a client's record when the time for which it must be kept is over, as the privacy officer. Prints the receipt."""
    from drafting.record.retention import ending

    with opened() as practice:
        shared.code(reason)
        shared.sure(f"Destroy the record of {client}? It cannot be brought back.", yes)
        typer.echo(ending.destroy_record(practice, client, as_, reason))
    say("aside: private notes about them stay their authors'.")
    shared.bundle_again()


def _asked() -> str:
    """A client's name, from the terminal or the first line of standard input."""
    if name := shared.asked("Client's name:"):
        return name
    raise typer.BadParameter("a client has a name")
