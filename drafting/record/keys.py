"""Keys: what locks words, who can open the lock, and how a lock is destroyed.

In: the keyring's engine, and the practice's master keys or a person's passphrase. Out: sealed bytes and opened ones. Knows no note.

A *secret* is 32 random bytes with a name (`client/C1`, `encounter/E1`, `work/E1/review/3`, `private/N1`). The keyring holds it *wrapped*: as each of
its *holders* can open it. The practice holds by a master key (AES-256-GCM); every other holder by a key pair (X25519, libsodium's sealed box), so
that who wraps to it need not be able to read. An encounter is itself a holder: its work is sealed to it by a service that cannot open it again. Words
are locked by AES-256-GCM under a secret, with table|row|column|version as associated data, so that no sealed value can be put in another's place.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox
from sqlalchemy import Connection, Engine, delete, insert, select

from drafting.errors import KeyMissing, KeyWrong, Shredded
from drafting.record.store import instant, is_sqlite, reading, writing
from drafting.record.tables.keyring import HOLDERS, TOMBSTONES, WRAPPED

PRACTICE, RECOVERY, WORKER = "practice", "recovery", "worker"
_NONCE = 12


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value stands: it opens there and nowhere else."""

    table: str
    row: str
    column: str
    version: int = 1

    @property
    def bound(self) -> bytes:
        return f"{self.table}|{self.row}|{self.column}|{self.version}".encode()


def seal(secret: bytes, words: bytes, place: Place) -> bytes:
    """`words` under `secret` (32 bytes): nonce ‖ ciphertext ‖ tag, for `place`."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(secret).encrypt(nonce, words, place.bound)


def opened(secret: bytes, sealed: bytes, place: Place) -> bytes:
    """The words again. Raises KeyWrong where the secret, the bytes or the place are not those of `seal`."""
    try:
        return AESGCM(secret).decrypt(sealed[:_NONCE], sealed[_NONCE:], place.bound)
    except (InvalidTag, ValueError):
        raise KeyWrong(what=f"{place.table} {place.row}") from None


@dataclass(frozen=True, slots=True)
class Master:
    """The practice's master keys by version; the highest is the one in use, older ones are there while a rotation is under way."""

    keys: dict[int, bytes] = field(repr=False)

    @property
    def version(self) -> int:
        return max(self.keys)

    @classmethod
    def made(cls) -> Master:
        return cls({1: secrets.token_bytes(32)})

    def next(self) -> Master:
        """These keys, and a new one above them."""
        return Master({**self.keys, self.version + 1: secrets.token_bytes(32)})

    def newest(self) -> Master:
        """The key in use alone."""
        return Master({self.version: self.keys[self.version]})


@dataclass(frozen=True, slots=True)
class Opener:
    """A holder's private half (X25519, 32 bytes): what opens the secrets that are wrapped to that holder."""

    holder: str
    version: int
    private: bytes = field(repr=False)


