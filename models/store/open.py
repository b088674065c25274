"""Opening a hub store: the schema is brought to the version that this program needs, or the store is refused."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from models.errors import StoreError
from models.store import lock
from models.store.analyst_views import drop_views, ensure_views
from models.store.database import Database
from models.store.store import Store
from models.store.tables import SCHEMA_REVISION

_MIGRATION_WAIT_SECONDS = 60.0


def open_store(url: str, *, migrate: bool = True) -> Store:
    """The hub store at a URL (`sqlite:///FILE` or `postgresql+psycopg://…`), created when it is empty.

    Without `migrate` a store of another schema version is refused instead of migrated. Raises StoreError.
    """
    database = Database(url)
    try:
        if _revision(database) != SCHEMA_REVISION:
            if not migrate:
                raise StoreError(f"{database.shown}: the hub store's schema is not the one this program needs")
            with lock.hold(database, wait=_MIGRATION_WAIT_SECONDS, holder=lambda: "it must end before the migration"):
                _migrate(database)
    except BaseException:
        database.close()
        raise
    return Store(database)


def _revision(database: Database) -> str | None:
    """The schema version of the store, None when it is empty."""
    with database.read() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        found = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        return None if found is None else str(found)


def _migrate(database: Database) -> None:
    found = _revision(database)  # another process may have been quicker
    if found == SCHEMA_REVISION:
        return
    # Alembic is needed once per version, and costs a fifth of a second to import.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise StoreError(
            f"{database.shown}: the hub store has schema {found}, this program knows up to {SCHEMA_REVISION}; "
            "it was written by a newer Kehu"
        )
    with database.write() as connection:
        drop_views(connection)  # what they show could not be changed otherwise
        config.attributes["connection"] = connection
        command.upgrade(config, SCHEMA_REVISION)
    ensure_views(database)
