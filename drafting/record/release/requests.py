"""A letter arrived: what is asked, by when it must be answered, what may not be destroyed meanwhile, and what the rules say.

In: what a person read off the paper, as codes, dates and switches. Out: a request as it is kept, holds, tasks, decisions, and drafts of replies.
Knows no word of a note: what leaves, leaves by `disclosing`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from drafting.errors import LetterError
from drafting.record import release
from drafting.record.holds import at_work, place
from drafting.record.people import find_person
from drafting.record.practice import Change, Practice, known, new_id
from drafting.record.release import (
    AmendmentDecision,
    AmendmentRequest,
    Bucket,
    Decision,
    Details,
    Fact,
    Ground,
    Instrument,
    Letter,
    Opinion,
    Outcome,
    Pause,
    Request,
    Requester,
)
from drafting.record.release.authorizations import shown
from drafting.record.store import at, instant
from drafting.record.store.tables.record import CLIENTS, DECISIONS, HOLDS, INTENTS, REQUESTS, TASKS
from drafting.record.workbench import joined_ids

RELEASING = "release"
"""The kind of intent that stands from the accounting of a release to its handing over."""

_OURS = frozenset({Fact.PART2, Fact.SELF_PAY_RESTRICTION})  # known of the client, and not the letter's to say
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DENYING = (Letter.DENIAL_PRIVATE_NOTES, Letter.SUBPOENA_WITHOUT_JUDGE, Letter.AUTHORIZATION_DEFECTIVE, Letter.UK_ACCESS)


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is asked for: dates of service, both days counted, and encounters; without either, all. `notes`: private notes, where single ones are
    meant."""

    since: date | None = None
    until: date | None = None
    encounters: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def has(self, encounter: str, day: date | None) -> bool:
        """Whether an encounter of that day is within. One without a date is within no span of days."""
        named = not self.encounters or encounter in self.encounters
        always = self.since is None and self.until is None
        return named and (always or (day is not None and (self.since or day) <= day <= (self.until or day)))


EVERYTHING = Extent()


@dataclass(frozen=True, slots=True)
class Filed:
    """A request as it is kept. `request` has the client's own jurisdiction and facts, as of the day of looking; `forms` are the ids of the
    authorizations shown with it, `sha256` the digest of the paper, `due` the last day to answer, None where none is set or the clock stands."""

    request: Request
    extent: Extent
    forms: tuple[str, ...]
    sha256: str | None
    due: date | None
    closed: datetime | None

    @property
    def id(self) -> str:
        return self.request.id

    @property
    def client(self) -> str:
        return self.request.client


@dataclass(frozen=True, slots=True)
class Addressed:
    """Who writes to whom: the practice's name, theirs, their reference, and whom in the practice to complain to."""

    sender: str = field(repr=False)
    to: str = field(repr=False)
    reference: str | None = field(default=None, repr=False)
    complaints: str | None = field(default=None, repr=False)


# ── a letter ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def enter(
    practice: Practice,
    client: str,
    requester: Requester,
    instrument: Instrument,
    received: date,
    *,
    asked: Collection[Bucket] = tuple(Bucket),
    facts: Collection[Fact] = (),
    opinion: Opinion | None = None,
    pauses: Sequence[Pause] = (),
    answer_by: date | None = None,
    extent: Extent = EVERYTHING,
    forms: Sequence[str] = (),
    sha256: str | None = None,
    by: str,
) -> Filed:
    """Enter a letter: its deadline is set, a task falls due with it, and where the rules say so a hold stands from now on. Part 2 and self-pay are
    taken from the client, whatever `facts` says. Raises LetterError, NotKnown, PolicyError."""
    stated = _stated(asked, facts, opinion, pauses, answer_by, extent, forms)
    name = new_id("Q")
    with practice.change() as change:
        if received > change.at.date():
            raise LetterError(reason="it is dated after today")
        if sha256 is not None and not _SHA256.fullmatch(sha256):
            raise LetterError(reason="the digest of the paper is 64 hex digits")
        clinician = _client(change.connection, client).clinician
        row = {"id": name, "client": client, "received": received, "instrument_sha256": sha256, "facts": stated}
        asks = {"requester": Requester(requester).value, "instrument": Instrument(instrument).value}
        change.connection.execute(insert(REQUESTS).values(**row, **asks))
        task = {"id": _task(name), "client": client, "person": clinician, "kind": "answer_request", "due": instant(change.at)}
        change.connection.execute(insert(TASKS).values(task))
        change.tell(by, "request:received", subject=name, client=client, facts=_digest(stated), **asks)
        return _settled(practice, change, name, by)


