"""What leaves: decided again on the day, let go by named people, accounted for, and only then opened.

In: a request, who approves, who receives it; for private notes the author's keys or the joined kit. Out: a `Package`: the record's documents, with
how they are rendered, and apart from them the private notes; later the accounting of disclosures. Knows no page: rendering is `export`'s.

What leaves is written down, with its audit event, before any of it is opened; that it was handed over, after whoever releases it has put it where it
goes (`deliver`). A release that was cut between the two can be told (`unsettled`), and a person says whether the words left (`settle`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import Row, delete, insert, select, update

from drafting.errors import NotPermitted, ReleaseRefused
from drafting.record import notes, vault
from drafting.record.holds import at_work
from drafting.record.keys import RECOVERY, Opener
from drafting.record.keys.passphrases import Unlocked
from drafting.record.people import secret_of
from drafting.record.practice import Change, Practice, known, new_id
from drafting.record.release import Approver, Bucket, Decision, Profile, Ruling, requests
from drafting.record.release.deadlines import add_months
from drafting.record.release.leaving import Going, Item, leaving
from drafting.record.store import at, instant
from drafting.record.store.tables.record import DISCLOSURES, INTENTS
from drafting.record.vault import Why
from drafting.types.record import Document

RENDERED: Mapping[Profile, str | None] = {
    Profile.CHART: "chart",
    Profile.COURT: "chart",
    Profile.CLIENT: "client_copy",
    Profile.PAYER: "payer",
    Profile.SUPERVISION: "supervision",
    Profile.REPORT: None,
}
"""The export profile by which what a rule lets go is rendered. None: nothing is, a person writes a report from it."""

ACCOUNTED_MONTHS = 6 * 12
"""How far back an accounting reaches (45 CFR 164.528(a)(1))."""

_VOID = "release_void"


class Purpose(StrEnum):
    """What a disclosure is for, in brief. `at_request`: of the client."""

    AT_REQUEST = "at_request"
    TREATMENT = "treatment"
    PAYMENT = "payment"
    SUPERVISION = "supervision"
    DEFENCE = "defence"
    PROCEEDINGS = "proceedings"
    OVERSIGHT = "oversight"
    INVESTIGATION = "investigation"
    REQUIRED_REPORT = "required_report"
    SAFETY = "safety"


@dataclass(frozen=True, slots=True)
class RecordPart:
    """Signed documents that may leave, by date of service. `profile`: the export's, by which they are rendered; None where a person writes a report.
    `stays`: ids asked for that do not leave, with a code why."""

    disclosure: str
    ruling: Ruling
    profile: str | None
    documents: tuple[Document, ...]
    stays: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Words:
    """A private note, opened."""

    note: str
    encounter: str
    author: str
    day: date | None
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PrivatePart:
    """Private notes that may leave, never in one document with the record."""

    disclosure: str
    ruling: Ruling
    words: tuple[Words, ...]
    stays: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Package:
    """What was let go, in two parts that stay two. `left`: of a bucket asked for that does not leave, why."""

    decision: Decision
    record: RecordPart | None
    private: PrivatePart | None
    left: Mapping[Bucket, str]

    @property
    def steps(self) -> tuple[str, ...]:
        """What a person must do before it goes, such as redact third parties (UK, DPA 2018 Sch 2 para 16): codes for `release.say`."""
        return tuple(dict.fromkeys(code for part in (self.record, self.private) if part for code in part.ruling.steps))

    @property
    def notices(self) -> tuple[str, ...]:
        """What to know, and what travels with it, such as the notice of 42 CFR 2.32."""
        return tuple(dict.fromkeys(code for part in (self.record, self.private) if part for code in part.ruling.notices))


@dataclass(frozen=True, slots=True)
class Disclosed:
    """A line of the accounting (45 CFR 164.528(b)(2)): when, to whom, what, what for. `items`: how many notes; `since`, `until`: the first and last
    days of their services; `said`: what whoever released it added. `certain`: that it was handed over is on file."""

    id: str
    on: date
    recipient: str = field(repr=False)
    purpose: Purpose
    bucket: Bucket
    items: int
    since: date | None
    until: date | None
    said: str = field(repr=False)
    certain: bool


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A release of which nobody knows whether the words left."""

    disclosure: str
    request: str
    since: datetime


