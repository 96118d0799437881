"""The jobs' database: a file beside the others on SQLite, a schema of its own on the record's server.

In: a practice. Out: its URL, as DBOS takes it, and transactions on the tables that we keep there ourselves. Knows no job. It holds ids, codes and
numbers; what DBOS writes of inputs and outcomes is sealed besides (`sealed`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, MetaData, create_engine, event, text
from sqlalchemy.exc import SQLAlchemyError

from drafting.errors import StoreFailed
from drafting.record.practice import Practice
from drafting.record.store import PATIENCE, alone, is_sqlite

SCHEMA = "jobs"
_FILE = "jobs.db"


class Database:
    """The jobs' database of `practice`, made if it is not there. `close` it at the end. Raises StoreFailed."""

    def __init__(self, practice: Practice, *tables: MetaData) -> None:
        engine = practice.stores.record
        self.local = is_sqlite(engine)
        self.url: URL = _beside(engine.url) if self.local else engine.url.set(drivername="postgresql+psycopg")
        self._engine = create_engine(self.url, hide_parameters=True, pool_pre_ping=not self.local, **({} if self.local else _IN_SCHEMA))
        if self.local:
            event.listen(self._engine, "connect", _prepared)
        with self.change() as connection:  # two processes may start together
            if self.local:
                connection.exec_driver_sql("BEGIN IMMEDIATE")  # the driver begins none before a table is made
            else:
                alone(connection)
                connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            for one in tables:
                one.create_all(connection)

    @property
    def plain_url(self) -> str:
        """The URL with its password, as text."""
        return self.url.render_as_string(hide_password=False)

    @contextmanager
    def change(self) -> Iterator[Connection]:
        """A transaction, on disk when the block is left. Raises StoreFailed."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as fault:
            raise StoreFailed(reason=f"the jobs' database: {type(fault).__name__}") from None

    def close(self) -> None:
        self._engine.dispose()


_IN_SCHEMA = {"execution_options": {"schema_translate_map": {None: SCHEMA}}}


def _beside(record: URL) -> URL:
    """The file beside the record's, for its owner alone."""
    path = Path(record.database or "").with_name(_FILE)
    try:
        path.touch(mode=0o600)
    except OSError as fault:
        raise StoreFailed(reason=f"{_FILE} cannot be made: {fault.strerror}") from None
    return URL.create("sqlite", database=str(path.absolute()))


def _prepared(connection: object, _record: object) -> None:
    """A log that readers do not wait for, for whoever opens the file after us too; and patience with other writers, whose lock is taken at once."""
    connection.isolation_level = "IMMEDIATE"
    for pragma in (f"busy_timeout={PATIENCE * 1000}", "journal_mode=WAL"):
        connection.execute(f"PRAGMA {pragma}").close()
