"""Whether the stores are whole: everything acknowledged is there, nothing is signed twice, and nothing is half done.

In: a practice that was swept, a ledger, a finished draft. Out: faults, each of a kind: `lost`, `double`, `half`. Knows no kill. It reads the tables
themselves beside asking the product, so that a product that overlooks something does not pass its own test.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from bench.record.ledger import PURGING, Known, Ledger
from bench.record.life import RECORDING, private
from bench.record.places import Place
from drafting.errors import AsideError
from drafting.pipeline import Work
from drafting.record import audit, notes, vault, workbench
from drafting.record.practice import Practice
from drafting.record.review import canonical
from drafting.record.review.lifecycle import SIGNATURE_STANDS
from drafting.record.store import reading
from drafting.record.store.tables.keyring import TOMBSTONES, WRAPPED
from drafting.record.store.tables.private import PRIVATE_NOTES
from drafting.record.store.tables.record import ENCOUNTERS, INTENTS, MEDIA, NOTES, SIGNATURES, TASKS, WORK
from drafting.record.vault import Why
from drafting.record.workbench import drafted, media
from drafting.types.record import Meaning, NoteKind, NoteState

_OVER = {NoteState.LOCKED, NoteState.ADDENDED, NoteState.AMENDED, NoteState.ENTERED_IN_ERROR}
_TOLD = {NoteKind.NOTE: "note:signed", NoteKind.AMENDMENT: "note:signed", NoteKind.ADDENDUM: "note:addendum", NoteKind.ERROR: "note:entered_in_error"}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that should not be, in ids."""

    kind: str
    what: str


@dataclass(slots=True)
class Stand:
    """The tables as they stand, by encounter."""

    encounters: dict[str, sa.Row] = field(default_factory=dict)
    notes: dict[str, list[sa.Row]] = field(default_factory=lambda: defaultdict(list))
    signatures: dict[tuple[str, str], str] = field(default_factory=dict)
    work: dict[str, list[sa.Row]] = field(default_factory=lambda: defaultdict(list))
    media: dict[str, list[sa.Row]] = field(default_factory=lambda: defaultdict(list))
    private: dict[str, list[sa.Row]] = field(default_factory=lambda: defaultdict(list))
    wrapped: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    stones: dict[str, str] = field(default_factory=dict)
    tasks: Counter[str] = field(default_factory=Counter)
    intents: list[str] = field(default_factory=list)


def taken(practice: Practice) -> Stand:
    """Everything that a check looks at, without bodies."""
    stand = Stand()
    work = (WORK.c.encounter, WORK.c.kind, WORK.c.version, WORK.c.key, WORK.c.statements)
    with practice.look() as connection:
        stand.encounters = {row.id: row for row in connection.execute(sa.select(ENCOUNTERS))}
        for row in connection.execute(
            sa.select(NOTES.c.encounter, NOTES.c.id, NOTES.c.kind, NOTES.c.number, NOTES.c.review).order_by(NOTES.c.number)
        ):
            stand.notes[row.encounter].append(row)
        stand.signatures = {
            (r.note, r.meaning): r.digest for r in connection.execute(sa.select(SIGNATURES.c.note, SIGNATURES.c.meaning, SIGNATURES.c.digest))
        }
        for row in connection.execute(sa.select(*work).order_by(WORK.c.version)):
            stand.work[row.encounter].append(row)
        for row in connection.execute(sa.select(MEDIA.c.encounter, MEDIA.c.key)):
            stand.media[row.encounter].append(row)
        stand.tasks.update(connection.scalars(sa.select(TASKS.c.encounter).where(TASKS.c.kind == "cosign", TASKS.c.done.is_(None))))
        stand.intents = list(connection.scalars(sa.select(INTENTS.c.id)))
    with reading(practice.stores.private) as connection:
        columns = (PRIVATE_NOTES.c.id, PRIVATE_NOTES.c.encounter, PRIVATE_NOTES.c.author, PRIVATE_NOTES.c.key, PRIVATE_NOTES.c.statements)
        for row in connection.execute(sa.select(*columns)):
            stand.private[row.encounter].append(row)
    with reading(practice.keyring.engine) as connection:
        for secret, holder in connection.execute(sa.select(WRAPPED.c.secret, WRAPPED.c.holder)):
            stand.wrapped[secret].add(holder)
        stand.stones = dict(connection.execute(sa.select(TOMBSTONES.c.secret, TOMBSTONES.c.receipt)).all())
    return stand