# ── releasing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def release(
    practice: Practice,
    request: str,
    approvers: Sequence[Approver],
    *,
    recipient: str,
    purpose: Purpose,
    unlocked: Unlocked | None = None,
    kit: Opener | None = None,
    buckets: Collection[Bucket] = tuple(Bucket),
    said: str = "",
    deliver: Callable[[Package], None] = lambda _: None,
    by: str,
) -> Package:
    """Let go what the rules allow today and these people approve. `recipient`: who and where; `buckets`: what of it goes now; `said`: a brief
    description beside what is counted. Private notes are opened by `unlocked`, who wrote them, or by the `kit`; without either they stay. `deliver`
    is handed the package and puts it where it goes; until it is done, nobody knows whether the words left.

    Raises ReleaseRefused where nothing may leave, NotPermitted where somebody is not who they say (both are told), LetterError, PolicyError, and what
    `deliver` raises: then the release is unsettled.
    """
    at_work(practice, by)
    purpose, opener = Purpose(purpose), _opener(unlocked, kit, by)
    with practice.change() as change:
        now = requests.filed(change.connection, request, change.at.date(), open_=True)
        decision, rows = requests.decided(practice, change, now, by)
        try:
            if not recipient.strip():
                raise ReleaseRefused(reason="who receives it is not named")
            going, left = leaving(practice, change.connection, now, decision, approvers, opener, buckets)
        except (ReleaseRefused, NotPermitted) as error:
            refusal = error
            change.tell(by, "release:refused", subject=request, client=now.client, reason=error.code, outcome="denied")
        else:
            refusal = None
            accounts = {}
            for part in going:
                words = (recipient.strip(), purpose, said.strip())
                accounts[part.ruling.bucket] = _account(practice, change, now, part, rows[part.ruling.bucket], words, by)
    if refusal is not None:
        raise refusal
    package = _opened(practice, Package(decision, None, None, left), going, accounts, opener, by)
    deliver(package)
    _settled(practice, now, accounts, by)
    return package


def _opener(unlocked: Unlocked | None, kit: Opener | None, by: str) -> Opener | None:
    if kit is not None and kit.holder != RECOVERY:
        raise NotPermitted(who=by, reason="the kit is both halves, joined")
    return kit or (unlocked.opener if unlocked else None)


def _account(practice: Practice, change: Change, now: requests.Filed, part: Going, decision: str, words: tuple[str, Purpose, str], by: str) -> str:
    """Write down what leaves and to whom, and that it is not handed over yet."""
    name, ruling = new_id("L"), part.ruling
    recipient, purpose, said = words
    days = sorted(item.day for item in part.items if item.day)
    span = {"since": days[0].isoformat(), "until": days[-1].isoformat()} if days else {"since": None, "until": None}
    description = json.dumps({"bucket": ruling.bucket, "items": len(part.items), **span, "said": said})
    row = {
        "id": name,
        "client": now.client,
        "request": now.id,
        "decision": decision,
        "on": change.at.date(),
        "recipient_sealed": practice.seal(secret_of(now.client), recipient.encode("utf-8", "surrogatepass"), "disclosures", name, "recipient"),
        "description_sealed": practice.seal(secret_of(now.client), description, "disclosures", name, "description"),
        "purpose": purpose.value,
        "items": json.dumps([{"id": item.id, "sha256": item.sha256} for item in part.items]),
        "accounted": int(ruling.accounting),
    }
    change.connection.execute(insert(DISCLOSURES).values(row))
    intent = {"id": f"release:{name}", "kind": requests.RELEASING, "encounter": now.id, "subject": name, "at": instant(change.at)}
    change.connection.execute(insert(INTENTS).values(intent))
    for approver in part.permit.approvers:
        change.tell(by, "release:approved", subject=name, client=now.client, person=approver.person, role=approver.role)
    facts = {"bucket": ruling.bucket, "items": len(part.items), "purpose": purpose, "accounted": ruling.accounting}
    change.tell(by, "release:accounted", subject=name, client=now.client, rule=ruling.rule, request=now.id, decision=decision, **facts)
    return name


