"""`aside practice`: what it has settled, whether its stores are up to date, and what falls due.

In: names and values. Out: what stands. Knows no note.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from drafting import wiring
from drafting.commands import queries, shared
from drafting.commands.keys import grant
from drafting.commands.shared import As, Json, opened
from drafting.console import emit
from drafting.settings import read_settings

app = shared.group()


@app.command()
def show(as_json: Json = False) -> None:
    """What the practice has settled, and how its recovery kit stands."""
    from drafting.record.keys import kit

    with opened(proven=False) as practice:
        policy = asdict(practice.policy())
        head = queries.overview(practice)
        head |= {"kit_proven": kit.proven(practice.keyring), "kit_awaited": kit.awaited(practice.keyring)}
    if as_json:
        emit({"schema": "aside.practice/1", **head, "policy": policy})
        return
    for name, value in (head | policy).items():
        typer.echo(f"{name:16} {'no' if value is None or value is False else 'yes' if value is True else value}")


@app.command()
def settle(
    values: Annotated[list[str], typer.Argument(metavar="NAME=VALUE...", help="Such as lock_after=2; `aside practice show` lists the names.")],
    as_: As = None,
) -> None:
    """Change what the practice has settled. Days, unless the name says otherwise."""
    given = dict(_pair(text) for text in values)
    with opened() as practice:
        policy = asdict(practice.settle(shared.actor(practice, as_), **given))
    for name in given:
        typer.echo(f"{name:16} {policy[name]}")


@app.command()
def upgrade() -> None:
    """Bring the stores to the version of this Aside. Make a backup first."""
    from drafting.record.keys import Keyring
    from drafting.record.practice import Practice
    from drafting.record.store import migrating

    stores = wiring.stores(shared.there(read_settings()))
    try:
        before = [migrating.version(engine) for _, engine in stores.named()]
        migrating.upgrade(stores)
        grant(stores)
        after = {name: migrating.version(engine) for name, engine in stores.named()}
        if before != list(after.values()):
            with Practice(stores, Keyring(stores.keyring, None)).change() as change:
                change.tell(shared.CONSOLE, "practice:upgraded", **after)
    finally:
        stores.close()
    for name, version in after.items():
        typer.echo(f"{name:8} {version}")


@app.command()
def tasks(
    person: Annotated[str | None, typer.Option(metavar="PERSON", help="Of one person alone.")] = None,
    as_json: Json = False,
) -> None:
    """What falls due, the earliest first: tasks, and notes that should have been signed."""
    with opened() as practice:
        shared.rows("aside.task/1", queries.due(practice, person), as_json)


def _pair(text: str) -> tuple[str, object]:
    name, sign, value = text.partition("=")
    if not sign or not name.isidentifier():
        raise typer.BadParameter(f"{text} is not NAME=VALUE")
    return name, int(value) if value.isdecimal() else value
