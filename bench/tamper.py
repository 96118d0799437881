"""Tampering with the audit trail, and whether it is found: `python -m bench.tamper [--events 10000] [--times 200]`.

In: what opens empty stores. Out: a row for each kind of tampering, each time at another place of one long chain, by somebody who may do anything in
the database; and how fast a chain that holds is walked. The head was kept elsewhere when the chain was as long as it is. What is written anew after a
head that was kept, before the next one is, no walk can find. Run with nothing else on the machine.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from nacl.signing import SigningKey

from bench.shares import Share
from drafting.errors import AuditBroken
from drafting.record import audit
from drafting.record.audit import GENESIS, Head
from drafting.record.store import Stores, bare, is_sqlite, reading, writing
from drafting.record.store.tables.record import AUDIT, AUDIT_HEAD
from drafting.types.record import AuditEvent
from tests import stores as of_tests

SEED = 20261118
EVENTS, TIMES = 10_000, 200
GOAL = 40_000  # events a second
_TIDY = 20  # a PostgreSQL table keeps what was rolled back until it is vacuumed

Factory = Callable[[], AbstractContextManager[Stores]]


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of tampering: how often it was tried, found, and found at the right event; how often a chain that holds, walked in between, was
    called broken; and how many of its events were walked in a second (median)."""

    kind: str
    tried: int
    found: int
    placed: int
    false_alarms: int
    speed: float


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain that holds, the head that was kept of it, and the key that signs."""

    stores: Stores
    length: int
    kept: Head
    key: SigningKey

    def walked(self, connection: sa.Connection) -> int | None:
        """Where `audit.verify` says that the chain is broken, if it does."""
        try:
            audit.verify(connection, self.kept, bytes(self.key.verify_key))
        except AuditBroken as broken:
            return int(re.search(r"event (\d+)", str(broken))[1])
        return None


# ── what somebody may do: each returns the events at which it may be found ────────────────────────────────────────────


def flip(connection: sa.Connection, length: int, chance: random.Random) -> range:
    """One bit of one event's bytes, or of its hash."""
    at, column = chance.randint(1, length), chance.choice(("body", "hash"))
    value = bytearray(connection.scalar(sa.select(AUDIT.c[column]).where(AUDIT.c.seq == at)))
    bit = chance.randrange(len(value) * 8)
    value[bit // 8] ^= 1 << bit % 8
    connection.execute(AUDIT.update().where(AUDIT.c.seq == at).values({column: bytes(value)}))
    return range(at, at + 1)


def delete(connection: sa.Connection, length: int, chance: random.Random) -> range:
    """One event."""
    at = chance.randint(1, length)
    connection.execute(AUDIT.delete().where(AUDIT.c.seq == at))
    return range(at, at + 1)


def reorder(connection: sa.Connection, length: int, chance: random.Random) -> range:
    """Two events exchanged, with their hashes."""
    one, two = sorted(chance.sample(range(1, length + 1), 2))
    rows = {row.seq: row for row in connection.execute(sa.select(AUDIT).where(AUDIT.c.seq.in_((one, two))))}
    for to, source in ((one, two), (two, one)):
        connection.execute(AUDIT.update().where(AUDIT.c.seq == to).values(body=rows[source].body, hash=rows[source].hash))
    return range(one, one + 1)


def truncate(connection: sa.Connection, length: int, chance: random.Random) -> range:
    """The last event, or many, and the end set back, so that what is left holds by itself."""
    left = length - chance.choice((1, chance.randint(1, length)))
    link = connection.scalar(sa.select(AUDIT.c.hash).where(AUDIT.c.seq == left)) or GENESIS
    connection.execute(AUDIT.delete().where(AUDIT.c.seq > left))
    connection.execute(AUDIT_HEAD.update().values(seq=left, hash=link))
    return range(left + 1, left + 2)


def rewrite(connection: sa.Connection, length: int, chance: random.Random) -> range:
    """One event changed, and all after it chained to it as they should be, the end too. It is found at the head that was kept."""
    at = chance.randint(1, length)
    link = connection.scalar(sa.select(AUDIT.c.hash).where(AUDIT.c.seq == at - 1)) or GENESIS
    anew = []
    for seq, body in connection.execute(sa.select(AUDIT.c.seq, AUDIT.c.body).where(AUDIT.c.seq >= at).order_by(AUDIT.c.seq)).all():
        body = body.replace(b'"actor":"P', b'"actor":"Q') if seq == at else body
        link = hashlib.sha256(link + body).digest()
        anew.append({"seq": seq, "body": body, "hash": link})
    connection.execute(AUDIT.delete().where(AUDIT.c.seq >= at))
    connection.execute(AUDIT.insert(), anew)
    connection.execute(AUDIT_HEAD.update().values(hash=link))
    return range(at, length + 1)


KINDS = (flip, delete, reorder, truncate, rewrite)


# ── measured ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def tamper(stores_factory: Factory, n: int = EVENTS, times: int = TIMES, seed: int = SEED) -> list[Row]:
    """A row for each kind, `times` tries each, on one chain of `n` events. Every tampering is rolled back, and the chain walked whole before the
    next."""
    with stores_factory() as stores:
        chain = made(stores, n)
        return [_tried(chain, kind, times, random.Random(seed)) for kind in KINDS]


def made(stores: Stores, length: int) -> Chain:
    """A chain as a practice would have after some years, in tables whose guards were taken off."""
    key, at = SigningKey(bytes(32)), datetime(2026, 11, 18, 15, 0, tzinfo=UTC)
    actions = ("work:put", "note:signed", "private:read", "encounter:progress", "client:added")
    with writing(stores.record) as connection:
        for guard in ("audit_no_update", "audit_no_delete") if is_sqlite(connection) else ("audit_once ON audit",):
            connection.exec_driver_sql(f"DROP TRIGGER {guard}")
        audit.begin(connection)
        for number in range(length):
            facts = {"version": number % 7, "kind": "review"}
            named = {"subject": f"E{number:012d}", "client": f"C-{number % 400:08d}", "facts": facts}
            audit.append(connection, AuditEvent(at + timedelta(minutes=number), f"P{number % 9}", actions[number % len(actions)], **named))
    with reading(stores.record) as connection:
        kept = audit.head(connection, lambda message: key.sign(message).signature)
    return Chain(stores, length, kept, key)


def _tried(chain: Chain, kind: Callable[[sa.Connection, int, random.Random], range], times: int, chance: random.Random) -> Row:
    said, alarms, seconds = [], 0, []
    for number in range(times):
        with chain.stores.record.connect() as connection:
            where = kind(connection, chain.length, chance)
            said.append((chain.walked(connection), where))
            connection.rollback()
        if not is_sqlite(chain.stores.record) and number % _TIDY == 0:
            with bare(chain.stores.record) as connection:
                connection.exec_driver_sql("VACUUM audit, audit_head")
        with reading(chain.stores.record) as connection:
            began = time.perf_counter()
            alarms += chain.walked(connection) is not None
            seconds.append(time.perf_counter() - began)
    found = [(at, where) for at, where in said if at is not None]
    return Row(kind.__name__, times, len(found), sum(at in where for at, where in found), alarms, chain.length / statistics.median(seconds))


@contextmanager
def sqlite() -> Iterator[Stores]:
    """Stores in files of their own."""
    with tempfile.TemporaryDirectory() as folder:
        stores = of_tests.made("sqlite", Path(folder), None)
        yield stores
        stores.close()


@contextmanager
def postgresql() -> Iterator[Stores]:
    """Stores on a server of their own."""
    with tempfile.TemporaryDirectory() as folder, of_tests.postgres(Path(folder)) as server:
        stores = of_tests.made("postgresql", Path(folder), server)
        yield stores
        stores.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Whether tampering with the audit trail is found, and how fast the trail is walked.")
    parser.add_argument("--events", type=int, default=EVENTS, help="how long the chain is")
    parser.add_argument("--times", type=int, default=TIMES, help="how often each kind of tampering is tried")
    args = parser.parse_args()
    for factory in (sqlite, postgresql):
        rows = tamper(factory, args.events, args.times)
        print(f"\nthe audit trail on {factory.__name__}, {args.events:,} events")
        for row in rows:
            told = f"found {Share(row.found, row.tried)}, at the right event {row.placed}, false alarms {row.false_alarms} of {row.tried}"
            print(f"  {row.kind:10} {told}  goal 100%, 0")
        speed = min(row.speed for row in rows)
        print(
            f"  {'walked':10} {speed:,.0f} events/s, the slowest kind's median  goal ≥ {GOAL:,}  {'met' if speed >= GOAL else 'FALLS SHORT'}",
            flush=True,
        )


if __name__ == "__main__":
    main()
