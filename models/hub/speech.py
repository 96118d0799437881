"""Speech weights: a file each, known by the table of prompts/weights.toml.

In: a name of the table or a path, and the folder of weights. Out: a checked path, rows for a person, a fetched file. Knows no chat model.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from drafting.errors import ModelCorrupt, ModelMissing, PullFailed, UnknownModel
from models.hub.fetching import FAULTS, Piece, gather, why
from models.hub.files import alone, digest, is_here, part_of, settle
from prompts import table


@dataclass(frozen=True, slots=True)
class Weights:
    """One file of weights. `also` are other names of it; `megabytes` is rough."""

    name: str
    url: str
    sha256: str
    megabytes: int
    also: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """What the file is called in the folder: as where it comes from."""
        return self.url.rpartition("/")[2]

    @property
    def label(self) -> str:
        """For provenance: `base.en 25a8566e`."""
        return f"{self.name} {self.sha256[:8]}"


def known() -> tuple[Weights, ...]:
    """The rows of prompts/weights.toml."""
    return tuple(Weights(**{**row, "also": tuple(row.get("also", ()))}) for row in table("weights.toml")["whisper"])


def named(name: str) -> Weights | None:
    """The weights of that name, if there are such."""
    return next((w for w in known() if name in (w.name, *w.also)), None)


def locate(name_or_path: str, folder: Path) -> tuple[Path, str]:
    """The checked file and what to call it: a known name and the start of its sha256 (`base.en 25a8566e`), or `own weights 1a2b3c4d`.

    The file is hashed every time, with no stamp beside it that says it was good once: a stamp would vouch for a disk that has rotted since, and would
    save little. sha256 runs at about 1 GB/s here: 0.15 s for base.en and 3 s for large-v3, where importing torch alone takes 3 s.
    A name goes before a file of that name. Raises ModelMissing, ModelCorrupt, UnknownModel, and SettingsError where permission is lacking.
    """
    weights = named(name_or_path)
    path = folder / weights.file if weights else Path(name_or_path).expanduser().absolute()
    found = digest(path)
    if weights is None:
        if found is None:
            raise UnknownModel(name=name_or_path, known=", ".join(w.name for w in known()))
        return path, next((w.label for w in known() if w.sha256 == found), f"own weights {found[:8]}")
    if found is None:
        raise ModelMissing(name=weights.name, path=path)
    if found != weights.sha256:
        raise ModelCorrupt(name=weights.name, path=path)
    return path, weights.label


def rows(folder: Path) -> list[str]:
    """A row each: names, size, file, and whether it is here. Hashes nothing."""
    lines = []
    for w in known():
        path = folder / w.file
        state = "here" if is_here(path) else "cut short: pull it again to go on" if is_here(part_of(path)) else "not here"
        lines.append(f"  {' or '.join((w.name, *w.also)):24}{w.megabytes:>5} MB  {w.file:19} {state}")
    return lines


def pull(weights: Weights, folder: Path) -> str:
    """Fetch weights into `folder`, going on where an earlier call was cut; a row for a person.

    Bytes gather in a `.part` file, which gets its name once its sha256 is right and it is on the disk: the final name never stands for half a file.
    Raises PullFailed, and SettingsError where the file is here and may not be read.
    """
    path = folder / weights.file
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with alone(folder):
            if digest(path) == weights.sha256:
                return f"{weights.name} is here already: {path}"
            gather(Piece(weights.name, weights.url, weights.sha256, weights.megabytes), part_of(path))
            part_of(path).replace(path)
            settle(folder)
    except FAULTS as fault:
        raise PullFailed(name=weights.name, reason=why(fault), url=weights.url, path=path) from None
    return f"{weights.name} is at {path}, its sha256 checked."
