"""How a note and a record end: locked, handed over to another chart, destroyed; and what is asked of a clinician who leaves.

In: ids, and the person who says so. Out: receipts. Knows no words. Nothing ends under a hold or an open request. Keys are destroyed outside any
transaction, after what is under way was written down: whatever this is cut after, `finish` goes on. What stays of what ended are ids, digests,
receipts and the audit trail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, Row, delete, exists, func, insert, select, update

from drafting.errors import Held, NotPermitted
from drafting.record import holds, people, vault, workbench
from drafting.record.keys import RECOVERY
from drafting.record.keys.passphrases import Unlocked
from drafting.record.practice import Policy, Practice, known
from drafting.record.release.deadlines import add_months
from drafting.record.release.leaving import officer
from drafting.record.review import lifecycle
from drafting.record.review.lifecycle import Move
from drafting.record.store import at, instant
from drafting.record.store.tables.record import AUTHORIZATIONS, CLIENTS, DISCLOSURES, ENCOUNTERS, INTENTS, NOTES, TASKS
from drafting.record.vault import Departure, Parting
from drafting.types.record import NoteState, Standing

INCOMPLETE = exists().where(TASKS.c.encounter == ENCOUNTERS.c.id, TASKS.c.kind == "complete_note", TASKS.c.done.is_(None))
"""Of an encounter: its note was signed as incomplete and is not completed. Words that nobody decided on lie on its workbench alone."""

LOCKED = (NoteState.LOCKED, NoteState.ADDENDED, NoteState.AMENDED, NoteState.ENTERED_IN_ERROR)

DOCUMENTS_MONTHS = 6 * 12
"""How long authorizations and accountings are kept, from the day on which they last had effect (45 CFR 164.316(b)(2), 164.530(j))."""

_NOTE, _CLIENT = "hand_over", "destroy_record"
_TOLD = {_NOTE: ("note:handing_over", "note:handed_over"), _CLIENT: ("record:destroying", "record:destroyed")}


@dataclass(frozen=True, slots=True)
class Locked:
    """What became of a lock. `receipt`: of the workbench's shredding; `waits`: why that is not done."""

    encounter: str
    state: NoteState
    receipt: str | None = None
    waits: str | None = None


# ── a note ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def lock(practice: Practice, encounter: str, by: str = "retention") -> Locked:
    """Lock a signed note, and shred its workbench; under a hold or an open request it stays as it is, and says why. Safe to cut and to repeat. Raises
    IllegalMove for a note that is not signed, or not cosigned yet, NotKnown, NotScrubbed."""
    try:
        receipt = _lock(practice, encounter, by)
    except Held as held:
        return Locked(encounter, workbench.find(practice, encounter).state, waits=str(held))
    return Locked(encounter, workbench.find(practice, encounter).state, receipt)


def _lock(practice: Practice, encounter: str, by: str) -> str:
    """The state first: were it cut after that, a note that nobody may change waits for its workbench to go, and not the other way about."""
    if workbench.find(practice, encounter).state not in LOCKED:
        with practice.change() as change:
            row = workbench.row_of(change.connection, encounter)
            state = lifecycle.moved(NoteState(row.state), Move.LOCK)
            holds.refuse_held(change.connection, row.client)
            if change.connection.scalar(select(ENCOUNTERS.c.id).where(ENCOUNTERS.c.id == encounter, INCOMPLETE)) is not None:
                raise Held(id=encounter, reason="its note was signed as incomplete, and is not completed")
            change.connection.execute(update(ENCOUNTERS).where(ENCOUNTERS.c.id == encounter).values(state=state.value))
            change.tell(by, "note:locked", subject=row.note, client=row.client, encounter=encounter)
    return workbench.shred(practice, encounter, by=by, reason="locked")


