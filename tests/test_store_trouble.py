"""Stores in trouble: who may open the files, disks and servers that refuse, and what each says to a person; and what the worker's role may do."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from drafting.errors import Conflict, StoreFailed
from drafting.record.store import PATIENCE, Stores, StoreUncertain, connected, in_folder, is_sqlite, migrating, reading, writing
from drafting.record.store.tables.guards import ASIDE_WORKER, grants
from drafting.record.store.tables.private import INSTRUCTIONS, PRIVATE_NOTES
from drafting.record.store.tables.record import AUDIT_HEAD, INTENTS, TASKS
from tests import stores as of_tests
from tests.keyrings import impatient

CANARY = "Quartermaine"


def intent(name: str = CANARY, subject: str = "s") -> sa.Executable:
    return INTENTS.insert().values(id=name, kind="move", encounter="E1", subject=subject, at="2026")


def count(stores: Stores) -> int:
    with reading(stores.record) as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(INTENTS))


# ── closed to others ──────────────────────────────────────────────────────────────────────────────────────────────────


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


def test_folder_and_files_are_their_owners_alone(tmp_path: Path) -> None:
    """Whatever the habit of the machine: the folder 0700, and every file in it 0600, the logs too."""
    folder, before = tmp_path / "a folder of ours?#%20", os.umask(0)
    try:
        stores = in_folder(folder)
        migrating.upgrade(stores)
        with writing(stores.record) as connection:
            connection.execute(intent())
            assert set(modes(folder)) >= {"record.db", "record.db-wal", "record.db-shm", "private.db", "keyring.db"}
            assert set(modes(folder).values()) == {0o600}
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700 and count(stores) == 1
    stores.close()


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    """One that was copied back by hand, say, when it is next opened."""
    stores = in_folder(tmp_path / "stores")
    migrating.upgrade(stores)
    stores.close()
    path = tmp_path / "stores" / "record.db"
    path.chmod(0o664)
    assert count(stores) == 0 and path.stat().st_mode & 0o777 == 0o600
    stores.close()


# ── what is no store ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_urls_that_are_none_of_ours_are_refused_without_their_passwords() -> None:
    """Another kind of database, no URL at all, or one database given twice, however its URL is spelled."""
    ours = ["postgresql://u:hush@h/record", "postgresql+psycopg://u:hush@h/private", "postgres://u:hush@h/keyring"]
    assert {engine.dialect.driver for _, engine in connected(*ours).named()} == {"psycopg"}
    for at, url in ((0, "mysql://u:hush@h/record"), (1, "hush hush"), (2, "postgresql://other:hush@h/record"), (1, "")):
        with pytest.raises(StoreFailed) as told:
            connected(*ours[:at], url, *ours[at + 1 :])
        assert "hush" not in str(told.value)


def test_what_cannot_be_opened_says_why(tmp_path: Path) -> None:
    """A file in the folder's place, a folder in the file's place, and a file that is no database."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreFailed, match="folder cannot be made"):
        in_folder(tmp_path / "file")
    (tmp_path / "stores" / "record.db").mkdir(parents=True)
    (tmp_path / "stores" / "private.db").write_text("not a database, and much longer than the header of one " * 20)
    stores = in_folder(tmp_path / "stores")
    for name, why in (("record", "cannot be opened"), ("private", "damaged, or is none")):
        with pytest.raises(StoreFailed, match=why), reading(getattr(stores, name)) as connection:
            connection.exec_driver_sql("SELECT 1")


# ── refused ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def intents(stores: Stores) -> Stores:
    with writing(stores.record) as connection:
        connection.execute(intent("first"))
    return stores


