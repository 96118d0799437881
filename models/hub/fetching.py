"""Fetches one file over HTTP: goes on where an earlier call was cut, and refuses what is not the file.

In: an address, a sha256, and the `.part` file to fill. Out: that file, whole and checked, or a fault in words. Knows no folder of weights; it alone
uses the network.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from io import BufferedRandom
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from models.hub.files import BLOCK, tell

PATIENCE = 30  # seconds without a byte before a connection counts as cut
NOTHING_LEFT = 416  # HTTP: the range that was asked for begins at the file's end or after it


class Cut(Exception):
    """A fetch or a copy that cannot go on; its one argument says why, in words for a person."""


FAULTS = (OSError, HTTPException, Cut)


@dataclass(frozen=True, slots=True)
class Piece:
    """One file to fetch. `label` is what progress calls it, `megabytes` is rough; `size` in bytes, where it is known."""

    label: str
    url: str
    sha256: str
    megabytes: int
    size: int | None = None


def gather(piece: Piece, part: Path) -> None:
    """Fill the `.part` file, and check it. One that stayed empty is no beginning, and is not left behind. Raises one of FAULTS."""
    with part.open("a+b") as file:
        try:
            _fetch(piece, file)
        finally:
            if not file.seek(0, os.SEEK_END):
                part.unlink()
        _check(piece, file, part)


def why(fault: Exception) -> str:
    """A fault in words, on one line."""
    if isinstance(fault, HTTPError):
        return f"the server answered {fault.code}"
    if isinstance(fault, URLError):
        fault = fault.reason if isinstance(fault.reason, Exception) else OSError(0, str(fault.reason))
    if isinstance(fault, Cut):
        return str(fault)
    if isinstance(fault, BlockingIOError):
        return "another pull is under way"
    if isinstance(fault, TimeoutError):
        return f"nothing came for {PATIENCE} seconds"
    if isinstance(fault, HTTPException):
        return "the connection was cut, or the server does not speak HTTP"
    return " ".join((getattr(fault, "strerror", None) or type(fault).__name__).split())


def _fetch(piece: Piece, part: BufferedRandom) -> None:
    """Append to `part` what it lacks; begin anew where the server will not go on from the middle. More than the file's size is not waited for."""
    have = part.seek(0, os.SEEK_END)
    headers = {"User-Agent": "aside"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        answer: HTTPResponse = urlopen(Request(piece.url, headers=headers), timeout=PATIENCE)
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
            tell(f"aside: {piece.label}: {have // 10**6} of {piece.megabytes} MB")
            if piece.size is not None and have > piece.size:
                return  # that is another file: the check of its sha256 says so
        tell("")
        if answer.length:  # what the server promised and did not send
            raise Cut(f"the connection was cut after {have // 10**6} MB, which are kept")


def _check(piece: Piece, file: BufferedRandom, part: Path) -> None:
    """See that the bytes are the right ones, and on the disk. Wrong ones are removed: going on from them could never come right."""
    file.flush()
    os.fsync(file.fileno())
    file.seek(0)
    if hashlib.file_digest(file, "sha256").hexdigest() != piece.sha256:
        part.unlink(missing_ok=True)
        raise Cut("what came is not that file (its sha256 differs), and was removed")
