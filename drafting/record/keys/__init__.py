"""Keys: what locks words, who can open the lock, and how a lock is destroyed.

In: the keyring's engine, and the practice's master keys or a person's passphrase. Out: secrets, wrapped and opened. Knows no note.

A *secret* is 32 random bytes with a name (`client/C1`, `encounter/E1`, `work/E1/review/3`, `private/N1`). The keyring holds it *wrapped*: as each of
its *holders* can open it. The practice holds by a master key (AES-256-GCM); every other holder by a key pair (X25519, libsodium's sealed box), so
that who wraps to it need not be able to read. An encounter is itself a holder: its work is sealed to it by a service that cannot open it again.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime

from nacl.public import PrivateKey, PublicKey
from sqlalchemy import Connection, Engine, Row, bindparam, delete, func, insert, select, update

from drafting.errors import Conflict, KeyMissing, Shredded
from drafting.record.keys.scrubbing import scrub
from drafting.record.keys.sealing import SECRET, Opener, Place, boxed, opened, seal, unboxed
from drafting.record.store import alone, instant, reading, writing
from drafting.record.store.tables.keyring import HOLDERS, TOMBSTONES, WRAPPED

__all__ = ["PRACTICE", "RECOVERY", "WORKER", "Keyring", "Master", "Opener", "Place", "opened", "seal"]

PRACTICE, RECOVERY, WORKER = "practice", "recovery", "worker"
_ROTATED = ": the practice's key was rotated, and this process still has the one before. Start it again, with the present key file"

Wrap = Callable[[str, bytes], bytes]


@dataclass(frozen=True, slots=True)
class Master:
    """The practice's master keys by version; the highest is the one in use, older ones are there while a rotation is under way."""

    keys: dict[int, bytes] = field(repr=False)

    @property
    def version(self) -> int:
        return max(self.keys)

    @classmethod
    def made(cls, version: int = 1) -> Master:
        return cls({version: secrets.token_bytes(SECRET)})

    def next(self) -> Master:
        """These keys, and a new one above them."""
        return Master({**self.keys, self.version + 1: secrets.token_bytes(SECRET)})

    def newest(self) -> Master:
        """The key in use alone."""
        return Master({self.version: self.keys[self.version]})


