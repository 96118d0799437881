"""What the operator sets: read from the environment, and told to nobody."""

from __future__ import annotations

import pytest

from drafting.settings import read_settings


@pytest.mark.parametrize("store", ["RECORD", "PRIVATE", "KEYRING"])
def test_no_password_of_a_store_is_printed(store: str) -> None:
    """The address of a database may hold its password: it is read, and stands in no repr, which logs and tracebacks show."""
    settings = read_settings({f"ASIDE_{store}": "postgresql+psycopg://aside:heliotrope@db.example/kept"})
    assert "heliotrope" in getattr(settings, store.lower())
    assert not any(word in f"{settings!r} {settings}" for word in ("heliotrope", "db.example"))