def restate(
    practice: Practice,
    request: str,
    by: str,
    *,
    facts: Collection[Fact] | None = None,
    opinion: Opinion | None = None,
    pauses: Sequence[Pause] | None = None,
    answer_by: date | None = None,
    forms: Sequence[str] | None = None,
) -> Filed:
    """What was found out since: what is given takes the place of what stood, and the deadline is set anew (an extension, a clock that was stopped).
    Raises as `enter`, and LetterError for a request that is closed."""
    with practice.change() as change:
        now = filed(change.connection, request, change.at.date(), open_=True)
        was = now.request
        new = (was.asked, was.facts if facts is None else facts, opinion or was.opinion, was.pauses if pauses is None else pauses)
        rest = (answer_by or was.answer_by, now.extent, now.forms if forms is None else forms)
        stated = _stated(*new, *rest)
        change.connection.execute(update(REQUESTS).where(REQUESTS.c.id == request).values(facts=stated))
        change.tell(by, "request:restated", subject=request, client=was.client, facts=_digest(stated))
        return _settled(practice, change, request, by)


def find(practice: Practice, request: str) -> Filed:
    """Raises NotKnown."""
    with practice.look() as connection:
        return filed(connection, request, practice.now().date())


def open_requests(practice: Practice, client: str | None = None) -> tuple[Filed, ...]:
    """What is not closed, by its last day; without one, last."""
    query = select(REQUESTS.c.id).where(REQUESTS.c.closed.is_(None))
    query = query if client is None else query.where(REQUESTS.c.client == client)
    with practice.look() as connection:
        names = connection.scalars(query.order_by(REQUESTS.c.received, REQUESTS.c.id)).all()
        found = [filed(connection, name, practice.now().date()) for name in names]
    return tuple(sorted(found, key=lambda f: f.due or date.max))


def close(practice: Practice, request: str, by: str) -> tuple[str, ...]:
    """It is answered. Its holds stand on: their ids are returned, for a person to lift. Raises LetterError where it is closed, or a release of it was
    cut and nobody has said yet whether the words left."""
    with practice.change() as change:
        now = filed(change.connection, request, change.at.date(), open_=True)
        cut = select(INTENTS.c.id).where(INTENTS.c.kind == RELEASING, INTENTS.c.encounter == request)
        if change.connection.scalar(cut.limit(1)) is not None:
            raise LetterError(reason="a release of it was cut: say first whether the words left")
        change.connection.execute(update(REQUESTS).where(REQUESTS.c.id == request).values(closed=instant(change.at)))
        change.connection.execute(update(TASKS).where(TASKS.c.id.in_((_task(request), _escalation(request)))).values(done=instant(change.at)))
        change.tell(by, "request:closed", subject=request, client=now.client)
        standing = select(HOLDS.c.id).where(HOLDS.c.request == request, HOLDS.c.lifted.is_(None))
        return tuple(change.connection.scalars(standing.order_by(HOLDS.c.id)))


def filed(connection: Connection, request: str, as_of: date, *, open_: bool = False) -> Filed:
    """A request as it is kept, to be decided on `as_of`. Raises NotKnown, and LetterError where it should be open and is not."""
    row = known(connection.execute(select(REQUESTS).where(REQUESTS.c.id == request)).first(), "request", request)
    if open_ and row.closed is not None:
        raise LetterError(reason=f"request {request} is closed")
    stated = json.loads(row.facts)
    extent = Extent(_day(stated["since"]), _day(stated["until"]), tuple(stated["encounters"]), tuple(stated["notes"]))
    whole = _request(row, _client(connection, row.client), stated, as_of)
    return Filed(whole, extent, tuple(stated["forms"]), row.instrument_sha256, row.due, at(row.closed))


def _settled(practice: Practice, change: Change, request: str, by: str) -> Filed:
    """What follows from what is stated: the last day, the task's, and a hold where the rules want one and none stands."""
    now = filed(change.connection, request, change.at.date())
    due = _due(now.request, shown(practice, change.connection, now.forms))
    when = instant(datetime.combine(due, time.min, UTC)) if due else instant(change.at)
    change.connection.execute(update(REQUESTS).where(REQUESTS.c.id == request).values(due=due))
    change.connection.execute(update(TASKS).where(TASKS.c.id == _task(request)).values(due=when))
    placed = select(HOLDS.c.id).where(HOLDS.c.request == request)
    if release.holds(now.request) and change.connection.scalar(placed.limit(1)) is None:
        place(change, now.client, now.request.instrument.value, request, by)
    return replace(now, due=due)


