"""What the databases themselves refuse: to change or delete what is written once; and what a role may do.

In: a dialect's name. Out: SQL statements, applied by a migration (`written_once`) or by whoever sets the server up (`grants`). Knows no data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

ASIDE_WORKER = "aside_worker"
_MESSAGE = "written once"


def written_once(tables: Iterable[str], dialect: str) -> Iterator[str]:
    """Triggers by which `tables` take new rows and refuse every change and deletion. On PostgreSQL TRUNCATE is refused as well."""
    if dialect == "postgresql":
        yield (
            "CREATE FUNCTION aside_written_once() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_MESSAGE}' USING ERRCODE = 'restrict_violation'; END $$"
        )
    for table in tables:
        if dialect == "postgresql":
            yield (
                f"CREATE TRIGGER {table}_once BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION aside_written_once()"
            )
        else:
            for verb in ("UPDATE", "DELETE"):
                yield f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"


def grants(dialect: str, worker: str = ASIDE_WORKER) -> Iterator[str]:
    """For the database of the private notes on PostgreSQL: a role that may put a row into `private_notes`, and may read, change or delete nothing
    there or in another table. A login that the worker uses is made a member of it by whoever runs the server. SQLite has no roles: nothing."""
    if dialect == "postgresql":
        yield f"DO $$ BEGIN CREATE ROLE {worker} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        yield f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {worker}, PUBLIC"
        yield f"GRANT USAGE ON SCHEMA public TO {worker}"
        yield f"GRANT INSERT ON private_notes TO {worker}"
