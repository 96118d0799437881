"""Chat models: a folder each, known by models/catalog.toml, or by what was noted when one was imported.

In: a name or a folder, and the folder of weights. Out: a checked folder, its name and its revision; rows for a person. Knows no engine, no network.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from drafting.errors import ModelCorrupt, ModelMissing, ModelRefused, UnknownModel
from models.hub.files import closed, digest, part_of

RECORD = "aside.toml"  # beside an imported model that the catalogue does not pin: what was imported
NAME = re.compile(r"(?!.*\.part$)[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")
_HEADER = 10**8  # bytes: the longest header that the safetensors format allows
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class File:
    """One file of a model; `size` in bytes."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ChatModel:
    """A row of the catalogue. `memory` is GB by number format. One that is not pinned has no files and no revision: nobody has told its digests."""

    name: str
    title: str
    licence: str
    repository: str
    memory: Mapping[str, float]
    revision: str | None = None
    files: tuple[File, ...] = ()
    pinned: bool = True

    @property
    def megabytes(self) -> int:
        return sum(f.size for f in self.files) // 10**6

    @property
    def told(self) -> str:
        """Licence and memory, for a person."""
        return f"{self.licence}; memory {', '.join(f'{gb:g} GB in {kind}' for kind, gb in self.memory.items())}"


@cache
def table() -> dict[str, Any]:
    return tomllib.loads(files("models").joinpath("catalog.toml").read_text(encoding="utf-8"))


def catalogue() -> tuple[ChatModel, ...]:
    """The rows of models/catalog.toml."""
    return tuple(ChatModel(**{**row, "files": tuple(File(**f) for f in row.get("files", ()))}) for row in table()["chat"])


def named(name: str) -> ChatModel | None:
    """The model of that name in the catalogue, if there is such."""
    return next((m for m in catalogue() if m.name == name), None)


def locate_chat(name_or_folder: str, folder: Path) -> tuple[Path, str, str | None]:
    """The checked folder, what to call it, and its revision where the catalogue pins it: `qwen2.5-1.5b-instruct 1a2b3c4d`, or `own model 1a2b3c4d`.

    The eight digits are of a digest over the files' digests, as `sha256sum` would write them. A name goes before a folder of that name; a folder that
    holds exactly what the catalogue pins has that name wherever it lies. Every file is hashed every time, as with speech weights and for the same
    reason; it also brings the file into memory, where the engine reads it next. 3.1 GB took 3 to 4 s at the lowest priority beside another program
    (one file, 1.0 to 1.2 s a GB), and 5.5 to 7.4 s where others held both cores (six runs, one file or two hashed at once).
    Raises ModelMissing, ModelCorrupt, UnknownModel, ModelRefused for a folder that holds no chat model, SettingsError where permission is lacking.
    """
    model, home = named(name_or_folder), folder / name_or_folder
    if NAME.fullmatch(name_or_folder) and _is_folder(home):
        if expected := expected_files(name_or_folder, home):
            digests = _checked(name_or_folder, home, expected)
            return home, _label(name_or_folder, digests), model.revision if model else None
    elif model:
        raise ModelMissing(name=model.name, path=home)
    else:
        home = Path(name_or_folder).expanduser().absolute()
    if not name_or_folder or not _is_folder(home):
        raise UnknownModel(name=name_or_folder, known=", ".join(name for name, _ in stored(folder)))
    digests = _hashed(home, contents(home, "of this folder"))
    twin = next((m for m in catalogue() if m.pinned and {f.path: f.sha256 for f in m.files} == digests), None)
    return home, _label(twin.name if twin else "own model", digests), twin.revision if twin else None


def stored(folder: Path) -> list[tuple[str, str]]:
    """The names of the catalogue, then of the models that were imported into `folder`, each with what is told of it: licence and memory."""
    told = [(m.name, m.told) for m in catalogue()]
    own = sorted(p.parent.name for p in folder.glob(f"*/{RECORD}"))
    return told + [(name, "imported; its licence is its own") for name in own if NAME.fullmatch(name) and name not in dict(told)]


def rows(folder: Path) -> list[str]:
    """A row each: name, size, whether it is here, licence and memory. Hashes nothing."""
    lines = []
    for name, told in stored(folder):
        model, home = named(name), folder / name
        here, begun = _is_folder(home), _is_folder(part_of(home))
        away = "cut short: pull it again to go on" if begun else "not here" if model and model.pinned else "not pinned: import it from a folder"
        size = model.megabytes if model and model.pinned else sum(p.stat().st_size for p in home.glob("*")) // 10**6
        lines.append(f"  {name:24}{size:>5} MB  {'here' if here else away} ({told})")
    return lines


# ── what makes a model ────────────────────────────────────────────────────────────────────────────────────────────────


