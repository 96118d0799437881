"""Backup: made while others write, sealed, found out when altered, and restored into an empty place without what was shredded."""

from __future__ import annotations

import json
import os
import resource
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from drafting.errors import AuditBroken, BackupError, Conflict, KeyMissing, KitError, NotKnown, Shredded, StoreFailed, StoreOutdated
from drafting.record import audit, backup, people
from drafting.record import practice as practices
from drafting.record.backup import archive as archives
from drafting.record.backup import box, keybundle, restoring, rows
from drafting.record.keys import PRACTICE, RECOVERY, Keyring, Master, keyfile, kit
from drafting.record.people import secret_of
from drafting.record.practice import Practice
from drafting.record.store import Stores, connected, in_folder, instant, migrating, reading, writing
from drafting.record.store.tables import private as private_tables
from drafting.record.store.tables import record as tables
from drafting.types.record import Person, Standing
from tests import stores as of_tests

NOW = datetime(2026, 11, 18, 15, 0, tzinfo=UTC)
CANARY = "Zebulonia Quartermaine"
AT = instant(NOW)


@dataclass
class Place:
    """A practice with its kit, and where its backups go."""

    practice: Practice
    halves: tuple[str, str]
    folder: Path
    clients: tuple[str, ...]

    @property
    def bundle(self) -> Path:
        return self.folder / "elsewhere" / "keys.bundle"

    def back_up(self) -> Path:
        """An archive, and the bundle after it."""
        manifest = backup.create(self.practice, self.folder)
        backup.bundle(self.practice, self.bundle)
        return self.folder / manifest.file

    def restore(self, archive: Path, into: Stores, key_file: Path, **more: object) -> Practice:
        """What `archive` restores to, opened with the new key file."""
        backup.restore(archive, more.pop("bundle", self.bundle), more.pop("halves", self.halves), into, key_file, now=NOW, **more)
        return Practice(into, Keyring(into.keyring, keyfile.read(key_file)), of_tests.Clock(NOW))


def furnished(stores: Stores, folder: Path) -> Place:
    """A practice with people who supervise one another, clients, plans, a chain of addenda, work, media of 300 KB and a private note."""
    practice = Practice(stores, Keyring(stores.keyring, Master.made()), of_tests.Clock(NOW))
    halves = practices.make(practice, "us-federal")
    kit.prove(practice.keyring, *halves, now=NOW)
    for name in ("Pb", "Pa"):
        people.add_person(practice, Person(name, f"Ann {name}", Standing.SUPERVISOR), by="setup")
    for name, over in (("Pa", "Pb"), ("Pb", "Pa")):  # a ring
        people.change_person(practice, Person(name, f"Ann {name}", Standing.SUPERVISOR, supervisor=over), by="setup")
    people.add_person(practice, Person("P0", "Tess Young", Standing.TRAINEE, supervisor="Pa"), by="setup")
    clients = tuple(people.add_client(practice, name, "Pa", by="Pa").id for name in (CANARY, "Otto Vale"))
    people.write_plan(practice, clients[0], {"goals": ["sleep"]}, by="Pa")
    practice.keyring.make_pair("encounter/E1", [RECOVERY], now=NOW)
    for name in ("work/E1/draft/1", "private/N1"):
        practice.keyring.make(name, [RECOVERY])
    with practice.change() as change:
        fill = {
            "client": clients[0],
            "format": "dap",
            "review": 1,
            "digest": "0" * 64,
            "signed": AT,
            "body_sealed": b"\x00sealed\xff",
            "encounter": "E1",
        }
        change.connection.execute(
            tables.ENCOUNTERS.insert().values(
                id="E1", client=clients[0], author="Pa", stage="drafted", state="locked", version=1, created=AT, service_date=NOW.date()
            )
        )
        change.connection.execute(tables.WORK.insert().values(encounter="E1", kind="draft", version=1, key="work/E1/draft/1", body_sealed=b"w"))
        media = [{"encounter": "E1", "name": "a", "number": n, "key": "m", "chunk_sealed": secrets.token_bytes(100_000)} for n in range(3)]
        change.connection.execute(tables.MEDIA.insert(), media)
        # the key's order is not the order in which they refer to one another
        for number, (name, parent) in enumerate((("N9", None), ("N2", "N9"), ("N1", "N2"), ("N5", "N1"))):
            change.connection.execute(tables.NOTES.insert().values(id=name, number=number, kind=f"k{number}", parent=parent, **fill))
        change.tell("Pa", "note:signed", subject="N9")
    with writing(stores.private) as connection:
        row = {
            "id": "S1",
            "encounter": "E1",
            "client": clients[0],
            "author": "Pa",
            "number": 1,
            "key": "private/N1",
            "body_sealed": b"p",
            "since": AT,
        }
        connection.execute(private_tables.PRIVATE_NOTES.insert().values(row))
        connection.execute(
            private_tables.SUPERVISION.insert().values(id="V1", person="P0", supervisor="Pa", on=NOW.date(), minutes=50, key="v", body_sealed=b"")
        )
    return Place(practice, halves, folder, clients)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Place]:
    """A furnished practice on SQLite and an empty place, made once, to be copied."""
    folder = tmp_path_factory.mktemp("template")
    with empty(folder / "stores") as stores, empty(folder / "nothing") as nothing:
        migrating.upgrade(stores)
        migrating.upgrade(nothing)
        return folder, furnished(stores, folder / "backups")


