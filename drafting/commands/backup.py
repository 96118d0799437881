"""`aside backup`: archives, the key bundle apart from them, a look through both, and the way back.

In: folders and files; both halves of the recovery kit where keys are needed that are not at hand. Out: files; verdicts. Knows no note.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from drafting import wiring
from drafting.commands import shared
from drafting.commands.keys import grant
from drafting.commands.shared import As, Halves, Json, opened, say
from drafting.console import emit
from drafting.settings import read_settings

app = shared.group()

Archive = Annotated[Path, typer.Argument(metavar="ARCHIVE", help="A file that `aside backup create` made.")]
BundleFile = Annotated[Path | None, typer.Option("--bundle", metavar="FILE", help="Write the key bundle to FILE afterwards, over the last one.")]


@app.command()
def create(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the archive goes.")],
    bundle: BundleFile = None,
    as_: As = None,
    as_json: Json = False,
) -> None:
    """Back up the record and the private notes into one encrypted archive, while others work. No key is in it."""
    from drafting.record import backup

    with opened() as practice:
        by = shared.actor(practice, as_)
        manifest = backup.create(practice, folder, by=by)
        if bundle is not None:
            backup.bundle(practice, bundle, by=by)
    rows = sum(manifest.rows.values())
    if as_json:
        emit({"schema": "aside.backup/1", "id": manifest.id, "file": str(folder / manifest.file), "rows": rows})
    else:
        typer.echo(folder / manifest.file)
    if bundle is None:
        say("aside: it opens with no key bundle older than itself: write the bundle now, elsewhere, with `aside backup bundle`.")


@app.command()
def bundle(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The one place of the bundle, apart from the archives.")],
    as_: As = None,
) -> None:
    """Write all keys, as the recovery kit alone opens them, over the last bundle. After every archive, and after every shredding."""
    from drafting.record import backup

    with opened() as practice:
        told = backup.bundle(practice, file, by=shared.actor(practice, as_))
    typer.echo(f"{told.rows['keyring.wrapped']} wrapped keys and {told.rows['keyring.tombstones']} tombstones are in {file}.")


@app.command()
def verify(
    archive: Archive,
    bundle: Annotated[Path | None, typer.Option(metavar="FILE", help="The key bundle, where the practice is not at hand; asks for the kit.")] = None,
    halves: Halves = None,
    as_: As = None,
) -> None:
    """Read all of an archive and restore nothing. Ends with 1 if anything of it is not as it was written."""
    from drafting.record import backup

    if bundle is not None:
        report = backup.verify_apart(archive, bundle, shared.halves(halves))
    else:
        with opened() as practice:
            report = backup.verify(practice, archive, by=shared.actor(practice, as_))
    typer.echo(f"Whole: {sum(report.manifest.rows.values())} rows of {report.manifest.at:%Y-%m-%d %H:%M} UTC, {report.events} audit events.")


@app.command()
def expire(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the archives lie.")],
    days: Annotated[int, typer.Option(min=0, help="How old an archive may be.")] = 35,
    bundle: BundleFile = None,
    as_: As = None,
) -> None:
    """Destroy the keys of archives that are older, wherever copies of them are, and remove the files."""
    from drafting.record import backup

    with opened() as practice:
        by = shared.actor(practice, as_)
        gone = backup.expire(practice, folder, days=days, by=by)
        if bundle is not None:
            backup.bundle(practice, bundle, by=by)
    for name in gone:
        typer.echo(name)
    if gone and bundle is None:
        shared.bundle_again()


@app.command()
def restore(
    archive: Archive,
    bundle: Annotated[Path, typer.Option(metavar="FILE", help="The present key bundle.")],
    head: Annotated[Path | None, typer.Option(metavar="FILE", help="A head of the audit trail that was kept elsewhere.")] = None,
    halves: Halves = None,
) -> None:
    """Restore into the empty place that ASIDE_DATA names. Asks for both halves of the recovery kit, and makes a new key file."""
    from drafting.record import backup
    from drafting.record.audit import Head

    settings = read_settings()
    kept = Head.of(shared.text_of(head)) if head else None
    stores = wiring.stores(settings)
    try:
        path, now = wiring.key_file(settings), datetime.now(UTC)
        report = backup.restore(archive, bundle, shared.halves(halves), stores, path, now=now, kept=kept, by=shared.CONSOLE)
        grant(stores)
    finally:
        stores.close()
    typer.echo(f"Restored: {sum(report.manifest.rows.values())} rows of {report.manifest.at:%Y-%m-%d %H:%M} UTC. The new key file is {path}.")