def contents(home: Path, name: str) -> tuple[str, ...]:
    """The names of the files in a folder that make a chat model; what no engine of ours reads is left out.

    Raises ModelRefused where it has no config.json, tokenizer or safetensors, where a part of the weights is missing or short, and where it holds
    a pickle, program code or a link that leads out of it.
    """
    rules, found = table()["folder"], []
    try:
        for path in sorted(home.iterdir()):
            if path.suffix.lower() in rules["pickles"] + rules["code"]:
                raise ModelRefused(name=name, reason=f"{path.name} can run code. A chat model is safetensors, a tokenizer and settings, without")
            if path.is_symlink() and not path.resolve().is_relative_to(home.resolve()):
                raise ModelRefused(name=name, reason=f"{path.name} is a link that leads out of the folder. Copy the folder with its links followed")
            loaded = path.suffix in rules["loaded"] or path.name in rules["papers"]
            if loaded and path.name != RECORD and path.is_file() and _FILE.fullmatch(path.name):
                found.append(path.name)
        _complete(home, name, found)
    except OSError as fault:
        raise closed(home, fault) from None
    return tuple(found)


def expected_files(name: str, home: Path) -> tuple[File, ...]:
    """What must lie in a model's folder: what the catalogue pins, or what was noted when it was imported. Nothing where nothing was noted."""
    model, record = named(name), home / RECORD
    if model and model.pinned:
        return model.files
    try:
        return tuple(File(**f) for f in tomllib.loads(record.read_text(encoding="utf-8"))["files"]) if record.exists() else ()
    except (ValueError, KeyError, TypeError):
        raise ModelCorrupt(name=name, path=record) from None
    except OSError as fault:
        raise closed(record, fault) from None


def note(home: Path, name: str, noted: tuple[File, ...]) -> None:
    """Write down what was imported."""
    lines = [f'[[files]]\npath = "{f.path}"\nsize = {f.size}\nsha256 = "{f.sha256}"\n' for f in noted]
    with (home / RECORD).open("w", encoding="utf-8") as file:
        file.write("\n".join([f'# What was imported. `aside models verify` compares.\nname = "{name}"\n', *lines]))
        file.flush()
        os.fsync(file.fileno())


def _complete(home: Path, name: str, found: list[str]) -> None:
    shards = [f for f in found if f.endswith(".safetensors")]
    tokenizer = {"tokenizer.json", "tokenizer.model"} & set(found)
    for there, what in (("config.json" in found, "config.json"), (tokenizer, "tokenizer"), (shards, "safetensors")):
        if not there:
            raise ModelRefused(name=name, reason=f"the folder has no {what}, so it is no chat model that can be read here")
    try:
        index = home / "model.safetensors.index.json"
        wanted = set(json.loads(index.read_bytes())["weight_map"].values()) if index.exists() else set()
        torn = sorted(wanted - set(shards)) + [s for s in shards if not _is_whole(home / s)]
    except (ValueError, LookupError, TypeError, AttributeError):
        torn = ["the index of the weights"]
    if torn:
        raise ModelRefused(name=name, reason=f"{torn[0]} is missing, cut short or no safetensors")


def _is_whole(path: Path) -> bool:
    """Whether a safetensors file is as long as its own header says: 8 bytes of length, the header, then the numbers."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > _HEADER or 8 + length > size:
            return False
        header = json.loads(file.read(length))
    return 8 + length + max((t["data_offsets"][1] for k, t in header.items() if k != "__metadata__"), default=0) == size


def _checked(name: str, home: Path, expected: tuple[File, ...]) -> dict[str, str]:
    """The files' digests, once they are what they should be: no file more or less, then each file's size, then its sha256."""
    try:
        names = set(contents(home, name))
    except ModelRefused:
        raise ModelCorrupt(name=name, path=home) from None
    wrong = names ^ {f.path for f in expected} or {f.path for f in expected if (home / f.path).stat().st_size != f.size}
    digests = {} if wrong else _hashed(home, tuple(f.path for f in expected))
    wrong = wrong or {f.path for f in expected if digests[f.path] != f.sha256}
    if wrong:
        raise ModelCorrupt(name=name, path=home / min(wrong))
    return digests


def _hashed(home: Path, names: tuple[str, ...]) -> dict[str, str]:
    with ThreadPoolExecutor(2) as pair:
        return dict(zip(names, pair.map(lambda name: digest(home / name) or "", names), strict=True))


def _label(name: str, digests: Mapping[str, str]) -> str:
    lines = "".join(f"{sha256}  {path}\n" for path, sha256 in sorted(digests.items()))
    return f"{name} {hashlib.sha256(lines.encode()).hexdigest()[:8]}"


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as fault:
        raise closed(path, fault) from None
