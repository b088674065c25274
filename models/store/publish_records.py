"""Publishing steps for source records and what is computed per record: standard values, keys, edges, crosswalk."""

from __future__ import annotations

import pyarrow as pa
import sqlalchemy as sa

from models.store import bulk
from models.store import tables as t
from models.store.columns import json_object, quoted
from models.store.publication import IDS, Publication, parquet

RAW_JSON = ("reasons",)  # standard columns that hold JSON text
# A deleted record keeps what it held last.
_HELD = "CASE WHEN excluded.deleted THEN coalesce({new}, {old}) ELSE {new} END"
_RECORD_RULES = {
    **dict.fromkeys(("payload", "standard", "content_hash", "source_time", "parser_version"), _HELD),
    "first_run": bulk.OLD,
}


def publish_records(work: Publication) -> int:
    """Insert, update and delete source records; what they replace becomes history."""
    with bulk.indexes_after(work.connection, t.source_record, when=work.loads(t.source_record)):
        return sum(_records(work, entity) for entity in work.outcome.entities)


def _records(work: Publication, entity: str) -> int:
    changes, standard = work.file("changes", entity), work.file("standard", entity)
    if changes is None:
        return 0 if standard is None else _standard_only(work, standard)
    run_id = work.outcome.run_id
    current = f"SELECT * FROM {parquet(changes)} WHERE change <> 'late'"
    columns = (
        "c.record_id, ? AS entity_type, c.source, c.stream, c.source_key, c.version, c.content_hash, c.source_time, "
        "c.change = 'delete' AS deleted, CASE WHEN {standard} IS NOT NULL THEN getvariable('parser_version') END "
        "AS parser_version, ? AS first_run, ? AS last_run, {standard} AS standard, c.payload"
    )
    params = (entity, run_id, run_id)
    query = f"SELECT {_joined(work, current, standard, columns)}"
    if work.was_empty(t.source_record):
        count = bulk.insert(work.connection, t.source_record, work.batches(query, *params))
    else:
        _keep_versions(work, current)
        work.add("records", -_living(work))
        count = bulk.upsert(work.connection, t.source_record, work.batches(query, *params), _RECORD_RULES)
        work.add("records", _living(work))
    late = f"SELECT {columns.format(standard='NULL::VARCHAR')}, ? AS superseded_run FROM {parquet(changes)} c "
    late_rows = work.batches(late + "WHERE c.change = 'late'", *params, run_id)
    bulk.insert(work.connection, t.source_record_version, late_rows)
    if standard is not None:
        _standard_only(work, standard, without=changes)
    return count


def _living(work: Publication) -> int:
    """How many of the staged records are not deleted."""
    query = f"SELECT count(*) FROM source_record WHERE record_id IN {IDS} AND NOT deleted"
    return int(work.connection.scalar(sa.text(query)) or 0)


def _joined(work: Publication, current: str, standard: str | None, columns: str) -> str:
    """The columns of the current records with their standard values, in the order of record_id."""
    if standard is None:
        return f"{columns.format(standard='NULL::VARCHAR')} FROM ({current}) c ORDER BY record_id"
    names = [name for name in work.columns(standard) if name != "record_id"]
    objects = f"SELECT record_id, {json_object(names, 's', RAW_JSON)} AS standard FROM {parquet(standard)} s"
    named = columns.format(standard="s.standard")
    same = work.number(
        f"SELECT count(*) = count(s.record_id) AND count(*) = (SELECT count(*) FROM {parquet(standard)}) "
        f"FROM ({current}) c LEFT JOIN {parquet(standard)} s USING (record_id)"
    )
    if same:
        # Both hold the same records: sorted side by side they need no hash table of a gigabyte.
        return (
            f"{named} FROM (SELECT * FROM ({current}) ORDER BY record_id) c "
            f"POSITIONAL JOIN (SELECT * FROM ({objects}) ORDER BY record_id) s"
        )
    return f"{named} FROM ({current}) c LEFT JOIN ({objects}) s USING (record_id) ORDER BY record_id"


def _keep_versions(work: Publication, current: str) -> None:
    names = ", ".join(quoted(column.name) for column in t.source_record.c)
    work.stage_ids(f"SELECT record_id FROM ({current})")
    work.sql(
        f"INSERT INTO source_record_version ({names}, superseded_run) SELECT {names}, :run FROM source_record "
        f"WHERE record_id IN {IDS}",
        run=work.outcome.run_id,
    )


