"""Finding golden records by what somebody typed, with filters, page by page.

Nobody finds anything by an attribute that they do not see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import sqlalchemy as sa

from models.errors import ConfigError
from models.store.lifecycle_tables import customer_state
from models.store.search_tables import search_word
from models.store.serving_tables import tombstone
from models.store.tables import golden_record
from models.vocabulary import PARTY_TYPES
from serving.customers.asker import Asker
from serving.customers.golden import Golden
from serving.customers.keys import Key, crosswalk
from serving.search import search as by_index

STATE_FILTERS = ("stage", "segment", "owner", "kind")
"""Filters by where a customer stands, beside those by attribute."""

MOST_HITS = 400
"""Golden records that a text may find; what fits worse than these was not meant."""

_BY_NAME = ("name", "name_en", "short_name", "full_name")
_EXACT = ("tax_id", "registration_id", "national_id", "phone", "email", "website")


@dataclass(frozen=True)
class Search:
    """What is looked for. `where`: attribute → value that it has; `state`: one of STATE_FILTERS → value.

    `after` is the golden id that the page before ended with.
    """

    text: str = ""
    entity_type: str | None = None
    status: str = "active"
    where: Mapping[str, str] = field(default_factory=dict)
    state: Mapping[str, str] = field(default_factory=dict)
    after: str = ""
    limit: int = 50


def search(asker: Asker, wanted: Search) -> list[Golden]:
    """Up to `limit` golden records in the order of their ids. Raises ConfigError for a filter that cannot be."""
    g = golden_record.c
    types = [wanted.entity_type] if wanted.entity_type else list(PARTY_TYPES)
    ranked = _ranked(asker, wanted)
    matching = [m for entity in types if (m := _matches(asker, entity, wanted, ranked is not None)) is not None]
    if not matching:
        return []
    erased = sa.exists().where(tombstone.c.kind == "golden", tombstone.c.id == g.golden_id)
    query = sa.select(golden_record).where(sa.or_(*matching), ~erased)
    if wanted.status != "any":
        query = query.where(g.status == wanted.status)
    if wanted.after:
        query = query.where(g.golden_id > wanted.after)
    if wanted.state:
        s = customer_state.c
        query = query.join(customer_state, s.golden_id == g.golden_id)
        query = query.where(*(s[name] == value for name, value in wanted.state.items()))
    if ranked is not None:
        query = query.where(g.golden_id.in_(ranked))
    with asker.store.database.read() as connection:
        rows = connection.execute(query.order_by(g.golden_id).limit(wanted.limit)).mappings()
        return [Golden.of(row) for row in rows]


def _ranked(asker: Asker, wanted: Search) -> list[str] | None:
    """The golden ids that the index of names, ids and contacts finds; None without a text, or without an index yet."""
    if not wanted.text or asker.store.database.is_empty(search_word):
        return None
    hits = by_index(
        asker.store, asker.config, asker.masking, asker.who, wanted.text, limit=MOST_HITS, entity=wanted.entity_type
    )
    return [hit.golden_id for hit in hits]


def _matches(asker: Asker, entity: str, wanted: Search, hits: bool) -> sa.ColumnElement[bool] | None:
    """The conditions on golden records of one entity type; None where none can fit."""
    known = asker.config.attributes_of(entity)
    visible = set(asker.masking.visible(asker.who, entity))
    conditions: list[sa.ColumnElement[bool]] = [golden_record.c.entity_type == entity]
    for name, value in wanted.where.items():
        if name not in known:
            if wanted.entity_type or not any(name in asker.config.attributes_of(e) for e in PARTY_TYPES):
                raise ConfigError(f"there is no attribute '{name}' to filter by")
            return None
        if name not in visible:
            return None
        conditions.append(_is(asker, name, known[name].multi, value))
    if wanted.text and not hits:
        found = _by_text(asker, entity, [n for n in known if n in visible], wanted.text)
        if found is None:
            return None
        conditions.append(found)
    return sa.and_(*conditions)


def _by_text(asker: Asker, entity: str, visible: Sequence[str], text: str) -> sa.ColumnElement[bool] | None:
    g = golden_record.c
    text = " ".join(text.split())
    ways: list[sa.ColumnElement[bool]] = [g.golden_id == text]
    source, colon, key = text.partition(":")
    if colon and key:
        place, _, stream = source.partition(".")
        asked = Key(place, key, stream or None)
        homes = [r["golden_id"] for r in crosswalk(asker.store, asker.config, [asked])[asked] if r["golden_id"]]
        if homes:
            ways.append(g.golden_id.in_(homes))
    for name in visible:
        if name in _BY_NAME:
            ways.append(sa.func.lower(_value(asker, name)).contains(text.lower(), autoescape=True))
        elif name in _EXACT:
            ways.append(_is(asker, name, name in ("phone", "email"), text))
    return sa.or_(*ways)


def _value(asker: Asker, name: str) -> sa.ColumnElement[str]:
    """An attribute's value in the golden record's JSON."""
    column = golden_record.c["values"]
    if asker.store.dialect == "sqlite":
        return sa.func.json_extract(column, f'$."{name}"')
    found: sa.ColumnElement[str] = sa.cast(column, sa.JSON)[name].as_string()
    return found


def _is(asker: Asker, name: str, multi: bool, value: str) -> sa.ColumnElement[bool]:
    """That an attribute has a value: one of its values where it has several."""
    found = _value(asker, name)
    if not multi:
        return sa.cast(found, sa.Text) == value
    # A list is JSON text here; what is sought is one of its strings, written as JSON writes it.
    return found.contains(orjson.dumps(value).decode(), autoescape=True)


def page_end(found: Sequence[Golden], limit: int) -> str | None:
    """The golden id after which the next page begins; None where there is none."""
    return found[-1].golden_id if len(found) == limit and found else None


def summary(asker: Asker, golden: Golden) -> dict[str, Any]:
    """A golden record as lists show it."""
    values, masked = asker.shown(golden.golden_id, golden.entity_type, golden.values)
    return {
        "golden_id": golden.golden_id,
        "entity_type": golden.entity_type,
        "status": golden.status,
        "version": golden.version,
        "records": golden.records,
        "recorded_at": golden.recorded_at,
        "values": values,
        "masked": masked,
    }