@pytest.fixture
def place(template: tuple[Path, Place], tmp_path: Path) -> Iterator[Place]:
    folder, made = template
    shutil.copytree(folder / "stores", tmp_path / "stores")
    with empty(tmp_path / "stores") as stores:
        practice = Practice(stores, Keyring(stores.keyring, made.practice.keyring.master), of_tests.Clock(NOW))
        yield replace(made, practice=practice, folder=tmp_path / "backups")


@pytest.fixture
def fresh(template: tuple[Path, Place], tmp_path: Path) -> Iterator[Stores]:
    """An empty place, of the present version."""
    shutil.copytree(template[0] / "nothing", tmp_path / "fresh")
    with empty(tmp_path / "fresh") as stores:
        yield stores


@contextmanager
def empty(folder: Path) -> Iterator[Stores]:
    stores = in_folder(folder)
    yield stores
    stores.close()


def everything(stores: Stores, *, without: tuple[str, ...] = ("audit", "audit_head")) -> dict[str, list[object]]:
    """Every row of the record and the private notes, by table."""
    found = {}
    for store, metadata in rows.DATA.items():
        with reading(getattr(stores, store)) as connection:
            for table in metadata.sorted_tables:
                if table.name not in without:
                    found[f"{store}.{table.name}"] = sorted(map(repr, connection.execute(sa.select(table))))
    return found


def everything_of(keyring: sa.Engine) -> list[list[object]]:
    """Every row of a keyring, by table."""
    with reading(keyring) as connection:
        return [sorted(map(repr, connection.execute(sa.select(table)))) for table in rows.KEYS["keyring"].sorted_tables]


def trail(practice: Practice) -> list[tuple[str, str | None]]:
    with practice.look() as connection:
        return [(event["action"], event.get("subject")) for _, event in audit.events(connection)]


# ── restoring ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_restore_into_an_empty_place_gives_every_row_and_every_name(place: Place, tmp_path: Path) -> None:
    """Row for row the same; names open under the new key file; the trail is whole, ends with the restore, and passes through a head kept before."""
    kept = place.practice.audit_head()
    archive, before = place.back_up(), everything(place.practice.stores)
    with empty(tmp_path / "new") as into:
        restored = place.restore(archive, into, tmp_path / "new.key", kept=kept)
        assert everything(into) == before
        assert [people.find_client(restored, c).name for c in place.clients] == [CANARY, "Otto Vale"]
        assert people.find_person(restored, "P0").name == "Tess Young"
        assert [c.id for c in people.search_clients(restored, "quartermaine")] == [place.clients[0]]
        assert restored.audit_verify(kept) >= kept.seq and restored.audit_verify(restored.audit_head())
        assert trail(restored)[-1][0] == "backup:restored"
        migrating.check(into)
        backup.whole(into)
        assert (tmp_path / "new.key").stat().st_mode & 0o077 == 0


