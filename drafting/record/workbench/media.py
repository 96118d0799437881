"""Recordings on the workbench, as fixed-size chunks that are sealed one by one.

In: a recording's bytes in blocks of any size. Out: any stretch of it again, for whoever can open the encounter. Knows no codec. A chunk opens at its
own number alone, and the last says that it is the last, so that chunks that were moved, swapped or taken away are found. Whoever goes on with a cut
upload cannot open what is there, and need not: each sitting seals under a secret of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import func, insert, select

from drafting.errors import Conflict, KeyWrong, RecordError
from drafting.record import workbench
from drafting.record.keys import WORKER, Opener, Place, opened, seal
from drafting.record.practice import Practice
from drafting.record.store import writing
from drafting.record.store.tables.record import MEDIA

CHUNK = 256 * 1024
"""Bytes of a recording that are sealed together."""

_AROUND = 28  # nonce and tag
_MOVE = "given another recording"


class NotWhole(RecordError):
    """The recording {name} is not whole: {size} bytes of it are here. Send the rest."""


@dataclass(frozen=True, slots=True)
class Stored:
    """How much of a recording is safely here: `size` bytes in `chunks` chunks; `whole` once its end was received."""

    size: int
    chunks: int
    whole: bool


def put(practice: Practice, encounter: str, name: str, blocks: Iterable[bytes], *, start: int = 0, whole: bool = True, by: str = WORKER) -> Stored:
    """Take a recording in, from byte `start`, which must be what `received` says; each full chunk is on disk before the next is made. `whole`: it
    ends with these blocks; otherwise what does not fill a chunk is left to be sent again. `name` is a code. Raises Conflict, NotKnown,
    Shredded."""
    key = workbench.key_for(encounter, "media", name)
    with practice.look() as connection:
        there = workbench.editable(connection, encounter, _MOVE)
    stored = received(practice, encounter, name)
    if stored.whole or start != stored.size:
        raise Conflict()
    secret = practice.keyring.make(key, [workbench.holder(encounter)])
    for number, (chunk, last) in enumerate(_chunks(blocks, whole), stored.chunks):
        sealed = seal(secret, chunk, _place(encounter, name, number, last))
        row = {"encounter": encounter, "name": name, "number": number, "key": key, "last": int(last), "chunk_sealed": sealed}
        if last:
            with practice.change() as change:
                workbench.editable(change.connection, encounter, _MOVE)
                change.connection.execute(insert(MEDIA).values(row))
                change.tell(by, "media:received", subject=encounter, client=there.client, bytes=number * CHUNK + len(chunk))
        else:  # nobody can read it before it is whole, so there is nothing to tell yet
            with writing(practice.stores.record) as connection:
                connection.execute(insert(MEDIA).values(row))
    return received(practice, encounter, name)


def received(practice: Practice, encounter: str, name: str) -> Stored:
    """How much of a recording is safely stored: where a cut upload goes on."""
    mine = (MEDIA.c.encounter == encounter) & (MEDIA.c.name == name)
    with practice.look() as connection:
        count = connection.scalar(select(func.count()).select_from(MEDIA).where(mine))
        end = select(MEDIA.c.last, func.length(MEDIA.c.chunk_sealed).label("length")).where(mine, MEDIA.c.number == count - 1)
        row = connection.execute(end).first()
    if row is None:
        return Stored(0, 0, False)
    return Stored((count - 1) * CHUNK + row.length - _AROUND, count, bool(row.last))


def read(practice: Practice, encounter: str, name: str, opener: Opener, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Bytes `start:end` of a whole recording, in pieces; what lies before is not read. Raises NotWhole, Shredded, KeyMissing; and KeyWrong, on the
    way, where chunks were altered, moved or taken away."""
    pair = workbench.own(practice, encounter, opener)
    stored = received(practice, encounter, name)
    if not stored.whole:
        raise NotWhole(name=name, size=stored.size)
    end = stored.size if end is None else min(end, stored.size)
    numbers = range(start // CHUNK, stored.chunks if end == stored.size else -(-end // CHUNK))
    return (chunk[max(start - n * CHUNK, 0) : end - n * CHUNK] for n, chunk in _opened(practice, encounter, name, pair, numbers))


def _chunks(blocks: Iterable[bytes], whole: bool) -> Iterator[tuple[bytes, bool]]:
    """Blocks of any size as full chunks, and whether each is the last; the last may be shorter, or empty."""
    rest = bytearray()
    for block in blocks:
        rest += block
        while len(rest) > CHUNK:
            yield bytes(rest[:CHUNK]), False
            del rest[:CHUNK]
    if whole or len(rest) == CHUNK:
        yield bytes(rest), whole


def _opened(practice: Practice, encounter: str, name: str, pair: Opener, numbers: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    found: dict[str, bytes] = {}
    for number in numbers:
        mine = (MEDIA.c.encounter == encounter) & (MEDIA.c.name == name) & (MEDIA.c.number == number)
        with practice.look() as connection:
            row = connection.execute(select(MEDIA).where(mine)).first()
        if row is None:
            raise KeyWrong(what=f"media {encounter}")
        if row.key not in found:
            found[row.key] = practice.keyring.open(row.key, pair)
        yield number, opened(found[row.key], row.chunk_sealed, _place(encounter, name, number, bool(row.last)))


def _place(encounter: str, name: str, number: int, last: bool) -> Place:
    return Place("media", f"{encounter}/{name}", "last" if last else "chunk", number)
