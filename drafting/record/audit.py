"""The audit trail: what happened, in codes and ids, each event bound to the one before it.

In: events, inside the transaction that they tell of. Out: a chain; a head to keep elsewhere; a verdict. Knows no words: no field takes them.
An event's hash is SHA-256 over the hash before it and its stored bytes, so a flipped bit, a missing or moved event and a rewritten stretch do not
fit; that the end is missing, or that everything was written anew, is seen against a head kept elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey
from sqlalchemy import Connection, insert, select, update

from drafting.errors import AuditBroken
from drafting.record.store import instant
from drafting.record.tables.record import AUDIT, AUDIT_HEAD
from drafting.types.record import AuditEvent

GENESIS = bytes(32)
_BATCH = 5_000
_CODE = re.compile(r"[\w.:/@+-]{1,128}")


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
        found = re.fullmatch(r"\s*aside-audit-head/1 (\d+) ([0-9a-f]{64}) ([0-9a-f]{128})\s*", text)
        if not found:
            raise AuditBroken(seq="?", reason="the file holds no head")
        return cls(int(found[1]), bytes.fromhex(found[2]), bytes.fromhex(found[3]))

    @property
    def signed(self) -> bytes:
        return f"aside-audit-head/1 {self.seq} {self.hash.hex()}".encode()


def append(connection: Connection, event: AuditEvent) -> int:
    """Add `event` to the chain in the caller's transaction, and return its number. Raises ValueError for a value that is no code."""
    body = _bytes(event)
    row = connection.execute(select(AUDIT_HEAD.c.seq, AUDIT_HEAD.c.hash).where(AUDIT_HEAD.c.id == 1).with_for_update()).one()
    seq, link = row.seq + 1, _link(row.hash, body)
    connection.execute(insert(AUDIT).values(seq=seq, body=body, hash=link))
    connection.execute(update(AUDIT_HEAD).where(AUDIT_HEAD.c.id == 1).values(seq=seq, hash=link))
    return seq


def begin(connection: Connection) -> None:
    """The empty chain of a new practice."""
    connection.execute(insert(AUDIT_HEAD).values(id=1, seq=0, hash=GENESIS))


def head(connection: Connection, sign: Callable[[bytes], bytes]) -> Head:
    """The chain's end, signed."""
    row = connection.execute(select(AUDIT_HEAD.c.seq, AUDIT_HEAD.c.hash)).one()
    bare = Head(row.seq, row.hash, b"")
    return Head(row.seq, row.hash, sign(bare.signed))


def verify(connection: Connection, kept: Head | None = None, verify_key: bytes | None = None) -> int:
    """Walk the whole chain and return how many events it has. Raises AuditBroken, which says where. `kept` is a head from earlier, kept
    elsewhere: the chain must pass through it; `verify_key` is what it was signed by."""
    if kept is not None and verify_key is not None:
        try:
            VerifyKey(verify_key).verify(kept.signed, kept.signature)
        except (BadSignatureError, ValueError):
            raise AuditBroken(seq=kept.seq, reason="the head is not signed by this practice") from None
    before, count = GENESIS, 0
    for row in _rows(connection):
        count += 1
        if row.seq != count:
            raise AuditBroken(seq=count, reason=f"it is missing; the next one is {row.seq}" if row.seq > count else "it is there twice")
        before, claimed = _link(before, row.body), row.hash
        if before != claimed:
            raise AuditBroken(seq=count, reason="its bytes, or those before it, are not the ones that were written")
        if kept is not None and count == kept.seq and before != kept.hash:
            raise AuditBroken(seq=count, reason="up to here it is not the chain whose head was kept")
    if kept is not None and count < kept.seq:
        raise AuditBroken(seq=count + 1, reason=f"it is missing, and {kept.seq - count - 1} after it: the head that was kept has {kept.seq}")
    end = connection.execute(select(AUDIT_HEAD.c.seq, AUDIT_HEAD.c.hash)).one()
    if (end.seq, end.hash) != (count, before):
        raise AuditBroken(seq=count + 1, reason=f"the end is missing: {end.seq} were written")
    return count


def events(connection: Connection, *, after: int = 0) -> Iterator[tuple[int, dict[str, object]]]:
    """Number and fields of each event, in order."""
    for row in connection.execute(select(AUDIT.c.seq, AUDIT.c.body).where(AUDIT.c.seq > after).order_by(AUDIT.c.seq)):
        yield row.seq, json.loads(row.body)


def _rows(connection: Connection) -> Iterator[object]:
    rows = connection.execution_options(yield_per=_BATCH).execute(select(AUDIT.c.seq, AUDIT.c.body, AUDIT.c.hash).order_by(AUDIT.c.seq))
    return iter(rows)


def _link(before: bytes, body: bytes) -> bytes:
    return hashlib.sha256(before + body).digest()


def _bytes(event: AuditEvent) -> bytes:
    """Canonical JSON of an event; a string in it must look like a code or an id."""
    fields = {k: v for k, v in asdict(event).items() if v is not None and k not in ("at", "facts")}
    facts = {k: v for k, v in event.facts.items() if v is not None}
    for key, value in {**fields, **facts}.items():
        if isinstance(value, str) and not _CODE.fullmatch(value):
            raise ValueError(f"the audit trail takes codes and ids alone, and {key} is none")
    return json.dumps({"at": instant(event.at), **fields, "facts": facts}, sort_keys=True, separators=(",", ":")).encode()
