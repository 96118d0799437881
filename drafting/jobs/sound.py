"""A sealed recording, read like a file: what a decoder is handed, so that no sound lies open on a disk.

In: a practice, an encounter, an opener. Out: something that opens as a path does and can be read and sought in. Knows no codec. A chunk is opened
when it is read, and the last few are kept in memory.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from dataclasses import dataclass, field

from drafting.errors import EmptyInput
from drafting.record.keys import Opener
from drafting.record.practice import Practice
from drafting.record.workbench import media
from drafting.record.workbench.media import CHUNK, NotWhole

_KEPT = 4  # chunks: decoders seek to a file's end and back


@dataclass(frozen=True, slots=True)
class Sealed:
    """A whole recording of an encounter, that `open` opens. Raises NotWhole, EmptyInput when it is made."""

    practice: Practice
    encounter: str
    name: str
    opener: Opener = field(repr=False)
    size: int = field(init=False)

    def __post_init__(self) -> None:
        stored = media.received(self.practice, self.encounter, self.name)
        if not stored.whole:
            raise NotWhole(name=self.name, size=stored.size)
        if not stored.size:
            raise EmptyInput()
        object.__setattr__(self, "size", stored.size)

    def open(self, mode: str = "rb") -> io.BufferedReader:
        """The recording's bytes, from the first; it is never written."""
        if mode != "rb":
            raise ValueError("a sealed recording is only read")
        return io.BufferedReader(_Chunks(self), CHUNK)

    def head(self, limit: int) -> bytes:
        """The first `limit` bytes at most."""
        return b"".join(media.read(self.practice, self.encounter, self.name, self.opener, 0, min(limit, self.size)))


class _Chunks(io.RawIOBase):
    """Bytes out of chunks. Raises KeyWrong on the way where one was altered."""

    def __init__(self, sealed: Sealed) -> None:
        self._sealed, self._at = sealed, 0
        self._kept: OrderedDict[int, bytes] = OrderedDict()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._sealed.size}[whence]
        self._at = max(0, begin + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:
        if self._at >= self._sealed.size:
            return 0
        number, inside = divmod(self._at, CHUNK)
        some = self._chunk(number)[inside : inside + len(buffer)]
        buffer[: len(some)] = some
        self._at += len(some)
        return len(some)

    def _chunk(self, number: int) -> bytes:
        if number not in self._kept:
            s, start = self._sealed, number * CHUNK
            self._kept[number] = b"".join(media.read(s.practice, s.encounter, s.name, s.opener, start, min(start + CHUNK, s.size)))
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(number)
        return self._kept[number]