@dataclass(slots=True)
class Trail:
    """The audit trail as far as it was read: how often each action was told of each subject."""

    seq: int = 0
    told: Counter[tuple[str, str]] = field(default_factory=Counter)

    def read_on(self, practice: Practice) -> None:
        with practice.look() as connection:
            for seq, event in audit.events(connection, after=self.seq):
                self.seq = seq
                self.told[str(event["action"]), str(event.get("subject"))] += 1


def faults(practice: Practice, place: Place, work: Work, ledger: Ledger, trail: Trail, touched: Collection[str]) -> Iterator[Fault]:
    """All that is wrong. Words are opened for the encounters that were `touched`; everything else is looked at every time."""
    try:
        practice.audit_verify()
    except AsideError as error:
        yield Fault("half", f"the audit trail: {error}")
    trail.read_on(practice)
    stand = taken(practice)
    yield from (Fault("half", f"an intent is left: {name}") for name in stand.intents)
    for name, row in stand.encounters.items():
        yield from (Fault("half", f"{name}: {what}") for what in _signing(stand, trail, row))
        yield from (Fault("half", f"{name}: {what}") for what in _bench(stand, trail, row))
        yield from (Fault("half", f"{name}: {what}") for what in _apart(stand, work, row))
        yield from (Fault("double", f"{name}: {what}") for what in _twice(stand, trail, name))
    for name, known in ledger.known.items():
        yield from (Fault("lost", f"{name}: {what}") for what in _missing(stand, trail, name, known))
    for name in touched & stand.encounters.keys():
        yield from (Fault("lost", f"{name}: {what}") for what in _opens(practice, place, work, stand, name, ledger.known[name]))
    _adopt(stand, ledger, touched)


def _adopt(stand: Stand, ledger: Ledger, touched: Collection[str]) -> None:
    """What was under way has ended one way or the other: from now on it must stay so."""
    for name in touched:
        known = ledger.known[name]
        if known.pending and name not in stand.encounters:
            del ledger.known[name]
        elif known.pending:
            known.private = {s for row in stand.private[name] for s in row.statements.split()}
            known.version, known.digest, known.pending = stand.encounters[name].version, None, set()


# ── half states ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _signing(stand: Stand, trail: Trail, row: sa.Row) -> Iterator[str]:
    """The encounter's state, its notes, their signatures, the events and the task say the same."""
    written = stand.notes[row.id]
    signings = [n for n in written if n.review > 0]
    if (row.note is not None) != bool(signings) or (signings and row.note != signings[-1].id):
        yield "its note is not the one that was signed last"
    if NoteState(row.state) in SIGNATURE_STANDS and not signings:
        yield f"it is {row.state}, and there is no note"
    if [n.number for n in written] != list(range(1, len(written) + 1)):
        yield "its notes are not numbered one after the other"
    for n in written:
        if (n.id, Meaning.AUTHOR.value) not in stand.signatures:
            yield f"note {n.id} is not signed"
        if not trail.told[_TOLD[NoteKind(n.kind)], n.id]:
            yield f"no event tells of note {n.id}"
    cosigned = (row.note, Meaning.COSIGNER.value) in stand.signatures
    if row.supervisor and row.state in {NoteState.COSIGNED, *_OVER} and not (cosigned and trail.told["note:cosigned", row.note]):
        yield f"it is {row.state}, and the supervisor has not cosigned or no event tells of it"
    if stand.tasks[row.id] != (row.state == NoteState.COSIGN_DUE):
        yield f"it is {row.state}, and has {stand.tasks[row.id]} open tasks to cosign"
    last = {NoteState.ADDENDED: NoteKind.ADDENDUM, NoteState.ENTERED_IN_ERROR: NoteKind.ERROR}.get(NoteState(row.state))
    if last and last not in {n.kind for n in written}:
        yield f"it is {row.state}, and nothing was signed that says so"


