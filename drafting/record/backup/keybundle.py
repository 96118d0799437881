"""The key bundle: the whole keyring in one sealed file, beside the archives and apart from them, written each time over the last.

In: a practice, a path; later the kit's two halves. Out: a file that the recovery kit alone opens; the keyring again, in a database. Knows no note.

An archive holds no key, and its own key is in every bundle that was written after it and in none before. So a bundle older than the archive does not
open it, and what was shredded before the bundle was written is a tombstone in it, however old the archive. The bundle is signed by the practice:
nobody who only knows the kit's public half can make one up. Not protected against: somebody who kept a copy of an old bundle and an archive of that
time, and has both halves of the kit, restores what was shredded since. Once the new file is in its place the old one is filled with zeros; a kill
between the two, an SSD, a file system that copies on write, and a mirror or snapshot of the disk may keep the old blocks all the same.
"""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from nacl.exceptions import BadSignatureError, CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox
from nacl.signing import SigningKey, VerifyKey
from sqlalchemy import Connection, insert, select

from drafting.errors import BackupError, KeyMissing
from drafting.record.backup import archive as archives
from drafting.record.backup import box, rows
from drafting.record.keys import RECOVERY, Keyring, Opener, kit
from drafting.record.practice import SIGNING, Practice, ready
from drafting.record.store import connected, instant, migrating, reading, writing
from drafting.record.store.tables.keyring import HOLDERS

KIND = "bundle/1"
Halves = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a bundle says of itself: when it was written, and how many wrapped keys, holders and tombstones it has."""

    at: datetime
    version: str
    rows: Mapping[str, int]
    digest: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    def signed_by(self, verify: str) -> None:
        """Raise BackupError unless the practice whose key this is (hexadecimal) wrote the bundle."""
        try:
            VerifyKey(bytes.fromhex(verify)).verify(_signed(self.digest), self.signature)
        except (BadSignatureError, ValueError):
            raise BackupError(reason="the key bundle was not written by the practice whose archive this is") from None


def bundle(practice: Practice, path: Path, *, by: str = "backup") -> Bundle:
    """Write the keyring as it stands to `path`, over the bundle that is there. Do so after every archive, and after every shredding. Raises
    BackupError where it cannot be written (the old bundle then stays), KitError where the recovery kit is not proven."""
    ready(practice)
    migrating.check(practice.stores)
    signing = SigningKey(practice.keyring.open(SIGNING))
    key, at, version = secrets.token_bytes(32), practice.now(), migrating.version(practice.stores.keyring)
    with _written_over(path), box.placed(path) as file, reading(practice.stores.keyring) as connection:
        kits = select(HOLDERS).where(HOLDERS.c.id == RECOVERY, HOLDERS.c.proven.is_not(None))
        present = connection.execute(kits.order_by(HOLDERS.c.version.desc()).limit(1)).one()
        locked = base64.b64encode(SealedBox(PublicKey(present.public)).encrypt(key)).decode()
        line = {"aside": KIND, "at": instant(at), "kit": present.version, "public": present.public.hex(), "key": locked}
        sealed = box.Box(file, key, line)
        telling = rows.Telling(sealed.add, {"at": instant(at), "version": version})
        telling.tables(connection, "keyring", rows.KEYS["keyring"])
        digest = telling.digest()
        signature = signing.sign(_signed(digest)).signature
        telling.end(signature=signature.hex())
        sealed.close()
    with practice.change() as change:
        change.tell(by, "backup:keys", secrets=telling.counts["keyring.wrapped"], tombstones=telling.counts["keyring.tombstones"])
    return Bundle(at, version, telling.counts, digest, signature)


def load(path: Path, halves: Halves, connection: Connection) -> tuple[Opener, Bundle]:
    """Put the keyring of the bundle at `path` into empty tables, in the caller's transaction. Returns the kit's opener, and what the bundle says.
    Raises BackupError, KitError."""
    facts = box.facts(path, KIND)
    opener = _joined(facts, halves)
    try:
        key = SealedBox(PrivateKey(opener.private)).decrypt(base64.b64decode(facts["key"]))
    except (CryptoError, ValueError, TypeError):
        raise BackupError(reason=f"the key in the first line of {path.name} was altered") from None
    hearing = rows.Hearing(box.pieces(path, KIND, key))
    rows.fill(hearing.rows(rows.KEYS), {"keyring": connection}, rows.KEYS)
    at, version = datetime.fromisoformat(hearing.head["at"]), str(hearing.head["version"])
    return opener, Bundle(at, version, dict(hearing.counts), hearing.digest(), bytes.fromhex(hearing.end["signature"]))


def key_of(archive: Path, told: Bundle, keyring: Keyring, by: Opener) -> bytes:
    """The key of `archive`, from the keyring of the bundle that `told` describes. Raises BackupError where the bundle is older than the archive, or
    than another of the same practice that lies beside it; KeyMissing where the bundle has the key and the kit is not among its holders; Shredded
    where the archive's time was up."""
    own = box.facts(archive, archives.KIND)
    secret = archives.secret_of(str(own["id"]))
    try:
        key = keyring.open(secret, by)
    except KeyMissing:
        if keyring.holders_of(secret):
            raise
        reason = f"the key bundle is older than {archive.name}, or of another practice: bring the present one"
        raise BackupError(reason=reason) from None
    for other in archives.archives(archive.parent):
        facts = box.facts(other, archives.KIND)
        name = archives.secret_of(str(facts["id"]))
        if facts.get("practice") != own.get("practice"):
            continue
        if str(facts["at"]) > instant(told.at) and not keyring.holders_of(name):
            raise BackupError(reason=f"the key bundle is older than {other.name}, which lies beside it: bring the present one")
    return key


