"""`aside work`: what falls due with time, done by hand or by a timer.

In: the practice's policy. Out: what is due and why something waits; receipts. Knows no words. Nothing is destroyed under a hold or an open letter.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from drafting.commands import shared
from drafting.commands.shared import Json, opened, say

if TYPE_CHECKING:
    from drafting.record.retention.ending import Locked

app = shared.group()


@app.command()
def due(as_json: Json = False) -> None:
    """What has fallen due by the policy, and what it waits for."""
    from drafting.record import retention

    with opened() as practice:
        found = retention.due(practice)
    shared.rows("aside.due/1", [{"what": d.what.value, "of": d.subject, "since": d.since.isoformat(), "waits": d.held} for d in found], as_json)


@app.command()
def lock() -> None:
    """Lock every signed note whose time is up, and shred what lay on the workbench for it."""
    from drafting.record import retention

    with opened() as practice:
        _told(retention.lock_due(practice))


@app.command()
def sweep() -> None:
    """Finish what a process that was cut left under way, and see that destroyed keys are gone from the keyring's files."""
    from drafting.jobs import way
    from drafting.record.retention import ending
    from drafting.record.workbench import moves

    with opened() as practice:
        count = moves.sweep(practice) + ending.finish(practice) + way.finish(practice)
        practice.keyring.scrub()
    typer.echo(f"Finished: {count}.")


@app.command()
def purge() -> None:
    """Do all that falls due by itself, as a timer does each night: take back keys that were lent, lock, remind, purge what a task told of."""
    from drafting.record import retention
    from drafting.record.workbench import moves

    with opened() as practice:
        moves.sweep(practice)
        ran = retention.run(practice)
    _told(ran.locked)
    for receipt in ran.purged:
        typer.echo(f"purged, receipt {receipt}")
    say(f"aside: {ran.told} tasks were opened, {ran.expired} lent keys taken back.")
    if ran.purged or any(one.receipt for one in ran.locked):
        shared.bundle_again()


def _told(locked: Iterable[Locked]) -> None:
    for one in locked:
        typer.echo(f"{one.encounter} {'waits: ' + one.waits if one.waits else f'locked, receipt {one.receipt}'}")
