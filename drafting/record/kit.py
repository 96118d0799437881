"""The recovery kit: the practice's second way to what is locked, split in two, printed, kept by two people, and proven before anything relies on it.

In: a keyring; later the two printed halves. Out: halves as text, or the opener that they make. Knows no person. Neither half alone says anything of
the key (one is random, the other the key xor it), and no half is ever stored here.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from datetime import datetime

from nacl.public import PrivateKey
from sqlalchemy import insert, select, update

from drafting.errors import KitError
from drafting.record.keys import RECOVERY, Keyring, Opener
from drafting.record.store import instant, reading, writing
from drafting.record.tables.keyring import HOLDERS

_CHECK = 3
_GROUP = 5


def make(keyring: Keyring, *, now: datetime, renewing: Opener | None = None) -> tuple[str, str]:
    """A new kit: its two halves, to be printed and parted. `renewing` is the old kit, joined: all that it opens is wrapped to the new one, which
    counts as not proven. Raises KitError where there is a kit and it was not given."""
    newest = _newest(keyring)
    if (newest is None) != (renewing is None) or (newest is not None and renewing.version != newest.version):
        raise KitError(reason="there is one already; renew it with both its halves")
    pair = PrivateKey.generate()
    version = newest.version + 1 if newest else 1
    with writing(keyring.engine) as connection:
        connection.execute(insert(HOLDERS).values(id=RECOVERY, version=version, public=bytes(pair.public_key), since=instant(now)))
    if renewing:
        keyring.rewrap_holder(renewing, bytes(pair.public_key), version)
    pad = secrets.token_bytes(32)
    return _text(version, 1, pad), _text(version, 2, _xor(bytes(pair), pad))


def joined(keyring: Keyring, one: str, other: str) -> Opener:
    """The kit's opener from its two halves, in either order. Raises KitError, which says which half was mistyped, or that they are not of one kit."""
    halves = {half: (version, key) for version, half, key in (_half(one), _half(other))}
    if set(halves) != {1, 2}:
        raise KitError(reason="both halves are needed, and the same one was given twice")
    (version, pad), (other_version, rest) = halves[1], halves[2]
    row = _newest(keyring)
    private = _xor(pad, rest)
    if row is None or version != other_version or version != row.version or bytes(PrivateKey(private).public_key) != row.public:
        raise KitError(reason="the halves are not of this practice's present kit")
    return Opener(RECOVERY, version, private)


def prove(keyring: Keyring, one: str, other: str, *, now: datetime) -> None:
    """Restore from the printed halves, once: a secret that only the kit holds is opened by them. Raises KitError, KeyWrong."""
    opener = joined(keyring, one, other)
    name = f"proof/{secrets.token_hex(8)}"
    secret = keyring.make(name, [RECOVERY])
    if keyring.open(name, opener) != secret:
        raise KitError(reason="what it opened was not what was locked")
    keyring.shred([name], reason="proof", now=now)
    with writing(keyring.engine) as connection:
        connection.execute(update(HOLDERS).where(HOLDERS.c.id == RECOVERY, HOLDERS.c.version == opener.version).values(proven=instant(now)))


def proven(keyring: Keyring) -> bool:
    """Whether the present kit has been restored from."""
    row = _newest(keyring)
    return row is not None and row.proven is not None


def _newest(keyring: Keyring) -> object | None:
    with reading(keyring.engine) as connection:
        return connection.execute(select(HOLDERS).where(HOLDERS.c.id == RECOVERY).order_by(HOLDERS.c.version.desc()).limit(1)).first()


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _text(version: int, half: int, key: bytes) -> str:
    """ASIDE-1-1-ABCDE-…: version, half, and the key in base32 with a check, in groups that a person can type."""
    letters = base64.b32encode(key + _check(version, half, key)).decode().rstrip("=")
    return "-".join([f"ASIDE-{version}-{half}", *(letters[i : i + _GROUP] for i in range(0, len(letters), _GROUP))])


def _half(text: str) -> tuple[int, int, bytes]:
    """Version, half and key of a typed half; small letters, spaces, and 0, 1 and 8 for O, I and B are forgiven."""
    found = re.fullmatch(r"ASIDE-(\d+)-([12])-(.+)", re.sub(r"[\s-]+", "-", text.strip().upper()), re.ASCII)
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
