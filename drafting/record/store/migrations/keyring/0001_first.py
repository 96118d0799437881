"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "keyring_0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "holders",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("public", sa.LargeBinary(length=32), nullable=False),
        sa.Column("verify", sa.LargeBinary(length=32), nullable=True),
        sa.Column("salt", sa.LargeBinary(length=16), nullable=True),
        sa.Column("cost", sa.String(length=32), nullable=True),
        sa.Column("private_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("proven", sa.String(length=32), nullable=True),
        sa.Column("since", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", "version"),
    )
    op.create_table(
        "tombstones",
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("receipt", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("secret"),
    )
    op.create_table(
        "wrapped",
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("until", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("secret", "holder"),
    )
    op.create_index("ix_wrapped_holder", "wrapped", ["holder", "version"], unique=False)
