"""What the store does with files: digests, locks, and names that are really on the disk.

In: paths. Out: digests, a lock, one line of progress. Knows no model and no network.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drafting.errors import SettingsError

BLOCK = 1 << 16


def is_here(path: Path) -> bool:
    """Whether there is such a file. Raises SettingsError where permission is lacking."""
    try:
        return path.is_file()
    except OSError as fault:
        raise closed(path, fault) from None


def digest(path: Path) -> str | None:
    """The file's sha256; None where there is no such file. Raises SettingsError where it cannot be read."""
    if not is_here(path):
        return None
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as fault:
        raise closed(path, fault) from None


def closed(path: Path, fault: OSError) -> SettingsError:
    """What to say of weights that are there and cannot be read."""
    return SettingsError(reason=f"the weights at {path} cannot be read ({fault.strerror or 'no reason given'})")


def part_of(path: Path) -> Path:
    """Where a file or a folder gathers before it gets its name."""
    return path.with_name(path.name + ".part")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One pull at a time in a folder: two would write into the same `.part`. The system frees the lock when the process ends, however it ends."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def settle(folder: Path) -> None:
    """Put the names in a folder themselves on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def tell(line: str) -> None:
    """One line of progress, written over the last, for a person who is watching."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{line}")
        sys.stderr.flush()