def test_a_restored_practice_goes_on(place: Place, tmp_path: Path) -> None:
    """What was restored takes new clients, keeps its guards, and is backed up and restored in its turn, by the same kit."""
    archive = place.back_up()
    with empty(tmp_path / "two") as two, empty(tmp_path / "three") as three:
        second = place.restore(archive, two, tmp_path / "two.key")
        new = people.add_client(second, "Mina Harrow", "Pa", by="Pa")
        with pytest.raises((StoreFailed, Conflict)), writing(two.record) as connection:
            connection.execute(tables.NOTES.delete())
        again = Place(second, place.halves, tmp_path / "again", place.clients)
        third = again.restore(again.back_up(), three, tmp_path / "three.key")
        assert people.find_client(third, new.id).name == "Mina Harrow"


def test_between_engines_and_back(place: Place, postgres: sa.URL, tmp_path: Path) -> None:
    """SQLite to PostgreSQL and from there to SQLite: every row is the same, dates and bytes included."""
    before = everything(place.practice.stores)
    with empty(tmp_path / "back") as back:
        server = connected(*of_tests.databases(postgres))
        there = place.restore(place.back_up(), server, tmp_path / "there.key")
        assert everything(server) == before
        of_server = Place(there, place.halves, tmp_path / "of_server", place.clients)
        home = of_server.restore(of_server.back_up(), back, tmp_path / "back.key")
        assert everything(back) == before
        assert people.find_client(home, place.clients[1]).name == "Otto Vale"
        home.audit_verify()
        server.close()


def test_what_was_shredded_stays_shredded_in_an_old_archive(place: Place, tmp_path: Path) -> None:
    """An archive from before a shredding, restored with the present bundle: the row is there, its words are not, and another client's are."""
    archive = place.back_up()
    gone, stays = place.clients
    place.practice.keyring.shred([secret_of(gone), "work/E1/draft/1"], reason="retention", now=NOW)
    backup.bundle(place.practice, place.bundle)
    with empty(tmp_path / "new") as into:
        restored = place.restore(archive, into, tmp_path / "new.key")
        with pytest.raises(Shredded):
            people.find_client(restored, gone)
        assert people.search_clients(restored, "quartermaine") == () and people.search_clients(restored, "vale")
        opener = kit.joined(restored.keyring, *place.halves)
        with pytest.raises(Shredded):
            restored.keyring.open("work/E1/draft/1", opener)
        assert restored.keyring.open("private/N1", opener)
        assert people.find_client(restored, stays).name == "Otto Vale"


def test_an_older_bundle_is_refused(place: Place, tmp_path: Path) -> None:
    """A bundle from before the archive does not open it; one from before a later archive that lies beside it is refused too."""
    first = place.back_up()
    old = tmp_path / "old.bundle"
    old.write_bytes(place.bundle.read_bytes())
    place.practice.now.at += timedelta(days=1)
    second = place.back_up()
    with empty(tmp_path / "new") as into:
        for archive in (first, second):
            with pytest.raises(BackupError, match="older"):
                place.restore(archive, into, tmp_path / "new.key", bundle=old)
        with pytest.raises(BackupError, match="older"):
            backup.verify_apart(first, old, place.halves)
        place.restore(first, into, tmp_path / "new.key")


def test_archives_of_two_practices_may_lie_in_one_folder(place: Place, tmp_path: Path, practice_elsewhere: Place) -> None:
    """Another practice's archive, newer than our key bundle, is none of the bundle's: ours is restored from beside it."""
    archive, other = place.back_up(), practice_elsewhere
    other.practice.now.at += timedelta(days=1)
    stranger = other.back_up()
    stranger.rename(archive.parent / stranger.name)
    assert backup.verify_apart(archive, place.bundle, place.halves).events
    with empty(tmp_path / "new") as into:
        place.restore(archive, into, tmp_path / "new.key")


def test_a_key_that_is_there_for_others_is_not_told_as_missing_from_the_bundle(place: Place, tmp_path: Path) -> None:
    """Where the archive's key is in the keyring and not for who asks, it is said so: neither is the bundle old nor the archive another's."""
    archive = place.back_up()
    worker = Practice(place.practice.stores, Keyring(place.practice.stores.keyring, None), place.practice.now)
    with pytest.raises(KeyMissing, match="not given the practice's key file"):
        backup.verify(worker, archive)
    place.practice.keyring.unshare(f"backup/{archives.claimed(archive)}", RECOVERY)
    backup.bundle(place.practice, place.bundle)
    with pytest.raises(KeyMissing, match="recovery"):
        backup.verify_apart(archive, place.bundle, place.halves)


