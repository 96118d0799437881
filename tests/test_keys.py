"""Keys: who opens what, what a wrong one says, and what is left of a secret that was destroyed."""

from __future__ import annotations

import random
import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from nacl.public import PrivateKey

from drafting.errors import Conflict, KeyMissing, KeyWrong, Shredded
from drafting.record.keys import PRACTICE, RECOVERY, Keyring, Master, Opener, Place, opened, passphrases, seal
from drafting.record.keys.scrubbing import NotScrubbed
from drafting.record.store import Stores, is_sqlite, reading, writing
from drafting.record.store.tables.keyring import HOLDERS, TOMBSTONES, WRAPPED
from tests.keyrings import impatient, keyring_in
from tests.stores import CHEAP, Clock

NOW = datetime(2026, 11, 18, 15, 0, tzinfo=UTC)
HER, HIM = "person/P1", "person/P2"


class Room:
    """A keyring with two people in it, on a clock."""

    def __init__(self, engine: sa.Engine) -> None:
        self.clock = Clock(NOW)
        self.keyring = Keyring(engine, Master.made(), self.clock)
        self.her, self.him = (passphrases.enrol(self.keyring, p, "an invented phrase", now=NOW, cost=CHEAP).opener for p in ("P1", "P2"))

    def rows(self) -> list[sa.Row]:
        with reading(self.keyring.engine) as connection:
            return connection.execute(sa.select(WRAPPED).order_by(WRAPPED.c.secret, WRAPPED.c.holder)).all()

    def write(self, *statements: sa.Executable) -> None:
        with writing(self.keyring.engine) as connection:
            for statement in statements:
                connection.execute(statement)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    engine = keyring_in(tmp_path).engine
    yield Room(engine)
    engine.dispose()


@pytest.fixture
def rooms(stores: Stores) -> Room:
    """On SQLite and then on PostgreSQL."""
    return Room(stores.keyring)


# ── sealing ───────────────────────────────────────────────────────────────────────────────────────────────────────────

