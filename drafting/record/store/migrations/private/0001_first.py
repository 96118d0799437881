"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "private_0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "instructions",
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("executor", sa.String(length=64), nullable=False),
        sa.Column("wish", sa.String(length=64), nullable=False),
        sa.Column("since", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("author"),
    )
    op.create_table(
        "private_notes",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("encounter", sa.String(length=64), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("statements", sa.String(), nullable=False),
        sa.Column("part2", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("since", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_private_author", "private_notes", ["author", "client", "encounter", "number"], unique=False)
    op.create_table(
        "shares",
        sa.Column("note", sa.String(length=64), nullable=False),
        sa.Column("reader", sa.String(length=64), nullable=False),
        sa.Column("why", sa.String(length=64), nullable=False),
        sa.Column("since", sa.String(length=32), nullable=False),
        sa.Column("until", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("note", "reader"),
    )
    op.create_table(
        "supervision",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("supervisor", sa.String(length=64), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_supervision_person", "supervision", ["person", "on"], unique=False)
