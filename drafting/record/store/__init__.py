"""The three databases: opened, read and written in transactions, and what went wrong in a person's words.

In: SQLAlchemy URLs (SQLite in WAL with `synchronous=FULL`, or PostgreSQL by psycopg). Out: `Stores`, and connections inside `reading` and `writing`.
Knows no table's meaning and no key. The record and the private notes have no common transaction: whoever writes both says in which order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from drafting.errors import Conflict, RecordError, StoreFailed

PATIENCE = 20
"""Seconds that a writer waits for another."""

_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "recursive_triggers=ON",  # or a REPLACE would delete past the triggers of what is written once
    "secure_delete=ON",
    f"busy_timeout={PATIENCE * 1000}",
    "temp_store=MEMORY",
    "trusted_schema=OFF",
)
_SETTINGS = (
    f"SET lock_timeout = '{PATIENCE}s'",
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'",
)
_ONE_WRITER = 0x61736964  # the advisory lock of `alone`: one to a database

# SQLite's names and PostgreSQL's codes, by how they begin; the first that fits.
_TAKEN = ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_ROWID", "23505", "40001", "40P01")
_BECAUSE = {
    "the disk is full": ("SQLITE_FULL", "53100"),
    "it can be read but not written: see to the permissions of its file and folder": ("SQLITE_READONLY", "25006"),
    f"another program has held it for {PATIENCE} seconds": ("SQLITE_BUSY", "SQLITE_LOCKED", "55P03"),
    "its file cannot be opened": ("SQLITE_CANTOPEN",),
    "its file is damaged, or is none: restore it from a backup": ("SQLITE_CORRUPT", "SQLITE_NOTADB", "XX001", "XX002"),
    "the disk failed": ("SQLITE_IOERR", "58"),
    "what is written once is never changed": ("SQLITE_CONSTRAINT_TRIGGER", "23001"),
    "something refers to what is not there": ("SQLITE_CONSTRAINT_FOREIGNKEY", "23503"),
    "it does not fit the table": ("SQLITE_CONSTRAINT", "23", "22"),
    "the server has no connection left": ("53300",),
    "the server is gone": ("08", "57P"),
    "the server refused the name or the password": ("28",),
    "there is no such database": ("3D000",),
    "this role may not do that": ("42501",),
}


class StoreUncertain(StoreFailed):
    """The store was lost while it confirmed ({reason}). What was sent is there whole, or not at all: look before you send it again."""


@dataclass(frozen=True, slots=True)
class Stores:
    """The engines of the record (and workbench), of the private notes and of the keyring."""

    record: Engine
    private: Engine
    keyring: Engine

    def named(self) -> tuple[tuple[str, Engine], ...]:
        return (("record", self.record), ("private", self.private), ("keyring", self.keyring))

    def close(self) -> None:
        for _, engine in self.named():
            engine.dispose()


def connected(record: str | URL, private: str | URL, keyring: str | URL) -> Stores:
    """Engines for three URLs; nothing is opened yet. Raises StoreFailed for what is no URL of ours, and where two are of one database."""
    urls = [_url(url) for url in (record, private, keyring)]
    kept = [(url.host, url.port, url.database) for url in urls if url.database not in (None, "", ":memory:")]
    if len(set(kept)) < len(kept):
        raise StoreFailed(reason="the record, the private notes and the keyring are three databases, and two of these are one")
    return Stores(*map(_engine, urls))


def in_folder(folder: Path) -> Stores:
    """The three as SQLite files in `folder`, which is made, closed to others, if it is not there. Raises StoreFailed."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StoreFailed(reason=f"its folder cannot be made: {error.strerror}") from None
    return connected(*(URL.create("sqlite", database=str(folder / f"{name}.db")) for name in ("record", "private", "keyring")))


def is_sqlite(bind: Engine | Connection) -> bool:
    return bind.dialect.name == "sqlite"


