"""`aside keys`: a practice is begun, its recovery kit made, proven and renewed, its keys rotated and restored, passphrases changed.

In: halves of the kit, passphrases. Out: the halves of a new kit, once; counts. Knows no note.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from drafting import wiring
from drafting.commands import shared
from drafting.commands.shared import As, Halves, PassphraseFile, opened, say
from drafting.console import known
from drafting.errors import KitError, StoreFailed
from drafting.settings import read_settings

app = shared.group()

NewFile = Annotated[Path | None, typer.Option(metavar="FILE", help="Read the new passphrase from FILE instead of asking.")]


@app.command()
def init(jurisdiction: Annotated[str, typer.Option(help="Whose law: us-federal, us-il, uk-ew.")] = "us-federal") -> None:
    """Begin a practice: its folder, databases, key file and recovery kit. The kit's halves are printed this once."""
    from drafting.record import practice as practices
    from drafting.record.keys import Keyring, Master, keyfile
    from drafting.record.store import migrating

    place, settings = known("jurisdictions", jurisdiction), read_settings()
    stores, path = wiring.stores(settings), wiring.key_file(settings)
    try:
        if _stands(stores):
            raise KitError(reason="there is a practice here already; `aside keys kit` makes another kit")
        migrating.upgrade(stores)
        grant(stores)
        if not path.exists():
            keyfile.write(path, Master.made())
        made = practices.Practice(stores, Keyring(stores.keyring, keyfile.read(path)))
        _print(practices.make(made, place, actor=shared.CONSOLE))
    finally:
        stores.close()
    say(f"aside: the practice is begun. Its key file is {path}: keep a copy of it apart from the backups.")


@app.command()
def prove(halves: Halves = None, as_: As = None) -> None:
    """Restore from both printed halves, which nothing can be kept before. Also for trying a kit that is proven."""
    from drafting.record.keys import kit

    with opened(proven=False) as practice:
        by = shared.actor(practice, as_)
        taken_over = kit.proven(practice.keyring) and kit.awaited(practice.keyring) is not None
        kit.prove(practice.keyring, *shared.halves(halves), now=practice.now())
        version = kit.present(practice.keyring).version
        with practice.change() as change:
            change.tell(by, "kit:proven", version=version)
    typer.echo(f"The recovery kit {version} is proven.")
    if taken_over:
        shared.bundle_again()


@app.command("kit")
def kit_(halves: Halves = None, as_: As = None) -> None:
    """Make another recovery kit. Both halves of the one in use are asked for, if it was proven. It takes over when it is proven."""
    from drafting.record.keys import kit

    with opened(proven=False) as practice:
        by = shared.actor(practice, as_)
        old = shared.joined(practice, halves) if kit.proven(practice.keyring) else None
        _print(kit.make(practice.keyring, now=practice.now(), renewing=old))
        with practice.change() as change:
            change.tell(by, "kit:made", version=kit.awaited(practice.keyring))
    say("aside: until it is proven the kit before it stays the one in use. Destroy the old halves afterwards.")


@app.command()
def rotate(as_: As = None) -> None:
    """Give the practice a new master key. Other processes of it must be started again."""
    from drafting.record.keys import rotation

    with opened() as practice:
        count = rotation.rotate(practice, wiring.key_file(read_settings()), by=shared.actor(practice, as_))
    typer.echo(f"{count} secrets are under the new key.")
    shared.bundle_again()


@app.command()
def restore(halves: Halves = None) -> None:
    """The key file was lost: both halves of the kit make another."""
    from drafting.record.keys import rotation

    with opened(keyed=False, proven=False) as practice:
        path = wiring.key_file(read_settings())
        count = rotation.restore(practice, path, shared.joined(practice, halves), by=shared.CONSOLE)
    typer.echo(f"{count} secrets are under the new key, in {path}.")
    shared.bundle_again()


@app.command()
def passphrase(
    person: Annotated[str, typer.Argument(metavar="PERSON")],
    leaked: Annotated[bool, typer.Option("--leaked", help="Somebody else knows it: the keys are made anew too.")] = False,
    forgotten: Annotated[bool, typer.Option("--forgotten", help="Both halves of the recovery kit are asked for instead of it.")] = False,
    passphrase_file: PassphraseFile = None,
    new_passphrase_file: NewFile = None,
    halves: Halves = None,
) -> None:
    """Give a person another passphrase."""
    from drafting.record.keys import passphrases

    with opened() as practice:
        now, keyring = practice.now(), practice.keyring
        if forgotten:
            shared.at_work(practice, person)
            kit = shared.joined(practice, halves)
            _, count = passphrases.regain(keyring, person, kit, shared.passphrase(person, new_passphrase_file, new=True), now=now)
            how, what = "regained", f"{person} has new keys, which open {count} secrets. What the kit does not hold is lost to them."
        else:
            known_to = shared.unlocked(practice, person, passphrase_file)
            words = shared.passphrase(person, new_passphrase_file, new=True)
            if leaked:
                passphrases.renew(keyring, known_to, words, now=now)
            else:
                passphrases.change(keyring, known_to, words)
            how, what = ("renewed", f"{person} has new keys and a new passphrase.") if leaked else ("changed", f"{person} has a new passphrase.")
        with practice.change() as change:
            change.tell(person, "person:passphrase", subject=person, reason=how)
    typer.echo(what)
    if leaked or forgotten:
        shared.bundle_again()


def grant(stores: object) -> None:
    """The worker's role on PostgreSQL; where this login may make none, that is said, and somebody who may does it."""
    from drafting.record.store import migrating

    try:
        migrating.grant(stores)
    except StoreFailed as refused:
        say(f"aside: the worker's role was not made: {refused}")


def _stands(stores: object) -> bool:
    """Whether there is a practice in stores of any version."""
    from sqlalchemy import select

    from drafting.record.store import migrating, reading
    from drafting.record.store.tables.record import PRACTICE

    if migrating.version(stores.record) is None:
        return False
    with reading(stores.record) as connection:
        return connection.execute(select(PRACTICE.c.id)).first() is not None


def _print(halves: tuple[str, str]) -> None:
    """The two halves, apart: on a terminal the second waits until the first was taken away."""
    for number, half in enumerate(halves, 1):
        typer.echo(f"Recovery kit, half {number} of 2:\n\n    {half}\n")
        if number == 1 and sys.stdin.isatty() and sys.stdout.isatty():
            shared.asked("Write it down or print it, for one person alone. Then press Enter for the other.")
    say("aside: two people keep one half each, on paper, in two places. They are not shown again. Now run `aside keys prove`.")
