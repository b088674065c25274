"""Publishing steps for the lifecycle: links, state and stages of customers, findings, the matrix and the measures."""

from __future__ import annotations

import orjson
import sqlalchemy as sa

from models.stewardship import OPEN_STATES
from models.store import bulk
from models.store import lifecycle_tables as lt
from models.store import tables as t
from models.store.columns import quoted
from models.store.publication import TEXTS, Publication, parquet


def publish_lifecycle(work: Publication) -> int:
    """Carry out everything that the run computed of the lifecycle; 0 when it computed nothing of it."""
    return sum(step(work) for step in (_links, _customers, _findings, _measures, _contracts))


def publish_decided(work: Publication, before: str) -> int:
    """Carry out what decisions change of the lifecycle between two runs; the totals of the run before are replaced."""
    for table in (lt.matrix_cell, lt.lifecycle_measure):
        work.connection.execute(sa.delete(table).where(table.c.run_id == before))
    return sum(step(work) for step in (_customers, _findings, _measures))


def _links(work: Publication) -> int:
    relinked = work.outcome.lifecycle is not None and work.outcome.lifecycle.relinked
    with bulk.indexes_after(work.connection, lt.record_link, when=work.loads(lt.record_link)):
        if relinked:
            work.connection.execute(sa.delete(lt.record_link))
        elif gone := work.lifecycle_file("unlinks"):
            rows = work.batches(f"SELECT target_id, record_id, kind FROM {parquet(gone)}")
            bulk.delete(work.connection, lt.record_link, rows)
        if not (links := work.lifecycle_file("links")):
            return 0
        query = f"SELECT target_id, record_id, kind FROM {parquet(links)} ORDER BY ALL"  # each of them once
        if relinked or work.was_empty(lt.record_link):
            return bulk.insert(work.connection, lt.record_link, work.batches(query))
        return bulk.upsert(work.connection, lt.record_link, work.batches(query))


def _customers(work: Publication) -> int:
    """The rows of the customers in scope are replaced, or all of them."""
    if not (path := work.lifecycle_file("customers")):
        return 0
    table = lt.customer_state
    whole = work.outcome.lifecycle is not None and work.outcome.lifecycle.full
    with bulk.indexes_after(work.connection, table, when=whole and work.number(_rows(path)) > bulk.MANY_ROWS):
        if whole:
            work.connection.execute(sa.delete(table))
        elif scope := work.lifecycle_file("scope"):
            work.stage_texts(f"SELECT golden_id FROM {parquet(scope)}")
            work.sql(f"DELETE FROM {table.name} WHERE golden_id IN {TEXTS}")
        count = bulk.insert(work.connection, table, work.batches(_ordered(table, path)))
    if path := work.lifecycle_file("health"):
        bulk.upsert(work.connection, lt.health_change, work.batches(_ordered(lt.health_change, path)))
    return count


def _findings(work: Publication) -> int:
    count = 0
    if path := work.lifecycle_file("findings"):
        rows = work.batches(_ordered(lt.finding, path))
        write = bulk.insert if work.was_empty(lt.finding) else bulk.upsert
        with bulk.indexes_after(work.connection, lt.finding, when=work.loads(lt.finding)):
            count += write(work.connection, lt.finding, rows)
    if path := work.lifecycle_file("finding_changes"):
        bulk.upsert(work.connection, lt.finding_change, work.batches(_ordered(lt.finding_change, path)))
        _close_tasks(work)
    return count


def _close_tasks(work: Publication) -> None:
    """Whoever was given a finding need not see to it any more once it is closed."""
    c, f = t.task.c, lt.finding.c
    given = sa.select(c.task_key).where(c.kind == "finding", c.status.in_(OPEN_STATES))
    numbers = {int(key.partition(":")[2]): key for key in work.connection.scalars(given)}
    if not numbers:
        return
    closed = work.connection.scalars(sa.select(f.finding_id).where(f.finding_id.in_(numbers), f.status == "closed"))
    if keys := [numbers[number] for number in closed]:
        told = {"status": "closed", "closed_run": work.outcome.run_id, "closed_at": work.at}
        work.connection.execute(sa.update(t.task).where(c.task_key.in_(keys)).values(**told))


def _measures(work: Publication) -> int:
    count = 0
    for name, table in (("matrix", lt.matrix_cell), ("measures", lt.lifecycle_measure)):
        if path := work.lifecycle_file(name):
            count += bulk.insert(work.connection, table, work.batches(_ordered(table, path)))
    return count


def _contracts(work: Publication) -> int:
    outcome = work.outcome.lifecycle
    if outcome is None:
        return 0
    known = sa.select(lt.contract_version.c.hash).where(lt.contract_version.c.hash == outcome.contracts_hash)
    if work.connection.scalar(known) is not None:
        return 0
    document = orjson.dumps(dict(outcome.contracts)).decode()
    work.connection.execute(
        sa.insert(lt.contract_version).values(
            hash=outcome.contracts_hash,
            name=outcome.contracts["name"],
            version=outcome.contracts["version"],
            document=document,
            first_run=work.outcome.run_id,
            at=work.at,
        )
    )
    return 1


def _rows(path: str) -> str:
    return f"SELECT count(*) FROM {parquet(path)}"


def _ordered(table: sa.Table, path: str) -> str:
    """The columns of a table out of a file, in the order of its primary key."""
    key = ", ".join(quoted(column.name) for column in table.primary_key)
    return f"SELECT {', '.join(quoted(column.name) for column in table.c)} FROM {parquet(path)} ORDER BY {key}"
