"""The desk as `aside serve` sets it up, in a process of its own, and somebody who asks it things.

In: a place. Out: a `Served`, ended when the block is left; answers. Knows no figure. The process begins anew and inherits nothing, so that its memory
is its own; what it logs is written and thrown away.
"""

from __future__ import annotations

import http.client
import json
import logging
import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench.record.places import Place
from drafting.record.accounts import logins

HERE, LOGIN, PASSWORD, PASSPHRASE = "127.0.0.1", "cy", "seven lamps on the quay", "quiet green lanterns"
_PATIENCE = 60


@dataclass(frozen=True, slots=True)
class Served:
    """A desk that is up: where, and its process. `token`: of the session of the colleague, who is logged in with their keys open."""

    port: int
    process: int
    token: str = field(default="", repr=False)

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Ask something of the API: the status, and what was answered. `body`: bytes as they are, or what becomes JSON."""
        raw = isinstance(body, bytes)
        kind = "application/octet-stream" if raw else "application/json"
        headers = {"Content-Type": kind} | ({"Authorization": f"Bearer {self.token}"} if self.token else {})
        connection = http.client.HTTPConnection(HERE, self.port, timeout=_PATIENCE)
        try:
            connection.request(method, path, body if raw or body is None else json.dumps(body).encode(), headers)
            answer = connection.getresponse()
            read = answer.read()
            return answer.status, json.loads(read) if "json" in answer.headers.get("Content-Type", "") else read
        finally:
            connection.close()

    def done(self, method: str, path: str, body: object = None) -> Any:
        """The same, where nothing else will do than that it is done."""
        status, answer = self.ask(method, path, body)
        if not 200 <= status < 300:
            raise SystemExit(f"{method} was answered with {status}: {answer.get('code') if isinstance(answer, dict) else ''}")
        return answer

    def memory(self) -> dict[str, int]:
        """Bytes of memory that the process holds (`VmRSS`) and has held at most (`VmHWM`)."""
        lines = Path(f"/proc/{self.process}/status").read_text(encoding="ascii").splitlines()
        return {name: int(rest.split()[0]) * 1024 for name, _, rest in (one.partition(":") for one in lines) if name in ("VmRSS", "VmHWM")}

    def forget_peak(self) -> None:
        """Count its most memory from now on."""
        Path(f"/proc/{self.process}/clear_refs").write_text("5", encoding="ascii")


@contextmanager
def served(place: Place, *, unlimited: bool = False) -> Iterator[Served]:
    """The desk over `place`, with the colleague logged in. `unlimited`: it takes as much as comes."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(place, unlimited, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        here = Served(_port(ours), process.pid)
        _up(here)
        yield replace(here, token=_logged_in(here))
    finally:
        process.terminate()
        process.join(_PATIENCE)


def admit(place: Place) -> None:
    """Give the colleague a login."""
    with place.practice() as practice:
        logins.create(practice, place.colleague.person, LOGIN, PASSWORD, by="setup")


def _serve(place: Place, unlimited: bool, told: Connection) -> None:
    from uvicorn import Server

    from drafting.commands.serve import configured, hosts, made
    from drafting.jobs.runner import DurableJobs
    from drafting.settings import read_settings
    from drafting.web.security import UNLIMITED

    _log()
    with place.practice() as practice:
        jobs = DurableJobs(practice)
        desk = made(practice, read_settings({}), jobs, secure=False, second=False, names=hosts(HERE, ()), watchers=())
        config = configured(replace(desk, rates=UNLIMITED) if unlimited else desk, HERE, 0, None, None)
        socket = config.bind_socket()
        told.send(socket.getsockname()[1])
        Server(config).run(sockets=[socket])


def _port(ours: Connection) -> int:
    try:
        return ours.recv()
    except EOFError:
        raise SystemExit("the desk did not start") from None


def _log() -> None:
    log = logging.getLogger("aside.web")
    log.addHandler(logging.FileHandler(os.devnull))
    log.setLevel(logging.INFO)
    log.propagate = False


def _up(here: Served) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        try:
            if here.ask("GET", "/readyz")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise SystemExit("the desk did not come up")


def _logged_in(here: Served) -> str:
    token = here.done("POST", "/api/v1/sessions", {"login": LOGIN, "password": PASSWORD, "keep": "bearer"})["token"]
    replace(here, token=token).done("POST", "/api/v1/session/unlock", {"passphrase": PASSPHRASE})
    return token
