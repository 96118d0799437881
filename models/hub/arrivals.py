"""How chat models get here: fetched file by file, or copied from a folder; whole, or not at all.

In: a row of the catalogue or a folder, and the folder of weights. Out: a model's folder under its name, and a row for a person. Knows no engine.

Files gather in a folder `NAME.part`, which gets its name once every file is checked and on the disk. So the final name never stands for half a model,
and a damaged model loses its name before it is mended.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path

from drafting.errors import ModelCorrupt, ModelMissing, ModelRefused, PullFailed
from models.hub import speech
from models.hub.chat import NAME, RECORD, ChatModel, File, contents, locate_chat, named, note
from models.hub.fetching import FAULTS, Cut, Piece, gather, why
from models.hub.files import BLOCK, alone, digest, part_of, settle, tell

HUB = "https://huggingface.co"


def pull(model: ChatModel, folder: Path, hub: str) -> str:
    """Fetch every file of a pinned model, going on where an earlier call was cut; a row for a person.

    Raises ModelRefused where it is not pinned, PullFailed, and SettingsError where a file is here and may not be read.
    """
    if not model.pinned:
        raise ModelRefused(name=model.name, reason="it is not pinned: the sha256 of its files are not known, so import it from a folder")
    home, at = folder / model.name, f"{hub}/{model.repository}"
    part = part_of(home)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with alone(folder):
            if _is_good(model.name, folder):
                return f"{model.name} is here already: {home}"
            damaged = _step_back(home)
            part.mkdir(exist_ok=True)
            _sweep(part, {f.path for f in model.files})
            _see_room(folder, sum(f.size - _size(part / f.path) for f in model.files))
            for file in model.files:
                if not _is_kept(part / file.path, file, damaged):
                    url = f"{at}/resolve/{model.revision}/{file.path}"
                    gather(Piece(f"{model.name}: {file.path}", url, file.sha256, file.size // 10**6, file.size), part / file.path)
            _finish(part, home)
    except FAULTS as fault:
        with suppress(OSError):
            part.rmdir()  # where nothing came, nothing is left behind
        raise PullFailed(name=model.name, reason=why(fault), url=f"{at}/tree/{model.revision}", path=home) from None
    return f"{model.name} is at {home}, every sha256 checked. Licence: {model.licence}."


def import_folder(source: Path, folder: Path, name: str | None = None) -> str:
    """Copy a model's folder into `folder` under `name`, or under its own name in small letters; a row for a person.

    A name that the catalogue pins must be that very model; for another, the digests are noted beside it. An import that was cut begins anew. Raises
    ModelRefused, and SettingsError where a file may not be read.
    """
    source = source.expanduser().absolute()
    name = source.name.lower() if name is None else name
    if not NAME.fullmatch(name) or speech.named(name):
        raise ModelRefused(name=name, reason="a name is small letters, digits, dots and dashes, and none of the speech weights. Give it another")
    if not source.is_dir():
        raise ModelRefused(name=name, reason="there is no such folder to import")
    if folder.resolve() in (source.resolve(), *source.resolve().parents):
        raise ModelRefused(name=name, reason="that folder lies in the folder of weights already. Move it out, and import it from there")
    names, model, home = contents(source, name), named(name), folder / name
    pins = {f.path: f for f in model.files} if model and model.pinned else {}
    if missing := sorted(set(pins) - set(names)):
        raise ModelRefused(name=name, reason=f"the folder has no {missing[0]}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with alone(folder):
            if home.exists() and not pins:
                raise ModelRefused(name=name, reason="a model of that name is here. Remove it, or give another name")
            if pins and _is_good(name, folder):
                return f"{name} is here already: {home}"
            _take(source, home, name, tuple(pins) or names, pins)
    except FAULTS as fault:
        raise ModelRefused(name=name, reason=why(fault)) from None
    return f"{name} is at {home}, " + ("every sha256 checked." if pins else f"its sha256 noted in {RECORD}. Its licence is its own.")


def _take(source: Path, home: Path, name: str, names: tuple[str, ...], pins: dict[str, File]) -> None:
    """Copy the files, see that they are the pinned ones or note what they are, and give them their name."""
    part = part_of(home)
    _step_back(home)
    _see_room(home.parent, sum(_size(source / n) for n in names) - sum(_size(p) for p in part.glob("*")))
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    try:
        copied = tuple(_copy(source / n, part / n, f"aside: {name}: {n}") for n in names)
        if wrong := [f.path for f in copied if pins and f != pins[f.path]]:
            raise ModelRefused(
                name=name, reason=f"{wrong[0]} is not that of {name}: its sha256 differs. Import it under another name, if it is meant"
            )
        if not pins:
            note(part, name, copied)
        contents(part, name)  # the copy stands on its own
        _finish(part, home)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _copy(source: Path, target: Path, label: str) -> File:
    """Copy one file on to the disk; what was copied."""
    seen, size = hashlib.sha256(), 0
    with source.open("rb") as given, target.open("xb") as taken:
        while block := given.read(BLOCK):
            taken.write(block)
            seen.update(block)
            size += len(block)
            tell(f"{label}: {size // 10**6} MB")
        taken.flush()
        os.fsync(taken.fileno())
    tell("")
    return File(source.name, size, seen.hexdigest())


# ── the way there ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _is_good(name: str, folder: Path) -> bool:
    try:
        locate_chat(name, folder)
    except (ModelMissing, ModelCorrupt):
        return False
    return True


def _step_back(home: Path) -> bool:
    """Take the name from a damaged model, so that its good files serve the next one; whether there was one."""
    if there := home.exists():
        shutil.rmtree(part_of(home), ignore_errors=True)
        home.rename(part_of(home))
    return there


def _sweep(part: Path, names: set[str]) -> None:
    """Remove what does not belong: files of an earlier revision, folders, and links, through which a write would go elsewhere."""
    for path in part.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name not in names or path.is_symlink():
            path.unlink()


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _is_kept(path: Path, file: File, damaged: bool) -> bool:
    """Whether this file is here already. What is no beginning of it is removed: one as long as it should be, or any of a damaged model."""
    if _size(path) < file.size and not damaged:
        return False
    if digest(path) == file.sha256:
        return True
    path.unlink(missing_ok=True)
    return False


def _see_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise Cut(f"it needs {needed // 10**6} MB on the disk, where {free // 10**6} MB are free")


def _finish(part: Path, home: Path) -> None:
    settle(part)
    part.rename(home)
    settle(home.parent)
