"""Signed notes: signed once, never changed, added to.

In: a practice, a person who is unlocked, an encounter. Out: notes, signatures, documents to show and to export. Knows no private word: what is
signed is read from the review on the workbench, and what was kept private is put away before. A signature, its note, what it answered and the
encounter's new state are one transaction; a signature given twice is a conflict in the database itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, insert, select, update

from drafting.errors import AsideError, Conflict, KeyWrong, NotPermitted
from drafting.record import workbench
from drafting.record.holds import at_work
from drafting.record.keys import PRACTICE, RECOVERY
from drafting.record.keys.passphrases import Unlocked, holder, verify_key
from drafting.record.people import find_person, secret_of
from drafting.record.practice import Change, Practice, known, new_id
from drafting.record.review import canonical, lifecycle
from drafting.record.review.comparing import compared
from drafting.record.review.lifecycle import Move
from drafting.record.store import instant
from drafting.record.store.tables.record import CLIENTS, DISPOSITIONS, ENCOUNTERS, NOTES, SIGNATURES, TASKS
from drafting.record.workbench import drafted, lending
from drafting.record.workbench.drafted import ToSign
from drafting.types.record import Document, Meaning, NoteKind, NoteState, Person, Signature, SignedNote
from drafting.types.review import Review
from prompts import table


@dataclass(frozen=True, slots=True)
class Circumstances:
    """How a signature is given: how the signer was known (re-authentication, a code), and where they are (an IANA zone)."""

    method: str
    zone: str


def sign(
    practice: Practice, unlocked: Unlocked, encounter: str, version: int, how: Circumstances, *, urgent: bool = False, reason: str | None = None
) -> Document:
    """Sign an encounter's review as its author, who saw that `version`; what was left private is put away first. `urgent`: sign as incomplete, with
    what is open printed on the note and a task to complete it. Signed again after a change, it is an amendment of what was signed before, which
    stays; `reason` says why.

    Raises SigningBlocked, IllegalMove, NotPermitted, and Conflict where the review was changed or signed meanwhile.
    """
    with practice.keyring.remembering():
        return _prepared(practice, unlocked, drafted.to_sign(practice, unlocked, encounter, version, urgent=urgent), how, urgent, reason)


def _prepared(practice: Practice, unlocked: Unlocked, signing: ToSign, how: Circumstances, urgent: bool, reason: str | None) -> Document:
    """Sign, with the supervisor able to read what will wait for them."""
    encounter = signing.review.encounter
    if workbench.find(practice, encounter).supervisor:  # first, so that a note which waits for them can always be read by them
        lending.lend_supervisor(practice, encounter, unlocked.opener, (drafted.SOURCE, drafted.REVIEW))
    try:
        return _sign(practice, unlocked, signing, how, urgent, reason)
    except AsideError:
        lending.end_loans(practice, encounter)
        raise


def _sign(practice: Practice, unlocked: Unlocked, signing: ToSign, how: Circumstances, urgent: bool, reason: str | None) -> Document:
    """The one transaction of a signature."""
    review, author, policy = signing.review, find_person(practice, unlocked.person), practice.policy()
    with practice.change() as change:
        row = _locked(change.connection, review.encounter)
        if row.version != review.version:
            raise Conflict()
        if row.author != author.id or not author.active:
            raise NotPermitted(who=author.id, reason="a note is signed by the clinician whose visit it was")
        state = lifecycle.moved(NoteState(row.state), Move.SIGN, trainee=row.supervisor is not None)
        number = _next_number(change.connection, review.encounter)
        again = {"kind": NoteKind.AMENDMENT, "parent": row.note, "reason": reason or table("signing.toml")["reasons"]["again"]} if row.note else {}
        given = {"note_id": new_id("N"), "number": number, "author": author, "urgent": urgent, **again}
        note = lifecycle.signed(review, signed_on=change.at, due_hours=policy.sign_due_hours, **given)
        distance = compared(signing.first, note) if signing.first else None
        secret = _write(practice, change, row.client, note, review.version, signing.evidence, distance)
        signature = _put_signature(practice, change, note, secret, author, Meaning.AUTHOR, how, unlocked)
        _dispose(change, note, review)
        stands = {"state": state.value, "note": note.id, "signed": instant(change.at)}
        change.connection.execute(update(ENCOUNTERS).where(ENCOUNTERS.c.id == row.id).values(stands))
        _serve(change.connection, row.client, review.header.date_of_service)
        _done(change, row.id, "complete_note")
        if note.open_items:
            _task(change, row, author.id, "complete_note", change.at + timedelta(hours=policy.sign_due_hours))
        if row.supervisor:
            _task(change, row, row.supervisor, "cosign", change.at + timedelta(days=policy.cosign_due))
        change.tell(author.id, "note:signed", subject=note.id, client=row.client, number=number, incomplete=bool(note.open_items), late=note.late)
    return Document(note, (signature,))


def cosign(practice: Practice, unlocked: Unlocked, encounter: str, how: Circumstances) -> Signature:
    """Cosign a trainee's note as the supervisor. Raises NotPermitted for anybody else, the author above all."""
    supervisor = find_person(practice, unlocked.person)
    with practice.change() as change:
        row = _locked(change.connection, encounter)
        lifecycle.check_cosigner(supervisor, _supervised(practice, row))
        state = lifecycle.moved(NoteState(row.state), Move.COSIGN)
        note = _note(practice, change.connection, row.note)
        secret = _secret(practice, note.id, row.client)
        signature = _put_signature(practice, change, note, secret, supervisor, Meaning.COSIGNER, how, unlocked)
        change.connection.execute(update(ENCOUNTERS).where(ENCOUNTERS.c.id == encounter).values(state=state.value, signed=instant(change.at)))
        _done(change, encounter, "cosign")
        change.tell(supervisor.id, "note:cosigned", subject=note.id, client=row.client)
    lending.end_loans(practice, encounter)
    return signature


