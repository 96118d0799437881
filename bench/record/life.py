"""A practice at work: whatever may be done next with some encounter, again and again, each thing told before and after.

In: a place, a finished draft, a seed, a pipe. Out: lines of JSON in the pipe, `{"begin": what, …}`, then `{"done": what, …}` once the call has
returned, or `{"failed": what, "error": class}`. Knows no check and no kill. What may be done is read from the stores each time, so whoever comes
after a process that was cut goes on with what it left.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import sqlalchemy as sa

from bench.record.places import Place
from drafting.errors import AsideError
from drafting.pipeline import Work
from drafting.record import notes, retention, vault, workbench
from drafting.record.keys.passphrases import Unlocked
from drafting.record.notes import Circumstances
from drafting.record.practice import Practice, new_id
from drafting.record.review import canonical, lifecycle, reviewing
from drafting.record.store.tables.record import ENCOUNTERS, NOTES
from drafting.record.vault import Why
from drafting.record.workbench import drafted, media, moves
from drafting.record.workbench.moves import Reason
from drafting.types import Route
from drafting.types.record import NoteState, Stage
from drafting.types.review import FlagState, Review, RiskAnswer
from tests.desks import DAY
from tests.dictated import HOW_LONG

HOW = Circumstances("passphrase", "UTC")
RECORDING = bytes(range(256)) * 1200
"""A recording of two chunks."""

Facts = Mapping[str, object]
PATIENT = 5
"""Calls that are refused one after the other before a process gives up."""

_LOCKED = (NoteState.LOCKED, NoteState.ADDENDED, NoteState.AMENDED)
_FEW = 6  # encounters that are worked on beside one another
_MOST_ASIDE = 2


@dataclass(slots=True)
class Life:
    """A process at work. `disk`: whether a disk has begun to fail, as far as this process is told; it is in every line that says "begin"."""

    practice: Practice
    place: Place
    work: Work
    chance: random.Random
    pipe: int
    disk: Callable[[], bool] = lambda: False

    def tell(self, **line: object) -> None:
        os.write(self.pipe, json.dumps(line).encode() + b"\n")

    def step(self) -> bool:
        """Do one thing; False where it was refused."""
        what, name = "look", ""
        try:
            what, row = self._next()
            name = row.id if row else new_id("E")
            self.tell(begin=what, encounter=name, after=self.disk())
            facts = _ACTS[what](self, name, row)
        except AsideError as error:
            self.tell(failed=what, encounter=name, error=error.code, says=str(error))
            return False
        self.tell(done=what, encounter=name, **facts)
        return True

    def author(self, row: sa.Row) -> Unlocked:
        return self.place.people[row.author]

    def _next(self) -> tuple[str, sa.Row | None]:
        with self.practice.look() as connection:
            rows = connection.execute(sa.select(ENCOUNTERS).order_by(ENCOUNTERS.c.created, ENCOUNTERS.c.id)).all()
        alive = set(self.practice.keyring.held_by("recovery", "encounter/"))
        live = [row for row in rows if workbench.holder(row.id) in alive]
        over = [row for row in rows if row not in live and row.state in _LOCKED]
        draw = self.chance.random()
        if over and draw < 0.1:
            return self.chance.choice(("addend", "read", "read", "withdraw")), self.chance.choice(over)
        if not live or (draw < 0.35 and len(live) < _FEW):
            return "receive", None
        row = self.chance.choice(live)
        return self._for(row), row

    def _for(self, row: sa.Row) -> str:
        """What may come next for an encounter whose workbench is there."""
        if row.state in workbench.EDITABLE:
            return self._unsigned(row)
        if row.state == NoteState.COSIGN_DUE:
            return self._drawn(cosign=0.75, give_back=0.15, reopen=0.1)
        if row.state in (NoteState.SIGNED, NoteState.COSIGNED):
            return self._drawn(lock=0.85, reopen=0.15)
        return "lock"  # a lock that was cut: its workbench is still to be shredded

    def _unsigned(self, row: sa.Row) -> str:
        if row.version == 0:
            there = media.received(self.practice, row.id, "session").chunks
            return "record" if not there and self.chance.random() < 0.4 else "stand"
        if row.stage != Stage.DRAFTED:
            return "drafted"
        review = self.review(row)
        if self.chance.random() < 0.15 and self._movable(review, row):
            return "aside"
        if self.chance.random() < 0.1 and self._late(row):
            return "back"
        return (
            "sign" if row.state == NoteState.IN_REVIEW and clearing(self.practice, review, row.author) is None and not self._signed(row) else "edit"
        )

    def _drawn(self, **odds: float) -> str:
        return self.chance.choices(tuple(odds), tuple(odds.values()))[0]

    def review(self, row: sa.Row) -> Review:
        return drafted.load(self.practice, row.id, self.author(row).opener)

    def _late(self, row: sa.Row) -> list[str]:
        """Private notes that were moved there late."""
        there = vault.listed(self.practice, row.author, encounter=row.id)
        return [note.id for note in there if not note.id.startswith(f"{row.id}-")]

    def _movable(self, review: Review, row: sa.Row) -> list[str]:
        """Statements of the record that can still be moved to private."""
        gone = {s for a in moves.admitted(self.practice, row.id, self.author(row).opener) for s in a.statements}
        held = {h.statement for h in review.held}
        open_ = [p.statement.id for p in self.work.routed.placed if p.route is Route.RECORD and not p.risk]
        left = [s for s in open_ if s not in gone | held | set(review.private)]
        return left if len(open_) - len(left) < _MOST_ASIDE else []

    def _signed(self, row: sa.Row) -> bool:
        """Whether this very version was signed before."""
        with self.practice.look() as connection:
            where = (NOTES.c.encounter == row.id) & (NOTES.c.review == row.version)
            return connection.execute(sa.select(NOTES.c.id).where(where)).first() is not None


def clearing(practice: Practice, review: Review, by: str) -> Review | None:
    """The next version of a review, with one thing cleared that would stop its signature; None where nothing would."""
    if not review.header.confirmed:
        how = {"start": HOW_LONG[0], "stop": HOW_LONG[1], "code": "90837", "diagnoses": ("F41.1",), "goals": ("G1",), "modality": "CBT"}
        return reviewing.set_header(review, replace(review.header, date_of_service=DAY, confirmed=True, **how))
    if flag := next((f for f in review.flags if f.state is FlagState.OPEN), None):
        return reviewing.accept(review, flag.id)
    if risk := next((r for r in review.risks if not lifecycle.answered(r)), None):
        return reviewing.answer(review, risk.id, RiskAnswer.DENIED, by=by, at=practice.now())
    if sentence := next((s for s in review.sentences if lifecycle.unsaid(s)), None):
        return reviewing.confirm(review, sentence.id)
    return None


def live(place: Place, work: Work, seed: int, pipe: int, *, most: int | None = None, disk: Callable[[], bool] = lambda: False) -> None:
    """Work until somebody puts an end to it; or with `most`, through so many calls, or until several were refused one after the other."""
    with place.practice() as practice:
        life = Life(practice, place, work, random.Random(seed), pipe, disk)
        life.tell(ready=True)
        refused, calls = 0, 0
        try:
            while most is None or (calls < most and refused < PATIENT):
                refused, calls = (0 if life.step() else refused + 1), calls + 1
        except Exception as error:
            life.tell(failed="the process", encounter="", error=type(error).__name__, says=traceback.format_tb(error.__traceback__)[-1].strip())


# ── what is done ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _receive(life: Life, name: str, _row: None) -> Facts:
    author = life.chance.choice((life.place.trainee, life.place.colleague)).person
    workbench.receive(life.practice, life.chance.choice(life.place.clients), author, DAY, id=name)
    return {}


def _record(life: Life, name: str, _row: sa.Row) -> Facts:
    return {"size": media.put(life.practice, name, "session", [RECORDING]).size}


def _stand(life: Life, name: str, _row: sa.Row) -> Facts:
    return of(drafted.stand(life.practice, workbench.find(life.practice, name), life.work)) | {"private": sorted(private(life.work))}


def _drafted(life: Life, name: str, _row: sa.Row) -> Facts:
    """The job that was cut learns that its draft stands already."""
    workbench.progress(life.practice, name, Stage.DRAFTED)
    return {"private": sorted(private(life.work))}


def _edit(life: Life, _name: str, row: sa.Row) -> Facts:
    review = life.review(row)
    after = clearing(life.practice, review, row.author) or reviewing.write(
        review, review.sections[-1][0], f"Reviewed with care, line {review.version}."
    )
    return of(drafted.save(life.practice, after, by=row.author))


def _aside(life: Life, _name: str, row: sa.Row) -> Facts:
    review = life.review(row)
    statement = life.chance.choice(life._movable(review, row))
    after = drafted.move_private(life.practice, life.author(row), review, [statement], reason=Reason.THIRD_PARTY)
    return of(after) | {"private": [statement]}


def _back(life: Life, name: str, row: sa.Row) -> Facts:
    note = life.chance.choice(life._late(row))
    admitted = moves.to_record(life.practice, life.author(row), name, [note], reason=Reason.UNDONE)
    return {"back": list(next(a.statements for a in admitted if a.note == note))}


def _sign(life: Life, name: str, row: sa.Row) -> Facts:
    held = [h.statement for h in life.review(row).held if h.decision is None]
    document = notes.sign(life.practice, life.author(row), name, row.version, HOW)
    return {"note": document.note.id, "digest": canonical.digest(document.note), "private": held}


def _cosign(life: Life, name: str, _row: sa.Row) -> Facts:
    signature = notes.cosign(life.practice, life.place.supervisor, name, HOW)
    return {"note": signature.note, "cosigned": signature.digest}


def _give_back(life: Life, _name: str, row: sa.Row) -> Facts:
    return of(notes.give_back(life.practice, life.place.supervisor, life.review(row), "Say how long the exercise took."))


def _reopen(life: Life, name: str, row: sa.Row) -> Facts:
    notes.reopen(life.practice, row.author, name)
    return {}


def _lock(life: Life, name: str, _row: sa.Row) -> Facts:
    return {"receipt": retention.lock(life.practice, name).receipt}


def _read(life: Life, name: str, row: sa.Row) -> Facts:
    """The private notes of an encounter, by their author or, as for a release, by the kit; and the signed document."""
    notes.document(life.practice, name)
    there = [note.id for note in vault.listed(life.practice, row.author, encounter=name)]
    if life.chance.random() < 0.5:
        words = vault.read_all(life.practice, there, life.author(row), Why.OWN_TREATMENT)
    else:
        words = vault.read_all(life.practice, there, life.place.kit, Why.RELEASE, by=life.place.supervisor.person)
    return {"read": sorted(words)}


def _addend(life: Life, name: str, row: sa.Row) -> Facts:
    document = notes.add(life.practice, life.author(row), name, "The client rang to say that the letter came.", "late information", HOW)
    return {"note": document.note.id, "digest": canonical.digest(document.note)}


def _withdraw(life: Life, name: str, row: sa.Row) -> Facts:
    document = notes.withdraw(life.practice, life.author(row), name, "another client's visit", HOW)
    return {"note": document.note.id, "digest": canonical.digest(document.note)}


_ACTS: Mapping[str, Callable[[Life, str, sa.Row | None], Facts]] = {
    "receive": _receive,
    "record": _record,
    "stand": _stand,
    "drafted": _drafted,
    "edit": _edit,
    "aside": _aside,
    "back": _back,
    "sign": _sign,
    "cosign": _cosign,
    "give_back": _give_back,
    "reopen": _reopen,
    "lock": _lock,
    "read": _read,
    "addend": _addend,
    "withdraw": _withdraw,
}


def of(review: Review) -> Facts:
    """What is told of a version of a review: its number, and SHA-256 over its bytes."""
    return {"version": review.version, "digest": hashlib.sha256(canonical.review_bytes(review)).hexdigest()}


def private(work: Work) -> set[str]:
    """The statements that routing made private."""
    return {p.statement.id for p in work.routed.placed if p.route is Route.PRIVATE}
