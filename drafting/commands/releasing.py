"""What `aside letter release` lets go, written into a folder: the record in one file a visit, private notes in a file of their own.

In: a request, who approves, what opens private notes. Out: files, and what a person must still do. Knows no rule: `record.disclosing` decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from drafting.commands import shared
from drafting.commands.rendering import Form, Signed
from drafting.errors import AsideError

if TYPE_CHECKING:
    from drafting.record.practice import Practice
    from drafting.record.release import Approver
    from drafting.record.release.disclosing import Package, PrivatePart, Purpose

NO_MORE = "No more may leave than the purpose needs: read it before it goes, and take out the rest."
_ENDING = {Form.text: "txt", Form.pdf: "pdf"}


class Key(StrEnum):
    """What opens private notes."""

    nothing = "nothing"
    passphrase = "passphrase"
    kit = "kit"


def purpose(given: str) -> Purpose:
    """Raises BadParameter."""
    from drafting.record.release.disclosing import Purpose

    if given not in list(Purpose):
        raise typer.BadParameter(f"a purpose is one of {', '.join(Purpose)}")
    return Purpose(given)


def keys(practice: Practice, key: Key, person: str, passphrase_file: Path | None, halves: tuple[Path, Path] | None) -> dict[str, Any]:
    """Raises PassphraseWrong, KitError."""
    if key is Key.passphrase:
        return {"unlocked": shared.unlocked(practice, person, passphrase_file)}
    return {"kit": shared.joined(practice, halves)} if key is Key.kit else {}


def prepare(out: Path, form: Form) -> None:
    """See that what will be let go can be written, before it is accounted for. Raises FileThere, FileTrouble."""
    import_module(f"drafting.record.export.{form.value}")
    try:
        out.mkdir(mode=0o700)
    except FileExistsError:
        raise shared.FileThere(path=out) from None
    except OSError as error:
        raise shared.FileTrouble(path=out, done="made", reason=error.strerror) from None


def release(
    practice: Practice, request: str, approvers: Sequence[Approver], out: Path, form: Form, practice_name: str, **given: Any
) -> tuple[Package, list[Path]]:
    """`disclosing.release` into the folder `out`, and its files. They are written before it counts as handed over: a cut between leaves a release of
    which a person must say whether it left. A folder that nothing was written into is not left there."""
    from drafting.record.release import disclosing

    written: list[Path] = []

    def deliver(package: Package) -> None:
        for file, body in _bodies(practice, package, out, form, practice_name).items():
            shared.put(file, body, force=False)
            written.append(file)

    try:
        return disclosing.release(practice, request, approvers, deliver=deliver, **given), written
    except AsideError:
        if not written:
            out.rmdir()
        raise


def _bodies(practice: Practice, package: Package, out: Path, form: Form, practice_name: str) -> dict[Path, bytes]:
    """The files of what is let go, and what is in them."""
    from drafting.record import people

    files: dict[Path, bytes] = {}
    if package.record is not None and package.record.profile is not None:
        client = people.find_client(practice, package.decision.client)
        for document in package.record.documents:
            signed = Signed.over(practice, document, client, package.record.profile, practice_name)
            files[out / f"record-{document.note.encounter}.{_ENDING[form]}"] = signed.body(form)
    if package.private is not None:
        files[out / "private-notes.txt"] = _apart(package.private).encode()
    return files


def remarks(package: Package) -> Iterator[str]:
    """What a person must know and do: what the rules say, what stays and why, and that a report is theirs to write."""
    from drafting.record.release import say

    yield from map(say, (*package.steps, *package.notices))
    if any(part.ruling.minimum_necessary for part in (package.record, package.private) if part):
        yield NO_MORE
    if package.record is not None and package.record.profile is None:
        yield "nothing of the record is rendered by this rule: write down the facts that are needed"
    for part in (package.record, package.private):
        yield from (f"{name} stays: {why.replace('_', ' ')}" for name, why in (part.stays if part else {}).items())
    yield from (f"the {bucket} stays: {why}" for bucket, why in package.left.items())


def _apart(part: PrivatePart) -> str:
    """Private notes as text, under a line that says what they are."""
    from drafting.record.export.letters import plain

    head = "PRIVATE NOTES. They are kept apart from the record, and are no part of it."
    return "\n".join([head, *(f"\n{w.note}, {w.day or 'no day'}\n  " + plain(w.text).replace("\n", "\n  ") for w in part.words)]) + "\n"
