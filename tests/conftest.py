"""What every test shares: no network, and the engines that draft from text."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from drafting import wiring
from drafting.record.practice import Practice
from drafting.record.store import Stores
from tests import stores as of_tests

wiring.mask_torch()

LOCAL = ("127.0.0.1", "::1", "localhost")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing leaves the machine: a connection to anywhere else fails the test that makes it."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if self.family != socket.AF_UNIX and isinstance(address, tuple) and address[0] not in LOCAL:
            raise AssertionError("a test tried to reach the network")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: pytest.fail("a test tried to look up a host"))


@pytest.fixture(scope="session")
def engines():
    """The engines of `aside draft`, made once."""
    from drafting.settings import read_settings

    return wiring.engines(read_settings({}))


@pytest.fixture(scope="session")
def postgres() -> Iterator[sa.URL]:
    """A PostgreSQL server for the whole run. Its folder is not pytest's, whose roof another run that begins meanwhile closes to the server's user."""
    with tempfile.TemporaryDirectory(prefix="aside-postgres-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with of_tests.postgres(Path(folder) / "data") as url:
            yield url


@pytest.fixture(params=of_tests.ENGINES)
def stores(request: pytest.FixtureRequest, tmp_path: object) -> Iterator[Stores]:
    """Fresh stores, on SQLite and then on PostgreSQL."""
    server = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    made = of_tests.made(request.param, tmp_path, server)
    yield made
    made.close()


@pytest.fixture
def sqlite_stores(tmp_path: object) -> Iterator[Stores]:
    """Fresh stores on SQLite alone."""
    made = of_tests.made("sqlite", tmp_path, None)
    yield made
    made.close()


@pytest.fixture
def practice(sqlite_stores: Stores) -> Practice:
    """A practice on SQLite, its recovery kit proven, on a clock that stands still."""
    return of_tests.opened(sqlite_stores)
