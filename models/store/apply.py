"""Applying a decision: what it changes becomes the hub's state inside the transaction that the decision is part of.

Writes what `publish` writes for a run, from Arrow tables instead of files: a decision has a few rows of each.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from models.errors import StoreError
from models.stewardship import MACHINE_KINDS, OPEN_STATES, Ranking
from models.store import bulk, totals
from models.store import tables as t
from models.store.columns import TIME
from models.store.publish_golden import TASK_RULES
from models.store.ranking import rank_tasks

KIND, STATUS, FOLLOWED = "decision", "applied", "followed"
"""Kind of the row in `run` of a decision, and its status: applied to golden records, then followed by the lifecycle.

No run over sources has one of them.
"""
RUN_KINDS = ("full", "incremental")
"""Kinds of the rows in `run` of runs over sources."""


@dataclass(frozen=True)
class Applied:
    """What applying changes for one entity type: tables with the columns of the files of a run (`FILES`).

    `touched`: the records that were solved again.
    """

    entity: str
    touched: Sequence[int]
    membership: pa.Table
    golden: pa.Table
    aliases: pa.Table
    lineage: pa.Table
    events: pa.Table
    tasks: pa.Table


@dataclass(frozen=True)
class Written:
    """Numbers of the events that were written, and keys of the tasks that were opened and closed."""

    events: list[int]
    opened: list[str]
    closed: list[str]


def apply(
    connection: sa.Connection, run_id: str, found: Sequence[Applied], *, decisions_upto: int, ranking: Ranking
) -> Written:
    """Write what decisions change. Raises StoreError where the tables contradict what the store holds."""
    at = dt.datetime.now(dt.UTC)
    metrics = {
        "entities": [one.entity for one in found],
        "touched": sum(len(one.touched) for one in found),
        # What the next evaluation of the lifecycle looks at again.
        "golden": sorted({golden for one in found for golden in one.golden["golden_id"].to_pylist()}),
        "records": sorted({record for one in found for record in one.membership["record_id"].to_pylist()}),
    }
    row = {"run_id": run_id, "kind": KIND, "status": STATUS, "started_at": at, "finished_at": at}
    connection.execute(
        sa.insert(t.run).values(**row, decisions_upto=decisions_upto, metrics=orjson.dumps(metrics).decode())
    )
    events: list[int] = []
    opened: list[str] = []
    closed: list[str] = []
    for one in found:
        _membership(connection, run_id, one.membership)
        _golden(connection, run_id, at, one)
        _aliases(connection, run_id, at, one)
        new, gone = _tasks(connection, run_id, at, one)
        opened += new
        closed += gone
        events += _events(connection, run_id, at, one)
        rank_tasks(connection, ranking, one.tasks["task_key"].to_pylist())
    return Written(events, opened, closed)


def _membership(connection: sa.Connection, run_id: str, rows: pa.Table) -> None:
    if not len(rows):
        return
    m, h = t.membership, t.membership_history
    moved = [int(record) for record in rows["record_id"].to_pylist()]
    here = m.c.record_id.in_(moved)
    kept = sa.select(m.c.record_id, m.c.golden_id, m.c.run_id, sa.literal(run_id)).where(here)
    connection.execute(sa.insert(h).from_select(["record_id", "golden_id", "from_run", "to_run"], kept))
    connection.execute(sa.delete(m).where(here))
    new = rows.filter(pc.is_valid(rows["golden_id"])).select(["record_id", "golden_id"])
    bulk.insert(connection, m, _with(new, run_id=run_id).to_batches())


_GONE = ("retired", "merged")


def _golden(connection: sa.Connection, run_id: str, at: dt.datetime, one: Applied) -> None:
    rows, golden = one.golden, t.golden_record
    if not len(rows):
        return
    gone = pc.is_in(rows["action"], value_set=pa.array(_GONE))
    told = rows.select(["golden_id", "version", "records", "valid_from", "values", "provenance"])
    told = told.append_column("status", pc.if_else(gone, "retired", "active"))
    told = _with(told, entity_type=one.entity, run_id=run_id, recorded_at=at)
    created = pc.equal(rows["action"], "created")
    refreshed = pc.equal(rows["action"], "updated")
    superseding = pc.invert(pc.or_(created, refreshed))
    ids = golden.c.golden_id.in_(rows["golden_id"].to_pylist())
    active = sa.select(sa.func.count()).where(ids, golden.c.status == "active")
    before = int(connection.scalar(active) or 0)
    bulk.insert(connection, golden, told.filter(created).to_batches())
    replaced = told.filter(superseding)
    if len(replaced):
        v = t.golden_version
        kept = [column for column in golden.c]
        old = sa.select(*kept, sa.literal(at, t.UtcTime())).where(
            golden.c.golden_id.in_(replaced["golden_id"].to_pylist())
        )
        connection.execute(sa.insert(v).from_select([*(column.name for column in kept), "recorded_to"], old))
        _found(bulk.update(connection, golden, replaced.to_batches(), ("values", "provenance", "valid_from")), replaced)
    fresh = told.filter(refreshed).select(["golden_id", "records", "values", "provenance"])
    if len(fresh):
        _found(bulk.update(connection, golden, fresh.to_batches(), ("values", "provenance")), fresh)
    totals.move(connection, "golden", int(connection.scalar(active) or 0) - before)


def _found(count: int, rows: pa.Table) -> None:
    if count != len(rows):
        raise StoreError(f"{len(rows) - count} golden records are to change that the hub does not hold")


def _aliases(connection: sa.Connection, run_id: str, at: dt.datetime, one: Applied) -> None:
    if len(one.aliases):
        away = one.aliases.filter(pc.equal(one.aliases["action"], "remove"))["alias_id"].to_pylist()
        connection.execute(sa.delete(t.golden_alias).where(t.golden_alias.c.alias_id.in_(away)))
        added = one.aliases.filter(pc.equal(one.aliases["action"], "add")).select(["alias_id", "golden_id"])
        bulk.upsert(connection, t.golden_alias, _with(added, run_id=run_id, recorded_at=at).to_batches())
    if len(one.lineage):
        rows = one.lineage.select(["child_id", "parent_id", "kind"])
        bulk.upsert(connection, t.golden_lineage, _with(rows, run_id=run_id).to_batches())


def _tasks(connection: sa.Connection, run_id: str, at: dt.datetime, one: Applied) -> tuple[list[str], list[str]]:
    """Opens and closes tasks; returns the keys of those that were not waiting, and of those that wait no more."""
    c, r = t.task.c, t.task_record.c
    keys = one.tasks["task_key"].to_pylist()
    about = sa.select(r.task_key).where(r.record_id.in_(list(one.touched)))
    waiting = sa.select(c.task_key).where(
        c.status.in_(OPEN_STATES), c.kind.in_(MACHINE_KINDS), c.entity_type == one.entity, c.task_key.in_(about)
    )
    before = set(connection.scalars(waiting))
    closed = sorted(before - set(keys))
    if closed:
        done = sa.update(t.task).where(c.task_key.in_(closed))
        connection.execute(done.values(status="closed", closed_run=run_id, closed_at=at))
    if keys:
        rows = one.tasks.append_column("status", pa.array(["open"] * len(keys)))
        rows = _with(rows, entity_type=one.entity, opened_run=run_id, opened_at=at)
        rows = rows.append_column("closed_run", pa.nulls(len(keys), pa.string()))
        rows = rows.append_column("closed_at", pa.nulls(len(keys), TIME))
        bulk.upsert(connection, t.task, rows.to_batches(), TASK_RULES)
        links = [
            {"record_id": record, "task_key": row["task_key"]}
            for row in one.tasks.to_pylist()
            for record in sorted({*orjson.loads(row["records"]), row["left_id"], row["right_id"]} - {None})
        ]
        schema = pa.schema([("record_id", pa.int64()), ("task_key", pa.string())])
        bulk.upsert(connection, t.task_record, pa.Table.from_pylist(links, schema=schema).to_batches())
    return sorted(set(keys) - before), closed


def _events(connection: sa.Connection, run_id: str, at: dt.datetime, one: Applied) -> list[int]:
    if not len(one.events):
        return []
    counter = t.counter
    name = counter.c.name == "event"
    moved = sa.update(counter).where(name).values(value=counter.c.value + len(one.events))
    if not connection.execute(moved).rowcount:
        connection.execute(sa.insert(counter).values(name="event", value=len(one.events)))
    last = int(connection.scalar(sa.select(counter.c.value).where(name)) or 0)
    numbers = list(range(last - len(one.events) + 1, last + 1))
    rows = one.events.append_column("seq", pa.array(numbers, pa.int64()))
    bulk.insert(connection, t.event, _with(rows, entity_type=one.entity, run_id=run_id, at=at).to_batches())
    return numbers


def _with(rows: pa.Table, **values: Any) -> pa.Table:
    """The rows with columns that hold one value each."""
    for name, value in values.items():
        kind = TIME if isinstance(value, dt.datetime) else pa.string()
        rows = rows.append_column(name, pa.array([value] * len(rows), kind))
    return rows
