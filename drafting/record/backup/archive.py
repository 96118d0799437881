"""Archives: the record and the private notes as they stood at one time, in one sealed file; made, looked through, and removed when their time is up.

In: a practice, a folder. Out: `aside-<id>.backup`; a `Manifest`; a verdict. No key is in it: its own is the secret `backup/<id>`, which enters the
keyring when all of the archive is written, so that a key bundle which has it is at least as new. What is sealed in the databases is sealed in it, and
the whole is sealed besides, since ids and dates tell something too. Its size, its time, its id and its practice's are open to whoever sees the file.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nacl.signing import SigningKey
from sqlalchemy import select

from drafting.errors import AuditBroken, BackupError, KeyMissing, Shredded
from drafting.record import audit
from drafting.record.backup import box, rows
from drafting.record.keys import PRACTICE, RECOVERY
from drafting.record.practice import SIGNING, Practice, known, ready
from drafting.record.store import instant, migrating, reading
from drafting.record.store.tables.record import PRACTICE as TABLE

KIND = "backup/1"
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive says of itself, inside. `rows` by table ("record.clients"); `versions` of the databases; `verify`: the practice's Ed25519 key,
    hexadecimal, by which the key bundle that goes with it must be signed."""

    id: str
    at: datetime
    practice: str
    versions: Mapping[str, str]
    verify: str
    rows: Mapping[str, int]

    @property
    def file(self) -> str:
        return f"aside-{self.id}.backup"


@dataclass(frozen=True, slots=True)
class Report:
    """What was found whole: the archive's manifest, and how many events its audit trail has."""

    manifest: Manifest
    events: int


def secret_of(backup: str) -> str:
    return f"backup/{backup}"


def create(practice: Practice, folder: Path, *, by: str = "backup") -> Manifest:
    """Back up into `folder` while others write. The record is read first, then the private notes, each as it stands at one instant; so whatever the
    record tells of is among the private notes too, if it was put there first. Write the key bundle (`bundle`) afterwards: the archive is no use
    without one that is as new. Raises BackupError where the file cannot be written, KitError where the recovery kit is not proven."""
    ready(practice)
    migrating.check(practice.stores)
    at = practice.now()
    manifest = Manifest(
        f"B{at.astimezone(UTC):{_STAMP}}-{secrets.token_hex(4)}",
        at,
        _public_id(practice),
        {name: migrating.version(engine) for name, engine in practice.stores.named() if name in rows.DATA},
        bytes(SigningKey(practice.keyring.open(SIGNING)).verify_key).hex(),
        rows={},
    )
    key = secrets.token_bytes(32)
    with box.placed(folder / manifest.file) as file:
        sealed = box.Box(file, key, {"aside": KIND, "id": manifest.id, "at": instant(at), "practice": manifest.practice})
        counts = _told(practice, sealed, manifest)
        practice.keyring.keep(secret_of(manifest.id), key, [PRACTICE, RECOVERY])
    with practice.change() as change:
        change.tell(by, "backup:created", subject=manifest.id, rows=sum(counts.values()), events=counts["record.audit"])
    return replace(manifest, rows=counts)


def verify(practice: Practice, archive: Path, *, by: str = "backup") -> Report:
    """Read all of `archive` and restore nothing: every chunk authentic, as many rows as it says, the audit trail in it whole. Raises BackupError,
    AuditBroken, KeyMissing where this process was not given the key file that opens it, and Shredded where the archive's time was up."""
    name = claimed(archive)
    try:
        report = looked_through(archive, practice.keyring.open(secret_of(name)))
    except KeyMissing:
        if practice.keyring.holders_of(secret_of(name)):
            raise
        raise BackupError(reason=f"{archive.name} is of another practice, or its making was cut") from None
    with practice.change() as change:
        change.tell(by, "backup:verified", subject=name, rows=sum(report.manifest.rows.values()), events=report.events)
    return report