def test_another_kit_opens_nothing(place: Place, tmp_path: Path, practice_elsewhere: Place) -> None:
    """Halves of another practice, one half twice, and a mistyped half are refused, and so is another practice's bundle."""
    archive, other = place.back_up(), practice_elsewhere
    other.back_up()
    one, two = place.halves
    with empty(tmp_path / "new") as into:
        for halves in (other.halves, (one, one), (one, two[:-1] + ("A" if two[-1] != "A" else "B"))):
            with pytest.raises(KitError):
                place.restore(archive, into, tmp_path / "new.key", halves=halves)
        with pytest.raises(BackupError):
            place.restore(archive, into, tmp_path / "new.key", halves=other.halves, bundle=other.bundle)
        assert not (tmp_path / "new.key").exists()
        place.restore(archive, into, tmp_path / "new.key")


@pytest.fixture
def practice_elsewhere(tmp_path: Path) -> Iterator[Place]:
    stores = in_folder(tmp_path / "other")
    migrating.upgrade(stores)
    yield furnished(stores, tmp_path / "other_backups")
    stores.close()


def test_a_bundle_that_the_practice_did_not_write_is_refused(place: Place, tmp_path: Path, practice_elsewhere: Place) -> None:
    """Wrapped keys copied out of the keyring and locked to the kit anew do not pass for a bundle: the practice's signature is missing."""
    archive = place.back_up()
    forger = practice_elsewhere
    with reading(place.practice.stores.keyring) as connection:
        stolen = {t: connection.execute(sa.select(t)).mappings().all() for t in rows.KEYS["keyring"].sorted_tables}
    own = forger.practice.keyring.open(practices.SIGNING)
    with writing(forger.practice.stores.keyring) as connection:
        for table, taken in stolen.items():
            connection.execute(table.delete())
            if kept := [dict(r) for r in taken if r.get("secret") != practices.SIGNING]:
                connection.execute(table.insert(), kept)
    forger.practice.keyring.keep(practices.SIGNING, own, [PRACTICE, RECOVERY])
    backup.bundle(forger.practice, forger.bundle)
    with empty(tmp_path / "new") as into, pytest.raises(BackupError, match="not written by the practice"):
        place.restore(archive, into, tmp_path / "new.key", bundle=forger.bundle)


def test_a_kept_head_of_another_trail_is_found(place: Place, tmp_path: Path) -> None:
    """A head of events that came after the archive says that events are missing; nothing is restored then."""
    archive = place.back_up()
    people.add_client(place.practice, "Ivo Later", "Pa", by="Pa")
    with empty(tmp_path / "new") as into:
        with pytest.raises(AuditBroken):
            place.restore(archive, into, tmp_path / "new.key", kept=place.practice.audit_head())
        assert not (tmp_path / "new.key").exists()
        assert not any(everything(into, without=()).values())


@pytest.mark.parametrize("store", ["record", "private", "keyring"])
def test_a_restore_writes_over_nothing(place: Place, tmp_path: Path, store: str) -> None:
    """One row anywhere, or a key file, and a restore is refused and leaves all as it was."""
    archive = place.back_up()
    row = {
        "record": tables.INTENTS.insert().values(id="i", kind="move", encounter="E1", subject="s", at=AT),
        "private": private_tables.INSTRUCTIONS.insert().values(author="P1", executor="P2", wish="shred", since=AT),
        "keyring": rows.KEYS["keyring"].tables["tombstones"].insert().values(secret="s", at=AT, reason="r", receipt="x"),
    }[store]
    with empty(tmp_path / "new") as into:
        migrating.upgrade(into)
        with writing(getattr(into, store)) as connection:
            connection.execute(row)
        with pytest.raises(BackupError, match="not empty"):
            place.restore(archive, into, tmp_path / "new.key")
        assert not (tmp_path / "new.key").exists()
    (tmp_path / "there.key").write_text("mine")
    with empty(tmp_path / "another") as into, pytest.raises(BackupError, match="already"):
        place.restore(archive, into, tmp_path / "there.key")
    assert (tmp_path / "there.key").read_text() == "mine"