PLACE = Place("clients", "C1", "name")
ELSEWHERE = [Place("people", "C1", "name"), Place("clients", "C2", "name"), Place("clients", "C1", "allowed"), Place("clients", "C1", "name", 2)]


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.data())
def test_a_sealed_value_opens_whole_and_in_its_place_alone(secret: bytes, words: bytes, data: st.DataObject) -> None:
    """It comes back byte for byte; cut short anywhere, with a bit flipped anywhere, or in another table, row, column or version, it does not open."""
    sealed = seal(secret, words, PLACE)
    assert opened(secret, sealed, PLACE) == words
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    flipped = bytearray(sealed)
    flipped[bit // 8] ^= 1 << bit % 8
    cut = sealed[: data.draw(st.integers(0, len(sealed) - 1))]
    for other in (bytes(flipped), cut, sealed + b"\0"):
        with pytest.raises(KeyWrong):
            opened(secret, other, PLACE)
    for place in ELSEWHERE:
        with pytest.raises(KeyWrong):
            opened(secret, sealed, place)


@pytest.mark.parametrize("secret", [b"", bytes(31), bytes(32), bytes(64)])
def test_another_secret_does_not_open(secret: bytes) -> None:
    """A wrong secret, or one of a wrong length, is a wrong key and never garbage."""
    with pytest.raises(KeyWrong, match="clients C1"):
        opened(secret, seal(secrets.token_bytes(32), b"words", PLACE), PLACE)


def test_two_places_are_never_one() -> None:
    """A bar in a name would let one place pass for another, and is refused."""
    for parts in (("a|b", "c", "d"), ("a", "b|c", "d"), ("a", "b", "c|d")):
        with pytest.raises(ValueError, match="bar"):
            Place(*parts)


# ── who opens ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_holder_opens_and_nobody_else(rooms: Room) -> None:
    """The practice and the holder get the same 32 bytes; whoever holds none is told so."""
    secret = rooms.keyring.make("private/N1", [PRACTICE, HER, HER])
    assert len(secret) == 32
    assert rooms.keyring.open("private/N1") == rooms.keyring.open("private/N1", rooms.her) == secret
    with pytest.raises(KeyMissing, match="person/P2 holds none"):
        rooms.keyring.open("private/N1", rooms.him)
    with pytest.raises(KeyMissing):
        rooms.keyring.open("private/N2")


def test_a_wrong_or_missing_master_key_is_said(room: Room) -> None:
    """Another practice's key, no key, and a key of another number: three different things to do, and no secret in any of them."""
    room.keyring.make("client/C1", [PRACTICE])
    cases = [(Master.made(), KeyWrong, "not the key"), (None, KeyMissing, "was not given"), (Master.made(7), KeyMissing, "practice's key 1")]
    for master, error, match in cases:
        with pytest.raises(error, match=match):
            Keyring(room.keyring.engine, master).open("client/C1")


def test_a_wrong_private_half_is_a_wrong_key(room: Room) -> None:
    """Another's private half under her name, or bytes that are none, open nothing."""
    room.keyring.make("private/N1", [HER])
    for private in (room.him.private, bytes(32), b"", b"short"):
        with pytest.raises(KeyWrong):
            room.keyring.open("private/N1", Opener(HER, 1, private))


@pytest.mark.parametrize("holder", [PRACTICE, HER])
def test_wrapped_secrets_cannot_be_swapped_or_cut(room: Room, holder: str) -> None:
    """Put in another secret's row, another holder's row, or cut short, a wrapping does not open."""
    for name in ("client/C1", "client/C2"):
        room.keyring.make(name, [holder])
    one, two = (row.body for row in room.rows())
    by = None if holder == PRACTICE else room.her
    for body in (two, one[:-1], one[:20], b"", one + b"\0"):
        room.write(WRAPPED.update().where(WRAPPED.c.secret == "client/C1").values(body=body))
        with pytest.raises(KeyWrong):
            room.keyring.open("client/C1", by)
    room.write(WRAPPED.update().where(WRAPPED.c.secret == "client/C1").values(body=one))
    assert len(room.keyring.open("client/C1", by)) == 32


def test_an_encounters_work_opens_for_whoever_opens_the_encounter(rooms: Room) -> None:
    """A service without any key seals to the encounter; its author opens, another does not until it is lent, and no longer when it is taken back."""
    keyring = rooms.keyring
    keyring.make_pair("encounter/E1", [HER], now=NOW)
    secret = Keyring(keyring.engine, None).make("work/E1/review/1", ["encounter/E1"])
    assert keyring.open("work/E1/review/1", rooms.her) == secret
    for by in (rooms.him, None):
        with pytest.raises(KeyMissing):
            keyring.open("work/E1/review/1", by)
    keyring.share("encounter/E1", rooms.her, HIM)
    assert keyring.open("work/E1/review/1", rooms.him) == secret
    keyring.unshare("encounter/E1", HIM)
    with pytest.raises(KeyMissing):
        keyring.open("work/E1/review/1", rooms.him)


def test_encounters_that_hold_one_another_are_no_trap(room: Room) -> None:
    """A ring of holders ends in a clear error."""
    keyring = room.keyring
    keyring.make_pair("encounter/E1", [HER], now=NOW)
    keyring.make_pair("encounter/E2", ["encounter/E1"], now=NOW)
    keyring.share("encounter/E1", room.her, "encounter/E2")
    keyring.make("work/E2/draft/1", ["encounter/E2"])
    with pytest.raises(KeyMissing):
        keyring.open("work/E2/draft/1", room.him)


def test_time_that_is_up_opens_nothing_before_anyone_swept(rooms: Room) -> None:
    """At the instant itself a loan is over, through an encounter too; sweeping takes it away; the others stay."""
    keyring, end = rooms.keyring, NOW + timedelta(hours=24)
    keyring.make_pair("encounter/E1", [HER], now=NOW)
    keyring.make("work/E1/draft/1", ["encounter/E1"])
    keyring.share("encounter/E1", rooms.her, HIM, until=end)
    rooms.clock.at = end - timedelta(microseconds=1)
    assert keyring.open("work/E1/draft/1", rooms.him)
    rooms.clock.at = end
    for name in ("encounter/E1", "work/E1/draft/1"):
        with pytest.raises(KeyMissing):
            keyring.open(name, rooms.him)
    assert keyring.expire(end - timedelta(microseconds=1)) == 0 and HIM in keyring.holders_of("encounter/E1")
    assert keyring.expire(end) == 1 and keyring.holders_of("encounter/E1") == (HER,)
    assert keyring.open("work/E1/draft/1", rooms.her)


# ── making ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_name_is_taken_whoever_holds_it(rooms: Room) -> None:
    """The same name for other holders would be two secrets, and is a conflict; a secret that nobody holds is refused; a holder without a key leaves
    nothing behind."""
    rooms.keyring.make("client/C1", [PRACTICE])
    with pytest.raises(Conflict):
        rooms.keyring.make("client/C1", [HER])
    with pytest.raises(ValueError, match="somebody"):
        rooms.keyring.make("client/C2", [])
    with pytest.raises(KeyMissing, match="person/P9"):
        rooms.keyring.make("client/C2", [PRACTICE, "person/P9"])
    assert [row.secret for row in rooms.rows()] == ["client/C1"]
    assert rooms.keyring.held_by(PRACTICE, "client/") == ("client/C1",) and rooms.keyring.held_by(PRACTICE, "work/") == ()


def test_a_pair_is_made_whole_or_not_at_all(room: Room) -> None:
    """Where one half cannot be kept, neither is."""
    room.write(HOLDERS.insert().values(id="encounter/E1", version=1, public=bytes(32), since="2026"))
    with pytest.raises(Conflict):
        room.keyring.make_pair("encounter/E1", [HER], now=NOW)
    assert room.rows() == []


def test_of_many_who_make_one_secret_one_does(rooms: Room) -> None:
    """Four at once, each for a holder of its own: one secret, and three that are told of a conflict."""
    start, done = threading.Barrier(4), []

    def make(holder: str) -> None:
        start.wait()
        try:
            done.append(rooms.keyring.make("client/C1", [holder]))
        except Conflict:
            done.append(None)

    threads = [threading.Thread(target=make, args=(holder,)) for holder in (PRACTICE, HER, HIM, PRACTICE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rooms.rows()) == 1 and sum(secret is not None for secret in done) == 1


# ── the end of a secret ───────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_shredded_says_so_and_stays_so(rooms: Room) -> None:
    """With the encounter goes all that was sealed to it, whoever else holds it; each says when, with a receipt; the name is not used again, nor is a wrapping that somebody
    puts back; shredding again gives the same receipt."""
    keyring = rooms.keyring
    keyring.make_pair("encounter/E1", [HER], now=NOW)
    keyring.make("work/E1/draft/1", ["encounter/E1"])
    keyring.make("handed/1", ["encounter/E1", HIM])
    kept = rooms.rows()
    receipt = keyring.shred(["encounter/E1"], reason="locked", now=NOW)
    assert rooms.rows() == []
    for name in ("encounter/E1", "work/E1/draft/1", "work/E1/draft/2"):
        with pytest.raises(Shredded, match=rf"2026-11-18.*{receipt}"):
            keyring.open(name, rooms.her)
        with pytest.raises(Shredded):
            keyring.make(name, [PRACTICE])
    with pytest.raises(Shredded):
        keyring.make("client/C1", ["encounter/E1"])
    rooms.write(*(WRAPPED.insert().values(**row._asdict()) for row in kept))
    for name in ("encounter/E1", "work/E1/draft/1"):
        with pytest.raises(Shredded):
            keyring.open(name, rooms.her)
    assert keyring.shred(["encounter/E1"], reason="again", now=NOW + timedelta(days=1)) == receipt
    with reading(keyring.engine) as connection:
        assert connection.execute(sa.select(TOMBSTONES.c.at, TOMBSTONES.c.reason)).all() == [("2026-11-18T15:00:00.000000+00:00", "locked")]


def test_a_loan_does_not_bring_back_what_was_shredded_meanwhile(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shredded between opening and wrapping, a secret is not wrapped."""
    room.keyring.make("private/N1", [HER])
    whole = Keyring.open

    def slow(self: Keyring, name: str, by: Opener | None = None) -> bytes:
        secret = whole(self, name, by)
        self.shred([name], reason="purged", now=NOW)
        return secret

    monkeypatch.setattr(Keyring, "open", slow)
    with pytest.raises(Shredded):
        room.keyring.share("private/N1", room.her, HIM)
    assert room.rows() == []


def test_a_person_whose_keys_were_destroyed_is_still_believed(room: Room) -> None:
    """What they signed is checked by the public half, which stays; nothing more is wrapped to them, and they are not enrolled again."""
    unlocked = passphrases.unlock(room.keyring, "P1", "an invented phrase")
    room.keyring.shred([HER], reason="departed", now=NOW)
    assert passphrases.verify_key(room.keyring, unlocked.key_id)
    with pytest.raises(Shredded):
        room.keyring.make("private/N1", [HER])
    with pytest.raises(KeyMissing):
        passphrases.unlock(room.keyring, "P1", "an invented phrase")
    with pytest.raises(Shredded):
        passphrases.enrol(room.keyring, "P1", "an invented phrase", now=NOW, cost=CHEAP)


def files(engine: sa.Engine) -> Callable[[], bytes]:
    """What reads every byte of the files of the keyring's tables, those that were left behind too."""
    if is_sqlite(engine):
        path = Path(engine.url.database)
        return lambda: b"".join(p.read_bytes() for p in path.parent.glob(f"{path.name}*"))

    def server() -> bytes:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("CHECKPOINT")
            folder = Path(connection.exec_driver_sql("SHOW data_directory").scalar())
            of_table = folder / connection.exec_driver_sql("SELECT pg_relation_filepath('wrapped')").scalar()
        made_by_users = [p for p in of_table.parent.iterdir() if p.name[:1].isdigit() and int(re.split(r"\D", p.name)[0]) >= 16384]
        return b"".join(p.read_bytes() for p in made_by_users)

    return server


def left(gone: list[bytes], kept: bytes) -> list[bytes]:
    """Those of `gone` of which sixteen bytes in a row are in `kept`."""
    runs = {kept[i : i + 16] for i in range(len(kept))}
    return [body for body in gone if any(body[i : i + 16] in runs for i in range(len(body) - 15))]


def test_no_byte_of_a_shredded_wrapping_is_left_in_the_files(rooms: Room) -> None:
    """Before, the files hold every wrapping; after, no sixteen bytes in a row of one that was destroyed, and all of those that stay."""
    names = [f"client/C{i}" for i in range(40)]
    for name in names:
        rooms.keyring.make(name, [PRACTICE, HER])
    read, bodies = files(rooms.keyring.engine), {(row.secret, row.holder): row.body for row in rooms.rows()}
    before = read()
    assert all(body in before for body in bodies.values())
    rooms.keyring.shred(names[::2], reason="retention", now=NOW)
    rooms.keyring.unshare(names[1], HER)
    after, stay = read(), {(row.secret, row.holder) for row in rooms.rows()}
    assert len(stay) == 39 and all(bodies[key] in after for key in stay)
    assert not left([body for key, body in bodies.items() if key not in stay], after)


def test_nor_where_rows_were_moved_between_pages(room: Room) -> None:
    """Rows of many lengths come, grow and go, so that SQLite moves them about. It leaves copies of those that it moved, though what is deleted is
    overwritten; after a shredding there are none."""
    chance, live, gone = random.Random(7), {}, []
    with writing(room.keyring.engine) as connection:
        for number in range(4000):
            name = chance.choice(list(live)) if number > 1000 and chance.random() < 0.75 else f"client/C{number}"
            body = chance.randbytes(chance.choice((60, 100, 300, 500, 900)))
            gone += [live[name]] if name in live else []
            if name not in live:
                connection.exec_driver_sql("INSERT INTO wrapped (secret, holder, version, body) VALUES (?, 'practice', 1, ?)", (name, body))
            elif chance.random() < 0.5:
                connection.exec_driver_sql("UPDATE wrapped SET body = ? WHERE secret = ?", (body, name))
            else:
                connection.exec_driver_sql("DELETE FROM wrapped WHERE secret = ?", (name,))
                del live[name]
                continue
            live[name] = body
    read = files(room.keyring.engine)
    room.keyring.engine.dispose()
    assert left(gone, read())
    room.keyring.shred(list(live)[:3], reason="retention", now=NOW)
    gone += [live.pop(name) for name in list(live)[:3]]
    after = read()
    assert not left(gone, after) and all(body in after for body in live.values())


@pytest.mark.parametrize("table", [WRAPPED, TOMBSTONES], ids=lambda t: t.name)
def test_a_reader_in_the_way_is_told_and_not_passed_over(rooms: Room, monkeypatch: pytest.MonkeyPatch, table: sa.Table) -> None:
    """While somebody still reads, in another table too, the bytes cannot go: shredding says that they may be there. When the reader has left,
    repeating it ends it."""
    keyring, read = rooms.keyring, files(rooms.keyring.engine)
    keyring.make("client/C1", [PRACTICE])
    body = rooms.rows()[0].body
    impatient(keyring.engine, monkeypatch)
    with reading(keyring.engine) as reader:
        reader.execute(sa.select(table)).all()
        with pytest.raises(NotScrubbed):
            keyring.shred(["client/C1"], reason="retention", now=NOW)
    with pytest.raises(Shredded):
        keyring.open("client/C1")
    assert keyring.owed and body in read()
    assert keyring.expire(NOW) == 0  # nothing is due, and what is owed is done
    assert not keyring.owed and body not in read()


def test_a_scrub_that_failed_is_done_by_the_next(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new passphrase while somebody reads: what the old one opened may still be in the files, which is told, and the next that looks removes it."""
    read = files(room.keyring.engine)
    with reading(room.keyring.engine) as connection:
        before = connection.scalar(sa.select(HOLDERS.c.private_sealed).where(HOLDERS.c.id == HER))
    impatient(room.keyring.engine, monkeypatch)
    with reading(room.keyring.engine) as reader:
        reader.execute(sa.select(HOLDERS)).all()
        with pytest.raises(NotScrubbed):
            passphrases.change(room.keyring, passphrases.unlock(room.keyring, "P1", "an invented phrase"), "another phrase", cost=CHEAP)
    assert room.keyring.owed and before in read()
    assert room.keyring.expire(NOW) == 0
    assert not room.keyring.owed and before not in read()


def test_another_who_scrubs_is_waited_for(room: Room) -> None:
    """SQLite lets one at a time fold the log in, and tells the second at once: that is no reader in the way, and both end well."""
    path = room.keyring.engine.url.database
    reader = sqlite3.connect(path, check_same_thread=False)
    other = threading.Thread(target=lambda: sqlite3.connect(path, timeout=5).execute("PRAGMA wal_checkpoint(TRUNCATE)").connection.close())

    def meanwhile(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "wal_checkpoint" in statement and not other.ident:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM wrapped").fetchall()
            other.start()
            time.sleep(0.1)  # the other waits for the reader now
            threading.Timer(0.2, reader.close).start()

    sa.event.listen(room.keyring.engine, "before_cursor_execute", meanwhile)
    room.keyring.scrub()
    other.join()
    assert not room.keyring.owed and Path(f"{path}-wal").stat().st_size == 0


@pytest.mark.parametrize("last", [1, 2])
def test_a_key_file_that_is_not_the_last_gets_a_number_of_its_own(room: Room, last: int) -> None:
    """After a restore with an older key file, or with another under the same number: it has the next, and a process that holds the last one wraps
    nothing under it any more, which nobody could open."""
    room.write(HOLDERS.insert().values(id=RECOVERY, version=1, public=bytes(PrivateKey(room.her.private).public_key), since="2026"))
    lost = Keyring(room.keyring.engine, Master({last: secrets.token_bytes(32)}))
    secret = lost.make("client/C1", [PRACTICE, RECOVERY])
    found = Keyring(room.keyring.engine, Master.made())
    assert found.restore_practice(Opener(RECOVERY, 1, room.her.private)) == 1
    assert found.master.version == last + 1 and found.open("client/C1") == secret
    for act in (lambda: lost.make("client/C2", [PRACTICE]), lambda: lost.open("client/C1")):
        with pytest.raises((KeyMissing, KeyWrong)):
            act()


def test_another_kept_wrapping_is_as_good_as_before(room: Room) -> None:
    """The recovery key of a shredded secret is gone with it; of others it is not."""
    room.write(HOLDERS.insert().values(id=RECOVERY, version=1, public=bytes(PrivateKey(room.her.private).public_key), since="2026"))
    for name in ("client/C1", "client/C2"):
        room.keyring.make(name, [PRACTICE, RECOVERY])
    room.keyring.shred(["client/C1"], reason="retention", now=NOW)
    assert [(row.secret, row.holder) for row in room.rows()] == [("client/C2", PRACTICE), ("client/C2", RECOVERY)]
    assert room.keyring.open("client/C2") == room.keyring.open("client/C2", Opener(RECOVERY, 1, room.her.private))


# ── within one act ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_remembered_ends_with_the_act_and_with_the_secret(room: Room) -> None:
    """Within one act a secret is read once, by its own opener alone; shredded or taken away, it is gone within the act as well."""
    secret = room.keyring.make("client/C1", [PRACTICE, HER])
    asked: list[int] = []
    sa.event.listen(room.keyring.engine, "begin", lambda _: asked.append(1))
    with room.keyring.remembering():
        assert [room.keyring.open("client/C1", room.her) for _ in range(5)] == [secret] * 5 and len(asked) == 1
        with pytest.raises(KeyMissing):
            room.keyring.open("client/C1", room.him)
        with pytest.raises(KeyWrong):
            room.keyring.open("client/C1", Opener(HER, 1, secrets.token_bytes(32)))
        room.keyring.unshare("client/C1", HER)
        with pytest.raises(KeyMissing):
            room.keyring.open("client/C1", room.her)
        assert room.keyring.open("client/C1") == secret
        room.keyring.shred(["client/C1"], reason="test", now=NOW)
        with pytest.raises(Shredded):
            room.keyring.open("client/C1")
    room.keyring.make("client/C2", [PRACTICE])
    before = len(asked)
    assert room.keyring.open("client/C2") == room.keyring.open("client/C2") and len(asked) == before + 2
