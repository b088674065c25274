"""How the customer is doing, and how good its data are: health score with its past, completeness, open findings."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from lifecycle.contracts import bound_rules, explain
from lifecycle.contracts.kinds import HealthPart as Declared
from lifecycle.contracts.kinds import Kind
from lifecycle.view360.common import covers, entering, failed, text, touchpoints
from lifecycle.view360.document import Finding, Health, HealthPart, HealthPoint, Quality, Vehicle
from lifecycle.view360.gather import Facts
from models.store.customer_lookup import Record

MONTHS = 12
_STEPS = 10  # the score moves in tenths of a part, as where findings are evaluated


def health(facts: Facts, vehicles: list[Vehicle]) -> Health:
    """The score with its parts and its past.

    What runs recorded stands as they found it. Before the first of them, the score at the ends of months is computed by
    what had happened until then.
    """
    happened = _happened(facts, vehicles)
    now = _measures(happened, facts.today)
    parts = [
        HealthPart(measure=p.measure, weight=p.weight, share=_share(p, now[p.measure]), value=now[p.measure])
        for p in facts.contracts.health
    ]
    recorded = _recorded(facts)
    history = []
    for day in _month_ends(facts.today):
        if recorded and day.isoformat() >= recorded[0].date:
            break
        score = _score(facts, _measures(happened, day))
        if score is not None:
            history.append(HealthPoint(date=day.isoformat(), score=score, recorded=False))
    score = facts.state.get("health")
    return Health(score=score if score is not None else _score(facts, now), parts=parts, history=history + recorded)


def _recorded(facts: Facts) -> list[HealthPoint]:
    """The changes that runs recorded within the last months, and today's score; nothing where there was no change."""
    first = _month_ends(facts.today)[0].isoformat()
    points = {day: after for day, _, after in facts.health_changes if day >= first}
    if points and (now := facts.state.get("health")) is not None:
        points[facts.today.isoformat()] = now
    return [HealthPoint(date=day, score=score, recorded=True) for day, score in points.items() if score is not None]


def _month_ends(today: dt.date) -> list[dt.date]:
    first, found = today.replace(day=1), [today]
    for _ in range(MONTHS):
        found.append(first - dt.timedelta(days=1))
        first = found[-1].replace(day=1)
    return found[::-1]


@dataclass
class _Happened:
    """The days that the parts of the score are measured from, each list in order."""

    contacts: list[str]
    orders: list[str]
    services: list[str]
    delivered: list[tuple[str, str]]
    """VIN and day."""
    covered: list[tuple[str | None, str, str]]
    """VIN, first and last day of a contract."""
    complaints: list[tuple[str, str]]
    """First day, and the day of the solution."""


def _happened(facts: Facts, vehicles: list[Vehicle]) -> _Happened:
    def days(rows: Iterable[tuple[Record, Kind]]) -> list[str]:
        return sorted(day for r, _ in rows if (day := text(r, "occurred_at")))

    complaints = []
    for record, kind in touchpoints(facts, lambda _, k: k.stage == "in_service" and k.open_days is not None):
        closed = (text(record, "status") or "").lower() in kind.closed
        if begin := text(record, "occurred_at"):
            complaints.append((begin, (text(record, "closed_at") or "") if closed else "9999"))
    return _Happened(
        days(touchpoints(facts, lambda _, k: k.contact and not k.planned)),
        days((r, kind) for r, kind in entering(facts, "order") if not failed(r, kind)),
        days(entering(facts, "in_service")),
        [(v.vin, v.delivered_on) for v in vehicles if v.delivered_on],
        [
            (text(r, "vin"), text(r, "valid_from") or "", text(r, "valid_to") or "9999")
            for r, _ in touchpoints(facts, lambda _, k: covers(k))
        ],
        complaints,
    )


def _measures(told: _Happened, day: dt.date) -> dict[str, float | None]:
    """What the parts measure, as of a day; None where there is nothing to measure."""
    at = day.isoformat()

    def since(days: list[str]) -> float | None:
        past = bisect_right(days, at)
        return float((day - dt.date.fromisoformat(days[past - 1])).days) if past else None

    held = {vin for vin, delivered in told.delivered if delivered <= at}
    covered = {vin for vin, begin, end in told.covered if begin <= at <= end}
    complaints = sum(begin <= at < end for begin, end in told.complaints)
    known = any(days and days[0] <= at for days in (told.contacts, told.orders, told.services))
    return {
        "days_since_contact": since(told.contacts),
        "open_complaints": float(complaints) if known else None,
        "days_since_service": since(told.services) if held else None,
        "days_since_order": since(told.orders),
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
