"""Read-only views for analysts: names and columns that stay, whatever becomes of the tables behind them.

On PostgreSQL they stand in the schemas `analyst` and `analyst_personal`, on SQLite under names that begin so. Public
attributes are in the first, personal ones in the second alone, secret ones in none. Views are dropped before a
migration and made anew after it; attributes that a configuration adds come in with the next run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from models.store.analyst_columns import VIEWS, Column, Kind, View
from models.store.database import Database
from models.store.serving_tables import analyst_view
from models.vocabulary import Attribute, attributes

if TYPE_CHECKING:
    from models.config import Config

PUBLIC, PERSONAL = "analyst", "analyst_personal"
"""Schemas on PostgreSQL, and how names begin on SQLite."""

Attributes = Mapping[str, Mapping[str, Attribute]]
"""Entity type → name → attribute."""


class Shown(NamedTuple):
    """A view as it is made: its name in the database's own way, its columns, and its statement."""

    name: str
    view: View
    columns: tuple[Column, ...]
    select: str


def vocabulary() -> Attributes:
    """The attributes that every hub has."""
    return {entity: attributes(entity) for entity in ("organization", "person", "vehicle", "touchpoint")}


def attributes_in_views(config: Config) -> Attributes:
    """The attributes of a configuration, added ones too, by entity type."""
    return {entity: config.attributes_of(entity) for entity in vocabulary()}


def shown_views(dialect: str, known: Attributes | None = None) -> list[Shown]:
    """Every view for a database, with the columns of a configuration's attributes."""
    found = known or vocabulary()
    return [_shown(view, dialect, found) for view in VIEWS]


def ensure_views(database: Database, known: Attributes | None = None) -> bool:
    """Make the views as the attributes ask for; whether anything had to be done. One transaction."""
    wanted = shown_views(database.dialect, known)
    statements = {shown.name: f"CREATE VIEW {shown.name} AS {shown.select}" for shown in wanted}
    hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in statements.items()}
    with database.read() as connection:
        c = analyst_view.c
        if {row.name: row.hash for row in connection.execute(sa.select(c.name, c.hash))} == hashes:
            return False
    with database.write() as connection:
        drop_views(connection)
        if database.dialect == "postgresql":
            for schema in (PUBLIC, PERSONAL):
                connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        for name in statements:
            connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")  # of a database whose rows came from another
        for text in statements.values():
            # No parameters stand in it; a colon or a per cent sign would be read as one.
            connection.exec_driver_sql(text.replace("%", "%%") if database.dialect == "postgresql" else text)
        rows = [{"name": name, "hash": value} for name, value in hashes.items()]
        connection.execute(sa.insert(analyst_view), rows)
    return True


def drop_views(connection: sa.Connection) -> None:
    """Remove every view that was made, so that the tables behind them may change."""
    if not sa.inspect(connection).has_table("analyst_view"):
        return
    for name in connection.scalars(sa.select(analyst_view.c.name)).all():
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")
    connection.execute(sa.delete(analyst_view))


def view_name(view: View, dialect: str) -> str:
    """What a view is called in a database."""
    place = PERSONAL if view.personal else PUBLIC
    return f"{place}.{view.name}" if dialect == "postgresql" else f"{place}_{view.name}"


def _shown(view: View, dialect: str, known: Attributes) -> Shown:
    postgres = dialect == "postgresql"
    columns = list(view.columns)
    wanted = list(_attributes(view, known)) if view.entity else []
    selects = [f"{c.sql(postgres)} AS {_quoted(c.name)}" for c in columns]
    taken = {c.name for c in columns}
    for attribute in wanted:
        if attribute.name in taken:
            continue
        columns.append(_described(attribute))
        selects.append(f"{_value(view, attribute, postgres)} AS {_quoted(attribute.name)}")
    source = view.postgres if postgres and view.postgres else view.source
    if postgres and view.entity and wanted:
        names = ", ".join(f"{_quoted(a.name)} text" for a in wanted)
        # One reading of the document for all columns of a row.
        source = source.replace("{values}", f"CROSS JOIN LATERAL json_to_record({view.document}::json) AS v({names})")
    return Shown(
        view_name(view, dialect), view, tuple(columns), f"SELECT {', '.join(selects)} {source}".replace("{values}", "")
    )


def _attributes(view: View, known: Attributes) -> Iterable[Attribute]:
    allowed = ("public", "personal") if view.personal else ("public",)
    return (a for a in known[view.entity].values() if a.sensitivity in allowed)


def _value(view: View, attribute: Attribute, postgres: bool) -> str:
    name = _quoted(attribute.name)
    plain = f"v.{name}" if postgres else f"{view.document} ->> '$.{name}'"
    if attribute.type != "number" or attribute.multi:
        return plain
    if postgres:  # a value that is no number must not end an analyst's query
        return f"CASE WHEN {plain} ~ '^-?[0-9]+([.][0-9]+)?$' THEN CAST({plain} AS double precision) END"
    return f"CAST({plain} AS REAL)"


def _described(attribute: Attribute) -> Column:
    kind: Kind = "number" if attribute.type == "number" and not attribute.multi else "text"
    words = "JSON array of values" if attribute.multi else f"golden value, {attribute.sensitivity}"
    return Column(attribute.name, kind, words)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
