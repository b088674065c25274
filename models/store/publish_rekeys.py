"""Publishing step for records that go on under another key: what is known of the old one is said of the new one.

Who goes on as whom was decided before. Source records and their versions stay under the keys that they came with.
"""

from __future__ import annotations

from typing import Any

import orjson
import pyarrow as pa
import sqlalchemy as sa

from models.store import bulk
from models.store import tables as t
from models.store.publication import Publication, parquet

_PAIRS = "(SELECT old_id, new_id FROM record_rekey WHERE run_id = :run)"


def publish_rekeys(work: Publication) -> int:
    """Note which records go on as which; their memberships, the runs that brought them and decisions follow."""
    count = sum(_note(work, entity) for entity in work.outcome.entities)
    if count:
        _first_runs(work)
        _memberships(work)
        _decisions(work)
    return count


def _note(work: Publication, entity: str) -> int:
    changes = work.file("changes", entity)
    if changes is None or "rekeyed_to" not in work.columns(changes):
        return 0
    rows = work.batches(
        "SELECT ? AS run_id, record_id AS old_id, rekeyed_to AS new_id, CAST(? AS TIMESTAMPTZ) AS recorded_at "
        f"FROM {parquet(changes)} WHERE rekeyed_to IS NOT NULL ORDER BY record_id",
        work.outcome.run_id,
        work.at,
    )
    return bulk.insert(work.connection, t.record_rekey, rows)


def _first_runs(work: Publication) -> None:
    """A record is as old as it was under its first key."""
    older = f"{_PAIRS} k JOIN source_record o ON o.record_id = k.old_id WHERE k.new_id = source_record.record_id"
    work.sql(
        f"UPDATE source_record SET first_run = (SELECT min(o.first_run) FROM {older}) "
        f"WHERE record_id IN (SELECT new_id FROM {_PAIRS} n) "
        f"AND EXISTS (SELECT 1 FROM {older} AND o.first_run < source_record.first_run)",
        run=work.outcome.run_id,
    )


def _memberships(work: Publication) -> None:
    """The new record was where the old one was; one that stays in its golden record has been there since then."""
    run, connection, duck = work.outcome.run_id, work.connection, work.duck
    k, h, m = t.record_rekey.c, t.membership_history.c, t.membership.c
    of_run = k.run_id == run
    old, new = sa.select(k.old_id).where(of_run), sa.select(k.new_id).where(of_run)
    ours = sa.or_(h.record_id.in_(old), h.record_id.in_(new))
    for name, query in (
        ("pairs", sa.select(k.old_id, k.new_id).where(of_run)),
        ("once", sa.select(t.membership_history).where(ours)),
        ("now", sa.select(m.record_id, m.golden_id, m.run_id).where(m.record_id.in_(new))),
    ):
        duck.register(name, pa.Table.from_batches(list(bulk.fetch(connection, query))))
    duck.execute(
        "CREATE TEMP TABLE stayed AS SELECT n.record_id, n.golden_id, min(h.from_run) AS run_id FROM now n "
        "JOIN pairs k ON k.new_id = n.record_id "
        "JOIN once h ON h.record_id = k.old_id AND h.golden_id = n.golden_id AND h.to_run = $1 "
        "WHERE n.run_id = $1 AND NOT EXISTS "
        "(SELECT 1 FROM once x WHERE x.record_id = n.record_id AND x.golden_id = n.golden_id) GROUP BY ALL",
        [run],
    )
    # Where several records become one, what they shared is said once.
    duck.execute(
        "CREATE TEMP TABLE moved AS SELECT record_id, golden_id, from_run, max(to_run) AS to_run FROM ("
        "SELECT coalesce(k.new_id, h.record_id) AS record_id, h.golden_id, h.from_run, h.to_run FROM once h "
        "LEFT JOIN pairs k ON k.old_id = h.record_id) r WHERE NOT EXISTS (SELECT 1 FROM stayed s "
        "WHERE s.record_id = r.record_id AND s.golden_id = r.golden_id AND r.to_run = $1) "
        "AND NOT EXISTS (SELECT 1 FROM now n WHERE n.record_id = r.record_id AND n.golden_id = r.golden_id "
        "AND n.run_id = r.from_run) GROUP BY ALL",
        [run],
    )
    connection.execute(sa.delete(t.membership_history).where(ours))
    bulk.insert(connection, t.membership_history, work.batches("SELECT * FROM moved ORDER BY ALL"))
    bulk.update(connection, t.membership, work.batches("SELECT record_id, run_id FROM stayed ORDER BY ALL"))
    for name in ("pairs", "once", "now"):
        duck.unregister(name)


def _decisions(work: Publication) -> None:
    """What people said of a record holds for it under its new key; only the record's number in it changes."""
    d, r, k = t.decision.c, t.decision_record.c, t.record_rekey.c
    ours = sa.select(k.old_id).where(k.run_id == work.outcome.run_id)
    about = sa.select(r.decision_id).where(r.record_id.in_(ours))
    query = sa.select(d.id, d.left_id, d.right_id, d.detail, d.evidence).where(d.id.in_(about))
    found = work.connection.execute(query).all()
    if not found:
        return
    listed = sa.select(t.decision_record).where(r.decision_id.in_(about))
    records = [tuple(row) for row in work.connection.execute(listed).all()]
    named = sa.select(k.old_id, k.new_id).where(
        k.run_id == work.outcome.run_id, k.old_id.in_(sa.select(r.record_id).where(r.decision_id.in_(about)))
    )
    moved = {old: new for old, new in work.connection.execute(named).all()}
    for row in found:
        left, right = (moved.get(side, side) for side in (row.left_id, row.right_id))
        if left is not None and right is not None:
            if left == right:  # said about two records that are one now: it has nothing left to say
                continue
            left, right = sorted((left, right))
        values = {"left_id": left, "right_id": right}
        for name, text in (("detail", row.detail), ("evidence", row.evidence)):
            values[name] = None if text is None else orjson.dumps(renamed(orjson.loads(text), moved)).decode()
        work.connection.execute(sa.update(t.decision).where(d.id == row.id).values(**values))
        work.connection.execute(sa.delete(t.decision_record).where(r.decision_id == row.id))
        now = sorted({moved.get(record, record) for record, decision in records if decision == row.id})
        work.connection.execute(
            sa.insert(t.decision_record), [{"record_id": record, "decision_id": row.id} for record in now]
        )


def renamed(value: Any, moved: dict[int, int]) -> Any:
    """A JSON value with other record ids in it: numbers, and names that are numbers."""
    if isinstance(value, dict):
        return {_renamed_key(key, moved): renamed(inner, moved) for key, inner in value.items()}
    if isinstance(value, list):
        return [renamed(inner, moved) for inner in value]
    return moved.get(value, value) if isinstance(value, int) and not isinstance(value, bool) else value


def _renamed_key(key: str, moved: dict[int, int]) -> str:
    return str(moved[int(key)]) if key.isdecimal() and int(key) in moved else key
