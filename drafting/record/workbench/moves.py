"""Moves of statements between the record's side and the private notes, until signing, each with its reason and undone by the other.

In: statements' ids and words, a reason. Out: the words in the other place and no longer in the first. Knows no draft: whoever moves hands over what
the work reads like without them. Two databases have no common transaction, so what is under way is written down first, in ids: `sweep`, at the start
of a process, finishes what was cut or drops it. No statement is lost, and none is in both places without that being written down.

To private: intent → private note → the work without the words, and the intent marked so, in one transaction → every version that holds the words is
destroyed, and the intent with them. Before the mark a sweep drops the private copy, after it the sweep goes on. To the record: the words, as a
version of `decisions`, and the intent to destroy the private note, in one transaction → the note is destroyed. Under a hold nothing is destroyed: the
intent waits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from drafting.errors import AsideError, Conflict, Held, NotKnown, NotPermitted
from drafting.record import vault, workbench
from drafting.record.keys import Opener
from drafting.record.keys.passphrases import Unlocked
from drafting.record.practice import Change, Practice, new_id
from drafting.record.store import instant
from drafting.record.store.tables.record import INTENTS
from drafting.record.vault import PrivateItem, Why
from drafting.record.workbench import Item, lending

DECISIONS = "decisions"
_BEGUN, _PLACED = "move", "move_placed"


class Reason(StrEnum):
    """Why words are moved."""

    REFLECTION = "reflection"  # the clinician's own thought, no finding
    THIRD_PARTY = "third_party"  # about somebody who is not the client
    NEEDED = "needed"  # the record needs it
    MISPLACED = "misplaced"  # routing put it wrong
    UNDONE = "undone"  # a move taken back


@dataclass(frozen=True, slots=True)
class Admitted:
    """Words that the clinician moved to the record: which statements, from which private note, why. They are screened again when drafted."""

    note: str
    statements: tuple[str, ...]
    text: str = field(repr=False)
    reason: Reason


def to_private(
    practice: Practice, unlocked: Unlocked, encounter: str, items: Sequence[PrivateItem], *, reason: Reason, instead: Sequence[Item] = ()
) -> None:
    """Move statements to private: `items` are their words, under new ids; `instead` the next versions of the work that held them, without them. Every
    version with them is destroyed. Raises IllegalMove once signed, NotPermitted for another than the author, Conflict where the review has moved on
    or an id is not new (and then nothing was moved)."""
    gone = {statement for item in items for statement in item.statements}
    if not items or not all(item.statements for item in items) or any(gone & set(item.statements) for item in instead):
        raise ValueError("a move names its statements, and what stands instead has none of them")
    seen, before = _decisions(practice, encounter, unlocked.opener)
    kept = [a for a in before if not gone & set(a.statements)]
    if any(gone & set(a.statements) and not gone >= set(a.statements) for a in before):
        raise NotPermitted(who=unlocked.person, reason="words that came together are moved together")
    intent, client = _begin(practice, unlocked, encounter, items, Reason(reason), {item.kind for item in instead})
    try:
        vault.put(practice, encounter, client, unlocked.person, items, by=unlocked.person)
        with practice.change() as change:
            workbench.editable(change.connection, encounter, "changed")
            marked = change.connection.execute(update(INTENTS).where(INTENTS.c.id == intent).values(kind=_PLACED)).rowcount
            if not marked:  # a sweep has dropped it
                raise Conflict()
            for item in instead:
                workbench.add(practice, change, encounter, item, by=unlocked.person)
            if len(kept) < len(before):
                _decide(practice, change, encounter, seen, kept, unlocked.person)
            change.tell(unlocked.person, "move:placed", subject=encounter, client=client, reason=reason)
    except AsideError:
        _settle(practice, intent)
        raise
    _settle(practice, intent)


def to_record(practice: Practice, unlocked: Unlocked, encounter: str, notes: Sequence[str], *, reason: Reason) -> tuple[Admitted, ...]:
    """Move private notes' words to the workbench's `decisions`, and destroy the notes: at once, or when nothing holds them any more. Returns all that
    was admitted so far. Raises IllegalMove once signed, NotPermitted, NotKnown, Shredded."""
    seen, before = _decisions(practice, encounter, unlocked.opener)
    fresh = [note for note in notes if note not in {a.note for a in before}]
    rows = {note.id: note for note in vault.listed(practice, unlocked.person, encounter=encounter)}
    words = vault.read_all(practice, fresh, unlocked, Why.MOVED)
    if not rows.keys() >= set(fresh):
        raise NotPermitted(who=unlocked.person, reason="the note is of another encounter")
    unreadable = workbench.unreadable(practice, encounter)  # of a move whose words come back, and which was cut in its last step
    after = (*before, *(Admitted(note, rows[note].statements, words[note], Reason(reason)) for note in fresh))
    with practice.change() as change:
        row = workbench.editable(change.connection, encounter, "changed")
        if row.author != unlocked.person:
            raise NotPermitted(who=unlocked.person, reason="words are moved by whoever said them")
        if fresh:
            _decide(practice, change, encounter, seen, after, unlocked.person)
            _forget(change, encounter, fresh)
        if unreadable:
            workbench.forget(change, encounter, unreadable, by=unlocked.person)
        vault.intend(change, [(note, encounter, row.client) for note in fresh], by=unlocked.person, reason="moved")
        change.tell(unlocked.person, "move:record", subject=encounter, client=row.client, reason=reason, notes=len(fresh))
    vault.finish(practice, notes)
    return after


def admitted(practice: Practice, encounter: str, opener: Opener) -> tuple[Admitted, ...]:
    """What was moved to the record so far, in order. Raises Shredded, KeyMissing."""
    return _decisions(practice, encounter, opener)[1]


def _decisions(practice: Practice, encounter: str, opener: Opener) -> tuple[int, tuple[Admitted, ...]]:
    """The number of the latest version, 0 where there is none, and what it admits."""
    try:
        version, body = workbench.get(practice, encounter, DECISIONS, None, opener)
    except NotKnown:  # nothing was
        return 0, ()
    return version, tuple(Admitted(d["note"], tuple(d["statements"]), d["text"], Reason(d["reason"])) for d in json.loads(body))


def sweep(practice: Practice) -> int:
    """Finish or drop what a process that was cut left under way, here, on the workbench and among the private notes; what is held waits on. For the
    start of a process, before it takes anything in. Returns how many."""
    with practice.look() as connection:
        moves = connection.scalars(select(INTENTS.c.id).where(INTENTS.c.kind.in_((_BEGUN, _PLACED))).order_by(INTENTS.c.at)).all()
    lending.end_loans(practice)
    return workbench.finish(practice) + sum(_settle(practice, move) for move in moves) + len(vault.finish(practice))


def _begin(practice: Practice, unlocked: Unlocked, encounter: str, items: Sequence[PrivateItem], reason: Reason, kinds: set[str]) -> tuple[str, str]:
    """Write down that a move is under way; its id, and the client's."""
    gone = {statement for item in items for statement in item.statements}
    if any(practice.keyring.holders_of(vault.secret_of(item.id)) for item in items):
        raise Conflict()
    with practice.change() as change:
        row = workbench.editable(change.connection, encounter, "changed")
        if row.author != unlocked.person:
            raise NotPermitted(who=unlocked.person, reason="words are moved by whoever said them")
        if "review" not in kinds and gone & workbench.latest(change.connection, encounter, "review")[1]:
            raise ValueError("the review that stands holds these words: a move brings one without them")
        intent = new_id("M")
        subject = {"by": unlocked.person, "reason": reason, "notes": {item.id: item.statements for item in items}}
        values = {"id": intent, "kind": _BEGUN, "encounter": encounter, "subject": json.dumps(subject), "at": instant(change.at)}
        change.connection.execute(insert(INTENTS).values(values))
        change.tell(unlocked.person, "move:private", subject=encounter, client=row.client, reason=reason, notes=len(items))
    return intent, row.client


