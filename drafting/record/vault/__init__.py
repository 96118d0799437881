"""Private notes: the clinician's asides, in their own words, in a database and under keys of their own.

In: items to put away; later a note's id, who asks and why. Out: its words, for those who can open it: the author; a reader to whom the author shared
that one item; an executor, by the author's own instruction; and the recovery kit, for a release. Knows no draft. The service puts notes here and
cannot read them; every reading is in the audit trail, with its reason, before anything is opened.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, insert, select

from drafting.errors import Conflict, KeyMissing, NotKnown, NotPermitted
from drafting.record.holds import refuse_held, stops
from drafting.record.keys import RECOVERY, Opener, Place, opened, seal
from drafting.record.keys.passphrases import Unlocked
from drafting.record.keys.passphrases import holder as holder_of
from drafting.record.practice import Change, Practice, known
from drafting.record.store import at, instant, reading, writing
from drafting.record.store.tables.private import INSTRUCTIONS, PRIVATE_NOTES, SHARES
from drafting.record.store.tables.record import INTENTS, PEOPLE
from drafting.record.workbench import has_keys, joined_ids, receipt_of
from drafting.types.record import Standing

_SHRED = "shred_private"
_BATCH = 500


class Why(StrEnum):
    """Why a private note is read. The author reads for treatment, to move words to the record, or on leaving; a reader with whom it was shared for
    that which it was shared for; `release` is the author's, or the kit's, by a rule of `release`."""

    OWN_TREATMENT = "own_treatment"
    MOVED = "moved"
    DEPARTURE = "departure"
    SUPERVISION = "supervision"
    EXECUTOR = "executor"
    RELEASE = "release"


class Wish(StrEnum):
    """What a clinician wants done with their private notes after illness or death."""

    HAND_OVER = "hand_over"
    SHRED = "shred"


class Departure(StrEnum):
    """What a clinician who leaves does with them. Who takes them along and has them safe, shreds ours next."""

    TAKES = "takes"
    SHREDS = "shreds"


_SHARED = (Why.SUPERVISION, Why.EXECUTOR)


@dataclass(frozen=True, slots=True)
class PrivateItem:
    """Words to put away: `number` is their place among the encounter's, `statements` the ids that they were, `part2` whether 42 CFR Part 2 binds."""

    id: str
    number: int
    text: str = field(repr=False)
    statements: tuple[str, ...] = ()
    part2: bool = False


@dataclass(frozen=True, slots=True)
class PrivateNote:
    """What is known of a private note without opening it."""

    id: str
    encounter: str
    client: str
    author: str
    number: int
    statements: tuple[str, ...]
    part2: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class Parting:
    """What became of an author's notes: `receipts` of those that were shredded, `held` those that nobody may destroy yet, `given` those that the
    executor can read now, `taken` all in one file, as bytes, for the author."""

    receipts: Mapping[str, str] = field(default_factory=dict)
    held: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    taken: bytes | None = field(default=None, repr=False)


def secret_of(note: str) -> str:
    return f"private/{note}"


# ── putting away ──────────────────────────────────────────────────────────────────────────────────────────────────────


def put(practice: Practice, encounter: str, client: str, author: str, items: Sequence[PrivateItem], *, by: str) -> None:
    """Put items away for their author. An item whose id is there already is left as it is, so this may be cut and repeated. Reads nothing of the
    private notes' database. Raises KeyMissing where the author has no keys, Shredded where the item was destroyed."""
    if not items:
        return
    joined_ids(item.id for item in items)
    for item in items:
        _put(practice, encounter, client, author, item)
    with practice.change() as change:
        change.tell(by, "private:put", subject=encounter, client=client, items=len(items))


