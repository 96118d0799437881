"""The desk's figures: what a line says, and that a fault that is there is seen."""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI, Response

from bench.service import cases, load, page, sizes
from bench.service.cases import Found
from bench.service.load import Answered
from bench.service.measure import Measure
from bench.service.served import Served
from drafting.pipeline.source import read_source


def test_a_line_says_whether_a_goal_is_met() -> None:
    """Value, goal and ratio; a goal of none at all is met by none at all."""
    assert "12.3 ms   goal ≤ 50      ratio   0.25  met" in str(Measure("p95", 12.3, "ms", 50))
    assert "FALLS SHORT" in str(Measure("p95", 51.0, "ms", 50)) and "FALLS SHORT" in str(Measure("errors", 1, "", 0))
    assert "met" in str(Measure("errors", 0, "", 0)) and "goal" not in str(Measure("seconds", 3.0, "s"))


def test_sizes_count_every_file(tmp_path: Path) -> None:
    """A script in a folder below counts, and what is neither script nor style does not."""
    (tmp_path / "below").mkdir()
    for name, size in (("a.js", 1_000), ("below/b.js", 60_000), ("c.css", 500), ("d.svg", 9_000)):
        (tmp_path / name).write_bytes(bytes(size))
    script, style = sizes.measured(tmp_path)
    assert (script.value, style.value) == (61.0, 0.5) and "FALLS SHORT" in str(script)


def test_a_wait_counts_from_when_a_request_was_due() -> None:
    """A desk that answers one at a time and slowly: those behind are late by all that stood before them, though each took no longer than the first."""

    async def slow() -> list[Answered]:
        turn = asyncio.Lock()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            async with turn:
                await asyncio.sleep(0.05)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            here = Served(server.sockets[0].getsockname()[1], 0)
            return await load._paced(here, [(load.QUEUE, "/")] * 6, 100)

    found = asyncio.run(slow())
    assert [one.status for one in found] == [200] * 6
    assert found[-1].ms > 200 > 100 > found[0].ms - 40


def test_a_session_is_as_long_as_was_asked() -> None:
    """Captions of an hour's share of words, read as the product reads them, with both voices and times to the end."""
    transcript = read_source(page.captions(600, 4).encode(), ".vtt")
    spoken = transcript.utterances
    assert 600 <= sum(len(one.text.split()) for one in spoken) < 700
    assert {turn.speaker for turn in transcript.turns} == {"clinician", "client"}
    assert spoken[0].start == 0 and 230 < spoken[-1].end < 280


class Nobody:
    """Whoever asks and needs no session."""

    def ready(self, case: object) -> None: ...

    def arrive(self) -> None: ...


def test_faults_of_an_api_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """One route that breaks, one that answers what it did not say, one that is as it should be."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *at, **_: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", at[:2])])  # an address as it is
    app = FastAPI(openapi_url="/api/v1/openapi.json")

    @app.get("/broken")
    def broken(n: int) -> Response:
        return Response(status_code=500)

    @app.get("/other", response_model=dict[str, int])
    def other(n: int) -> Response:
        return Response(b'{"n": "none"}', media_type="application/json")

    @app.get("/sound", response_model=int)
    def sound(n: int) -> Response:
        return Response(b"1", media_type="application/json")

    server, found = uvicorn.Server(uvicorn.Config(app, log_config=None)), Found()
    listening = uvicorn.Config(app, port=0, log_config=None).bind_socket()
    listening.listen()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        for event in cases.drawn(Nobody(), listening.getsockname()[1], 4, 1, wide=False):
            found.take(event)
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
    assert found.operations == {"GET /broken", "GET /other", "GET /sound"} and found.errors and found.breaches
    told = {fault.split(": ")[0] for fault in found.faults}
    assert told == {"GET /broken", "GET /other"} and found.reached == {"GET /other", "GET /sound"}
