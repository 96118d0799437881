"""A signature with neither audit nor sealing: the product's statements, copied, with plain bytes where it has sealed ones.

In: an encounter that is ready to be signed. Out: a copy of it in the clear; its note and signature, in the same tables. For `scale` alone, in a
practice that is thrown away. What is left: reading the review, what blocks, the canonical note, its signature, one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa

from bench.record.life import HOW
from drafting.record import workbench
from drafting.record.keys.passphrases import Unlocked
from drafting.record.practice import Practice, new_id
from drafting.record.review import canonical, lifecycle
from drafting.record.review.comparing import compared
from drafting.record.review.lifecycle import Move
from drafting.record.store import instant, writing
from drafting.record.store.tables.record import CLIENTS, DISPOSITIONS, ENCOUNTERS, NOTES, PEOPLE, SIGNATURES, WORK
from drafting.record.workbench import drafted
from drafting.types.record import Meaning, NoteState, Person, SignedNote, Standing
from drafting.types.review import Review

_NAME = "Cy Marsh"


def copied(practice: Practice, author: Unlocked, encounter: str) -> str:
    """A copy of an unsigned encounter with its work in the clear; its id."""
    name = new_id("E")
    with practice.look() as connection:
        row = connection.execute(sa.select(ENCOUNTERS).where(ENCOUNTERS.c.id == encounter)).one()
        items = connection.execute(sa.select(WORK.c.kind, WORK.c.version).where(WORK.c.encounter == encounter)).all()
    plain = [(kind, version, workbench.get(practice, encounter, kind, version, author.opener)[1]) for kind, version in items]
    plain = [(kind, version, _renamed(body, name) if kind == drafted.REVIEW else body) for kind, version, body in plain]
    with writing(practice.stores.record) as connection:
        connection.execute(ENCOUNTERS.insert().values(**row._asdict() | {"id": name}))
        each = [{"encounter": name, "kind": kind, "version": version, "key": "none", "body_sealed": body} for kind, version, body in plain]
        connection.execute(WORK.insert(), each)
    return name


def _renamed(body: bytes, name: str) -> bytes:
    return canonical.review_bytes(replace(canonical.review_of(body), encounter=name))


def sign(practice: Practice, unlocked: Unlocked, encounter: str, version: int) -> None:
    """What `notes.sign` does, without an event and without a key but the one that signs."""
    if workbench.find(practice, encounter).version != version:
        raise AssertionError("the copy is not ready to be signed")
    review, source, first = _works(practice, encounter, ((drafted.REVIEW, version), (drafted.SOURCE, None), (drafted.REVIEW, 1)))
    if lifecycle.blocks(review, author=_person(practice, unlocked.person)):
        raise AssertionError("the copy is not ready to be signed")
    evidence = drafted.evidence(source, review)
    workbench.find(practice, encounter)
    author, policy = _person(practice, unlocked.person), practice.policy()
    with writing(practice.stores.record) as connection:
        row = connection.execute(sa.select(ENCOUNTERS).where(ENCOUNTERS.c.id == encounter).with_for_update()).one()
        number = (connection.scalar(sa.select(sa.func.max(NOTES.c.number)).where(NOTES.c.encounter == encounter)) or 0) + 1
        state, at = lifecycle.moved(NoteState(row.state), Move.SIGN), practice.now()
        given = {"note_id": new_id("N"), "number": number, "author": author}
        note = lifecycle.signed(review, signed_on=at, due_hours=policy.sign_due_hours, **given)
        distance = compared(first, note) if first else None
        _write(practice, connection, row, note, version, at=instant(at), evidence=evidence, distance=distance)
        signature = canonical.signature(
            note, author, meaning=Meaning.AUTHOR, method=HOW.method, at=at, zone=HOW.zone, key_id=unlocked.key_id, sign=unlocked.sign
        )
        signed = {"note": note.id, "meaning": Meaning.AUTHOR.value, "signer": author.id, "at": instant(at), "digest": signature.digest}
        connection.execute(SIGNATURES.insert().values(body_sealed=canonical.signature_bytes(signature), **signed))
        _dispose(connection, note, review, instant(at))
        stands = {"state": state.value, "note": note.id, "signed": instant(at)}
        connection.execute(sa.update(ENCOUNTERS).where(ENCOUNTERS.c.id == row.id).values(stands))
        later = CLIENTS.c.last_service.is_(None) | (CLIENTS.c.last_service < review.header.date_of_service)
        connection.execute(sa.update(CLIENTS).where(CLIENTS.c.id == row.client, later).values(last_service=review.header.date_of_service))


def _person(practice: Practice, person: str) -> Person:
    with practice.look() as connection:
        row = connection.execute(sa.select(PEOPLE).where(PEOPLE.c.id == person)).one()
    return Person(row.id, _NAME, Standing(row.standing), row.credential, row.licence, row.supervisor, bool(row.health_professional), bool(row.active))


def _works(practice: Practice, encounter: str, wanted: Sequence[tuple[str, int | None]]) -> list[Any]:
    """Reviews, and the source, from their plain bytes; None for one that was purged."""
    with practice.look() as connection:
        rows = [connection.execute(sa.select(WORK).where(workbench.which(encounter, *one))).first() for one in wanted]
    read = {drafted.REVIEW: canonical.review_of, drafted.SOURCE: json.loads}
    return [read[row.kind](row.body_sealed) if row else None for row in rows]


def _write(
    practice: Practice, connection: sa.Connection, row: sa.Row, note: SignedNote, review: int, *, at: str, evidence: object, distance: object
) -> None:
    practice.policy()
    values = {"id": note.id, "encounter": note.encounter, "number": note.number, "client": row.client, "kind": note.kind.value, "format": note.format}
    values |= {"parent": note.parent, "review": review, "digest": canonical.digest(note), "service_date": note.header.date_of_service, "signed": at}
    values |= {"body_sealed": canonical.note_bytes(note), "evidence_sealed": json.dumps(evidence, sort_keys=True).encode()}
    values |= {"draft_distance": json.dumps(asdict(distance), sort_keys=True) if distance else None}
    connection.execute(NOTES.insert().values(values))


def _dispose(connection: sa.Connection, note: SignedNote, review: Review, at: str) -> None:
    rows = [(r.id, "risk", r.topic, r.answer.value if r.answer else "open", r.answered_by) for r in review.risks]
    rows += [(f.id, "finding", f.kind, f.state.value, None) for f in review.flags]
    rows += [(h.statement, "held", None, h.decision.value if h.decision else "open", None) for h in review.held]
    rows += [(e, "prompt", e, "dismissed" if e in review.dismissed else "open", None) for e, _ in review.prompts]
    names = ("item", "what", "kind", "answer", "by")
    if rows:
        connection.execute(DISPOSITIONS.insert(), [{"note": note.id, "at": at, **dict(zip(names, one, strict=True))} for one in rows])
