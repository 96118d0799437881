"""The three databases: opened, brought to the present version, read and written in transactions.

In: SQLAlchemy URLs (SQLite in WAL with `synchronous=FULL`, or PostgreSQL by psycopg). Out: `Stores`, and connections inside `reading` and `writing`.
Knows no table's meaning and no key. The record and the private notes have no common transaction: whoever writes both says in which order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from drafting.errors import Conflict, StoreFailed

_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",
    "busy_timeout=20000",
    "temp_store=MEMORY",
    "trusted_schema=OFF",
)


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


def connected(record: str, private: str, keyring: str) -> Stores:
    """Engines for three URLs; nothing is opened yet."""
    return Stores(*(_engine(url) for url in (record, private, keyring)))


def in_folder(folder: Path) -> Stores:
    """The three as SQLite files in `folder`, which is made, closed to others, if it is not there."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return connected(*(f"sqlite:///{folder / name}.db" for name in ("record", "private", "keyring")))


def is_sqlite(bind: Engine | Connection) -> bool:
    return bind.dialect.name == "sqlite"


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one state of the database throughout. Raises StoreFailed."""
    with _told(), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that is on disk when the block is left, or not at all. On SQLite it takes the writer's lock at once, so that what it reads
    stays true. Raises Conflict where another has written the same first, StoreFailed where the disk or the server refuses."""
    with _told(), engine.connect().execution_options(aside_writes=True) as connection, connection.begin():
        yield connection


@contextmanager
def _told() -> Iterator[None]:
    """Driver errors in our words: they quote statements with their values."""
    try:
        yield
    except IntegrityError:
        raise Conflict() from None
    except DBAPIError as error:
        raise StoreFailed(reason=type(error.orig).__name__ + _code(error)) from None
    except SQLAlchemyError as error:
        raise StoreFailed(reason=type(error).__name__) from None


def _code(error: DBAPIError) -> str:
    code = getattr(error.orig, "sqlite_errorname", None) or getattr(error.orig, "sqlstate", None)
    return f" {code}" if code else ""


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    engine = create_engine(parsed, hide_parameters=True, pool_pre_ping=parsed.get_backend_name() != "sqlite")
    if is_sqlite(engine):
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: object, _record: object) -> None:
    """The driver's own transactions off, ours on; what a connection to SQLite must be told each time."""
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("aside_writes") else "BEGIN")


def instant(at: datetime) -> str:
    """An instant as the tables hold it: ISO 8601, UTC, to the microsecond, so that text order is time order. Refuses a naive one."""
    if at.tzinfo is None:
        raise ValueError("an instant needs a zone")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def at(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
