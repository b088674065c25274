"""Reads everything that hangs on a customer, in a fixed number of indexed look-ups; draws no conclusions."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from lifecycle.contracts import Contracts
from models.config import Config
from models.store import lifecycle_tables as lt
from models.store.customer_lookup import CustomerLookup, Golden, Record
from models.vocabulary import record_id

GROUP_LIMIT = 2_000
"""Companies of one group that are shown; the totals of larger groups stand in the flat tables."""


@dataclass
class Facts:
    """What is known around a customer. `mine` are its own records; touchpoints are in the order of their days."""

    config: Config
    contracts: Contracts
    today: dt.date
    run_id: str | None
    golden: Golden
    mine: list[Record]
    state: dict[str, Any]
    stages: list[tuple[str, int, str, str, str | None]]
    health_changes: list[tuple[str, float | None, float | None]] = field(default_factory=list)
    """Day, score before, score after."""
    touchpoints: list[Record] = field(default_factory=list)
    vehicles: list[Record] = field(default_factory=list)
    """Records of vehicles that are held by the customer, and by others of the same vehicles."""
    relations: list[Record] = field(default_factory=list)
    """Relations at whose end the customer stands."""
    reports: list[Record] = field(default_factory=list)
    """Relations between people of the customer."""
    people: dict[str, Golden] = field(default_factory=dict)
    """Golden records of the people who work for the customer."""
    homes: dict[int, str] = field(default_factory=dict)
    """Record → golden record, of every party that is named above."""
    names: dict[str, str | None] = field(default_factory=dict)
    """Golden record → its name, of every party that is named above."""
    persons: set[str] = field(default_factory=set)
    """Those of them that are persons."""
    group: list[Company] = field(default_factory=list)
    group_cut: bool = False
    findings: list[dict[str, Any]] = field(default_factory=list)
    waivers: dict[int, str | None] = field(default_factory=dict)

    @property
    def my_ids(self) -> set[int]:
        """The ids of the customer's own records."""
        return {record.record_id for record in self.mine}

    def party(self, record: Record, key: str = "party_ids") -> str | None:
        """The golden record that a record names first under a key and that is known."""
        return next((self.homes[i] for i in record.standard.get(key) or [] if i in self.homes), None)


@dataclass
class Company:
    """A company of the group: its golden record, state, and the golden ids of its parents."""

    golden_id: str
    name: str | None
    state: dict[str, Any]
    parents: list[str] = field(default_factory=list)


def gather(
    look: CustomerLookup, config: Config, contracts: Contracts, golden: Golden, today: dt.date, run_id: str | None
) -> Facts:
    """All facts around a customer."""
    own = [i for _, i in look.members([golden.golden_id])]
    state = look.states([golden.golden_id]).get(golden.golden_id, {})
    facts = Facts(config, contracts, today, run_id, golden, look.records(own), state, look.stages(golden.golden_id))
    by_kind: dict[int, list[int]] = defaultdict(list)
    for link in look.links_to(own):
        by_kind[link.kind].append(link.record_id)
    hung = look.records([*by_kind[lt.PARTY], *by_kind[lt.TO]])
    facts.relations = [r for r in hung if r.entity_type == "relation"]
    facts.touchpoints = sorted((r for r in hung if r.entity_type == "touchpoint"), key=_day)
    held = [r for r in hung if r.entity_type == "vehicle"]
    _vehicles(look, facts, held)
    _people(look, facts, by_kind[lt.ORGANIZATION])
    _parties(look, facts)
    if golden.entity_type == "organization":
        _group(look, facts)
    facts.health_changes = look.health_changes(golden.golden_id)
    facts.findings = look.open_findings(golden.golden_id)
    facts.waivers = look.waivers([f["finding_id"] for f in facts.findings])
    return facts


def name_of(golden: Golden) -> str | None:
    """What a party is called."""
    found = golden.values.get("name" if golden.entity_type == "organization" else "full_name")
    if not found and golden.entity_type == "person":
        found = " ".join(filter(None, (golden.values.get("given_name"), golden.values.get("family_name"))))
    return str(found) if found else None


