"""Everything that the page of a golden record shows: values with provenance, sources, versions, lineage, decisions."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from matching.survive import expand_provenance
from models.config import Config
from models.stewardship import VALUE
from models.store import Store
from models.store import tables as t
from models.vocabulary import Sensitivity
from serving.access import Principal
from serving.asking import shown_name
from serving.stewardship.bench import bench_of
from serving.stewardship.compare import AttributeRow, RecordView, attribute_rows, record_views
from serving.stewardship.errors import Unknown
from serving.stewardship.log import decisions_about
from serving.stewardship.relations import Relation, relations_of

MOST_RECORDS = 50


@dataclass(frozen=True)
class ValueRow:
    """A golden value: `why` as `expand_provenance` gives it (rule, winner, losers); `steered` names the decisions that
    pin, ignore or set it.
    """

    attribute: str
    sensitivity: Sensitivity
    value: Any
    why: dict[str, Any]
    steered: list[int]


@dataclass(frozen=True)
class Version:
    """A version of a golden record: what it said from `recorded_at` until `recorded_to` (None: today).

    `changed` names the attributes that differ from the version before it.
    """

    version: int
    status: str
    recorded_at: dt.datetime
    recorded_to: dt.datetime | None
    valid_from: dt.datetime | None
    records: int
    run_id: str
    changed: list[str]


@dataclass(frozen=True)
class GoldenView:
    """A golden record. `asked` is the id that was asked for: an alias leads to the golden record, and says so here.

    `as_of`: the moment whose values are shown (None: now). `relations` are its links to other golden records,
    both ways. `lineage`: parents and children by merge and split.
    """

    golden_id: str
    asked: str
    entity_type: str
    name: str
    status: str
    version: int
    recorded_at: dt.datetime
    as_of: dt.datetime | None
    values: list[ValueRow]
    records: list[RecordView]
    attributes: list[AttributeRow]
    aliases: list[dict[str, Any]]
    lineage: list[dict[str, Any]]
    versions: list[Version]
    relations: list[Relation]
    decisions: list[dict[str, Any]]
    tasks: list[dict[str, Any]]
    seen: int

    def as_dict(self) -> dict[str, Any]:
        """As plain dictionaries and lists."""
        return asdict(self)


def golden_view(
    store: Store, config: Config, who: Principal, golden_id: str, *, as_of: dt.datetime | None = None
) -> GoldenView:
    """A golden record by its id or an alias, now or as the hub believed at a moment. Raises NotAllowed, Unknown."""
    who.require("customers.read")
    bench = bench_of(store, config)
    with store.snapshot():
        found = store.resolve_id(golden_id)
        if found is None:
            raise Unknown(f"there is no golden record {golden_id}")
        now: dict[str, Any] = store.golden_by_id([found]).to_pylist()[0]
        past = store.golden_versions(found).to_pylist()
        shown: Mapping[str, Any] = now if as_of is None else _at(now, past, as_of)
        entity = now["entity_type"]
        members = _members_at(store, found, as_of)
        history = _versions(now, past)
        decisions = decisions_about(store, config, who, members) if members and who.may("tasks.read") else []
        values = orjson.loads(shown["values"])
        why = expand_provenance(shown["provenance"], values, _blocks(config, entity))
        steering = [d for d in decisions if d["kind"] == VALUE and d["holds"]]
        told = []
        for name, attribute in config.attributes_of(entity).items():
            if name in values or name in why:
                steered = [d["id"] for d in steering if d["detail"]["attribute"] == name]
                told.append(ValueRow(name, attribute.sensitivity, values.get(name), why.get(name, {}), steered))
        columns = members[:MOST_RECORDS]
        return GoldenView(
            found,
            golden_id,
            entity,
            shown_name(values) or found,
            shown["status"],
            shown["version"],
            shown["recorded_at"],
            as_of,
            told,
            record_views(bench, members),
            attribute_rows(bench, entity, columns) if columns else [],
            store.aliases([found]).to_pylist(),
            _lineage(store, found),
            history,
            relations_of(bench, members),
            decisions,
            store.tasks_about(members) if who.may("tasks.read") else [],
            store.last_decision(),
        )


def _at(now: dict[str, Any], past: list[dict[str, Any]], as_of: dt.datetime) -> dict[str, Any]:
    """The version that the hub believed in at a moment. Raises Unknown before the first one."""
    versions: list[dict[str, Any]] = [now, *reversed(past)]
    for row in versions:
        if row["recorded_at"] <= as_of:
            return row
    first = past[0] if past else now
    raise Unknown(f"golden record {now['golden_id']} is known since {first['recorded_at']:%Y-%m-%d %H:%M} UTC only")


def _members_at(store: Store, golden_id: str, as_of: dt.datetime | None) -> list[int]:
    if as_of is None:
        return sorted(store.members_of([golden_id])["record_id"].to_pylist())
    m, h, r = t.membership.c, t.membership_history.c, t.run.c
    since, until = t.run.alias(), t.run.alias()
    present = (
        sa.select(m.record_id)
        .join(t.run, r.run_id == m.run_id)
        .where(m.golden_id == golden_id, sa.func.coalesce(r.finished_at, r.started_at) <= as_of)
    )
    began, ended = (sa.func.coalesce(one.c.finished_at, one.c.started_at) for one in (since, until))
    before = (
        sa.select(h.record_id)
        .join(since, since.c.run_id == h.from_run)
        .join(until, until.c.run_id == h.to_run)
        .where(h.golden_id == golden_id, began <= as_of, ended > as_of)
    )
    with store.database.read() as connection:
        return sorted({int(n) for query in (present, before) for n in connection.scalars(query)})


def _versions(now: Mapping[str, Any], past: list[dict[str, Any]]) -> list[Version]:
    rows = [*past, {**now, "recorded_to": None}]
    found = []
    before: dict[str, Any] = {}
    for row in rows:
        values = orjson.loads(row["values"])
        names = [n for n in (*values, *(n for n in before if n not in values)) if before.get(n) != values.get(n)]
        kept = ("version", "status", "recorded_at", "recorded_to", "valid_from", "records", "run_id")
        found.append(Version(**{name: row[name] for name in kept}, changed=names))
        before = values
    return found[::-1]


def _lineage(store: Store, golden_id: str) -> list[dict[str, Any]]:
    line = t.golden_lineage
    query = sa.select(line).where(sa.or_(line.c.child_id == golden_id, line.c.parent_id == golden_id))
    rows: list[dict[str, Any]] = store.fetch_arrow(query.order_by(line.c.run_id)).to_pylist()
    return rows


def _blocks(config: Config, entity: str) -> dict[str, list[str]]:
    blocks: dict[str, list[str]] = {}
    for name, attribute in config.attributes_of(entity).items():
        if attribute.block:
            blocks.setdefault(attribute.block, []).append(name)
    return blocks
