"""Publishing a run: everything that it computed becomes the hub's state in one transaction, or nothing does.

The steps replace and add whole sets of rows from the run's Parquet files. What the rows mean was decided before.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import duckdb
import orjson
import sqlalchemy as sa

from models.errors import StoreError
from models.store import bulk
from models.store import tables as t
from models.store.columns import json_object, quoted
from models.store.outcome import RunOutcome

BATCH_ROWS = 50_000
_RAW_JSON = ("reasons",)  # standard columns that hold JSON text
# A deleted record keeps what it held last.
_HELD = "CASE WHEN excluded.deleted THEN coalesce({new}, {old}) ELSE {new} END"
_RECORD_RULES = {
    **dict.fromkeys(("payload", "standard", "content_hash", "source_time", "parser_version"), _HELD),
    "first_run": bulk.OLD,
}
_STILL_OPEN = "CASE WHEN task.status = 'open' THEN {old} ELSE {new} END"
_TASK_RULES = {"opened_run": _STILL_OPEN, "opened_at": _STILL_OPEN}
# A retired golden record keeps its last values, so that readers of the id still learn who it was.
_GOLDEN_RULES = dict.fromkeys(("values", "provenance", "valid_from"), bulk.KEEP)


@dataclass
class Publication:
    """One publishing under way: the transaction, the files, and the moment that all its rows carry."""

    connection: sa.Connection
    duck: duckdb.DuckDBPyConnection
    outcome: RunOutcome
    at: dt.datetime
    empty: dict[str, bool]

    def batches(self, query: str, *params: Any) -> bulk.Batches:
        """The result of a DuckDB query over the run's files, in record batches."""
        values = [p.isoformat() if isinstance(p, dt.datetime) else p for p in params]
        reader = self.duck.sql(query, params=values).to_arrow_reader(BATCH_ROWS)
        return reader or []

    def file(self, kind: str, entity: str) -> str | None:
        """The path of a file as DuckDB takes it, or None."""
        path = self.outcome.file(kind, entity)
        return None if path is None else str(path)

    def number(self, query: str, *params: Any) -> int:
        """The single number that a DuckDB query gives."""
        return int(self.duck.execute(query, list(params)).fetchall()[0][0])

    def was_empty(self, table: sa.Table) -> bool:
        """Whether the table had no row when the publishing began; then there is no old state to look for."""
        if table.name not in self.empty:
            query = sa.select(sa.literal(1)).select_from(table).limit(1)
            self.empty[table.name] = self.connection.execute(query).first() is None
        return self.empty[table.name]

    def sql(self, text: str, **params: Any) -> int:
        """Run a statement with bound parameters; returns how many rows it changed."""
        statement = sa.text(text)
        if "at" in params:
            statement = statement.bindparams(sa.bindparam("at", type_=t.UtcTime()))
        return self.connection.execute(statement, params).rowcount


def publish(connection: sa.Connection, outcome: RunOutcome, on_step: Callable[[str], None]) -> dict[str, int]:
    """Carry out every step inside the transaction of `connection`. Returns counts of what was written."""
    duck = duckdb.connect()
    try:
        duck.execute("SET memory_limit = ?", [outcome.memory_limit])
        duck.execute("SET temp_directory = ?", [str(outcome.folder / "spill")])
        duck.execute("SET VARIABLE parser_version = ?::VARCHAR", [outcome.parser_version])
        work = Publication(connection, duck, outcome, dt.datetime.now(dt.UTC), {})
        counts: dict[str, int] = {}
        for name, step in STEPS_TO_TAKE:
            on_step(name)
            counts[name] = step(work)
        on_step("commit")
        return counts
    finally:
        duck.close()


