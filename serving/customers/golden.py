"""Golden records: by id, by former id, as of a moment in either time, and several at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from models.store import Store
from models.store.database import moment
from models.store.looks import Ask
from models.store.tables import golden_alias, golden_lineage, golden_record, golden_version, membership, source_record

MOST_HOPS = 64
"""Aliases that are followed one after the other; more would be a ring."""


@dataclass(frozen=True)
class Golden:
    """A golden record, or one of its versions. `recorded_to` is when the hub began to believe something else."""

    golden_id: str
    entity_type: str
    version: int
    status: str
    records: int
    valid_from: dt.datetime | None
    recorded_at: dt.datetime
    run_id: str
    values: dict[str, Any]
    provenance: str
    recorded_to: dt.datetime | None = None

    @classmethod
    def of(cls, row: Any) -> Golden:
        """From a row of the store."""
        found = dict(row)
        return cls(**{**found, "values": orjson.loads(found["values"])})


@dataclass(frozen=True)
class Standing:
    """A golden record as it stands now, with the ids that lead to it, its sources (source, stream, key), and whether
    the person was erased.
    """

    golden: Golden
    former_ids: list[str]
    sources: list[tuple[str, str, str]]
    erased: bool


def standing(store: Store, golden_id: str) -> Standing | None:
    """A golden record with what a reader is told of it, in one look; None for an id that is unknown or a former one."""
    query, values = standing_ask(store, golden_id)
    return standing_of(golden_id, store.database.row(query, *values))


def standing_ask(store: Store, golden_id: str) -> Ask:
    """The statement of `standing`, to be asked together with another."""
    return _STANDING[store.dialect], (golden_id,) * 5


def standing_of(golden_id: str, row: tuple[Any, ...] | None) -> Standing | None:
    """What the row of `standing_ask` says."""
    if row is None or row[9] is not None:
        return None
    valid_from, recorded_at = moment(row[4]), moment(row[5])
    assert recorded_at is not None
    entity, version, status, records = row[:4]
    found = (valid_from, recorded_at, row[6], orjson.loads(row[7]), row[8])
    golden = Golden(golden_id, entity, version, status, records, *found)
    former, sources = _list(row[10]), _list(row[11])
    return Standing(golden, sorted(former), sorted(tuple(s) for s in sources), bool(row[12]))


def _list(value: Any) -> list[Any]:
    """A JSON array, which PostgreSQL's driver has read already."""
    found: list[Any] = orjson.loads(value) if isinstance(value, str) else value or []
    return found


def _standing(array: str, pair: str) -> str:
    former = (
        "WITH RECURSIVE f(id) AS (SELECT alias_id FROM golden_alias WHERE golden_id = ? "
        "UNION SELECT a.alias_id FROM golden_alias a JOIN f ON a.golden_id = f.id) "
        f"SELECT {array}(id) FROM f"
    )
    sources = (
        f"SELECT {array}({pair}(r.source, r.stream, r.source_key)) FROM membership m "
        "JOIN source_record r ON r.record_id = m.record_id WHERE m.golden_id = ?"
    )
    return (
        "SELECT g.entity_type, g.version, g.status, g.records, g.valid_from, g.recorded_at, g.run_id, "
        'g."values", g.provenance, (SELECT a.golden_id FROM golden_alias a WHERE a.alias_id = ?), '
        f"({former}), ({sources}), EXISTS (SELECT 1 FROM tombstone t WHERE t.kind = 'golden' AND t.id = ?) "
        "FROM golden_record g WHERE g.golden_id = ?"
    )


_STANDING = {
    "sqlite": _standing("json_group_array", "json_array"),
    "postgresql": _standing("json_agg", "json_build_array"),
}


def find(store: Store, golden_id: str) -> tuple[Golden | None, str | None]:
    """The golden record of an id, and, where the id has become another's, that survivor's id instead.

    (None, None) for an id that never was.
    """
    if survivor := survivor_of(store, golden_id):
        return None, survivor
    with store.database.read() as connection:
        row = connection.execute(_BY_ID, {"id": golden_id}).mappings().first()
    return (None if row is None else Golden.of(row)), None


