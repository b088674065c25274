"""Stores of every schema that was released, with rows in every table, become stores of today and keep their rows."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import models.store
from models.store import open_store
from models.store.database import Database
from models.store.tables import SCHEMA_REVISION, metadata

SCRIPTS = Path(models.store.__file__).parent / "migrations"
RELEASED = sorted(s.revision for s in ScriptDirectory(str(SCRIPTS)).walk_revisions() if s.revision != SCHEMA_REVISION)
AT = dt.datetime(2025, 3, 4, 5, 6, 7, tzinfo=dt.UTC)
_OURS = {"alembic_version", "analyst_view"}
"""Tables whose rows are the schema's own."""
_MOVED = {"stage_history"}
"""Tables whose rows stand elsewhere since a later schema."""


def build(database: Database, revision: str) -> None:
    """The schema of a revision."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.set_main_option("path_separator", "os")
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def value(column: sa.Column[Any]) -> Any:
    """Something that the column takes."""
    if column.name in ("right_id", "child_id", "new_id"):
        return "y" if isinstance(column.type, sa.Text | sa.String) else 2
    if isinstance(column.type, sa.DateTime):
        return AT
    if isinstance(column.type, sa.Boolean):
        return False
    if isinstance(column.type, sa.Float | sa.Numeric) and not isinstance(column.type, sa.Integer):
        return 1.5
    if isinstance(column.type, sa.Integer):
        return 1
    return "{}" if column.name in ("values", "metrics", "document", "filters", "profile", "tally", "state") else "x"


def fill(connection: sa.Connection) -> dict[str, dict[str, Any]]:
    """A row in every table that there is; what was written, by table."""
    found = sa.MetaData()
    found.reflect(connection)
    written: dict[str, dict[str, Any]] = {}
    for table in found.sorted_tables:
        if table.name in _OURS:
            continue
        connection.execute(sa.delete(table))
        row = {c.name: value(c) for c in table.c if not (c.nullable and c.foreign_keys)}
        connection.execute(sa.insert(table).values(**row))
        written[table.name] = row
    return written


@pytest.mark.parametrize("revision", RELEASED)
def test_a_store_of_every_released_schema_keeps_its_rows(empty_url: str, revision: str) -> None:
    database = Database(empty_url)
    build(database, revision)
    with database.write() as connection:
        written = fill(connection)
    database.close()
    with open_store(empty_url) as store:
        with store.engine.connect() as connection:
            assert connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == SCHEMA_REVISION
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, metadata) == []
            for name, row in written.items():
                if name in _MOVED:
                    continue
                table = metadata.tables[name]
                held = [dict(r) for r in connection.execute(sa.select(table)).mappings()]
                kept = {c: v for c, v in row.items() if c in table.c}
                assert [r for r in held if {c: r[c] for c in kept} == kept], (name, held)
        assert store.counts()["run"] == 1 and store.golden("x").num_rows == 0