def _start(work: Publication) -> int:
    """The run must still be the one that is running: who takes the lock over marks it as failed."""
    run_id = work.outcome.run_id
    query = sa.select(t.run.c.status).where(t.run.c.run_id == run_id).with_for_update()
    status = work.connection.scalar(query)
    if status is None:
        raise StoreError(f"run {run_id} was never started")
    if status != "running":
        raise StoreError(f"run {run_id} cannot be published: it is {status}")
    return 0


def _records(work: Publication) -> int:
    return sum(_records_of(work, entity) for entity in work.outcome.entities)


def _records_of(work: Publication, entity: str) -> int:
    changes, standard = work.file("changes", entity), work.file("standard", entity)
    if changes is None:
        return 0 if standard is None else _standard_only(work, standard)
    run_id = work.outcome.run_id
    if not work.was_empty(t.source_record):
        present = work.batches(f"SELECT record_id FROM {_parquet(changes)} WHERE change <> 'late'")
        bulk.stage(work.connection, "publish_ids", present)
        columns = [c.name for c in t.source_record.c]
        names = ", ".join(map(quoted, columns))
        work.sql(
            f"INSERT INTO source_record_version ({names}, superseded_run) SELECT {names}, :run FROM source_record "
            "WHERE record_id IN (SELECT id FROM publish_ids)",
            run=run_id,
        )
    body, parser, join = "NULL::VARCHAR", "NULL::VARCHAR", ""
    if standard is not None:
        names_standard = [n for n in _columns(work, standard) if n != "record_id"]
        body = f"CASE WHEN s.record_id IS NOT NULL THEN {json_object(names_standard, 's', _RAW_JSON)} END"
        parser = "CASE WHEN s.record_id IS NOT NULL THEN getvariable('parser_version') END"
        join = f"LEFT JOIN {_parquet(standard)} s ON s.record_id = c.record_id"
    rows = (
        f"SELECT c.record_id, ? AS entity_type, c.source, c.stream, c.source_key, c.version, c.content_hash, "
        f"c.source_time, c.change = 'delete' AS deleted, {parser} AS parser_version, ? AS first_run, ? AS last_run, "
        f"{body} AS standard, c.payload FROM {_parquet(changes)} c {join}"
    )
    params = (entity, run_id, run_id)
    current = work.batches(f"{rows} WHERE c.change <> 'late' ORDER BY c.record_id", *params)
    if work.was_empty(t.source_record):
        count = bulk.insert(work.connection, t.source_record, current)
    else:
        count = bulk.upsert(work.connection, t.source_record, current, _RECORD_RULES)
    late = f"SELECT *, last_run AS superseded_run FROM ({rows} WHERE c.change = 'late')"
    bulk.insert(work.connection, t.source_record_version, work.batches(late, *params))
    if standard is not None:
        _standard_only(work, standard, without=changes)
    return count


def _standard_only(work: Publication, standard: str, without: str | None = None) -> int:
    """Records that did not change, but were standardised again."""
    names = [name for name in _columns(work, standard) if name != "record_id"]
    absent = f"WHERE record_id NOT IN (SELECT record_id FROM {_parquet(without)})" if without else ""
    rows = work.batches(
        f"SELECT record_id, {json_object(names, 's', _RAW_JSON)} AS standard, "
        "getvariable('parser_version') AS parser_version "
        f"FROM {_parquet(standard)} s {absent} ORDER BY record_id"
    )
    return bulk.update(work.connection, t.source_record, rows)


def _touched(work: Publication, entity: str) -> bool:
    """Stage the records that were solved again as `publish_ids`; false when there are none."""
    touched = work.file("touched", entity)
    if work.outcome.full or touched is None:
        return False
    bulk.stage(work.connection, "publish_ids", work.batches(f"SELECT record_id FROM {_parquet(touched)}"))
    return True


_IDS = "(SELECT id FROM publish_ids)"
_OF_ENTITY = "(SELECT record_id FROM source_record WHERE entity_type = :entity)"