def give_back(practice: Practice, unlocked: Unlocked, review: Review, reason: str) -> Review:
    """Return a trainee's note to its author as their supervisor, with words that stand in the review alone. Returns its next version. Raises
    NotPermitted, IllegalMove, Conflict."""
    supervisor = find_person(practice, unlocked.person)
    with practice.change() as change:
        row = _locked(change.connection, review.encounter)
        returned = lifecycle.given_back(review, reason, person=supervisor, author=_supervised(practice, row))
        state = lifecycle.moved(NoteState(row.state), Move.RETURN)
        change.connection.execute(update(ENCOUNTERS).where(ENCOUNTERS.c.id == row.id).values(state=state.value))
        workbench.add(practice, change, row.id, drafted.kept(returned), by=supervisor.id)
        _done(change, row.id, "cosign")
        change.tell(supervisor.id, "note:returned", subject=row.note, client=row.client)
    lending.end_loans(practice, review.encounter)
    return returned


def reopen(practice: Practice, person: str, encounter: str) -> None:
    """Take a signed note that is not locked back into review, as its author: the signature does not stand any more, and what was signed stays. Raises
    IllegalMove for one that is locked, NotPermitted."""
    with practice.change() as change:
        row = _locked(change.connection, encounter)
        if row.author != person:
            raise NotPermitted(who=person, reason="a note is changed by the clinician whose visit it was")
        stands = {"state": lifecycle.moved(NoteState(row.state), Move.EDIT).value, "supervisor": workbench.supervisor_of(change.connection, person)}
        change.connection.execute(update(ENCOUNTERS).where(ENCOUNTERS.c.id == encounter).values(stands))
        _done(change, encounter, "cosign")
        change.tell(person, "note:reopened", subject=row.note, client=row.client)
    lending.end_loans(practice, encounter)


def add(practice: Practice, unlocked: Unlocked, encounter: str, words: str, reason: str, how: Circumstances) -> Document:
    """An addendum to a signed note, signed as it is made. Raises IllegalMove before there is a signed note."""
    with practice.change() as change:
        row, parent, given = _next(practice, change, unlocked, encounter, Move.ADDEND)
        return _follow(practice, change, unlocked, row, lifecycle.addendum(parent, words, reason, **given), Move.ADDEND, how)


def withdraw(practice: Practice, unlocked: Unlocked, encounter: str, reason: str, how: Circumstances) -> Document:
    """Mark a signed note as entered in error: it stays, struck, with the reason."""
    with practice.change() as change:
        row, parent, given = _next(practice, change, unlocked, encounter, Move.WITHDRAW)
        return _follow(practice, change, unlocked, row, lifecycle.withdrawal(parent, reason, **given), Move.WITHDRAW, how)


def document(practice: Practice, encounter: str) -> Document:
    """The first signed note of an encounter, its signatures, and all that was signed after it, in order; the newest of notes and amendments is the
    one that stands. Every signature is checked: KeyWrong for one that does not fit. Raises NotKnown where nothing is signed."""
    with practice.look() as connection:
        rows = connection.execute(select(NOTES).where(NOTES.c.encounter == encounter).order_by(NOTES.c.number)).all()
        known(rows or None, "signed note of", encounter)
        first, *after = [_document(practice, connection, row) for row in rows]
    return Document(first.note, first.signatures, tuple(after))