@pytest.mark.parametrize("where", [(Keyring, "restore_practice"), (rows, "_put"), (audit, "verify"), (keyfile, "write"), (restoring, "_unmark")])
def test_a_restore_that_is_cut_is_refused_and_begun_again(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: tuple[object, str]
) -> None:
    """Cut anywhere, the place is not taken for a practice; the next try, there or in an empty place, makes it whole."""
    archive = place.back_up()
    with empty(tmp_path / "new") as into:
        calls = []

        def cut(*args: object, **named: object) -> object:
            calls.append(args)
            if where[1] == "_put" and len(calls) < 12:  # the keyring and some of the record
                return whole(*args, **named)
            raise KeyboardInterrupt

        whole = getattr(*where)
        with monkeypatch.context() as patched:
            patched.setattr(*where, cut)
            with pytest.raises(KeyboardInterrupt):
                place.restore(archive, into, tmp_path / "new.key")
        with pytest.raises(StoreOutdated):
            migrating.check(into)
        with pytest.raises(BackupError, match="cut"):
            backup.whole(into)
        if where[1] == "_unmark":  # the very end: all is there and nothing vouches for it
            kept = everything_of(into.keyring)
            with pytest.raises(BackupError, match="record is not empty"):
                place.restore(archive, into, tmp_path / "another.key")
            assert everything_of(into.keyring) == kept
            with pytest.raises(BackupError, match="cut"):
                backup.whole(into)
            with empty(tmp_path / "third") as third:
                assert people.find_client(place.restore(archive, third, tmp_path / "third.key"), place.clients[0])
            return
        with pytest.raises(NotKnown):
            Practice(into, Keyring(into.keyring, None)).policy()
        restored = place.restore(archive, into, tmp_path / "new.key")
        assert people.find_client(restored, place.clients[0]).name == CANARY
        assert everything(into) == everything(place.practice.stores)


