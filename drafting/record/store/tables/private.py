"""The tables of private notes: a database of its own, with keys of its own.

The service may put a row here and not read what is in it: bodies are sealed to the author and to the recovery kit. `grants` (PostgreSQL) lets the
worker's role insert and nothing else.
"""

from __future__ import annotations

from sqlalchemy import Column, Date, Index, Integer, LargeBinary, MetaData, String, Table

METADATA = MetaData()
_ID, _CODE, _AT = String(64), String(64), String(32)

PRIVATE_NOTES = Table(
    "private_notes",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("encounter", _ID, nullable=False),
    Column("client", _ID, nullable=False),
    Column("author", _ID, nullable=False),
    Column("number", Integer, nullable=False),
    Column("statements", String, nullable=False, default=""),
    Column("part2", Integer, nullable=False, default=0),
    Column("key", _ID, nullable=False),
    Column("body_sealed", LargeBinary, nullable=False),
    Column("since", _AT, nullable=False),
    Index("ix_private_author", "author", "client", "encounter", "number"),
)

# A single item that a trainee brings to supervision.
SHARES = Table(
    "shares",
    METADATA,
    Column("note", _ID, primary_key=True),
    Column("reader", _ID, primary_key=True),
    Column("why", _CODE, nullable=False),  # supervision, executor, transfer
    Column("since", _AT, nullable=False),
    Column("until", _AT),
)

# Hours and items of supervision, with no client's chart in them.
SUPERVISION = Table(
    "supervision",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("person", _ID, nullable=False),
    Column("supervisor", _ID, nullable=False),
    Column("on", Date, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("key", _ID, nullable=False),
    Column("body_sealed", LargeBinary, nullable=False),
    Index("ix_supervision_person", "person", "on"),
)

# A clinician's own instruction: who shall have the private notes after illness or death.
INSTRUCTIONS = Table(
    "instructions",
    METADATA,
    Column("author", _ID, primary_key=True),
    Column("executor", _ID, nullable=False),
    Column("wish", _CODE, nullable=False),  # hand_over, shred
    Column("since", _AT, nullable=False),
)
