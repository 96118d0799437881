"""`aside people`: who works here, their keys, and how they leave.

In: names, passphrases. Out: ids; rows. Knows no note. Whoever leaves signs first, hands their clients on, and takes or shreds their private notes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drafting.commands import Command, accounts, queries, shared
from drafting.commands.shared import As, Force, Json, PassphraseFile, Yes, opened, say
from drafting.errors import NotPermitted, RecordError
from drafting.types.record import Person, Standing

if TYPE_CHECKING:
    from drafting.record.practice import Practice

app = shared.group()
app.command(cls=Command)(accounts.login)


class StillOpen(RecordError):
    """{who} cannot leave yet: {what}. Notes are signed by whoever began them; clients are handed on with `aside clients transfer`."""


class NotesLeft(RecordError):
    """{who} has {count} private notes. Say what becomes of them: --take FILE, --shred, or both; after illness or death --keep."""


class Enrolled(RecordError):
    """{who} has keys already. `aside keys passphrase` gives them another passphrase."""


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As it is printed on what they sign.")],
    standing: Annotated[Standing, typer.Option(help="What they may do.")] = Standing.CLINICIAN,
    credential: Annotated[str | None, typer.Option(help="Such as LCSW.")] = None,
    licence: Annotated[str | None, typer.Option(help="Its number.")] = None,
    supervisor: Annotated[str | None, typer.Option(metavar="PERSON", help="Of a trainee.")] = None,
    health_professional: Annotated[bool, typer.Option("--health-professional", help="As the UK's DPA 2018 s.204 means it.")] = False,
    as_: As = None,
) -> None:
    """Take a person in. Prints their id."""
    from drafting.record import people

    given = Person("", name, standing, credential, licence, supervisor, health_professional)
    with opened() as practice:
        person = people.add_person(practice, given, by=shared.actor(practice, as_))
    typer.echo(person.id)
    say(f"aside: now {person.id} chooses a passphrase: `aside people enrol {person.id}`.")


@app.command("list")
def list_(
    everybody: Annotated[bool, typer.Option("--all", help="Those too who have left.")] = False,
    as_json: Json = False,
) -> None:
    """Who works here."""
    from drafting.record import people, workbench
    from drafting.record.keys import passphrases

    with opened() as practice:
        found = [p for p in people.all_people(practice) if p.active or everybody]
        keys = {p.id: workbench.has_keys(practice.keyring, passphrases.holder(p.id)) for p in found}
    names = ("name", "credential", "supervisor", "active")
    rows = [{"person": p.id, "standing": p.standing.value, **{n: getattr(p, n) for n in names}, "enrolled": keys[p.id]} for p in found]
    shared.rows("aside.person/1", rows, as_json)


@app.command()
def enrol(person: Annotated[str, typer.Argument(metavar="PERSON")], passphrase_file: PassphraseFile = None) -> None:
    """Make a person's keys, under a passphrase that they choose and nobody else knows."""
    from drafting.record import workbench
    from drafting.record.keys import passphrases

    with opened() as practice:
        shared.at_work(practice, person)
        if workbench.has_keys(practice.keyring, passphrases.holder(person)):
            raise Enrolled(who=person)
        passphrases.enrol(practice.keyring, person, shared.passphrase(person, passphrase_file, new=True), now=practice.now())
        with practice.change() as change:
            change.tell(person, "person:enrolled", subject=person)
    typer.echo(f"{person} has keys.")
    say("aside: a forgotten passphrase is replaced with both halves of the recovery kit; what they signed stays good.")


@app.command()
def leave(
    person: Annotated[str, typer.Argument(metavar="PERSON")],
    take: Annotated[Path | None, typer.Option(metavar="FILE", help="Write their private notes to FILE, readable, for them alone.")] = None,
    shred: Annotated[bool, typer.Option("--shred", help="Destroy their private notes here; after --take, once the file is written.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave them sealed as they are, as after illness or death; asks for no passphrase.")] = False,
    as_: As = None,
    passphrase_file: PassphraseFile = None,
    force: Force = False,
    yes: Yes = False,
) -> None:
    """A person leaves. Refused while notes wait for their signature or clients are theirs. Their private notes are theirs to take or to shred."""
    from drafting.record import people

    if keep and (take is not None or shred):
        raise typer.BadParameter("private notes are kept, or else taken or shredded")
    with opened() as practice:
        by, leaver = shared.actor(practice, as_), shared.at_work(practice, person)
        if left := queries.left_open(practice, person):
            raise StillOpen(who=person, what=", ".join(f"{what}: {count}" for what, count in left.items()))
        if not keep:
            _part(practice, person, take, shred, passphrase_file, force, yes)
        people.change_person(practice, replace(leaver, active=False), by=by)
    typer.echo(f"{person} has left.")


def _part(practice: Practice, person: str, take: Path | None, shred: bool, passphrase_file: Path | None, force: bool, yes: bool) -> None:
    """Their private notes, as they wish, with their own passphrase."""
    from drafting.record import vault
    from drafting.record.retention import ending
    from drafting.record.vault import Departure

    notes = vault.listed(practice, person)
    if not notes:
        return
    if take is None and not shred:
        raise NotesLeft(who=person, count=len(notes))
    if take is not None:
        if str(take) == "-":
            raise NotPermitted(who=person, reason="private notes are taken to a file")
        shared.free(take, force)
    unlocked = shared.unlocked(practice, person, passphrase_file)
    if shred:
        shared.sure(f"Destroy {len(notes)} private notes of {person}? They cannot be brought back.", yes)
    if take is not None:
        shared.put(take, ending.departing(practice, unlocked, Departure.TAKES).taken, force)
        typer.echo(f"{len(notes)} private notes are in {take}.")
        say("aside: that file is not encrypted.")
    if shred:
        parting = ending.departing(practice, unlocked, Departure.SHREDS)
        typer.echo(f"{len(parting.receipts)} private notes were shredded.")
        shared.bundle_again()
        if parting.held:
            say(f"aside: {len(parting.held)} are kept, since a hold or an open request forbids it: {', '.join(parting.held)}")
