"""The record's tables, the workbench's and those of accounts beside them: one database, so that a signature and what it signs are one transaction.

What lies on the workbench (`work`, `media`) is under its encounter's own key; the rest that is sealed is under the practice's. Rows of `notes`,
`signatures`, `audit`, `decisions` and `disclosures` are written once: the database itself refuses to change or delete them (`guards`).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table, UniqueConstraint

METADATA = MetaData()
_ID, _CODE, _AT = String(64), String(64), String(32)  # an instant is ISO 8601 in UTC, as text: the same bytes on every engine


def _table(name: str, *columns: object) -> Table:
    return Table(name, METADATA, *columns)


PRACTICE = _table(
    "practice",
    Column("id", Integer, primary_key=True),
    Column("public_id", _ID, nullable=False),
    Column("jurisdiction", _CODE, nullable=False),
    Column("policy", String, nullable=False),  # JSON of settings: days and switches, no words
    Column("created", _AT, nullable=False),
    CheckConstraint("id = 1", name="one_practice"),
)

PEOPLE = _table(
    "people",
    Column("id", _ID, primary_key=True),
    Column("name_sealed", LargeBinary, nullable=False),
    Column("standing", _CODE, nullable=False),
    Column("credential", String(80)),
    Column("licence", String(80)),
    Column("supervisor", _ID, ForeignKey("people.id")),
    Column("health_professional", Integer, nullable=False, default=0),
    Column("active", Integer, nullable=False, default=1),
)

CLIENTS = _table(
    "clients",
    Column("id", _ID, primary_key=True),
    Column("name_sealed", LargeBinary, nullable=False),
    Column("clinician", _ID, ForeignKey("people.id"), nullable=False),
    Column("jurisdiction", _CODE, nullable=False),
    Column("part2", Integer, nullable=False, default=0),
    Column("self_pay", Integer, nullable=False, default=0),
    Column("allowed_sealed", LargeBinary),
    Column("last_service", Date),
    Column("majority", Date),  # where the client was a minor: when they come of age
)

# Keyed digests of a client's names, word by word and whole: search without the names.
CLIENT_NAMES = _table(
    "client_names",
    Column("client", _ID, ForeignKey("clients.id"), primary_key=True),
    Column("token", LargeBinary(32), primary_key=True),
    Index("ix_client_names_token", "token"),
)

PLANS = _table(
    "plans",
    Column("client", _ID, ForeignKey("clients.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("body_sealed", LargeBinary, nullable=False),  # diagnosis, goals and objectives with ids
    Column("since", _AT, nullable=False),
)

ENCOUNTERS = _table(
    "encounters",
    Column("id", _ID, primary_key=True),
    Column("client", _ID, ForeignKey("clients.id"), nullable=False),
    Column("author", _ID, ForeignKey("people.id"), nullable=False),
    Column("supervisor", _ID, ForeignKey("people.id")),
    Column("service_date", Date),
    Column("stage", _CODE, nullable=False),
    Column("state", _CODE, nullable=False),
    Column("version", Integer, nullable=False, default=0),
    Column("note", _ID),
    Column("created", _AT, nullable=False),
    Column("signed", _AT),
    Column("failure", _CODE),
    Index("ix_encounters_queue", "author", "state", "service_date", "id"),
    Index("ix_encounters_cosign", "supervisor", "state", "service_date", "id"),
    Index("ix_encounters_client", "client", "service_date", "id"),
    Index("ix_encounters_state", "state", "signed"),
)

# The workbench. `key` names the item's key in the keyring: destroyed, the item cannot be read though its bytes may lie in an old backup.
WORK = _table(
    "work",
    Column("encounter", _ID, ForeignKey("encounters.id"), primary_key=True),
    Column("kind", _CODE, primary_key=True),  # transcript, draft, review
    Column("version", Integer, primary_key=True),
    Column("key", _ID, nullable=False),
    Column("body_sealed", LargeBinary, nullable=False),
    Column("statements", String, nullable=False, default=""),  # ids that the item rests on or quotes, space between
)

MEDIA = _table(
    "media",
    Column("encounter", _ID, ForeignKey("encounters.id"), primary_key=True),
    Column("name", _ID, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("key", _ID, nullable=False),
    Column("last", Integer, nullable=False, default=0),
    Column("chunk_sealed", LargeBinary, nullable=False),
)

NOTES = _table(
    "notes",
    Column("id", _ID, primary_key=True),
    Column("encounter", _ID, ForeignKey("encounters.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("client", _ID, ForeignKey("clients.id"), nullable=False),
    Column("kind", _CODE, nullable=False),
    Column("format", _CODE, nullable=False),
    Column("parent", _ID, ForeignKey("notes.id")),
    Column("review", Integer, nullable=False),  # the review's version that was signed
    Column("digest", String(64), nullable=False),
    Column("service_date", Date),
    Column("signed", _AT, nullable=False),
    Column("body_sealed", LargeBinary, nullable=False),  # the canonical bytes
    Column("evidence_sealed", LargeBinary),  # sentence → statement ids, offsets, digests
    Column("draft_distance", String),  # JSON of counts: how far the signed text is from the draft
    UniqueConstraint("encounter", "number", name="one_note_a_number"),
    UniqueConstraint("encounter", "kind", "review", name="one_signing_a_version"),
    Index("ix_notes_client", "client", "service_date", "id"),
)

SIGNATURES = _table(
    "signatures",
    Column("note", _ID, ForeignKey("notes.id"), primary_key=True),
    Column("meaning", _CODE, primary_key=True),
    Column("signer", _ID, ForeignKey("people.id"), nullable=False),
    Column("at", _AT, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("body_sealed", LargeBinary, nullable=False),  # the signature object, canonical
)

DISPOSITIONS = _table(
    "dispositions",
    Column("note", _ID, ForeignKey("notes.id"), primary_key=True),
    Column("item", _CODE, primary_key=True),  # r1, f3, s12, X8
    Column("what", _CODE, nullable=False),  # risk, finding, held, prompt
    Column("kind", _CODE),  # a topic, F02, …
    Column("answer", _CODE, nullable=False),
    Column("by", _ID),
    Column("at", _AT),
)

TASKS = _table(
    "tasks",
    Column("id", _ID, primary_key=True),
    Column("encounter", _ID, ForeignKey("encounters.id")),
    Column("client", _ID, ForeignKey("clients.id")),
    Column("person", _ID, ForeignKey("people.id"), nullable=False),
    Column("kind", _CODE, nullable=False),
    Column("due", _AT, nullable=False),
    Column("done", _AT),
    Index("ix_tasks_open", "person", "done", "due"),
)

HOLDS = _table(
    "holds",
    Column("id", _ID, primary_key=True),
    Column("client", _ID, ForeignKey("clients.id"), nullable=False),
    Column("reason", _CODE, nullable=False),
    Column("request", _ID),
    Column("since", _AT, nullable=False),
    Column("lifted", _AT),
    Index("ix_holds_client", "client", "lifted"),
)

REQUESTS = _table(
    "requests",
    Column("id", _ID, primary_key=True),
    Column("client", _ID, ForeignKey("clients.id"), nullable=False),
    Column("requester", _CODE, nullable=False),
    Column("instrument", _CODE, nullable=False),
    Column("instrument_sha256", String(64)),
    Column("received", Date, nullable=False),
    Column("due", Date),
    Column("facts", String, nullable=False),  # JSON of codes, dates and switches
    Column("closed", _AT),
)

DECISIONS = _table(
    "decisions",
    Column("id", _ID, primary_key=True),
    Column("request", _ID, ForeignKey("requests.id"), nullable=False),
    Column("bucket", _CODE, nullable=False),
    Column("outcome", _CODE, nullable=False),
    Column("rule", _CODE, nullable=False),
    Column("pack", _CODE, nullable=False),
    Column("reasons", String, nullable=False),
    Column("by", _ID),
    Column("at", _AT, nullable=False),
)

DISCLOSURES = _table(
    "disclosures",
    Column("id", _ID, primary_key=True),
    Column("client", _ID, ForeignKey("clients.id"), nullable=False),
    Column("request", _ID, ForeignKey("requests.id")),
    Column("decision", _ID, ForeignKey("decisions.id")),
    Column("on", Date, nullable=False),
    Column("recipient_sealed", LargeBinary, nullable=False),
    Column("description_sealed", LargeBinary, nullable=False),
    Column("purpose", _CODE, nullable=False),
    Column("items", String, nullable=False),  # JSON: ids and digests of what left
    Column("accounted", Integer, nullable=False, default=0),
)

AUTHORIZATIONS = _table(
    "authorizations",
    Column("id", _ID, primary_key=True),
    Column("client", _ID, ForeignKey("clients.id"), nullable=False),
    Column("body_sealed", LargeBinary, nullable=False),
    Column("signed", Date),
    Column("expires", Date),
    Column("revoked", Date),
)

# What must still be done in the other databases: ids and codes. A sweep at start finishes what was cut.
INTENTS = _table(
    "intents",
    Column("id", _ID, primary_key=True),
    Column("kind", _CODE, nullable=False),
    Column("encounter", _ID, nullable=False),
    Column("subject", String, nullable=False),
    Column("at", _AT, nullable=False),
)

AUDIT = _table(
    "audit",
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),  # canonical JSON
    Column("hash", LargeBinary(32), nullable=False),
)

# One row, locked by every writer of the audit trail: what makes a chain of it.
AUDIT_HEAD = _table(
    "audit_head",
    Column("id", Integer, primary_key=True),
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    CheckConstraint("id = 1", name="one_head"),
)

# Who may log in. `password` is argon2id's own text; `totp_step` the last step of half a minute whose code was taken.
LOGINS = _table(
    "logins",
    Column("person", _ID, ForeignKey("people.id"), primary_key=True),
    Column("login", _ID, nullable=False),
    Column("password", String(255), nullable=False),
    Column("since", _AT, nullable=False),  # of the password
    Column("totp_sealed", LargeBinary),
    Column("pending_sealed", LargeBinary),  # a second factor that was begun and not confirmed yet
    Column("totp_step", BigInteger, nullable=False, default=0),
    UniqueConstraint("login", name="one_person_a_login"),
)

# Keyed digests; a code that was used is gone.
RECOVERY_CODES = _table(
    "recovery_codes",
    Column("person", _ID, ForeignKey("logins.person"), primary_key=True),
    Column("digest", LargeBinary(32), primary_key=True),
)

PASSKEYS = _table(
    "passkeys",
    Column("id", _ID, primary_key=True),
    Column("person", _ID, ForeignKey("logins.person"), nullable=False),
    Column("credential", LargeBinary, nullable=False),  # the authenticator's id of it
    Column("public", LargeBinary, nullable=False),  # COSE
    Column("uses", BigInteger, nullable=False),  # as the authenticator counts; one that goes back was copied
    Column("added", _AT, nullable=False),
    Column("used", _AT),
    UniqueConstraint("credential", name="one_passkey_a_credential"),
    Index("ix_passkeys_person", "person"),
)

# `token` is the SHA-256 of what the browser has; `keys_sealed` is under a key that only what the browser has gives.
SESSIONS = _table(
    "sessions",
    Column("id", _ID, primary_key=True),
    Column("token", LargeBinary(32), nullable=False),
    Column("person", _ID, ForeignKey("people.id"), nullable=False),
    Column("begun", _AT, nullable=False),
    Column("seen", _AT, nullable=False),
    Column("second", Integer, nullable=False, default=0),
    Column("stepped", _AT),
    Column("private_until", _AT),
    Column("keys_sealed", LargeBinary),
    Column("challenge", LargeBinary(64)),  # a passkey's, answered once
    Column("challenge_for", _CODE),
    Column("challenge_until", _AT),
    UniqueConstraint("token", name="one_session_a_token"),
    Index("ix_sessions_person", "person"),
)

# Tries that failed, by two bytes of a keyed digest: there are 65,536 rows at most, whatever names are tried.
THROTTLES = _table(
    "throttles",
    Column("door", LargeBinary(2), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("at", _AT, nullable=False),
    Column("until", _AT, nullable=False),
    Index("ix_throttles_at", "at"),
)

WRITTEN_ONCE = (NOTES, SIGNATURES, AUDIT, DECISIONS, DISCLOSURES, DISPOSITIONS, PLANS)
PASSING = (SESSIONS, THROTTLES)  # of the running service alone: no backup carries them