def _settle(practice: Practice, intent: str) -> bool:
    """Do what a move under way still needs: drop it before its mark, go on after. False where a hold keeps it waiting, or it is settled."""
    with practice.look() as connection:
        row = connection.execute(select(INTENTS).where(INTENTS.c.id == intent)).first()
    if row is None:
        return False
    subject = json.loads(row.subject)
    try:
        if row.kind == _BEGUN:
            _drop(practice, row, subject)
            return True
        keys = workbench.destroy_words(practice, row.encounter, {s for statements in subject["notes"].values() for s in statements})
        with practice.change() as change:
            _end(change, row)
            workbench.forget(change, row.encounter, keys, by=subject["by"])
            change.tell(subject["by"], "move:done", subject=row.encounter, reason=subject["reason"])
    except (Held, Conflict):  # the old versions go when the hold is lifted; or another has settled it meanwhile
        return False
    return True


def _drop(practice: Practice, row: Row, subject: dict[str, Any]) -> None:
    """Destroy the private copy of what is still on the workbench."""
    with practice.change() as change:
        client = workbench.row_of(change.connection, row.encounter).client
        _end(change, row)
        vault.intend(change, [(note, row.encounter, client) for note in subject["notes"]], by=subject["by"], reason="dropped")
        change.tell(subject["by"], "move:dropped", subject=row.encounter, client=client, reason=subject["reason"])
    vault.finish(practice, tuple(subject["notes"]))


def _end(change: Change, row: Row) -> None:
    """Take an intent away. Raises Conflict where another has settled it."""
    if not change.connection.execute(delete(INTENTS).where(INTENTS.c.id == row.id, INTENTS.c.kind == row.kind)).rowcount:
        raise Conflict()


def _decide(practice: Practice, change: Change, encounter: str, seen: int, all_: Iterable[Admitted], by: str) -> None:
    """The version of `decisions` after the one that was `seen`. Raises Conflict, from the table, where another was first."""
    words = tuple(all_)
    body = json.dumps([asdict(a) for a in words], ensure_ascii=False).encode()
    statements = tuple(sorted({s for a in words for s in a.statements}))
    workbench.add(practice, change, encounter, Item(DECISIONS, seen + 1, body, statements), by=by)


def _forget(change: Change, encounter: str, notes: Sequence[str]) -> None:
    """Take notes that come back out of the moves that still wait to destroy old versions: those words are the record's again."""
    for row in change.connection.execute(select(INTENTS).where(INTENTS.c.encounter == encounter, INTENTS.c.kind == _PLACED)).all():
        subject = json.loads(row.subject)
        subject["notes"] = {note: statements for note, statements in subject["notes"].items() if note not in notes}
        mine = INTENTS.c.id == row.id
        done = update(INTENTS).where(mine).values(subject=json.dumps(subject)) if subject["notes"] else delete(INTENTS).where(mine)
        change.connection.execute(done)