def _keys(work: Publication) -> int:
    count = 0
    for entity in work.outcome.entities:
        keys = work.file("keys", entity)
        if not work.was_empty(t.match_key):
            if work.outcome.full:
                work.sql(f"DELETE FROM match_key WHERE record_id IN {_OF_ENTITY}", entity=entity)
            elif _touched(work, entity):
                work.sql(f"DELETE FROM match_key WHERE record_id IN {_IDS}")
        if keys is not None:
            rows = f"SELECT DISTINCT key, record_id FROM {_parquet(keys)} ORDER BY key, record_id"
            count += bulk.insert(work.connection, t.match_key, work.batches(rows))
    return count


def _edges(work: Publication) -> int:
    count = 0
    for entity in work.outcome.entities:
        edges = work.file("edges", entity)
        if work.outcome.full:
            work.sql("DELETE FROM edge WHERE entity_type = :entity", entity=entity)
        elif not work.was_empty(t.edge) and _touched(work, entity):
            work.sql(f"DELETE FROM edge WHERE left_id IN {_IDS}")
            work.sql(f"DELETE FROM edge WHERE right_id IN {_IDS}")
        if edges is not None:
            rows = f"SELECT left_id, right_id, ? AS entity_type, weight FROM {_parquet(edges)} ORDER BY ALL"
            count += bulk.insert(work.connection, t.edge, work.batches(rows, entity))
    return count


def _membership(work: Publication) -> int:
    count = 0
    for entity in work.outcome.entities:
        membership = work.file("membership", entity)
        if membership is None:
            continue
        source = _parquet(membership)
        fresh = work.was_empty(t.membership)
        if not fresh:
            bulk.stage(work.connection, "publish_ids", work.batches(f"SELECT record_id FROM {source}"))
            work.sql(
                "INSERT INTO membership_history (record_id, golden_id, from_run, to_run) "
                f"SELECT record_id, golden_id, run_id, :run FROM membership WHERE record_id IN {_IDS}",
                run=work.outcome.run_id,
            )
            work.sql(f"DELETE FROM membership WHERE record_id IN {_IDS}")
        rows = f"SELECT record_id, golden_id, ? AS run_id FROM {source} WHERE golden_id IS NOT NULL ORDER BY record_id"
        count += bulk.insert(work.connection, t.membership, work.batches(rows, work.outcome.run_id))
    return count


def _golden(work: Publication) -> int:
    count = 0
    for entity in work.outcome.entities:
        golden = work.file("golden", entity)
        if golden is None:
            continue
        source = _parquet(golden)
        rows = (
            "SELECT golden_id, ? AS entity_type, version, "
            "CASE WHEN action IN ('retired', 'merged') THEN 'retired' ELSE 'active' END AS status, records, "
            'valid_from, CAST(? AS TIMESTAMPTZ) AS recorded_at, ? AS run_id, "values", provenance '
            f"FROM {source} WHERE (action = 'created') = ? ORDER BY golden_id"
        )
        params = (entity, work.at, work.outcome.run_id)
        count += bulk.insert(work.connection, t.golden_record, work.batches(rows, *params, True))
        if work.number(f"SELECT count(*) FROM {source} WHERE action <> 'created'"):
            count += _superseding(work, source, rows, params)
    return count


def _superseding(work: Publication, source: str, rows: str, params: tuple[Any, ...]) -> int:
    """Golden records that are there already: their present version becomes history."""
    names = ", ".join(quoted(column.name) for column in t.golden_record.c)
    present = work.batches(f"SELECT golden_id FROM {source} WHERE action <> 'created'")
    bulk.stage(work.connection, "publish_texts", present, bulk.TEXT)
    work.sql(
        f"INSERT INTO golden_version ({names}, recorded_to) SELECT {names}, :at FROM golden_record "
        "WHERE golden_id IN (SELECT id FROM publish_texts)",
        at=work.at,
    )
    return bulk.upsert(work.connection, t.golden_record, work.batches(rows, *params, False), _GOLDEN_RULES)


