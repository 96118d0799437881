"""The supervision log: hours, and what was spoken of, beside the private notes and apart from every chart.

In: a supervisee's entry. Out: hours by supervisor; the entries again, for the two whose supervision it was. Knows no client: an entry that names a
client's id is refused. Hours and dates are plain, so that they can be counted without a key; what was spoken of is sealed to the two.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import func, insert, select

from drafting.errors import NotPermitted
from drafting.record.keys import Opener, Place, opened, seal
from drafting.record.keys.passphrases import Unlocked
from drafting.record.keys.passphrases import holder as holder_of
from drafting.record.people import find_person
from drafting.record.practice import Practice, new_id
from drafting.record.store import reading, writing
from drafting.record.store.tables.private import SUPERVISION
from drafting.types.record import Standing

_CLIENT = re.compile(r"\bC-\d{8}\b", re.IGNORECASE)
_MOST = 24 * 60


@dataclass(frozen=True, slots=True)
class Entry:
    """An hour of supervision: whole minutes, and the items that were spoken of."""

    id: str
    person: str
    supervisor: str
    on: date
    minutes: int
    items: tuple[str, ...] = field(repr=False)


def log(practice: Practice, unlocked: Unlocked, supervisor: str, on: date, minutes: int, items: Sequence[str] = ()) -> str:
    """Enter an hour of one's own, and return its id. Raises NotPermitted for a supervisor who is none, minutes that no day has, or an item with a
    client's id; KeyMissing where the supervisor has no keys."""
    over = find_person(practice, supervisor)
    if over.standing is not Standing.SUPERVISOR or not over.active or supervisor == unlocked.person:
        raise NotPermitted(who=supervisor, reason="supervision is given by another, who supervises")
    if not 0 < minutes <= _MOST:
        raise NotPermitted(who=unlocked.person, reason="an entry is of 1 minute to a day")
    if any(_CLIENT.search(item) for item in items):
        raise NotPermitted(who=unlocked.person, reason="no client's id stands in the supervision log")
    name = new_id("H")
    secret = practice.keyring.make(f"supervision/{name}", [holder_of(unlocked.person), holder_of(supervisor)])
    row = {"id": name, "person": unlocked.person, "supervisor": supervisor, "on": on, "minutes": minutes, "key": f"supervision/{name}"}
    with writing(practice.stores.private) as connection:
        connection.execute(insert(SUPERVISION).values(body_sealed=seal(secret, json.dumps(list(items)).encode(), _place(name)), **row))
    with practice.change() as change:
        change.tell(unlocked.person, "supervision:logged", subject=name, minutes=minutes)
    return name


def entries(practice: Practice, person: str, opener: Opener) -> tuple[Entry, ...]:
    """A person's entries by date, opened by that person, or a supervisor's own among them by the supervisor."""
    mine = SUPERVISION.c.person == person
    if opener.holder != holder_of(person):
        mine &= SUPERVISION.c.supervisor == opener.holder.removeprefix("person/")
    with reading(practice.stores.private) as connection:
        rows = connection.execute(select(SUPERVISION).where(mine).order_by(SUPERVISION.c.on, SUPERVISION.c.id)).all()
    return tuple(_entry(practice, row, opener) for row in rows)


def hours(practice: Practice, person: str, since: date, until: date) -> dict[str, int]:
    """Minutes by supervisor, from the day `since` to the day `until`, both counted; no key is needed."""
    mine = (SUPERVISION.c.person == person) & SUPERVISION.c.on.between(since, until)
    query = select(SUPERVISION.c.supervisor, func.sum(SUPERVISION.c.minutes)).where(mine).group_by(SUPERVISION.c.supervisor)
    with reading(practice.stores.private) as connection:
        return {supervisor: int(minutes) for supervisor, minutes in connection.execute(query.order_by(SUPERVISION.c.supervisor))}


def _entry(practice: Practice, row: object, opener: Opener) -> Entry:
    items = json.loads(opened(practice.keyring.open(row.key, opener), row.body_sealed, _place(row.id)))
    return Entry(row.id, row.person, row.supervisor, row.on, row.minutes, tuple(items))


def _place(name: str) -> Place:
    return Place("supervision", name, "items")