def _put(practice: Practice, encounter: str, client: str, author: str, item: PrivateItem) -> None:
    holders = (holder_of(author), RECOVERY)
    name, secret = _secret(practice, item.id, holders)
    row = {"id": item.id, "encounter": encounter, "client": client, "author": author, "number": item.number, "part2": int(item.part2)}
    sealed = seal(secret, item.text.encode(), _place(item.id))
    try:
        with writing(practice.stores.private) as connection:
            values = {"key": name, "body_sealed": sealed, "since": instant(practice.now()), "statements": joined_ids(item.statements)}
            connection.execute(insert(PRIVATE_NOTES).values(**row, **values))
    except Conflict:  # it is there; the secret just made locks nothing
        for holder in holders:
            practice.keyring.unshare(name, holder)


def _secret(practice: Practice, note: str, holders: Sequence[str]) -> tuple[str, bytes]:
    """A new secret for a note. Where a call that was cut left one that nobody here can open, the next has a name beside it."""
    name = secret_of(note)
    try:
        return name, practice.keyring.make(name, holders)
    except Conflict:
        beside = f"{name}/{secrets.token_hex(3)}"
        return beside, practice.keyring.make(beside, holders)


# ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def read(practice: Practice, note: str, who: Unlocked | Opener, why: Why, *, by: str | None = None) -> str:
    """The words of a private note; the audit trail has the reading, or the refusal, before anything is opened. `by` names who uses the kit. Raises
    NotPermitted where that reason is not theirs, NotKnown, Shredded, KeyMissing, KeyWrong."""
    return read_all(practice, [note], who, why, by=by)[note]


def read_all(practice: Practice, notes: Sequence[str], who: Unlocked | Opener, why: Why, *, by: str | None = None) -> dict[str, str]:
    """The words of several, by id; all or none."""
    return _read(practice, _rows(practice, notes), who.opener if isinstance(who, Unlocked) else who, Why(why), by)


def listed(practice: Practice, author: str, client: str | None = None, encounter: str | None = None) -> tuple[PrivateNote, ...]:
    """An author's notes in order, of one client or encounter where named, without their words."""
    query = select(PRIVATE_NOTES).where(PRIVATE_NOTES.c.author == author)
    for column, value in ((PRIVATE_NOTES.c.client, client), (PRIVATE_NOTES.c.encounter, encounter)):
        query = query if value is None else query.where(column == value)
    with reading(practice.stores.private) as connection:
        rows = connection.execute(query.order_by(PRIVATE_NOTES.c.client, PRIVATE_NOTES.c.encounter, PRIVATE_NOTES.c.number, PRIVATE_NOTES.c.id))
        return tuple(map(_note, rows))


def shared_with(practice: Practice, reader: str, why: Why | None = None) -> tuple[PrivateNote, ...]:
    """The notes that `reader` has been given to read, and still may; for one reason, where it is named."""
    query = select(PRIVATE_NOTES).join(SHARES, SHARES.c.note == PRIVATE_NOTES.c.id).where(SHARES.c.reader == reader)
    query = query if why is None else query.where(SHARES.c.why == why.value)
    still = SHARES.c.until.is_(None) | (SHARES.c.until > instant(practice.now()))
    with reading(practice.stores.private) as connection:
        return tuple(map(_note, connection.execute(query.where(still).order_by(SHARES.c.since, PRIVATE_NOTES.c.id))))


def _read(practice: Practice, rows: Sequence[object], opener: Opener, why: Why, by: str | None) -> dict[str, str]:
    person = opener.holder.removeprefix("person/")
    if not rows:
        return {}
    if opener.holder == RECOVERY and by is None:
        raise ValueError("whoever uses the kit is named")
    refused = [row.id for row in rows if not _may(practice, row, opener, why)]
    with practice.change() as change:
        for row in (row for row in rows if not refused or row.id in refused):  # where one is refused, none is read
            outcome = "denied" if refused else "ok"
            change.tell(by or person, "private:read", subject=row.id, client=row.client, reason=why.value, outcome=outcome)
    if refused:
        raise NotPermitted(who=by or person, reason=f"private note {refused[0]} is not theirs to read for {why.value}")
    keyring = practice.keyring
    return {row.id: opened(keyring.open(row.key, opener), row.body_sealed, _place(row.id)).decode() for row in rows}


