"""Takes changed touchpoints, vehicles and relations in: their standard values, and the links of all changed records.

Works on the files of a run, a part at a time; what the links and values mean is found out by the evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from lifecycle.contracts import Contracts
from lifecycle.standard import ENTITIES, IDS, LINKS, Readers, links_of, party_links, pc, standardise
from models.config import Config
from models.duck import connect_small
from models.store import Store
from models.vocabulary import PARTY_TYPES, REFERENCES

ROWS = 400_000
"""Rows that are brought into standard form at once."""
Raw = Callable[[str, pa.Table], pa.Table]
"""Entity type, stored records (record_id, source, stream, payload) → the same with canonical raw attributes."""
PROBLEM = pa.schema(
    [(name, pa.int64() if name == "row" else pa.string())
     for name in ("source", "stream", "source_key", "row", "field", "value", "reason")]
)  # fmt: skip


def take_in(
    store: Store, config: Config, contracts: Contracts, folder: Path, readers: Readers, raw: Raw, *, everything: bool
) -> int:
    """Write `standard_<entity>.parquet` and `lifecycle/links.parquet`, `unlinks.parquet`; returns records taken in.

    With `everything` the standard values and links of all records are written anew, since the mapping changed. Values
    that cannot be read and kinds that the contracts do not know are added to the run's quarantine; the records stay.
    """
    out = folder / "lifecycle"
    out.mkdir(parents=True, exist_ok=True)
    links, gone, problems, count = [LINKS.empty_table()], [LINKS.empty_table()], [PROBLEM.empty_table()], 0
    for entity in ENTITIES:
        writer = None
        try:
            for rows in _raw_rows(store, folder, entity, raw, everything=everything):
                standard = standardise(config, entity, rows, readers)
                if writer is None:
                    writer = pq.ParquetWriter(
                        folder / f"standard_{entity}.parquet", standard.schema, compression="zstd"
                    )
                writer.write_table(standard)
                links.append(links_of(standard))
                problems.append(_problems(rows, standard, contracts if entity == "touchpoint" else None))
                count += standard.num_rows
        finally:
            if writer is not None:
                writer.close()
        if not everything:
            gone.append(_old_links(store, folder, entity))
    for entity in PARTY_TYPES:
        for rows in _raw_rows(store, folder, entity, raw, everything=everything, columns=REFERENCES[entity]):
            links.append(party_links(config, entity, rows))
        if not everything and (changed := _changed(folder, entity)) is not None:
            gone.append(store.links_of_parties(changed["record_id"]).cast(LINKS))
    _write_links(out, pa.concat_tables(links), pa.concat_tables(gone))
    _add_to_quarantine(folder, pa.concat_tables(problems))
    return count


def _raw_rows(
    store: Store, folder: Path, entity: str, raw: Raw, *, everything: bool, columns: Any = None
) -> Iterator[pa.Table]:
    """Changed records (with `everything` the others too) with their identity and raw attributes, or some of these."""
    path = folder / f"changes_{entity}.parquet"
    seen: Any = None
    if path.exists():
        file = pq.ParquetFile(path)
        names = [n for n in file.schema_arrow.names if n not in ("payload", "content_hash", "version", "source_time")]
        if columns is not None:
            wanted = {"record_id", "source", "stream", "source_key", "change", *columns}
            names = [name for name in names if name in wanted]
        changed = []
        for batch in file.iter_batches(ROWS, columns=names):
            rows = pa.Table.from_batches([batch])
            current = rows.filter(pc.not_equal(rows["change"], "late"))
            changed.append(current["record_id"])
            living = current.filter(pc.not_equal(current["change"], "delete"))
            if living.num_rows:
                yield living
        seen = pa.chunked_array([chunk for column in changed for chunk in column.chunks], pa.int64())
    if everything:
        for batch in store.record_batches(entity, ["source", "stream", "source_key", "payload"]):
            rows = pa.Table.from_batches([batch])
            if seen is not None:
                rows = rows.filter(pc.invert(pc.is_in(rows["record_id"], value_set=seen.combine_chunks())))
            if rows.num_rows:
                yield raw(entity, rows).drop_columns(["payload"])


def _changed(folder: Path, entity: str) -> pa.Table | None:
    path = folder / f"changes_{entity}.parquet"
    if not path.exists():
        return None
    table = pq.read_table(path, columns=["record_id", "change"])
    return table.filter(pc.not_equal(table["change"], "late"))


def _old_links(store: Store, folder: Path, entity: str) -> pa.Table:
    """On what the changed records hung until now, out of their standard values."""
    changed = _changed(folder, entity)
    if changed is None:
        return LINKS.empty_table()
    held = store.records_by_id(changed["record_id"].combine_chunks(), ["standard", "deleted"])
    held = held.filter(pc.and_(pc.invert(pc.fill_null(held["deleted"], False)), pc.is_valid(held["standard"])))
    rows: list[dict[str, Any]] = []
    for number, document in zip(held["record_id"].to_pylist(), held["standard"].to_pylist(), strict=True):
        values = orjson.loads(document)
        rows.append({"record_id": number, **{n: v for n, v in values.items() if n.endswith("_ids") or n == "vin_id"}})
    names = ["party_ids", "contact_ids", "refers_ids", "from_ids", "to_ids"]
    schema = pa.schema([("record_id", pa.int64()), *((name, IDS) for name in names), ("vin_id", pa.int64())])
    return links_of(pa.Table.from_pylist(rows, schema=schema))


def _write_links(out: Path, links: pa.Table, gone: pa.Table) -> None:
    """The links that hold now, and those that hold no more."""
    with connect_small() if gone.num_rows + links.num_rows < ROWS else duckdb.connect() as connection:
        connection.register("links", links)
        connection.register("gone", gone)
        for name, query in (
            ("links", "SELECT DISTINCT * FROM links"),
            ("unlinks", "SELECT DISTINCT * FROM gone ANTI JOIN links USING (target_id, record_id, kind)"),
        ):
            path = str(out / f"{name}.parquet").replace("'", "''")
            connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")


def _problems(rows: pa.Table, standard: pa.Table, contracts: Contracts | None) -> pa.Table:
    """What is set aside for a look: numbers that are none, and kinds of touchpoints without a contract."""
    found: list[dict[str, Any]] = []
    keys = dict(zip(rows["record_id"].to_pylist(), range(rows.num_rows), strict=True)) if rows.num_rows else {}
    dates = {f.name for f in standard.schema if pa.types.is_date32(f.type)}

    def note(number: int, field: str, value: str | None, reason: str) -> None:
        place = keys[number]
        identity = {name: rows[name][place].as_py() for name in ("source", "stream", "source_key")}
        found.append({**identity, "row": None, "field": field, "value": value, "reason": reason})

    unread = standard.filter(pc.is_valid(standard["reasons"])).select(["record_id", "reasons"])
    for row in unread.to_pylist():
        for field, value in orjson.loads(row["reasons"]).items():
            if field not in dates:  # unreadable dates were set aside when they landed
                note(row["record_id"], field, value, "a number that is none; the row is kept without it")
    if contracts is not None:
        known = pa.array(list(contracts.touchpoints), pa.string())
        strange = standard.filter(pc.invert(pc.fill_null(pc.is_in(standard["type"], value_set=known), False)))
        for row in strange.select(["record_id", "type"]).to_pylist():
            kind = row["type"]
            said = f"the contracts know no kind of touchpoint '{kind}'" if kind else "has no kind of touchpoint"
            note(row["record_id"], "type", kind, f"{said}; the row is kept, and no rule reads it")
    return pa.Table.from_pylist(found, schema=PROBLEM) if found else PROBLEM.empty_table()


def _add_to_quarantine(folder: Path, problems: pa.Table) -> None:
    if not problems.num_rows:
        return
    path = folder / "quarantine.parquet"
    held = [pq.read_table(path).select(PROBLEM.names).cast(PROBLEM)] if path.exists() else []
    part = folder / "quarantine.parquet.part"
    pq.write_table(pa.concat_tables([*held, problems]), part, compression="zstd")
    part.rename(path)
