"""The audit trail: a chain under many hands, what breaks it, where it says so, and the words that it refuses."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from drafting.errors import AuditBroken, NotKnown
from drafting.record import audit
from drafting.record.audit import GENESIS, Head
from drafting.record.store import Stores, connected, is_sqlite, reading, writing
from drafting.record.store.tables.record import AUDIT, AUDIT_HEAD
from drafting.types.record import AuditEvent

NOW = datetime(2026, 11, 18, 15, 0, tzinfo=UTC)
KEY = SigningKey(bytes(32))
PUBLIC = bytes(KEY.verify_key)


def event(number: int = 0, **named: object) -> AuditEvent:
    return AuditEvent(NOW, "P1", "note:signed", subject=f"N{number}", **named)


def sign(message: bytes) -> bytes:
    return KEY.sign(message).signature


def chain(stores: Stores, length: int) -> Head:
    """A chain of `length` events, and its signed head."""
    with writing(stores.record) as connection:
        audit.begin(connection)
        for number in range(length):
            audit.append(connection, event(number))
    return head(stores)


def head(stores: Stores) -> Head:
    with reading(stores.record) as connection:
        return audit.head(connection, sign)


def verified(stores: Stores, kept: Head | None = None) -> int:
    with reading(stores.record) as connection:
        return audit.verify(connection, kept, PUBLIC)


def unguarded(stores: Stores) -> None:
    """What somebody with the database's rights does first."""
    with writing(stores.record) as connection:
        if is_sqlite(connection):
            for verb in ("update", "delete"):
                connection.exec_driver_sql(f"DROP TRIGGER audit_no_{verb}")
        else:
            connection.exec_driver_sql("DROP TRIGGER audit_once ON audit")


# ── many hands ────────────────────────────────────────────────────────────────────────────────────────────────────────


def write_many(urls: list[str], which: int) -> None:
    stores = connected(*urls)
    for number in range(50):
        with writing(stores.record) as connection:
            audit.append(connection, event(number, facts={"by": which}))
    stores.close()


def test_four_processes_make_one_chain(stores: Stores) -> None:
    """Of four times fifty events none is missing, none is twice, each writer's are in their order, and the chain holds."""
    chain(stores, 0)
    urls = [engine.url.render_as_string(hide_password=False) for _, engine in stores.named()]
    stores.close()
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=write_many, args=(urls, which)) for which in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    with reading(stores.record) as connection:
        told = list(audit.events(connection))
    assert verified(stores, head(stores)) == 200 and [seq for seq, _ in told] == list(range(1, 201))
    for which in range(4):
        assert [e["subject"] for _, e in told if e["facts"]["by"] == which] == [f"N{n}" for n in range(50)]


def test_a_fault_takes_the_event_and_the_change_with_it(stores: Stores) -> None:
    """What is rolled back leaves no gap: the next event has its number."""
    chain(stores, 3)
    with pytest.raises(ZeroDivisionError), writing(stores.record) as connection:
        assert audit.append(connection, event(3)) == 4
        raise ZeroDivisionError
    assert verified(stores) == 3
    with writing(stores.record) as connection:
        assert audit.append(connection, event(4)) == 4
    assert verified(stores) == 4


def test_reading_goes_on_while_others_write(stores: Stores) -> None:
    """A walk sees the chain of one instant, and raises no false alarm for what came after."""
    kept = chain(stores, 3)
    with reading(stores.record) as connection:
        rows = list(audit.events(connection, after=1))
        with writing(stores.record) as other:
            audit.append(other, event(9))
        assert audit.verify(connection, kept, PUBLIC) == 3 and [seq for seq, _ in rows] == [2, 3]
    assert verified(stores, kept) == 4


def test_there_is_no_trail_before_it_is_begun(sqlite_stores: Stores) -> None:
    """Neither an event nor a head; and a database without an end is broken, not empty."""
    with pytest.raises(NotKnown), writing(sqlite_stores.record) as connection:
        audit.append(connection, event())
    with pytest.raises(NotKnown):
        head(sqlite_stores)
    with pytest.raises(AuditBroken, match="event 1"):
        verified(sqlite_stores)


# ── what is found ─────────────────────────────────────────────────────────────────────────────────────────────────────