# ── transactions ──────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads, and sees one state of the database throughout. Raises StoreFailed."""
    options = {} if is_sqlite(engine) else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with _told(), engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that is on disk when the block is left, or not at all. On SQLite it takes the writer's lock at once, so that what it reads stays
    true; on PostgreSQL see `alone`. Raises Conflict where another has written the same first, StoreFailed where the disk or the server refuses, and
    StoreUncertain where it was lost so late that nobody can say which."""
    with _told(), engine.connect().execution_options(aside_writes=True) as connection, connection.begin() as transaction:
        yield connection
        with _told(confirming=True):
            try:
                transaction.commit()
            except BaseException:
                connection.invalidate()  # a driver whose COMMIT failed is still inside its transaction, and must not be used again
                raise


def alone(connection: Connection) -> None:
    """Wait for every other writer that came this way, and keep them out until this transaction ends. On SQLite every writer is alone."""
    if not is_sqlite(connection):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ONE_WRITER})")


@contextmanager
def bare(engine: Engine, failure: type[RecordError] = StoreFailed) -> Iterator[Connection]:
    """A connection outside any transaction, for what a database does to itself. Raises `failure`."""
    options = {"aside_bare": True} if is_sqlite(engine) else {"isolation_level": "AUTOCOMMIT"}
    with _told(failure), engine.connect().execution_options(**options) as connection:
        yield connection


@contextmanager
def _told(failure: type[RecordError] = StoreFailed, *, confirming: bool = False) -> Iterator[None]:
    """Driver errors in our words: their own quote statements and values."""
    try:
        yield
    except DBAPIError as error:
        code = str(getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "sqlstate", None) or "")
        if code in _TAKEN:
            raise Conflict() from None
        lost = error.connection_invalidated or code.startswith("SQLITE_IOERR")
        raise (StoreUncertain if confirming and lost else failure)(reason=_reason(error, code)) from None
    except SQLAlchemyError as error:
        raise failure(reason=type(error).__name__) from None


def _reason(error: DBAPIError, code: str) -> str:
    """Why, for a person, and the engine's code for whoever helps them."""
    if not code and type(error.orig).__name__ == "OperationalError":
        return "the server is gone, or cannot be reached"
    because = next((words for words, begins in _BECAUSE.items() if code.startswith(begins)), type(error.orig).__name__)
    return f"{because}; {code}" if code else because


# ── engines ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _url(url: str | URL) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreFailed(reason="that is no database's URL") from None
    if parsed.drivername in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "postgresql+psycopg"):
        raise StoreFailed(reason="it is kept in SQLite or in PostgreSQL, and that URL is of neither")
    return parsed


def _engine(url: URL) -> Engine:
    engine = create_engine(url, hide_parameters=True, pool_pre_ping=url.get_backend_name() != "sqlite")
    if is_sqlite(engine):
        event.listen(engine, "do_connect", _close_to_others)
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
    else:
        event.listen(engine, "connect", _prepare_server)
    return engine


def _close_to_others(_dialect: object, _record: object, arguments: Sequence[str], _named: object) -> None:
    """A file that is not there is made for its owner alone before SQLite opens it, and one that others may read is closed to them. SQLite gives the
    files that it puts beside it the same permissions."""
    name = arguments[0]
    if not name or name.startswith((":memory:", "file:")):
        return
    try:
        Path(name).touch(mode=0o600)
        for path in map(Path, (name, f"{name}-wal", f"{name}-shm")):
            if path.exists() and path.stat().st_mode & 0o077:
                path.chmod(0o600)
    except OSError as error:
        raise StoreFailed(reason=f"its file cannot be made or closed to others: {error.strerror}") from None


def _prepare(connection: object, _record: object) -> None:
    """The driver's own transactions off, ours on; what a connection to SQLite must be told each time."""
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def _prepare_server(connection: object, _record: object) -> None:
    """Wait for a lock no longer than on SQLite; confirm what is on disk and not before, whatever the server's habit."""
    for setting in _SETTINGS:
        connection.execute(setting).close()
    connection.commit()


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("aside_bare"):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("aside_writes") else "BEGIN")


# ── instants ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def instant(at: datetime) -> str:
    """An instant as the tables hold it: ISO 8601, UTC, to the microsecond, so that text order is time order. Refuses a naive one."""
    if at.tzinfo is None:
        raise ValueError("an instant needs a zone")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def at(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
