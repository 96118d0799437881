"""Recordings: taken in piece by piece, gone on with after a cut, read from anywhere, and found out where they were tampered with."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drafting.errors import Conflict, IllegalMove, KeyMissing, KeyWrong, NotKnown, Shredded
from drafting.record import workbench
from drafting.record.store import Stores, reading, writing
from drafting.record.store.tables.record import MEDIA
from drafting.record.workbench import media
from drafting.record.workbench.media import NotWhole, Stored
from tests.desks import Cut, Desk, cut_at, desk


@pytest.fixture
def here(sqlite_stores: Stores, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk whose chunks are of 16 bytes."""
    monkeypatch.setattr(media, "CHUNK", 16)
    return desk(sqlite_stores)


def whole(here: Desk, encounter: str, name: str = "audio", start: int = 0, end: int | None = None) -> bytes:
    return b"".join(media.read(here.practice, encounter, name, here.author.opener, start, end))


TUNE = bytes(range(100))


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 32, 100])
def test_what_is_taken_in_comes_out(stores: Stores, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """A recording of any length, also an empty one and one that fills its last chunk, comes out as it went in, on either engine."""
    monkeypatch.setattr(media, "CHUNK", 16)
    here = desk(stores)
    name = here.encounter()
    assert media.put(here.practice, name, "audio", [TUNE[:size]]) == Stored(size, max(1, -(-size // 16)), True)
    assert whole(here, name) == TUNE[:size]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(blocks=st.lists(st.binary(max_size=40), max_size=6), start=st.integers(0, 120), length=st.integers(0, 120), sittings=st.integers(1, 3))
def test_any_stretch_of_it_is_what_a_slice_says(here: Desk, blocks: list[bytes], start: int, length: int, sittings: int) -> None:
    """However it came, in blocks and in sittings, every stretch is the stretch of the whole."""
    name, tune = here.encounter(), b"".join(blocks)
    for _ in range(sittings - 1):
        before = media.received(here.practice, name, "audio").size
        media.put(here.practice, name, "audio", [tune[before : before + 20]], start=before, whole=False)
    before = media.received(here.practice, name, "audio").size
    media.put(here.practice, name, "audio", [tune[before:]], start=before)
    assert whole(here, name, start=start, end=start + length) == tune[start : start + length]
    assert whole(here, name) == tune


def test_a_cut_upload_is_not_whole_and_goes_on(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it is cut, what was committed stays, cannot be read as if it were all, and the rest goes on from there."""
    monkeypatch.setattr(media, "CHUNK", 16)
    here = desk(stores)
    for number in range(20):
        name = here.encounter()
        with cut_at(stores, number):
            try:
                media.put(here.practice, name, "audio", [TUNE])
                break
            except Cut:
                pass
        stored = media.received(here.practice, name, "audio")
        assert not stored.whole and stored.size == max(number - 1, 0) * 16
        with pytest.raises(NotWhole, match=str(stored.size)):
            whole(here, name)
        media.put(here.practice, name, "audio", [TUNE[stored.size :]], start=stored.size)
        assert whole(here, name) == TUNE
    assert number == 8  # the secret, six full chunks and the last


def test_a_source_that_fails_leaves_what_came_before(here: Desk) -> None:
    """A connection that breaks costs at most the chunk that was on its way."""
    name = here.encounter()

    def broken() -> Iterator[bytes]:
        yield TUNE[:40]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        media.put(here.practice, name, "audio", broken())
    assert media.received(here.practice, name, "audio") == Stored(32, 2, False)


@pytest.mark.parametrize("upto", [8, 40])
def test_a_note_that_is_signed_meanwhile_takes_no_recording(here: Desk, upto: int) -> None:
    """A signature that comes while a recording is on its way: what comes after is refused, nothing of it can be read, and the trail has no recording."""
    name = here.encounter()

    def blocks() -> Iterator[bytes]:
        yield TUNE[:upto]
        here.state(name, "signed")

    with pytest.raises(IllegalMove):
        media.put(here.practice, name, "audio", blocks())
    assert not media.received(here.practice, name, "audio").whole and here.told("media:received") == []
    with pytest.raises(NotWhole):
        whole(here, name)


def test_nothing_is_put_over_what_is_there(here: Desk) -> None:
    """A recording goes on where it ended, not before and not beyond; once whole it is not changed; a signed note takes none."""
    name = here.encounter()
    media.put(here.practice, name, "audio", [TUNE[:32]], whole=False)
    for start in (0, 16, 48):
        with pytest.raises(Conflict):
            media.put(here.practice, name, "audio", [TUNE], start=start)
    media.put(here.practice, name, "audio", [TUNE[32:]], start=32)
    with pytest.raises(Conflict):
        media.put(here.practice, name, "audio", [b"more"], start=100)
    assert whole(here, name) == TUNE
    here.state(name, "signed")
    with pytest.raises(IllegalMove):
        media.put(here.practice, name, "other", [TUNE])
    with pytest.raises(NotKnown):
        media.put(here.practice, "E0", "audio", [TUNE])
    with pytest.raises(ValueError, match="codes"):
        media.put(here.practice, name, "Wren's first hour.wav", [TUNE])


def test_it_is_read_from_the_middle_without_what_is_before(here: Desk) -> None:
    """A stretch opens though an earlier chunk is damaged, and not across it."""
    name = here.encounter()
    media.put(here.practice, name, "audio", [TUNE])
    with writing(here.practice.stores.record) as connection:
        connection.execute(MEDIA.update().where(MEDIA.c.number == 1).values(chunk_sealed=bytes(44)))
    assert whole(here, name, start=40, end=70) == TUNE[40:70]
    assert whole(here, name, end=16) == TUNE[:16]
    with pytest.raises(KeyWrong):
        whole(here, name, start=20, end=70)


def _swap(connection: sa.Connection) -> None:
    for old, new in ((1, 90), (2, 1), (90, 2)):
        connection.execute(MEDIA.update().where(MEDIA.c.number == old).values(number=new))


def _cut_end(connection: sa.Connection) -> None:
    connection.execute(MEDIA.delete().where(MEDIA.c.number > 3))
    connection.execute(MEDIA.update().where(MEDIA.c.number == 3).values(last=1))


def _cut_middle(connection: sa.Connection) -> None:
    connection.execute(MEDIA.delete().where(MEDIA.c.number == 3))
    for number in (4, 5, 6):
        connection.execute(MEDIA.update().where(MEDIA.c.number == number).values(number=number - 1))


def _empty(connection: sa.Connection) -> None:
    connection.execute(MEDIA.delete().where(MEDIA.c.number > 0))
    connection.execute(MEDIA.update().values(last=1, chunk_sealed=bytes(28)))


def _other_name(connection: sa.Connection) -> None:
    source = connection.execute(sa.select(MEDIA).where(MEDIA.c.name == "other", MEDIA.c.number == 2)).one()
    connection.execute(MEDIA.update().where(MEDIA.c.name == "audio", MEDIA.c.number == 2).values(key=source.key, chunk_sealed=source.chunk_sealed))


@pytest.mark.parametrize("tamper", [_swap, _cut_end, _cut_middle, _empty, _other_name], ids=lambda f: f.__name__[1:])
def test_chunks_that_were_moved_or_taken_away_are_found(here: Desk, tamper) -> None:
    """Order, end and belonging are bound to each chunk: what was altered does not read as a recording."""
    name = here.encounter()
    media.put(here.practice, name, "audio", [TUNE])
    if tamper is _other_name:
        media.put(here.practice, name, "other", [TUNE])
    with writing(here.practice.stores.record) as connection:
        tamper(connection)
    with pytest.raises(KeyWrong):
        whole(here, name)


def test_it_opens_for_those_who_open_the_encounter(here: Desk) -> None:
    """The worker hears it until the draft stands; a colleague never; nobody after it is shredded."""
    name = here.encounter()
    media.put(here.practice, name, "audio", [TUNE])
    assert b"".join(media.read(here.practice, name, "audio", workbench.worker(here.practice))) == TUNE
    with pytest.raises(KeyMissing):
        media.read(here.practice, name, "audio", here.colleague.opener)
    workbench.shred(here.practice, name, by="retention", reason="locked")
    with pytest.raises(Shredded):
        media.read(here.practice, name, "audio", here.author.opener)


def test_a_long_recording_needs_little_memory(sqlite_stores: Stores) -> None:
    """24 MiB go in and out in the memory of a few chunks."""
    here = desk(sqlite_stores)
    name, block = here.encounter(), bytes(64 * 1024)
    tracemalloc.start()
    media.put(here.practice, name, "audio", (block for _ in range(384)))
    assert sum(map(len, media.read(here.practice, name, "audio", here.author.opener))) == 24 * 1024 * 1024
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * 1024 * 1024


def test_the_trail_has_a_recording_once_it_is_whole(here: Desk) -> None:
    """One event, with how many bytes, and none for what is not whole."""
    name = here.encounter()
    media.put(here.practice, name, "audio", [TUNE[:40]], whole=False)
    assert here.told("media:received") == []
    media.put(here.practice, name, "audio", [TUNE[32:]], start=32)
    assert len(here.told("media:received")) == 1 and b'"bytes":100' in here.told("media:received")[0]
    with reading(here.practice.stores.record) as connection:
        assert len(set(connection.scalars(sa.select(MEDIA.c.key)))) == 2