def chart(practice: Practice, client: str, words: str = "") -> tuple[Document, ...]:
    """A client's signed documents by date of service, but for those handed over to another chart; of those, the ones whose text has all of `words`.
    The search is over the opened chart of one client: nothing of it is indexed."""
    with practice.look() as connection:
        query = select(NOTES.c.id, NOTES.c.encounter).where(NOTES.c.client == client, NOTES.c.number == 1)
        rows = connection.execute(query.order_by(NOTES.c.service_date, NOTES.c.id)).all()
    found = tuple(document(practice, row.encounter) for row in rows if not workbench.receipt_of(practice.keyring, own_secret(row.id)))
    sought = words.casefold().split()
    return tuple(d for d in found if all(word in _text(d) for word in sought))


def evidence(practice: Practice, note: str) -> dict[str, object]:
    """What each sentence of a signed note rested on: statement ids, offsets and digests."""
    with practice.look() as connection:
        row = known(connection.execute(select(NOTES).where(NOTES.c.id == note)).first(), "note", note)
    if row.evidence_sealed is None:
        return {}
    return json.loads(practice.open(_secret(practice, note, row.client), row.evidence_sealed, "notes", note, "evidence"))


def own_secret(note: str) -> str:
    """The secret of a note that can be handed over to another chart."""
    return f"note/{note}"


def _secret(practice: Practice, note: str, client: str) -> str:
    """The secret under which a note is sealed: its own where it has one, otherwise its client's."""
    own = own_secret(note)
    there = practice.keyring.holders_of(own) or workbench.receipt_of(practice.keyring, own)
    return own if there else secret_of(client)


# ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _locked(connection: Connection, encounter: str) -> object:
    """The encounter's row, which nobody else can change until the transaction ends."""
    return known(connection.execute(select(ENCOUNTERS).where(ENCOUNTERS.c.id == encounter).with_for_update()).first(), "encounter", encounter)


def _supervised(practice: Practice, row: object) -> Person:
    """The author as whoever supervised them when the note was begun, or last reopened, knows them: that supervisor reads and cosigns it."""
    return replace(find_person(practice, row.author), supervisor=row.supervisor)


def _next_number(connection: Connection, encounter: str) -> int:
    return (connection.scalar(select(func.max(NOTES.c.number)).where(NOTES.c.encounter == encounter)) or 0) + 1


def _next(practice: Practice, change: Change, unlocked: Unlocked, encounter: str, move: Move) -> tuple[object, SignedNote, dict[str, object]]:
    """What a document that follows a signed one needs: the encounter, the note that stands, and its own id, number and time."""
    row = _locked(change.connection, encounter)
    lifecycle.moved(NoteState(row.state), move)
    if unlocked.person not in (row.author, row.supervisor):
        raise NotPermitted(who=unlocked.person, reason="what follows a note is signed by its author or their supervisor")
    given = {"note_id": new_id("N"), "number": _next_number(change.connection, encounter)}
    return row, _note(practice, change.connection, row.note), given


def _follow(practice: Practice, change: Change, unlocked: Unlocked, row: object, note: SignedNote, move: Move, how: Circumstances) -> Document:
    state = lifecycle.moved(NoteState(row.state), move)
    secret = _write(practice, change, row.client, note, -note.number, {}, None)
    signature = _put_signature(practice, change, note, secret, at_work(practice, unlocked.person), Meaning.AUTHOR, how, unlocked)
    change.connection.execute(update(ENCOUNTERS).where(ENCOUNTERS.c.id == row.id).values(state=state.value))
    change.tell(unlocked.person, f"note:{note.kind.value}", subject=note.id, client=row.client, number=note.number)
    return Document(note, (signature,))


def _write(
    practice: Practice, change: Change, client: str, note: SignedNote, review: int, rests_on: Mapping[str, object], distance: object | None
) -> str:
    """Keep a note, sealed under a secret of its own where it can be handed over to another chart; returns the secret's name."""
    secret = secret_of(client)
    if practice.policy().chart == "elsewhere":
        practice.keyring.make(secret := own_secret(note.id), [PRACTICE, RECOVERY])
    row = {
        "id": note.id,
        "encounter": note.encounter,
        "number": note.number,
        "client": client,
        "kind": note.kind.value,
        "format": note.format,
        "parent": note.parent,
        "review": review,
        "digest": canonical.digest(note),
        "service_date": note.header.date_of_service,
        "signed": instant(change.at),
        "body_sealed": practice.seal(secret, canonical.note_bytes(note), "notes", note.id, "body"),
        "evidence_sealed": practice.seal(secret, json.dumps(rests_on, sort_keys=True), "notes", note.id, "evidence") if rests_on else None,
        "draft_distance": json.dumps(asdict(distance), sort_keys=True) if distance else None,
    }
    change.connection.execute(insert(NOTES).values(row))
    return secret