def verify_apart(archive: Path, bundle: Path, halves: Halves) -> archives.Report:
    """What `verify` says, where the practice is not at hand: by the key bundle and the kit. Raises as `verify`, and KitError."""
    with _in_memory() as keyring:
        with writing(keyring.engine) as connection:
            opener, told = load(bundle, halves, connection)
        report = archives.looked_through(archive, key_of(archive, told, keyring, opener))
    told.signed_by(report.manifest.verify)
    return report


def _joined(facts: Mapping[str, object], halves: Halves) -> Opener:
    """The kit's opener, checked against the kit that the bundle is locked to."""
    with _in_memory() as keyring:
        with writing(keyring.engine) as connection:
            row = {"id": RECOVERY, "version": facts["kit"], "public": bytes.fromhex(facts["public"]), "since": facts["at"]}
            connection.execute(insert(HOLDERS).values(row))
        return kit.joined(keyring, *halves)


@contextmanager
def _in_memory() -> Iterator[Keyring]:
    """A keyring that is on no disk and gone when the block is left."""
    stores = connected("sqlite://", "sqlite://", "sqlite://")
    with writing(stores.keyring) as connection:
        rows.KEYS["keyring"].create_all(connection)
    try:
        yield Keyring(stores.keyring, None)
    finally:
        stores.close()


@contextmanager
def _written_over(path: Path) -> Iterator[None]:
    """Whatever file is at `path` when the block begins is filled with zeros when it is left, if another has taken its place."""
    if not path.is_file():
        yield
        return
    try:
        with path.open("r+b") as old:
            yield
            size = os.fstat(old.fileno()).st_size
            for at in range(0, size, box.CHUNK):
                old.write(bytes(min(box.CHUNK, size - at)))
            old.flush()
            os.fsync(old.fileno())
    except OSError as error:
        raise BackupError(reason=f"{path.name} cannot be written over ({error.strerror})") from None


def _signed(digest: bytes) -> bytes:
    return b"aside-bundle/1 " + digest
