"""The customer among others: its group with totals, its segment and what differs in it, the dimensions it counts in."""

from __future__ import annotations

from typing import Any

from lifecycle.view360.common import entering, failed, in_days, latest, text
from lifecycle.view360.document import Dimensions, Hierarchy, Node, Rhythm, SegmentView, Totals
from lifecycle.view360.gather import Company, Facts


def hierarchy(facts: Facts) -> Hierarchy:
    """The group from its head down, every company once, with its own totals and those of everything below it."""
    me = facts.golden.golden_id
    companies = facts.group or [Company(me, facts.names.get(me), facts.state)]
    by_id = {company.golden_id: company for company in companies}
    head = companies[0].golden_id
    tree: dict[str, list[str]] = {golden_id: [] for golden_id in by_id}
    parent_of: dict[str, str | None] = {head: None}
    cycle = bool(companies[0].parents)  # somebody below the head says that the head belongs to it
    order = [head]
    for golden_id in order:
        for child in by_id.values():
            if child.golden_id not in parent_of and golden_id in child.parents:
                parent_of[child.golden_id] = golden_id
                tree[golden_id].append(child.golden_id)
                order.append(child.golden_id)
    level: dict[str, int] = {}
    rolled: dict[str, Totals] = {}
    for golden_id in order:
        above = parent_of[golden_id]
        level[golden_id] = 0 if above is None else level[above] + 1
    for golden_id in reversed(order):
        rolled[golden_id] = _sum([totals_of(by_id[golden_id].state), *(rolled[child] for child in tree[golden_id])])
    nodes = [
        Node(
            golden_id=golden_id,
            name=by_id[golden_id].name,
            parent=parent_of[golden_id],
            level=level[golden_id],
            stage=by_id[golden_id].state.get("stage"),
            segment=by_id[golden_id].state.get("segment"),
            is_self=golden_id == me,
            other_parents=[p for p in by_id[golden_id].parents if p != parent_of[golden_id]],
            own=totals_of(by_id[golden_id].state),
            rolled_up=rolled[golden_id],
        )
        for golden_id in _depth_first(head, tree)
    ]
    return Hierarchy(head=head, nodes=nodes, cycle=cycle, cut=facts.group_cut)


def _depth_first(head: str, tree: dict[str, list[str]]) -> list[str]:
    found, waiting = [], [head]
    while waiting:
        golden_id = waiting.pop()
        found.append(golden_id)
        waiting += reversed(tree[golden_id])
    return found


def totals_of(state: dict[str, Any]) -> Totals:
    """What a customer adds up to by itself."""
    profile = state.get("profile") or {}
    return Totals(
        revenue=float(state.get("revenue") or 0),
        orders=int(profile.get("orders") or 0),
        pipeline=float(state.get("pipeline") or 0),
        opportunities=int(profile.get("opportunities") or 0),
        vehicles=int(profile.get("vehicles") or 0),
        findings=int(state.get("findings") or 0),
    )


def _sum(parts: list[Totals]) -> Totals:
    names = Totals.model_fields
    return Totals(**{name: sum(getattr(part, name) for part in parts) for name in names})


def segment(facts: Facts) -> SegmentView:
    """The segment, the level of service in it, and what is due when."""
    name = facts.state.get("segment")
    declared = facts.contracts.segments.get(name) if name else None
    rhythm = []
    for kind, days in (declared.rhythm if declared else {}).items():
        last = latest(facts, lambda other, _, kind=kind: other == kind)  # type: ignore[misc]  # a bound default has no type
        due = in_days(last, days) if last else None
        late = due is None or due < facts.today.isoformat()
        rhythm.append(Rhythm(kind=kind, days=days, last=last, due=due, late=late))
    level = declared.service_level if declared else None
    return SegmentView(
        name=name,
        since=facts.state.get("segment_since"),
        key_account=bool(declared and declared.key),
        service_level=level.model_dump() if level else None,
        rhythm=rhythm,
    )


def dimensions(facts: Facts) -> Dimensions:
    """Region, tier of the city, industry, and what was ordered."""
    values = facts.golden.values
    city = str(values.get("city") or "").removesuffix("市") or None
    tier = next((tier for tier, cities in facts.contracts.city_tiers.items() if city in cities), None)
    ordered = [r for r, kind in entering(facts, "order") if not failed(r, kind)]
    return Dimensions(
        province=values.get("province"),
        city=values.get("city"),
        city_tier=tier,
        industry=values.get("industry"),
        products=sorted({product for r in ordered if (product := text(r, "product"))}),
    )
