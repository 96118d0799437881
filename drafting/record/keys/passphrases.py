"""A person's own keys, under a passphrase that is not the login's: one pair to open what is wrapped to them, one key to sign with.

In: a keyring, a person's id, a passphrase. Out: `Unlocked`, for as long as a session lasts. Knows no login: a new password or another identity
provider changes nothing here, and nothing but the passphrase opens these keys (what they locked can be had again by the recovery kit; a signing key
cannot).
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime

from argon2.low_level import Type, hash_secret_raw
from nacl.public import PrivateKey
from nacl.signing import SigningKey
from sqlalchemy import ColumnElement, Row, delete, false, insert, select, update

from drafting.errors import Conflict, KeyMissing, KeyWrong, PassphraseWeak, PassphraseWrong
from drafting.record.keys import Keyring, Opener, Place, alive, opened, seal
from drafting.record.store import instant, reading
from drafting.record.store.tables.keyring import HOLDERS, WRAPPED

Cost = tuple[int, int, int]

COST: Cost = (3, 65_536, 1)
"""argon2id's passes, memory (KiB) and lanes: RFC 9106's second recommendation, with one lane (64 MiB, about 0.2 s on a laptop)."""

LEAST = 10
"""The fewest characters of a passphrase."""

_SALT = 16
_LOCKED = 12 + 64 + 16  # nonce, the two private halves, tag


@dataclass(frozen=True, slots=True)
class Unlocked:
    """A person whose passphrase was given: opens what is theirs, and signs as them."""

    person: str
    opener: Opener
    signing: bytes = field(repr=False)

    @property
    def key_id(self) -> str:
        return f"{self.opener.holder}/{self.opener.version}"

    def sign(self, message: bytes) -> bytes:
        """64 bytes of Ed25519 over `message`."""
        return SigningKey(self.signing).sign(message).signature


def holder(person: str) -> str:
    return f"person/{person}"


def enrol(keyring: Keyring, person: str, passphrase: str, *, now: datetime, cost: Cost = COST) -> Unlocked:
    """A person's first keys. Raises PassphraseWeak, Conflict where they have keys, Shredded where theirs were destroyed."""
    unlocked, row = _made(person, passphrase, 1, now, cost)
    with keyring.changing() as connection:
        alive(connection, holder(person))
        connection.execute(insert(HOLDERS).values(row))
    return unlocked


def unlock(keyring: Keyring, person: str, passphrase: str) -> Unlocked:
    """A person's keys. Raises PassphraseWrong, KeyMissing, KeyWrong where what is kept of them was altered."""
    row = _row(keyring, person)
    if len(row.private_sealed) != _LOCKED or len(row.salt) != _SALT:
        raise KeyWrong(what=person)
    key = _stretched(passphrase, row.salt, _cost(person, row.cost))
    try:
        both = opened(key, row.private_sealed, _place(person, row.version))
    except KeyWrong:
        raise PassphraseWrong(who=person) from None
    pair, signing = PrivateKey(both[:32]), SigningKey(both[32:])
    if (bytes(pair.public_key), bytes(signing.verify_key)) != (row.public, row.verify):
        raise KeyWrong(what=person)
    return Unlocked(person, Opener(holder(person), row.version, bytes(pair)), bytes(signing))


def change(keyring: Keyring, unlocked: Unlocked, passphrase: str, *, cost: Cost = COST) -> None:
    """The same keys under another passphrase; nothing else is touched. Cut anywhere, one of the two opens them. Raises PassphraseWeak, and Conflict
    where these are not the person's keys any more."""
    salt, sealed = _locked(unlocked.person, unlocked.opener.version, unlocked.opener.private + unlocked.signing, passphrase, cost)
    with keyring.changing() as connection:
        done = connection.execute(update(HOLDERS).where(_own(unlocked.opener)).values(salt=salt, cost=_text(cost), private_sealed=sealed))
        if not done.rowcount:
            raise Conflict()
    keyring.scrub()


def renew(keyring: Keyring, unlocked: Unlocked, passphrase: str, *, now: datetime, cost: Cost = COST) -> Unlocked:
    """New keys for a person, and all that the old ones opened wrapped to the new ones, in one transaction: cut anywhere, either the old passphrase
    opens everything or the new one does. The old public halves stay: signatures are checked by them. Raises as `change`."""
    fresh, row = _made(unlocked.person, passphrase, unlocked.opener.version + 1, now, cost)
    with keyring.changing() as connection:
        gone = connection.execute(update(HOLDERS).where(_own(unlocked.opener)).values(private_sealed=None, salt=None, cost=None))
        if not gone.rowcount:
            raise Conflict()
        connection.execute(insert(HOLDERS).values(row))
        keyring.hand(connection, unlocked.opener, fresh.opener.holder)
    keyring.scrub()
    return fresh


