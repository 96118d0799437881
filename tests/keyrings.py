"""A keyring for tests, a machine that goes off half-way, and others who are in the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from drafting.record.keys import Keyring, Master, scrubbing
from drafting.record.store import in_folder, is_sqlite, writing
from drafting.record.store.tables.keyring import METADATA


def keyring_in(folder: Path) -> Keyring:
    """A new keyring on SQLite, without the record and the private notes."""
    keyring = Keyring(in_folder(folder).keyring, Master.made())
    with writing(keyring.engine) as connection:
        METADATA.create_all(connection)
    return keyring


class Died(BaseException):
    """The machine went off."""


@contextmanager
def dies_at(step: int, *engines: sa.Engine) -> Iterator[None]:
    """The block ends at the `step`-th statement or commit on `engines`, if it has so many; whatever was open then is rolled back by the database."""
    left = [step]

    def die(*_: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Died

    heard = [(engine, name) for engine in engines for name in ("before_cursor_execute", "commit")]
    for engine, name in heard:
        sa.event.listen(engine, name, die)
    try:
        yield
    except Died:
        pass
    finally:
        for engine, name in heard:
            sa.event.remove(engine, name, die)
        for engine in engines:
            engine.dispose()


def impatient(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait a tenth of a second for others from now on, and not twenty."""
    shorter = "PRAGMA busy_timeout=100" if is_sqlite(engine) else "SET lock_timeout = '100ms'"

    @sa.event.listens_for(engine, "checkout")
    def shorten(connection: object, *_: object) -> None:
        connection.execute(shorter).close()
        connection.commit()

    monkeypatch.setattr(scrubbing, "PATIENCE", 0.1)
