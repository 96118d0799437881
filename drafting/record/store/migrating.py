"""The databases' versions: made, brought up to date, and checked before anything else is done.

In: `Stores`. Out: the same with the present tables, or StoreOutdated. Every step is an Alembic script in `migrations/`, a folder for each database.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine

from drafting.errors import StoreFailed, StoreOutdated
from drafting.record.store import Stores, alone, reading, writing
from drafting.record.store.tables.guards import grants

_FOLDER = Path(__file__).parent / "migrations"


def upgrade(stores: Stores) -> None:
    """Bring each database to the present version; an empty one is made. Each is all or nothing, and to repeat it is safe. Raises StoreFailed, also
    for a store that a newer Aside has made."""
    for name, engine in stores.named():
        config = _config(name)
        with writing(engine) as connection:
            alone(connection)
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError:
                raise StoreFailed(reason=f"this Aside does not know the version of {name}: a newer one has made it, or a restore was cut") from None


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


def grant(stores: Stores) -> None:
    """Make the worker's role on the server of the private notes, if it is not there, and let it do there what `guards.grants` says and no more.
    On SQLite there are no roles, and nothing is done. Raises StoreFailed where the caller may make no roles."""
    with writing(stores.private) as connection:
        alone(connection)
        for statement in grants(stores.private.dialect.name):
            connection.exec_driver_sql(statement)


def _config(name: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("version_locations", str(_FOLDER / name))
    config.set_main_option("path_separator", "os")
    return config