def _put_signature(
    practice: Practice, change: Change, note: SignedNote, secret: str, person: Person, meaning: Meaning, how: Circumstances, unlocked: Unlocked
) -> Signature:
    if unlocked.opener.holder != holder(person.id):
        raise KeyWrong(what=f"the signature of note {note.id}")
    signature = canonical.signature(
        note, person, meaning=meaning, method=how.method, at=change.at, zone=how.zone, key_id=unlocked.key_id, sign=unlocked.sign
    )
    row = {"note": note.id, "meaning": meaning.value, "signer": person.id, "at": instant(signature.at), "digest": signature.digest}
    sealed = practice.seal(secret, canonical.signature_bytes(signature), "signatures", f"{note.id}/{meaning.value}", "body")
    change.connection.execute(insert(SIGNATURES).values(body_sealed=sealed, **row))
    return signature


def _dispose(change: Change, note: SignedNote, review: Review) -> None:
    """What became of every risk item, finding, held statement and prompt: codes, no words."""
    at = instant(change.at)
    rows = [(r.id, "risk", r.topic, r.answer.value if r.answer else "open", r.answered_by) for r in review.risks]
    rows += [(f.id, "finding", f.kind, f.state.value, None) for f in review.flags]
    rows += [(h.statement, "held", None, h.decision.value if h.decision else "open", None) for h in review.held]
    rows += [(element, "prompt", element, "dismissed" if element in review.dismissed else "open", None) for element, _ in review.prompts]
    if rows:
        names = ("item", "what", "kind", "answer", "by")
        change.connection.execute(insert(DISPOSITIONS), [{"note": note.id, "at": at, **dict(zip(names, row, strict=True))} for row in rows])


def _serve(connection: Connection, client: str, day: object) -> None:
    """Move the client's last date of service forward: retention counts from it."""
    if day is not None:
        later = (CLIENTS.c.last_service.is_(None)) | (CLIENTS.c.last_service < day)
        connection.execute(update(CLIENTS).where(CLIENTS.c.id == client, later).values(last_service=day))


def _task(change: Change, row: object, person: str, kind: str, due: datetime) -> None:
    task = {"id": new_id("T"), "encounter": row.id, "client": row.client, "person": person, "kind": kind, "due": instant(due)}
    change.connection.execute(insert(TASKS).values(task))


def _done(change: Change, encounter: str, kind: str) -> None:
    open_ = (TASKS.c.encounter == encounter) & (TASKS.c.kind == kind) & TASKS.c.done.is_(None)
    change.connection.execute(update(TASKS).where(open_).values(done=instant(change.at)))


# ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _note(practice: Practice, connection: Connection, note: str) -> SignedNote:
    row = known(connection.execute(select(NOTES).where(NOTES.c.id == note)).first(), "note", note)
    return _opened(practice, row, _secret(practice, row.id, row.client))


def _opened(practice: Practice, row: object, secret: str) -> SignedNote:
    """A note from its row. Raises KeyWrong where its words are not those whose digest stands beside them."""
    note = canonical.note_of(practice.open(secret, row.body_sealed, "notes", row.id, "body"))
    if canonical.digest(note) != row.digest or note.id != row.id:
        raise KeyWrong(what=f"note {row.id}")
    return note


def _document(practice: Practice, connection: Connection, row: object) -> Document:
    secret = _secret(practice, row.id, row.client)
    note = _opened(practice, row, secret)
    rows = connection.execute(select(SIGNATURES).where(SIGNATURES.c.note == row.id).order_by(SIGNATURES.c.at)).all()
    if Meaning.AUTHOR.value not in [held.meaning for held in rows]:
        raise KeyWrong(what=f"the signature of note {row.id}")
    signatures = []
    for held in rows:
        sealed = practice.open(secret, held.body_sealed, "signatures", f"{row.id}/{held.meaning}", "body")
        signature = canonical.signature_of(sealed)
        if signature.key.rpartition("/")[0] != holder(signature.signer):
            raise KeyWrong(what=f"the signature of note {row.id}")
        canonical.verified(note, signature, verify_key(practice.keyring, signature.key))
        signatures.append(signature)
    return Document(note, tuple(signatures))


def _text(document: Document) -> str:
    own = " ".join(section.text for section in document.note.sections)
    return " ".join([own, *(_text(after) for after in document.after)]).casefold()
