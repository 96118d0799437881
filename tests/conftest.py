"""What every test shares: no network, and the engines that draft from text."""

from __future__ import annotations

import socket

import pytest

from drafting import wiring

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
