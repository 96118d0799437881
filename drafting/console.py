"""What the commands share: trying one input and telling how it failed, printing, progress, and reading what was typed.

In: arguments as typed, results. Out: lines on standard output and standard error. Knows no stage.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from drafting import wiring
from drafting.errors import AsideError, OurFault
from drafting.settings import Settings
from drafting.types import Context


def attempt(source: str, as_json: bool, work: Callable[[], None]) -> bool:
    """Do one input. A fault of ours or of the input is told in one line; the other inputs go on."""
    from drafting.report import error_line

    try:
        work()
    except BrokenPipeError:
        raise
    except Exception as fault:
        error = fault if isinstance(fault, AsideError) else OurFault.of(fault)
        if as_json:
            emit(error_line(source, error))
        typer.echo(f"aside: {printable(source)}: {error}", err=True)
        return False
    return True


def printable(source: str) -> str:
    """A file's name on one line, as any terminal can show it."""
    return source.encode("utf-8", "backslashreplace").decode().translate(dict.fromkeys(range(32), "�"))


def print_draft(source: str, works: Any, engines: Any, show_private: bool, as_json: bool) -> None:
    if as_json:
        from drafting.report import draft_line

        emit(draft_line(source, works, engines, show_private))
    else:
        from rich.console import Console

        from drafting.view import show

        for work in works:
            show(Console(highlight=False), source, work, show_private)


def print_screen(source: str, scanner: Any, context: Context, profile: str, as_json: bool) -> None:
    from drafting.drafts import read_any
    from drafting.pipeline.screening import screen_text
    from drafting.report import finding

    text = read_any(source)
    findings = screen_text(text, scanner, context, profile)
    if as_json:
        emit({"schema": "aside.screen/1", "source": source, "findings": [finding(f) for f in findings]})
    else:
        from rich.console import Console

        from drafting.view import show_findings

        show_findings(Console(highlight=False), source, text, findings)


def emit(row: dict[str, Any]) -> None:
    """One JSON line. Bytes that are no character, as in a file's name, are written as escapes."""
    sys.stdout.write(json.dumps(row, ensure_ascii=True) + "\n")
    sys.stdout.flush()


def ears(settings: Settings, asr: str) -> Any:
    engine = wiring.transcriber(settings, asr)
    if engine.preview and asr == "auto":
        typer.echo("aside: Whisper's weights are not here; the preview engine makes a rough transcript. See `aside models list`.", err=True)
    return engine


def progress(source: str) -> Callable[[Any, float | None], None] | None:
    if not sys.stderr.isatty():
        return None

    def tell(utterance: Any, seconds: float | None) -> None:
        share = f" of {seconds:.0f}" if seconds else ""
        sys.stderr.write(f"\r\033[Kaside: {Path(source).name}: heard {utterance.end or 0:.0f}{share} s")
        if seconds and (utterance.end or 0) > seconds - 2:
            sys.stderr.write("\r\033[K")

    return tell


def writing(source: str) -> Callable[[str, int], None] | None:
    """Tells how far a generative writer is, on a terminal."""
    if not sys.stderr.isatty():
        return None

    def tell(section: str, tokens: int) -> None:
        sys.stderr.write(f"\r\033[Kaside: {printable(Path(source).name)}: {section}, {tokens} tokens")

    return tell


def tell_failure(engines: Any) -> None:
    """What a generative writer's engine said when it failed, since the draft has a code alone."""
    if failure := getattr(engines.writer, "failure", None):
        typer.echo(f"aside: {failure}", err=True)


def speakers(pairs: list[str]) -> dict[str, str]:
    roles = {}
    for pair in pairs:
        label, _, role = pair.rpartition("=")
        if not label or role not in ("clinician", "client", "other"):
            raise typer.BadParameter("a speaker is LABEL=clinician, LABEL=client or LABEL=other")
        roles[label.strip()] = role
    return roles


def known(folder: str, key: str) -> str:
    from prompts import names

    if key not in names(folder):
        raise typer.BadParameter(f"{key} is not one of {', '.join(names(folder))}")
    return key