def expire(practice: Practice, folder: Path, *, days: int = 35, by: str = "backup") -> tuple[str, ...]:
    """Destroy the keys of all archives that are `days` old, wherever they were carried, and remove the files that lie in `folder`, and what a cut
    try left there. Returns the ids. Write the key bundle afterwards. Raises BackupError where a file cannot be removed,
    NotScrubbed: then repeat it."""
    limit = practice.now() - timedelta(days=days)
    due = [name for name in practice.keyring.held_by(PRACTICE, "backup/") if _made(name) <= limit]
    if due:
        with practice.change() as change:  # first: a name is found due until its key is gone
            for name in due:
                change.tell(by, "backup:expired", subject=name.removeprefix("backup/"))
        practice.keyring.shred(due, reason="expired", now=practice.now())
    else:
        practice.keyring.scrub()  # a try before this one may have ended in between
    over = [path for path in archives(folder) if _shredded(practice, secret_of(claimed(path)))]
    for path in [*over, *(p for p in folder.glob("aside-B*.backup.*.part") if _made(p.name) <= limit)]:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise BackupError(reason=f"{path.name} cannot be removed ({error.strerror})") from None
    return tuple(name.removeprefix("backup/") for name in due)


def claimed(archive: Path) -> str:
    """The id in an archive's first line."""
    return str(box.facts(archive, KIND)["id"])


def archives(folder: Path) -> Iterator[Path]:
    """Files in `folder` whose first line is an archive's."""
    for path in sorted(folder.glob("*.backup")):
        try:
            claimed(path)
        except BackupError:
            continue  # whose it is cannot be known
        yield path


def looked_through(archive: Path, key: bytes) -> Report:
    """Everything that `verify` says, of an archive whose key is at hand."""
    hearing = rows.Hearing(box.pieces(archive, KIND, key))
    ends: list[tuple[int, bytes]] = []
    walked = audit.walked(_trail(hearing, ends), None)
    if ends != [walked]:
        raise AuditBroken(seq=walked[0] + 1, reason="in the backup the end is missing")
    return Report(manifest_of(hearing), walked[0])


def manifest_of(hearing: rows.Hearing) -> Manifest:
    head = hearing.head
    at = datetime.fromisoformat(head["at"])
    return Manifest(head["id"], at, head["practice"], head["versions"], head["verify"], dict(hearing.counts))


def _trail(hearing: rows.Hearing, ends: list[tuple[int, bytes]]) -> Iterator[tuple[int, bytes, bytes]]:
    """The audit trail's events as they pass by, number, bytes and hash; where it says that it ends is put into `ends`."""
    for name, row in hearing.rows(rows.DATA):
        if name == "record.audit":
            yield row["seq"], row["body"], row["hash"]
        elif name == "record.audit_head":
            ends.append((row["seq"], row["hash"]))


def _told(practice: Practice, sealed: box.Box, manifest: Manifest) -> dict[str, int]:
    """The whole stream, into `sealed`."""
    head = {"id": manifest.id, "at": instant(manifest.at), "practice": manifest.practice, "versions": manifest.versions, "verify": manifest.verify}
    telling = rows.Telling(sealed.add, head)
    for store, engine in (("record", practice.stores.record), ("private", practice.stores.private)):
        with reading(engine) as connection:
            telling.tables(connection, store, rows.DATA[store])
    telling.end()
    sealed.close()
    return telling.counts


def _public_id(practice: Practice) -> str:
    with practice.look() as connection:
        return known(connection.scalar(select(TABLE.c.public_id)), "practice", "yet")


def _made(name: str) -> datetime:
    """When the backup was made whose id is in `name`, since the id begins with it; for another name, never."""
    found = re.search(r"B(\d{8}T\d{6}Z)-", name)
    return datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC) if found else datetime.max.replace(tzinfo=UTC)


def _shredded(practice: Practice, secret: str) -> bool:
    """False too for what was never this practice's."""
    try:
        practice.keyring.open(secret)
    except Shredded:
        return True
    except KeyMissing:
        return False
    return False
