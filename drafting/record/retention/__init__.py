"""What falls due with time: locking, reminders, purging, and the end of records; and what stops it.

In: a practice and its policy; for an end that is no mere date, a person. Out: what is due and why something waits; receipts of what was destroyed.
Knows no words. Nothing is destroyed under a hold or an open request, and nothing unsigned without a task that told of it first. What ends a note or a
record is `ending`'s; a run does of it what needs no person.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, Row, exists, func, insert, or_, select, update

from drafting.errors import Held, IllegalMove
from drafting.record import holds, people, workbench
from drafting.record.holds import Hold
from drafting.record.keys import RECOVERY
from drafting.record.keys.scrubbing import NotScrubbed
from drafting.record.practice import Policy, Practice, new_id
from drafting.record.release import disclosing, requests
from drafting.record.release.deadlines import add_months
from drafting.record.release.disclosing import Unsettled
from drafting.record.release.requests import Filed
from drafting.record.retention.ending import INCOMPLETE, LOCKED, Locked, finish, last_day, lock
from drafting.record.store import at, instant, reading
from drafting.record.store.tables.keyring import WRAPPED
from drafting.record.store.tables.private import PRIVATE_NOTES
from drafting.record.store.tables.record import CLIENTS, ENCOUNTERS, TASKS
from drafting.record.workbench import moves
from drafting.types.record import NoteState

REMIND_AFTER = timedelta(days=7)
"""How long work may lie unsigned before its author is reminded."""

NOTICE = timedelta(days=7)
"""The least time from that reminder to a purge."""

_SIGNED = (NoteState.SIGNED, NoteState.COSIGNED)
_UNSIGNED_TASK, _REVIEW_TASK = "unsigned_work", "review_private"
_BATCH = 500


class What(StrEnum):
    """What falls due. `lock`: a note, and with it the shredding of its workbench; `remind`, `purge`: work that lies unsigned; `expire`: a key that
    was lent; `hand_over`: a locked note of a practice whose chart is elsewhere; `review`: an author's old private notes; `destroy`: a record."""

    LOCK = "lock"
    REMIND = "remind"
    PURGE = "purge"
    EXPIRE = "expire"
    HAND_OVER = "hand_over"
    REVIEW = "review"
    DESTROY = "destroy"


@dataclass(frozen=True, slots=True)
class Due:
    """Something that has fallen due, on `since`: `subject` is an encounter, a secret, a person or a client. `held`: what it waits for."""

    what: What
    subject: str
    since: date
    held: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What an administrator has to see to."""

    due: tuple[Due, ...]
    holds: tuple[Hold, ...]
    requests: tuple[Filed, ...]
    unsettled: tuple[Unsettled, ...]


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run has done: locks with what waits, receipts of purges, how many tasks were opened and lent keys taken back."""

    locked: tuple[Locked, ...] = ()
    purged: tuple[str, ...] = ()
    told: int = 0
    expired: int = 0


# ── what is due ───────────────────────────────────────────────────────────────────────────────────────────────────────


def due(practice: Practice, now: datetime | None = None) -> tuple[Due, ...]:
    """All that has fallen due by `now`, the present if not given, with what stops it."""
    now = now or practice.now()
    policy = practice.policy()
    with practice.look() as connection:
        found = [
            *_to_lock(practice, connection, now, timedelta(days=policy.lock_after)),
            *_unsigned(connection, now, policy.unsigned_purge),
            *(_to_hand_over(practice, connection) if policy.chart == "elsewhere" else ()),
            *_to_destroy(practice, connection, now, policy),
        ]
    return (*found, *_lent(practice, now), *_to_review(practice, now, policy.private_review))


def report(practice: Practice, now: datetime | None = None) -> Report:
    """What an administrator has to see to: what is due, the holds that stand, the letters that wait, and releases that were cut."""
    return Report(due(practice, now), holds.holds_on(practice), requests.open_requests(practice), disclosing.unsettled(practice))


def _to_lock(practice: Practice, connection: Connection, now: datetime, after: timedelta) -> list[Due]:
    """Signed notes whose time is up, but not one that was signed as incomplete and is not completed: words that nobody decided on lie on its
    workbench alone. And locked ones whose workbench a cut run has left."""
    signed = ENCOUNTERS.c.state.in_(_SIGNED) & (ENCOUNTERS.c.signed <= instant(now - after)) & ~INCOMPLETE
    rows = [*_encounters(connection, signed)]
    alive = {name.removeprefix("encounter/") for name in practice.keyring.held_by(RECOVERY, "encounter/")}
    rows += [row for batch in _batches(alive) for row in _encounters(connection, ENCOUNTERS.c.id.in_(batch) & ENCOUNTERS.c.state.in_(LOCKED))]
    return [Due(What.LOCK, row.id, (at(row.signed) + after).date(), holds.stops(connection, row.client)) for row in rows]


