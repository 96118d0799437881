"""What the commands share: opening the practice, who acts, secrets that are asked for, files that are written, and rows that are printed.

In: settings, options as typed. Out: an open practice, passphrases, halves of the kit, lines. A secret is asked for without echo, or read from a file,
and is never an argument, which the shell would keep. Knows no group.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from drafting import wiring
from drafting.console import emit
from drafting.errors import NoPractice, NotPermitted, PassphraseWrong, RecordError
from drafting.settings import Settings, read_settings

if TYPE_CHECKING:
    from drafting.record.keys import Opener
    from drafting.record.keys.passphrases import Unlocked
    from drafting.record.practice import Practice
    from drafting.types.record import Person

CONSOLE = "console"
"""Who acts, on the audit trail, where nobody is named."""


class FileThere(RecordError):
    """{path} is there already. Name another file, or add --force."""


class FileTrouble(RecordError):
    """{path} cannot be {done} ({reason})."""


def group() -> typer.Typer:
    """A group's app, to hang its commands on."""
    return typer.Typer(no_args_is_help=True, rich_markup_mode=None)


As = Annotated[str | None, typer.Option("--as", metavar="PERSON", help="Who acts: a person's id. Without it the audit trail says console.")]
Me = Annotated[str, typer.Option("--as", metavar="PERSON", help="Who acts: a person's id.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line, instead of a person's view.")]
Force = Annotated[bool, typer.Option("--force", help="Write over a file that is there.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask whether this is meant.")]
PassphraseFile = Annotated[Path | None, typer.Option(metavar="FILE", help="Read the passphrase from FILE instead of asking.")]
Halves = Annotated[tuple[Path, Path] | None, typer.Option(metavar="FILE FILE", help="Read the kit's halves from two files instead of asking.")]


# ── the practice ──────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def opened(*, proven: bool = True, keyed: bool = True) -> Iterator[Practice]:
    """The practice of the settings, as `wiring.practice` opens it, closed in the end. Raises NoPractice, and what that raises."""
    practice = wiring.practice(there(read_settings()), proven=proven, keyed=keyed)
    try:
        yield practice
    finally:
        practice.stores.close()


def there(settings: Settings) -> Settings:
    """The same settings, where something is kept by them. Nothing is made by looking. Raises NoPractice."""
    if settings.record is None and not (settings.data / "record.db").exists():
        raise NoPractice()
    return settings


def actor(practice: Practice, person: str | None) -> str:
    """Who stands on the audit trail for what is administered: somebody who works here and is no trainee, or the console. Raises NotKnown,
    NotPermitted."""
    from drafting.types.record import Standing

    if person is None:
        return CONSOLE
    if at_work(practice, person).standing is Standing.TRAINEE:
        raise NotPermitted(who=person, reason="a trainee administers nothing")
    return person


def at_work(practice: Practice, person: str) -> Person:
    """Somebody who works here. Raises NotKnown, NotPermitted."""
    from drafting.record import holds

    return holds.at_work(practice, person)


# ── secrets ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def passphrase(person: str, file: Path | None, *, new: bool = False) -> str:
    """A person's passphrase, from a file or asked for; a new one is asked for twice."""
    if file is not None:
        return secret(file)
    return typer.prompt(f"{'New passphrase' if new else 'Passphrase'} of {person}", hide_input=True, confirmation_prompt=new, err=True)


def unlocked(practice: Practice, person: str, file: Path | None) -> Unlocked:
    """A person with their keys. A passphrase that is wrong is on the audit trail. Raises NotKnown, NotPermitted, KeyMissing, PassphraseWrong."""
    from drafting.record.keys import passphrases

    at_work(practice, person)
    try:
        return passphrases.unlock(practice.keyring, person, passphrase(person, file))
    except PassphraseWrong:
        with practice.change() as change:
            change.tell(person, "person:unlocked", subject=person, outcome="denied")
        raise


def halves(files: tuple[Path, Path] | None) -> tuple[str, str]:
    """Both halves of the recovery kit, from two files or asked for."""
    if files is not None:
        return secret(files[0]), secret(files[1])
    one = typer.prompt("One half of the recovery kit", hide_input=True, err=True)
    return one, typer.prompt("The other half", hide_input=True, err=True)


def joined(practice: Practice, files: tuple[Path, Path] | None) -> Opener:
    """The recovery kit. Raises KitError."""
    from drafting.record.keys import kit

    return kit.joined(practice.keyring, *halves(files))


def secret(file: Path) -> str:
    """What stands in a file, without the line ends around it. Raises FileTrouble."""
    return text_of(file).strip("\r\n")


def text_of(file: Path) -> str:
    """Raises FileTrouble."""
    try:
        return bytes_of(file).decode()
    except UnicodeDecodeError:
        raise FileTrouble(path=file, done="read", reason="it is not text") from None


def bytes_of(file: Path) -> bytes:
    """Raises FileTrouble."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise FileTrouble(path=file, done="read", reason=error.strerror) from None


def code(given: str) -> str:
    """A reason as a code, since the audit trail takes no words. Raises BadParameter."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", given):
        raise typer.BadParameter("a reason is one word in small letters, such as subpoena or by_request")
    return given


def asked(question: str) -> str:
    """A line from the terminal, or of standard input. Nothing of the question is on standard output, which has the result alone."""
    typer.echo(f"{question} ", nl=False, err=True)
    return sys.stdin.readline().strip()


def sure(question: str, yes: bool) -> None:
    """Ask before what cannot be undone; all but a yes ends the command."""
    if not yes and asked(f"{question} [y/N]").casefold() not in ("y", "yes"):
        raise typer.Abort()


# ── what is written and printed ───────────────────────────────────────────────────────────────────────────────────────


def put(out: Path, body: bytes, force: bool) -> None:
    """`body` on standard output, where `out` is -, or in a file that others cannot read, whole or not at all. Raises FileThere, FileTrouble."""
    if str(out) == "-":
        typer.echo(body, nl=False)
        return
    free(out, force)
    beside = out.with_name(f"{out.name}.{secrets.token_hex(4)}.part")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(out)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise FileTrouble(path=out, done="written", reason=error.strerror) from None


def free(out: Path, force: bool) -> None:
    """See that a file may be written, before anything else is done. Raises FileThere, FileTrouble."""
    if str(out) == "-":
        return
    if not out.parent.is_dir():
        raise FileTrouble(path=out, done="written", reason="its folder is not there")
    if out.is_symlink() or out.exists():
        if not force:
            raise FileThere(path=out)
        if out.is_dir():
            raise FileTrouble(path=out, done="written", reason="that is a folder")


def say(words: str) -> None:
    """What a person should know, beside the result."""
    typer.echo(words, err=True)


def rows(schema: str, found: Sequence[Mapping[str, object]], as_json: bool) -> None:
    """Rows as JSON lines of a schema, or in columns, safe for any terminal; what is None is left blank."""
    from drafting.record.export.letters import line

    if as_json:
        for row in found:
            emit({"schema": schema, **row})
        return
    if not found:
        return
    shown = [[name.replace("_", " ") for name in found[0]], *([line(_cell(value)) for value in row.values()] for row in found)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    if value is None or isinstance(value, bool):
        return "yes" if value else ""
    return str(value)


def bundle_again() -> None:
    """Say that the bundle which lies elsewhere has other keys than are here now."""
    say("aside: now write the key bundle again: `aside backup bundle`.")
