"""A long recording that is sent to the desk, and how much memory that takes.

In: how many bytes. Out: figures in MB: the most that the process held above what it held before, while the recording came in the pieces in which a
browser sends it, and once more in one. Knows no page and no worker: the recording waits to be heard.
"""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Iterator

from bench.record import places
from bench.record.places import Place
from bench.service.measure import Measure
from bench.service.served import HERE, Served, admit, served
from drafting.record import people
from drafting.record.workbench.media import CHUNK

BYTES, GOAL = 200_000_000, 64.0
PIECE = 16 * CHUNK
"""Bytes that a browser sends at once."""
_SOUND = os.urandom(PIECE)


def measured(*, size: int = BYTES) -> Iterator[Measure]:
    """The figures."""
    with places.place("sqlite") as place:
        admit(place)
        client = _client(place)
        for how, piece in (("in pieces", PIECE), ("in one", size)):
            with served(place) as here:
                yield from _sent(here, client, size, piece, how)


def _client(place: Place) -> str:
    with place.practice() as practice:
        return people.add_client(practice, "Wren Alder", place.colleague.person, by="setup").id


def _sent(here: Served, client: str, size: int, piece: int, how: str) -> Iterator[Measure]:
    begun = here.done("POST", "/api/v1/encounters", {"client": client, "service_date": "2026-11-17", "suffix": ".wav"})["id"]
    idle = here.memory()["VmRSS"]
    here.forget_peak()
    began, at = time.perf_counter(), 0
    while at < size:
        end = min(size, at + piece)
        at = _put(here, begun, at, end, end == size)
    seconds = time.perf_counter() - began
    over = (here.memory()["VmHWM"] - idle) / 2**20
    stored = here.done("GET", f"/api/v1/encounters/{begun}/recording/stored")
    if stored != {"size": size, "whole": True}:
        raise SystemExit("the recording is not whole")
    mb = f"{size / 1e6:g} MB {how}"
    yield Measure(f"memory above idle, a recording of {mb}", over, "MB", GOAL, f"{idle / 2**20:.0f} MB idle")
    yield Measure(f"seconds to send it, {mb}", seconds, "s", n=f"{size / 1e6 / seconds:.1f} MB/s")


def _put(here: Served, encounter: str, start: int, end: int, last: bool) -> int:
    """Send the bytes from `start` to `end`; returns how many are stored."""
    connection = http.client.HTTPConnection(HERE, here.port, timeout=600)
    headers = {"Authorization": f"Bearer {here.token}", "Content-Type": "application/octet-stream", "Content-Length": str(end - start)}
    body = (_SOUND[: min(PIECE, end - at)] for at in range(start, end, PIECE))
    try:
        connection.request("PUT", f"/api/v1/encounters/{encounter}/recording?start={start}&last={str(last).lower()}", body, headers)
        answer = connection.getresponse()
        read = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise SystemExit(f"a piece was answered with {answer.status}")
    return json.loads(read)["size"]
