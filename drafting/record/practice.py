"""A practice: its stores, its keyring, its clock, and what it has settled.

In: stores and a keyring. Out: `Practice`, which every other room of the record is handed. Knows no note. Whoever changes the record does it inside
`Practice.change`, whose block ends with the audit event that tells of it: a change without one cannot be committed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import string
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime

from nacl.signing import SigningKey
from sqlalchemy import Connection, insert, select, update

from drafting.errors import KitError, NotKnown, PolicyError
from drafting.record import audit
from drafting.record.keys import PRACTICE, RECOVERY, Keyring, Place, kit, opened, seal
from drafting.record.store import Stores, instant, reading, writing
from drafting.record.store.tables.record import PRACTICE as TABLE
from drafting.types.record import AuditEvent

NAMES, INDEX, SIGNING = "practice/names", "practice/index", "practice/signing"
_LETTERS = string.digits + "abcdefghjkmnpqrstvwxyz"  # without those that are mistaken for one another


@dataclass(frozen=True, slots=True)
class Policy:
    """What a practice settles, in days unless said. `chart`: "here", or "elsewhere" where another system keeps the chart and ours ends at handing
    over. `lock_after`: from the last signature to the lock, when the workbench is shredded. `keep_years`: after the last service, `minor_years` after
    majority; the later holds."""

    chart: str = "here"
    sign_due_hours: int = 72
    cosign_due: int = 7
    lock_after: int = 1
    unsigned_purge: int = 30
    worker_hours: int = 24
    keep_years: int = 7
    minor_years: int = 3
    private_review: int = 365
    payer: str = "insurer"

    @classmethod
    def of(cls, data: Mapping[str, object]) -> Policy:
        """Raises PolicyError for a name that is none, or a value of another kind."""
        known = {f.name: type(f.default) for f in fields(cls)}
        for name, value in data.items():
            most = 100 if name.endswith("_years") else 36_500  # a hundred years, in days or in years
            if name not in known or type(value) is not known[name] or (isinstance(value, int) and not 0 <= value <= most):
                raise PolicyError(file="policy", reason=f"{name} is not a setting, or not of that kind")
            if isinstance(value, str) and not re.fullmatch(r"[a-z0-9_-]{1,32}", value):
                raise PolicyError(file="policy", reason=f"{name} is a code: small letters")
        if data.get("chart", "here") not in ("here", "elsewhere"):
            raise PolicyError(file="policy", reason="chart is here or elsewhere")
        return cls(**data)


@dataclass(slots=True)
class Change:
    """A transaction on the record, and the events that it must end with."""

    connection: Connection
    at: datetime
    _events: list[AuditEvent] = field(default_factory=list)

    def tell(self, actor: str, action: str, *, subject: str | None = None, client: str | None = None, **more: object) -> None:
        """An event for the audit trail: `outcome`, `rule`, `reason`, and further facts, all codes."""
        named = {k: more.pop(k) for k in ("outcome", "rule", "reason") if k in more}
        self._events.append(AuditEvent(self.at, actor, action, subject=subject, client=client, facts=more, **named))


class Practice:
    """What every room of the record works on."""

    def __init__(self, stores: Stores, keyring: Keyring, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.stores = stores
        self.keyring = Keyring(keyring.engine, keyring.master, now)  # one clock for both
        self.now = now

    @contextmanager
    def change(self) -> Iterator[Change]:
        """A transaction on the record that commits with its audit events, or not at all. There is one at a time: what it reads stays true until it
        ends. So it is never opened inside another. Raises NotKnown before the practice is made."""
        with writing(self.stores.record) as connection:
            end = audit.hold(connection)
            change = Change(connection, self.now())
            yield change
            if not change._events:
                raise AssertionError("a change of the record tells the audit trail of it")
            audit.append_all(connection, end, change._events)

    @contextmanager
    def look(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with reading(self.stores.record) as connection:
            yield connection

    # ── sealing under the practice's own secrets ──────────────────────────────────────────────────────────────────────

    def seal(self, secret: str, words: str | bytes, table: str, row: str, column: str, version: int = 1) -> bytes:
        """`words` under the practice-held secret of that name, for one place."""
        plain = words.encode() if isinstance(words, str) else words
        return seal(self.keyring.open(secret), plain, Place(table, row, column, version))

    def open(self, secret: str, sealed: bytes, table: str, row: str, column: str, version: int = 1) -> bytes:
        """What `seal` sealed. Raises KeyWrong, Shredded."""
        return opened(self.keyring.open(secret), sealed, Place(table, row, column, version))

    def token(self, word: str) -> bytes:
        """A keyed digest of `word`, the same for every spelling of its case, accents, width and spaces: an index that does not say what it indexes,
        though it does say which rows share a word."""
        return hmac.new(self.keyring.open(INDEX), _folded(word).encode("utf-8", "surrogatepass"), hashlib.sha256).digest()

    # ── what it has settled ───────────────────────────────────────────────────────────────────────────────────────────

    def policy(self) -> Policy:
        with self.look() as connection:
            return Policy.of(json.loads(_row(connection).policy))

    def settle(self, actor: str, /, **values: object) -> Policy:
        """Change what the practice has settled. Raises PolicyError."""
        with self.change() as change:
            policy = Policy.of(json.loads(_row(change.connection).policy) | values)
            change.connection.execute(update(TABLE).values(policy=json.dumps(asdict(policy), sort_keys=True)))
            change.tell(actor, "policy:changed", **values)
        return policy

    # ── the audit trail ───────────────────────────────────────────────────────────────────────────────────────────────

    def audit_head(self) -> audit.Head:
        """The trail's end, signed by the practice: to be kept elsewhere."""
        signing = SigningKey(self.keyring.open(SIGNING))
        with self.look() as connection:
            return audit.head(connection, lambda message: signing.sign(message).signature)

    def audit_verify(self, kept: audit.Head | None = None) -> int:
        """How many events the trail has. Raises AuditBroken, which says where."""
        key = bytes(SigningKey(self.keyring.open(SIGNING)).verify_key) if kept else None
        with self.look() as connection:
            return audit.verify(connection, kept, key)