def test_each_refusal_has_its_own_words_and_none_of_the_data(intents: Stores) -> None:
    """The same row twice is a conflict; a reference to nothing, and a row that does not fit, are failures with their reason. No message, and no
    error behind it that would be printed, has a value in it."""
    cases = [
        ((intent(), intent()), Conflict, "changed meanwhile"),
        ((TASKS.insert().values(id=CANARY, person=CANARY, kind="k", due="2026"),), StoreFailed, "refers to what is not there"),
        ((INTENTS.insert().values(id=CANARY, kind="k", encounter="E1", at="2026", subject=None),), StoreFailed, "does not fit the table"),
        ((AUDIT_HEAD.insert().values(id=7, seq=1, hash=CANARY.encode()),), StoreFailed, "does not fit the table"),
        ((sa.text(f"SELECT {CANARY}"),), StoreFailed, "Nothing was changed"),
    ]
    for statements, error, match in cases:
        with pytest.raises(error, match=match) as told, writing(intents.record) as connection:
            for statement in statements:
                connection.execute(statement)
        assert type(told.value) is error and CANARY not in str(told.value)
        assert told.value.__cause__ is None and told.value.__suppress_context__
    assert count(intents) == 1


def full(engine: sa.Engine) -> None:
    """No page more than there are."""
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    sa.event.listen(engine, "checkout", lambda raw, *_: raw.execute(f"PRAGMA max_page_count={pages}").close())


def test_a_full_disk_is_said_and_changes_nothing(sqlite_stores: Stores) -> None:
    """What fits is kept, what does not is not, and reading goes on."""
    full(sqlite_stores.record)
    with pytest.raises(StoreFailed, match="the disk is full"), writing(sqlite_stores.record) as connection:
        connection.execute(intent("small"))
        connection.execute(intent("large", subject="s" * 2_000_000))
    assert count(sqlite_stores) == 0
    with writing(sqlite_stores.record) as connection:
        connection.execute(intent("small"))
    assert count(sqlite_stores) == 1


def test_a_store_that_can_only_be_read_is_said(sqlite_stores: Stores) -> None:
    """It is read, and a write says what to see to."""
    path = sqlite_stores.record.url.database
    read_only = connected(f"sqlite:///file:{path}?mode=ro&uri=true", "sqlite://", "sqlite://")
    assert count(read_only) == 0
    with pytest.raises(StoreFailed, match="permissions"), writing(read_only.record) as connection:
        connection.execute(intent())
    read_only.close()


