"""The databases: made, brought up to date, transactions that hold, and what they refuse by themselves."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from drafting.errors import Conflict, StoreFailed, StoreOutdated
from drafting.record.store import Stores, in_folder, is_sqlite, migrating, reading, writing
from drafting.record.store.tables import keyring, private, record

TABLES = {"record": record.METADATA, "private": private.METADATA, "keyring": keyring.METADATA}


def test_the_migrations_make_the_tables_that_the_code_describes(stores: Stores) -> None:
    """Nothing differs between a migrated database and the tables, on either engine."""
    for name, engine in stores.named():
        with reading(engine) as connection:
            assert compare_metadata(MigrationContext.configure(connection), TABLES[name]) == []


def test_an_upgrade_twice_changes_nothing(stores: Stores) -> None:
    """Coming up to date is safe to repeat."""
    migrating.upgrade(stores)
    migrating.check(stores)


def test_an_empty_database_is_refused_with_what_to_do(tmp_path) -> None:
    """Stores that were never made are told apart from stores that are empty."""
    with pytest.raises(StoreOutdated, match="practice upgrade"):
        migrating.check(in_folder(tmp_path))


def test_a_block_that_fails_leaves_nothing(stores: Stores) -> None:
    """A transaction is all or nothing."""
    with pytest.raises(ZeroDivisionError), writing(stores.record) as connection:
        connection.execute(record.AUDIT_HEAD.insert().values(id=1, seq=0, hash=bytes(32)))
        raise ZeroDivisionError
    with reading(stores.record) as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(record.AUDIT_HEAD)) == 0


def test_written_once_means_once(stores: Stores) -> None:
    """The database itself refuses to change or delete an audit row, whoever asks."""
    with writing(stores.record) as connection:
        connection.execute(record.AUDIT.insert().values(seq=1, body=b"{}", hash=bytes(32)))
    for statement in (record.AUDIT.update().values(body=b"[]"), record.AUDIT.delete()):
        with pytest.raises((StoreFailed, Conflict)), writing(stores.record) as connection:
            connection.execute(statement)
    with reading(stores.record) as connection:
        assert connection.execute(sa.select(record.AUDIT.c.body)).scalars().all() == [b"{}"]


def test_a_replace_is_no_way_round(sqlite_stores: Stores) -> None:
    """On SQLite a row that takes another's place is a deletion too, and what is written once refuses it."""
    with writing(sqlite_stores.record) as connection:
        connection.execute(record.AUDIT.insert().values(seq=1, body=b"{}", hash=bytes(32)))
    for statement in ("INSERT OR REPLACE INTO audit (seq, body, hash) VALUES (1, x'5b5d', x'00')", "REPLACE INTO audit VALUES (1, x'5b5d', x'00')"):
        with pytest.raises((StoreFailed, Conflict)), writing(sqlite_stores.record) as connection:
            connection.exec_driver_sql(statement)
    with reading(sqlite_stores.record) as connection:
        assert connection.execute(sa.select(record.AUDIT.c.body)).scalars().all() == [b"{}"]


@pytest.mark.parametrize("table", record.WRITTEN_ONCE, ids=lambda t: t.name)
def test_every_table_that_is_written_once_is_guarded(sqlite_stores: Stores, table: sa.Table) -> None:
    """The migration's list of guarded tables is the tables' own."""
    with reading(sqlite_stores.record) as connection:
        triggers = set(connection.exec_driver_sql(f"SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{table.name}'").scalars())
    assert triggers == {f"{table.name}_no_update", f"{table.name}_no_delete"}


def test_a_row_twice_is_a_conflict_and_says_no_values(stores: Stores) -> None:
    """The message of a failed write holds nothing of what was to be written."""
    row = {"id": "x-secret-x", "kind": "move", "encounter": "E1", "subject": "s1", "at": "2026"}
    with writing(stores.record) as connection:
        connection.execute(record.INTENTS.insert().values(row))
    with pytest.raises(Conflict) as told, writing(stores.record) as connection:
        connection.execute(record.INTENTS.insert().values(row))
    assert "secret" not in str(told.value) and told.value.__cause__ is None


def test_two_writers_take_turns(stores: Stores) -> None:
    """Of twenty writers that each add one, none is lost."""
    with writing(stores.record) as connection:
        connection.execute(record.AUDIT_HEAD.insert().values(id=1, seq=0, hash=bytes(32)))

    def add() -> None:
        for _ in range(5):
            with writing(stores.record) as connection:
                seq = connection.scalar(sa.select(record.AUDIT_HEAD.c.seq).with_for_update())
                connection.execute(record.AUDIT_HEAD.update().values(seq=seq + 1))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(stores.record) as connection:
        assert connection.scalar(sa.select(record.AUDIT_HEAD.c.seq)) == 20


def test_a_write_to_sqlite_is_flushed_before_it_is_said_to_be_done(sqlite_stores: Stores) -> None:
    """WAL with synchronous=FULL, and deleted content overwritten."""
    with reading(sqlite_stores.record) as connection:
        assert is_sqlite(connection)
        assert [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous", "secure_delete", "foreign_keys")
        ] == ["wal", 2, 1, 1]


def test_a_commit_that_fails_leaves_the_next_writer_alone(stores: Stores) -> None:
    """After a COMMIT that did not come to pass nothing of it is there, and the same engine takes the next writing."""
    row = {"kind": "move", "encounter": "E1", "subject": "s1", "at": "2026"}

    def fail(_connection: sa.Connection) -> None:
        raise KeyboardInterrupt

    sa.event.listen(stores.record, "commit", fail)
    with pytest.raises(KeyboardInterrupt), writing(stores.record) as connection:
        connection.execute(record.INTENTS.insert().values(id="lost", **row))
    sa.event.remove(stores.record, "commit", fail)
    with writing(stores.record) as connection:
        connection.execute(record.INTENTS.insert().values(id="kept", **row))
    with reading(stores.record) as connection:
        assert connection.execute(sa.select(record.INTENTS.c.id)).scalars().all() == ["kept"]
