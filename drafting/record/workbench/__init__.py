"""The workbench: all that is unsigned of an encounter, under the encounter's own key pair, until it is shredded.

In: ids, and work as bytes. Out: the queue of encounters, and the bytes again for whoever can open the encounter. Knows no review's shape and no
private note; recordings are `media`'s, and end with the rest. Whoever puts work here need not be able to read it: every item has a secret of its own,
wrapped to the encounter alone, and the encounter's private half is wrapped to its author, to the recovery kit, to the worker until the draft stands,
and to the supervisor while that is lent.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, tuple_, update

from drafting.errors import Conflict, IllegalMove, NotPermitted
from drafting.record.holds import refuse_held, stops
from drafting.record.keys import PRACTICE, RECOVERY, WORKER, Keyring, Opener, Place, opened, seal
from drafting.record.keys.passphrases import holder as holder_of_person
from drafting.record.people import PURGED, UNSIGNED
from drafting.record.practice import Change, Practice, known, new_id, ready
from drafting.record.review.lifecycle import Move, moved
from drafting.record.store import at, instant, reading
from drafting.record.store.tables.keyring import HOLDERS, TOMBSTONES, WRAPPED
from drafting.record.store.tables.record import CLIENTS, ENCOUNTERS, INTENTS, MEDIA, PEOPLE, WORK
from drafting.types.record import NO_CLINICIANS, Encounter, NoteState, Stage, Standing

EDITABLE = (NoteState.DRAFT, NoteState.IN_REVIEW, NoteState.RETURNED)
_WAY = (Stage.RECEIVED, Stage.TRANSCRIBED, Stage.ROUTED, Stage.DRAFTED)
_SHRED = "shred_work"
_ID, _KIND, _STATEMENT = re.compile(r"E[0-9a-z]{1,15}"), re.compile(r"[a-z0-9_]{1,16}"), re.compile(r"[A-Za-z0-9_.:-]{1,32}")


@dataclass(frozen=True, slots=True)
class Item:
    """A version of some work: of kind `transcript`, `draft`, `review`, `decisions`. `statements` are the ids of those whose words it holds."""

    kind: str
    version: int
    body: bytes = field(repr=False)
    statements: tuple[str, ...] = ()


# ── encounters ────────────────────────────────────────────────────────────────────────────────────────────────────────


def holder(encounter: str) -> str:
    """The name of an encounter's key pair."""
    return f"encounter/{encounter}"


def receive(practice: Practice, client: str, author: str, service_date: date | None, *, id: str | None = None) -> Encounter:
    """Begin an encounter, with a key pair of its own that the worker may use for `worker_hours`. The same `id` again gives the same encounter, so
    that an upload may be repeated. Raises KitError, NotKnown, NotPermitted, Conflict where `id` is another's."""
    ready(practice)
    name = id or new_id("E")
    _code(_ID, name)
    if id is not None and (there := _there(practice, id)) is not None:
        if (there.client, there.author) != (client, author):
            raise Conflict()
        return there
    if not has_keys(practice.keyring, WORKER):
        worker(practice)
    until = practice.now() + timedelta(hours=practice.policy().worker_hours)
    with practice.change() as change:
        known(change.connection.scalar(select(CLIENTS.c.id).where(CLIENTS.c.id == client)), "client", client)
        supervisor = supervisor_of(change.connection, author)
        made = Encounter(name, client, author, supervisor, service_date, Stage.RECEIVED, NoteState.DRAFT, 0, change.at)
        row = {"id": name, "client": client, "author": author, "supervisor": supervisor, "service_date": service_date, "version": 0}
        change.connection.execute(insert(ENCOUNTERS).values(stage=made.stage.value, state=made.state.value, created=instant(change.at), **row))
        _make_pair(practice, holder(name), [holder_of_person(author), RECOVERY, WORKER])
        _end_at(practice.keyring, holder(name), WORKER, until)
        change.tell(author, "encounter:received", subject=name, client=client)
    return made


