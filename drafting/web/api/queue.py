"""What waits for a person: encounters of their own, or those that wait for their cosignature, the oldest first.

In: who asks, states, a cursor. Out: a page of ids, dates and states, with the clients' names unless they are hidden. Opens no note.
"""

from __future__ import annotations

import base64
import re
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from sqlalchemy import Connection, func, select

from drafting.errors import InputError
from drafting.record import people, workbench
from drafting.record.store import at
from drafting.record.store.tables.record import ENCOUNTERS, TASKS
from drafting.types.record import Encounter, NoteState, Standing
from drafting.web.access import Asked, Asking, stands_as, told
from drafting.web.schemas import EncounterOut, Out

router = APIRouter(prefix="/api/v1/queue", tags=["queue"])

_ID = re.compile(r"E[0-9a-z]{1,15}")
WRITES = (Standing.CLINICIAN, Standing.TRAINEE, Standing.SUPERVISOR)
TO_COSIGN = frozenset({NoteState.COSIGN_DUE, NoteState.RETURNED})


class BadCursor(InputError):
    """That is no cursor of a page. Begin with the first page."""


class QueueItem(Out):
    """An encounter that waits."""

    encounter: EncounterOut = Field(description="The encounter.")
    name: str | None = Field(repr=False, description="The client's name, unless names are hidden or the record was destroyed.")
    overdue: bool = Field(description="Whether it waits longer than the practice allows.")
    tasks: tuple[str, ...] = Field(description="Open tasks about it: to complete the note, to cosign it.")


class QueueOut(Out):
    """A page of what waits for a person, the oldest first."""

    items: tuple[QueueItem, ...] = Field(description="This page.")
    next: str | None = Field(description="The cursor of the next page; none on the last.")
    counts: dict[NoteState, int] = Field(description="How many there are in each state.")


@router.get("", dependencies=[Depends(stands_as(*WRITES))])
@told("queue:read")
def read_queue(
    asked: Asked,
    state: Annotated[tuple[NoteState, ...], Query(description="In these states; those that wait, if none is named.")] = (),
    supervising: Annotated[bool, Query(description="What waits for one's cosignature, in place of one's own.")] = False,
    names: Annotated[bool, Query(description="Whether clients' names are told.")] = True,
    cursor: Annotated[str | None, Query(max_length=200, description="Where the page before ended.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="So many at most.")] = 50,
) -> QueueOut:
    """A page of what waits for whoever asks."""
    states = set(state) or ({NoteState.COSIGN_DUE} if supervising else set(workbench.EDITABLE))
    states = states & TO_COSIGN if supervising else states
    given = {"states": states, "after": _after(cursor), "limit": limit + 1, "supervising": supervising}
    found = workbench.queue(asked.practice, asked.person.id, **given)
    page = found[:limit]
    with asked.practice.look() as connection:
        counts, tasks = _counts(connection, asked.person.id, supervising), _tasks(connection, asked.person.id, [e.id for e in page])
    items = _items(asked, page, tasks, names)
    return QueueOut(items=items, next=_cursor(page[-1]) if len(found) > limit else None, counts=counts)


def _items(asking: Asking, page: tuple[Encounter, ...], tasks: dict[str, list[tuple[str, datetime]]], names: bool) -> tuple[QueueItem, ...]:
    now, hours = asking.practice.now(), timedelta(hours=asking.practice.policy().sign_due_hours)
    told = people.find_clients(asking.practice, {e.client for e in page}) if names else {}
    items = []
    for e in page:
        late = e.state in workbench.EDITABLE and e.created + hours <= now
        own = tasks.get(e.id, [])
        overdue = late or any(due <= now for _, due in own)
        out, name = EncounterOut.model_validate(e), told[e.client].name if e.client in told else None
        items.append(QueueItem(encounter=out, name=name, overdue=overdue, tasks=tuple(kind for kind, _ in own)))
    return tuple(items)


def _counts(connection: Connection, person: str, supervising: bool) -> dict[NoteState, int]:
    whose = (ENCOUNTERS.c.supervisor == person) & ENCOUNTERS.c.state.in_(TO_COSIGN) if supervising else ENCOUNTERS.c.author == person
    rows = connection.execute(select(ENCOUNTERS.c.state, func.count()).where(whose).group_by(ENCOUNTERS.c.state)).all()
    return {NoteState(state): count for state, count in rows}


def _tasks(connection: Connection, person: str, encounters: list[str]) -> dict[str, list[tuple[str, datetime]]]:
    """Open tasks of a person about these encounters: what kind, and when due."""
    query = select(TASKS.c.encounter, TASKS.c.kind, TASKS.c.due).where(TASKS.c.person == person, TASKS.c.done.is_(None))
    found: dict[str, list[tuple[str, datetime]]] = {}
    for row in connection.execute(query.where(TASKS.c.encounter.in_(encounters)).order_by(TASKS.c.due)):
        found.setdefault(row.encounter, []).append((row.kind, at(row.due)))
    return found


def _cursor(encounter: Encounter) -> str:
    day, name = workbench.cursor(encounter)
    return base64.urlsafe_b64encode(f"{day or ''}~{name}".encode()).decode().rstrip("=")


def _after(cursor: str | None) -> tuple[date | None, str] | None:
    """Where a page ended. Raises BadCursor."""
    if cursor is None:
        return None
    try:
        day, _, name = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii").partition("~")
        if not _ID.fullmatch(name):
            raise BadCursor()
        return (date.fromisoformat(day) if day else None), name
    except ValueError:
        raise BadCursor() from None
