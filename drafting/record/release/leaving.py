"""Which of what is kept may leave by a decision, and whether those who let it go are who they say.

In: a request as it is kept, today's decision on it, who approves, and whose key opens private notes. Out: a `Going` for each bucket that may leave,
with ids and digests; and why the rest stays. Opens nothing and writes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from sqlalchemy import Connection, func, select

from drafting.errors import NotPermitted, ReleaseRefused
from drafting.record import vault
from drafting.record.holds import at_work
from drafting.record.keys import RECOVERY, Opener
from drafting.record.people import all_people, find_person
from drafting.record.practice import Practice
from drafting.record.release import Approval, Approver, Bucket, Decision, Permit, Profile, Role, Ruling
from drafting.record.release.permits import permitted
from drafting.record.release.requests import Filed
from drafting.record.review.lifecycle import SIGNATURE_STANDS
from drafting.record.store import reading
from drafting.record.store.tables.private import PRIVATE_NOTES
from drafting.record.store.tables.record import ENCOUNTERS, NOTES
from drafting.record.workbench import receipt_of
from drafting.types.record import NoteState, Person, Standing

_FINAL = SIGNATURE_STANDS - {NoteState.COSIGN_DUE}


@dataclass(frozen=True, slots=True)
class Item:
    """A signed note, or a private one. `sha256`: of the note's canonical bytes; of a private note's bytes as they are sealed, since from a digest of
    few words they could be guessed. `stays`: why it does not leave, as a code."""

    id: str
    encounter: str
    author: str
    day: date | None
    sha256: str
    stays: str | None = None


@dataclass(frozen=True, slots=True)
class Going:
    """What leaves of one bucket, by which permit; and what was asked for and stays, ids and codes: not_signed, handed_over (its words are in the
    other chart), withheld, not_shared, not_approved, not_opened."""

    permit: Permit
    items: tuple[Item, ...]
    stays: Mapping[str, str] = field(default_factory=dict)

    @property
    def ruling(self) -> Ruling:
        return self.permit.ruling


def officer(practice: Practice, person: str) -> Person:
    """The privacy officer: an administrator who works here, or, where there is none, whoever works here alone. Raises NotKnown, NotPermitted."""
    found = at_work(practice, person)
    here = [p for p in all_people(practice) if p.active]
    able = [p for p in here if p.standing is Standing.ADMINISTRATOR] or (here if len(here) == 1 else [])
    if found not in able:
        raise NotPermitted(who=person, reason="this is the privacy officer's, who is an administrator")
    return found


def leaving(
    practice: Practice,
    connection: Connection,
    now: Filed,
    decision: Decision,
    approvers: Sequence[Approver],
    opener: Opener | None,
    buckets: Collection[Bucket],
) -> tuple[tuple[Going, ...], Mapping[Bucket, str]]:
    """What may leave, and of the other buckets asked for why they do not. Raises ReleaseRefused where nothing may, NotPermitted where somebody who
    approves is not who they say."""
    kept = _kept(practice, connection, now)
    for approver in approvers:
        _check(practice, approver, {item.author for items in kept.values() for item in items})
    going: list[Going] = []
    refused: dict[Bucket, ReleaseRefused] = {}
    for ruling in (r for r in decision.rulings if r.bucket in buckets):
        try:
            going.append(_going(practice, now, decision, ruling, kept[ruling.bucket], approvers, opener))
        except ReleaseRefused as refusal:
            refused[ruling.bucket] = refusal
    if not going:
        raise next(iter(refused.values()), ReleaseRefused(reason="nothing was asked for"))
    return tuple(going), {bucket: str(refusal) for bucket, refusal in refused.items()}


def _check(practice: Practice, approver: Approver, authors: set[str]) -> None:
    if approver.role is Role.PRIVACY_OFFICER:
        officer(practice, approver.person)
    elif at_work(practice, approver.person).id not in authors and approver.role is Role.ORIGINATOR:
        raise NotPermitted(who=approver.person, reason="they wrote nothing of what is asked for")


def _going(
    practice: Practice, now: Filed, decision: Decision, ruling: Ruling, items: Sequence[Item], approvers: Sequence[Approver], opener: Opener | None
) -> Going:
    """Raises ReleaseRefused where nothing of the bucket may leave."""
    authors = {item.author for item in items}
    permit = permitted(decision, ruling, [a for a in approvers if a.role is not Role.ORIGINATOR or a.person in authors])
    if "store_order_digest" in ruling.steps and now.sha256 is None:
        raise ReleaseRefused(reason="the order's digest was not entered")
    items = [replace(item, stays="withheld") if {item.id, item.encounter} & set(ruling.withheld) else item for item in items]
    private = ruling.bucket is Bucket.PRIVATE
    items = _opened_by(practice, permit, items, opener) if private else _together(items)
    free = tuple(item for item in items if item.stays is None)
    if not free and (private or ruling.profile is not Profile.REPORT):  # a danger may be reported of which no note tells yet
        why = ", ".join(sorted({item.stays for item in items})) or "nothing of it is kept here"
        raise ReleaseRefused(reason=f"of the {ruling.bucket} all stays ({why})")
    return Going(permit, free, {item.id: item.stays for item in items if item.stays is not None})


def _opened_by(practice: Practice, permit: Permit, items: Sequence[Item], opener: Opener | None) -> list[Item]:
    """Private notes that those who approve may let go, and whose key was given."""
    roles = {a.role for a in permit.approvers}
    writers = {a.person for a in permit.approvers if a.role is Role.ORIGINATOR}
    enough = permit.ruling.approval in (Approval.PRIVACY_OFFICER, Approval.EITHER) and Role.PRIVACY_OFFICER in roles
    shared = _shared(practice, items) if "shared_items_only" in permit.ruling.steps else {item.id for item in items}
    holder = opener.holder if opener else ""

    def why(item: Item) -> str | None:
        if item.stays or item.id not in shared:
            return item.stays or "not_shared"
        if not enough and item.author not in writers:
            return "not_approved"
        return None if holder in (RECOVERY, f"person/{item.author}") else "not_opened"

    return [replace(item, stays=why(item)) for item in items]


def _shared(practice: Practice, items: Sequence[Item]) -> set[str]:
    """Those that their authors brought to their supervisors."""
    over = {find_person(practice, author).supervisor for author in {item.author for item in items}}
    return {note.id for supervisor in over if supervisor for note in vault.shared_with(practice, supervisor, vault.Why.SUPERVISION)}


def _together(items: Sequence[Item]) -> list[Item]:
    """A note and what was signed after it leave together or stay together."""
    stays = {item.encounter: item.stays for item in items if item.stays}
    return [replace(item, stays=stays.get(item.encounter)) for item in items]


# ── what is kept of it ────────────────────────────────────────────────────────────────────────────────────────────────


def _kept(practice: Practice, connection: Connection, now: Filed) -> Mapping[Bucket, tuple[Item, ...]]:
    """What is kept of the buckets asked for, within the extent asked for."""
    query = select(ENCOUNTERS.c.id, func.coalesce(NOTES.c.service_date, ENCOUNTERS.c.service_date).label("day"))
    query = query.outerjoin(NOTES, NOTES.c.id == ENCOUNTERS.c.note).where(ENCOUNTERS.c.client == now.client)
    days = {row.id: row.day for row in connection.execute(query)}
    kept = {Bucket.RECORD: _record(practice, connection, now, days), Bucket.PRIVATE: _private(practice, now, days)}
    return {bucket: items if bucket in now.request.asked else () for bucket, items in kept.items()}


def _record(practice: Practice, connection: Connection, now: Filed, days: Mapping[str, date | None]) -> tuple[Item, ...]:
    query = select(NOTES.c.id, NOTES.c.encounter, NOTES.c.digest, ENCOUNTERS.c.author, ENCOUNTERS.c.state)
    query = query.join(ENCOUNTERS, ENCOUNTERS.c.id == NOTES.c.encounter).where(NOTES.c.client == now.client)
    rows = connection.execute(query.order_by(NOTES.c.service_date, NOTES.c.encounter, NOTES.c.number)).all()
    within = [row for row in rows if now.extent.has(row.encounter, days[row.encounter])]
    return tuple(Item(r.id, r.encounter, r.author, days[r.encounter], r.digest, _not_here(practice, r.id, r.state)) for r in within)


def _not_here(practice: Practice, note: str, state: str) -> str | None:
    if NoteState(state) not in _FINAL:
        return "not_signed"
    return "handed_over" if receipt_of(practice.keyring, f"note/{note}") else None


def _private(practice: Practice, now: Filed, days: Mapping[str, date | None]) -> tuple[Item, ...]:
    query = select(PRIVATE_NOTES).where(PRIVATE_NOTES.c.client == now.client)
    with reading(practice.stores.private) as connection:
        rows = connection.execute(query.order_by(PRIVATE_NOTES.c.encounter, PRIVATE_NOTES.c.number, PRIVATE_NOTES.c.id)).all()
    single = now.extent.notes
    within = [r for r in rows if (r.id in single if single else now.extent.has(r.encounter, days.get(r.encounter)))]
    return tuple(Item(r.id, r.encounter, r.author, days.get(r.encounter), hashlib.sha256(r.body_sealed).hexdigest()) for r in within)