def find(practice: Practice, encounter: str) -> Encounter:
    """Raises NotKnown."""
    return known(_there(practice, encounter), "encounter", encounter)


def cursor(encounter: Encounter) -> tuple[date | None, str]:
    """Where a page of the queue ended: the `after` of the next."""
    return encounter.service_date, encounter.id


def queue(
    practice: Practice,
    person: str,
    *,
    states: Collection[NoteState],
    after: tuple[date | None, str] | None = None,
    limit: int = 50,
    supervising: bool = False,
) -> tuple[Encounter, ...]:
    """A page of the encounters that `person` wrote, or supervises: those without a date first, then the oldest. Each state is a stretch of an index,
    so a page costs the same however many there are."""
    whose = ENCOUNTERS.c.supervisor if supervising else ENCOUNTERS.c.author
    with practice.look() as connection:
        rows = [row for state in set(states) for row in _page(connection, (whose == person) & (ENCOUNTERS.c.state == state.value), after, limit)]
    rows.sort(key=lambda row: (row.service_date is not None, row.service_date or date.min, row.id))
    return tuple(map(_encounter, rows[:limit]))


def progress(practice: Practice, encounter: str, stage: Stage, failure: str | None = None, *, by: str = WORKER) -> None:
    """How far the words have come; a failure has its code. Once the draft stands, the worker's key to the encounter is taken away. Raises IllegalMove
    for a step back."""
    if (stage is Stage.FAILED) != (failure is not None):
        raise ValueError("a failure has a code, and nothing else has one")
    if stage is Stage.DRAFTED:  # first, so that no worker holds a key to a draft that stands; and not within, where the scrub would wait for us
        practice.keyring.unshare(holder(encounter), WORKER)
    with practice.change() as change:
        row = row_of(change.connection, encounter)
        if Stage.FAILED not in (stage, Stage(row.stage)) and _WAY.index(stage) < _WAY.index(Stage(row.stage)):
            raise IllegalMove(state=row.stage, move=stage.value)
        change.connection.execute(update(ENCOUNTERS).where(ENCOUNTERS.c.id == encounter).values(stage=stage.value, failure=failure))
        change.tell(by, "encounter:progress", subject=encounter, client=row.client, reason=failure, stage=stage.value)


def row_of(connection: Connection, encounter: str) -> object:
    """The encounter's row. Raises NotKnown."""
    return known(connection.execute(select(ENCOUNTERS).where(ENCOUNTERS.c.id == encounter)).first(), "encounter", encounter)


def editable(connection: Connection, encounter: str, move: str) -> object:
    """The same, of a note that may still be changed. Raises IllegalMove."""
    row = row_of(connection, encounter)
    if row.state not in EDITABLE:
        raise IllegalMove(state=row.state.replace("_", " "), move=move)
    return row


def _there(practice: Practice, encounter: str) -> Encounter | None:
    with practice.look() as connection:
        row = connection.execute(select(ENCOUNTERS).where(ENCOUNTERS.c.id == encounter)).first()
    return None if row is None else _encounter(row)


def _encounter(row: object) -> Encounter:
    head = (row.id, row.client, row.author, row.supervisor, row.service_date, Stage(row.stage), NoteState(row.state), row.version)
    return Encounter(*head, at(row.created), row.note, at(row.signed), row.failure)


def supervisor_of(connection: Connection, author: str) -> str | None:
    """Who supervises a clinician who writes notes here; None for one who needs nobody. Raises NotKnown, NotPermitted."""
    row = known(connection.execute(select(PEOPLE).where(PEOPLE.c.id == author)).first(), "person", author)
    if not row.active or row.standing in NO_CLINICIANS:
        raise NotPermitted(who=author, reason="notes are written by a clinician who works here")
    return row.supervisor if row.standing == Standing.TRAINEE else None