def _aliases(work: Publication) -> int:
    count = 0
    for entity in work.outcome.entities:
        if aliases := work.file("aliases", entity):
            gone = work.batches(f"SELECT alias_id FROM {_parquet(aliases)} WHERE action = 'remove'")
            bulk.stage(work.connection, "publish_texts", gone, bulk.TEXT)
            work.sql("DELETE FROM golden_alias WHERE alias_id IN (SELECT id FROM publish_texts)")
            rows = work.batches(
                "SELECT alias_id, golden_id, ? AS run_id, CAST(? AS TIMESTAMPTZ) AS recorded_at "
                f"FROM {_parquet(aliases)} WHERE action = 'add' ORDER BY alias_id",
                work.outcome.run_id,
                work.at,
            )
            count += bulk.upsert(work.connection, t.golden_alias, rows)
        if lineage := work.file("lineage", entity):
            query = f"SELECT DISTINCT child_id, parent_id, kind, ? AS run_id FROM {_parquet(lineage)}"
            bulk.upsert(work.connection, t.golden_lineage, work.batches(query, work.outcome.run_id))
    return count


def _tasks(work: Publication) -> int:
    count = 0
    for entity in work.outcome.entities:
        tasks = work.file("tasks", entity)
        source = _parquet(tasks) if tasks else "(SELECT NULL::VARCHAR AS task_key WHERE false)"
        bulk.stage(work.connection, "publish_texts", work.batches(f"SELECT task_key FROM {source}"), bulk.TEXT)
        scope = ""
        if not work.outcome.full:
            if not _touched(work, entity) and tasks is None:
                continue
            staged = work.file("touched", entity) is not None
            scope = (
                f"AND task_key IN (SELECT task_key FROM task_record WHERE record_id IN {_IDS})"
                if staged
                else "AND 1 = 0"
            )
        work.sql(
            "UPDATE task SET status = 'closed', closed_run = :run, closed_at = :at WHERE status = 'open' "
            f"AND entity_type = :entity {scope} AND task_key NOT IN (SELECT id FROM publish_texts)",
            run=work.outcome.run_id,
            at=work.at,
            entity=entity,
        )
        if tasks is None:
            continue
        rows = work.batches(
            "SELECT task_key, kind, ? AS entity_type, left_id, right_id, records, weight, probability, reason, "
            "'open' AS status, ? AS opened_run, CAST(? AS TIMESTAMPTZ) AS opened_at, NULL::VARCHAR AS closed_run, "
            f"NULL::TIMESTAMPTZ AS closed_at FROM {source} ORDER BY task_key",
            entity,
            work.outcome.run_id,
            work.at,
        )
        count += bulk.upsert(work.connection, t.task, rows, _TASK_RULES)
        members = (
            "SELECT DISTINCT unnest(list_concat(from_json(records, '[\"BIGINT\"]'), [left_id, right_id])) "
            f"AS record_id, task_key FROM {source}"
        )
        links = work.batches(f"SELECT record_id, task_key FROM ({members}) WHERE record_id IS NOT NULL ORDER BY ALL")
        bulk.upsert(work.connection, t.task_record, links)
    return count


def _events(work: Publication) -> int:
    """Events get their numbers here, inside the transaction, so that no number is ever missing or seen early."""
    files = [(entity, path) for entity in work.outcome.entities if (path := work.file("events", entity))]
    total = sum(work.number(f"SELECT count(*) FROM {_parquet(path)}") for _, path in files)
    if not total:
        return 0
    last = _advance(work, "event", total) - total
    for entity, path in files:
        rows = work.batches(
            'SELECT ? + row_number() OVER () AS seq, "type", ? AS entity_type, golden_id, version, "before", "after", '
            f"attributes, ? AS run_id, CAST(? AS TIMESTAMPTZ) AS at FROM {_parquet(path)}",
            last,
            entity,
            work.outcome.run_id,
            work.at,
        )
        last += bulk.insert(work.connection, t.event, rows)
    return total