def test_a_writer_waits_and_then_says_who_is_in_the_way(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty seconds as it ships; when they are over, what it wanted is not half done."""
    with reading(stores.record) as connection:
        wait = connection.exec_driver_sql("PRAGMA busy_timeout" if is_sqlite(connection) else "SHOW lock_timeout").scalar()
    assert PATIENCE == 20 and wait in (20_000, "20s")
    stores.close()
    impatient(stores.record, monkeypatch)
    with writing(stores.record) as holder:
        holder.execute(intent("held"))
        with pytest.raises(StoreFailed, match="has held it"), writing(stores.record) as connection:
            if not is_sqlite(connection):
                connection.exec_driver_sql("LOCK TABLE intents IN EXCLUSIVE MODE")
    assert count(stores) == 1


def test_a_commit_that_fails_is_not_said_to_have_changed_nothing(sqlite_stores: Stores) -> None:
    """Where the disk failed while it confirmed, nobody can say whether it is there, and so it is told; the next transaction goes on."""

    def failing(_: sa.Connection) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
        raise sa.exc.OperationalError("COMMIT", {}, error)

    sa.event.listen(sqlite_stores.record, "commit", failing)
    with pytest.raises(StoreUncertain, match="there whole, or not at all") as told, writing(sqlite_stores.record) as connection:
        connection.execute(intent())
    assert "Nothing was changed" not in str(told.value)
    sa.event.remove(sqlite_stores.record, "commit", failing)
    with writing(sqlite_stores.record) as connection:
        connection.execute(intent("after"))
    assert count(sqlite_stores) == 1


@pytest.fixture
def served(postgres: sa.URL, tmp_path: Path) -> Iterator[Stores]:
    made = of_tests.made("postgresql", tmp_path, postgres)
    yield made
    made.close()


def test_a_server_that_goes_away_half_way_is_said(served: Stores) -> None:
    """In the middle of a transaction: nothing is kept, it is said in plain words, and the next one finds the server again."""
    with pytest.raises(StoreFailed, match="the server is gone"), writing(served.record) as connection:
        connection.execute(intent())
        mine = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        with writing(served.keyring) as other:
            other.exec_driver_sql(f"SELECT pg_terminate_backend({mine})")
        connection.execute(intent("after"))
    with writing(served.record) as connection:
        connection.execute(intent("again"))
    assert count(served) == 1


def test_a_server_that_is_not_there_is_said(tmp_path: Path) -> None:
    """No socket, no server."""
    stores = connected(*(f"postgresql://nobody@/{name}?host={tmp_path}" for name in ("a", "b", "c")))
    with pytest.raises(StoreFailed, match="cannot be reached"), reading(stores.record):
        pass


def test_what_is_only_read_is_not_written(served: Stores) -> None:
    """On PostgreSQL a reader cannot write, and sees one state throughout."""
    with reading(served.record) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(INTENTS)) == 0
        with writing(served.record) as other:
            other.execute(intent())
        assert connection.scalar(sa.select(sa.func.count()).select_from(INTENTS)) == 0
    with pytest.raises(StoreFailed, match="read but not written"), reading(served.record) as connection:
        connection.execute(intent("more"))
    assert count(served) == 1


# ── upgrades ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_upgrade_that_fails_leaves_an_empty_store(tmp_path: Path) -> None:
    """A table that stands in the way: none of the others is made, and when it is gone all are."""
    stores = in_folder(tmp_path)
    with writing(stores.record) as connection:
        connection.exec_driver_sql("CREATE TABLE work (x)")
    with pytest.raises(StoreFailed):
        migrating.upgrade(stores)
    with reading(stores.record) as connection:
        assert sa.inspect(connection).get_table_names() == ["work"]
    with writing(stores.record) as connection:
        connection.exec_driver_sql("DROP TABLE work")
    migrating.upgrade(stores)
    migrating.check(stores)
    stores.close()


def test_a_store_of_a_newer_aside_is_left_alone(sqlite_stores: Stores) -> None:
    """Its version is not known here: an upgrade says so and changes nothing."""
    with writing(sqlite_stores.record) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'record_9999'")
    with pytest.raises(StoreFailed, match="does not know"):
        migrating.upgrade(sqlite_stores)
    assert migrating.version(sqlite_stores.record) == "record_9999"


# ── roles ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

NOTE = {"id": "N1", "encounter": "E1", "client": "C1", "author": "P1", "number": 1, "key": "private/N1", "body_sealed": b"sealed", "since": "2026"}


def test_the_worker_puts_private_notes_away_and_reads_none(served: Stores) -> None:
    """Its role may insert there. It may not read, not even what it put, change, delete or empty the table, nor touch another; granting twice is safe."""
    migrating.grant(served)
    migrating.grant(served)

    def as_worker(*statements: sa.Executable) -> None:
        with writing(served.private) as connection:
            connection.exec_driver_sql(f"SET LOCAL ROLE {ASIDE_WORKER}")
            for statement in statements:
                connection.execute(statement)

    as_worker(PRIVATE_NOTES.insert().values(NOTE))
    refused = [
        sa.select(PRIVATE_NOTES.c.body_sealed),
        sa.select(sa.func.count()).select_from(PRIVATE_NOTES),
        PRIVATE_NOTES.update().values(author="P2"),
        PRIVATE_NOTES.delete(),
        sa.text("TRUNCATE private_notes"),
        PRIVATE_NOTES.insert().values(NOTE | {"id": "N2"}).returning(PRIVATE_NOTES.c.body_sealed),
        INSTRUCTIONS.insert().values(author="P1", executor="P2", wish="shred", since="2026"),
        *(sa.select(table) for table in PRIVATE_NOTES.metadata.sorted_tables),
        sa.text("CREATE TABLE mine (x int)"),
    ]
    for statement in refused:
        with pytest.raises(StoreFailed, match="this role may not"):
            as_worker(statement)
    with reading(served.private) as connection:
        assert connection.execute(sa.select(PRIVATE_NOTES.c.id)).scalars().all() == ["N1"]


def test_sqlite_has_no_roles(sqlite_stores: Stores) -> None:
    """There is nothing to grant, and granting is no fault."""
    assert list(grants("sqlite")) == []
    migrating.grant(sqlite_stores)