def hand_over(practice: Practice, encounter: str, by: str) -> str:
    """A note was taken into the chart that is kept elsewhere: ours is locked, and its words are destroyed. Digests stay, and the receipt, which is
    returned. Safe to cut and to repeat. Raises Held, IllegalMove, NotKnown, NotScrubbed; NotPermitted where the chart is kept here, and for a note
    that was signed while it was, which is sealed with its client's record and ends with that."""
    person, mine = holds.at_work(practice, by), workbench.find(practice, encounter)
    if practice.policy().chart != "elsewhere":
        raise NotPermitted(who=by, reason="the chart is kept here")
    if by not in (mine.author, mine.supervisor) and person.standing is not Standing.ADMINISTRATOR:
        raise NotPermitted(who=by, reason="a note is handed over by who wrote it, their supervisor, or an administrator")
    secrets = _of_note(practice, encounter)
    if any(not _is_there(practice, name) for name in secrets):
        raise NotPermitted(who=by, reason="the note is sealed with its client's record, and ends with that")
    _lock(practice, encounter, by)
    return _end(practice, _NOTE, encounter, mine.client, by, "handed_over")


# ── a record ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def kept_until(practice: Practice, client: str) -> date | None:
    """The last day on which a client's record must be kept: so many years after the last service, after majority, and after the last disclosure or
    authorization, whichever is latest. None: there was no service, and no day is known. Raises NotKnown."""
    policy = practice.policy()
    with practice.look() as connection:
        return last_day(connection, _client(connection, client), policy)


def last_day(connection: Connection, client: Row, policy: Policy) -> date | None:
    """`kept_until`, of a client's row."""
    mine = ENCOUNTERS.c.client == client.id  # work that is not signed yet is service too
    newest = connection.scalar(select(func.max(ENCOUNTERS.c.created)).where(mine & people.UNSIGNED if client.last_service else mine))
    service = max((day for day in (client.last_service, at(newest).date() if newest else None) if day), default=None)
    if service is None:
        return None
    papers = [connection.scalar(select(func.max(DISCLOSURES.c.on)).where(DISCLOSURES.c.client == client.id))]
    for column in (AUTHORIZATIONS.c.signed, AUTHORIZATIONS.c.expires, AUTHORIZATIONS.c.revoked):
        papers.append(connection.scalar(select(func.max(column)).where(AUTHORIZATIONS.c.client == client.id)))
    minor = [add_months(client.majority, 12 * policy.minor_years)] if client.majority else []
    return max([add_months(service, 12 * policy.keep_years), *minor, *(add_months(day, DOCUMENTS_MONTHS) for day in papers if day)])


def destroy_record(practice: Practice, client: str, by: str, reason: str) -> str:
    """Destroy a client's record, whose time is over, and all that lies on the workbench; the receipt. The name is forgotten; private notes stay their
    authors'. `reason` is a code. Safe to cut and to repeat. Raises Held before its time, under a hold or an open request; NotPermitted for anybody
    but the privacy officer, NotKnown, NotScrubbed."""
    officer(practice, by)
    until = kept_until(practice, client)
    if until is None or until >= practice.now().date():
        raise Held(id=client, reason=f"it is kept until {until}" if until else "it is not known from when its time counts")
    return _end(practice, _CLIENT, client, client, by, reason)


# ── a clinician ───────────────────────────────────────────────────────────────────────────────────────────────────────


def departing(practice: Practice, unlocked: Unlocked, wish: Departure) -> Parting:
    """A clinician leaves: private notes are taken along or shredded (`vault.depart`), once nothing waits for their signature. Raises NotPermitted."""
    with practice.look() as connection:
        unsigned = people.unsigned_of(connection, unlocked.person)
        mine = (ENCOUNTERS.c.supervisor == unlocked.person) & (ENCOUNTERS.c.state == NoteState.COSIGN_DUE)
        waiting = connection.scalar(select(func.count()).select_from(ENCOUNTERS).where(mine))
    if unsigned or waiting:
        raise NotPermitted(who=unlocked.person, reason=f"{unsigned} notes wait for their signature, and {waiting} for their cosignature")
    return vault.depart(practice, unlocked, wish)


# ── ending it ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def finish(practice: Practice) -> int:
    """Go on with every end that was cut, on the workbench and among private notes too; what is held waits on. Returns how many."""
    with practice.look() as connection:
        rows = connection.execute(select(INTENTS).where(INTENTS.c.kind.in_((_NOTE, _CLIENT))).order_by(INTENTS.c.at)).all()
        clients = [r.encounter if r.kind == _CLIENT else workbench.row_of(connection, r.encounter).client for r in rows]
    done = 0
    for row, client in zip(rows, clients, strict=True):
        try:
            _ended(practice, row.kind, row.encounter, client, *row.subject.split(" "))
        except Held:  # what is under way stays written down, for when the hold is lifted
            continue
        done += 1
    return done + workbench.finish(practice) + len(vault.finish(practice))


