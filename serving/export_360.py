"""The 360 view as a flat table: a row per customer, with its own totals and those of everything below it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import sqlalchemy as sa

from lifecycle.contracts import Contracts
from models.config import Config
from models.store import lifecycle_tables as lt
from models.store.tables import golden_record, membership
from serving.export_lifecycle import Table, erased

if TYPE_CHECKING:
    from models.store import Store

NAME = "customer_360"
_NUMBERS = ("orders", "opportunities", "vehicles", "covered_vehicles", "contacts", "touchpoints", "open_complaints")
_PROFILE = {"covered_vehicles": "covered", "open_complaints": "complaints", "first_touchpoint": "first"}
"""Columns that are called otherwise in the profile of a customer's state."""
_ROLLED = ("revenue", "pipeline", "vehicles", "findings")
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("golden_id", "entity_type", "name", "stage", "stage_since", "kind")),
        *((name, pa.string()) for name in ("existing_since", "segment", "segment_since", "account_owner")),
        ("health", pa.float64()),
        *((name, pa.string()) for name in ("last_contact", "first_touchpoint", "last_order", "last_service")),
        ("revenue", pa.float64()),
        ("pipeline", pa.float64()),
        *((name, pa.int64()) for name in _NUMBERS),
        ("attach_rate", pa.float64()),
        ("findings", pa.int64()),
        ("stake", pa.float64()),
        ("parent", pa.string()),
        ("revenue_all", pa.float64()),
        ("pipeline_all", pa.float64()),
        ("vehicles_all", pa.int64()),
        ("findings_all", pa.int64()),
        *((name, pa.string()) for name in ("province", "city", "city_tier", "industry")),
    ]
)


def customer_table(config: Config, contracts: Callable[[Config], Contracts]) -> Table:
    """The export; `contracts` gives those in force, for the tiers of cities."""
    s, g = lt.customer_state.c, golden_record.c
    names = ("stage", "stage_since", "kind", "existing_since", "segment", "segment_since", "health", "last_contact",
             "revenue", "pipeline", "findings", "stake", "profile")  # fmt: skip
    statement = (
        sa.select(s.golden_id, s.entity_type, s.owner, *(s[name] for name in names), g["values"])
        .select_from(lt.customer_state.join(golden_record, g.golden_id == s.golden_id))
        .where(~erased(s.golden_id))
        .order_by(s.golden_id)
    )
    return Table(SCHEMA, statement, _Rows(config, contracts))


@dataclass
class _Rows:
    """Shapes batches; the groups are added up once, with the first batch."""

    config: Config
    contracts: Callable[[Config], Contracts]
    groups: Groups | None = field(default=None, init=False)
    tiers: Mapping[str, str] = field(default_factory=dict, init=False)

    def __call__(self, store: Store, batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
        if self.groups is None:
            self.groups = groups_of(store)
            tiers = self.contracts(self.config).city_tiers
            self.tiers = {city: tier for tier, cities in tiers.items() for city in cities}
        rows = [self._row(row) for row in batch.to_pylist()]
        return pa.RecordBatch.from_pylist(rows, schema=schema)

    def _row(self, state: dict[str, Any]) -> dict[str, Any]:
        assert self.groups is not None
        profile, values = _json(state["profile"]), _json(state["values"])
        row = {name: state.get(name) for name in SCHEMA.names}
        for name in (*_NUMBERS, "first_touchpoint", "last_order", "last_service"):
            row[name] = profile.get(_PROFILE.get(name, name))
        for name in _NUMBERS:
            row[name] = int(row[name] or 0)
        golden_id = state["golden_id"]
        own = {"revenue": float(state["revenue"] or 0), "pipeline": float(state["pipeline"] or 0),
               "vehicles": row["vehicles"], "findings": int(state["findings"] or 0)}  # fmt: skip
        rolled = self.groups.totals.get(golden_id, own)
        vehicles = row["vehicles"]
        return row | {
            "name": values.get("name") or values.get("full_name"),
            "account_owner": state["owner"],
            **{name: own[name] for name in ("revenue", "pipeline", "findings")},
            "attach_rate": row["covered_vehicles"] / vehicles if vehicles else None,
            "parent": self.groups.parents.get(golden_id),
            **{f"{name}_all": rolled[name] for name in _ROLLED},
            **{name: values.get(name) for name in ("province", "city", "industry")},
            "city_tier": self.tiers.get(str(values.get("city") or "").removesuffix("市")),
        }


@dataclass
class Groups:
    """Customer → its parent, and → its totals with everything below, for those that belong to a group."""

    parents: dict[str, str]
    totals: dict[str, dict[str, Any]]


def groups_of(store: Store) -> Groups:
    """All groups. Where companies own each other in a circle each of them counts what is in it once."""
    s = lt.customer_state.c
    edges = sa.select(s.golden_id, membership.c.golden_id.label("parent"))
    edges = edges.select_from(lt.customer_state.join(membership, membership.c.record_id == s.parent_id))
    parents = {r["golden_id"]: r["parent"] for r in store.fetch_arrow(edges).to_pylist()}
    members = sorted({*parents, *parents.values()})
    totals: dict[str, dict[str, Any]] = defaultdict(lambda: dict.fromkeys(_ROLLED, 0))
    for state in store.customer_states(
        members, ["golden_id", "revenue", "pipeline", "findings", "profile"]
    ).to_pylist():
        own = {
            "revenue": float(state["revenue"] or 0),
            "pipeline": float(state["pipeline"] or 0),
            "vehicles": int(_json(state["profile"]).get("vehicles") or 0),
            "findings": int(state["findings"] or 0),
        }
        at: str | None = state["golden_id"]
        seen: set[str] = set()
        while at is not None and at not in seen:
            seen.add(at)
            for name in _ROLLED:
                totals[at][name] += own[name]
            at = parents.get(at)
    return Groups(parents, dict(totals))


def _json(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    return orjson.loads(value) if value else {}