def survivor_of(store: Store, golden_id: str) -> str | None:
    """The golden record behind a former id; None for an id that is no former one."""
    found, at = None, golden_id
    with store.database.read() as connection:
        for _ in range(MOST_HOPS):
            target = connection.scalar(_ALIAS, {"id": at})
            if target is None:
                break
            found = at = target
    return found


def many(store: Store, golden_ids: Sequence[str]) -> dict[str, Golden]:
    """Golden records by id, retired ones too; former ids, unknown and erased ones are left out."""
    found: dict[str, Golden] = {}
    with store.database.read() as connection:
        for start in range(0, len(golden_ids), 500):
            some = list(golden_ids[start : start + 500])
            query = sa.select(golden_record).where(golden_record.c.golden_id.in_(some))
            found |= {row["golden_id"]: Golden.of(row) for row in connection.execute(query).mappings()}
    for erased in store.erased_among(found):
        del found[erased]
    return found


def versions(store: Store, golden_id: str) -> list[Golden]:
    """Every version of a golden record, the newest first; also of an id that has become another's."""
    with store.database.read() as connection:
        now = connection.execute(_BY_ID, {"id": golden_id}).mappings().first()
        query = sa.select(golden_version).where(golden_version.c.golden_id == golden_id)
        before = connection.execute(query.order_by(golden_version.c.version.desc())).mappings().all()
    return [Golden.of(row) for row in ([now] if now is not None else []) + list(before)]


def version_at(
    store: Store, golden_id: str, *, known_at: dt.datetime | None = None, valid_at: dt.datetime | None = None
) -> Golden | None:
    """The version that the hub believed in at `known_at` (default: now) about the customer as of `valid_at`.

    `valid_at` looks at the sources' own time: the newest version among those known that was true by then. None where
    nothing was known, or nothing was true yet.
    """
    for version in versions(store, golden_id):
        if known_at is not None and version.recorded_at > known_at:
            continue
        if valid_at is None or (version.valid_from is not None and version.valid_from <= valid_at):
            return version
        # A version without a time of the sources was true from when the hub learnt of it.
        if version.valid_from is None and version.recorded_at <= valid_at:
            return version
    return None


def former_ids(store: Store, golden_id: str) -> list[str]:
    """The ids that lead to a golden record today, in their order."""
    found: list[str] = []
    todo = [golden_id]
    with store.database.read() as connection:
        for _ in range(MOST_HOPS):
            if not todo:
                break
            query = sa.select(golden_alias.c.alias_id).where(golden_alias.c.golden_id.in_(todo))
            todo = [alias for alias in connection.scalars(query) if alias not in found]
            found += todo
    return sorted(found)


def lineage(store: Store, golden_id: str) -> list[dict[str, Any]]:
    """Merges and splits that a golden record took part in: kind, parent, child, run_id, in order."""
    c = golden_lineage.c
    query = sa.select(c.kind, c.parent_id.label("parent"), c.child_id.label("child"), c.run_id)
    with store.database.read() as connection:
        rows = connection.execute(query.where(sa.or_(c.child_id == golden_id, c.parent_id == golden_id)))
        return sorted((dict(row) for row in rows.mappings()), key=lambda r: (r["run_id"], r["kind"], r["child"]))


def members(store: Store, golden_id: str) -> list[dict[str, Any]]:
    """The source records of a golden record, by source and key; `payload` as an object."""
    r, m = source_record.c, membership.c
    query = (
        sa.select(
            r.record_id,
            r.entity_type,
            r.source,
            r.stream,
            r.source_key,
            r.version,
            r.source_time,
            r.first_run,
            r.last_run,
            m.run_id.label("member_since"),
            r.payload,
        )
        .join_from(membership, source_record, r.record_id == m.record_id)
        .where(m.golden_id == golden_id)
        .order_by(r.source, r.stream, r.source_key)
    )
    with store.database.read() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    return [{**row, "payload": orjson.loads(row["payload"] or "{}")} for row in rows]


_BY_ID = sa.select(golden_record).where(golden_record.c.golden_id == sa.bindparam("id"))
_ALIAS = sa.select(golden_alias.c.golden_id).where(golden_alias.c.alias_id == sa.bindparam("id"))