def _page(connection: Connection, where: ColumnElement[bool], after: tuple[date | None, str] | None, limit: int) -> list[object]:
    """Up to `limit` rows of one stretch of an index, those without a date first."""
    on, name = ENCOUNTERS.c.service_date, ENCOUNTERS.c.id
    rows: list[object] = []
    if after is None or after[0] is None:
        undated = where & on.is_(None) if after is None else where & on.is_(None) & (name > after[1])
        rows = list(connection.execute(select(ENCOUNTERS).where(undated).order_by(on, name).limit(limit)))
        after = None
    if len(rows) < limit:
        dated = where & on.is_not(None) if after is None else where & (tuple_(on, name) > tuple_(*after))
        rows += connection.execute(select(ENCOUNTERS).where(dated).order_by(on, name).limit(limit - len(rows)))
    return rows


# ── work ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def put(practice: Practice, encounter: str, kind: str, version: int, body: bytes, *, statements: Iterable[str] = (), by: str) -> None:
    """Keep a version of some work. A review must follow the one that stands, in a note that may be changed; its author's puts the note in review.
    Raises Conflict, IllegalMove, NotKnown, Shredded."""
    with practice.change() as change:
        add(practice, change, encounter, Item(kind, version, body, tuple(statements)), by=by)


def add(practice: Practice, change: Change, encounter: str, item: Item, *, by: str) -> None:
    """`put`, inside a transaction that does more."""
    name = key_for(encounter, item.kind, item.version)
    row = row_of(change.connection, encounter)
    if item.kind == "review":
        editable(change.connection, encounter, "changed")
        if row.version != item.version - 1:
            raise Conflict()
        state = moved(NoteState(row.state), Move.EDIT) if by == row.author else NoteState(row.state)
        change.connection.execute(update(ENCOUNTERS).where(ENCOUNTERS.c.id == encounter).values(version=item.version, state=state.value))
    statements = joined_ids(sorted(set(item.statements)))
    secret = practice.keyring.make(name, [holder(encounter)])
    sealed = seal(secret, item.body, _place(encounter, item.kind, item.version))
    values = {"encounter": encounter, "kind": item.kind, "version": item.version, "key": name, "statements": statements}
    change.connection.execute(insert(WORK).values(body_sealed=sealed, **values))
    change.tell(by, "work:put", subject=encounter, client=row.client, kind=item.kind, version=item.version)


def get(practice: Practice, encounter: str, kind: str, version: int | None, opener: Opener) -> tuple[int, bytes]:
    """A version of some work, or the latest, with its number. Raises NotKnown, Shredded, KeyMissing, KeyWrong."""
    with practice.look() as connection:
        row = connection.execute(select(WORK).where(which(encounter, kind, version))).first()
    if row is None:
        own(practice, encounter, opener)
    known(row, kind, encounter)
    return row.version, _opened(row, practice.keyring.open(row.key, opener))


def get_all(practice: Practice, encounter: str, wanted: Sequence[tuple[str, int | None]], opener: Opener) -> tuple[bytes | None, ...]:
    """Several versions of work, each by kind and number, or the latest, in one look; None in place of one that was purged or never was. Raises
    KeyMissing, KeyWrong."""
    places = [which(encounter, *one) for one in wanted]
    with practice.look() as connection:
        rows = [connection.execute(select(WORK).where(place)).first() for place in places]
    secrets_ = practice.keyring.open_all([row.key for row in rows if row], opener)
    return tuple(_opened(row, secrets_[row.key]) if row and row.key in secrets_ else None for row in rows)


def latest(connection: Connection, encounter: str, kind: str) -> tuple[int, frozenset[str]]:
    """The number of the latest version, 0 where there is none, and the statements whose words it holds."""
    query = select(WORK.c.version, WORK.c.statements).where(WORK.c.encounter == encounter, WORK.c.kind == kind)
    row = connection.execute(query.order_by(WORK.c.version.desc()).limit(1)).first()
    return (0, frozenset()) if row is None else (row.version, frozenset(row.statements.split()))