def _may(practice: Practice, row: object, opener: Opener, why: Why) -> bool:
    if why not in _SHARED:
        return opener.holder == holder_of(row.author) or (why is Why.RELEASE and opener.holder == RECOVERY)
    mine = (SHARES.c.note == row.id) & (SHARES.c.reader == opener.holder.removeprefix("person/")) & (SHARES.c.why == why.value)
    with reading(practice.stores.private) as connection:
        share = connection.execute(select(SHARES.c.until).where(mine)).first()
    return share is not None and (share.until is None or share.until > instant(practice.now()))


def _rows(practice: Practice, notes: Sequence[str]) -> list[object]:
    """The rows of `notes`, in that order. Raises Shredded, NotKnown."""
    found: dict[str, object] = {}
    with reading(practice.stores.private) as connection:
        for batch in _batches(notes):
            found |= {row.id: row for row in connection.execute(select(PRIVATE_NOTES).where(PRIVATE_NOTES.c.id.in_(batch)))}
    for note in notes:
        if note not in found:
            _tell_gone(practice, note)
    return [found[note] for note in notes]


def _tell_gone(practice: Practice, note: str) -> None:
    """Raise what became of a note that is not there: the practice holds none of these secrets, so asking for one fails with the reason."""
    try:
        practice.keyring.open(secret_of(note))
    except KeyMissing:
        raise NotKnown(what="private note", id=note) from None


def _note(row: object) -> PrivateNote:
    return PrivateNote(row.id, row.encounter, row.client, row.author, row.number, tuple(row.statements.split()), bool(row.part2), at(row.since))


def _place(note: str) -> Place:
    return Place("private_notes", note, "body")


# ── sharing single items ──────────────────────────────────────────────────────────────────────────────────────────────


def share(practice: Practice, unlocked: Unlocked, note: str, reader: str, *, until: datetime | None = None) -> None:
    """Bring one item to supervision: a supervisor may read it, until it is taken back. Raises NotPermitted for a note of another's, or a reader who
    supervises nobody; KeyMissing where the reader has no keys."""
    row = _own(practice, unlocked, note)
    with practice.change() as change:
        person = known(change.connection.execute(select(PEOPLE).where(PEOPLE.c.id == reader)).first(), "person", reader)
        if person.standing != Standing.SUPERVISOR or not person.active:
            raise NotPermitted(who=reader, reason="an item is brought to somebody who supervises")
        _enrolled(practice, reader)
        change.tell(unlocked.person, "private:shared", subject=note, client=row.client, reason=Why.SUPERVISION.value, to=reader)
    grant(practice, unlocked.opener, [row], reader, Why.SUPERVISION, until=until)


def unshare(practice: Practice, unlocked: Unlocked, note: str, reader: str) -> None:
    """Take an item back. What was read before was read."""
    row = _own(practice, unlocked, note)
    with practice.change() as change:
        change.tell(unlocked.person, "private:unshared", subject=note, client=row.client, to=reader)
    practice.keyring.unshare(row.key, holder_of(reader))
    with writing(practice.stores.private) as connection:
        connection.execute(delete(SHARES).where(SHARES.c.note == note, SHARES.c.reader == reader))


def grant(practice: Practice, opener: Opener, rows: Iterable[object], reader: str, why: Why, *, until: datetime | None = None) -> None:
    """Wrap notes to a reader: the row that says so first, so that nobody can open what no row tells of."""
    for row in rows:
        with writing(practice.stores.private) as connection:
            connection.execute(delete(SHARES).where(SHARES.c.note == row.id, SHARES.c.reader == reader))
            values = {"note": row.id, "reader": reader, "why": why.value, "until": instant(until) if until else None}
            connection.execute(insert(SHARES).values(since=instant(practice.now()), **values))
        practice.keyring.share(row.key, opener, holder_of(reader), until=until)


