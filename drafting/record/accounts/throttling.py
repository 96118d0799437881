"""How often a wrong word is heard at one door: four times freely, from the fifth on with a wait that doubles, up to a quarter of an hour.

In: a practice, the name of a door ("login:ada"). Out: nothing, or LoginThrottled. Knows no account: a login that nobody has waits as one that
somebody has. Doors are told apart by two bytes of a keyed digest, so that the table stays small whatever names are tried; two that fall together
wait together, which nobody can bring about on purpose. Counts are no part of the record and are kept without an event.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, delete, insert, select, update

from drafting.errors import RecordError
from drafting.record.practice import Practice
from drafting.record.store import alone, at, instant, writing
from drafting.record.store.tables.record import THROTTLES

FREE = 4
FIRST, LONGEST = timedelta(seconds=15), timedelta(minutes=15)
FORGOTTEN = timedelta(days=1)
"""After a day without a try a door is as new."""

_DOOR = 2


class LoginThrottled(RecordError):
    """Too many tries went wrong. Wait {seconds} seconds, then try again."""

    def __init__(self, *, seconds: int) -> None:
        super().__init__(seconds=seconds)
        self.seconds = seconds


def count(practice: Practice, door: str) -> None:
    """Take a try at `door` for a wrong one, until `clear` says otherwise: counted before the word is looked at, a hundred tries at once are heard as
    often as a hundred in a row. Raises LoginThrottled, and then the try is not counted."""
    key, now = _key(practice, door), practice.now()
    with writing(practice.stores.record) as connection:
        alone(connection)
        connection.execute(delete(THROTTLES).where(THROTTLES.c.at <= instant(now - FORGOTTEN)))
        row = connection.execute(select(THROTTLES).where(THROTTLES.c.door == key)).first()
        if row is not None and (left := at(row.until) - now) > timedelta(0):
            raise LoginThrottled(seconds=math.ceil(left.total_seconds()))
        _write(connection, key, row, now)


def clear(practice: Practice, connection: Connection, door: str) -> None:
    """The word was right: the door is as new. In the caller's transaction."""
    connection.execute(delete(THROTTLES).where(THROTTLES.c.door == _key(practice, door)))


def _write(connection: Connection, key: bytes, row: Row | None, now: datetime) -> None:
    failures = row.failures + 1 if row else 1
    values = {"failures": failures, "at": instant(now), "until": instant(now + _wait(failures))}
    if row is None or not connection.execute(update(THROTTLES).where(THROTTLES.c.door == key).values(values)).rowcount:
        connection.execute(insert(THROTTLES).values(door=key, **values))


def _wait(failures: int) -> timedelta:
    if failures <= FREE:
        return timedelta(0)
    return min(FIRST * 2 ** min(failures - FREE - 1, 16), LONGEST)


def _key(practice: Practice, door: str) -> bytes:
    return practice.token(door)[:_DOOR]
