"""`aside private`: private notes, for those who may read them. Each reading is on the audit trail, with its reason, before anything is opened.

In: a passphrase, or both halves of the recovery kit; a reason. Out: ids; words, for `read` alone. Knows no record.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from drafting.commands import shared
from drafting.commands.shared import Halves, Json, Me, PassphraseFile, Yes, opened, say

if TYPE_CHECKING:
    from drafting.record.vault import PrivateNote

app = shared.group()


class Reason(StrEnum):
    own_treatment = "own_treatment"
    supervision = "supervision"
    executor = "executor"


class Wish(StrEnum):
    hand_over = "hand_over"
    shred = "shred"


@app.command("list")
def list_(
    as_: Me,
    client: Annotated[str | None, typer.Option(metavar="CLIENT", help="About one client alone.")] = None,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """One's own private notes, and those that others shared: ids and dates, no words."""
    from drafting.record import vault

    with opened() as practice:
        person = shared.unlocked(practice, as_, passphrase_file).person
        own = vault.listed(practice, person, client)
        theirs = [note for note in vault.shared_with(practice, person) if client in (None, note.client)]
    shared.rows("aside.private/1", [_row(note) for note in (*own, *theirs)], as_json)


@app.command()
def read(
    notes: Annotated[list[str], typer.Argument(metavar="NOTE...", help="Ids that `aside private list` shows.")],
    as_: Me,
    reason: Annotated[Reason, typer.Option(help="Why they are read.")],
    passphrase_file: PassphraseFile = None,
) -> None:
    """Show private notes: to their author, or to the reader with whom they were shared for that reason."""
    from drafting.record import vault
    from drafting.record.export.letters import plain

    with opened() as practice:
        words = vault.read_all(practice, notes, shared.unlocked(practice, as_, passphrase_file), vault.Why(reason.value))
    for note, text in words.items():
        typer.echo(f"{note}\n  " + plain(text).replace("\n", "\n  "))


@app.command()
def instruct(
    as_: Me,
    executor: Annotated[str, typer.Option(metavar="PERSON", help="The professional executor, a colleague who is enrolled.")],
    wish: Annotated[Wish, typer.Option(help="What they shall do.")],
    passphrase_file: PassphraseFile = None,
) -> None:
    """Say what shall become of one's private notes after illness or death. It takes the place of an earlier instruction."""
    from drafting.record import vault

    with opened() as practice:
        unlocked = shared.unlocked(practice, as_, passphrase_file)
        shared.at_work(practice, executor)
        vault.instruct(practice, unlocked, executor, vault.Wish(wish.value))
    typer.echo(f"{executor} is the executor of {as_}: {wish.value}.")


@app.command("hand-over")
def hand_over(
    author: Annotated[str, typer.Argument(metavar="AUTHOR", help="Whose notes.")],
    as_: Me,
    halves: Halves = None,
    yes: Yes = False,
) -> None:
    """After illness or death, with both halves of the recovery kit: what the author instructed, and nothing else."""
    from drafting.record import people, vault

    with opened() as practice:
        by = shared.at_work(practice, as_).id
        people.find_person(practice, author)
        kit = shared.joined(practice, halves)
        shared.sure(f"Do with the private notes of {author} what they instructed? If that is to shred them, they cannot be brought back.", yes)
        parting = vault.hand_over(practice, author, kit, by=by)
    typer.echo(f"{len(parting.given)} given to the executor, {len(parting.receipts)} shredded.")
    if parting.held:
        say(f"aside: {len(parting.held)} are kept, since a hold or an open request forbids it: {', '.join(parting.held)}")


def _row(note: PrivateNote) -> dict[str, object]:
    since = note.since.isoformat(timespec="minutes")
    return {"note": note.id, "client": note.client, "encounter": note.encounter, "author": note.author, "since": since, "part2": note.part2}
