"""Rows as one stream of bytes that no engine has a part in: told table by table, heard again, and put into empty tables.

In: a connection that sees one state, or the bytes. Out: frames (kind, length, body); rows by table; rows in a database. Knows no key.
A stream is a head (JSON), for each table its name and columns and then its rows, and an end (JSON) with the counts. A value is a letter for its kind,
its length and its bytes: SQLite's rows and PostgreSQL's are told alike.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from itertools import groupby

from sqlalchemy import Column, Connection, MetaData, Table, insert, select
from sqlalchemy.exc import IntegrityError

from drafting.errors import BackupError
from drafting.record.backup.box import canonical
from drafting.record.store import tables

DATA = {"record": tables.record.METADATA, "private": tables.private.METADATA}
KEYS = {"keyring": tables.keyring.METADATA}

Row = dict[str, object]
_HEAD, _TABLE, _ROW, _END = b"H", b"T", b"R", b"E"
_FRAME = 5
_FETCH, _BATCH, _BYTES = 50, 500, 4 * 1024 * 1024
_WRITTEN = {int: b"i", str: b"s", bytes: b"b", date: b"d"}
_READ: dict[bytes, Callable[[bytes], object]] = {
    b"i": int,
    b"s": bytes.decode,
    b"b": bytes,
    b"d": lambda body: date.fromisoformat(body.decode()),
    b"n": lambda _: None,
}


def carried(metadata: MetaData) -> list[Table]:
    """The tables that a backup carries: logins with what they are checked by, so that a restored practice can be entered; no session and no count of
    tries."""
    return [table for table in metadata.sorted_tables if table not in tables.record.PASSING]


# ── told ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Telling:
    """A stream on its way out: counted, and digested as it goes."""

    def __init__(self, out: Callable[[bytes], None], head: Mapping[str, object]) -> None:
        self._out = out
        self._digest = hashlib.sha256()
        self.counts: dict[str, int] = {}
        self._frame(_HEAD, canonical(head))

    def tables(self, connection: Connection, store: str, metadata: MetaData) -> None:
        """All rows of a database that are carried, the referred to before those that refer."""
        for table in carried(metadata):
            self._frame(_TABLE, canonical({"name": f"{store}.{table.name}", "columns": [c.name for c in table.columns]}))
            count = 0
            for row in connection.execute(select(table).order_by(*_order(table)), execution_options={"yield_per": _FETCH}):
                self._frame(_ROW, packed(row))
                count += 1
            self.counts[f"{store}.{table.name}"] = count

    def digest(self) -> bytes:
        """SHA-256 over all that was told so far."""
        return self._digest.digest()

    def end(self, **facts: object) -> None:
        self._frame(_END, canonical({"rows": self.counts, **facts}))

    def _frame(self, kind: bytes, body: bytes) -> None:
        frame = _framed(kind, body)
        self._digest.update(frame)
        self._out(frame)


def packed(values: Iterable[object]) -> bytes:
    """A row's values, one after the other."""
    parts = []
    for value in values:
        kind, body = (b"n", b"") if value is None else (_WRITTEN[type(value)], _bytes(value))
        parts += (kind, len(body).to_bytes(4, "big"), body)
    return b"".join(parts)


def unpacked(body: bytes) -> list[object]:
    """What `packed` packed."""
    values, at = [], 0
    while at < len(body):
        end = at + _FRAME + int.from_bytes(body[at + 1 : at + _FRAME], "big")
        values.append(_READ[body[at : at + 1]](body[at + _FRAME : end]))
        at = end
    return values


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _order(table: Table) -> list[object]:
    """By key; but where rows refer to others of the same table, those that refer to none first, and signed notes as they were signed."""
    own = _refers_to_itself(table)
    first = [own.is_not(None)] if own is not None else []
    return [*first, *(table.c[n] for n in ("signed",) if own is not None and n in table.c), *table.primary_key.columns]