def _bench(stand: Stand, trail: Trail, row: sa.Row) -> Iterator[str]:
    """The workbench is whole, or all of it is gone and a receipt says so."""
    pair = workbench.holder(row.id)
    there = [*stand.work[row.id], *stand.media[row.id]]
    if pair in stand.stones:
        if there or stand.wrapped[pair] or any(pair in holders for holders in stand.wrapped.values()):
            yield "it was shredded, and something of it is left"
        if row.state not in _OVER or not trail.told["work:shredded", row.id]:
            yield f"it was shredded while {row.state}, or no event tells of it"
        return
    if not {f"person/{row.author}", "recovery"} <= stand.wrapped[pair]:
        yield "its author or the kit cannot open it"
    if row.stage == "drafted" and "worker" in stand.wrapped[pair]:
        yield "its draft stands, and the worker still has its key"
    yield from _lent(stand, row)
    if any(pair not in stand.wrapped[item.key] for item in there):
        yield "an item of its workbench is under no key"
    reviews = [item.version for item in stand.work[row.id] if item.kind == "review"]
    if row.version != max(reviews, default=0):
        yield f"its version is {row.version}, and the last review is {max(reviews, default=0)}"


def _lent(stand: Stand, row: sa.Row) -> Iterator[str]:
    """The supervisor can open what there is to cosign while a cosignature is due, and nothing before or after."""
    if not row.supervisor:
        return
    last = {item.kind: item.key for item in stand.work[row.id]}
    lent = {item.key for item in stand.work[row.id] if f"person/{row.supervisor}" in stand.wrapped[item.key]}
    if row.state != NoteState.COSIGN_DUE and lent:
        yield f"it is {row.state}, and its supervisor still has keys"
    if row.state == NoteState.COSIGN_DUE and not lent >= {last.get(drafted.SOURCE), last.get(drafted.REVIEW)}:
        yield "a cosignature is due, and its supervisor cannot open it"


def _apart(stand: Stand, work: Work, row: sa.Row) -> Iterator[str]:
    """Every statement is in one place: on the workbench, among the private notes, or admitted from there."""
    away = [s for item in stand.private[row.id] for s in item.statements.split()]
    if len(away) != len(set(away)):
        yield "a statement is two private notes"
    if any(stand.wrapped[n.key] != {f"person/{row.author}", "recovery"} or n.key in stand.stones for n in stand.private[row.id]):
        yield "a private note is not under its author's key and the kit's alone"
    items: dict[str, Any] = {item.kind: item for item in stand.work[row.id]}  # the last version of each kind
    quoted = {s for item in stand.work[row.id] for s in item.statements.split()}
    if both := quoted & set(away):
        yield f"statements are private notes and on the workbench: {sorted(both)}"
    if workbench.holder(row.id) not in stand.stones and row.version:
        here = {s for kind in (drafted.SOURCE, "decisions") if kind in items for s in items[kind].statements.split()}
        if lost := {p.statement.id for p in work.routed.placed} - here - set(away):
            yield f"statements are nowhere: {sorted(lost)}"


def _twice(stand: Stand, trail: Trail, name: str) -> Iterator[str]:
    """No version has two notes, and no note was told of twice."""
    versions = Counter(n.review for n in stand.notes[name] if n.review > 0)
    yield from (f"version {version} was signed {count} times" for version, count in versions.items() if count > 1)
    for n in stand.notes[name]:
        if trail.told[_TOLD[NoteKind(n.kind)], n.id] > 1 or trail.told["note:cosigned", n.id] > 1:
            yield f"note {n.id} was signed twice"