def destroy_words(practice: Practice, encounter: str, statements: Iterable[str]) -> tuple[str, ...]:
    """Destroy the keys of all that holds words of `statements`, and name them. Their rows stay until `forget`, so that after a cut between the two
    this can be repeated. It is never called inside a transaction: the keyring waits for those. Raises Held, NotScrubbed."""
    gone = set(statements)
    with practice.look() as connection:
        refuse_held(connection, row_of(connection, encounter).client)
        rows = connection.execute(select(WORK.c.key, WORK.c.statements).where(WORK.c.encounter == encounter)).all()
    keys = tuple(row.key for row in rows if gone & set(row.statements.split()))
    if keys:
        practice.keyring.shred(keys, reason="purged", now=practice.now())
    return keys


def unreadable(practice: Practice, encounter: str) -> tuple[str, ...]:
    """The keys of an encounter's work that were destroyed though its rows stand: `forget` waits to take them away."""
    with practice.look() as connection:
        keys = connection.scalars(select(WORK.c.key).where(WORK.c.encounter == encounter)).all()
    return tuple(key for key in keys if receipt_of(practice.keyring, key) is not None)


def forget(change: Change, encounter: str, keys: Iterable[str], *, by: str) -> None:
    """Take the rows away whose keys were destroyed."""
    row = row_of(change.connection, encounter)
    count = 0
    for key in keys:
        count += change.connection.execute(delete(WORK).where(WORK.c.encounter == encounter, WORK.c.key == key)).rowcount
    change.tell(by, "work:purged", subject=encounter, client=row.client, versions=count)


def which(encounter: str, kind: str, version: int | None) -> ColumnElement[bool]:
    """That it is this version of some work, or the latest."""
    mine = (WORK.c.encounter == encounter) & (WORK.c.kind == kind)
    return mine & (WORK.c.version == (select(func.max(WORK.c.version)).where(mine).scalar_subquery() if version is None else version))


def _opened(row: object, secret: bytes) -> bytes:
    return opened(secret, row.body_sealed, _place(row.encounter, row.kind, row.version))


def _place(encounter: str, kind: str, version: int) -> Place:
    return Place("work", f"{encounter}/{kind}", "body", version)


def key_for(encounter: str, *rest: object) -> str:
    """A fresh name for an item's secret. Its end is drawn, so that what a cut left behind stands in nobody's way."""
    for part in rest:
        _code(_KIND, str(part))
    return "/".join(["work", encounter, *map(str, rest), secrets.token_hex(3)])


def joined_ids(ids: Iterable[str]) -> str:
    """Ids with a space between, as a column holds them. Raises ValueError for what is none: words have no place there."""
    listed = tuple(ids)
    for one in listed:
        _code(_STATEMENT, one)
    return " ".join(listed)


def _code(shape: re.Pattern[str], value: str) -> None:
    if not shape.fullmatch(value):
        raise ValueError("ids and kinds are codes, and never words")


# ── who can open an encounter ─────────────────────────────────────────────────────────────────────────────────────────


def worker(practice: Practice) -> Opener:
    """The worker's key, made at the first call; its private half is a secret of the practice's, `worker`."""
    if not has_keys(practice.keyring, WORKER):
        with practice.change() as change:
            if not has_keys(practice.keyring, WORKER):
                _make_pair(practice, WORKER, [PRACTICE, RECOVERY])
            change.tell(WORKER, "worker:keyed")
    return Opener(WORKER, 1, practice.keyring.open(WORKER))


def has_keys(keyring: Keyring, name: str) -> bool:
    """Whether anything can be wrapped to the holder `name`."""
    with reading(keyring.engine) as connection:
        return connection.scalar(select(HOLDERS.c.id).where(HOLDERS.c.id == name).limit(1)) is not None


