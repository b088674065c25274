"""The tables of overrides before anything is standardised: ignored values match nobody, aliases read as the name.

What a record delivers stays as it is; only what matching makes of it differs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from models.config import Config

ALIASED = frozenset({"name", "name_en", "short_name"})
"""Attributes of organizations in which aliases are looked for."""


def overridden(config: Config, entity: str, members: pa.Table) -> pa.Table:
    """The raw columns of records as they are to be standardised."""
    tables = config.overrides()
    for (kind, name), values in tables.ignored.items():
        if kind == entity and name in members.column_names:
            members = _changed(members, name, partial(_unless, values))
    if entity == "organization" and tables.aliases:
        for name in ALIASED:
            if name in members.column_names:
                members = _changed(members, name, lambda text: tables.aliases.get(text.lower(), text))
    return members


def overridden_texts(
    config: Config, entity: str, texts: Mapping[str, list[str]]
) -> tuple[dict[str, list[str]], dict[str, str]]:
    """`overridden` for the values of one record, by attribute; and attribute → why a value of it is passed over."""
    tables, found, passed = config.overrides(), dict(texts), dict[str, str]()
    for (kind, name), values in tables.ignored.items():
        if kind == entity and name in found:
            kept = [text for text in found[name] if _unless(values, text) is not None]
            if len(kept) < len(found[name]):
                passed[name] = "is in the table of ignored values"
            found[name] = kept
    if entity == "organization" and tables.aliases:
        for name in ALIASED & found.keys():
            found[name] = [tables.aliases.get(text.lower(), text) for text in found[name]]
    return {name: values for name, values in found.items() if values}, passed


def _unless(values: Collection[str], text: str) -> str | None:
    return None if text.lower() in values else text


def _changed(members: pa.Table, name: str, change: Callable[[str], str | None]) -> pa.Table:
    """The rows with a column changed value by value; each distinct value is looked at once."""
    column = members[name].combine_chunks()
    if pa.types.is_list(column.type):
        rows: list[Any] = [
            None if row is None else ([v for v in map(change, row) if v is not None] or None)
            for row in column.to_pylist()
        ]
        changed: Any = pa.array(rows, column.type)
    else:
        coded: Any = pc.dictionary_encode(column)
        words = pa.array([None if v is None else change(v) for v in coded.dictionary.to_pylist()], pa.string())
        changed = words.take(coded.indices)
    return members.set_column(members.schema.get_field_index(name), name, changed)
