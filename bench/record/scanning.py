"""Whether words lie in files, however they were written down.

In: words, files. Out: where which of them were found, and in what form. Knows no store. Forms: as they are, in small letters, UTF-16, base64 at any
offset, hexadecimal, and any of these inside what zlib or gzip packed, or on a page of a PDF. What was encrypted is what is not found.
"""

from __future__ import annotations

import base64
import io
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_PACKED = re.compile(rb"x[\x01\x5e\x9c\xda]|\x1f\x8b\x08")
_MOST = 1 << 24  # bytes that are unpacked of one stream


@dataclass(frozen=True, slots=True)
class Found:
    """Where a word was found: its name, the file, the form."""

    name: str
    file: str
    form: str


@dataclass(slots=True)
class Scan:
    """What was looked through, and what was found there."""

    files: int = 0
    size: int = 0
    found: tuple[Found, ...] = ()

    def of(self, name: str) -> list[Found]:
        return [found for found in self.found if found.name == name]


def scanned(folders: Iterable[Path], words: Mapping[str, str], *, since: float = 0.0) -> Scan:
    """Look for `words`, by name, in every file below `folders` that was written at or after `since` (seconds of the epoch)."""
    scan = Scan()
    looked_for = [(name, form, pattern) for name, word in words.items() for form, pattern in forms(word)]
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        try:
            if not path.is_file() or path.stat().st_mtime < since:
                continue
            data = path.read_bytes()
        except FileNotFoundError:  # a server at work removes files of its own
            continue
        scan.files, scan.size = scan.files + 1, scan.size + len(data)
        hits = {(name, form) for name, form, pattern in looked_for if pattern in data}
        for inner in _inside(path, data):
            hits |= {(name, f"packed, {form}") for name, form, pattern in looked_for if pattern in inner}
        scan.found += tuple(Found(name, path.name, form) for name, form in sorted(hits))
    return scan


def forms(word: str) -> Iterator[tuple[str, bytes]]:
    """The ways in which `word` might be written down, each with its bytes."""
    plain = word.encode()
    yield "plain", plain
    yield "small", word.lower().encode()
    for order in ("utf-16-le", "utf-16-be"):
        yield order, word.encode(order)
    yield "hex", plain.hex().encode()
    yield "HEX", plain.hex().upper().encode()
    for name, body in (("base64", plain), ("base64 of utf-16", word.encode("utf-16-le"))):
        for offset in range(3):
            yield name, _base64(body, offset)


def _base64(body: bytes, offset: int) -> bytes:
    """The letters of base64 that `body` alone decides when it stands so many bytes after a multiple of three."""
    letters = base64.b64encode(bytes(offset) + body)
    first, last = (0, 2, 3)[offset], (offset + len(body)) * 8 // 6
    return letters[first:last]


def _inside(path: Path, data: bytes) -> Iterator[bytes]:
    """What is packed in a file, unpacked."""
    for at in _PACKED.finditer(data):
        try:
            inner = zlib.decompressobj(47).decompress(data[at.start() :], _MOST)
        except zlib.error:
            continue
        if len(inner) > 3:
            yield inner
    if path.suffix == ".pdf":
        from pypdf import PdfReader

        yield " ".join(" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(data)).pages).encode()
