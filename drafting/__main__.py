"""The command line, `aside`. The one room that knows the whole way.

In: arguments. Out: results on standard output, everything else on standard error; exit code 0 done, 1 an input failed, 2 wrong usage.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from functools import cache, partial
from pathlib import Path
from typing import Annotated

import typer

from drafting import commands, wiring
from drafting.console import attempt, ears, emit, known, print_draft, print_screen, progress, speakers, tell_failure, writing
from drafting.errors import AsideError, OurFault, PullFailed
from drafting.settings import read_settings
from drafting.types import Context, Mode, Roster

app = typer.Typer(
    name="aside",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Drafts the progress note from what you dictate, keeps your asides apart, flags more than the chart needs. All on this machine.",
)
models_app = typer.Typer(no_args_is_help=True, help="Weights of the speech and chat models.")
app.add_typer(models_app, name="models")
commands.register(app)


class Asr(StrEnum):
    auto = "auto"
    whisper = "whisper"
    pocketsphinx = "pocketsphinx"


class WriterName(StrEnum):
    plain = "plain"
    llm = "llm"


Inputs = Annotated[list[str], typer.Argument(metavar="INPUT...", help="Audio, .txt, .md, .vtt, .srt, transcript .json, or - for standard input.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line, instead of a person's view.")]


@app.command()
def draft(
    inputs: Inputs,
    format: Annotated[str, typer.Option(help="Note format; `aside formats` lists them.")] = "soap",
    mode: Annotated[Mode | None, typer.Option(help="Taken from the speakers, if not given.")] = None,
    asr: Annotated[Asr, typer.Option(help="Speech engine; auto takes Whisper if its weights are here.")] = Asr.auto,
    writer: Annotated[WriterName, typer.Option(help="Who writes.")] = WriterName.plain,
    client_name: Annotated[list[str] | None, typer.Option(help="A name of the client; may be given again.")] = None,
    roster: Annotated[Path | None, typer.Option(help="File with other clients' names, one a line.")] = None,
    clinician: Annotated[str | None, typer.Option(help="Author with credential, e.g. 'R. Abara, LCSW'.")] = None,
    speaker: Annotated[list[str] | None, typer.Option(help="A speaker's label and role, e.g. 'Dr Abara=clinician'.")] = None,
    date_: Annotated[datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="Date of service.")] = None,
    kind: Annotated[
        str, typer.Option(help="Kind of note: session, intake, group, couple, crisis, contact, no_show, plan_review, discharge.")
    ] = "session",
    payer: Annotated[str, typer.Option(help="Whose requirements: insurer, self_pay, uk.")] = "insurer",
    decide: Annotated[Path | None, typer.Option(help='Your decisions, JSON: {"s4": "record"}.')] = None,
    parts: Annotated[Path | None, typer.Option(help='Whose each statement is, JSON: {"mother": ["s4"]}; a note is drafted for each.')] = None,
    style: Annotated[Path | None, typer.Option(help="Your own style of notes, a TOML file.")] = None,
    show_private: Annotated[bool, typer.Option(help="Print private and held words too.")] = False,
    as_json: Json = False,
) -> None:
    """Draft a note from each INPUT. Nothing is kept."""
    from drafting.drafts import Options, read_decisions, read_roster, read_shares
    from drafting.drafts import draft as draft_one
    from drafting.pipeline.formats import load

    settings = read_settings()
    context = Context(
        client_names=tuple(client_name or ()),
        roster=Roster.of(read_roster(roster)) if roster else Roster(),
        clinician=clinician,
        date_of_service=date_.date() if isinstance(date_, datetime) else date_,
        note_kind=known("kinds", kind),
        payer=known("payers", payer),
    )
    shares = read_shares(parts) if parts else None
    options = Options(context, load(format, settings.formats), mode, speakers(speaker or []), max_hours=settings.max_hours, shares=shares)
    decisions = read_decisions(decide) if decide else {}
    engines = wiring.engines(settings, writer.value, writing(inputs[0]))
    options = replace(options, context=replace(context, style=wiring.style(settings, style, engines.scanner, context)))
    hear = cache(lambda: ears(settings, asr.value))
    failed = False

    def one(source: str) -> None:
        own = replace(options, decisions=decisions.get(source, decisions.get("")))
        print_draft(source, draft_one(source, own, engines, hear, progress(source)), engines, show_private, as_json)
        tell_failure(engines)

    for source in inputs:
        failed |= not attempt(source, as_json, partial(one, source))
    wiring.close(engines)
    raise typer.Exit(1 if failed else 0)


@app.command()
def redraft(
    drafts: Annotated[list[str], typer.Argument(metavar="DRAFT...", help="What `aside draft --json` printed, in a file; - for standard input.")],
    format: Annotated[str | None, typer.Option(help="Another format; `aside formats` lists them.")] = None,
    section: Annotated[str | None, typer.Option(help="Only this section, by its key.")] = None,
    writer: Annotated[WriterName, typer.Option(help="Who writes.")] = WriterName.plain,
    style: Annotated[Path | None, typer.Option(help="Your own style of notes, a TOML file.")] = None,
) -> None:
    """Draft again from the same statements: another format, or one section. Sentences marked as edited stay. Prints JSON."""
    from drafting.redrafts import again, read

    settings = read_settings()
    engines = wiring.engines(settings, writer.value, writing(drafts[0]))
    own = wiring.style(settings, style, engines.scanner, Context())
    failed = False

    def one(source: str) -> None:
        for line in read(source):
            emit(again(line, engines, own, settings.formats, format, section))
            tell_failure(engines)

    for source in drafts:
        failed |= not attempt(source, True, partial(one, source))
    wiring.close(engines)
    raise typer.Exit(1 if failed else 0)


@app.command()
def screen(
    inputs: Inputs,
    profile: Annotated[str, typer.Option(help="Who will read it: chart, payer, supervision, client_copy, uk_sar.")] = "chart",
    client_name: Annotated[list[str] | None, typer.Option(help="A name of the client; may be given again.")] = None,
    roster: Annotated[Path | None, typer.Option(help="File with other clients' names, one a line.")] = None,
    as_json: Json = False,
) -> None:
    """Find PHI that the reader does not need, in any text."""
    from drafting.drafts import read_roster

    names = Roster.of(read_roster(roster)) if roster else Roster()
    context = Context(client_names=tuple(client_name or ()), roster=names)
    scanner = wiring.scanner()
    failed = False
    for source in inputs:
        failed |= not attempt(source, as_json, lambda source=source: print_screen(source, scanner, context, profile, as_json))
    raise typer.Exit(1 if failed else 0)


@app.command()
def formats(as_json: Json = False) -> None:
    """List the note formats with their sections and questions."""
    from drafting.pipeline.formats import available

    for f in available(read_settings().formats):
        if as_json:
            emit(
                {
                    "schema": "aside.format/1",
                    "key": f.key,
                    "title": f.title,
                    "version": f.version,
                    "digest": f.digest,
                    "sections": [
                        {"key": s.key, "title": s.title, "roles": [r.value for r in s.roles], "questions": list(s.questions)} for s in f.sections
                    ],
                }
            )
        else:
            typer.echo(f"{f.key:12} {f.title}")
            for s in f.sections:
                typer.echo(f"  {s.title}\n" + "\n".join(f"    {q}" for q in s.questions))


@models_app.command("list")
def models_list() -> None:
    """Which weights are known, and which are here."""
    for row in wiring.hub().listing(read_settings().models):
        typer.echo(row)


@models_app.command()
def pull(name: Annotated[str, typer.Argument(metavar="NAME", help="A name that `aside models list` shows.")]) -> None:
    """Fetch weights and check their sha256. Run it again after a cut: it goes on where it stopped."""
    try:
        typer.echo(wiring.hub().pull(name, read_settings().models))
    except PullFailed as failed:
        typer.echo(f"aside: {failed}", err=True)
        raise typer.Exit(1) from None


@models_app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(metavar="FOLDER", help="A chat model's folder: safetensors, tokenizer, config.json.")],
    name: Annotated[str | None, typer.Option(help="What to call it; its own name in small letters, if not given.")] = None,
) -> None:
    """Copy a chat model from a folder, where there is no network. Its sha256 are checked against the catalogue, or noted."""
    typer.echo(wiring.hub().import_folder(source, read_settings().models, name))


@models_app.command()
def verify() -> None:
    """Check the sha256 of all weights that are here. Ends with 1 if any is not what it should be."""
    rows, good = wiring.hub().verify(read_settings().models)
    for row in rows:
        typer.echo(row)
    raise typer.Exit(0 if good else 1)


def main() -> None:
    """The entry point. Errors of use exit with 2, of an input with 1; a traceback is never printed."""
    wiring.mask_torch()
    try:
        app()
    except AsideError as error:
        typer.echo(f"aside: {error}", err=True)
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as fault:
        typer.echo(f"aside: {OurFault.of(fault)}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
