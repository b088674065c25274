"""Publishing a run: everything that it computed becomes the hub's state in one transaction, or nothing does.

The steps replace and add whole sets of rows from the run's Parquet files. What the rows mean was decided before.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import sqlalchemy as sa

from models.duck import connect_small
from models.errors import StoreError
from models.store import bulk
from models.store import tables as t
from models.store.outcome import RunOutcome
from models.store.publication import Publication, parquet
from models.store.publish_golden import (
    publish_aliases,
    publish_events,
    publish_golden,
    publish_profiles,
    publish_tasks,
    rank_found_tasks,
)
from models.store.publish_lifecycle import publish_decided, publish_lifecycle
from models.store.publish_records import publish_edges, publish_keys, publish_membership, publish_records
from models.store.publish_rekeys import publish_rekeys
from models.store.publish_search import publish_search


def publish(connection: sa.Connection, outcome: RunOutcome, on_step: Callable[[str], None]) -> dict[str, int]:
    """Carry out every step inside the transaction of `connection`. Returns counts of what was written."""
    with _reading(connection, outcome) as work:
        work.duck.execute("SET VARIABLE parser_version = ?::VARCHAR", [outcome.parser_version])
        counts: dict[str, int] = {}
        for name, step in STEPS_TO_TAKE:
            on_step(name)
            counts[name] = step(work)
        on_step("commit")
        return counts


def publish_followed(connection: sa.Connection, outcome: RunOutcome, before: str) -> int:
    """Make what decisions change of the lifecycle the state; the totals of the run `before` are corrected in place."""
    with _reading(connection, outcome) as work:
        return publish_decided(work, before)


@contextmanager
def _reading(connection: sa.Connection, outcome: RunOutcome) -> Iterator[Publication]:
    """A publication over the files of an outcome. Raises StoreError for files that cannot be read."""
    import duckdb

    small = outcome.is_small()
    duck = connect_small() if small else duckdb.connect()
    work = Publication(connection, duck, outcome, dt.datetime.now(dt.UTC))
    try:
        if not small:
            duck.execute("SET memory_limit = ?", [outcome.memory_limit])
            duck.execute("SET temp_directory = ?", [str(outcome.folder / "spill")])
        yield work
    except duckdb.Error as error:
        raise StoreError(f"{outcome.folder}: the run's files cannot be published ({error})") from error
    finally:
        work.close()


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


def _quarantine(work: Publication) -> int:
    path = work.outcome.quarantine()
    if path is None:
        return 0
    rows = work.batches(
        'SELECT ? AS run_id, source, stream, source_key, "row", field, value, reason, CAST(? AS TIMESTAMPTZ) AS at '
        f"FROM {parquet(str(path))}",
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
            metrics=_json(
                {**outcome.metrics, **({"lifecycle": outcome.lifecycle.standing} if outcome.lifecycle else {})}
            ),
        )
    )
    if outcome.phases:
        phases = [{"run_id": outcome.run_id, "phase": p, "seconds": s} for p, s in outcome.phases.items()]
        work.connection.execute(sa.insert(t.run_phase), phases)
    return 1


STEPS_TO_TAKE: tuple[tuple[str, Callable[[Publication], int]], ...] = (
    ("start", _start),
    ("records", publish_records),
    ("keys", publish_keys),
    ("search", publish_search),
    ("edges", publish_edges),
    ("membership", publish_membership),
    ("rekeys", publish_rekeys),
    ("golden", publish_golden),
    ("aliases", publish_aliases),
    ("tasks", publish_tasks),
    ("events", publish_events),
    ("profiles", publish_profiles),
    ("lifecycle", publish_lifecycle),
    ("ranking", rank_found_tasks),
    ("quarantine", _quarantine),
    ("stream_states", _stream_states),
    ("run", _finish),
)
STEPS: tuple[str, ...] = (*(name for name, _ in STEPS_TO_TAKE), "commit")


def _json(value: Any) -> str:
    return orjson.dumps(dict(value), default=str, option=orjson.OPT_NON_STR_KEYS).decode()
