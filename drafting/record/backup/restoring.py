"""A restore: an archive, the present key bundle and both halves of the kit make a practice in an empty place.

In: the two files, the halves, empty stores, where the new key file shall be. Out: the practice as it stood, under a new master key; what was shredded
since stays shredded. Knows no note. The keyring is filled first and marked; the record and the private notes are two transactions held open together,
and the record's is the last. So a place where a restore was cut has no practice in it, or the mark, or both; `whole` says so, and nothing opens it.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from drafting.errors import BackupError
from drafting.record import audit
from drafting.record.audit import Head
from drafting.record.backup import archive as archives
from drafting.record.backup import box, rows
from drafting.record.backup import keybundle as bundles
from drafting.record.keys import Keyring, Master, keyfile
from drafting.record.people import forget_names, secret_of
from drafting.record.store import Stores, migrating, reading, writing
from drafting.types.record import AuditEvent

_MARK = "restoring/"
_VERSION = sa.table("alembic_version", sa.column("version_num"))


def whole(stores: Stores) -> None:
    """Raise BackupError where a restore into `stores` was cut."""
    if _marked(stores):
        raise BackupError(reason="a restore into this place was cut. Begin it again, here or in another empty place")


def restore(
    archive: Path, bundle: Path, halves: bundles.Halves, into: Stores, key_file: Path, *, now: datetime, kept: Head | None = None, by: str = "backup"
) -> archives.Report:
    """Restore `archive` into empty stores, and write a new key file. `kept`, a head of the audit trail that was kept elsewhere, proves that archive
    and bundle are not both made up. A restore that was cut can be begun again in the same place; where it was cut at the very end, in another.
    Raises BackupError where the place is not empty, the bundle is not the present one or a file was altered; KitError, AuditBroken, StoreFailed, and
    Shredded where the archive's time was up. Then nothing is there but empty tables, and at most a marked keyring."""
    if key_file.exists():
        raise BackupError(reason=f"{key_file.name} is there already, and a key file is never written over. Name another place")
    _emptied(into)
    with writing(into.keyring) as connection:
        kit, told = bundles.load(bundle, halves, connection)
        _same_version("keyring", told.version, _mark(connection))
    keyring = Keyring(into.keyring, Master.made())
    key = bundles.key_of(archive, told, keyring, kit)
    keyring.restore_practice(kit)
    hearing = rows.Hearing(box.pieces(archive, archives.KIND, key))
    told.signed_by(hearing.head["verify"])
    for name, found in hearing.head["versions"].items():
        _same_version(name, found, migrating.version(getattr(into, name)))
    try:
        report = _filled(hearing, into, kept, now, by, key_file, keyring.master.newest())
    except BaseException:
        key_file.unlink(missing_ok=True)
        raise
    _unmark(into)
    return report


def _filled(hearing: rows.Hearing, into: Stores, kept: Head | None, now: datetime, by: str, key_file: Path, master: Master) -> archives.Report:
    """Both databases from `hearing`, the trail checked and told of it, and the key file: the record's transaction is the last to end."""
    with writing(into.record) as record, writing(into.private) as private:
        rows.fill(hearing.rows(rows.DATA), {"record": record, "private": private}, rows.DATA)
        _forget(record, into)
        manifest = archives.manifest_of(hearing)
        facts = {"rows": sum(manifest.rows.values()), "events": manifest.rows["record.audit"]}
        audit.append(record, AuditEvent(now, by, "backup:restored", subject=manifest.id, facts=facts))
        audit.verify(record, kept, bytes.fromhex(manifest.verify))
        keyfile.write(key_file, master)
    return archives.Report(manifest, manifest.rows["record.audit"])


def _forget(record: Connection, into: Stores) -> None:
    """A client whose record was destroyed after the archive was made is not in the index of names again."""
    stones = rows.KEYS["keyring"].tables["tombstones"].c.secret
    with reading(into.keyring) as connection:
        for name in connection.scalars(sa.select(stones).where(stones.startswith(secret_of("")))):
            forget_names(record, name.removeprefix(secret_of("")))


def _emptied(into: Stores) -> None:
    """See that nothing is in the place: what a cut restore left in the keyring is taken away, all else is refused. The databases are looked at before
    the keyring is touched: where the cut was at the very end, it has the keys of all that is in them."""
    marked = _marked(into)
    for name, engine in into.named():
        if not (marked and name == "keyring"):
            _nothing_in(name, engine)
    if marked:
        with writing(into.keyring) as connection:
            for table in reversed(rows.KEYS["keyring"].sorted_tables):
                connection.execute(table.delete())
            connection.execute(_VERSION.update().values(version_num=sa.func.replace(_VERSION.c.version_num, _MARK, "")))
    migrating.upgrade(into)


def _nothing_in(store: str, engine: sa.Engine) -> None:
    """Raise BackupError where a table of ours has a row, of whatever version the store is."""
    with reading(engine) as connection:
        for name in {t.name for t in (rows.DATA | rows.KEYS)[store].sorted_tables} & set(sa.inspect(connection).get_table_names()):
            if connection.execute(sa.select(sa.literal(1)).select_from(sa.table(name)).limit(1)).first():
                raise BackupError(reason=f"the store {store} is not empty, and a restore writes over nothing. Name an empty place")


def _same_version(store: str, found: str, wanted: str) -> None:
    if found != wanted:
        raise BackupError(
            reason=f"its {store} is of version {found}, and this Aside is of {wanted}. "
            "Restore it with the Aside that made it, then run `aside practice upgrade` with the newer one"
        )


# ── the mark ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _marked(stores: Stores) -> bool:
    return (migrating.version(stores.keyring) or "").startswith(_MARK)


def _mark(connection: Connection) -> str:
    """Have the keyring say that it is of no version that anything opens. Returns the version that it is of."""
    version = connection.scalar(sa.select(_VERSION.c.version_num))
    connection.execute(_VERSION.update().values(version_num=_MARK + version))
    return version


def _unmark(stores: Stores) -> None:
    with writing(stores.keyring) as connection:
        connection.execute(_VERSION.update().values(version_num=sa.func.replace(_VERSION.c.version_num, _MARK, "")))