def _opened(practice: Practice, package: Package, going: Sequence[Going], accounts: Mapping[Bucket, str], opener: Opener | None, by: str) -> Package:
    """Open what is accounted for."""
    for part in going:
        ruling, account = part.ruling, accounts[part.ruling.bucket]
        if ruling.bucket is Bucket.RECORD:
            opened = RecordPart(account, ruling, RENDERED[ruling.profile], _documents(practice, part.items), part.stays)
            package = replace(package, record=opened)
        else:
            texts = vault.read_all(practice, [item.id for item in part.items], opener, Why.RELEASE, by=by)
            words = tuple(Words(i.id, i.encounter, i.author, i.day, texts[i.id]) for i in part.items)
            package = replace(package, private=PrivatePart(account, ruling, words, part.stays))
    return package


def _settled(practice: Practice, now: requests.Filed, accounts: Mapping[Bucket, str], by: str) -> None:
    """Write down that what is accounted for is handed over."""
    with practice.change() as change:
        for account in accounts.values():
            change.connection.execute(delete(INTENTS).where(INTENTS.c.id == f"release:{account}"))
            change.tell(by, "release:handed_over", subject=account, client=now.client, request=now.id)


def _documents(practice: Practice, items: Sequence[Item]) -> tuple[Document, ...]:
    """The documents of `items`, without what was signed after they were accounted for."""
    accounted = {item.id for item in items}
    found = [notes.document(practice, encounter) for encounter in dict.fromkeys(item.encounter for item in items)]
    return tuple(replace(d, after=tuple(after for after in d.after if after.note.id in accounted)) for d in found)


# ── accounting ────────────────────────────────────────────────────────────────────────────────────────────────────────


def accounting(practice: Practice, client: str, since: date | None = None) -> tuple[Disclosed, ...]:
    """What must be accounted for to a client, of the last six years at most (45 CFR 164.528). Not disclosures to the client, for treatment, payment
    and operations, or by authorization; nor one of which a person found that nothing left. Raises Shredded."""
    first = max(since or date.min, add_months(practice.now().date(), -ACCOUNTED_MONTHS))
    query = select(DISCLOSURES, INTENTS.c.kind).outerjoin(INTENTS, (INTENTS.c.id == "release:" + DISCLOSURES.c.id))
    query = query.where(DISCLOSURES.c.client == client, DISCLOSURES.c.accounted == 1, DISCLOSURES.c.on >= first)
    with practice.look() as connection:
        rows = connection.execute(query.order_by(DISCLOSURES.c.on, DISCLOSURES.c.id)).all()
    return tuple(_disclosed(practice, row) for row in rows if row.kind != _VOID)


def _disclosed(practice: Practice, row: Row) -> Disclosed:
    secret = secret_of(row.client)
    recipient = practice.open(secret, row.recipient_sealed, "disclosures", row.id, "recipient").decode("utf-8", "surrogatepass")
    told = json.loads(practice.open(secret, row.description_sealed, "disclosures", row.id, "description"))
    since, until = (date.fromisoformat(told[name]) if told[name] else None for name in ("since", "until"))
    head = (row.id, row.on, recipient, Purpose(row.purpose), Bucket(told["bucket"]), told["items"])
    return Disclosed(*head, since, until, told["said"], certain=row.kind is None)


def unsettled(practice: Practice) -> tuple[Unsettled, ...]:
    """Releases that were cut between being accounted for and being handed over, the oldest first."""
    query = select(INTENTS).where(INTENTS.c.kind == requests.RELEASING)
    with practice.look() as connection:
        rows = connection.execute(query.order_by(INTENTS.c.at, INTENTS.c.id)).all()
    return tuple(Unsettled(row.subject, row.encounter, at(row.at)) for row in rows)


def settle(practice: Practice, disclosure: str, *, left: bool, by: str) -> None:
    """A person has found out whether the words of a cut release left: if so its account stands, if not it is void. Raises NotKnown, NotPermitted."""
    at_work(practice, by)
    mine = (INTENTS.c.id == f"release:{disclosure}") & (INTENTS.c.kind == requests.RELEASING)
    with practice.change() as change:
        row = known(change.connection.execute(select(INTENTS).where(mine)).first(), "unsettled release", disclosure)
        change.connection.execute(delete(INTENTS).where(mine) if left else update(INTENTS).where(mine).values(kind=_VOID))
        now = requests.filed(change.connection, row.encounter, change.at.date())
        change.tell(by, "release:settled", subject=disclosure, client=now.client, request=now.id, left=left)