def make(practice: Practice, jurisdiction: str, *, actor: str = "setup") -> tuple[str, str]:
    """Begin a practice in empty stores: its secrets, its audit trail, and its recovery kit, whose two halves are returned to be printed. It is not
    open until the kit is proven (`ready`). Cut anywhere, it is begun again with the same key file: what the first try left in the keyring is used,
    and its halves are worth nothing. Were the halves of a practice that stands never printed, `kit.make` gives others. Raises KitError where there is
    a practice, KeyMissing or KeyWrong where a first try was made with another key file: use that one, or empty stores."""
    with practice.look() as connection:
        if connection.execute(select(TABLE.c.id)).first() is not None:
            raise KitError(reason="there is a practice here already")
    halves = kit.make(practice.keyring, now=practice.now())
    for name in (NAMES, INDEX, SIGNING):
        if not practice.keyring.holders_of(name):
            practice.keyring.make(name, [PRACTICE, RECOVERY])
    with writing(practice.stores.record) as connection:
        audit.begin(connection)
        row = {"id": 1, "public_id": new_id("P"), "jurisdiction": jurisdiction, "created": instant(practice.now())}
        connection.execute(insert(TABLE).values(policy=json.dumps(asdict(Policy()), sort_keys=True), **row))
        audit.append(connection, AuditEvent(practice.now(), actor, "practice:made"))
    return halves


def ready(practice: Practice) -> None:
    """Raise KitError unless the recovery kit has been restored from once: no words are taken before."""
    if not kit.proven(practice.keyring):
        raise KitError(reason="it has not been proven yet; run `aside keys prove` with both printed halves")


def new_id(kind: str) -> str:
    """A new opaque id, such as E7k2m9x0qv4t: a letter for its kind, and 55 random bits."""
    return kind + "".join(secrets.choice(_LETTERS) for _ in range(12))


def known(row: object | None, what: str, name: str) -> object:
    """`row`, or NotKnown."""
    if row is None:
        raise NotKnown(what=what, id=name)
    return row


def _folded(word: str) -> str:
    """One spelling for all that differ in case, accents (of Latin, Greek and Cyrillic letters), width and spaces alone."""
    apart = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", word).casefold())
    return " ".join("".join(c for c in apart if not "\u0300" <= c <= "\u036f").split())


def _row(connection: Connection) -> object:
    return known(connection.execute(select(TABLE)).first(), "practice", "yet")