# ── what was acknowledged ─────────────────────────────────────────────────────────────────────────────────────────────


def _missing(stand: Stand, trail: Trail, name: str, known: Known) -> Iterator[str]:
    """What was acknowledged and is not in the tables."""
    row = stand.encounters.get(name)
    if row is None:
        if "receive" not in known.pending:
            yield "the encounter itself"
        return
    if row.version < known.version:
        yield f"version {known.version}"
    there = {n.id for n in stand.notes[name]}
    yield from (f"note {note}" for note in known.notes if note not in there)
    signed = {(note, Meaning.AUTHOR.value): digest for note, digest in known.notes.items()}
    signed |= {(note, Meaning.COSIGNER.value): digest for note, digest in known.cosigned.items()}
    yield from (
        f"the {meaning}'s signature of {note}" for (note, meaning), digest in signed.items() if stand.signatures.get((note, meaning)) != digest
    )
    if known.receipt and stand.stones.get(workbench.holder(name)) != known.receipt:
        yield "the receipt of its shredding"
    if known.signed > sum(n.review > 0 for n in stand.notes[name]):
        yield "a signature that was given again"
    yield from (f"a reading of {note} in the audit trail" for note, count in known.read.items() if count > trail.told["private:read", note])
    away = {s for item in stand.private[name] for s in item.statements.split()}
    moving = known.pending & {"stand", "drafted", "aside", "back", "sign"}
    if (away ^ known.private) and not moving:
        yield f"private words: {sorted(away ^ known.private)}"
    if known.size and workbench.holder(name) not in stand.stones and not stand.media[name]:
        yield "the recording"


def _opens(practice: Practice, place: Place, work: Work, stand: Stand, name: str, known: Known) -> Iterator[str]:
    """What does not open, or is not word for word what it was."""
    row = stand.encounters[name]
    author, said = place.people[row.author], {p.statement.id: p.statement.text for p in work.routed.placed}
    try:
        words = vault.read_all(practice, [n.id for n in stand.private[name]], author, Why.OWN_TREATMENT)
        known.read.update(list(words))
        yield from (f"the words of {n.id}" for n in stand.private[name] if words[n.id] != " ".join(said[s] for s in n.statements.split()))
        if stand.notes[name]:
            document = notes.document(practice, name)
            digests = {d.note.id: canonical.digest(d.note) for d in (document, *document.after)}
            yield from (f"the words of {note}" for note, digest in known.notes.items() if digests.get(note) != digest)
        if workbench.holder(name) in stand.stones:
            return
        if row.version:
            yield from _review(practice, author, work, stand, row, known)
        if known.size and b"".join(media.read(practice, name, "session", author.opener)) != RECORDING:
            yield "the words of the recording"
    except AsideError as error:
        yield f"{error.code}: {error}"


def _review(practice: Practice, author: Any, work: Work, stand: Stand, row: sa.Row, known: Known) -> Iterator[str]:
    """The last review opens, and is the one that was acknowledged last unless something newer was under way; the source is whole but for what is
    black in it."""
    number, body = workbench.get(practice, row.id, "review", None, author.opener)
    told = canonical.review_of(body)
    if number == known.version and known.digest not in (None, hashlib.sha256(body).hexdigest()):
        yield f"the words of version {number}"
    if number > known.version and not known.pending & {"stand", "drafted", "edit", "give_back", *PURGING} and not stand.notes[row.id]:
        yield f"version {number}, which nobody was told of"
    text = json.loads(workbench.get(practice, row.id, drafted.SOURCE, None, author.opener)[1].decode())["text"]
    shut = [(p.statement.start, p.statement.end) for p in work.routed.placed if p.statement.id in {*told.private, *private(work)}]
    if text != drafted.blacked(work.transcript.text, shut):
        yield "the words of the source"