class Keyring:
    """The wrapped secrets of a practice. `master` None: a process that wraps and cannot open what the practice holds."""

    def __init__(self, engine: Engine, master: Master | None) -> None:
        self.engine = engine
        self.master = master

    # ── secrets ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def make(self, name: str, holders: Iterable[str], *, until: datetime | None = None) -> bytes:
        """A new secret, wrapped to every one of `holders`. Raises KeyMissing for a holder without a key, Conflict where the name is taken."""
        secret = secrets.token_bytes(32)
        self.keep(name, secret, holders, until=until)
        return secret

    def keep(self, name: str, secret: bytes, holders: Iterable[str], *, until: datetime | None = None) -> None:
        """`secret` wrapped to `holders`. A name whose secret was shredded is not used again."""
        with writing(self.engine) as connection:
            self._alive(connection, name)
            for holder in holders:
                version, body = self._wrap(connection, name, secret, holder)
                connection.execute(
                    insert(WRAPPED).values(secret=name, holder=holder, version=version, body=body, until=instant(until) if until else None)
                )

    def make_pair(self, name: str, holders: Iterable[str], *, now: datetime) -> PublicKey:
        """A new holder `name` (an encounter): its public half is there for all, its private half a secret that `holders` can open."""
        pair = PrivateKey.generate()
        self.keep(name, bytes(pair), holders)
        with writing(self.engine) as connection:
            connection.execute(insert(HOLDERS).values(id=name, version=1, public=bytes(pair.public_key), since=instant(now)))
        return pair.public_key

    def open(self, name: str, by: Opener | None = None) -> bytes:
        """The secret `name`, opened by the practice's master key, or by `by`, through an encounter's pair if need be. Raises Shredded, KeyMissing,
        KeyWrong."""
        with reading(self.engine) as connection:
            rows = {r.holder: r for r in connection.execute(select(WRAPPED).where(WRAPPED.c.secret == name))}
            if not rows:
                self._alive(connection, name)
                raise KeyMissing(what=name, hint="")
        holder = by.holder if by else PRACTICE
        if holder in rows:
            row = rows[holder]
            return self._unwrap_practice(name, row) if by is None else _unwrap(name, row.body, by)
        through = next((h for h in rows if h.startswith("encounter/")), None)
        if by is None or through is None or through == name:
            raise KeyMissing(what=name, hint=f": {holder} holds none")
        return _unwrap(name, rows[through].body, Opener(through, 1, self.open(through, by)))

    def share(self, name: str, by: Opener | None, to: str, *, until: datetime | None = None) -> None:
        """Wrap the secret `name`, opened by `by`, to another holder; a wrapping that is there is renewed."""
        secret = self.open(name, by)
        with writing(self.engine) as connection:
            version, body = self._wrap(connection, name, secret, to)
            connection.execute(delete(WRAPPED).where(WRAPPED.c.secret == name, WRAPPED.c.holder == to))
            connection.execute(insert(WRAPPED).values(secret=name, holder=to, version=version, body=body, until=_end(until)))

    def unshare(self, name: str, holder: str) -> None:
        """Take a holder's wrapping away, and make sure that it is gone from the disk."""
        with writing(self.engine) as connection:
            connection.execute(delete(WRAPPED).where(WRAPPED.c.secret == name, WRAPPED.c.holder == holder))
        self.scrub()

    def expire(self, now: datetime) -> int:
        """Take away every wrapping whose time is up. Returns how many."""
        with writing(self.engine) as connection:
            gone = connection.execute(delete(WRAPPED).where(WRAPPED.c.until.is_not(None), WRAPPED.c.until <= instant(now))).rowcount
        if gone:
            self.scrub()
        return gone

    def held_by(self, holder: str, prefix: str = "") -> tuple[str, ...]:
        """The names of all secrets wrapped to `holder`, in order."""
        with reading(self.engine) as connection:
            found = connection.execute(select(WRAPPED.c.secret).where(WRAPPED.c.holder == holder).order_by(WRAPPED.c.secret)).scalars()
            return tuple(n for n in found if n.startswith(prefix))

    def holders_of(self, name: str) -> tuple[str, ...]:
        with reading(self.engine) as connection:
            return tuple(connection.execute(select(WRAPPED.c.holder).where(WRAPPED.c.secret == name).order_by(WRAPPED.c.holder)).scalars())

    # ── the end of a secret ───────────────────────────────────────────────────────────────────────────────────────────

    def shred(self, names: Sequence[str], *, reason: str, now: datetime) -> str:
        """Destroy the secrets `names` and what is wrapped to them; each leaves a tombstone. Returns the receipt: SHA-256 over names, reason and time.
        Names that are shredded already keep the tombstone that they have."""
        receipt = hashlib.sha256("\n".join([*sorted(names), reason, instant(now)]).encode()).hexdigest()
        with writing(self.engine) as connection:
            for name in names:
                if connection.scalar(select(TOMBSTONES.c.secret).where(TOMBSTONES.c.secret == name)) is None:
                    connection.execute(insert(TOMBSTONES).values(secret=name, at=instant(now), reason=reason, receipt=receipt))
                connection.execute(delete(WRAPPED).where(WRAPPED.c.secret == name))
                connection.execute(delete(WRAPPED).where(WRAPPED.c.holder == name))
                connection.execute(delete(HOLDERS).where(HOLDERS.c.id == name))
        self.scrub()
        return receipt

    def scrub(self) -> None:
        """See that deleted rows are gone from the files: SQLite's log is folded in and cut (deleted cells are overwritten as they go); PostgreSQL's
        tables are written anew. What a server's own write-ahead log still holds, see docs/security.md."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if is_sqlite(connection):
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            else:
                connection.exec_driver_sql("VACUUM FULL wrapped")
                connection.exec_driver_sql("VACUUM FULL holders")

    # ── rotation ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def rewrap_practice(self) -> int:
        """Wrap everything that the practice holds under an older master key anew under the one in use. Returns how many; safe to cut and repeat."""
        master = self._master(PRACTICE)
        with writing(self.engine) as connection:
            old = connection.execute(select(WRAPPED).where(WRAPPED.c.holder == PRACTICE, WRAPPED.c.version < master.version)).all()
            for row in old:
                secret = self._unwrap_practice(row.secret, row)
                version, body = self._wrap(connection, row.secret, secret, PRACTICE)
                at = (WRAPPED.c.secret == row.secret) & (WRAPPED.c.holder == PRACTICE)
                connection.execute(WRAPPED.update().where(at).values(version=version, body=body))
        self.scrub()
        return len(old)

    def restore_practice(self, kit: Opener) -> int:
        """Wrap all that the recovery kit opens, and the practice held, to the practice's master key again, for when the key file was lost. Returns
        how many."""
        master = self._master(PRACTICE)
        with writing(self.engine) as connection:
            held = select(WRAPPED.c.secret).where(WRAPPED.c.holder == PRACTICE)
            rows = connection.execute(select(WRAPPED).where(WRAPPED.c.holder == kit.holder, WRAPPED.c.secret.in_(held))).all()
            for row in rows:
                _, body = self._wrap(connection, row.secret, _unwrap(row.secret, row.body, kit), PRACTICE)
                at = (WRAPPED.c.secret == row.secret) & (WRAPPED.c.holder == PRACTICE)
                connection.execute(WRAPPED.update().where(at).values(version=master.version, body=body))
        self.scrub()
        return len(rows)

    def rewrap_holder(self, by: Opener, public: bytes, version: int) -> int:
        """Wrap all that `by` can open anew to that holder's next public half. Returns how many."""
        with writing(self.engine) as connection:
            old = connection.execute(select(WRAPPED).where(WRAPPED.c.holder == by.holder, WRAPPED.c.version == by.version)).all()
            for row in old:
                body = _sealed_to(public, row.secret, _unwrap(row.secret, row.body, by))
                at = (WRAPPED.c.secret == row.secret) & (WRAPPED.c.holder == by.holder)
                connection.execute(WRAPPED.update().where(at).values(version=version, body=body))
        return len(old)

    # ── within ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _master(self, what: str) -> Master:
        if self.master is None:
            raise KeyMissing(what=what, hint=": this process was not given the practice's key file")
        return self.master

    def _wrap(self, connection: Connection, name: str, secret: bytes, holder: str) -> tuple[int, bytes]:
        if holder == PRACTICE:
            master = self._master(name)
            return master.version, seal(master.keys[master.version], secret, Place("wrapped", name, PRACTICE, master.version))
        row = connection.execute(select(HOLDERS).where(HOLDERS.c.id == holder).order_by(HOLDERS.c.version.desc()).limit(1)).first()
        if row is None:
            raise KeyMissing(what=holder, hint="")
        return row.version, _sealed_to(row.public, name, secret)

    def _unwrap_practice(self, name: str, row: object) -> bytes:
        master = self._master(name)
        if row.version not in master.keys:
            raise KeyMissing(what=name, hint=f": it is under the practice's key {row.version}, which is not in the key file")
        return opened(master.keys[row.version], row.body, Place("wrapped", name, PRACTICE, row.version))

    def _alive(self, connection: Connection, name: str) -> None:
        """Raise Shredded where the secret, or the encounter that it was sealed to, was destroyed."""
        kind, _, rest = name.partition("/")
        names = (name, f"encounter/{rest.split('/')[0]}") if kind == "work" else (name,)
        stone = connection.execute(select(TOMBSTONES).where(TOMBSTONES.c.secret.in_(names))).first()
        if stone is not None:
            raise Shredded(what=name, on=stone.at[:10], receipt=stone.receipt)


def _end(until: datetime | None) -> str | None:
    return None if until is None else instant(until)


def _sealed_to(public: bytes, name: str, secret: bytes) -> bytes:
    """A secret in a sealed box, with its name inside, since a box binds nothing else."""
    return SealedBox(PublicKey(public)).encrypt(secret + name.encode())


def _unwrap(name: str, body: bytes, by: Opener) -> bytes:
    try:
        plain = SealedBox(PrivateKey(by.private)).decrypt(body)
    except CryptoError:
        raise KeyWrong(what=name) from None
    if plain[32:] != name.encode():
        raise KeyWrong(what=name)
    return plain[:32]
