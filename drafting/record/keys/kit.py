"""The recovery kit: the practice's second way to what is locked, split in two, printed, kept by two people, and proven before anything relies on it.

In: a keyring; later the two printed halves. Out: halves as text, or the opener that they make. Knows no person. Neither half alone says anything of
the key (one is random, the other the key xor it), and no half is ever stored here. A kit that was made and not proven holds nothing: until its halves
have opened something the kit before it stays the one in use, so that a printer that jams, or a machine that dies, costs nobody anything.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from datetime import datetime

from nacl.public import PrivateKey
from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from drafting.errors import KitError
from drafting.record.keys import RECOVERY, Keyring, Opener
from drafting.record.keys.sealing import boxed, unboxed
from drafting.record.store import instant, reading
from drafting.record.store.tables.keyring import HOLDERS, WRAPPED

_CHECK = 3
_GROUP = 5
_BEFORE = "recovery"  # the name of the old private half in the new kit's box


def make(keyring: Keyring, *, now: datetime, renewing: Opener | None = None) -> tuple[str, str]:
    """A new kit: its two halves, to be printed and parted. `renewing` is the kit in use, joined: its private half is locked to the new one, which
    takes over when it is proven (`prove`). A kit that was never proven is replaced without it, by the practice's own key. Raises KitError where a
    proven kit was not given, or the one that is not proven holds what nobody else here opens."""
    pair = PrivateKey.generate()
    with keyring.changing() as connection:
        present, newest = _present(connection), _newest(connection)
        proven = present is not None and present.proven is not None
        if proven != (renewing is not None) or (renewing is not None and renewing.version != present.version):
            raise KitError(reason="there is one already; renew it with both its halves" if proven else "there is none yet that could be renewed")
        version = newest.version + 1 if newest else 1
        connection.execute(insert(HOLDERS).values(id=RECOVERY, version=version, public=bytes(pair.public_key), since=instant(now)))
        if renewing is not None:
            before = boxed(bytes(pair.public_key), _BEFORE, renewing.private)
            connection.execute(update(HOLDERS).where(_of(present)).values(private_sealed=before))
        elif keyring.hand(connection, None, RECOVERY) < len(_held(connection)):
            raise KitError(reason="it was not proven and holds what nobody else here opens; prove it, with both its halves")
    pad = secrets.token_bytes(32)
    return _text(version, 1, pad), _text(version, 2, _xor(bytes(pair), pad))


def joined(keyring: Keyring, one: str, other: str) -> Opener:
    """The opener of the kit in use from its two halves, in either order. Raises KitError, which says which half was mistyped, or that they are not
    of this kit."""
    opener = _joined(one, other)
    with reading(keyring.engine) as connection:
        _same(opener, _present(connection))
    return opener


def prove(keyring: Keyring, one: str, other: str, *, now: datetime) -> None:
    """Restore from the printed halves of the newest kit: everything that it is there for is opened by them. A kit that renews another takes over
    here, in one transaction. Raises KitError, KeyWrong, NotScrubbed (it is proven then; wrappings to the old one may still be in the files)."""
    opener = _joined(one, other)
    with keyring.changing() as connection:
        present, newest = _present(connection), _newest(connection)
        _same(opener, newest)
        connection.execute(update(HOLDERS).where(_of(newest)).values(proven=instant(now)))
        renews = present.version != newest.version
        if renews:
            before = Opener(RECOVERY, present.version, unboxed(_BEFORE, present.private_sealed or b"", opener))
            keyring.hand(connection, before, RECOVERY)
            connection.execute(update(HOLDERS).where(_of(present)).values(private_sealed=None))
        for row in _held(connection):
            unboxed(row.secret, row.body, opener)
    if present.proven is not None:  # as it was before: a kit has been in use, by another take-over that was cut too
        keyring.scrub()


def proven(keyring: Keyring) -> bool:
    """Whether the kit in use has been restored from."""
    row = present(keyring)
    return row is not None and row.proven is not None


def present(keyring: Keyring) -> Row | None:
    """The row (`version`, `public`, `proven`) of the kit in use: the newest that is proven, or before any is, the newest."""
    with reading(keyring.engine) as connection:
        return _present(connection)


def awaited(keyring: Keyring) -> int | None:
    """The version of a kit that was made and is not proven yet: somebody has to bring its halves, or make another."""
    with reading(keyring.engine) as connection:
        newest = _newest(connection)
    return newest.version if newest is not None and newest.proven is None else None


def _present(connection: Connection) -> Row | None:
    kits = select(HOLDERS).where(HOLDERS.c.id == RECOVERY)
    return connection.execute(kits.order_by(HOLDERS.c.proven.is_(None), HOLDERS.c.version.desc()).limit(1)).first()


def _newest(connection: Connection) -> Row | None:
    return connection.execute(select(HOLDERS).where(HOLDERS.c.id == RECOVERY).order_by(HOLDERS.c.version.desc()).limit(1)).first()


def _held(connection: Connection) -> list[Row]:
    return connection.execute(select(WRAPPED).where(WRAPPED.c.holder == RECOVERY)).all()


def _of(kit: Row) -> ColumnElement[bool]:
    return (HOLDERS.c.id == RECOVERY) & (HOLDERS.c.version == kit.version)


def _same(opener: Opener, kit: Row | None) -> None:
    if kit is None or opener.version != kit.version or bytes(PrivateKey(opener.private).public_key) != kit.public:
        raise KitError(reason="the halves are not of this practice's present kit")


def _joined(one: str, other: str) -> Opener:
    halves = {half: (version, key) for version, half, key in (_half(one), _half(other))}
    if set(halves) != {1, 2}:
        raise KitError(reason="both halves are needed, and the same one was given twice")
    (version, pad), (other_version, rest) = halves[1], halves[2]
    if version != other_version:
        raise KitError(reason=f"one half is of kit {version}, the other of kit {other_version}")
    return Opener(RECOVERY, version, _xor(pad, rest))


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _text(version: int, half: int, key: bytes) -> str:
    """ASIDE-1-1-ABCDE-…: version, half, and the key in base32 with a check, in groups that a person can type."""
    letters = base64.b32encode(key + _check(version, half, key)).decode().rstrip("=")
    return "-".join([f"ASIDE-{version}-{half}", *(letters[i : i + _GROUP] for i in range(0, len(letters), _GROUP))])


def _half(text: str) -> tuple[int, int, bytes]:
    """Version, half and key of a typed half; small letters, spaces, any dash, and 0, 1 and 8 for O, I and B are forgiven."""
    found = re.fullmatch(r"ASIDE-([0-9]{1,6})-([12])-(.+)", re.sub(r"[\s\-‐-―−]+", "-", text.strip().upper()))
    if found is None:
        raise KitError(reason="a half begins with ASIDE, and is longer")
    letters = found[3].replace("-", "").translate(str.maketrans("018", "OIB"))
    try:
        both = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except ValueError:
        raise KitError(reason=f"half {found[2]} has a letter that none has, or too few") from None
    version, half, key = int(found[1]), int(found[2]), both[:-_CHECK]
    if len(key) != 32 or both[-_CHECK:] != _check(version, half, key):
        raise KitError(reason=f"half {half} is mistyped somewhere")
    return version, half, key


def _check(version: int, half: int, key: bytes) -> bytes:
    return hashlib.sha256(f"{version}/{half}/".encode() + key).digest()[:_CHECK]