def _day(record: Record) -> tuple[str, int]:
    given = record.standard
    day = given.get("occurred_at") or given.get("due_at") or given.get("valid_from") or ""
    return str(day), record.record_id


def _vehicles(look: CustomerLookup, facts: Facts, held: list[Record]) -> None:
    """The customer's own records of vehicles, and what others say of the same ones."""
    vins = {r.standard["vin_id"] for r in held if r.standard.get("vin_id") is not None}
    vins |= {
        r.standard["vin_id"]
        for r in facts.touchpoints
        if r.standard.get("vin_id") is not None and _enters(facts, r) == "delivery"
    }
    others = [link.record_id for link in look.links_to(sorted(vins)) if link.kind == lt.VEHICLE]
    known = {r.record_id for r in held}
    rest = [r for r in look.records([i for i in others if i not in known]) if r.entity_type == "vehicle"]
    facts.vehicles = [*held, *rest]


def _enters(facts: Facts, record: Record) -> str | None:
    kind = facts.contracts.touchpoints.get(str(record.standard.get("type")))
    return None if kind is None else kind.enters


def _people(look: CustomerLookup, facts: Facts, records: list[int]) -> None:
    homes = look.golden_ids(records)
    facts.people = {i: g for i, g in look.golden(sorted(set(homes.values()))).items() if g.entity_type == "person"}
    members = look.members(list(facts.people))
    facts.homes.update({record: golden_id for golden_id, record in members})
    lines = [link.record_id for link in look.links_to([i for _, i in members]) if link.kind == lt.FROM]
    facts.reports = look.records(lines)


def _parties(look: CustomerLookup, facts: Facts) -> None:
    """Who the parties are that records around the customer name."""
    wanted: set[int] = set()
    for record in (*facts.vehicles, *facts.relations, *facts.reports, *facts.touchpoints):
        for key in ("party_ids", "contact_ids", "from_ids", "to_ids"):
            wanted.update(record.standard.get(key) or [])
    facts.homes.update(look.golden_ids(sorted(wanted - facts.homes.keys())))
    facts.homes.update({i: facts.golden.golden_id for i in facts.my_ids})
    unknown = sorted(set(facts.homes.values()) - facts.people.keys() - {facts.golden.golden_id})
    parties = {**look.golden(unknown), **facts.people, facts.golden.golden_id: facts.golden}
    facts.persons = {golden_id for golden_id, golden in parties.items() if golden.entity_type == "person"}
    facts.names = {golden_id: name_of(golden) for golden_id, golden in parties.items()}


def _group(look: CustomerLookup, facts: Facts) -> None:
    """The companies above the customer, then everything below the topmost one; nobody twice."""
    me = facts.golden.golden_id
    head, seen = me, {me}
    above = facts.state.get("parent_id")
    while above is not None:
        parent = look.golden_ids([above]).get(above)
        if parent is None or parent in seen:
            break
        head = parent
        seen.add(parent)
        above = look.states([parent]).get(parent, {}).get("parent_id")
    level, found = [head], {head: Company(head, None, {})}
    while level and len(found) < GROUP_LIMIT:
        members = look.members(level)
        home = {record: golden_id for golden_id, record in members}
        links = [link for link in look.links_to(list(home)) if link.kind == lt.PARENT]
        children = look.golden_ids([link.record_id for link in links])
        level = []
        for link in links:
            child, parent = children.get(link.record_id), home[link.target_id]
            if child is None or child == parent:
                continue
            if child not in found:
                if len(found) >= GROUP_LIMIT:
                    facts.group_cut = True
                    break
                found[child] = Company(child, None, {})
                level.append(child)
            if parent not in found[child].parents:
                found[child].parents.append(parent)
    golden, states = look.golden(list(found)), look.states(list(found))
    for golden_id, company in found.items():
        company.name = name_of(golden[golden_id]) if golden_id in golden else None
        company.state = states.get(golden_id, {})
    facts.group = [company for golden_id, company in found.items() if golden_id in golden]


def number_of_vin(vin: str) -> int:
    """The number under which a VIN stands among the links."""
    return record_id("", "vin", vin)