def _due(request: Request, forms: Sequence[release.Authorization]) -> date | None:
    if request.instrument is not Instrument.AMENDMENT_REQUEST:
        return release.decide(request, forms).due
    return release.amendment_decision(_change_asked(request, Bucket.RECORD)).due or request.answer_by


# ── what the rules say ────────────────────────────────────────────────────────────────────────────────────────────────


def decide(practice: Practice, request: str, by: str) -> Decision:
    """What the rules say today of what is stated: written down, a row a bucket. Raises LetterError for a request that is closed or asks for a change
    (`decide_change`), PolicyError."""
    with practice.change() as change:
        return decided(practice, change, filed(change.connection, request, change.at.date(), open_=True), by)[0]


def decided(practice: Practice, change: Change, now: Filed, by: str) -> tuple[Decision, Mapping[Bucket, str]]:
    """`decide`, inside a transaction that does more; and the ids of the rows."""
    if now.request.instrument is Instrument.AMENDMENT_REQUEST:
        raise LetterError(reason="it asks for a change, which is decided as one")
    decision = release.decide(now.request, shown(practice, change.connection, now.forms))
    rows = {}
    for ruling in decision.rulings:
        said = (ruling.outcome, ruling.rule, _pack(decision), ruling.reasons)
        rows[ruling.bucket] = _write(change, now, ruling.bucket, *said, by)
    return decision, rows


def decide_change(
    practice: Practice, request: str, bucket: Bucket, by: str, *, grounds: Collection[Ground] = (), reviewed: bool
) -> AmendmentDecision:
    """Whether a change that the client asks for must be made (45 CFR 164.526; UK GDPR Art 16), written down. `grounds` of refusal are those that a
    person found. Raises LetterError for a request that asks for none."""
    with practice.change() as change:
        now = filed(change.connection, request, change.at.date(), open_=True)
        if now.request.instrument is not Instrument.AMENDMENT_REQUEST:
            raise LetterError(reason="it asks for no change")
        decision = release.amendment_decision(replace(_change_asked(now.request, bucket), grounds=frozenset(grounds), reviewed=reviewed))
        _write(change, now, bucket, decision.outcome, "amendment", _pack(decision), decision.reasons, by)
    return decision


def _write(change: Change, now: Filed, bucket: Bucket, outcome: Outcome, rule: str, pack: str, reasons: Sequence[str], by: str) -> str:
    name = new_id("D")
    row = {"id": name, "request": now.id, "bucket": bucket.value, "outcome": outcome.value, "rule": rule, "pack": pack, "by": by}
    change.connection.execute(insert(DECISIONS).values(**row, reasons=json.dumps(reasons), at=instant(change.at)))
    said = {"rule": rule, "reason": reasons[0], "outcome": outcome.value}
    change.tell(by, "request:decided", subject=name, client=now.client, request=now.id, bucket=bucket, pack=pack, **said)
    return name


def escalate(practice: Practice, request: str, to: str, by: str) -> None:
    """Hand a request to counsel's contact or the privacy officer, a person here: a task falls due at once. Raises NotKnown, LetterError."""
    at_work(practice, to)
    with practice.change() as change:
        now = filed(change.connection, request, change.at.date(), open_=True)
        task = {"client": now.client, "person": to, "kind": "escalated_request", "due": instant(change.at), "done": None}
        mine = TASKS.c.id == _escalation(request)
        if not change.connection.execute(update(TASKS).where(mine).values(task)).rowcount:
            change.connection.execute(insert(TASKS).values(id=_escalation(request), **task))
        change.tell(by, "request:escalated", subject=request, client=now.client, to=to)


def deny(practice: Practice, request: str, addressed: Addressed, by: str, *, pages: int | None = None) -> tuple[str, ...]:
    """Say no to what the rules do not allow today, and why: the letters that belong to it, as drafts for a person to change and sign; a rule may have
    none. `pages`: of what is enclosed all the same. Raises LetterError where the rules deny nothing, NotDrafted where a letter lacks something."""
    with practice.change() as change:
        now = filed(change.connection, request, change.at.date(), open_=True)
        decision, _ = decided(practice, change, now, by)
        denied = [r for r in decision.rulings if r.outcome is not Outcome.ALLOW]
        if not denied:
            raise LetterError(reason="the rules deny nothing of it")
        letters = tuple(dict.fromkeys(letter for r in denied for letter in r.letters if letter in _DENYING))
        codes = tuple(code for r in denied for code in r.reasons)
        texts = tuple(_drafted(practice, change, now, letter, addressed, codes, pages) for letter in letters)
        for ruling in denied:
            said = {"rule": ruling.rule, "reason": ruling.reasons[0], "outcome": ruling.outcome.value}
            change.tell(by, "request:denied", subject=request, client=now.client, bucket=ruling.bucket, letters=len(texts), **said)
    return texts