def flip(connection: sa.Connection, at: int) -> None:
    body = bytearray(connection.scalar(sa.select(AUDIT.c.body).where(AUDIT.c.seq == at)))
    body[len(body) // 2] ^= 1
    connection.execute(AUDIT.update().where(AUDIT.c.seq == at).values(body=bytes(body)))


def flip_hash(connection: sa.Connection, at: int) -> None:
    link = connection.scalar(sa.select(AUDIT.c.hash).where(AUDIT.c.seq == at))
    connection.execute(AUDIT.update().where(AUDIT.c.seq == at).values(hash=link[:-1] + bytes([link[-1] ^ 1])))


def remove(connection: sa.Connection, at: int) -> None:
    connection.execute(AUDIT.delete().where(AUDIT.c.seq == at))


def close_up(connection: sa.Connection, at: int) -> None:
    """Remove one, and number those after it anew."""
    remove(connection, at)
    for seq in connection.execute(sa.select(AUDIT.c.seq).where(AUDIT.c.seq > at).order_by(AUDIT.c.seq)).scalars().all():
        connection.execute(AUDIT.update().where(AUDIT.c.seq == seq).values(seq=seq - 1))


def exchange(connection: sa.Connection, at: int) -> None:
    """This event and the next, hashes and all."""
    one, two = (connection.execute(sa.select(AUDIT.c.body, AUDIT.c.hash).where(AUDIT.c.seq == seq)).one() for seq in (at, at + 1))
    for seq, row in ((at, two), (at + 1, one)):
        connection.execute(AUDIT.update().where(AUDIT.c.seq == seq).values(**row._asdict()))


def insert(connection: sa.Connection, at: int) -> None:
    """One more before this one, with the hash that it should have."""
    for seq in connection.execute(sa.select(AUDIT.c.seq).where(AUDIT.c.seq >= at).order_by(AUDIT.c.seq.desc())).scalars().all():
        connection.execute(AUDIT.update().where(AUDIT.c.seq == seq).values(seq=seq + 1))
    link = connection.scalar(sa.select(AUDIT.c.hash).where(AUDIT.c.seq == at - 1)) or GENESIS
    connection.execute(AUDIT.insert().values(seq=at, body=b"{}", hash=audit._link(link, b"{}")))


def cut(connection: sa.Connection, at: int) -> None:
    """This event and all after it, and nothing else."""
    connection.execute(AUDIT.delete().where(AUDIT.c.seq >= at))


@pytest.mark.parametrize("at", [1, 4, 9])
@pytest.mark.parametrize("tampering", [flip, flip_hash, remove, close_up, exchange, insert, cut], ids=lambda t: t.__name__)
def test_tampering_is_found_where_it_is(sqlite_stores: Stores, tampering: Callable[[sa.Connection, int], None], at: int) -> None:
    """At the first event, in the middle and near the end, with no head that was kept: the number that it says is the event's, or where one was
    slipped in that fits what is before it, the next one's."""
    chain(sqlite_stores, 10)
    assert verified(sqlite_stores) == 10
    unguarded(sqlite_stores)
    with writing(sqlite_stores.record) as connection:
        tampering(connection, at)
    with pytest.raises(AuditBroken, match=rf"event {at + (tampering is insert)}:"):
        verified(sqlite_stores)


def rewrite(connection: sa.Connection, start: int, keep: int | None = None) -> None:
    """Everything from `start` on anew, and chained as it should be, up to `keep` events; the end too."""
    rows = connection.execute(sa.select(AUDIT).order_by(AUDIT.c.seq)).all()[:keep]
    start = min(start, len(rows) + 1)
    link = GENESIS if start == 1 else rows[start - 2].hash
    connection.execute(AUDIT.delete().where(AUDIT.c.seq >= start))
    for row in rows[start - 1 :]:
        body = row.body.replace(b"N", b"M")
        link = audit._link(link, body)
        connection.execute(AUDIT.insert().values(seq=row.seq, body=body, hash=link))
    connection.execute(AUDIT_HEAD.update().values(seq=len(rows), hash=link))


@pytest.mark.parametrize(
    ("start", "keep", "where"), [(1, None, 6), (4, None, 6), (6, None, 6), (7, None, None), (11, 5, 6), (11, 0, 1), (11, 6, None), (3, 4, 5)]
)
def test_a_chain_written_anew_is_found_against_a_head_that_was_kept(stores: Stores, start: int, keep: int | None, where: int | None) -> None:
    """Somebody who may do anything in the database makes a chain that holds by itself. It does not pass through the head; only what came after the
    head, or was cut back to it, does."""
    chain(stores, 6)
    kept = Head.of(head(stores).text())
    with writing(stores.record) as connection:
        for number in range(6, 10):
            audit.append(connection, event(number))
    assert verified(stores, kept) == 10
    unguarded(stores)
    with writing(stores.record) as connection:
        rewrite(connection, start, keep)
    assert verified(stores) == (10 if keep is None else keep)
    if where is None:
        assert verified(stores, kept)
    else:
        with pytest.raises(AuditBroken, match=rf"event {where}:"):
            verified(stores, kept)


def test_the_end_alone_altered_is_found(sqlite_stores: Stores) -> None:
    """Its number, its hash, or all of it."""
    chain(sqlite_stores, 3)
    for statement in (AUDIT_HEAD.update().values(seq=2), AUDIT_HEAD.update().values(seq=3, hash=bytes(32)), AUDIT_HEAD.delete()):
        with writing(sqlite_stores.record) as connection:
            connection.execute(statement)
        with pytest.raises(AuditBroken, match="event 4"):
            verified(sqlite_stores)


def test_bytes_of_another_kind_are_broken_and_no_crash(sqlite_stores: Stores) -> None:
    """SQLite lets somebody put text or a number where bytes were."""
    chain(sqlite_stores, 3)
    unguarded(sqlite_stores)
    for value in ("'{}'", "7", "x''"):
        with writing(sqlite_stores.record) as connection:
            connection.exec_driver_sql(f"UPDATE audit SET body = {value} WHERE seq = 2")
        with pytest.raises(AuditBroken, match="event 2"):
            verified(sqlite_stores)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_flipped_bit_is_found(flippable: Stores, data: st.DataObject) -> None:
    """Of a body, a hash or the end; and set right again, the chain holds."""
    table, column = data.draw(st.sampled_from([(AUDIT, "body"), (AUDIT, "hash"), (AUDIT_HEAD, "hash")]))
    at = data.draw(st.integers(1, 8)) if table is AUDIT else 1
    key = table.c.seq if table is AUDIT else table.c.id
    with writing(flippable.record) as connection:
        good = connection.scalar(sa.select(table.c[column]).where(key == at))
        bit = data.draw(st.integers(0, len(good) * 8 - 1))
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        connection.execute(table.update().where(key == at).values({column: bytes(bad)}))
        with pytest.raises(AuditBroken, match=f"event {at if table is AUDIT else 9}:"):
            audit.verify(connection)
        connection.execute(table.update().where(key == at).values({column: good}))
        assert audit.verify(connection) == 8


@pytest.fixture
def flippable(sqlite_stores: Stores) -> Stores:
    chain(sqlite_stores, 8)
    unguarded(sqlite_stores)
    return sqlite_stores


# ── a head ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_head_is_signed_and_read_again(sqlite_stores: Stores) -> None:
    """From its line of text, with the spaces of an e-mail around it; of an empty trail too; one that another signed, or that was altered, is refused."""
    empty = chain(sqlite_stores, 0)
    assert verified(sqlite_stores, Head.of(empty.text())) == 0
    with writing(sqlite_stores.record) as connection:
        audit.append(connection, event())
    kept = head(sqlite_stores)
    assert Head.of(f"\n  {kept.text()} \r\n") == kept and verified(sqlite_stores, kept) == 1 and verified(sqlite_stores, empty) == 1
    others = SigningKey(bytes(31) + b"1").sign(kept.signed).signature
    for forged in (Head(1, kept.hash, others), Head(1, kept.hash, bytes(64)), Head(0, kept.hash, kept.signature), Head(1, bytes(32), kept.signature)):
        with pytest.raises(AuditBroken, match="not signed"):
            verified(sqlite_stores, forged)


@pytest.mark.parametrize(
    "text",
    ["", "head", "aside-audit-head/1", "aside-audit-head/1 x " + "0" * 64 + " " + "0" * 128, "aside-audit-head/1 ² " + "0" * 64 + " " + "0" * 128],
)
def test_what_is_no_head_is_said_to_be_none(text: str) -> None:
    """Whatever file was named."""
    with pytest.raises(AuditBroken, match="no head"):
        Head.of(text)


# ── no words ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Code(StrEnum):
    CODE = "code:one"


WORDS = [
    "She felt watched.",
    "Maud Ferrier",
    "Maud\nFerrier",
    "tab\tbed",
    "Müller",
    "李",
    "é",
    "",
    " ",
    "a" * 129,
    "maud@clinic.example",
    "it's",
    "5%",
    '"',
    "x\n",
    "\u200b",
]


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("field", ["actor", "action", "outcome", "subject", "client", "rule", "reason", "fact", "name"])
def test_words_are_refused_wherever_they_stand(words: str, field: str) -> None:
    """Sentences, names with spaces, line breaks, letters beyond a code's, and nothing at all: refused, and the message does not quote them."""
    named = {"actor": "P1", "action": "note:signed"} | (
        {"facts": {"fact": words}} if field == "fact" else {"facts": {words: 1}} if field == "name" else {field: words}
    )
    with pytest.raises(ValueError, match="codes and ids alone") as told:
        audit._bytes(AuditEvent(NOW, **named))
    assert not words.strip() or len(words) < 3 or words not in str(told.value)


@pytest.mark.parametrize("value", [["She felt watched."], {"said": "watched"}, ("a",), b"bytes", 1.5, NOW, object()])
def test_what_could_hold_words_is_refused(value: object) -> None:
    """Lists, mappings, bytes and other things: codes, whole numbers and switches are all there is."""
    with pytest.raises(ValueError, match="fact is none"):
        audit._bytes(event(facts={"fact": value}))


def test_what_is_told_is_read_again(sqlite_stores: Stores) -> None:
    """Codes, ids, digests, instants, counts and switches; what is not there is left out; any mapping will do for facts."""
    facts = {"sha256": "0f" * 32, "at": "2026-11-18T15:00:00.000000+00:00", "count": 3, "late": False, "none": None, "code": Code.CODE}
    with writing(sqlite_stores.record) as connection:
        audit.begin(connection)
        audit.append(connection, event(1, facts=MappingProxyType(facts), client="C-00000001"))
    with reading(sqlite_stores.record) as connection:
        (told,) = audit.events(connection)
    del facts["none"]
    assert told == (
        1,
        {
            "at": "2026-11-18T15:00:00.000000+00:00",
            "actor": "P1",
            "action": "note:signed",
            "outcome": "ok",
            "subject": "N1",
            "client": "C-00000001",
            "facts": facts,
        },
    )