def _end(practice: Practice, kind: str, subject: str, client: str, by: str, reason: str) -> str:
    """Write down what shall end, and end it. Once it has, the receipt."""
    intent = f"{kind}:{subject}"
    with practice.look() as connection:
        begun = connection.scalar(select(INTENTS.c.id).where(INTENTS.c.id == intent)) is not None
    receipt = workbench.receipt_of(practice.keyring, _secrets(practice, kind, subject)[0])
    if receipt is not None and not begun:
        return receipt
    if not begun:
        with practice.change() as change:
            holds.refuse_held(change.connection, client)
            row = {"id": intent, "kind": kind, "encounter": subject, "subject": f"{by} {reason}", "at": instant(change.at)}
            change.connection.execute(insert(INTENTS).values(row))
            change.tell(by, _TOLD[kind][0], subject=subject, client=client, reason=reason)
    return _ended(practice, kind, subject, client, by, reason)


def _ended(practice: Practice, kind: str, subject: str, client: str, by: str, reason: str) -> str:
    secrets = _secrets(practice, kind, subject)
    if workbench.receipt_of(practice.keyring, secrets[0]) is None:
        with practice.look() as connection:
            holds.refuse_held(connection, client)
        if kind == _CLIENT:
            _clear(practice, client, by, reason)
    practice.keyring.shred(secrets, reason=reason, now=practice.now())  # again too: then it sees to it that the bytes are gone
    receipt = workbench.receipt_of(practice.keyring, secrets[0])
    with practice.change() as change:
        if kind == _CLIENT:
            people.forget_names(change.connection, client)
            open_ = (TASKS.c.client == client) & TASKS.c.done.is_(None)
            change.connection.execute(update(TASKS).where(open_).values(done=instant(change.at)))
        change.connection.execute(delete(INTENTS).where(INTENTS.c.id == f"{kind}:{subject}"))
        change.tell(by, _TOLD[kind][1], subject=subject, client=client, reason=reason, receipt=receipt)
    return receipt


def _clear(practice: Practice, client: str, by: str, reason: str) -> None:
    """Shred whatever of a client still lies on the workbench."""
    with practice.look() as connection:
        names = connection.scalars(select(ENCOUNTERS.c.id).where(ENCOUNTERS.c.client == client).order_by(ENCOUNTERS.c.id)).all()
    alive = set(practice.keyring.held_by(RECOVERY, "encounter/"))
    for name in names:
        if workbench.holder(name) in alive:
            workbench.shred(practice, name, by=by, reason=reason)


def _secrets(practice: Practice, kind: str, subject: str) -> Sequence[str]:
    """What is destroyed: of a record the client's secret first, and those of single notes."""
    if kind == _NOTE:
        return _of_note(practice, subject)
    with practice.look() as connection:
        ids = connection.scalars(select(NOTES.c.id).where(NOTES.c.client == subject).order_by(NOTES.c.id)).all()
    alive = set(practice.keyring.held_by(RECOVERY, "note/"))
    return [people.secret_of(subject), *(name for name in map(_own, ids) if name in alive)]


def _of_note(practice: Practice, encounter: str) -> list[str]:
    """The secrets of an encounter's signed notes, where they have their own. Raises NotKnown where nothing is signed."""
    with practice.look() as connection:
        ids = connection.scalars(select(NOTES.c.id).where(NOTES.c.encounter == encounter).order_by(NOTES.c.number)).all()
    return [_own(id) for id in known(ids or None, "signed note of", encounter)]


def _own(note: str) -> str:
    return f"note/{note}"


def _is_there(practice: Practice, secret: str) -> bool:
    """It locks something, or did."""
    return bool(practice.keyring.holders_of(secret)) or workbench.receipt_of(practice.keyring, secret) is not None


def _client(connection: Connection, client: str) -> Row:
    return known(connection.execute(select(CLIENTS).where(CLIENTS.c.id == client)).first(), "client", client)
