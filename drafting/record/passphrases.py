"""A person's own keys, under a passphrase that is not the login's: one pair to open what is wrapped to them, one key to sign with.

In: a keyring, a person's id, a passphrase. Out: `Unlocked`, for as long as a session lasts. Knows no login: a new password or another identity
provider changes nothing here, and nothing but the passphrase opens these keys (what they locked can be had again by the recovery kit; a signing key
cannot).
"""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime

from argon2.low_level import Type, hash_secret_raw
from nacl.public import PrivateKey
from nacl.signing import SigningKey
from sqlalchemy import insert, select, update

from drafting.errors import KeyMissing, KeyWrong, PassphraseWeak, PassphraseWrong
from drafting.record.keys import Keyring, Opener, Place, opened, seal
from drafting.record.store import instant, reading, writing
from drafting.record.tables.keyring import HOLDERS

COST = (3, 65_536, 1)
"""argon2id's passes, memory (KiB) and lanes: RFC 9106's second recommendation, with one lane (64 MiB, about 0.2 s on a laptop)."""

LEAST = 10
"""The fewest characters of a passphrase."""


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


def enrol(keyring: Keyring, person: str, passphrase: str, *, now: datetime, cost: tuple[int, int, int] = COST) -> Unlocked:
    """A person's first keys. Raises PassphraseWeak, Conflict where they have keys."""
    return _made(keyring, person, passphrase, 1, now, cost)


def unlock(keyring: Keyring, person: str, passphrase: str) -> Unlocked:
    """A person's newest keys. Raises PassphraseWrong, KeyMissing."""
    row = _row(keyring, person)
    salt, cost = row.salt, tuple(map(int, row.cost.split(",")))
    try:
        both = opened(_stretched(passphrase, salt, cost), row.private_sealed, _place(person, row.version))
    except KeyWrong:
        raise PassphraseWrong(who=person) from None
    return Unlocked(person, Opener(holder(person), row.version, both[:32]), both[32:])


def change(keyring: Keyring, unlocked: Unlocked, passphrase: str, *, cost: tuple[int, int, int] = COST) -> None:
    """The same keys under another passphrase; nothing else is touched."""
    salt, sealed = _locked(unlocked.person, unlocked.opener.version, unlocked.opener.private + unlocked.signing, passphrase, cost)
    own = (HOLDERS.c.id == unlocked.opener.holder) & (HOLDERS.c.version == unlocked.opener.version)
    with writing(keyring.engine) as connection:
        connection.execute(update(HOLDERS).where(own).values(salt=salt, cost=_text(cost), private_sealed=sealed))
    keyring.scrub()


def renew(keyring: Keyring, unlocked: Unlocked, passphrase: str, *, now: datetime, cost: tuple[int, int, int] = COST) -> Unlocked:
    """New keys for a person, and all that the old ones opened wrapped to the new ones. The old public halves stay: signatures are checked by them."""
    fresh = _made(keyring, unlocked.person, passphrase, unlocked.opener.version + 1, now, cost)
    keyring.rewrap_holder(unlocked.opener, bytes(PrivateKey(fresh.opener.private).public_key), fresh.opener.version)
    own = (HOLDERS.c.id == unlocked.opener.holder) & (HOLDERS.c.version == unlocked.opener.version)
    with writing(keyring.engine) as connection:
        connection.execute(update(HOLDERS).where(own).values(private_sealed=None, salt=None, cost=None))
    keyring.scrub()
    return fresh


def verify_key(keyring: Keyring, key_id: str) -> bytes:
    """The public half of a signing key, by a signature's `key` ("person/P1/1"). Raises KeyMissing."""
    name, _, version = key_id.rpartition("/")
    with reading(keyring.engine) as connection:
        found = connection.scalar(select(HOLDERS.c.verify).where(HOLDERS.c.id == name, HOLDERS.c.version == int(version or 0)))
    if found is None:
        raise KeyMissing(what=key_id, hint="")
    return found


def _made(keyring: Keyring, person: str, passphrase: str, version: int, now: datetime, cost: tuple[int, int, int]) -> Unlocked:
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
    with writing(keyring.engine) as connection:
        connection.execute(insert(HOLDERS).values(row))
    return Unlocked(person, Opener(holder(person), version, bytes(pair)), bytes(signing))


def _row(keyring: Keyring, person: str) -> object:
    with reading(keyring.engine) as connection:
        own = select(HOLDERS).where(HOLDERS.c.id == holder(person), HOLDERS.c.private_sealed.is_not(None))
        row = connection.execute(own.order_by(HOLDERS.c.version.desc()).limit(1)).first()
    if row is None:
        raise KeyMissing(what=person, hint=": they have not been enrolled")
    return row


def _locked(person: str, version: int, both: bytes, passphrase: str, cost: tuple[int, int, int]) -> tuple[bytes, bytes]:
    if len(passphrase.strip()) < LEAST:
        raise PassphraseWeak(least=LEAST)
    salt = secrets.token_bytes(16)
    return salt, seal(_stretched(passphrase, salt, cost), both, _place(person, version))


def _stretched(passphrase: str, salt: bytes, cost: tuple[int, ...]) -> bytes:
    """argon2id over the passphrase in one Unicode form, so that it opens from any keyboard. 32 bytes."""
    passes, memory, lanes = cost
    words = unicodedata.normalize("NFKC", passphrase).encode()
    return hash_secret_raw(words, salt, time_cost=passes, memory_cost=memory, parallelism=lanes, hash_len=32, type=Type.ID)


def _place(person: str, version: int) -> Place:
    return Place("holders", holder(person), "private", version)


def _text(cost: tuple[int, int, int]) -> str:
    return ",".join(map(str, cost))
