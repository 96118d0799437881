"""The first tables, and what the database refuses."""

import sqlalchemy as sa
from alembic import op

from drafting.record.store.tables.guards import written_once

_ONCE = ("notes", "signatures", "audit", "decisions", "disclosures", "dispositions", "plans")

revision = "record_0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.CheckConstraint("id = 1", name="one_head"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "intents",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("encounter", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "people",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("standing", sa.String(length=64), nullable=False),
        sa.Column("credential", sa.String(length=80), nullable=True),
        sa.Column("licence", sa.String(length=80), nullable=True),
        sa.Column("supervisor", sa.String(length=64), nullable=True),
        sa.Column("health_professional", sa.Integer(), nullable=False),
        sa.Column("active", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["supervisor"],
            ["people.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "practice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=64), nullable=False),
        sa.Column("jurisdiction", sa.String(length=64), nullable=False),
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("created", sa.String(length=32), nullable=False),
        sa.CheckConstraint("id = 1", name="one_practice"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "clients",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("clinician", sa.String(length=64), nullable=False),
        sa.Column("jurisdiction", sa.String(length=64), nullable=False),
        sa.Column("part2", sa.Integer(), nullable=False),
        sa.Column("self_pay", sa.Integer(), nullable=False),
        sa.Column("allowed_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("last_service", sa.Date(), nullable=True),
        sa.Column("majority", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["clinician"],
            ["people.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "authorizations",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("signed", sa.Date(), nullable=True),
        sa.Column("expires", sa.Date(), nullable=True),
        sa.Column("revoked", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["client"],
            ["clients.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "client_names",
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("token", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["client"],
            ["clients.id"],
        ),
        sa.PrimaryKeyConstraint("client", "token"),
    )
    op.create_index("ix_client_names_token", "client_names", ["token"], unique=False)
    op.create_table(
        "encounters",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("supervisor", sa.String(length=64), nullable=True),
        sa.Column("service_date", sa.Date(), nullable=True),
        sa.Column("stage", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(length=64), nullable=True),
        sa.Column("created", sa.String(length=32), nullable=False),
        sa.Column("signed", sa.String(length=32), nullable=True),
        sa.Column("failure", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["author"],
            ["people.id"],
        ),
        sa.ForeignKeyConstraint(
            ["client"],
            ["clients.id"],
        ),
        sa.ForeignKeyConstraint(
            ["supervisor"],
            ["people.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_encounters_client", "encounters", ["client", "service_date", "id"], unique=False)
    op.create_index("ix_encounters_cosign", "encounters", ["supervisor", "state", "service_date", "id"], unique=False)
    op.create_index("ix_encounters_queue", "encounters", ["author", "state", "service_date", "id"], unique=False)
    op.create_index("ix_encounters_state", "encounters", ["state", "signed"], unique=False)
    op.create_table(
        "holds",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=True),
        sa.Column("since", sa.String(length=32), nullable=False),
        sa.Column("lifted", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["client"],
            ["clients.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_holds_client", "holds", ["client", "lifted"], unique=False)
    op.create_table(
        "plans",
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("since", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["client"],
            ["clients.id"],
        ),
        sa.PrimaryKeyConstraint("client", "version"),
    )
    op.create_table(
        "requests",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("requester", sa.String(length=64), nullable=False),
        sa.Column("instrument", sa.String(length=64), nullable=False),
        sa.Column("instrument_sha256", sa.String(length=64), nullable=True),
        sa.Column("received", sa.Date(), nullable=False),
        sa.Column("due", sa.Date(), nullable=True),
        sa.Column("facts", sa.String(), nullable=False),
        sa.Column("closed", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["client"],
            ["clients.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "decisions",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("bucket", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=64), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("pack", sa.String(length=64), nullable=False),
        sa.Column("reasons", sa.String(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=True),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["request"],
            ["requests.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "media",
        sa.Column("encounter", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.Column("chunk_sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["encounter"],
            ["encounters.id"],
        ),
        sa.PrimaryKeyConstraint("encounter", "name", "number"),
    )
    op.create_table(
        "notes",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("encounter", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("format", sa.String(length=64), nullable=False),
        sa.Column("parent", sa.String(length=64), nullable=True),
        sa.Column("review", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("service_date", sa.Date(), nullable=True),
        sa.Column("signed", sa.String(length=32), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("evidence_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("draft_distance", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["client"],
            ["clients.id"],
        ),
        sa.ForeignKeyConstraint(
            ["encounter"],
            ["encounters.id"],
        ),
        sa.ForeignKeyConstraint(
            ["parent"],
            ["notes.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("encounter", "kind", "review", name="one_signing_a_version"),
        sa.UniqueConstraint("encounter", "number", name="one_note_a_number"),
    )
    op.create_index("ix_notes_client", "notes", ["client", "service_date", "id"], unique=False)
    op.create_table(
        "tasks",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("encounter", sa.String(length=64), nullable=True),
        sa.Column("client", sa.String(length=64), nullable=True),
        sa.Column("person", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("due", sa.String(length=32), nullable=False),
        sa.Column("done", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["client"],
            ["clients.id"],
        ),
        sa.ForeignKeyConstraint(
            ["encounter"],
            ["encounters.id"],
        ),
        sa.ForeignKeyConstraint(
            ["person"],
            ["people.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_tasks_open", "tasks", ["person", "done", "due"], unique=False)
    op.create_table(
        "work",
        sa.Column("encounter", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("statements", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["encounter"],
            ["encounters.id"],
        ),
        sa.PrimaryKeyConstraint("encounter", "kind", "version"),
    )
    op.create_table(
        "disclosures",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=True),
        sa.Column("decision", sa.String(length=64), nullable=True),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("recipient_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("description_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.String(length=64), nullable=False),
        sa.Column("items", sa.String(), nullable=False),
        sa.Column("accounted", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client"],
            ["clients.id"],
        ),
        sa.ForeignKeyConstraint(
            ["decision"],
            ["decisions.id"],
        ),
        sa.ForeignKeyConstraint(
            ["request"],
            ["requests.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "dispositions",
        sa.Column("note", sa.String(length=64), nullable=False),
        sa.Column("item", sa.String(length=64), nullable=False),
        sa.Column("what", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=True),
        sa.Column("answer", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=True),
        sa.Column("at", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["note"],
            ["notes.id"],
        ),
        sa.PrimaryKeyConstraint("note", "item"),
    )
    op.create_table(
        "signatures",
        sa.Column("note", sa.String(length=64), nullable=False),
        sa.Column("meaning", sa.String(length=64), nullable=False),
        sa.Column("signer", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["note"],
            ["notes.id"],
        ),
        sa.ForeignKeyConstraint(
            ["signer"],
            ["people.id"],
        ),
        sa.PrimaryKeyConstraint("note", "meaning"),
    )

    for statement in written_once(_ONCE, op.get_bind().dialect.name):
        op.execute(statement)
