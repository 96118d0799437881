"""Who else may read unsigned work, and for how long: the worker while a job runs, the supervisor while a cosignature is due.

In: an encounter, and an opener that can read it. Out: nothing; wrappings in the keyring come and go. Knows no words. What a process that was cut left
lent is taken back by `end_loans`, which needs no key.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from drafting.errors import NotPermitted
from drafting.record.keys import RECOVERY, WORKER, Opener
from drafting.record.keys.passphrases import holder as holder_of_person
from drafting.record.practice import Practice
from drafting.record.store import reading
from drafting.record.store.tables.keyring import WRAPPED
from drafting.record.store.tables.record import ENCOUNTERS, WORK
from drafting.record.workbench import holder, own, row_of
from drafting.types.record import NoteState


def lend(practice: Practice, encounter: str, opener: Opener, *, until: datetime | None = None) -> None:
    """Let the worker open an encounter again: for `worker_hours`, where no end is given. Raises KeyMissing."""
    own(practice, encounter, opener)
    until = until or practice.now() + timedelta(hours=practice.policy().worker_hours)
    with practice.change() as change:
        row = row_of(change.connection, encounter)
        change.tell(opener.holder.removeprefix("person/"), "encounter:lent", subject=encounter, client=row.client, to=WORKER)
    practice.keyring.share(holder(encounter), opener, WORKER, until=until)


def lend_supervisor(practice: Practice, encounter: str, opener: Opener, kinds: Collection[str]) -> None:
    """Let the supervisor read the latest work of some kinds, while a cosignature is due: those items and not the encounter, whose recording holds the
    asides too. Raises NotPermitted where there is no supervisor, KeyMissing."""
    with practice.change() as change:
        row = row_of(change.connection, encounter)
        if row.supervisor is None:
            raise NotPermitted(who=row.author, reason="this encounter has no supervisor")
        keys = [key for kind in kinds if (key := _latest_key(change.connection, encounter, kind))]
        change.tell(opener.holder.removeprefix("person/"), "encounter:lent", subject=encounter, client=row.client, to=row.supervisor)
    for key in keys:
        practice.keyring.share(key, opener, holder_of_person(row.supervisor))


def take_back(practice: Practice, encounter: str, whose: str, *, by: str) -> None:
    """Take away whatever `whose` (a holder) can open of an encounter. Raises NotPermitted for the author's own and the kit's."""
    with practice.change() as change:
        row = row_of(change.connection, encounter)
        if whose in (RECOVERY, holder_of_person(row.author)):
            raise NotPermitted(who=by, reason="the author's key and the recovery kit's are not lent")
        keys = change.connection.scalars(select(WORK.c.key).where(WORK.c.encounter == encounter)).all()
        change.tell(by, "encounter:taken_back", subject=encounter, client=row.client, holder=whose)
    held = set(practice.keyring.held_by(whose)) & {holder(encounter), *keys}
    practice.keyring.unshare(held, whose)


def end_loans(practice: Practice, encounter: str | None = None) -> int:
    """Take back what a supervisor can read though no cosignature is due: of one encounter, or of all, as at the start of a process. Returns how many
    items."""
    with reading(practice.stores.keyring) as connection:
        begins = f"work/{encounter}/" if encounter else "work/"
        lent = WRAPPED.c.secret.startswith(begins) & WRAPPED.c.holder.startswith("person/")
        rows = connection.execute(select(WRAPPED.c.secret, WRAPPED.c.holder).where(lent)).all()
    of = {row.secret: row.secret.split("/")[1] for row in rows}
    with practice.look() as connection:
        waiting = (ENCOUNTERS.c.id.in_(set(of.values()))) & (ENCOUNTERS.c.state == NoteState.COSIGN_DUE.value)
        due = set(connection.scalars(select(ENCOUNTERS.c.id).where(waiting)))
    over = [row for row in rows if of[row.secret] not in due]
    for whose in {row.holder for row in over}:
        practice.keyring.unshare([row.secret for row in over if row.holder == whose], whose)
    return len(over)


def _latest_key(connection: Connection, encounter: str, kind: str) -> str | None:
    mine = (WORK.c.encounter == encounter) & (WORK.c.kind == kind)
    return connection.scalar(select(WORK.c.key).where(mine).order_by(WORK.c.version.desc()).limit(1))