def draft(
    practice: Practice, request: str, letter: Letter, addressed: Addressed, by: str, *, pages: int | None = None, codes: Sequence[str] = ()
) -> str:
    """The draft of any other reply, such as an acknowledgement. Nothing is kept of it but that it was drafted. Raises NotDrafted, NotKnown."""
    with practice.change() as change:
        now = filed(change.connection, request, change.at.date())
        text = _drafted(practice, change, now, letter, addressed, codes, pages)
        change.tell(by, "request:reply_drafted", subject=request, client=now.client, letter=letter)
    return text


def _drafted(practice: Practice, change: Change, now: Filed, letter: Letter, addressed: Addressed, codes: Sequence[str], pages: int | None) -> str:
    clinician = find_person(practice, _client(change.connection, now.client).clinician).name
    days = {"written": change.at.date(), "received": now.request.received, "due": now.due}
    names = {name: getattr(addressed, name) for name in ("sender", "to", "reference", "complaints")}
    return release.draft_letter(letter, Details(clinician=clinician, codes=tuple(codes), pages=pages, **days, **names), now.request.jurisdiction)


# ── pieces ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _task(request: str) -> str:
    """The id of the task to answer a request."""
    return f"T{request}"


def _escalation(request: str) -> str:
    return f"U{request}"


def _pack(decision: Decision | AmendmentDecision) -> str:
    return f"{decision.pack or 'none'}/{decision.version}"


def _client(connection: Connection, client: str) -> Row:
    """A client's row, also of one whose record was destroyed: letters come all the same."""
    return known(connection.execute(select(CLIENTS).where(CLIENTS.c.id == client)).first(), "client", client)


def _change_asked(request: Request, bucket: Bucket) -> AmendmentRequest:
    head = (request.id, request.client, request.jurisdiction, bucket, request.received, request.as_of)
    return AmendmentRequest(*head, facts=request.facts, pauses=request.pauses)


def _stated(
    asked: Collection[Bucket],
    facts: Collection[Fact],
    opinion: Opinion | None,
    pauses: Sequence[Pause],
    answer_by: date | None,
    extent: Extent,
    forms: Sequence[str],
) -> str:
    """What is stated, as JSON of codes, ids, dates and switches. Raises LetterError."""
    if not asked or any(p.until is not None and p.until < p.since for p in pauses):
        raise LetterError(reason="it asks for nothing, or its clock goes on before it stopped")
    try:
        joined_ids([*extent.encounters, *extent.notes, *forms, *(opinion.items if opinion else ())])
    except ValueError:
        raise LetterError(reason="a visit, a note or a form is named by something that is no id") from None
    value = {
        **asdict(extent),
        "asked": sorted(map(Bucket, asked)),
        "facts": sorted(map(Fact, set(facts) - _OURS)),
        "opinion": asdict(opinion) | {"about": sorted(opinion.about)} if opinion else None,
        "pauses": [(p.since, p.until) for p in pauses],
        "answer_by": answer_by,
        "forms": list(forms),
    }
    return json.dumps(value, sort_keys=True, default=date.isoformat)


def _request(row: Row, client: Row, stated: Mapping[str, Any], as_of: date) -> Request:
    ours = {Fact.PART2: client.part2, Fact.SELF_PAY_RESTRICTION: client.self_pay}
    said = stated["opinion"]
    opinion = said and Opinion(**{**said, "on": _day(said["on"]), "about": frozenset(map(Bucket, said["about"])), "items": tuple(said["items"])})
    return Request(
        id=row.id,
        client=row.client,
        jurisdiction=client.jurisdiction,
        requester=Requester(row.requester),
        instrument=Instrument(row.instrument),
        received=row.received,
        as_of=as_of,
        asked=frozenset(map(Bucket, stated["asked"])),
        facts=frozenset(map(Fact, stated["facts"])) | {fact for fact, there in ours.items() if there},
        opinion=opinion,
        pauses=tuple(Pause(_day(since), _day(until)) for since, until in stated["pauses"]),
        answer_by=_day(stated["answer_by"]),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _digest(stated: str) -> str:
    return hashlib.sha256(stated.encode()).hexdigest()
