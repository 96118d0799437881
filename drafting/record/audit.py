"""The audit trail: what happened, in codes and ids, each event bound to the one before it.

In: events, inside the transaction that they tell of. Out: a chain; a head to keep elsewhere; a verdict. Knows no words: no field takes them.
An event's hash is SHA-256 over the hash before it and its stored bytes, so a flipped bit, a missing or moved event and a rewritten stretch do not
fit; that the end is missing, or that everything was written anew, is seen against a head kept elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey
from sqlalchemy import Connection, CursorResult, Row, Select, insert, select, update

from drafting.errors import AuditBroken, NotKnown
from drafting.record.store import instant
from drafting.record.store.tables.record import AUDIT, AUDIT_HEAD
from drafting.types.record import AuditEvent

GENESIS = bytes(32)
_BATCH = 5_000
_CODE = re.compile(r"[A-Za-z0-9_.:/+-]{1,128}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain at a time: how many events, the last one's hash, and the practice's signature over both."""

    seq: int
    hash: bytes
    signature: bytes = field(repr=False)

    def text(self) -> str:
        return f"aside-audit-head/1 {self.seq} {self.hash.hex()} {self.signature.hex()}"

    @classmethod
    def of(cls, text: str) -> Head:
        """Raises AuditBroken for text that is no head."""
        found = re.fullmatch(r"\s*aside-audit-head/1 ([0-9]{1,18}) ([0-9a-f]{64}) ([0-9a-f]{128})\s*", text)
        if not found:
            raise AuditBroken(seq="?", reason="the file holds no head")
        return cls(int(found[1]), bytes.fromhex(found[2]), bytes.fromhex(found[3]))

    @property
    def signed(self) -> bytes:
        return f"aside-audit-head/1 {self.seq} {self.hash.hex()}".encode()


def append(connection: Connection, event: AuditEvent) -> int:
    """Add `event` to the chain in the caller's transaction, and return its number. Raises ValueError for a value that is no code, NotKnown before the
    chain is begun."""
    return append_all(connection, hold(connection), (event,))


def append_all(connection: Connection, end: tuple[int, bytes], events: Iterable[AuditEvent]) -> int:
    """Add `events` after `end`, which `hold` gave in this transaction, and return the last one's number. Raises ValueError for a value that is no
    code."""
    seq, link = end
    for event in events:
        body = _bytes(event)
        seq, link = seq + 1, _link(link, body)
        connection.execute(insert(AUDIT).values(seq=seq, body=body, hash=link))
    connection.execute(update(AUDIT_HEAD).where(AUDIT_HEAD.c.id == 1).values(seq=seq, hash=link))
    return seq


def hold(connection: Connection) -> tuple[int, bytes]:
    """The chain's end: its number and hash. Nobody else comes after it until the caller's transaction ends. Raises NotKnown."""
    row = connection.execute(select(AUDIT_HEAD.c.seq, AUDIT_HEAD.c.hash).where(AUDIT_HEAD.c.id == 1).with_for_update()).first()
    if row is None:
        raise NotKnown(what="practice", id="yet")
    return row.seq, row.hash


def begin(connection: Connection) -> None:
    """The empty chain of a new practice."""
    connection.execute(insert(AUDIT_HEAD).values(id=1, seq=0, hash=GENESIS))


def head(connection: Connection, sign: Callable[[bytes], bytes]) -> Head:
    """The chain's end, signed. Raises NotKnown before the chain is begun."""
    row = connection.execute(select(AUDIT_HEAD.c.seq, AUDIT_HEAD.c.hash)).first()
    if row is None:
        raise NotKnown(what="practice", id="yet")
    return Head(row.seq, row.hash, sign(Head(row.seq, row.hash, b"").signed))


def verify(connection: Connection, kept: Head | None = None, verify_key: bytes | None = None) -> int:
    """Walk the whole chain and return how many events it has. Raises AuditBroken, which says where. `kept` is a head from earlier, kept
    elsewhere: the chain must pass through it; `verify_key` is what it was signed by. What was written anew after that head fits: only the next head
    that is kept covers it."""
    if kept is not None and verify_key is not None:
        _signed(kept, verify_key)
    with _stream(connection, select(AUDIT.c.seq, AUDIT.c.body, AUDIT.c.hash)) as rows:
        count, link = walked(rows, kept)
    if kept is not None and count < kept.seq:
        raise AuditBroken(seq=count + 1, reason=f"it is missing, and {kept.seq - count - 1} after it: the head that was kept has {kept.seq}")
    end = connection.execute(select(AUDIT_HEAD.c.seq, AUDIT_HEAD.c.hash)).first()
    if end is None or (end.seq, end.hash) != (count, link):
        raise AuditBroken(seq=count + 1, reason="the end is not where it was: events are missing after the last, or the end itself was altered")
    return count


def events(connection: Connection, *, after: int = 0) -> Iterator[tuple[int, dict[str, object]]]:
    """Number and fields of each event, in order."""
    with _stream(connection, select(AUDIT.c.seq, AUDIT.c.body).where(AUDIT.c.seq > after)) as rows:
        for seq, body in rows:
            yield seq, json.loads(body)


def walked(rows: Iterable[Row], kept: Head | None) -> tuple[int, bytes]:
    """How many events there are, and the last one's hash. Raises AuditBroken."""
    link, count = GENESIS, 0
    for seq, body, claimed in rows:
        count += 1
        if seq != count:
            raise AuditBroken(seq=count, reason=f"it is missing; the next one is {seq}" if seq > count else f"before it stands one numbered {seq}")
        if type(body) is not bytes or (link := _link(link, body)) != claimed:
            raise AuditBroken(seq=count, reason="its bytes are not the ones that were written")
        if kept is not None and count == kept.seq and link != kept.hash:
            raise AuditBroken(seq=count, reason="it, or one before it, was written anew: the head that was kept is another")
    return count, link


def _stream(connection: Connection, query: Select) -> CursorResult:
    """The rows of `query` in the order of the chain, a batch at a time."""
    return connection.execute(query.order_by(AUDIT.c.seq), execution_options={"yield_per": _BATCH})


def _signed(kept: Head, verify_key: bytes) -> None:
    try:
        VerifyKey(verify_key).verify(kept.signed, kept.signature)
    except (BadSignatureError, ValueError, TypeError):
        raise AuditBroken(seq=kept.seq, reason="the head is not signed by this practice") from None


def _link(before: bytes, body: bytes) -> bytes:
    return hashlib.sha256(before + body).digest()


def _bytes(event: AuditEvent) -> bytes:
    """Canonical JSON of an event: its values are codes, ids, whole numbers and switches, and nothing that could hold a sentence."""
    fields = {name: getattr(event, name) for name in ("actor", "action", "outcome", "subject", "client", "rule", "reason")}
    fields, facts = _some(fields), _some(event.facts)
    return json.dumps({"at": instant(event.at), **fields, "facts": facts}, sort_keys=True, separators=(",", ":")).encode()


def _some(values: Mapping[str, object]) -> dict[str, object]:
    """Those that are there. Raises ValueError, which names the field and not the value."""
    for name, value in values.items():
        if not _NAME.fullmatch(name):
            raise ValueError("the audit trail takes codes and ids alone, and the name of a fact is none")
        if not (_CODE.fullmatch(value) if isinstance(value, str) else value is None or isinstance(value, int)):
            raise ValueError(f"the audit trail takes codes and ids alone, and {name} is none")
    return {name: value for name, value in values.items() if value is not None}