def _advance(work: Publication, name: str, by: int) -> int:
    """Move a counter on and return where it stands; its row is locked until the transaction ends."""
    if not work.sql("UPDATE counter SET value = value + :by WHERE name = :name", by=by, name=name):
        work.sql("INSERT INTO counter (name, value) VALUES (:name, :by)", by=by, name=name)
    return int(work.connection.scalar(sa.select(t.counter.c.value).where(t.counter.c.name == name)) or 0)


def _profiles(work: Publication) -> int:
    count = 0
    for entity in work.outcome.entities:
        if profile := work.file("profile", entity):
            if work.outcome.full:
                work.connection.execute(sa.delete(t.contact_profile).where(t.contact_profile.c.entity_type == entity))
            rows = work.batches(
                "SELECT ? AS entity_type, kind, value, role, records, detail, ? AS run_id "
                f"FROM {_parquet(profile)} ORDER BY ALL",
                entity,
                work.outcome.run_id,
            )
            count += bulk.upsert(work.connection, t.contact_profile, rows)
    return count


def _quarantine(work: Publication) -> int:
    path = work.outcome.quarantine()
    if path is None:
        return 0
    rows = work.batches(
        'SELECT ? AS run_id, source, stream, source_key, "row", field, value, reason, CAST(? AS TIMESTAMPTZ) AS at '
        f"FROM {_parquet(str(path))}",
        work.outcome.run_id,
        work.at,
    )
    return bulk.insert(work.connection, t.quarantine, rows)


def _stream_states(work: Publication) -> int:
    for state in work.outcome.stream_states:
        key = (t.stream_state.c.source == state.source) & (t.stream_state.c.stream == state.stream)
        work.connection.execute(sa.delete(t.stream_state).where(key))
        work.connection.execute(
            sa.insert(t.stream_state).values(
                source=state.source,
                stream=state.stream,
                entity_type=state.entity_type,
                state=_json(state.state),
                schema=_json(state.schema),
                rows=state.rows,
                batch_id=state.batch_id,
                delivered_at=state.delivered_at,
                run_id=work.outcome.run_id,
            )
        )
    return len(work.outcome.stream_states)


def _finish(work: Publication) -> int:
    outcome = work.outcome
    work.connection.execute(
        sa.update(t.run)
        .where(t.run.c.run_id == outcome.run_id)
        .values(
            status="published",
            finished_at=work.at,
            decisions_upto=outcome.decisions_upto,
            metrics=_json(outcome.metrics),
        )
    )
    if outcome.phases:
        phases = [{"run_id": outcome.run_id, "phase": p, "seconds": s} for p, s in outcome.phases.items()]
        work.connection.execute(sa.insert(t.run_phase), phases)
    return 1


STEPS_TO_TAKE: tuple[tuple[str, Callable[[Publication], int]], ...] = (
    ("start", _start),
    ("records", _records),
    ("keys", _keys),
    ("edges", _edges),
    ("membership", _membership),
    ("golden", _golden),
    ("aliases", _aliases),
    ("tasks", _tasks),
    ("events", _events),
    ("profiles", _profiles),
    ("quarantine", _quarantine),
    ("stream_states", _stream_states),
    ("run", _finish),
)
STEPS: tuple[str, ...] = (*(name for name, _ in STEPS_TO_TAKE), "commit")


def _parquet(path: str) -> str:
    return "read_parquet('" + path.replace("'", "''") + "')"


def _columns(work: Publication, path: str) -> list[str]:
    return [row[0] for row in work.duck.execute(f"DESCRIBE SELECT * FROM {_parquet(path)}").fetchall()]


def _json(value: Any) -> str:
    return orjson.dumps(dict(value), default=str, option=orjson.OPT_NON_STR_KEYS).decode()