def test_the_record_is_the_last_that_comes(place: Place, fresh: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut when all is read and the private notes are about to be committed: there is no practice yet, and no key file; the next try is whole."""
    archive, key_file = place.back_up(), tmp_path / "new.key"

    @contextmanager
    def cut(engine: sa.Engine) -> Iterator[sa.Connection]:
        with writing(engine) as connection:
            yield connection
            if engine is fresh.private:
                raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(restoring, "writing", cut)
        with pytest.raises(KeyboardInterrupt):
            place.restore(archive, fresh, key_file)
    assert not any(everything(fresh, without=()).values()) and not key_file.exists()
    place.restore(archive, fresh, key_file)


def test_a_backup_of_another_version_is_refused_with_what_to_do(place: Place, tmp_path: Path) -> None:
    """An archive that says it is of a version that this code does not have is not guessed at."""
    with place.practice.stores.record.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'record_0999'")
    with pytest.raises(StoreOutdated):
        backup.create(place.practice, place.folder)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(migrating, "check", lambda _: None)
        archive = place.back_up()
    with empty(tmp_path / "new") as into, pytest.raises(BackupError, match=r"record_0999.*practice upgrade"):
        place.restore(archive, into, tmp_path / "new.key")


# ── while others write ────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_archive_is_one_state_of_the_record(stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients are added while it is read, one at every fifth row: it has for every client the event that tells of it, and the other way round."""
    place, told, packed = furnished(stores, tmp_path / "backups"), [], rows.packed

    def slowly(values: object) -> bytes:
        told.append(None)
        if len(told) % 5 == 0:
            people.add_client(place.practice, f"Number {len(told)}", "Pa", by="Pa")
        return packed(values)

    monkeypatch.setattr(rows, "packed", slowly)
    file = place.folder / backup.create(place.practice, place.folder).file
    assert len(people.search_clients(place.practice, "number")) == len(told) // 5 > 3
    assert contents(place, file) == 2
    monkeypatch.setattr(rows, "packed", packed)
    assert contents(place, place.folder / backup.create(place.practice, place.folder).file) == 2 + len(told) // 5


def contents(place: Place, file: Path) -> int:
    """How many clients are in an archive, each with its event."""
    hearing = rows.Hearing(box.pieces(file, archives.KIND, place.practice.keyring.open(f"backup/{archives.claimed(file)}")))
    found = list(hearing.rows(rows.DATA))
    clients = [row["id"] for name, row in found if name == "record.clients"]
    events = [json.loads(row["body"]) for name, row in found if name == "record.audit"]
    assert sorted(e["subject"] for e in events if e["action"] == "client:added") == sorted(clients)
    assert backup.verify(place.practice, file).events == len(events)
    return len(clients)


def test_an_archive_is_made_while_threads_write(place: Place) -> None:
    """Neither waits for the other to be done: four archives while another thread adds clients, each one whole, and no write is refused."""
    done, failed = threading.Event(), []

    def write() -> None:
        try:
            while not done.is_set():
                people.add_client(place.practice, "Ida Moor", "Pa", by="Pa")
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        files = [place.folder / backup.create(place.practice, place.folder).file for _ in range(4)]
    finally:
        done.set()
        thread.join()
    sizes = [contents(place, file) for file in files]
    assert sizes == sorted(sizes) and not failed


# ── sealed, and found out when altered ────────────────────────────────────────────────────────────────────────────────


def test_no_name_id_or_key_is_in_a_byte_of_it(place: Place) -> None:
    """Neither the canary name, nor an id, a date of service, an action or a key can be read in archive or bundle; both are closed to others."""
    archive = place.back_up()
    keys = [place.practice.keyring.open(n) for n in place.practice.keyring.held_by(PRACTICE)]
    for file in (archive, place.bundle):
        data = file.read_bytes()
        words = [CANARY, "Quartermaine", "Otto", place.clients[0], "client:added", "us-federal", "E1", "encounter/E1"]
        assert not [w for w in words if len(w) > 2 and w.encode() in data]
        assert not [k for k in keys if k in data]
        assert file.stat().st_mode & 0o077 == 0


def test_an_archive_holds_no_key_of_the_keyring(place: Place) -> None:
    """Opened, an archive has no table of the keyring, and no wrapped key among its values."""
    archive = place.back_up()
    with reading(place.practice.stores.keyring) as connection:
        wrapped = set(connection.scalars(sa.select(rows.KEYS["keyring"].tables["wrapped"].c.body)))
    plain = b"".join(box.pieces(archive, archives.KIND, place.practice.keyring.open(f"backup/{archives.claimed(archive)}")))
    assert b"record.clients" in plain and b"wrapped" not in plain
    assert not [w for w in wrapped if w in plain]


def altered(data: bytes, how: str) -> bytes:
    start = data.index(b"\n") + 1 + 32
    size = box.CHUNK + 16
    if how == "swapped":
        return data[:start] + data[start + size : start + 2 * size] + data[start : start + size] + data[start + 2 * size :]
    return {
        "first line": data[:30] + bytes([data[30] ^ 1]) + data[31:],
        "salt": data[: start - 1] + bytes([data[start - 1] ^ 1]) + data[start:],
        "first chunk": data[:start] + bytes([data[start] ^ 128]) + data[start + 1 :],
        "last byte": data[:-1] + bytes([data[-1] ^ 1]),
        "cut by a byte": data[:-1],
        "cut at a chunk": data[: start + (len(data) - start - 1) // size * size],
        "cut in the line": data[:20],
        "nothing": b"",
        "goes on": data + b"\0",
        "goes on for a chunk": data + data[-size:],
        "doubled": data[:start] + data[start : start + size] + data[start:],
    }[how]


ALTERED = [
    "first line",
    "salt",
    "first chunk",
    "last byte",
    "cut by a byte",
    "cut at a chunk",
    "cut in the line",
    "nothing",
    "goes on",
    "goes on for a chunk",
]


def test_an_altered_archive_is_found(place: Place, fresh: Stores, tmp_path: Path) -> None:
    """Whatever was done to its bytes, neither a look through nor a restore takes it, and the restore leaves nothing."""
    archive = place.back_up()
    data = archive.read_bytes()
    assert len(data) > 3 * box.CHUNK
    for how in (*ALTERED, "swapped", "doubled"):
        assert altered(data, how) != data
        archive.write_bytes(altered(data, how))
        with pytest.raises(BackupError):
            backup.verify(place.practice, archive)
        with pytest.raises(BackupError):
            place.restore(archive, fresh, tmp_path / "new.key")
        assert not (tmp_path / "new.key").exists()
        assert not any(everything(fresh, without=()).values())
    archive.write_bytes(data)
    place.restore(archive, fresh, tmp_path / "new.key")


def test_an_altered_bundle_is_found(place: Place, fresh: Stores, tmp_path: Path) -> None:
    """The same of the bundle; nothing of it stays in the keyring."""
    archive = place.back_up()
    data = place.bundle.read_bytes()
    for how in ALTERED:
        place.bundle.write_bytes(altered(data, how))
        with pytest.raises(BackupError):
            place.restore(archive, fresh, tmp_path / "new.key")
        migrating.check(fresh)
        with reading(fresh.keyring) as connection:
            assert not [t for t in rows.KEYS["keyring"].sorted_tables if connection.execute(sa.select(t)).first()]
        with pytest.raises(BackupError):
            backup.verify_apart(archive, place.bundle, place.halves)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_no_byte_of_a_box_can_be_flipped(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Any bytes come back as they were; with any one bit of the file flipped, none do."""
    path, key = tmp_path_factory.getbasetemp() / "any.box", bytes(range(32))
    words = data.draw(st.binary(max_size=50)) * data.draw(st.sampled_from([1, 2000, 4000]))
    with box.placed(path) as file:
        sealed = box.Box(file, key, {"aside": "test/1"})
        sealed.add(words)
        sealed.close()
    assert b"".join(box.pieces(path, "test/1", key)) == words
    whole = bytearray(path.read_bytes())
    whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(whole)
    with pytest.raises(BackupError):
        list(box.pieces(path, "test/1", key))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.text(st.characters(codec="utf-8")), st.binary(), st.dates())))
def test_a_row_comes_back_as_it_was(values: list[object]) -> None:
    """Each value with its kind: an empty text is not nothing, and bytes are not text."""
    assert rows.unpacked(rows.packed(values)) == values


def test_a_value_that_no_table_has_is_not_guessed_at() -> None:
    """A kind of value that the format does not know stops a backup, rather than coming back as something else."""
    for value in (1.5, True, NOW):
        with pytest.raises(KeyError):
            rows.packed([value])


# ── looked through ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_look_through_counts_and_tells(place: Place) -> None:
    """By the practice, or by bundle and kit: the same counts as the databases have; the practice's own look is on the trail."""
    counts = {name: len(found) for name, found in everything(place.practice.stores, without=("sessions", "throttles")).items()}
    archive = place.back_up()
    report = backup.verify(place.practice, archive)
    assert report.manifest.rows == counts and report.events == counts["record.audit"]
    assert backup.verify_apart(archive, place.bundle, place.halves) == report
    assert [action for action, subject in trail(place.practice) if subject == report.manifest.id] == ["backup:created", "backup:verified"]
    assert not [action for action, _ in trail(place.practice) if action == "backup:restored"]


def test_a_broken_trail_in_an_archive_is_found(place: Place) -> None:
    """An archive of a record whose trail was tampered with is whole as a file; the look through says where the trail is not."""
    with writing(place.practice.stores.record) as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_no_update")
        connection.execute(tables.AUDIT.update().where(tables.AUDIT.c.seq == 3).values(body=b"{}"))
    with pytest.raises(AuditBroken, match="event 3"):
        backup.verify(place.practice, place.folder / backup.create(place.practice, place.folder).file)


def test_an_archive_of_another_practice_is_told_apart(place: Place, practice_elsewhere: Place) -> None:
    """It is refused in words, not as a key that is wrong."""
    with pytest.raises(BackupError, match="another practice"):
        backup.verify(place.practice, practice_elsewhere.back_up())


# ── made whole or not at all ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_disk_that_refuses_leaves_no_half_file(place: Place) -> None:
    """A file that may not grow any further stops a backup with BackupError; the archive and bundle from before are as they were."""
    archive = place.back_up()
    before = {f: f.read_bytes() for f in (archive, place.bundle)}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, hard))
    try:
        for attempt in (lambda: backup.create(place.practice, place.folder), lambda: backup.bundle(place.practice, place.bundle)):
            with pytest.raises(BackupError, match="cannot be written"):
                attempt()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    files = {f for f in place.folder.rglob("*") if f.is_file()}
    assert files == set(before) and all(f.read_bytes() == data for f, data in before.items())


def test_a_folder_that_is_none_is_refused(place: Place, tmp_path: Path) -> None:
    """A place that cannot be written to, for the archive or the bundle, is a BackupError, and no event says that there is a backup."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(BackupError):
        backup.create(place.practice, blocked)
    with pytest.raises(BackupError):
        backup.bundle(place.practice, blocked / "keys.bundle")
    assert not [action for action, _ in trail(place.practice) if action.startswith("backup:")]
    with pytest.raises(BackupError):
        backup.verify(place.practice, tmp_path / "none.backup")


def test_no_backup_before_the_kit_is_proven(sqlite_stores: Stores, tmp_path: Path) -> None:
    """What nobody could restore is not called a backup."""
    practice = Practice(sqlite_stores, Keyring(sqlite_stores.keyring, Master.made()), of_tests.Clock(NOW))
    practices.make(practice, "us-federal")
    with pytest.raises(KitError):
        backup.create(practice, tmp_path)
    with pytest.raises(KitError):
        backup.bundle(practice, tmp_path / "keys.bundle")


CHILD = """
import os, pathlib, sys
from drafting.record import backup
from drafting.record.keys import keyfile
from drafting.record.keys import Keyring
from drafting.record.practice import Practice
from drafting.record.store import in_folder
folder, what, point = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
stores = in_folder(folder / "stores")
practice = Practice(stores, Keyring(stores.keyring, keyfile.read(folder / "key")))
def die(*_): os.kill(os.getpid(), 9)
setattr(os if point == "fsync" else pathlib.Path, point, die)
backup.create(practice, folder / "backups") if what == "archive" else backup.bundle(practice, folder / "backups/elsewhere/keys.bundle")
"""


@pytest.mark.parametrize(("what", "point"), [("archive", "fsync"), ("archive", "replace"), ("bundle", "replace")])
def test_killed_half_way_what_was_there_is_there(place: Place, tmp_path: Path, what: str, point: str) -> None:
    """SIGKILL while a file is written, or before it is moved into place: the earlier archive and bundle restore, and no new one is to be seen."""
    archive = place.back_up()
    keyfile.write(tmp_path / "key", place.practice.keyring.master)
    done = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path), what, point], cwd=Path(__file__).parent.parent, timeout=60)
    assert done.returncode == -9
    assert len(list(place.folder.rglob("*.part"))) == 1
    assert list(place.folder.rglob("*.backup")) == [archive]
    with empty(tmp_path / "new") as into:
        place.restore(archive, into, tmp_path / "new.key")
    place.back_up()
    place.practice.now.at = datetime.now(UTC) + timedelta(days=36)
    backup.expire(place.practice, place.folder)
    assert not list(place.folder.rglob("*.part"))


# ── the end of a backup ───────────────────────────────────────────────────────────────────────────────────────────────


def test_an_old_bundle_is_written_over(place: Place) -> None:
    """Where the bundle lay, a second name for the old file finds zeros and nothing else."""
    place.back_up()
    other_name = place.folder / "hard link"
    os.link(place.bundle, other_name)
    assert any(other_name.read_bytes())
    told = backup.bundle(place.practice, place.bundle)
    assert not any(other_name.read_bytes())
    assert told.rows["keyring.wrapped"] and box.facts(place.bundle, keybundle.KIND)


def test_backups_expire(place: Place, tmp_path: Path) -> None:
    """After 35 days an archive's key is destroyed and its file removed; one a day younger stays; a copy that was carried away opens no more."""
    old = place.back_up()
    copy = tmp_path / "carried away.backup"
    copy.write_bytes(old.read_bytes())
    stranger = place.folder / "notes.backup"
    stranger.write_text("not ours")
    place.practice.now.at += timedelta(days=1)
    young = place.back_up()
    assert backup.expire(place.practice, place.folder, days=36) == ()
    place.practice.now.at += timedelta(days=34)
    assert [f"aside-{name}.backup" for name in backup.expire(place.practice, place.folder)] == [old.name]
    assert not old.exists() and young.exists() and stranger.exists()
    with pytest.raises(Shredded):
        backup.verify(place.practice, copy)
    backup.bundle(place.practice, place.bundle)
    with empty(tmp_path / "new") as into:
        with pytest.raises(Shredded):
            place.restore(copy, into, tmp_path / "new.key")
        place.restore(young, into, tmp_path / "new.key")
    assert "backup:expired" in [action for action, _ in trail(place.practice)]
    assert backup.expire(place.practice, place.folder) == ()


def test_a_process_without_the_key_file_makes_no_backup(place: Place) -> None:
    """A worker cannot copy the practice out."""
    worker = Practice(place.practice.stores, Keyring(place.practice.stores.keyring, None), place.practice.now)
    with pytest.raises(KeyMissing):
        backup.create(worker, place.folder)
    assert not place.folder.exists()
