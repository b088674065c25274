"""How the customer is doing, and how good its data are: health score with its past, completeness, open findings."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import orjson

from lifecycle.contracts import bound_rules, explain
from lifecycle.contracts.kinds import HealthPart as Declared
from lifecycle.view360.common import covers, entering, failed, text, touchpoints
from lifecycle.view360.document import Finding, Health, HealthPart, HealthPoint, Quality, Vehicle
from lifecycle.view360.gather import Facts

MONTHS = 12
_STEPS = 10  # the score moves in tenths of a part, as where findings are evaluated


def health(facts: Facts, vehicles: list[Vehicle]) -> Health:
    """The score with its parts, and what it was at the ends of the last months, by what has happened until then."""
    now = _measures(facts, vehicles, facts.today)
    parts = [
        HealthPart(measure=p.measure, weight=p.weight, share=_share(p, now[p.measure]), value=now[p.measure])
        for p in facts.contracts.health
    ]
    history = []
    for day in _month_ends(facts.today):
        score = _score(facts, _measures(facts, vehicles, day))
        if score is not None:
            history.append(HealthPoint(date=day.isoformat(), score=score))
    score = facts.state.get("health")
    return Health(score=score if score is not None else _score(facts, now), parts=parts, history=history)


def _month_ends(today: dt.date) -> list[dt.date]:
    first, found = today.replace(day=1), [today]
    for _ in range(MONTHS):
        found.append(first - dt.timedelta(days=1))
        first = found[-1].replace(day=1)
    return found[::-1]


def _measures(facts: Facts, vehicles: list[Vehicle], day: dt.date) -> dict[str, float | None]:
    """What the parts measure, as of a day; None where there is nothing to measure."""
    at = day.isoformat()

    def since(days: list[str | None]) -> float | None:
        past = [d for d in days if d is not None and d <= at]
        return float((day - dt.date.fromisoformat(max(past))).days) if past else None

    contacts = [text(r, "occurred_at") for r, _ in touchpoints(facts, lambda _, k: k.contact and not k.planned)]
    orders = [text(r, "occurred_at") for r, kind in entering(facts, "order") if not failed(r, kind)]
    services = [text(r, "occurred_at") for r, _ in entering(facts, "in_service")]
    held = {v.vin for v in vehicles if v.delivered_on and v.delivered_on <= at}
    covered = {
        text(r, "vin")
        for r, _ in touchpoints(facts, lambda _, k: covers(k))
        if (text(r, "valid_from") or "") <= at <= (text(r, "valid_to") or "9999")
    }
    complaints = 0
    for record, kind in touchpoints(facts, lambda _, k: k.stage == "in_service" and k.open_days is not None):
        begin, end = text(record, "occurred_at"), text(record, "closed_at")
        closed = (text(record, "status") or "").lower() in kind.closed
        complaints += begin is not None and begin <= at and (not closed or (end is not None and end > at))
    known = any(d is not None and d <= at for d in (*contacts, *orders, *services))
    return {
        "days_since_contact": since(contacts),
        "open_complaints": float(complaints) if known else None,
        "days_since_service": since(services) if held else None,
        "days_since_order": since(orders),
        "coverage": 100.0 * len(held - covered) / len(held) if held else None,
    }


def _share(part: Declared, value: float | None) -> float | None:
    if value is None:
        return None
    share = max(0.0, min(1.0, (part.bad - value) / (part.bad - part.good)))
    return round(share * _STEPS) / _STEPS


def _score(facts: Facts, measures: dict[str, float | None]) -> float | None:
    shares = [(p.weight, _share(p, measures[p.measure])) for p in facts.contracts.health]
    weight = sum(w for w, share in shares if share is not None)
    points = sum(w * share for w, share in shares if share is not None)
    return round(100 * points / weight, 1) if weight else None


def quality(facts: Facts, provenance: Any) -> Quality:
    """Completeness over everything that contracts ask of a customer, duplicates within a source, disagreement."""
    golden = facts.golden
    mine = facts.config.attributes_of(golden.entity_type)
    wanted = dict.fromkeys(
        name for contract in facts.contracts.stages.values() for name in (*contract.requires, *contract.optional)
    )
    asked = [name for name in wanted if name in mine]
    missing = [name for name in asked if golden.values.get(name) in (None, "", [])]
    told = provenance(orjson.dumps(golden.provenance), golden.values)
    conflicts = [
        name
        for name, said in told.items()
        if name in mine
        and not mine[name].multi
        and any(str(loser.get("value")) != str(golden.values.get(name)) for loser in said.get("losers") or ())
    ]
    per_source = Counter(record.source for record in facts.mine)
    return Quality(
        records=len(facts.mine),
        sources=sorted(per_source),
        duplicates=sum(n - 1 for n in per_source.values()),
        completeness=round(1 - len(missing) / len(asked), 3) if asked else 1.0,
        missing=missing,
        conflicts=conflicts,
    )


def findings(facts: Facts) -> list[Finding]:
    """The open findings, each with its rule in words."""
    rules = {bound.id: bound for bound in bound_rules(facts.contracts)} if facts.findings else {}
    found = []
    for row in facts.findings:
        bound = rules.get(row["rule"])
        words = explain(bound, facts.contracts).model_dump() if bound is not None else None
        number = row["finding_id"]
        plain = {name: row[name] for name in Finding.model_fields if name in row}
        until = facts.waivers.get(number)
        waived = number in facts.waivers and (until is None or until >= facts.today.isoformat())
        found.append(
            Finding(**plain | {"finding_id": str(number), "words": words, "waived": waived, "waived_until": until})
        )
    return found
