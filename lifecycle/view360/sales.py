"""What sales does with the customer: timeline, phases, plan, needs, pipeline, tenders, competitors."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

from lifecycle.contracts import PHASES, STAGES
from lifecycle.contracts.bound import stage_of_kind
from lifecycle.view360.common import (
    PHASE_OF,
    entering,
    failed,
    is_open,
    kind_of,
    latest,
    number,
    text,
    touchpoints,
)
from lifecycle.view360.document import Competition, Event, Need, Phase, Pipeline, Plan, PlanAction, Quarter, Tender
from lifecycle.view360.gather import Facts
from models.store.customer_lookup import Record


def events(facts: Facts) -> list[Event]:
    """All touchpoints, oldest first."""
    return [_event(facts, record) for record in facts.touchpoints]


def _event(facts: Facts, record: Record) -> Event:
    kind, name = kind_of(facts, record), str(record.standard.get("type"))
    stage = stage_of_kind(name, facts.contracts) if kind is not None else None
    contact = facts.party(record, "contact_ids")
    date = text(record, "occurred_at")
    planned = (kind is not None and kind.planned) or (date is not None and date > facts.today.isoformat())
    return Event(
        record_id=str(record.record_id),
        kind=name,
        stage=stage,
        phase=PHASE_OF.get(stage) if stage else None,
        date=date or text(record, "due_at") or text(record, "valid_from"),
        planned=planned,
        source=record.source,
        stream=record.stream,
        source_key=record.source_key,
        status=text(record, "status"),
        subject=text(record, "subject"),
        owner=text(record, "owner"),
        amount=number(record, "amount"),
        product=text(record, "product"),
        quantity=number(record, "quantity"),
        vin=text(record, "vin"),
        competitor=text(record, "competitor"),
        reason=text(record, "reason"),
        channel=text(record, "channel"),
        due_at=text(record, "due_at"),
        closed_at=text(record, "closed_at"),
        contact=facts.names.get(contact) if contact else None,
        refers_to=list(record.standard.get("refers_to") or []),
    )


def phases(facts: Facts) -> list[Phase]:
    """Before, during and after the order; a kind that a reached stage expects and that never came is missing."""
    reached = {stage for what, _, stage, _, _ in facts.stages if what == "customer"}
    order = [stage for stage in STAGES if stage in reached]
    furthest = STAGES.index(order[-1]) if order else -1
    came = {str(r.standard.get("type")) for r in facts.touchpoints}
    found = []
    for name, stages in PHASES.items():
        expected: dict[str, None] = {}
        for stage in stages:
            contract = facts.contracts.stages.get(stage)
            if contract is not None and stage != "renewal" and STAGES.index(stage) <= furthest:
                expected |= dict.fromkeys(contract.expects)
        of_phase = [kind for kind in facts.contracts.touchpoints if stage_of_kind(kind, facts.contracts) in stages]
        present = [kind for kind in dict.fromkeys([*expected, *of_phase]) if kind in came]
        found.append(
            Phase(
                phase=name,
                reached=any(STAGES.index(stage) <= furthest for stage in stages),
                present=present,
                missing=[kind for kind in expected if kind not in came],
                last=latest(facts, lambda kind, _: kind in present),  # noqa: B023  (called at once)
            )
        )
    return found


def plan(facts: Facts) -> Plan | None:
    """The account plan that is in force, or else the latest, with what was reached of its target."""
    plans = [r for r, _ in touchpoints(facts, lambda _, k: k.planned and "valid_to" in k.required)]
    if not plans:
        return None
    today = facts.today.isoformat()

    def in_force(record: Record) -> bool:
        begin, end = text(record, "valid_from") or "", text(record, "valid_to") or "9999"
        return begin <= today <= end

    chosen = max(plans, key=lambda r: (in_force(r), text(r, "valid_from") or "", r.record_id))
    begin, end = text(chosen, "valid_from") or "", text(chosen, "valid_to") or "9999"
    ordered = [
        number(r, "amount") or 0.0
        for r, kind in entering(facts, "order")
        if begin <= (text(r, "occurred_at") or "") <= min(end, today) and not failed(r, kind)
    ]
    actions = []
    for record, kind in touchpoints(facts, lambda _, k: k.planned and bool(k.closed)):
        if chosen.source_key in (record.standard.get("refers_to") or []):
            due = text(record, "due_at")
            actions.append(
                PlanAction(
                    subject=text(record, "subject"),
                    owner=text(record, "owner"),
                    due_at=due,
                    status=text(record, "status"),
                    overdue=is_open(record, kind) and due is not None and due < today,
                )
            )
    sponsor = facts.party(chosen, "contact_ids")
    return Plan(
        source_key=chosen.source_key,
        goal=text(chosen, "subject"),
        owner=text(chosen, "owner"),
        sponsor=facts.names.get(sponsor) if sponsor else None,
        valid_from=text(chosen, "valid_from"),
        valid_to=text(chosen, "valid_to"),
        in_force=in_force(chosen),
        target=number(chosen, "amount"),
        achieved=sum(ordered),
        actions=sorted(actions, key=lambda a: a.due_at or ""),
    )


def needs(facts: Facts) -> list[Need]:
    """What the customer needs: open ones first, then the latest."""
    found = []
    for record, kind in touchpoints(facts, lambda name, _: name == "need"):
        refers = record.standard.get("refers_to") or []
        need = Need(
            subject=text(record, "subject"),
            status=text(record, "status"),
            since=text(record, "occurred_at"),
            product=text(record, "product"),
            quantity=number(record, "quantity"),
            opportunity=refers[0] if refers else None,
        )
        found.append((is_open(record, kind), need))
    return [need for _, need in sorted(found, key=lambda x: (x[0], x[1].since or ""), reverse=True)]


def pipeline(facts: Facts) -> Pipeline:
    """Open opportunities by the quarter in which they are expected."""
    months = facts.contracts.pipeline_months
    end = facts.today + dt.timedelta(days=round(months * 30.44))
    quarters: dict[str, list[float]] = defaultdict(list)
    undated, amounts = 0, []
    for record, kind in entering(facts, "opportunity"):
        if not is_open(record, kind):
            continue
        due = text(record, "due_at")
        if due is not None and due > end.isoformat():
            continue
        amounts.append(number(record, "amount") or 0.0)
        if due is None:
            undated += 1
        else:
            day = max(dt.date.fromisoformat(due), facts.today)
            quarters[f"{day.year}-Q{(day.month + 2) // 3}"].append(amounts[-1])
    return Pipeline(
        months=months,
        number=len(amounts),
        amount=sum(amounts),
        undated=undated,
        quarters=[Quarter(quarter=q, number=len(a), amount=sum(a)) for q, a in sorted(quarters.items())],
    )


def tenders(facts: Facts) -> list[Tender]:
    """Tenders, the latest first."""
    return [
        Tender(
            source_key=r.source_key,
            published=text(r, "occurred_at"),
            deadline=text(r, "due_at"),
            status=text(r, "status"),
            amount=number(r, "amount"),
            competitor=text(r, "competitor"),
        )
        for r, _ in reversed(list(touchpoints(facts, lambda name, _: name == "tender")))
    ]


def competitors(facts: Facts) -> list[Competition]:
    """Competitors with whom the customer was seen, who was seen most often first."""
    seen: dict[str, list[tuple[Record, bool, bool]]] = defaultdict(list)
    for record in facts.touchpoints:
        name, kind = text(record, "competitor"), kind_of(facts, record)
        if name is None or kind is None:
            continue
        status = (text(record, "status") or "").lower()
        closing = kind.enters == "opportunity"
        seen[name].append((record, closing and status in kind.won, closing and status in kind.lost))
    found = [
        Competition(
            competitor=name,
            mentions=len(rows),
            last=max((text(r, "occurred_at") or "" for r, _, _ in rows), default="") or None,
            products=sorted({p for r, _, _ in rows if (p := text(r, "product"))}),
            won_against=sum(won for _, won, _ in rows),
            lost_to=sum(lost for _, _, lost in rows),
        )
        for name, rows in seen.items()
    ]
    return sorted(found, key=lambda c: (-c.mentions, c.competitor))
