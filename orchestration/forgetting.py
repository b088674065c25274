"""What a run does about records that must go: those of erased persons, and of streams that were taken out for good.

Erased persons stand in the store's tombstones: their records are taken out and kept out, and what is left is removed.
Streams that were taken out stand in the configuration.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from connectors.changes import COLUMNS, ChangeReport
from connectors.mapping import canonical_schema, fitted
from models.store.landed_files import clear_files
from models.store.left_out import of_stream, removed_streams
from models.store.tables import source_record
from models.vocabulary import record_id
from orchestration.hub_run import HubRun


def take_out(run: HubRun, report: ChangeReport) -> int:
    """Make every record of an erased person that the hub still holds a deletion of this run, and drop it otherwise.

    Works on the run's changes and quarantine, and takes what is dropped off the counts. Returns how many records are
    deleted so.
    """
    erased = {int(one) for one in run.store.tombstoned("record")}
    if not erased:
        return 0
    counts = {(s.source, s.stream): s for s in report.streams}
    ids = pa.array(sorted(erased), pa.int64())
    held = run.store.records_by_id(ids, ["entity_type", "source", "stream", "source_key", "version", "deleted"])
    living = held.filter(pc.invert(held["deleted"])).to_pylist()
    for entity in run.config.entities():
        mine = [row for row in living if row["entity_type"] == entity]
        for row in _rewrite_changes(run, entity, ids, mine):
            if stream := counts.get((row["source"], row["stream"])):
                name = {"insert": "inserted", "update": "updated", "delete": "deleted"}.get(row["change"], "late")
                setattr(stream, name, getattr(stream, name) - 1)
    _rewrite_quarantine(run, erased)
    return len(living)


def delete_removed(run: HubRun) -> list[dict[str, Any]]:
    """Make every record of the streams that were taken out a deletion of this run.

    Returns source, stream, entity and how many (`deleted`) of each stream that had some.
    """
    r = source_record.c
    columns = (r.record_id, r.source, r.stream, r.source_key, r.version)
    with run.store.database.read() as connection:
        gone = removed_streams(connection, run.config)
    found = []
    for source, stream, entity in gone:
        if entity not in run.config.entities():  # nothing of this type is resolved any more
            continue
        living = run.store.fetch_arrow(sa.select(*columns).where(*of_stream(source, stream, entity)))
        if not living.num_rows:
            continue
        path = run.folder / f"changes_{entity}.parquet"
        schema = pa.schema([*COLUMNS, *canonical_schema(run.config, entity)])
        living = living.set_column(4, "version", pc.add(living["version"], 1))
        rows = fitted(
            living.append_column("change", pa.repeat(pa.scalar("delete"), living.num_rows)), schema, living.num_rows
        )
        pq.write_table(
            pa.concat_tables([pq.read_table(path), rows]) if path.exists() else rows, path, compression="zstd"
        )
        found.append({"source": source, "stream": stream, "entity": entity, "deleted": living.num_rows})
    return found


def forget(run: HubRun) -> dict[str, int]:
    """After publishing: remove what the store and the workspace still hold of erased persons. Returns rows by table."""
    if not run.store.tombstoned("record"):
        return {}
    done = run.store.scrub()
    clear_files(run.config, but=run.folder, runs=bool(done))
    if done:
        run.private = True
    return done


def _rewrite_changes(
    run: HubRun, entity: str, ids: pa.Array[Any], living: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Returns what was dropped: source, stream, change of each row."""
    path = run.folder / f"changes_{entity}.parquet"
    schema = pa.schema([*COLUMNS, *canonical_schema(run.config, entity)])
    table = pq.read_table(path) if path.exists() else schema.empty_table()
    erased = pc.is_in(table["record_id"], value_set=ids)
    kept = table.filter(pc.invert(erased))
    dropped: list[dict[str, Any]] = table.filter(erased).select(["source", "stream", "change"]).to_pylist()
    deletions = [
        {
            **{name: row[name] for name in ("record_id", "source", "stream", "source_key")},
            "change": "delete",
            "version": row["version"] + 1,
        }
        for row in living
    ]
    if kept.num_rows == table.num_rows and not deletions:
        return []
    kept = pa.concat_tables([kept, pa.Table.from_pylist(deletions, schema=kept.schema)])
    if kept.num_rows:
        pq.write_table(kept, path, compression="zstd")
    else:
        path.unlink(missing_ok=True)
    return dropped


def _rewrite_quarantine(run: HubRun, erased: set[int]) -> None:
    path = run.folder / "quarantine.parquet"
    if not path.exists():
        return
    table = pq.read_table(path)
    keep = [
        row["source_key"] is None or record_id(row["source"], row["stream"], row["source_key"]) not in erased
        for row in table.select(["source", "stream", "source_key"]).to_pylist()
    ]
    if not all(keep):
        pq.write_table(table.filter(pa.array(keep)), path, compression="zstd")
