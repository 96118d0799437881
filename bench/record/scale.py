"""What safety costs and size does: signing with and without audit and sealing, rotation over many notes, a page of the queue in a large practice.

In: an engine's name, a finished draft, counts. Out: figures. Knows no shortcut: the product is called as it is; what is left out in the arm without
audit and sealing is left out in a copy of its statements that stands here (`bare`).
"""

from __future__ import annotations

import hashlib
import random
import secrets
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path

import sqlalchemy as sa

from bench.record import bare, places
from bench.record.figure import Figure, at_most, none_of
from bench.record.life import HOW, clearing
from bench.record.places import Place, folder
from drafting.pipeline import Work
from drafting.record import notes, people, workbench
from drafting.record.keys import PRACTICE, RECOVERY, keyfile, rotation
from drafting.record.keys.sealing import Place as Sealed
from drafting.record.keys.sealing import boxed, seal
from drafting.record.practice import Practice
from drafting.record.store import instant, is_sqlite, reading, writing
from drafting.record.store.tables import private, record
from drafting.record.store.tables.keyring import HOLDERS, WRAPPED
from drafting.record.store.tables.record import AUDIT_HEAD, CLIENTS, ENCOUNTERS, NOTES
from drafting.record.workbench import drafted
from drafting.types.record import NoteState
from tests.desks import DAY

SIGNINGS, NOTES_KEPT, FEW, MANY, PAGES = 200, 10_000, 1_000, 1_000_000, 400
_WARM = 10


def p95(seconds: Sequence[float]) -> float:
    """The 95th percentile, the first few left out: they warm the caches."""
    return statistics.quantiles(seconds[_WARM:], n=20)[-1]


# ── signing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def signing(place: Place, work: Work, count: int) -> tuple[list[float], list[float]]:
    """Seconds of each signature as the product gives it, and of the same statements with neither audit nor sealing, in turn."""
    with place.practice() as practice:
        ready = [_cleared(place, practice, work) for _ in range(count + _WARM)]
        version = drafted.load(practice, ready[0], place.colleague.opener).version
        plain = [bare.copied(practice, place.colleague, encounter) for encounter in ready]
        whole = [_timed(lambda one=one: notes.sign(practice, place.colleague, one, version, HOW)) for one in ready[:_WARM]]
        with_, without = list(whole), [_timed(lambda one=one: bare.sign(practice, place.colleague, one, version)) for one in plain[:_WARM]]
        for one, other in zip(ready[_WARM:], plain[_WARM:], strict=True):
            with_.append(_timed(lambda one=one: notes.sign(practice, place.colleague, one, version, HOW)))
            without.append(_timed(lambda other=other: bare.sign(practice, place.colleague, other, version)))
    return with_, without


def _cleared(place: Place, practice: Practice, work: Work) -> str:
    """An encounter whose review nothing stops, and of which nothing is left to be put away."""
    author = place.colleague
    encounter = workbench.receive(practice, place.clients[0], author.person, DAY)
    review = drafted.stand(practice, encounter, work)
    while after := clearing(practice, review, author.person):
        review = drafted.save(practice, after, by=author.person)
    drafted.leave_rest_private(practice, author, review)
    return encounter.id


def _timed(done: Callable[[], object]) -> float:
    began = time.perf_counter()
    done()
    return time.perf_counter() - began


# ── rotation ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def rotating(place: Place, path: Path, count: int) -> tuple[int, float, int]:
    """Rows of data that a rotation over `count` notes rewrites, its seconds, and how many secrets it wrapped anew. Each note is of another client, so
    that there are as many secrets as notes."""
    keyfile.write(path, place.master)
    with place.practice() as practice:
        names = filled(place, practice, count)
        before = fingerprints(practice)
        began = time.perf_counter()
        wrapped = rotation.rotate(practice, path)
        seconds = time.perf_counter() - began
        after = fingerprints(practice)
        opened = random.Random(1).sample(names, min(50, count))
        if any(people.find_client(practice, name).name != name for name in opened):
            raise AssertionError("after the rotation a name does not open")
    return sum(after.get(key) != value for key, value in before.items()), seconds, wrapped


def filled(place: Place, practice: Practice, count: int) -> list[str]:
    """`count` clients with an encounter and a signed note each, sealed under secrets of their own; the clients' ids."""
    names = [f"C-{number:08d}" for number in range(count)]
    keys = {name: secrets.token_bytes(32) for name in names}
    version, master = place.master.version, place.master.keys[place.master.version]
    at = instant(practice.now())
    with writing(practice.keyring.engine) as connection:
        kit = connection.execute(sa.select(HOLDERS).where(HOLDERS.c.id == RECOVERY)).one()
        rows = [(people.secret_of(name), key) for name, key in keys.items()]
        held = [(name, PRACTICE, version, seal(master, key, Sealed("wrapped", name, PRACTICE, version))) for name, key in rows]
        held += [(name, RECOVERY, kit.version, boxed(kit.public, name, key)) for name, key in rows]
        connection.execute(WRAPPED.insert(), [dict(zip(("secret", "holder", "version", "body"), row, strict=True)) for row in held])
    body = secrets.token_bytes(3_000)
    whose = {"clinician": place.colleague.person, "jurisdiction": places.POLICY}
    visit = {"author": place.colleague.person, "stage": "drafted", "state": "locked", "version": 1, "created": at, "signed": at, "service_date": DAY}
    signed = {"number": 1, "kind": "note", "format": "soap", "review": 1, "digest": "0" * 64, "signed": at, "service_date": DAY}
    with writing(practice.stores.record) as connection:
        sealed = {name: seal(key, name.encode(), Sealed("clients", name, "name")) for name, key in keys.items()}
        connection.execute(CLIENTS.insert(), [{"id": name, "name_sealed": sealed[name], **whose} for name in names])
        connection.execute(ENCOUNTERS.insert(), [{"id": f"E{name}", "client": name, "note": f"N{name}", **visit} for name in names])
        each = [
            {"id": f"N{name}", "encounter": f"E{name}", "client": name, "body_sealed": seal(key, body, Sealed("notes", f"N{name}", "body")), **signed}
            for name, key in keys.items()
        ]
        connection.execute(NOTES.insert(), each)
    return names


