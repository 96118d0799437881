"""The keyring's tables: every key, wrapped, and what became of those that were destroyed. Backed up apart from the data, each time over the last."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, String, Table

METADATA = MetaData()
_ID, _CODE, _AT = String(64), String(64), String(32)

# A secret as one holder can open it. `holder` is "practice", "recovery", "worker", "person/P1" or another secret, "encounter/E1".
WRAPPED = Table(
    "wrapped",
    METADATA,
    Column("secret", _ID, primary_key=True),
    Column("holder", _ID, primary_key=True),
    Column("version", Integer, nullable=False),  # of the holder's key
    Column("body", LargeBinary, nullable=False),
    Column("until", _AT),
    Index("ix_wrapped_holder", "holder", "version"),
)

# Whoever can be wrapped to. The private halves of a person are under that person's passphrase.
HOLDERS = Table(
    "holders",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("public", LargeBinary(32), nullable=False),
    Column("verify", LargeBinary(32)),  # Ed25519, where the holder signs
    Column("salt", LargeBinary(16)),
    Column("cost", String(32)),
    Column("private_sealed", LargeBinary),
    Column("proven", _AT),  # the recovery kit: when it was restored from, once
    Column("since", _AT, nullable=False),
)

TOMBSTONES = Table(
    "tombstones",
    METADATA,
    Column("secret", _ID, primary_key=True),
    Column("at", _AT, nullable=False),
    Column("reason", _CODE, nullable=False),
    Column("receipt", String(64), nullable=False),
)