def _unsigned(connection: Connection, now: datetime, purge: int) -> list[Due]:
    """Work that lies unsigned too long. What was signed before and is open again is told of and never purged. A purge is due where the policy has one
    and a task that told of it has run out."""
    telling = exists().where(TASKS.c.encounter == ENCOUNTERS.c.id, TASKS.c.kind == _UNSIGNED_TASK, TASKS.c.done.is_(None))
    cut = (ENCOUNTERS.c.failure == people.PURGED) & telling  # a purge whose last step is still to be done
    found = []
    for row in _encounters(connection, (people.UNSIGNED | cut) & (ENCOUNTERS.c.created <= instant(now - REMIND_AFTER))):
        told = connection.scalar(select(TASKS.c.due).where(TASKS.c.encounter == row.id, TASKS.c.kind == _UNSIGNED_TASK, TASKS.c.done.is_(None)))
        if told is None:
            found.append(Due(What.REMIND, row.id, (at(row.created) + REMIND_AFTER).date()))
        elif purge and row.note is None and told <= instant(now) and at(row.created) + timedelta(days=purge) <= now:
            found.append(Due(What.PURGE, row.id, at(told).date(), holds.stops(connection, row.client)))
    return found


def _to_hand_over(practice: Practice, connection: Connection) -> list[Due]:
    """Locked notes whose words are still here, each under a key of its own."""
    alive = {name.removeprefix("note/") for name in practice.keyring.held_by(RECOVERY, "note/")}
    rows = [row for batch in _batches(alive) for row in _encounters(connection, ENCOUNTERS.c.note.in_(batch) & ENCOUNTERS.c.state.in_(LOCKED))]
    return [Due(What.HAND_OVER, row.id, at(row.signed).date(), holds.stops(connection, row.client)) for row in rows]


def _to_destroy(practice: Practice, connection: Connection, now: datetime, policy: Policy) -> list[Due]:
    last = add_months(now.date(), -12 * policy.keep_years)
    old = or_(CLIENTS.c.last_service.is_(None), CLIENTS.c.last_service <= last)
    rows = connection.execute(select(CLIENTS).where(old).order_by(CLIENTS.c.id)).all()
    until = {row.id: last_day(connection, row, policy) for row in rows}
    gone = [id for id, day in until.items() if day and day < now.date() and not workbench.receipt_of(practice.keyring, people.secret_of(id))]
    return [Due(What.DESTROY, client, until[client] + timedelta(days=1), holds.stops(connection, client)) for client in gone]


def _lent(practice: Practice, now: datetime) -> list[Due]:
    query = select(WRAPPED.c.secret, WRAPPED.c.until).where(WRAPPED.c.until.is_not(None), WRAPPED.c.until <= instant(now))
    with reading(practice.keyring.engine) as connection:
        return [Due(What.EXPIRE, row.secret, at(row.until).date()) for row in connection.execute(query.order_by(WRAPPED.c.until, WRAPPED.c.secret))]


def _to_review(practice: Practice, now: datetime, days: int) -> list[Due]:
    """Authors with private notes older than the policy's time, who were not asked within that time."""
    if not days:
        return []
    old = instant(now - timedelta(days=days))
    query = select(PRIVATE_NOTES.c.author, func.min(PRIVATE_NOTES.c.since).label("since")).where(PRIVATE_NOTES.c.since <= old)
    with reading(practice.stores.private) as connection:
        rows = connection.execute(query.group_by(PRIVATE_NOTES.c.author).order_by(PRIVATE_NOTES.c.author)).all()
    asked = select(TASKS.c.person).where(TASKS.c.kind == _REVIEW_TASK, or_(TASKS.c.done.is_(None), TASKS.c.done > old))
    with practice.look() as connection:
        already = set(connection.scalars(asked))
    return [Due(What.REVIEW, row.author, (at(row.since) + timedelta(days=days)).date()) for row in rows if row.author not in already]