def own(practice: Practice, encounter: str, opener: Opener) -> Opener:
    """The encounter's own opener. Raises Shredded, KeyMissing, KeyWrong."""
    return Opener(holder(encounter), 1, practice.keyring.open(holder(encounter), opener))


def _make_pair(practice: Practice, name: str, holders: Sequence[str]) -> None:
    """A pair for `name`, inside the transaction on the record that first uses it: what one that was cut left is in nobody's use, and is made anew."""
    with practice.keyring.changing() as connection:
        connection.execute(delete(WRAPPED).where(WRAPPED.c.secret == name))
        connection.execute(delete(HOLDERS).where(HOLDERS.c.id == name))
    practice.keyring.make_pair(name, holders, now=practice.now())


def _end_at(keyring: Keyring, name: str, whose: str, until: datetime) -> None:
    with keyring.changing() as connection:
        connection.execute(update(WRAPPED).where(WRAPPED.c.secret == name, WRAPPED.c.holder == whose).values(until=instant(until)))


# ── the end of it ─────────────────────────────────────────────────────────────────────────────────────────────────────


def receipt_of(keyring: Keyring, name: str) -> str | None:
    """The receipt of a secret's destruction; None where it was not destroyed."""
    with reading(keyring.engine) as connection:
        return connection.scalar(select(TOMBSTONES.c.receipt).where(TOMBSTONES.c.secret == name))


def shred(practice: Practice, encounter: str, *, by: str, reason: str) -> str:
    """Destroy all that lies on the workbench of an encounter, and return the receipt. Safe to cut and to repeat. Raises Held, NotKnown,
    NotScrubbed."""
    intent, done = f"work:{encounter}", receipt_of(practice.keyring, holder(encounter))
    with practice.look() as connection:
        client = row_of(connection, encounter).client
        begun = connection.scalar(select(INTENTS.c.id).where(INTENTS.c.id == intent)) is not None
    if done is not None and not begun:
        return done
    with practice.change() as change:
        if done is None:
            refuse_held(change.connection, client)
        if not begun:
            row = {"id": intent, "kind": _SHRED, "encounter": encounter, "subject": f"{by} {reason}", "at": instant(change.at)}
            change.connection.execute(insert(INTENTS).values(row))
        change.tell(by, "work:shredding", subject=encounter, client=client, reason=reason)
    return _shred(practice, encounter, client, by, reason)


def finish(practice: Practice) -> int:
    """Finish every shredding that was cut, and say how many; one to which a hold has come before its key was gone waits on."""
    mine = select(INTENTS.c.encounter, INTENTS.c.subject, ENCOUNTERS.c.client).join(ENCOUNTERS, ENCOUNTERS.c.id == INTENTS.c.encounter)
    with practice.look() as connection:
        rows = connection.execute(mine.where(INTENTS.c.kind == _SHRED)).all()
        due = [r for r in rows if stops(connection, r.client) is None or receipt_of(practice.keyring, holder(r.encounter)) is not None]
    for row in due:
        by, reason = row.subject.split(" ")
        _shred(practice, row.encounter, row.client, by, reason)
    return len(due)


def _shred(practice: Practice, encounter: str, client: str, by: str, reason: str) -> str:
    receipt = practice.keyring.shred([holder(encounter)], reason=reason, now=practice.now())  # and every secret that was wrapped to it
    with practice.change() as change:
        for table in (WORK, MEDIA):
            change.connection.execute(delete(table).where(table.c.encounter == encounter))
        unsigned = (ENCOUNTERS.c.id == encounter) & UNSIGNED
        change.connection.execute(update(ENCOUNTERS).where(unsigned).values(stage=Stage.FAILED.value, failure=PURGED))
        change.connection.execute(delete(INTENTS).where(INTENTS.c.id == f"work:{encounter}"))
        change.tell(by, "work:shredded", subject=encounter, client=client, reason=reason, receipt=receipt)
    return receipt
