"""Standard values of touchpoints, vehicles and relations: days, numbers, VINs, and the numbers of what they hang on.

A value that cannot be read is kept in `reasons`, where the rules find it. Knows no rule and reads no store; the columns
are the same in a run's file and in the store's JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pyarrow_compute

from models.config import Config, Source, Stream
from models.duck import connect_small
from models.store import lifecycle_tables as lt
from models.vocabulary import REFERENCES, record_ids

pc: Any = pyarrow_compute  # its type stubs know only single arrays

ENTITIES = ("touchpoint", "vehicle", "relation")
"""What hangs on parties."""
SHORT = {"party_key": "party", "contact_key": "contact", "refers_to": "refers", "from_key": "from", "to_key": "to"}
"""Attribute with keys of other records → the beginning of the columns that hold their numbers."""
KINDS = {"party": lt.PARTY, "contact": lt.CONTACT, "refers": lt.REFERS, "from": lt.FROM, "to": lt.TO}
OF_PARTIES = {"organization_key": lt.ORGANIZATION, "parent_key": lt.PARENT}
LINKS = pa.schema([("target_id", pa.int64()), ("record_id", pa.int64()), ("kind", pa.int16())])
IDS = pa.list_(pa.int64())
Days = Callable[[Any, str | None], Any]
"""Texts and a stream's `date_format` → the days that they mean in the company's time zone (date32), null for none."""


@dataclass(frozen=True)
class Readers:
    """How texts are read; the functions belong to packages that the lifecycle does not know."""

    days: Days
    vin: Callable[[str], str]


def types_of(config: Config, entity: str) -> dict[str, pa.DataType]:
    """Every column of the standard values of an entity type, but the record's own number."""
    kinds = {"number": pa.float64(), "date": pa.date32()}
    found: dict[str, pa.DataType] = {}
    for name, attribute in config.attributes_of(entity).items():
        found[name] = pa.list_(pa.string()) if attribute.multi else kinds.get(attribute.type, pa.string())
    for attribute_name in REFERENCES[entity]:
        found[f"{SHORT[attribute_name]}_ids"] = IDS
    if "refers_to" in REFERENCES[entity]:
        found["refers_n"] = pa.int64()  # streams tried per key: the numbers of one key stand beside each other
    if "vin" in config.attributes_of(entity):
        found["vin_id"] = pa.int64()
    found["reasons"] = pa.string()
    return found


def standardise(config: Config, entity: str, raw: pa.Table, readers: Readers) -> pa.Table:
    """Standard values of records with their canonical raw columns (record_id, source, stream and attributes)."""
    schema = pa.schema([("record_id", pa.int64()), *types_of(config, entity).items()])
    parts = [schema.empty_table()]
    for source, stream in config.streams(entity):
        mine = raw.filter(pc.and_(pc.equal(raw["source"], source.name), pc.equal(raw["stream"], stream.name)))
        if mine.num_rows:
            parts.append(_stream(config, source, stream, mine.combine_chunks(), schema, readers))
    return pa.concat_tables(parts)


def _stream(
    config: Config, source: Source, stream: Stream, rows: pa.Table, schema: pa.Schema, readers: Readers
) -> pa.Table:
    given = {name: rows[name].combine_chunks() for name in rows.column_names if name in stream.mapped}
    columns: dict[str, Any] = {"record_id": rows["record_id"].combine_chunks()}
    unread: list[tuple[str, Any]] = []
    for name, attribute in config.attributes_of(stream.entity).items():
        texts = given.get(name)
        if texts is None:
            continue
        if attribute.multi:
            columns[name] = texts
        elif name in ("type", "role", "status", "stage"):
            columns[name] = pc.utf8_lower(texts) if name == "type" else texts
        elif name == "vin":
            columns["vin"], columns["vin_id"] = _vins(texts, readers.vin)
        elif attribute.type in ("number", "date"):
            read = _numbers if attribute.type == "number" else lambda some: readers.days(some, stream.date_format)
            values = _by_distinct(texts, read)
            columns[name] = values
            wrong = pc.and_(texts.is_valid(), values.is_null())
            if pc.any(wrong).as_py():
                unread.append((name, pc.if_else(wrong, texts, None)))
        else:
            columns[name] = texts
    for name in REFERENCES[stream.entity]:
        if name in given:
            targets = [(owner.name, other.name) for owner, other in config.targets(source, stream, name)]
            if targets:
                columns[f"{SHORT[name]}_ids"] = _targets(given[name], targets)
                if name == "refers_to":
                    columns["refers_n"] = pa.array(np.full(rows.num_rows, len(targets), np.int64))
    if unread:
        columns["reasons"] = _reasons(unread)
    arrays = [columns[f.name].cast(f.type) if f.name in columns else pa.nulls(rows.num_rows, f.type) for f in schema]
    return pa.table(arrays, schema=schema)


def _by_distinct(texts: Any, read: Callable[[Any], Any]) -> Any:
    """Read every different text once."""
    encoded = texts.dictionary_encode()
    return read(encoded.dictionary).take(encoded.indices)