def fingerprints(practice: Practice) -> dict[tuple[object, ...], bytes]:
    """SHA-256 of every row of data, by table and primary key; on PostgreSQL with the row's place and the transaction that wrote it, so that a row
    rewritten as it was is seen too. The audit trail's head is left out: a rotation is told of."""
    found = {}
    for engine, metadata in ((practice.stores.record, record.METADATA), (practice.stores.private, private.METADATA)):
        hidden = () if is_sqlite(engine) else (sa.literal_column("ctid::text"), sa.literal_column("xmin::text"))
        with reading(engine) as connection:
            for table in metadata.sorted_tables:
                if table is AUDIT_HEAD:
                    continue
                key = [column.name for column in table.primary_key]
                for row in connection.execute(sa.select(table, *hidden).select_from(table)):
                    name = (table.name, *(getattr(row, column) for column in key))
                    found[name] = hashlib.sha256(repr(tuple(row)).encode()).digest()
    return found


# ── the queue ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_STATES = tuple(state.value for state in NoteState)
_NUMBERS = {
    "sqlite": "WITH RECURSIVE numbers(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < :end)",
    "postgresql": "WITH numbers AS (SELECT CAST(i AS bigint) AS i FROM generate_series(CAST(:first AS bigint), CAST(:end AS bigint) - 1) AS s(i))",
}
_DAY = {"sqlite": "date('2016-01-01', '+' || (i * 7919 % 3650) || ' days')", "postgresql": "DATE '2016-01-01' + CAST(i * 7919 % 3650 AS integer)"}


def received(practice: Practice, place: Place, first: int, end: int) -> None:
    """Encounters of numbers `first` to `end`, written by two people, in every state, over ten years; one in fifty without a date."""
    engine = practice.stores.record
    states = " ".join(f"WHEN {number} THEN '{state}'" for number, state in enumerate(_STATES))
    query = f"""
        INSERT INTO encounters (id, client, author, supervisor, service_date, stage, state, version, created)
        {{numbers}}
        SELECT 'E' || CAST(1000000000 + i AS text), :client, CASE i % 7 % 2 WHEN 0 THEN :trainee ELSE :colleague END,
            CASE i % 7 % 2 WHEN 0 THEN :supervisor END, CASE WHEN i % 53 <> 0 THEN {_DAY[engine.dialect.name]} END,
            'drafted', CASE i % 10 {states} END, 1, :at FROM numbers"""
    who = {"trainee": place.trainee.person, "colleague": place.colleague.person, "supervisor": place.supervisor.person}
    values = {"first": first, "end": end, "client": place.clients[0], "at": instant(practice.now()), **who}
    with writing(engine) as connection:
        connection.execute(sa.text(query.format(numbers=_NUMBERS[engine.dialect.name])), values)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT", aside_bare=True) as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)" if is_sqlite(engine) else "VACUUM (ANALYZE) encounters")


def pages(practice: Practice, place: Place, count: int, seed: int) -> list[float]:
    """Seconds of `count` pages of the queue: of one's own and of those that one supervises, from the beginning and from anywhere."""
    chance, found = random.Random(seed), []
    for _ in range(count + _WARM):
        after = (date(2016, 1, 1) + timedelta(days=chance.randrange(3650)), "E1") if chance.random() < 0.8 else None
        if chance.random() < 0.3:
            asked = {"person": place.supervisor.person, "states": (NoteState.COSIGN_DUE,), "supervising": True}
        else:
            asked = {"person": chance.choice((place.trainee, place.colleague)).person, "states": workbench.EDITABLE}
        found.append(_timed(lambda asked=asked, after=after: workbench.queue(practice, after=after, **asked)))
    return found


# ── figures ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def measured(engine: str, work: Work, seed: int, *, signings: int = SIGNINGS, kept: int = NOTES_KEPT, many: int = MANY) -> Iterator[Figure]:
    """The figures on `engine`."""
    with places.place(engine) as place:
        with_, without = map(p95, signing(place, work, signings))
        n = f"{signings} signatures each, p95 {with_ * 1e3:.1f} and {without * 1e3:.1f} ms"
        yield at_most("scale: signing with ÷ without audit and sealing", engine, n, with_ / without, 1.3)
    with places.place(engine) as place, folder() as keys:
        rewritten, seconds, wrapped = rotating(place, keys / "practice.key", kept)
        yield none_of("scale: rows that a rotation rewrites", engine, f"{kept:,} notes, {wrapped:,} secrets, {seconds:.1f} s", rewritten)
    with places.place(engine) as place, place.practice() as practice:
        received(practice, place, 0, FEW)
        few = p95(pages(practice, place, PAGES, seed))
        received(practice, place, FEW, many)
        lots = p95(pages(practice, place, PAGES, seed))
        n = f"{PAGES} pages each, p95 {few * 1e3:.2f} and {lots * 1e3:.2f} ms"
        yield at_most(f"scale: a queue page of {many:,} notes ÷ of {FEW:,}", engine, n, lots / few, 3)
