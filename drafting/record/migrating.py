"""The databases' versions: made, brought up to date, and checked before anything else is done.

In: `Stores`. Out: the same with the present tables, or StoreOutdated. Every step is an Alembic script in `migrations/`, a folder for each database.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from drafting.errors import StoreOutdated
from drafting.record.store import Stores, reading, writing

_FOLDER = Path(__file__).parent / "migrations"


def upgrade(stores: Stores) -> None:
    """Bring each database to the present version; an empty one is made. Raises StoreFailed."""
    for name, engine in stores.named():
        config = _config(name)
        with writing(engine) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def check(stores: Stores) -> None:
    """Raise StoreOutdated unless every database is of the version that this code was written for."""
    for name, engine in stores.named():
        found, wanted = version(engine), ScriptDirectory.from_config(_config(name)).get_current_head()
        if found != wanted:
            raise StoreOutdated(store=name, found=found or "none", wanted=wanted)


def version(engine: Engine) -> str | None:
    """The version that a database says it is of; None for an empty one."""
    with reading(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _config(name: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("version_locations", str(_FOLDER / name))
    config.set_main_option("path_separator", "os")
    return config