def _batches(ids: Iterable[str]) -> Iterable[Sequence[str]]:
    listed = sorted(ids)
    return (listed[start : start + _BATCH] for start in range(0, len(listed), _BATCH))


def _encounters(connection: Connection, where: ColumnElement[bool]) -> Sequence[Row]:
    return connection.execute(select(ENCOUNTERS).where(where).order_by(ENCOUNTERS.c.created, ENCOUNTERS.c.id)).all()


# ── what is done of it ────────────────────────────────────────────────────────────────────────────────────────────────


def tidied(practice: Practice) -> tuple[int, bool]:
    """Finish what a process before this one left under way; whoever starts a service calls it first. How much that was, and whether destroyed keys
    are known to be gone from the files: where another process reads those just now they are not, and whatever destroys the next one sees to it."""
    count = moves.sweep(practice) + finish(practice)
    try:
        practice.keyring.scrub()
    except NotScrubbed:
        return count, False
    return count, True


def run(practice: Practice) -> Ran:
    """Do what falls due by itself: take back keys that were lent, lock, open tasks, purge what a task told of, and finish what was cut. What needs a
    person, handing over and destroying a record, is not done here. Raises NotScrubbed."""
    finish(practice)
    _untell(practice)
    found = due(practice)
    expired = practice.keyring.expire(practice.now())
    told = [item for item in found if item.what in (What.REMIND, What.REVIEW)]
    for item in told:
        _tell(practice, item)
    purged = [_purge(practice, item.subject) for item in found if item.what is What.PURGE and item.held is None]
    return Ran(_lock_all(practice, found), tuple(receipt for receipt in purged if receipt), len(told), expired)


def lock_due(practice: Practice) -> tuple[Locked, ...]:
    """Lock every note whose time is up; those that wait say why."""
    return _lock_all(practice, due(practice))


def _lock_all(practice: Practice, found: Iterable[Due]) -> tuple[Locked, ...]:
    locked = []
    for item in found:
        if item.what is What.LOCK:
            with suppress(IllegalMove):  # it was opened again meanwhile
                locked.append(lock(practice, item.subject))
    return tuple(locked)


def _tell(practice: Practice, item: Due) -> None:
    """Open the task that tells of old work, or asks to look through private notes."""
    with practice.change() as change:
        task: dict[str, object] = {"id": new_id("T"), "person": item.subject, "kind": _REVIEW_TASK, "due": instant(change.at)}
        if item.what is What.REMIND:
            row, days = workbench.row_of(change.connection, item.subject), practice.policy().unsigned_purge
            end = max(change.at + NOTICE, at(row.created) + timedelta(days=days)) if days else change.at
            task |= {"person": row.author, "kind": _UNSIGNED_TASK, "encounter": row.id, "client": row.client, "due": instant(end)}
        change.connection.execute(insert(TASKS).values(task))
        change.tell("retention", "task:opened", subject=item.subject, client=task.get("client"), kind=task["kind"], person=task["person"])


def _untell(practice: Practice) -> None:
    """Work that was signed meanwhile needs no reminder."""
    signed = select(ENCOUNTERS.c.id).where(ENCOUNTERS.c.state.not_in(workbench.EDITABLE))
    over = (TASKS.c.kind == _UNSIGNED_TASK) & TASKS.c.done.is_(None) & TASKS.c.encounter.in_(signed)
    with practice.look() as connection:
        tasks = connection.execute(select(TASKS.c.id, TASKS.c.client).where(over)).all()
    for task in tasks:
        with practice.change() as change:
            change.connection.execute(update(TASKS).where(TASKS.c.id == task.id).values(done=instant(change.at)))
            change.tell("retention", "task:done", subject=task.id, client=task.client, kind=_UNSIGNED_TASK)


def _purge(practice: Practice, encounter: str) -> str | None:
    """Destroy unsigned work; None where it was signed, or held, meanwhile."""
    if workbench.find(practice, encounter).state not in workbench.EDITABLE:
        return None
    try:
        receipt = workbench.shred(practice, encounter, by="retention", reason=people.PURGED)
    except Held:
        return None
    with practice.change() as change:
        change.connection.execute(update(TASKS).where(TASKS.c.encounter == encounter, TASKS.c.done.is_(None)).values(done=instant(change.at)))
        client = workbench.row_of(change.connection, encounter).client
        change.tell("retention", "encounter:purged", subject=encounter, client=client, receipt=receipt)
    return receipt
