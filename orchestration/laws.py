"""What must hold of the hub whatever was delivered: every current record in exactly one golden record, none without
members, no gap in the events. Checked on a run's files before they are published, and in the store afterwards.

Computes no golden record and repairs nothing: a broken law stops the run, or shows after it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from models.duck import connect_small
from models.store import Store
from models.store import tables as t
from models.vocabulary import PARTY_TYPES

ONE_GOLDEN = "one_golden_record_each"
NO_EMPTY = "no_golden_record_without_members"
NO_GAP = "no_event_gap"
CLUSTER_SIZE = "cluster_size"

MANY = 100_000
"""From so many records on, reading everything is quicker than looking them up one by one."""

Severity = Literal["ERROR", "WARN"]


@dataclass(frozen=True)
class Verdict:
    """How one law was found: `examples` are record or golden ids that break it, at most five."""

    law: str
    passed: bool
    words: str
    severity: Severity = "ERROR"
    counts: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)


def before_publishing(store: Store, folder: Path, entity: str, *, max_cluster: int) -> list[Verdict]:
    """The laws on what a run is about to publish for one entity type, together with what the store holds."""
    paths = {kind: folder / f"{kind}_{entity}.parquet" for kind in _EMPTY}
    if not any(path.exists() for path in paths.values()):
        laws: tuple[tuple[str, Severity], ...] = ((ONE_GOLDEN, "ERROR"), (NO_EMPTY, "ERROR"), (CLUSTER_SIZE, "WARN"))
        return [Verdict(law, True, "nothing is to be published", severity) for law, severity in laws]
    duck = connect_small()
    try:
        for kind, empty in _EMPTY.items():
            path = paths[kind]
            names = ", ".join(f'"{name}"' for name in empty.names)
            if path.exists():
                duck.execute(f"CREATE TEMP VIEW {kind} AS SELECT {names} FROM read_parquet({_text(path)})")
            else:
                duck.register(kind, empty.empty_table())
        unmoved = "SELECT record_id FROM changes WHERE change <> 'late' EXCEPT SELECT record_id FROM membership"
        ids = duck.sql(unmoved).to_arrow_table()["record_id"]
        known = store.memberships() if len(ids) > MANY else store.memberships(ids)
        duck.register("known", known)
        return [_one_golden_before(duck), _no_empty_before(duck), _cluster_size(duck, max_cluster)]
    finally:
        duck.close()


def _one_golden_before(duck: duckdb.DuckDBPyConnection) -> Verdict:
    twice = _ids(duck, "SELECT record_id FROM membership GROUP BY record_id HAVING count(*) > 1")
    # What the run does not move stays where the store has it.
    after = (
        "SELECT c.record_id, c.change, CASE WHEN m.record_id IS NULL THEN k.golden_id ELSE m.golden_id END golden_id "
        "FROM changes c LEFT JOIN membership m USING (record_id) LEFT JOIN known k USING (record_id)"
    )
    homeless = _ids(duck, f"SELECT record_id FROM ({after}) WHERE change IN ('insert', 'update') AND golden_id IS NULL")
    leftover = _ids(duck, f"SELECT record_id FROM ({after}) WHERE change = 'delete' AND golden_id IS NOT NULL")
    return _verdict(
        ONE_GOLDEN,
        {
            "records in two golden records": twice,
            "current records in none": homeless,
            "deleted records still in one": leftover,
        },
        "every changed record has exactly one golden record",
    )


def _no_empty_before(duck: duckdb.DuckDBPyConnection) -> Verdict:
    living = "action NOT IN ('retired', 'merged')"
    empty = _ids(duck, f"SELECT golden_id FROM golden WHERE {living} AND coalesce(records, 0) < 1")
    unknown = _ids(
        duck,
        "SELECT DISTINCT golden_id FROM membership WHERE golden_id IN "
        f"(SELECT golden_id FROM golden WHERE NOT ({living}))",
    )
    created = _ids(
        duck,
        "SELECT golden_id FROM golden WHERE action = 'created' "
        "AND golden_id NOT IN (SELECT golden_id FROM membership WHERE golden_id IS NOT NULL)",
    )
    return _verdict(
        NO_EMPTY,
        {"golden records with no record": empty, "retired ones with records": unknown, "new ones with none": created},
        "every golden record has members",
    )


def _cluster_size(duck: duckdb.DuckDBPyConnection, limit: int) -> Verdict:
    row = duck.execute("SELECT golden_id, records FROM golden ORDER BY records DESC NULLS LAST LIMIT 1").fetchone()
    largest = int(row[1] or 0) if row else 0
    words = f"the largest golden record of this run holds {largest:,} records; more than {limit:,} should be looked at"
    counts = {"largest": largest, "limit": limit}
    return Verdict(
        CLUSTER_SIZE, largest <= limit, words, "WARN", counts, [str(row[0])] if row and largest > limit else []
    )


def last_event(store: Store) -> int:
    """The number of the newest event, 0 when there is none."""
    return int(_number(store, sa.select(sa.func.coalesce(sa.func.max(t.event.c.seq), 0))))


def after_publishing(store: Store, folder: Path, entities: tuple[str, ...], *, full: bool) -> list[Verdict]:
    """The laws in the published store: over everything with `full`, else over what the run changed."""
    if full:
        return [_one_golden_everywhere(store), _no_empty_everywhere(store)]
    one: dict[str, list[str]] = {"current records in no golden record": [], "deleted records still in one": []}
    none: dict[str, list[str]] = {"golden records with no record": []}
    for entity in entities:
        records = _column(folder / f"changes_{entity}.parquet", "record_id")
        golden = _column(folder / f"golden_{entity}.parquet", "golden_id")
        if not len(records) and not len(golden):
            continue
        states = store.records_by_id(records, ["deleted"])
        members = store.memberships(records)
        duck = connect_small()
        try:
            duck.register("states", states)
            duck.register("members", members)
            joined = "states LEFT JOIN members USING (record_id)"
            one["current records in no golden record"] += _ids(
                duck, f"SELECT record_id FROM {joined} WHERE NOT deleted AND golden_id IS NULL"
            )
            one["deleted records still in one"] += _ids(
                duck, f"SELECT record_id FROM {joined} WHERE deleted AND golden_id IS NOT NULL"
            )
            duck.register("golden", store.golden_by_id(golden).select(["golden_id", "status"]))
            duck.register("their", store.members_of(golden))
            none["golden records with no record"] += _ids(
                duck,
                "SELECT golden_id FROM golden WHERE status = 'active' "
                "AND golden_id NOT IN (SELECT golden_id FROM their)",
            )
        finally:
            duck.close()
    return [
        _verdict(ONE_GOLDEN, one, "every record of this run is in exactly one golden record"),
        _verdict(NO_EMPTY, none, "every golden record of this run has members"),
    ]


def _one_golden_everywhere(store: Store) -> Verdict:
    r, m = t.source_record.c, t.membership.c
    current = sa.and_(r.entity_type.in_(PARTY_TYPES), r.deleted.is_(False))
    joined = t.source_record.outerjoin(t.membership, r.record_id == m.record_id)
    homeless = store.fetch_arrow(
        sa.select(r.record_id).select_from(joined).where(current, m.record_id.is_(None)).limit(1000)
    )
    records = _number(store, sa.select(sa.func.count()).select_from(t.source_record).where(current))
    members = _number(store, sa.select(sa.func.count()).select_from(t.membership))
    # With no current record missing, a surplus of members can only be records that are deleted or gone.
    surplus = members - (records - homeless.num_rows)
    found = {"current records in no golden record": [str(v) for v in homeless["record_id"].to_pylist()]}
    verdict = _verdict(ONE_GOLDEN, found, f"each of {records:,} current records is in exactly one golden record")
    if verdict.passed and surplus:
        return Verdict(ONE_GOLDEN, False, f"{surplus:,} records in golden records are deleted or gone")
    return verdict


def _no_empty_everywhere(store: Store) -> Verdict:
    g, m = t.golden_record.c, t.membership.c
    active = sa.select(g.golden_id).where(g.status == "active")
    has_members = sa.exists().where(m.golden_id == g.golden_id)
    empty = store.fetch_arrow(active.where(~has_members).limit(1000))
    count = _number(store, sa.select(sa.func.count()).select_from(active.subquery()))
    used = _number(store, sa.select(sa.func.count(sa.distinct(m.golden_id))))
    found = {"golden records with no record": [str(v) for v in empty["golden_id"].to_pylist()]}
    verdict = _verdict(NO_EMPTY, found, f"each of {count:,} golden records has members")
    if verdict.passed and used != count:
        return Verdict(NO_EMPTY, False, f"{used - count:,} golden ids with records are retired or unknown")
    return verdict


def events_without_gap(store: Store, before: int, published: int) -> Verdict:
    """Whether the events of a run carry the numbers right after `before`, one each, and the first of all is 1."""
    e = t.event.c.seq
    count = _number(store, sa.select(sa.func.count()).select_from(t.event).where(e > before))
    newest = last_event(store)
    first = _number(store, sa.select(sa.func.coalesce(sa.func.min(e), 1)))
    # Serving writes events as well: of customers that programs create, of consent, of erasures.
    passed = published <= count == newest - before and first == 1
    words = f"{published:,} events published"
    if published or not passed:
        words += f"; of the numbers {before + 1:,} to {newest:,}, {count:,} are there; the first of all is {first}"
    return Verdict(NO_GAP, passed, words, counts={"published": published, "found": count, "newest": newest})


def _schema(**types: pa.DataType) -> pa.Schema:
    return pa.schema(list(types.items()))


_EMPTY = {
    "changes": _schema(record_id=pa.int64(), change=pa.string()),
    "membership": _schema(record_id=pa.int64(), golden_id=pa.string()),
    "golden": _schema(golden_id=pa.string(), action=pa.string(), records=pa.int64()),
}


def _verdict(law: str, broken: dict[str, list[str]], sound: str) -> Verdict:
    counts = {what: len(ids) for what, ids in broken.items()}
    wrong = [f"{count:,} {what}" for what, count in counts.items() if count]
    examples = [i for ids in broken.values() for i in ids[:5]][:5]
    return Verdict(law, not wrong, "; ".join(wrong) or sound, counts=counts, examples=examples)


def _ids(duck: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    return [str(row[0]) for row in duck.execute(f"{query} LIMIT 100000").fetchall()]


def _number(store: Store, query: sa.Select[Any]) -> int:
    with store.database.read() as connection:
        return int(connection.scalar(query) or 0)


def _column(path: Path, name: str) -> Any:
    if not path.exists():
        return pa.array([], pa.int64() if name == "record_id" else pa.string())
    return pq.read_table(path, columns=[name])[name].combine_chunks()


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