def _own(practice: Practice, unlocked: Unlocked, note: str) -> object:
    (row,) = _rows(practice, [note])
    if row.author != unlocked.person:
        raise NotPermitted(who=unlocked.person, reason="a private note is its author's")
    return row


def _enrolled(practice: Practice, person: str) -> None:
    if not has_keys(practice.keyring, holder_of(person)):
        raise KeyMissing(what=person, hint=": they have not been enrolled")


# ── destroying ────────────────────────────────────────────────────────────────────────────────────────────────────────


def shred(practice: Practice, notes: Sequence[str], *, by: str, reason: str) -> dict[str, str]:
    """Destroy notes; the receipt of each. Safe to cut: `finish` goes on. Raises Held, and then touches none; NotKnown, Shredded."""
    rows = _rows(practice, notes)
    if not rows:
        return {}
    with practice.change() as change:
        for client in {row.client for row in rows}:
            refuse_held(change.connection, client)
        intend(change, [(row.id, row.encounter, row.client) for row in rows], by=by, reason=reason)
    return finish(practice, notes)


def intend(change: Change, notes: Iterable[tuple[str, str, str]], *, by: str, reason: str) -> None:
    """Write down, in a transaction that does more, that notes (id, encounter, client) shall be destroyed. `finish` does it, once nothing stops it."""
    for note, encounter, client in notes:
        change.tell(by, "private:shredding", subject=note, client=client, reason=reason)
        row = {"id": f"{_SHRED}:{note}", "kind": _SHRED, "encounter": encounter, "subject": f"{note} {client} {by} {reason}"}
        if change.connection.scalar(select(INTENTS.c.id).where(INTENTS.c.id == row["id"])) is None:
            change.connection.execute(insert(INTENTS).values(at=instant(change.at), **row))


def finish(practice: Practice, only: Collection[str] | None = None) -> dict[str, str]:
    """Destroy what was written down, all or `only` those, and give the receipts. What a hold or an open request has come to meanwhile stays as it is
    and written down, unless its key is gone already."""
    due: dict[tuple[str, str], dict[str, str]] = {}
    with practice.look() as connection:
        for subject in connection.scalars(select(INTENTS.c.subject).where(INTENTS.c.kind == _SHRED)).all():
            note, client, by, reason = subject.split(" ")
            wanted = only is None or note in only
            if wanted and (stops(connection, client) is None or receipt_of(practice.keyring, secret_of(note)) is not None):
                due.setdefault((by, reason), {})[note] = client
    receipts: dict[str, str] = {}
    for (by, reason), clients in due.items():
        receipts |= _destroy(practice, clients, by, reason)
    return receipts


def _destroy(practice: Practice, clients: Mapping[str, str], by: str, reason: str) -> dict[str, str]:
    """Keys, then rows, then what was written down: whatever it is cut after, it can be done again."""
    notes = list(clients)
    with reading(practice.stores.private) as connection:
        keys = {key for batch in _batches(notes) for key in connection.scalars(select(PRIVATE_NOTES.c.key).where(PRIVATE_NOTES.c.id.in_(batch)))}
    practice.keyring.shred(sorted(keys.union(map(secret_of, notes))), reason=reason, now=practice.now())
    with writing(practice.stores.private) as connection:
        for batch in _batches(notes):
            connection.execute(delete(SHARES).where(SHARES.c.note.in_(batch)))
            connection.execute(delete(PRIVATE_NOTES).where(PRIVATE_NOTES.c.id.in_(batch)))
    receipts = {note: receipt_of(practice.keyring, secret_of(note)) for note in notes}
    with practice.change() as change:
        for note, receipt in receipts.items():
            change.connection.execute(delete(INTENTS).where(INTENTS.c.id == f"{_SHRED}:{note}"))
            change.tell(by, "private:shredded", subject=note, client=clients[note], reason=reason, receipt=receipt)
    return receipts


