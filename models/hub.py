"""The store of speech weights: which are known, which are here, and how they get here.

In: a name of prompts/weights.toml or a path, and the folder of weights. Out: a checked path, rows for a person, a fetched file.
Knows no engine and no recording. `pull` alone uses the network, and only because a person typed it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from io import BufferedRandom
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from drafting.errors import AsideError, ModelCorrupt, ModelMissing, PullFailed, SettingsError, UnknownModel
from prompts import table

PATIENCE = 30  # seconds without a byte before a connection counts as cut
BLOCK = 1 << 16
NOTHING_LEFT = 416  # HTTP: the range that was asked for begins at the file's end or after it


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


def locate(name_or_path: str, folder: Path) -> tuple[Path, str]:
    """The checked file and what to call it: a known name and the start of its sha256 (`base.en 25a8566e`), or `own weights 1a2b3c4d`.

    The file is hashed every time, with no stamp beside it that says it was good once: a stamp would vouch for a disk that has rotted since, and would
    save little. sha256 runs at about 1 GB/s here: 0.15 s for base.en and 3 s for large-v3, where importing torch alone takes 3 s.
    A name goes before a file of that name. Raises ModelMissing, ModelCorrupt, UnknownModel, and SettingsError where permission is lacking.
    """
    weights = _named(name_or_path)
    path = folder / weights.file if weights else Path(name_or_path).expanduser().absolute()
    digest = _digest(path)
    if weights is None:
        if digest is None:
            raise _unknown(name_or_path)
        return path, next((w.label for w in known() if w.sha256 == digest), f"own weights {digest[:8]}")
    if digest is None:
        raise ModelMissing(name=weights.name, path=path)
    if digest != weights.sha256:
        raise ModelCorrupt(name=weights.name, path=path)
    return path, weights.label


def listing(folder: Path) -> list[str]:
    """Rows for a person: the folder, then each name with its size, its file, and whether it is here. Hashes nothing."""
    rows = [str(folder)]
    for w in known():
        path = folder / w.file
        state = "here" if _is_here(path) else "cut short: pull it again to go on" if _is_here(_part(path)) else "not here"
        rows.append(f"  {' or '.join((w.name, *w.also)):24}{w.megabytes:>5} MB  {w.file:19} {state}")
    return rows


def verify(folder: Path) -> tuple[list[str], bool]:
    """A row for each file of known weights that is here, and whether all of them are good."""
    rows, good = [], True
    for weights in known():
        try:
            locate(weights.name, folder)
        except ModelMissing:
            continue  # not here, so there is nothing to verify
        except AsideError as error:
            rows.append(f"{weights.name}: {error}")
            good = False
        else:
            rows.append(f"{weights.name}: good")
    return rows or [f"No weights are in {folder}."], good


def pull(name: str, folder: Path) -> str:
    """Fetch weights into `folder`, going on where an earlier call was cut; a row for a person.

    Bytes gather in a `.part` file, which gets its name once its sha256 is right and it is on the disk: the final name never stands for half a file.
    Raises UnknownModel, PullFailed, and SettingsError where the file is here and may not be read.
    """
    weights = _named(name)
    if weights is None:
        raise _unknown(name)
    path = folder / weights.file
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            if _digest(path) == weights.sha256:
                return f"{weights.name} is here already: {path}"
            _gather(weights, path)
            _part(path).replace(path)
            _flush(folder)
    except (OSError, HTTPException) as fault:
        raise _failed(weights, path, _why(fault)) from None
    return f"{weights.name} is at {path}, its sha256 checked."


# ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _named(name: str) -> Weights | None:
    return next((w for w in known() if name in (w.name, *w.also)), None)


def _unknown(name: str) -> UnknownModel:
    return UnknownModel(name=name, known=", ".join(w.name for w in known()))


def _is_here(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as fault:
        raise _closed(path, fault) from None


def _digest(path: Path) -> str | None:
    """The file's sha256; None where there is no such file."""
    if not _is_here(path):
        return None
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as fault:
        raise _closed(path, fault) from None


def _closed(path: Path, fault: OSError) -> SettingsError:
    return SettingsError(reason=f"the weights at {path} cannot be read ({fault.strerror or 'no reason given'})")


# ── fetching ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One pull at a time in a folder: two would write into the same `.part`. The system frees the lock when the process ends, however it ends."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def _gather(weights: Weights, path: Path) -> None:
    """Fill the `.part` file, and check it. One that stayed empty is no beginning, and is not left behind."""
    with _part(path).open("a+b") as part:
        try:
            _fetch(weights, part, path)
        finally:
            if not part.seek(0, os.SEEK_END):
                _part(path).unlink()
        _check(weights, part, path)


def _fetch(weights: Weights, part: BufferedRandom, path: Path) -> None:
    """Append to `part` what it lacks; begin anew where the server will not go on from the middle."""
    have = part.seek(0, os.SEEK_END)
    headers = {"User-Agent": "aside"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        answer: HTTPResponse = urlopen(Request(weights.url, headers=headers), timeout=PATIENCE)
    except HTTPError as fault:
        fault.close()
        if have and fault.code == NOTHING_LEFT:
            return  # the part is whole, or longer than the file: the check of its sha256 tells which
        raise
    with answer:
        if not (answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")):
            part.truncate(0)
            have = 0
        while block := answer.read(BLOCK):
            part.write(block)
            have += len(block)
            _tell(f"aside: {weights.name}: {have // 10**6} of {weights.megabytes} MB")
        _tell("")
        if answer.length:  # what the server promised and did not send
            raise _failed(weights, path, f"the connection was cut after {have // 10**6} MB, which are kept")


def _check(weights: Weights, part: BufferedRandom, path: Path) -> None:
    """See that the bytes are the right ones, and on the disk. Wrong ones are removed: going on from them could never come right."""
    part.flush()
    os.fsync(part.fileno())
    part.seek(0)
    if hashlib.file_digest(part, "sha256").hexdigest() != weights.sha256:
        _part(path).unlink()
        raise _failed(weights, path, "what came is not that file (its sha256 differs), and was removed")


def _flush(folder: Path) -> None:
    """Put the new name itself on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _tell(line: str) -> None:
    """One line of progress, written over the last, for a person who is watching."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{line}")
        sys.stderr.flush()


def _failed(weights: Weights, path: Path, reason: str) -> PullFailed:
    return PullFailed(name=weights.name, reason=reason, url=weights.url, path=path)


def _why(fault: Exception) -> str:
    """A fault in words, on one line."""
    if isinstance(fault, HTTPError):
        return f"the server answered {fault.code}"
    if isinstance(fault, URLError):
        fault = fault.reason if isinstance(fault.reason, Exception) else OSError(0, str(fault.reason))
    if isinstance(fault, BlockingIOError):
        return "another pull is under way"
    if isinstance(fault, TimeoutError):
        return f"nothing came for {PATIENCE} seconds"
    if isinstance(fault, HTTPException):
        return "the connection was cut, or the server does not speak HTTP"
    return " ".join((getattr(fault, "strerror", None) or type(fault).__name__).split())
