"""What the databases themselves refuse: to change or delete what is written once; and what a role may do.

In: a dialect's name. Out: SQL statements, applied by a migration. Knows no data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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
