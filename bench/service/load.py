"""A large practice whose queue and reviews are read at a steady pace: requests begin at fixed times, whether or not those before them are answered.

In: how many notes, requests a second, seconds. Out: figures in milliseconds, each counted from the moment when its request should have begun. Knows
no route but the two. Whoever asks does so from a process of their own.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

import sqlalchemy as sa

from bench.record import places, scale
from bench.record.places import Place
from bench.service.measure import Measure
from bench.service.served import HERE, Served, admit, served
from drafting.pipeline import Work
from drafting.record import workbench
from drafting.record.practice import Practice
from drafting.record.review.lifecycle import SIGNATURE_STANDS
from drafting.record.store import writing
from drafting.record.workbench import drafted
from tests.desks import DAY

NOTES, RATE, SECONDS, GOAL = 100_000, 50, 30, 50.0
CLIENTS, REVIEWS, BODY, WARM = 200, 60, 3_000, 5
QUEUE, REVIEW = "queue", "review"

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


# ── the practice ──────────────────────────────────────────────────────────────────────────────────────────────────────


def fill(place: Place, practice: Practice, works: Sequence[Work], count: int) -> list[str]:
    """`count` encounters in every state, of all clients, those that are signed with a note; and some whose reviews the colleague can open: their
    ids."""
    scale.received(practice, place, 0, count)
    signed = ", ".join(f"'{state.value}'" for state in sorted(SIGNATURE_STANDS))
    with writing(practice.stores.record) as connection:
        connection.execute(sa.text("CREATE TEMP TABLE spread (n integer PRIMARY KEY, client text)"))
        connection.execute(sa.text("INSERT INTO spread VALUES (:n, :client)"), [{"n": n, "client": client} for n, client in enumerate(place.clients)])
        whose = "SELECT client FROM spread WHERE n = CAST(substr(id, 2) AS integer) / 7 % :all"
        connection.execute(sa.text(f"UPDATE encounters SET client = ({whose})"), {"all": len(place.clients)})
        noted = f"""INSERT INTO notes (id, encounter, number, client, kind, format, review, digest, service_date, signed, body_sealed)
            SELECT 'N' || substr(id, 2), id, 1, client, 'note', 'soap', 1, hex(randomblob(32)), service_date, created, randomblob({BODY})
            FROM encounters WHERE state IN ({signed})"""
        connection.execute(sa.text(noted))
        connection.execute(sa.text(f"UPDATE encounters SET note = 'N' || substr(id, 2), signed = created WHERE state IN ({signed})"))
    with practice.stores.record.connect().execution_options(isolation_level="AUTOCOMMIT", aside_bare=True) as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return [_stands(place, practice, works[n % len(works)], place.clients[n % len(place.clients)]) for n in range(REVIEWS)]


def _stands(place: Place, practice: Practice, work: Work, client: str) -> str:
    encounter = workbench.receive(practice, client, place.colleague.person, DAY)
    drafted.stand(practice, encounter, work)
    return encounter.id


# ── whoever asks ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer: of which kind, its status, and milliseconds after its request should have begun."""

    kind: str
    status: int
    ms: float


def asked(here: Served, reviews: Sequence[str], rate: float, seconds: float, seed: int) -> list[Answered]:
    """Ask for the queue and for a review in turn, from another process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_ask, args=(here, tuple(reviews), rate, seconds, seed, theirs), daemon=True)
    process.start()
    theirs.close()
    found = ours.recv()
    process.join()
    return found


def _ask(here: Served, reviews: Sequence[str], rate: float, seconds: float, seed: int, told: Connection) -> None:
    told.send(asyncio.run(_paced(here, list(_paths(here, reviews, int(rate * seconds), seed)), rate)))


def _paths(here: Served, reviews: Sequence[str], count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Pages of the queue, most often the first, else one of those after it; and reviews."""
    chance, cursors = random.Random(seed), [""]
    for _ in range(9):
        following = here.done("GET", f"/api/v1/queue{cursors[-1]}")["next"]
        if following is None:
            break
        cursors.append(f"?cursor={following}")
    for number in range(count):
        if number % 2:
            yield REVIEW, f"/api/v1/encounters/{chance.choice(reviews)}/review"
        else:
            yield QUEUE, f"/api/v1/queue{cursors[0] if chance.random() < 0.7 else chance.choice(cursors)}"


async def _paced(here: Served, paths: Sequence[tuple[str, str]], rate: float) -> list[Answered]:
    pool: list[Line] = []
    began, asked_for = time.perf_counter() + 0.1, []
    for number, (kind, path) in enumerate(paths):
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        asked_for.append(asyncio.create_task(_one(here, kind, path, due, pool)))
    found = await asyncio.gather(*asked_for)
    for _, writer in pool:
        writer.close()
    return found


async def _one(here: Served, kind: str, path: str, due: float, pool: list[Line]) -> Answered:
    reader, writer = await _connected(here, pool)
    head = f"GET {path} HTTP/1.1\r\nHost: {HERE}:{here.port}\r\nAuthorization: Bearer {here.token}\r\n\r\n"
    writer.write(head.encode("ascii"))
    answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    await reader.readexactly(int(answer.partition("content-length:")[2].split("\r\n")[0]))
    taken = (time.perf_counter() - due) * 1000
    pool.append((reader, writer))
    return Answered(kind, int(answer[9:12]), taken)


async def _connected(here: Served, pool: list[Line]) -> Line:
    """A connection that is free, the one used last, or a new one."""
    while pool:
        reader, writer = pool.pop()
        if not reader.at_eof():
            return reader, writer
        writer.close()
    return await asyncio.open_connection(HERE, here.port)


# ── figures ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def measured(works: Sequence[Work], *, notes: int = NOTES, rate: float = RATE, seconds: float = SECONDS, seed: int = 1) -> Iterator[Measure]:
    """The figures. `works`: finished drafts that are reviewed."""
    with places.place("sqlite", clients=min(CLIENTS, notes)) as place:
        admit(place)
        with place.practice() as practice:
            reviews = fill(place, practice, works, notes)
        with served(place) as here:
            asked(here, reviews, rate, WARM, seed + 1)
            found = asked(here, reviews, rate, seconds, seed)
            held = here.memory()["VmRSS"] / 2**20
    yield from told(found, notes, rate)
    yield Measure("the memory of the process that answered", held, "MB")


def told(found: Sequence[Answered], notes: int, rate: float) -> Iterator[Measure]:
    """Percentiles by kind, and how many answers were none."""
    at = f"{notes:,} notes, {rate:g} requests/s"
    for kind in (QUEUE, REVIEW):
        taken = [one.ms for one in found if one.kind == kind]
        cuts = statistics.quantiles(taken, n=100)
        yield Measure(f"p50 of the {kind}, {at}", cuts[49], "ms", n=f"{len(taken)} requests")
        yield Measure(f"p95 of the {kind}, {at}", cuts[94], "ms", GOAL)
        yield Measure(f"p99 of the {kind}, {at}", cuts[98], "ms")
    yield Measure("answers that were none", sum(one.status != 200 for one in found), "", 0, f"{len(found)} requests")
