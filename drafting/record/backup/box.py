"""A sealed file: a first line that anybody may read, then chunks that one key opens, in their order, to the last.

In: a key (32 bytes), facts for the line, bytes. Out: a file that is there whole or not at all; the bytes again, or BackupError. Knows no table.

The file's own key is HKDF-SHA256 of the key, with a salt of the file's own and over the line. Chunk n is AES-256-GCM under nonce n, and the nonce
says whether it is the last (STREAM: Hoang, Reyhanitabar, Rogaway, Vizár, CRYPTO 2015). So a flipped byte, a chunk that is missing, doubled or moved,
a file cut short and one that goes on are all found, and a file of any size passes 64 KiB at a time.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from drafting.errors import BackupError
from drafting.record.keys import keyfile

CHUNK = 64 * 1024
_TAG, _SALT, _LINE = 16, 32, 4096


class Box:
    """What is being written: bytes go in, chunks go out."""

    def __init__(self, file: BinaryIO, key: bytes, facts: Mapping[str, object]) -> None:
        line, salt = _line(facts), secrets.token_bytes(_SALT)
        file.write(line + salt)
        self._file = file
        self._aead = _own(key, salt, line)
        self._held = bytearray()
        self._number = 0

    def add(self, words: bytes) -> None:
        self._held += words
        while len(self._held) > CHUNK:
            self._write(bytes(self._held[:CHUNK]), last=False)
            del self._held[:CHUNK]

    def close(self) -> None:
        """The last chunk: without it the file is no box."""
        self._write(bytes(self._held), last=True)

    def _write(self, words: bytes, *, last: bool) -> None:
        self._file.write(self._aead.encrypt(_nonce(self._number, last), words, None))
        self._number += 1


def facts(path: Path, kind: str) -> dict[str, object]:
    """What the first line of `path` says, which nothing vouches for until a key has opened the rest. Raises BackupError where it is no `kind`."""
    with _read(path) as file:
        return _facts(file.readline(_LINE), path, kind)


def pieces(path: Path, kind: str, key: bytes) -> Iterator[bytes]:
    """The bytes that were put in, in order, each authentic when it is given. That nothing is missing is known when the last has been given, and not
    before. Raises BackupError, which says at which chunk."""
    with _read(path) as file:
        line = file.readline(_LINE)
        _facts(line, path, kind)
        aead = _own(key, file.read(_SALT), line)
        number, chunk = 0, file.read(CHUNK + _TAG)
        while True:
            following = file.read(CHUNK + _TAG)
            try:
                yield aead.decrypt(_nonce(number, not following), chunk, None)
            except (InvalidTag, ValueError):
                raise BackupError(reason=f"{path.name} was altered, or cut, at chunk {number + 1}, or its key is another") from None
            if not following:
                return
            number, chunk = number + 1, following


@contextmanager
def placed(path: Path) -> Iterator[BinaryIO]:
    """A file that is at `path` when the block is left, whole and flushed, in the stead of what was there; or else nothing is changed there. Closed
    to other users. What an earlier try left beside it is removed. Raises BackupError where the disk refuses."""
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in [p for p in path.parent.iterdir() if p.name.startswith(path.name + ".") and p.suffix == ".part"]:
            left.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        keyfile.flush_folder(path.parent)
    except BaseException as error:
        if beside.exists():
            beside.unlink()
        if isinstance(error, OSError):
            raise BackupError(reason=f"{path.name} cannot be written ({error.strerror})") from None
        raise


@contextmanager
def _read(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise BackupError(reason=f"{path.name} cannot be read ({error.strerror})") from None


def _line(facts: Mapping[str, object]) -> bytes:
    """Canonical JSON with a check of its own, so that a slip of the disk is told apart from a key that is missing."""
    return canonical({**facts, "check": _check(facts)}) + b"\n"


def _facts(line: bytes, path: Path, kind: str) -> dict[str, object]:
    try:
        found = json.loads(line)
        check = found.pop("check")
    except (ValueError, KeyError, AttributeError, TypeError):
        raise BackupError(reason=f"{path.name} is none of ours, or its first line was altered") from None
    if check != _check(found) or line != _line(found):
        raise BackupError(reason=f"the first line of {path.name} was altered")
    if found.get("aside") != kind:
        raise BackupError(reason=f"{path.name} is no {kind}: it is another kind of file, or of another version of Aside")
    return found


def _check(facts: Mapping[str, object]) -> str:
    return hashlib.sha256(canonical(facts)).hexdigest()[:16]


def canonical(facts: Mapping[str, object]) -> bytes:
    """JSON with one spelling for the same facts."""
    return json.dumps(dict(facts), sort_keys=True, separators=(",", ":")).encode()


def _own(key: bytes, salt: bytes, line: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt, line).derive(key))


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