def _framed(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(4, "big") + body


# ── heard ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Hearing:
    """A stream on its way in. `head` is there at once; `end` and `digest` when all `rows` were taken."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._frames = _frames(pieces)
        self._digest = hashlib.sha256()
        self.counts: dict[str, int] = {}
        self.end: Mapping[str, object] = {}
        self.head: Mapping[str, object] = json.loads(self._next(_HEAD)[1])

    def rows(self, stores: Mapping[str, MetaData]) -> Iterator[tuple[str, Row]]:
        """Each row with the name of its table ("record.clients"). Raises BackupError where the stream is not whole or its tables are others."""
        columns = {f"{store}.{t.name}": [c.name for c in t.columns] for store, metadata in stores.items() for t in carried(metadata)}
        name = ""
        while True:
            kind, body = self._next(_TABLE, _ROW, _END)
            if kind == _END:
                break
            if kind == _ROW:
                self.counts[name] += 1
                yield name, dict(zip(columns[name], unpacked(body), strict=True))
                continue
            told = json.loads(body)
            name = told["name"]
            if columns.get(name) != told["columns"] or name in self.counts:
                raise BackupError(reason=f"its table {name} is of another version of Aside. Use the one that made it")
            self.counts[name] = 0
        self.end = json.loads(body)
        if next(self._frames, None) is not None or self.end["rows"] != self.counts or set(self.counts) != set(columns):
            raise BackupError(reason="its rows are not as many as it says")

    def digest(self) -> bytes:
        """SHA-256 over all but the end."""
        return self._digest.digest()

    def _next(self, *kinds: bytes) -> tuple[bytes, bytes]:
        kind, body = next(self._frames, (b"", b""))
        if kind not in kinds:
            raise BackupError(reason="it is not whole")
        if kind != _END:
            self._digest.update(_framed(kind, body))
        return kind, body


def _frames(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    held = bytearray()
    for piece in pieces:
        held += piece
        at = 0
        while len(held) - at >= _FRAME and len(held) - at - _FRAME >= (size := int.from_bytes(held[at + 1 : at + _FRAME], "big")):
            body = at + _FRAME
            yield bytes(held[at : at + 1]), bytes(held[body : body + size])
            at = body + size
        del held[:at]
    if held:
        raise BackupError(reason="it is not whole")


# ── put ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


def fill(rows: Iterable[tuple[str, Row]], connections: Mapping[str, Connection], stores: Mapping[str, MetaData]) -> None:
    """Insert `rows`, as `Hearing.rows` gives them, into empty tables. Raises BackupError where a row does not fit the others."""
    try:
        for name, group in groupby(rows, key=lambda row: row[0]):
            store, _, table = name.partition(".")
            _put(connections[store], stores[store].tables[table], (row for _, row in group))
    except IntegrityError:
        raise BackupError(reason="its rows do not fit one another") from None


def _put(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    own, late = _refers_to_itself(table), []
    for batch in _batches(rows):
        ready, late = _parted(connection, own, [*late, *batch])
        while ready:
            connection.execute(insert(table), ready)
            ready, late = _parted(connection, own, late)
    if late:  # rows that refer to one another in a ring: an engine looks at references when the statement is done
        connection.execute(insert(table).values(late))


def _parted(connection: Connection, own: Column | None, rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """Those of `rows` that refer to none of their table, or to one that is there; and those that must wait."""
    wanted = {row[own.name] for row in rows} - {None} if own is not None else set()
    if not wanted:
        return rows, []
    key = next(iter(own.foreign_keys)).column
    there = {None, *connection.scalars(select(key).where(key.in_(wanted)))}
    return [row for row in rows if row[own.name] in there], [row for row in rows if row[own.name] not in there]


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    batch, size = [], 0
    for row in rows:
        batch.append(row)
        size += sum(len(v) for v in row.values() if isinstance(v, bytes | str))
        if len(batch) >= _BATCH or size >= _BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _refers_to_itself(table: Table) -> Column | None:
    return next((key.parent for key in table.foreign_keys if key.column.table is table), None)
