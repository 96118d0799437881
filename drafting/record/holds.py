"""Holds: what stops the destruction of anything of a client, until a person says otherwise.

In: a client's id and a reason, as a code. Out: holds that stand. Knows no rule: a request places its hold by `requests`, and whoever destroys asks
`stops`. Nothing lifts a hold by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from drafting.errors import Held, NotPermitted
from drafting.record.people import find_person
from drafting.record.practice import Change, Practice, known, new_id
from drafting.record.store import at, instant
from drafting.record.store.tables.record import CLIENTS, HOLDS, REQUESTS
from drafting.types.record import Person


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold that stands. `request`: the one that placed it; None where a person did."""

    id: str
    client: str
    reason: str
    request: str | None
    since: datetime


def hold(practice: Practice, client: str, reason: str, by: str) -> str:
    """Stop the destruction of anything of a client's, and return the hold's id. `reason` is a code. Raises NotKnown, NotPermitted."""
    at_work(practice, by)
    with practice.change() as change:
        known(change.connection.scalar(select(CLIENTS.c.id).where(CLIENTS.c.id == client)), "client", client)
        return place(change, client, reason, None, by)


def lift(practice: Practice, hold: str, by: str, reason: str) -> None:
    """A person ends a hold; `reason` is a code. Other holds of the same client stand. Raises NotKnown, also for one that is lifted; NotPermitted for
    anybody who does not work here, and Held while the request that placed it is open."""
    at_work(practice, by)
    with practice.change() as change:
        standing = select(HOLDS).where(HOLDS.c.id == hold, HOLDS.c.lifted.is_(None))
        row = known(change.connection.execute(standing).first(), "standing hold", hold)
        open_ = select(REQUESTS.c.id).where(REQUESTS.c.id == row.request, REQUESTS.c.closed.is_(None))
        if change.connection.scalar(open_) is not None:
            raise Held(id=row.client, reason=f"request {row.request} is open")
        change.connection.execute(update(HOLDS).where(HOLDS.c.id == hold).values(lifted=instant(change.at)))
        change.tell(by, "hold:lifted", subject=hold, client=row.client, reason=reason, request=row.request)


def holds_on(practice: Practice, client: str | None = None) -> tuple[Hold, ...]:
    """The holds that stand, the oldest first."""
    query = select(HOLDS).where(HOLDS.c.lifted.is_(None))
    query = query if client is None else query.where(HOLDS.c.client == client)
    with practice.look() as connection:
        rows = connection.execute(query.order_by(HOLDS.c.since, HOLDS.c.id)).all()
    return tuple(Hold(row.id, row.client, row.reason, row.request, at(row.since)) for row in rows)


def place(change: Change, client: str, reason: str, request: str | None, by: str) -> str:
    """A hold, inside a transaction that does more."""
    name = new_id("H")
    row = {"id": name, "client": client, "reason": reason, "request": request, "since": instant(change.at)}
    change.connection.execute(insert(HOLDS).values(row))
    change.tell(by, "hold:placed", subject=name, client=client, reason=reason, request=request)
    return name


def at_work(practice: Practice, person: str) -> Person:
    """Somebody who works here. Raises NotKnown, NotPermitted."""
    found = find_person(practice, person)
    if not found.active:
        raise NotPermitted(who=person, reason="this is for somebody who works here")
    return found


# ── what forbids destroying ───────────────────────────────────────────────────────────────────────────────────────────


def stops(connection: Connection, client: str) -> str | None:
    """What forbids destroying anything of a client's: a hold that stands, or a request that is open; None where nothing does."""
    hold = connection.scalar(select(HOLDS.c.reason).where(HOLDS.c.client == client, HOLDS.c.lifted.is_(None)).limit(1))
    if hold is not None:
        return f"a hold stands ({hold})"
    request = connection.scalar(select(REQUESTS.c.id).where(REQUESTS.c.client == client, REQUESTS.c.closed.is_(None)).limit(1))
    return None if request is None else f"request {request} is open"


def refuse_held(connection: Connection, client: str) -> None:
    """Raise Held where anything forbids destroying what is the client's."""
    if reason := stops(connection, client):
        raise Held(id=client, reason=reason)