def regain(keyring: Keyring, person: str, kit: Opener, passphrase: str, *, now: datetime, cost: Cost = COST) -> tuple[Unlocked, int]:
    """New keys for a person who forgot their passphrase, and how many secrets they open again: those that the recovery kit opens too. The rest is
    lost to them, and so is the old signing key; what it signed is still checked by its public half. Raises PassphraseWeak, KeyMissing, KeyWrong."""
    old = _row(keyring, person)
    fresh, row = _made(person, passphrase, old.version + 1, now, cost)
    with keyring.changing() as connection:
        connection.execute(insert(HOLDERS).values(row))
        connection.execute(update(HOLDERS).where(_own(Opener(holder(person), old.version, b""))).values(private_sealed=None, salt=None, cost=None))
        count = keyring.hand(connection, kit, holder(person))
        connection.execute(delete(WRAPPED).where(WRAPPED.c.holder == holder(person), WRAPPED.c.version <= old.version))
    keyring.scrub()
    return fresh, count


def verify_key(keyring: Keyring, key_id: str) -> bytes:
    """The public half of a signing key, by a signature's `key` ("person/P1/1"). Raises KeyMissing."""
    named = re.fullmatch(r"(.+)/([0-9]{1,9})", key_id)
    with reading(keyring.engine) as connection:
        whose = (HOLDERS.c.id == named[1]) & (HOLDERS.c.version == int(named[2])) if named else false()
        found = connection.scalar(select(HOLDERS.c.verify).where(whose))
    if found is None:
        raise KeyMissing(what=key_id, hint="")
    return found


def _made(person: str, passphrase: str, version: int, now: datetime, cost: Cost) -> tuple[Unlocked, dict[str, object]]:
    """New keys, and their row."""
    pair, signing = PrivateKey.generate(), SigningKey.generate()
    salt, sealed = _locked(person, version, bytes(pair) + bytes(signing), passphrase, cost)
    row = {
        "id": holder(person),
        "version": version,
        "public": bytes(pair.public_key),
        "verify": bytes(signing.verify_key),
        "salt": salt,
        "cost": _text(cost),
        "private_sealed": sealed,
        "since": instant(now),
    }
    return Unlocked(person, Opener(holder(person), version, bytes(pair)), bytes(signing)), row


def _row(keyring: Keyring, person: str) -> Row:
    with reading(keyring.engine) as connection:
        own = select(HOLDERS).where(HOLDERS.c.id == holder(person), HOLDERS.c.private_sealed.is_not(None))
        row = connection.execute(own.order_by(HOLDERS.c.version.desc()).limit(1)).first()
    if row is None:
        raise KeyMissing(what=person, hint=": they have not been enrolled, or their keys were destroyed")
    return row


def _own(opener: Opener) -> ColumnElement[bool]:
    """The row of these keys, as long as they can still be unlocked."""
    return (HOLDERS.c.id == opener.holder) & (HOLDERS.c.version == opener.version) & HOLDERS.c.private_sealed.is_not(None)


def _locked(person: str, version: int, both: bytes, passphrase: str, cost: Cost) -> tuple[bytes, bytes]:
    if len(_words(passphrase)) < LEAST:
        raise PassphraseWeak(least=LEAST)
    salt = secrets.token_bytes(_SALT)
    return salt, seal(_stretched(passphrase, salt, cost), both, _place(person, version))


def _stretched(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    """argon2id over the passphrase. 32 bytes."""
    passes, memory, lanes = cost
    words = _words(passphrase).encode("utf-8", "surrogatepass")
    return hash_secret_raw(words, salt, time_cost=passes, memory_cost=memory, parallelism=lanes, hash_len=32, type=Type.ID)


def _words(passphrase: str) -> str:
    """A passphrase in one form, so that it opens from any keyboard: NFKC, and between words one space however many were typed."""
    return " ".join(unicodedata.normalize("NFKC", passphrase).split())


def _place(person: str, version: int) -> Place:
    return Place("holders", holder(person), "private", version)


def _text(cost: Cost) -> str:
    return ",".join(map(str, cost))


def _cost(person: str, text: str) -> Cost:
    """The cost again, within what argon2 takes and a machine has: up to 16 passes, 1 GiB, 8 lanes. Raises KeyWrong."""
    found = re.fullmatch(r"([0-9]{1,2}),([0-9]{1,7}),([0-9])", text)
    passes, memory, lanes = map(int, found.groups()) if found else (0, 0, 0)
    if not (1 <= passes <= 16 and 1 <= lanes <= 8 and 8 * lanes <= memory <= 1_048_576):
        raise KeyWrong(what=person)
    return passes, memory, lanes
