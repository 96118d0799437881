"""Locks without their keeping: words under a secret, bound to their place; a secret in a box that one holder opens.

In: bytes and keys. Out: sealed bytes, and opened ones. Knows no store. Words are locked by AES-256-GCM under a secret, with table|row|column|version
as associated data, so that no sealed value can be put in another's place; boxes are libsodium's sealed boxes (X25519), with the secret's name inside.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from drafting.errors import KeyWrong

SECRET = 32
_NONCE = 12


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value stands: it opens there and nowhere else. Raises ValueError for a name with a bar, since two places would be one."""

    table: str
    row: str
    column: str
    version: int = 1

    def __post_init__(self) -> None:
        if "|" in self.table + self.row + self.column:
            raise ValueError("a place's names hold no bar")

    @property
    def bound(self) -> bytes:
        return f"{self.table}|{self.row}|{self.column}|{self.version}".encode()


@dataclass(frozen=True, slots=True)
class Opener:
    """A holder's private half (X25519, 32 bytes): what opens the secrets that are wrapped to that holder."""

    holder: str
    version: int
    private: bytes = field(repr=False)


def seal(secret: bytes, words: bytes, place: Place) -> bytes:
    """`words` under `secret` (32 bytes): nonce ‖ ciphertext ‖ tag, for `place`."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(secret).encrypt(nonce, words, place.bound)


def opened(secret: bytes, sealed: bytes, place: Place) -> bytes:
    """The words again. Raises KeyWrong where the secret, the bytes or the place are not those of `seal`."""
    try:
        return AESGCM(secret).decrypt(sealed[:_NONCE], sealed[_NONCE:], place.bound)
    except (InvalidTag, ValueError, TypeError):
        raise KeyWrong(what=f"{place.table} {place.row}") from None


def boxed(public: bytes, name: str, secret: bytes) -> bytes:
    """`secret` for whoever has the private half of `public` (32 bytes). Its name goes in with it, since a box binds nothing else. Raises KeyWrong
    where `public` is no key."""
    try:
        return SealedBox(PublicKey(public)).encrypt(secret + name.encode())
    except CryptoError:
        raise KeyWrong(what=name) from None


def unboxed(name: str, body: bytes, by: Opener) -> bytes:
    """The secret in a box of that name. Raises KeyWrong where the box is another's, another secret's, or was altered."""
    try:
        plain = SealedBox(PrivateKey(by.private)).decrypt(body)
    except CryptoError:
        raise KeyWrong(what=name) from None
    if plain[SECRET:] != name.encode():
        raise KeyWrong(what=name)
    return plain[:SECRET]
