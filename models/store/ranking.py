"""How pressing tasks are: value (segment, stage, number of records) times doubt, from what the store holds of them;
and of which sources their records are.

Doubt is most where a match is as likely as not; where a person waits for an answer it counts in full.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import sqlalchemy as sa

from models.stewardship import OPEN_STATES, STEWARD_KINDS, Ranking
from models.store import lifecycle_tables as lt
from models.store import tables as t

_AT_ONCE = 500
_LEAST_DOUBT = 0.05
_CERTAIN_KINDS = ("refused_merge", "weak_bridge", "oversized", "two_customers")


def rank_tasks(connection: sa.Connection, ranking: Ranking, keys: Sequence[str] | None = None) -> int:
    """Set value, priority, segment and sources of waiting tasks (of these keys, or of all); returns how many."""
    c = t.task.c
    columns = sa.select(c.task_key, c.kind, c.probability, c.records, c.left_id, c.right_id)
    waiting = columns.where(c.status.in_(OPEN_STATES))
    count = 0
    if keys is None:
        tasks: list[Any] = list(connection.execute(waiting))
        groups: Iterable[list[Any]] = (tasks[i : i + _AT_ONCE] for i in range(0, len(tasks), _AT_ONCE))
    else:
        parts = (list(keys[i : i + _AT_ONCE]) for i in range(0, len(keys), _AT_ONCE))
        groups = (list(connection.execute(waiting.where(c.task_key.in_(part)))) for part in parts)
    for group in groups:
        count += _rank(connection, ranking, group)
    return count


def _rank(connection: sa.Connection, ranking: Ranking, tasks: Sequence[Any]) -> int:
    if not tasks:
        return 0
    of = {task.task_key: _records(task) for task in tasks}
    named = {record for records in of.values() for record in records}
    homes, sources = _homes(connection, named), _sources(connection, named)
    known = _customers(connection, set(homes.values()))
    changes = []
    for task in tasks:
        golden = {homes[record] for record in of[task.task_key] if record in homes}
        mine = [known[one] for one in golden if one in known]
        size = sum(records for records, *_ in mine) or 1
        segments = [segment for _, segment, _ in mine if segment]
        best = max(segments, key=lambda one: (ranking.segments.get(one, 1.0), one), default=None)
        stage = max((ranking.stages.get(stage or "", 1.0) for *_, stage in mine), default=1.0)
        value = ranking.segments.get(best or "", 1.0) * stage * (1.0 + math.log2(size))
        priority = value * _doubt(task.kind, task.probability)
        mine_are = sorted({sources[record] for record in of[task.task_key] if record in sources})
        told = {"key": task.task_key, "v": round(value, 6), "p": round(priority, 6), "s": best}
        changes.append(told | {"o": f",{','.join(mine_are)}," if mine_are else None})
    c = t.task.c
    statement = sa.update(t.task).where(c.task_key == sa.bindparam("key"))
    ranked = {"value": "v", "priority": "p", "segment": "s", "sources": "o"}
    statement = statement.values({name: sa.bindparam(value) for name, value in ranked.items()})
    connection.execute(statement, changes)
    return len(changes)


def _records(task: Any) -> set[int]:
    named = {int(record) for record in orjson.loads(task.records)}
    return named | {record for record in (task.left_id, task.right_id) if record is not None}


def _homes(connection: sa.Connection, records: set[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    m, ids = t.membership.c, sorted(records)
    for i in range(0, len(ids), _AT_ONCE):
        query = sa.select(m.record_id, m.golden_id).where(m.record_id.in_(ids[i : i + _AT_ONCE]))
        found |= {record: golden for record, golden in connection.execute(query)}
    return found


def _sources(connection: sa.Connection, records: set[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    r, ids = t.source_record.c, sorted(records)
    for i in range(0, len(ids), _AT_ONCE):
        query = sa.select(r.record_id, r.source).where(r.record_id.in_(ids[i : i + _AT_ONCE]))
        found |= {record: source for record, source in connection.execute(query)}
    return found


def _customers(connection: sa.Connection, golden_ids: set[str]) -> dict[str, tuple[int, str | None, str | None]]:
    """Golden id → number of records, segment, stage."""
    found: dict[str, tuple[int, str | None, str | None]] = {}
    g, s, ids = t.golden_record.c, lt.customer_state.c, sorted(golden_ids)
    for i in range(0, len(ids), _AT_ONCE):
        query = sa.select(g.golden_id, g.records, g["values"], s.segment, s.stage)
        query = query.join_from(t.golden_record, lt.customer_state, s.golden_id == g.golden_id, isouter=True)
        for golden, records, values, segment, stage in connection.execute(
            query.where(g.golden_id.in_(ids[i : i + _AT_ONCE]))
        ):
            found[golden] = (records, orjson.loads(values).get("segment") or segment, stage)
    return found


def _doubt(kind: str, probability: float | None) -> float:
    if kind in STEWARD_KINDS or kind in ("conflict", "reopened"):
        return 1.0
    if probability is None or kind in _CERTAIN_KINDS:
        return 0.5
    return max(_LEAST_DOUBT, 2.0 * min(probability, 1.0 - probability))