class Keyring:
    """The wrapped secrets of a practice. `master` None: a process that wraps and cannot open what the practice holds. `now` is asked whether a
    wrapping's time is up. `owed`: bytes that were destroyed here may still be in the files (`scrub`)."""

    def __init__(self, engine: Engine, master: Master | None, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.engine = engine
        self.master = master
        self.now = now
        self.owed = False
        self._known: ContextVar[dict[tuple[str, Opener | None], bytes] | None] = ContextVar("known", default=None)

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """While the block lasts, a secret that was opened is not asked for again: for one act of one person, which opens the same few many times.
        What is shredded within is forgotten at once; what another process shreds meanwhile is readable until the block ends."""
        before = self._known.set({} if self._known.get() is None else self._known.get())
        try:
            yield
        finally:
            self._known.reset(before)

    def _forget(self) -> None:
        if (known := self._known.get()) is not None:
            known.clear()

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """A transaction on the keyring, with no other writer in it."""
        with writing(self.engine) as connection:
            alone(connection)
            yield connection

    # ── secrets ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def make(self, name: str, holders: Iterable[str], *, until: datetime | None = None) -> bytes:
        """A new secret, wrapped to every one of `holders`. Raises KeyMissing for a holder without a key, Conflict where the name is taken, Shredded
        where it was, and ValueError where there is no holder."""
        secret = secrets.token_bytes(SECRET)
        self.keep(name, secret, holders, until=until)
        return secret

    def keep(self, name: str, secret: bytes, holders: Iterable[str], *, until: datetime | None = None) -> None:
        """`secret` (32 bytes) wrapped to `holders`. A name whose secret was shredded is not used again. Raises as `make`."""
        with self.changing() as connection:
            self._keep(connection, name, secret, holders, until)

    def make_pair(self, name: str, holders: Iterable[str], *, now: datetime) -> PublicKey:
        """A new holder `name` (an encounter): its public half is there for all, its private half a secret of `holders`; both or neither."""
        pair = PrivateKey.generate()
        with self.changing() as connection:
            self._keep(connection, name, bytes(pair), holders, None)
            connection.execute(insert(HOLDERS).values(id=name, version=1, public=bytes(pair.public_key), since=instant(now)))
        return pair.public_key

    def open(self, name: str, by: Opener | None = None) -> bytes:
        """The secret `name`, opened by the practice's master key, or by `by`, through an encounter's pair if need be; not by a wrapping whose time is
        up. Raises Shredded, KeyMissing, KeyWrong."""
        found, gone = self._look((name,), by)
        if stone := gone.get(name):
            raise _shredded(name, stone)
        return found[name]

    def open_all(self, names: Collection[str], by: Opener | None = None) -> dict[str, bytes]:
        """Of `names` those that are not shredded, opened as `open` does, all in one look at the keyring. Raises KeyMissing, KeyWrong."""
        return self._look(names, by)[0]

    def share(self, name: str, by: Opener | None, to: str, *, until: datetime | None = None) -> None:
        """Wrap the secret `name`, opened by `by`, to another holder; a wrapping that is there is renewed. Raises as `open`, and KeyMissing where `to`
        has no key."""
        secret = self.open(name, by)
        with self.changing() as connection:
            alive(connection, name)
            connection.execute(delete(WRAPPED).where(WRAPPED.c.secret == name, WRAPPED.c.holder == to))
            self._put(connection, name, secret, to, until)

    def unshare(self, names: str | Collection[str], holder: str) -> None:
        """Take a holder's wrappings away, of one secret or several, and make sure that they are gone from the disk. Raises NotScrubbed."""
        self._forget()
        listed = (names,) if isinstance(names, str) else tuple(names)
        with self.changing() as connection:
            gone = connection.execute(delete(WRAPPED).where(WRAPPED.c.secret.in_(listed), WRAPPED.c.holder == holder)).rowcount
        self._scrub_after(gone)

    def expire(self, now: datetime) -> int:
        """Take away every wrapping whose time is up. Returns how many. Raises NotScrubbed."""
        with self.changing() as connection:
            gone = connection.execute(delete(WRAPPED).where(WRAPPED.c.until.is_not(None), WRAPPED.c.until <= instant(now))).rowcount
        self._scrub_after(gone)
        return gone

    def held_by(self, holder: str, prefix: str = "") -> tuple[str, ...]:
        """The names of all secrets wrapped to `holder` that begin with `prefix`, in order."""
        mine = (WRAPPED.c.holder == holder) & WRAPPED.c.secret.startswith(prefix, autoescape=True)
        with reading(self.engine) as connection:
            return tuple(connection.scalars(select(WRAPPED.c.secret).where(mine).order_by(WRAPPED.c.secret)))

    def holders_of(self, name: str) -> tuple[str, ...]:
        """Whom `name` is wrapped to, in order; those too whose time is up and who were not taken away yet."""
        with reading(self.engine) as connection:
            return tuple(connection.execute(select(WRAPPED.c.holder).where(WRAPPED.c.secret == name).order_by(WRAPPED.c.holder)).scalars())

    # ── the end of a secret ───────────────────────────────────────────────────────────────────────────────────────────

    def shred(self, names: Sequence[str], *, reason: str, now: datetime) -> str:
        """Destroy the secrets `names` and what is wrapped to them (what is sealed to an encounter, whoever else holds it); each leaves a tombstone.
        Returns the receipt: SHA-256 over names, reason and time. Names that are shredded already keep the tombstone that they have, so this may be
        cut and repeated. Public signing keys stay: what they signed is still checked by them. Raises NotScrubbed where the bytes may still be in
        the files: then repeat it."""
        self._forget()
        receipt = hashlib.sha256("\n".join([*sorted(names), reason, instant(now)]).encode()).hexdigest()
        receipts = set()
        with self.changing() as connection:
            for name in names:
                stone = connection.scalar(select(TOMBSTONES.c.receipt).where(TOMBSTONES.c.secret == name))
                receipts.add(stone or receipt)
                if stone is None:
                    connection.execute(insert(TOMBSTONES).values(secret=name, at=instant(now), reason=reason, receipt=receipt))
                sealed_to = select(WRAPPED.c.secret).where(WRAPPED.c.holder == name) if name.startswith("encounter/") else []
                connection.execute(delete(WRAPPED).where((WRAPPED.c.secret == name) | WRAPPED.c.secret.in_(sealed_to)))
                connection.execute(delete(WRAPPED).where(WRAPPED.c.holder == name))
                connection.execute(delete(HOLDERS).where(HOLDERS.c.id == name, HOLDERS.c.verify.is_(None)))
                connection.execute(update(HOLDERS).where(HOLDERS.c.id == name).values(private_sealed=None, salt=None, cost=None))
        self._scrub_after(True)
        return receipts.pop() if len(receipts) == 1 else receipt

    def scrub(self) -> None:
        """See that what was deleted is gone from the keyring's files (`scrubbing`). Whoever starts a service calls it once: the process before may
        have died between. Raises NotScrubbed, and is owed until it has been done."""
        self.owed = True
        scrub(self.engine, (WRAPPED.name, HOLDERS.name))
        self.owed = False

    # ── other keys for the same secrets ───────────────────────────────────────────────────────────────────────────────

    def hand(self, connection: Connection, by: Opener | None, to: str) -> int:
        """Wrap anew to the newest key of `to`, in the caller's transaction, all that `to` holds and `by` (None: the practice) opens. Returns how
        many. Raises KeyMissing, KeyWrong."""
        held = select(WRAPPED.c.secret).where(WRAPPED.c.holder == to)
        source = select(WRAPPED).where(WRAPPED.c.holder == (by.holder if by else PRACTICE), WRAPPED.c.secret.in_(held))
        version, wrap = self._key_of(connection, to)
        fresh = [{"name": row.secret, "fresh": wrap(row.secret, self._unwrapped(row, by))} for row in connection.execute(source).all()]
        if fresh:
            at = (WRAPPED.c.secret == bindparam("name")) & (WRAPPED.c.holder == to)
            connection.execute(update(WRAPPED).where(at).values(version=version, body=bindparam("fresh")), fresh)
        return len(fresh)

    def rewrap_practice(self) -> int:
        """Wrap everything that the practice holds anew under the master key in use. Returns how many; safe to cut and repeat. See `rotation`."""
        with self.changing() as connection:
            count = self.hand(connection, None, PRACTICE)
        self._scrub_after(count)
        return count

    def restore_practice(self, kit: Opener) -> int:
        """Wrap all that the recovery kit opens, and the practice held, to the practice's master key again, for when the key file was lost. Returns
        how many. A master key that is not above the number of the one that was lost is given the next. See `rotation` for how its file is kept."""
        with self.changing() as connection:
            self.master = self.renumbered(connection, self._given("the practice"))
            count = self.hand(connection, kit, PRACTICE)
        self._scrub_after(count)
        return count

    def renumbered(self, connection: Connection, master: Master) -> Master:
        """`master`, its newest key under a number that none after it has had in this keyring."""
        latest = _latest(connection)
        return master if master.version > latest else Master({**master.keys, latest + 1: master.keys[master.version]})

    def settled(self, connection: Connection, master: Master) -> bool:
        """Whether nothing that the practice holds is wrapped under another than the newest of `master`."""
        others = select(WRAPPED.c.secret).where(WRAPPED.c.holder == PRACTICE, WRAPPED.c.version != master.version)
        return connection.execute(others.limit(1)).first() is None

    # ── within ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _scrub_after(self, gone: object) -> None:
        """Scrub where something is gone now, or was before and is still owed."""
        if gone or self.owed:
            self.scrub()

    def _keep(self, connection: Connection, name: str, secret: bytes, holders: Iterable[str], until: datetime | None) -> None:
        to = tuple(dict.fromkeys(holders))
        if not to or len(secret) != SECRET:
            raise ValueError("a secret is 32 bytes, and somebody holds it")
        alive(connection, name)
        if connection.execute(select(WRAPPED.c.holder).where(WRAPPED.c.secret == name).limit(1)).first() is not None:
            raise Conflict()
        for holder in to:
            self._put(connection, name, secret, holder, until)

    def _put(self, connection: Connection, name: str, secret: bytes, holder: str, until: datetime | None) -> None:
        version, wrap = self._key_of(connection, holder)
        end = None if until is None else instant(until)
        connection.execute(insert(WRAPPED).values(secret=name, holder=holder, version=version, body=wrap(name, secret), until=end))

    def _look(self, names: Collection[str], by: Opener | None) -> tuple[dict[str, bytes], dict[str, Row]]:
        """Of `names` those that open, and the tombstones of those that do not."""
        known, gone = self._known.get(), {}
        found = {} if known is None else {name: known[name, by] for name in names if (name, by) in known}
        if asked := [name for name in names if name not in found]:
            pairs = {pair for name in asked if (pair := _pair_of(name))}
            with reading(self.engine) as connection:
                ways = self._ways(connection, {*asked, *pairs})
                gone = _destroyed(connection, asked)
            through = {pair: Opener(pair, 1, self._unwrapped(ways[pair][by.holder], by)) for pair in pairs if by and by.holder in ways[pair]}
            found |= {name: self._opened(ways[name], name, by, through) for name in asked if name not in gone}
        if known is not None:
            known.update({(name, by): secret for name, secret in found.items()})
        return found, gone

    def _ways(self, connection: Connection, names: Collection[str]) -> Mapping[str, Mapping[str, Row]]:
        """The wrappings of each of `names` whose time is not up, by holder."""
        now, found = instant(self.now()), {name: {} for name in names}
        for row in connection.execute(select(WRAPPED).where(WRAPPED.c.secret.in_(found)).order_by(WRAPPED.c.holder)):
            if row.until is None or row.until > now:
                found[row.secret][row.holder] = row
        return found

    def _opened(self, ways: Mapping[str, Row], name: str, by: Opener | None, through: Mapping[str, Opener]) -> bytes:
        """The secret `name` by its wrapping to `by`; where there is none, by the encounter's pair, if that is in `through`."""
        if by is not None and by.holder not in ways:
            by = next((opener for pair, opener in through.items() if pair in ways), by)
        holder = by.holder if by else PRACTICE
        if holder not in ways:
            raise KeyMissing(what=name, hint=f": {holder} holds none" if ways else "")
        return self._unwrapped(ways[holder], by)

    def _given(self, what: str) -> Master:
        if self.master is None:
            raise KeyMissing(what=what, hint=": this process was not given the practice's key file")
        return self.master

    def _key_of(self, connection: Connection, holder: str) -> tuple[int, Wrap]:
        """The key of a holder that is wrapped to: of the kit the newest that is proven, of others the newest. Raises KeyMissing, Shredded."""
        if holder == PRACTICE:
            master = self._given("the practice")
            if master.version < _latest(connection):
                raise KeyMissing(what="the practice", hint=_ROTATED)
            key, version = master.keys[master.version], master.version
            return version, lambda name, secret: seal(key, secret, _place(name, version))
        alive(connection, holder)
        newest = select(HOLDERS).where(HOLDERS.c.id == holder).order_by(HOLDERS.c.proven.is_(None), HOLDERS.c.version.desc())
        row = connection.execute(newest.limit(1)).first()
        if row is None:
            raise KeyMissing(what=holder, hint="")
        return row.version, lambda name, secret: boxed(row.public, name, secret)

    def _unwrapped(self, row: Row, by: Opener | None) -> bytes:
        if by is not None:
            return unboxed(row.secret, row.body, by)
        master = self._given(row.secret)
        if row.version not in master.keys:
            hint = f": it is under the practice's key {row.version}, which is not in the key file that this process was given"
            raise KeyMissing(what=row.secret, hint=_ROTATED if row.version > master.version else hint)
        return opened(master.keys[row.version], row.body, _place(row.secret, row.version))


def _place(name: str, version: int) -> Place:
    return Place("wrapped", name, PRACTICE, version)


def _latest(connection: Connection) -> int:
    """The highest number of a master key that anything is wrapped under."""
    return connection.scalar(select(func.max(WRAPPED.c.version)).where(WRAPPED.c.holder == PRACTICE)) or 0


def alive(connection: Connection, name: str) -> None:
    """Raise Shredded where the secret, or the encounter that it was sealed to, was destroyed."""
    if stone := _destroyed(connection, (name,)).get(name):
        raise _shredded(name, stone)


def _shredded(name: str, stone: Row) -> Shredded:
    return Shredded(what=name, on=stone.at[:10], receipt=stone.receipt)


def _destroyed(connection: Connection, names: Collection[str]) -> dict[str, Row]:
    """The tombstone of each of `names` that was destroyed, or whose encounter was."""
    also = {name: [name, *filter(None, (_pair_of(name),))] for name in names}
    sought = {one for names in also.values() for one in names}
    stones = {row.secret: row for row in connection.execute(select(TOMBSTONES).where(TOMBSTONES.c.secret.in_(sought)))}
    return {name: stones[one] for name, ones in also.items() for one in ones if one in stones}


def _pair_of(name: str) -> str | None:
    """The pair to which the secret of an encounter's item is sealed: of `work/E1/review/3`, `encounter/E1`."""
    parts = name.split("/")
    return f"encounter/{parts[1]}" if len(parts) > 1 and parts[0] != "encounter" else None
