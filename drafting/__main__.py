"""The command line, `aside`. The one room that knows the whole way.

In: arguments. Out: results on standard output, everything else on standard error; exit code 0 done, 1 an input failed, 2 wrong usage.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer

from drafting import wiring
from drafting.errors import AsideError, OurFault, PullFailed
from drafting.settings import Settings, read_settings
from drafting.types import Context, Mode, Roster

app = typer.Typer(
    name="aside",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Drafts the progress note from what you dictate, keeps your asides apart, flags more than the chart needs. All on this machine.",
)
models_app = typer.Typer(no_args_is_help=True, help="Weights of the speech models.")
app.add_typer(models_app, name="models")


class Asr(StrEnum):
    auto = "auto"
    whisper = "whisper"
    pocketsphinx = "pocketsphinx"


class WriterName(StrEnum):
    plain = "plain"


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
    show_private: Annotated[bool, typer.Option(help="Print private and held words too.")] = False,
    as_json: Json = False,
) -> None:
    """Draft a note from each INPUT. Nothing is kept."""
    from drafting.drafts import Options, read_decisions, read_roster
    from drafting.drafts import draft as draft_one
    from drafting.pipeline.formats import load

    settings = read_settings()
    names = Roster.of(read_roster(roster)) if roster else Roster()
    day = date_.date() if isinstance(date_, datetime) else date_
    context = Context(
        client_names=tuple(client_name or ()),
        roster=names,
        clinician=clinician,
        date_of_service=day,
        note_kind=_known("kinds", kind),
        payer=_known("payers", payer),
    )
    options = Options(context, load(format, settings.formats), mode, _speakers(speaker or []), max_hours=settings.max_hours)
    decisions = read_decisions(decide) if decide else {}
    engines = wiring.engines(settings, writer.value)
    ears = cache(lambda: _ears(settings, asr.value))
    failed = False
    for source in inputs:
        own = Options(
            options.context, options.note_format, mode, options.speakers, decisions.get(source, decisions.get("")), options.profile, options.max_hours
        )
        failed |= not _attempt(
            source,
            as_json,
            lambda own=own, source=source: _print_draft(
                source, draft_one(source, own, engines, ears, _progress(source)), engines, show_private, as_json
            ),
        )
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
        failed |= not _attempt(source, as_json, lambda source=source: _print_screen(source, scanner, context, profile, as_json))
    raise typer.Exit(1 if failed else 0)


@app.command()
def formats(as_json: Json = False) -> None:
    """List the note formats with their sections and questions."""
    from drafting.pipeline.formats import available

    for f in available(read_settings().formats):
        if as_json:
            _emit(
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


@models_app.command()
def verify() -> None:
    """Check the sha256 of all weights that are here. Ends with 1 if any is not what it should be."""
    rows, good = wiring.hub().verify(read_settings().models)
    for row in rows:
        typer.echo(row)
    raise typer.Exit(0 if good else 1)


# ── what the commands share ───────────────────────────────────────────────────────────────────────────────────────────


def _attempt(source: str, as_json: bool, work: Callable[[], None]) -> bool:
    """Do one input. A fault of ours or of the input is told in one line; the other inputs go on."""
    from drafting.report import error_line

    try:
        work()
    except BrokenPipeError:
        raise
    except Exception as fault:
        error = fault if isinstance(fault, AsideError) else OurFault.of(fault)
        if as_json:
            _emit(error_line(source, error))
        typer.echo(f"aside: {_printable(source)}: {error}", err=True)
        return False
    return True


def _printable(source: str) -> str:
    """A file's name on one line, as any terminal can show it."""
    return source.encode("utf-8", "backslashreplace").decode().translate(dict.fromkeys(range(32), "�"))


def _print_draft(source: str, work: Any, engines: Any, show_private: bool, as_json: bool) -> None:
    if as_json:
        from drafting.report import draft_line

        _emit(draft_line(source, work, engines, show_private))
    else:
        from rich.console import Console

        from drafting.view import show

        show(Console(highlight=False), source, work, show_private)


def _print_screen(source: str, scanner: Any, context: Context, profile: str, as_json: bool) -> None:
    from drafting.drafts import read_any
    from drafting.pipeline.screening import screen_text
    from drafting.report import finding

    text = read_any(source)
    findings = screen_text(text, scanner, context, profile)
    if as_json:
        _emit({"schema": "aside.screen/1", "source": source, "findings": [finding(f) for f in findings]})
    else:
        from rich.console import Console

        from drafting.view import show_findings

        show_findings(Console(highlight=False), source, text, findings)


def _emit(row: dict[str, Any]) -> None:
    """One JSON line. Bytes that are no character, as in a file's name, are written as escapes."""
    sys.stdout.write(json.dumps(row, ensure_ascii=True) + "\n")
    sys.stdout.flush()


def _ears(settings: Settings, asr: str) -> Any:
    engine = wiring.transcriber(settings, asr)
    if engine.preview and asr == "auto":
        typer.echo("aside: Whisper's weights are not here; the preview engine makes a rough transcript. See `aside models list`.", err=True)
    return engine


def _progress(source: str) -> Callable[[Any, float | None], None] | None:
    if not sys.stderr.isatty():
        return None

    def tell(utterance: Any, seconds: float | None) -> None:
        share = f" of {seconds:.0f}" if seconds else ""
        sys.stderr.write(f"\r\033[Kaside: {Path(source).name}: heard {utterance.end or 0:.0f}{share} s")
        if seconds and (utterance.end or 0) > seconds - 2:
            sys.stderr.write("\r\033[K")

    return tell


def _speakers(pairs: list[str]) -> dict[str, str]:
    roles = {}
    for pair in pairs:
        label, _, role = pair.rpartition("=")
        if not label or role not in ("clinician", "client", "other"):
            raise typer.BadParameter("a speaker is LABEL=clinician, LABEL=client or LABEL=other")
        roles[label.strip()] = role
    return roles


def _known(folder: str, key: str) -> str:
    from prompts import names

    if key not in names(folder):
        raise typer.BadParameter(f"{key} is not one of {', '.join(names(folder))}")
    return key


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