def _batches(notes: Sequence[str]) -> Iterable[Sequence[str]]:
    return (notes[start : start + _BATCH] for start in range(0, len(notes), _BATCH))


# ── when the author goes ──────────────────────────────────────────────────────────────────────────────────────────────


def instruct(practice: Practice, unlocked: Unlocked, executor: str, wish: Wish) -> None:
    """The author's own instruction, which replaces an earlier one: who is the professional executor, and what is done. Raises KeyMissing where the
    executor has no keys."""
    if executor == unlocked.person:
        raise NotPermitted(who=executor, reason="an executor is somebody else")
    _enrolled(practice, executor)
    with practice.change() as change:
        change.tell(unlocked.person, "private:instructed", to=executor, wish=Wish(wish).value)
    with writing(practice.stores.private) as connection:
        connection.execute(delete(INSTRUCTIONS).where(INSTRUCTIONS.c.author == unlocked.person))
        row = {"author": unlocked.person, "executor": executor, "wish": Wish(wish).value, "since": instant(practice.now())}
        connection.execute(insert(INSTRUCTIONS).values(row))


def hand_over(practice: Practice, author: str, kit: Opener, *, by: str) -> Parting:
    """After illness or death, with the recovery kit: what the author instructed, and nothing else. Safe to cut and repeat. Raises NotKnown where
    nothing was instructed, NotPermitted for another opener than the kit."""
    if kit.holder != RECOVERY:
        raise NotPermitted(who=by, reason="handing over takes both halves of the recovery kit")
    with reading(practice.stores.private) as connection:
        row = connection.execute(select(INSTRUCTIONS).where(INSTRUCTIONS.c.author == author)).first()
    instruction = known(row, "instruction of", author)
    with practice.change() as change:
        change.tell(by, "private:handed_over", subject=author, to=instruction.executor, wish=instruction.wish)
    if instruction.wish == Wish.SHRED:
        return _shred_free(practice, author, by, "instructed")
    rows = _all_of(practice, author)
    grant(practice, kit, rows, instruction.executor, Why.EXECUTOR)
    return Parting(given=tuple(row.id for row in rows))


def depart(practice: Practice, unlocked: Unlocked, wish: Departure) -> Parting:
    """A clinician who leaves takes a copy of their notes, or shreds them, but for those that a hold or an open request keeps."""
    if Departure(wish) is Departure.SHREDS:
        return _shred_free(practice, unlocked.person, unlocked.person, "departed")
    rows = _all_of(practice, unlocked.person)
    words = _read(practice, rows, unlocked.opener, Why.DEPARTURE, None)
    notes = [asdict(_note(row)) | {"since": row.since, "text": words[row.id]} for row in rows]
    body = json.dumps({"schema": "aside.private/1", "author": unlocked.person, "notes": notes}, ensure_ascii=False, indent=1).encode()
    with practice.change() as change:
        change.tell(unlocked.person, "private:taken", notes=len(rows), sha256=hashlib.sha256(body).hexdigest())
    return Parting(taken=body)


def _all_of(practice: Practice, author: str) -> list[object]:
    with reading(practice.stores.private) as connection:
        return list(connection.execute(select(PRIVATE_NOTES).where(PRIVATE_NOTES.c.author == author).order_by(PRIVATE_NOTES.c.id)))


def _shred_free(practice: Practice, author: str, by: str, reason: str) -> Parting:
    rows = _all_of(practice, author)
    with practice.look() as connection:
        held = {client for client in {row.client for row in rows} if stops(connection, client)}
    receipts = shred(practice, [row.id for row in rows if row.client not in held], by=by, reason=reason)
    return Parting(receipts, held=tuple(row.id for row in rows if row.client in held))