def _standard_only(work: Publication, standard: str, without: str | None = None) -> int:
    """Records that did not change, but were standardised again."""
    names = [name for name in work.columns(standard) if name != "record_id"]
    absent = f"WHERE record_id NOT IN (SELECT record_id FROM {parquet(without)})" if without else ""
    rows = work.batches(
        f"SELECT record_id, {json_object(names, 's', RAW_JSON)} AS standard, "
        "getvariable('parser_version') AS parser_version "
        f"FROM {parquet(standard)} s {absent} ORDER BY record_id"
    )
    return bulk.update(work.connection, t.source_record, rows)


_OF_ENTITY = "(SELECT record_id FROM source_record WHERE entity_type = :entity)"


def publish_keys(work: Publication) -> int:
    """Replace the match keys of the records that were solved again."""
    with bulk.indexes_after(work.connection, t.match_key, when=work.loads(t.match_key)):
        return _keys(work)


def _keys(work: Publication) -> int:
    count = 0
    for entity in work.outcome.entities:
        keys = work.file("keys", entity)
        if work.outcome.full and not work.was_empty(t.match_key):
            work.sql(f"DELETE FROM match_key WHERE record_id IN {_OF_ENTITY}", entity=entity)
        elif not work.was_empty(t.match_key) and any(work.stage_touched(entity, kind) for kind in ("keyed", "touched")):
            count += _changed_keys(work, keys)
            continue
        if keys is not None:
            rows = work.batches(f"SELECT key, record_id FROM {parquet(keys)} ORDER BY key, record_id")
            count += bulk.insert(work.connection, t.match_key, bulk.distinct_sorted(rows))
    return count


def _changed_keys(work: Publication, keys: str | None) -> int:
    """Keys that the records of `IDS` lose or get; many keep theirs."""
    k = t.match_key.c
    query = sa.select(k.key, k.record_id).where(sa.text(f"record_id IN {IDS}"))
    held = pa.Table.from_batches(bulk.fetch(work.connection, query))
    work.duck.register("held_keys", held)
    now = f"(SELECT DISTINCT key, record_id FROM {parquet(keys)})" if keys is not None else None
    gone = "SELECT key, record_id FROM held_keys" + (f" ANTI JOIN {now} USING (key, record_id)" if now else "")
    bulk.delete(work.connection, t.match_key, work.batches(gone + " ORDER BY ALL"))
    new = f"SELECT key, record_id FROM {now} ANTI JOIN held_keys USING (key, record_id) ORDER BY ALL" if now else None
    count = bulk.insert(work.connection, t.match_key, work.batches(new)) if new else 0
    work.duck.unregister("held_keys")
    return count


def publish_edges(work: Publication) -> int:
    """Replace the edges that touch the records that were solved again."""
    with bulk.indexes_after(work.connection, t.edge, when=work.loads(t.edge)):
        return _edges(work)


def _edges(work: Publication) -> int:
    count = 0
    for entity in work.outcome.entities:
        edges = work.file("edges", entity)
        if work.outcome.full:
            work.sql("DELETE FROM edge WHERE entity_type = :entity", entity=entity)
        elif not work.was_empty(t.edge) and work.stage_touched(entity):
            work.sql(f"DELETE FROM edge WHERE left_id IN {IDS}")
            work.sql(f"DELETE FROM edge WHERE right_id IN {IDS}")
        if edges is not None:
            rows = f"SELECT left_id, right_id, ? AS entity_type, weight FROM {parquet(edges)} ORDER BY ALL"
            count += bulk.insert(work.connection, t.edge, work.batches(rows, entity))
    return count


def publish_membership(work: Publication) -> int:
    """Move records from one golden record to another; where they were becomes history."""
    with bulk.indexes_after(work.connection, t.membership, when=work.loads(t.membership)):
        return _membership(work)


def _membership(work: Publication) -> int:
    count = 0
    for entity in work.outcome.entities:
        membership = work.file("membership", entity)
        if membership is None:
            continue
        source = parquet(membership)
        fresh = work.was_empty(t.membership)
        if not fresh:
            work.stage_ids(f"SELECT record_id FROM {source}")
            work.sql(
                "INSERT INTO membership_history (record_id, golden_id, from_run, to_run) "
                f"SELECT record_id, golden_id, run_id, :run FROM membership WHERE record_id IN {IDS}",
                run=work.outcome.run_id,
            )
            work.sql(f"DELETE FROM membership WHERE record_id IN {IDS}")
        rows = f"SELECT record_id, golden_id, ? AS run_id FROM {source} WHERE golden_id IS NOT NULL ORDER BY record_id"
        count += bulk.insert(work.connection, t.membership, work.batches(rows, work.outcome.run_id))
    return count
