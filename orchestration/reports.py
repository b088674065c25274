"""What the published hub looks like as a whole: which systems know the same customers, how well pairs are told apart.

Reads the store; the cost follows the size of the hub, so these are not part of a run from the command line.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from matching.defaults import DEFAULTS
from models.config import Config
from models.match_model import Declaration
from models.store import Store
from models.store import tables as t


@dataclass(frozen=True)
class Overlap:
    """Of one entity type: golden records by pair of sources (the diagonal: all of a source), and of one source only."""

    sources: list[str]
    golden: int
    shared: dict[tuple[str, str], int]
    alone: dict[str, int]


def overlap(store: Store, entity: str) -> Overlap:
    """How many golden records of an entity type each two sources have in common."""
    r, m = t.source_record.c, t.membership.c
    query = sa.select(m.golden_id, r.source).join_from(t.source_record, t.membership, r.record_id == m.record_id)
    found = store.fetch_arrow(query.where(r.entity_type == entity, r.deleted.is_(False)))
    with duckdb.connect() as duck:
        duck.register("found", found)
        duck.execute("CREATE TEMP TABLE of_source AS SELECT DISTINCT golden_id, source FROM found")
        pairs = duck.execute(
            "SELECT a.source, b.source, count(*) FROM of_source a JOIN of_source b USING (golden_id) GROUP BY ALL"
        ).fetchall()
        alone = duck.execute(
            "SELECT source, count(*) FROM (SELECT golden_id, any_value(source) AS source FROM of_source "
            "GROUP BY golden_id HAVING count(*) = 1) GROUP BY source"
        ).fetchall()
        golden = duck.execute("SELECT count(DISTINCT golden_id) FROM of_source").fetchall()[0][0]
    shared = {(a, b): int(n) for a, b, n in pairs}
    sources = sorted({a for a, _ in shared})
    return Overlap(sources, int(golden), shared, {source: int(n) for source, n in alone})


def weights(store: Store, entity: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The match weights (bits) of all pairs of an entity type that the hub keeps."""
    e = t.edge.c
    column = store.fetch_arrow(sa.select(e.weight).where(e.entity_type == entity))["weight"]
    return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)


def sizes(store: Store, entity: str) -> dict[int, int]:
    """Source records per golden record → number of such golden records."""
    r, m = t.source_record.c, t.membership.c
    each = sa.select(sa.func.count().label("records"))
    each = each.join_from(t.source_record, t.membership, r.record_id == m.record_id)
    each = each.where(r.entity_type == entity).group_by(m.golden_id)
    grouped = each.subquery()
    query = sa.select(grouped.c.records, sa.func.count().label("golden")).group_by(grouped.c.records)
    with store.database.read() as connection:
        return {int(records): int(number) for records, number in connection.execute(query)}


def open_tasks(store: Store) -> list[tuple[str, str, int]]:
    """(entity type, kind, number) of the tasks that wait for a steward."""
    c = t.task.c
    query = sa.select(c.entity_type, c.kind, sa.func.count()).where(c.status == "open")
    with store.database.read() as connection:
        rows = connection.execute(query.group_by(c.entity_type, c.kind).order_by(c.entity_type, c.kind))
        return [(str(entity), str(kind), int(number)) for entity, kind, number in rows]


def declared(store: Store, config: Config, entity: str) -> Declaration:
    """How an entity type is matched: the published model's declaration with what the configuration changes of it."""
    found = store.load_published_model(entity)
    base = Declaration.model_validate(found["document"]["declaration"]) if found else DEFAULTS[entity]
    options = getattr(config.matching, entity)
    given = {name: getattr(options, name) for name in ("auto", "review", "block_cap", "max_cluster")}
    return base.model_copy(update={name: value for name, value in given.items() if value is not None})