# Currency signs and units around a number, thousands separated by commas, and 万 for ten thousand.
_NUMBER = r"""
    SELECT CASE WHEN regexp_full_match(n, '[-+]?(\d+|\d{1,3}(,\d{3})+)(\.\d*)?([eE][-+]?\d+)?|[-+]?\.\d+')
        THEN TRY_CAST(replace(n, ',', '') AS DOUBLE) * factor END
    FROM (SELECT regexp_replace(regexp_replace(t, '^[¥￥$€£]|^(CNY|RMB|USD|EUR)', '', 'i'),
            '(元|万元|万|km|公里|CNY|RMB|USD|EUR)$', '', 'i') AS n,
            CASE WHEN regexp_matches(t, '万元?$') THEN 10000 ELSE 1 END AS factor
        FROM (SELECT replace(regexp_replace(text, '\s', '', 'g'), ',', ',') AS t FROM texts))"""


def _numbers(texts: Any) -> Any:
    with connect_small() as connection:
        connection.register("texts", pa.table({"text": texts}))
        found: Any = connection.sql(_NUMBER).to_arrow_table()
    return found.column(0).combine_chunks().cast(pa.float64())


def _vins(texts: Any, vin: Callable[[str], str]) -> tuple[Any, Any]:
    encoded = texts.dictionary_encode()
    normal = [vin(text) for text in encoded.dictionary.to_pylist()]
    return pa.array(normal, pa.string()).take(encoded.indices), pa.array(vin_numbers(normal)).take(encoded.indices)


def vin_numbers(vins: Iterable[str]) -> Any:
    """The numbers under which VINs in their standard form stand in `record_link`, as an int64 array."""
    return record_ids("", "vin", vins)


def _targets(keys: Any, streams: list[tuple[str, str]]) -> Any:
    """For each row the numbers of the records that its keys may name: key by key, the streams in their order."""
    many = pa.types.is_list(keys.type)
    flat = keys.flatten() if many else keys.drop_null()
    encoded = flat.dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    places = encoded.indices.to_numpy(zero_copy_only=False)
    each = [record_ids(source, stream, texts)[places] for source, stream in streams]
    numbers = np.stack(each, axis=1).ravel() if len(flat) else np.empty(0, np.int64)
    there = keys.is_valid().to_numpy(zero_copy_only=False)
    counts = pc.fill_null(pc.list_value_length(keys), 0).to_numpy() if many else there.astype(np.int64)
    offsets = np.concatenate(([0], np.cumsum(counts * len(streams)))).astype(np.int32)
    lists: Any = pa.ListArray
    return lists.from_arrays(pa.array(offsets, mask=np.append(~there, False)), pa.array(numbers))


def _reasons(unread: list[tuple[str, Any]]) -> Any:
    """Attribute → the text that could not be read, as one JSON object per record; null where all could."""
    with connect_small() as connection:
        connection.register("unread", pa.table(dict(unread)))
        names = [name for name, _ in unread]
        parts = ", ".join(f'CASE WHEN "{n}" IS NOT NULL THEN \'"{n}":\' || to_json("{n}")::VARCHAR END' for n in names)
        some = " OR ".join(f'"{n}" IS NOT NULL' for n in names)
        query = f"SELECT CASE WHEN {some} THEN '{{' || concat_ws(',', {parts}) || '}}' END FROM unread"
        found: Any = connection.sql(query).to_arrow_table()
    return found.column(0).combine_chunks()


def links_of(standard: pa.Table) -> pa.Table:
    """target_id, record_id, kind of everything that records hang on, whether it is known or not."""
    parts = [LINKS.empty_table()]
    for short, kind in KINDS.items():
        if f"{short}_ids" in standard.column_names:
            column: Any = standard[f"{short}_ids"].combine_chunks()
            owners = standard["record_id"].combine_chunks().take(pc.list_parent_indices(column))
            parts.append(_links(pc.list_flatten(column), owners, kind))
    if "vin_id" in standard.column_names:
        some = standard.filter(pc.is_valid(standard["vin_id"]))
        parts.append(_links(some["vin_id"].combine_chunks(), some["record_id"].combine_chunks(), lt.VEHICLE))
    return pa.concat_tables(parts)


def party_links(config: Config, entity: str, raw: pa.Table) -> pa.Table:
    """target_id, record_id, kind of the organizations that persons work for, and of the parents of organizations."""
    parts = [LINKS.empty_table()]
    for source, stream in config.streams(entity):
        for name in REFERENCES[entity]:
            targets = [(owner.name, other.name) for owner, other in config.targets(source, stream, name)]
            if name not in stream.mapped or not targets or name not in raw.column_names:
                continue
            ours = pc.and_(pc.equal(raw["source"], source.name), pc.equal(raw["stream"], stream.name))
            mine = raw.filter(pc.and_(ours, pc.is_valid(raw[name])))
            lists = _targets(mine[name].combine_chunks(), targets)
            owners = mine["record_id"].combine_chunks().take(pc.list_parent_indices(lists))
            parts.append(_links(pc.list_flatten(lists), owners, OF_PARTIES[name]))
    return pa.concat_tables(parts)


def _links(targets: Any, owners: Any, kind: int) -> pa.Table:
    return pa.table([targets, owners, pa.array(np.full(len(owners), kind, np.int16))], schema=LINKS)
