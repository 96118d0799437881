"""What the commands ask of the record that no other room needs: lists of ids, dates, states and counts.

In: a practice. Out: rows to print. Opens no note and reads no sealed word.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drafting.record.practice import Practice

Row = dict[str, Any]


def overview(practice: Practice) -> Row:
    """The practice's own id, its law, and how many people, clients and encounters it has."""
    from sqlalchemy import func, select

    from drafting.record.store.tables.record import CLIENTS, ENCOUNTERS, PEOPLE, PRACTICE

    with practice.look() as connection:
        row = connection.execute(select(PRACTICE)).one()
        counts = {table.name: connection.scalar(select(func.count()).select_from(table)) for table in (PEOPLE, CLIENTS, ENCOUNTERS)}
    return {"practice": row.public_id, "jurisdiction": row.jurisdiction, "created": row.created, **counts}


def jurisdiction(practice: Practice) -> str:
    """Whose law the practice is under."""
    return overview(practice)["jurisdiction"]


def due(practice: Practice, person: str | None = None) -> list[Row]:
    """Open tasks, and encounters whose note is not signed though the policy's hours have passed, by when they fall due."""
    from sqlalchemy import select

    from drafting.record.people import UNSIGNED
    from drafting.record.store import at, instant
    from drafting.record.store.tables.record import ENCOUNTERS, TASKS

    hours = timedelta(hours=practice.policy().sign_due_hours)
    tasks = select(TASKS).where(TASKS.c.done.is_(None))
    late = select(ENCOUNTERS).where(UNSIGNED, ENCOUNTERS.c.created <= instant(practice.now() - hours))
    if person is not None:
        tasks, late = tasks.where(TASKS.c.person == person), late.where(ENCOUNTERS.c.author == person)
    with practice.look() as connection:
        found = [_due(t.due, t.kind, t.person, t.client, t.encounter, t.id) for t in connection.execute(tasks)]
        found += [_due(instant(at(e.created) + hours), "sign_note", e.author, e.client, e.id, None) for e in connection.execute(late)]
    return sorted(found, key=lambda row: (row["due"], row["encounter"] or ""))


def _due(due: str, kind: str, person: str, client: str | None, encounter: str | None, task: str | None) -> Row:
    return {"due": due[:16], "kind": kind, "person": person, "client": client, "encounter": encounter, "task": task}


def encounters(practice: Practice, client: str | None, person: str | None, states: Iterable[str], limit: int) -> list[Row]:
    """Encounters of a client, of an author, in some states, by date of service; those without a date first."""
    from sqlalchemy import select

    from drafting.record.store.tables.record import ENCOUNTERS

    given = (ENCOUNTERS.c.client, client), (ENCOUNTERS.c.author, person)
    query = select(ENCOUNTERS).where(*(column == value for column, value in given if value is not None))
    if wanted := list(states):
        query = query.where(ENCOUNTERS.c.state.in_(wanted))
    order = ENCOUNTERS.c.service_date.is_not(None), ENCOUNTERS.c.service_date, ENCOUNTERS.c.id
    with practice.look() as connection:
        found = connection.execute(query.order_by(*order).limit(limit)).all()
    return [_encounter(row) for row in found]


def _encounter(row: Any) -> Row:
    day = row.service_date.isoformat() if row.service_date else None
    return {"encounter": row.id, "client": row.client, "date": day, "state": row.state, "author": row.author, "note": row.note}


def clients_of(practice: Practice, person: str) -> tuple[str, ...]:
    """The ids of a clinician's clients."""
    from sqlalchemy import select

    from drafting.record.store.tables.record import CLIENTS

    with practice.look() as connection:
        return tuple(connection.scalars(select(CLIENTS.c.id).where(CLIENTS.c.clinician == person).order_by(CLIENTS.c.id)))


def left_open(practice: Practice, person: str) -> dict[str, int]:
    """What keeps a person from leaving, by what it is; only what there is."""
    from sqlalchemy import func, select

    from drafting.record.people import unsigned_of
    from drafting.record.store.tables.record import CLIENTS, ENCOUNTERS, PEOPLE
    from drafting.types.record import NoteState

    due = ENCOUNTERS.c.state == NoteState.COSIGN_DUE
    counted = {
        "notes to cosign": (ENCOUNTERS, due & (ENCOUNTERS.c.supervisor == person)),
        "notes that their supervisor has to cosign": (ENCOUNTERS, due & (ENCOUNTERS.c.author == person)),
        "clients": (CLIENTS, CLIENTS.c.clinician == person),
        "trainees": (PEOPLE, (PEOPLE.c.supervisor == person) & (PEOPLE.c.active == 1)),
    }
    with practice.look() as connection:
        found = {"notes to sign": unsigned_of(connection, person)}
        found |= {what: connection.scalar(select(func.count()).select_from(table).where(where)) for what, (table, where) in counted.items()}
    return {what: count for what, count in found.items() if count}
