"""`aside audit`: the trail's end, signed, to keep elsewhere; and the whole trail, checked.

In: a head that was kept. Out: a head; a verdict. Knows no note.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drafting.commands import shared
from drafting.commands.shared import opened

app = shared.group()


@app.command()
def head() -> None:
    """Print the trail's end, signed by the practice. Keep it where nobody who administers the stores can write."""
    with opened(proven=False) as practice:
        typer.echo(practice.audit_head().text())


@app.command()
def verify(
    head: Annotated[Path | None, typer.Option(metavar="FILE", help="A head that was kept: finds a trail that was written anew, too.")] = None,
) -> None:
    """Walk the whole trail. Ends with 1, and says where, if it is broken."""
    from drafting.record.audit import Head

    with opened(proven=False) as practice:
        count = practice.audit_verify(Head.of(shared.text_of(head)) if head else None)
    typer.echo(f"{count} events, whole{'' if head is None else ', and passing through the head that was kept'}.")
