"""From delivered columns to canonical raw values, by a stream's `fields`: from a batch, or out of stored payloads.

Values are only trimmed; bringing them to one form is standardisation's work.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from connectors.arrow import Column, Texts, pc, places, whole
from connectors.text import FEW_PAYLOADS, clean, few_payload_texts, payload_texts, text_form
from models.config import Config, Stream
from models.duck import connect_small
from models.vocabulary import attributes

LIST = pa.list_(pa.string())


def map_columns(stream: Stream, table: pa.Table | pa.RecordBatch, *, multi: Collection[str] | None = None) -> pa.Table:
    """Canonical raw columns of delivered rows: one per attribute of the stream's `fields`, in the vocabulary's order.

    A text attribute of several columns holds their values joined by a space. An attribute in `multi` (default: the
    vocabulary's) is a list<string>; a cell that holds a JSON list adds each of its values. Empty values are null, and
    so is what stands in a column that the table does not hold.
    """
    present, rows = set(table.schema.names), table.num_rows
    cache: dict[str, Texts] = {}

    def value(name: str) -> Texts:
        if name not in cache:
            there = name in present
            cache[name] = clean(text_form(whole(table.column(name)))) if there else pa.nulls(rows, pa.string())
        return cache[name]

    return _mapped(stream, value, _multi(stream.entity) if multi is None else multi, rows)


def remap(config: Config, records: pa.Table, *, entity: str) -> pa.Table:
    """Canonical raw columns of stored records under the present configuration, in the order of `records`.

    `records` needs the columns source, stream and payload (others are kept in front); the attributes are those of every
    stream of the entity type, null where a record's stream does not map one. Records of a stream that the configuration
    no longer holds keep no values.
    """
    multi = multi_attributes(config, entity)
    schema = canonical_schema(config, entity)
    known = pc.binary_join_element_wise(whole(records.column("source")), whole(records.column("stream")), "\x1f")
    pieces: list[pa.Table] = []
    positions: list[Any] = []
    with ExitStack() as stack:
        read: Callable[[Texts, list[str]], dict[str, Texts]] = few_payload_texts
        if records.num_rows > FEW_PAYLOADS:
            read = partial(payload_texts, stack.enter_context(connect_small()))
        for source, stream in config.streams(entity):
            rows = np.flatnonzero(pc.equal(known, f"{source.name}\x1f{stream.name}").to_numpy(zero_copy_only=False))
            if not len(rows):
                continue
            columns = sorted({column for names in stream.field_columns.values() for column in names})
            payload = whole(records.column("payload")).take(places(rows)).cast(pa.string())
            texts = {name: clean(text) for name, text in read(payload, columns).items()}
            pieces.append(fitted(_mapped(stream, texts.__getitem__, multi, len(rows)), schema, len(rows)))
            positions.append(rows)
    rest = np.setdiff1d(np.arange(records.num_rows), np.concatenate(positions) if positions else np.empty(0, np.int64))
    pieces.append(fitted(pa.table({}), schema, len(rest)))
    order = np.argsort(np.concatenate([*positions, rest]), kind="stable")
    values = pa.concat_tables(pieces).combine_chunks().take(places(order))
    for name in values.column_names:
        records = records.append_column(values.schema.field(name), values.column(name))
    return records


def multi_attributes(config: Config, entity: str) -> frozenset[str]:
    """The attributes of an entity type that hold lists, those that the configuration adds included."""
    return frozenset(name for name, attribute in config.attributes_of(entity).items() if attribute.multi)


def canonical_schema(config: Config, entity: str) -> pa.Schema:
    """One field per attribute that any stream of the entity type maps, in the vocabulary's order."""
    mapped = {name for _, stream in config.streams(entity) for name in stream.mapped}
    found = config.attributes_of(entity)
    return pa.schema([(name, LIST if found[name].multi else pa.string()) for name in found if name in mapped])


def fitted(table: pa.Table, schema: pa.Schema, rows: int) -> pa.Table:
    """The table with exactly the columns of the schema; what it lacks is null."""
    present = set(table.column_names)
    return pa.table(
        [table.column(f.name).cast(f.type) if f.name in present else pa.nulls(rows, f.type) for f in schema],
        schema=schema,
    )


def _multi(entity: str) -> frozenset[str]:
    return frozenset(name for name, attribute in attributes(entity).items() if attribute.multi)


def _mapped(stream: Stream, value: Callable[[str], Texts], multi: Collection[str], rows: int) -> pa.Table:
    fields: Mapping[str, list[str]] = stream.field_columns
    order = [name for name in attributes(stream.entity) if name in stream.mapped]
    order += [name for name in stream.mapped if name not in order]
    columns: dict[str, Column] = {}
    for name in order:
        if name in stream.constants:
            parts = [pa.repeat(pa.scalar(stream.constants[name]), rows)]
        else:
            parts = [_decoded(value(column), stream.codes.get(name)) for column in fields[name]]
        if name in multi:
            columns[name] = _lists(parts)
        elif len(parts) == 1:
            columns[name] = parts[0]
        else:
            columns[name] = _joined(parts)
    return pa.table(columns)


def _decoded(text: Texts, codes: Mapping[str, str] | None) -> Texts:
    """Delivered values with the values that `codes` gives for them; case does not count, others stay as they are."""
    if not codes:
        return text
    place = pc.index_in(pc.utf8_lower(text), value_set=pa.array([code.strip().lower() for code in codes]))
    return pc.coalesce(pa.array(list(codes.values()), pa.string()).take(place), text)


def _joined(parts: list[Texts]) -> Texts:
    """The values that are there, with a space between them; null when there is none."""
    # Not by Arrow's null_handling="skip", which loses rows that hold nothing but nulls (seen with pyarrow 26).
    spaced = [pc.fill_null(pc.binary_join_element_wise("", part, " "), "") for part in parts]
    return clean(pc.binary_join_element_wise(*spaced, ""))


def _lists(parts: list[Texts]) -> Column:
    """Row-wise lists of the values that are there, in the order of the columns; null when there is none."""
    rows, width = len(parts[0]), len(parts)
    if any(pc.any(pc.starts_with(part, "[")).as_py() for part in parts):
        return _lists_with_json(parts)
    valid = np.column_stack([part.is_valid().to_numpy(zero_copy_only=False) for part in parts])
    places = np.arange(width) * rows + np.arange(rows)[:, None]
    values = pa.concat_arrays(parts).take(pa.array(places[valid]))
    counts = valid.sum(axis=1)
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
    # A null offset makes a null list; the last offset closes the array.
    empty = np.append(counts == 0, False)
    lists: Any = pa.ListArray
    return lists.from_arrays(pa.array(offsets, mask=empty), values)


def _lists_with_json(parts: list[Texts]) -> Column:
    rows = []
    for cells in zip(*(part.to_pylist() for part in parts), strict=True):
        values = [value for cell in cells if cell is not None for value in _cell_values(cell)]
        rows.append(values or None)
    return pa.array(rows, LIST)


def _cell_values(cell: str) -> list[str]:
    if not cell.startswith("["):
        return [cell]
    try:
        found = orjson.loads(cell)
    except orjson.JSONDecodeError:
        return [cell]  # a bracket at the start of ordinary text
    flat = [v if isinstance(v, str) else orjson.dumps(v).decode() for v in found if v is not None]
    return [v for v in clean(pa.array(flat, pa.string())).to_pylist() if v is not None]
