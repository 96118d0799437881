"""Deleted rows, gone from the database's files and not only from its tables.

In: an engine, the names of tables. Out: nothing, or NotScrubbed: never a claim that does not hold. Knows no key. What stays beyond reach of any
database: what the disk itself keeps of blocks that were given back, copies of the files, and on PostgreSQL the write-ahead log, which holds what was
once written until its segments are used again, and for longer in an archive or on a replica.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from sqlalchemy import Connection, Engine, text

from drafting.errors import RecordError
from drafting.record.store import PATIENCE, bare, is_sqlite

# Whatever might still see what was deleted before transaction `mine`, as transaction ids: with an older one about, VACUUM FULL would copy dead rows.
# What is hidden from this role counts as the oldest of all.
_STILL_SEEN = text("""
SELECT count(*) FROM (
    SELECT CASE WHEN query = '<insufficient privilege>' THEN '1'::xid ELSE backend_xmin END AS x
        FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND (datname = current_database() OR datname IS NULL AND backend_xmin IS NOT NULL)
    UNION ALL SELECT xmin FROM pg_replication_slots
    UNION ALL SELECT pg_snapshot_xmin(pg_current_snapshot())::xid
) AS seen WHERE age(x) > age(CAST(:mine AS xid))
""")


class NotScrubbed(RecordError):
    """What was destroyed opens nothing any more, but its bytes may still lie in the keyring's files ({reason}). Do the same again when nothing else
    has the keyring open; it is done when this message stays away."""


def scrub(engine: Engine, tables: Iterable[str]) -> None:
    """See that what was deleted is in no file of the database. On SQLite the file is written anew and the log folded in and cut (`secure_delete`
    alone leaves copies of rows that once moved between pages); on PostgreSQL `tables` are written anew (VACUUM FULL). Raises NotScrubbed where a
    reader stays in the way."""
    with bare(engine, NotScrubbed) as connection:
        if is_sqlite(connection):
            _file_anew(connection)
        else:
            _tables_anew(connection, tables)


def _file_anew(connection: Connection) -> None:
    end = time.monotonic() + PATIENCE
    connection.exec_driver_sql("VACUUM")
    while connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]:  # it waits for readers; another that scrubs it does not wait for
        if time.monotonic() > end:
            raise NotScrubbed(reason=f"a reader has been in the way for {PATIENCE} seconds")
        time.sleep(0.02)


def _tables_anew(connection: Connection, tables: Iterable[str]) -> None:
    mine = connection.scalar(text("SELECT pg_current_xact_id()::text"))
    end = time.monotonic() + PATIENCE
    while connection.scalar(_STILL_SEEN, {"mine": mine}):
        if time.monotonic() > end:
            raise NotScrubbed(reason=f"another session of the server that began before has been open for {PATIENCE} seconds")
        time.sleep(0.02)
    for table in tables:
        connection.exec_driver_sql(f"VACUUM FULL {table}")
