"""Who may log in, sessions, and tries that failed."""

import sqlalchemy as sa
from alembic import op

revision = "record_0002"
down_revision = "record_0001"


def upgrade() -> None:
    op.create_table(
        "logins",
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("password", sa.String(length=255), nullable=False),
        sa.Column("since", sa.String(length=32), nullable=False),
        sa.Column("totp_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("pending_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("totp_step", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person"],
            ["people.id"],
        ),
        sa.PrimaryKeyConstraint("person"),
        sa.UniqueConstraint("login", name="one_person_a_login"),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["person"],
            ["logins.person"],
        ),
        sa.PrimaryKeyConstraint("person", "digest"),
    )
    op.create_table(
        "passkeys",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("credential", sa.LargeBinary(), nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=False),
        sa.Column("uses", sa.BigInteger(), nullable=False),
        sa.Column("added", sa.String(length=32), nullable=False),
        sa.Column("used", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["person"],
            ["logins.person"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("credential", name="one_passkey_a_credential"),
    )
    op.create_index("ix_passkeys_person", "passkeys", ["person"])
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("token", sa.LargeBinary(length=32), nullable=False),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("begun", sa.String(length=32), nullable=False),
        sa.Column("seen", sa.String(length=32), nullable=False),
        sa.Column("second", sa.Integer(), nullable=False),
        sa.Column("stepped", sa.String(length=32), nullable=True),
        sa.Column("private_until", sa.String(length=32), nullable=True),
        sa.Column("keys_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("challenge", sa.LargeBinary(length=64), nullable=True),
        sa.Column("challenge_for", sa.String(length=64), nullable=True),
        sa.Column("challenge_until", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["person"],
            ["people.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token", name="one_session_a_token"),
    )
    op.create_index("ix_sessions_person", "sessions", ["person"])
    op.create_table(
        "throttles",
        sa.Column("door", sa.LargeBinary(length=2), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("until", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("door"),
    )
    op.create_index("ix_throttles_at", "throttles", ["at"])
