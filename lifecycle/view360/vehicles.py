"""The customer's vehicles: who holds them as what, service contracts, and when they are due for replacement."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from typing import Literal

from lifecycle.view360.common import covers, current, entering, happened, in_days, latest, number, text, touchpoints
from lifecycle.view360.document import Holder, Replacement, Service, ServiceContract, Vehicle
from lifecycle.view360.gather import Facts
from models.store.customer_lookup import Record

YEAR = 365.25


def fleet(facts: Facts) -> list[Vehicle]:
    """Every vehicle that the customer holds or got, newest first."""
    by_vin: dict[str, list[Record]] = defaultdict(list)
    for record in facts.vehicles:
        if (vin := text(record, "vin")) is not None:
            by_vin[vin].append(record)
    got = {vin: day for r, _ in entering(facts, "delivery") if (vin := text(r, "vin")) and (day := _day(r))}
    for vin in got:
        by_vin.setdefault(vin, [])
    served: dict[str, list[Record]] = defaultdict(list)
    for record, _ in touchpoints(facts, lambda _, kind: kind.enters == "in_service"):
        if (vin := text(record, "vin")) is not None and happened(facts, record):
            served[vin].append(record)
    until: dict[str, str] = {}
    for record, kind in touchpoints(facts, lambda _, kind: covers(kind)):
        vin, end = text(record, "vin"), text(record, "valid_to")
        if kind and vin and end and current(record, facts.today):
            until[vin] = max(end, until.get(vin, ""))
    found = [_vehicle(facts, vin, rows, got.get(vin), served[vin], until.get(vin)) for vin, rows in by_vin.items()]
    return sorted(found, key=lambda v: (v.delivered_on or "", v.vin), reverse=True)


def _vehicle(
    facts: Facts, vin: str, rows: list[Record], got: str | None, served: list[Record], until: str | None
) -> Vehicle:
    me = facts.golden.golden_id
    holders = []
    for record in rows:
        party = facts.party(record)
        holders.append(
            Holder(
                role=text(record, "role"),
                golden_id=party,
                name=facts.names.get(party) if party else None,
                person=party in facts.persons,
                is_self=party == me,
                valid_from=text(record, "valid_from"),
                valid_to=text(record, "valid_to"),
                current=current(record, facts.today),
            )
        )
    holders.sort(key=lambda h: (not h.current, h.role or "", h.valid_from or "", h.golden_id or ""))
    delivered = got or min((d for r in rows if (d := text(r, "delivered_on"))), default=None)
    seen = [(d, km) for r in served if (d := text(r, "occurred_at")) and (km := number(r, "mileage")) is not None]
    told = [km for r in rows if (km := number(r, "mileage")) is not None]
    mileage = max([*told, *(km for _, km in seen)], default=None)
    due, because = _replacement(facts, delivered, seen, mileage)
    return Vehicle(
        vin=vin,
        model=next((m for r in rows if (m := text(r, "model"))), None),
        plate=next((p for r in rows if (p := text(r, "plate"))), None),
        delivered_on=delivered,
        mileage=mileage,
        roles=sorted({h.role for h in holders if h.is_self and h.current and h.role}),
        holders=holders,
        last_service=max((d for r in served if (d := text(r, "occurred_at"))), default=None),
        contract_until=until,
        replacement_due=due,
        replacement_because=because,
    )


def _replacement(
    facts: Facts, delivered: str | None, seen: list[tuple[str, float]], mileage: float | None
) -> tuple[str | None, Literal["age", "mileage"] | None]:
    """When a vehicle has reached the years, or, at the pace so far, the kilometres after which it is replaced."""
    if delivered is None:
        return None, None
    rule = facts.contracts.replacement
    by_age = in_days(delivered, round(rule.years * YEAR))
    if rule.mileage is None or not mileage:
        return by_age, "age"
    measured = max((day for day, _ in seen), default=facts.today.isoformat())
    days = (dt.date.fromisoformat(measured) - dt.date.fromisoformat(delivered)).days
    if days < 30:
        return by_age, "age"
    by_mileage = in_days(delivered, min(round(days * rule.mileage / mileage), 40_000))
    return (by_mileage, "mileage") if by_mileage < by_age else (by_age, "age")


def service(facts: Facts, vehicles: list[Vehicle]) -> Service:
    """Contracts of service, and how many vehicles of today they cover."""
    contracts = [
        ServiceContract(
            source_key=r.source_key,
            vin=text(r, "vin"),
            package=text(r, "product"),
            valid_from=text(r, "valid_from"),
            valid_to=text(r, "valid_to"),
            amount=number(r, "amount"),
            active=current(r, facts.today),
        )
        for r, _ in touchpoints(facts, lambda _, kind: covers(kind))
    ]
    mine = [v for v in vehicles if v.delivered_on and v.delivered_on <= facts.today.isoformat()]
    covered = sum(v.contract_until is not None for v in mine)
    return Service(
        contracts=sorted(contracts, key=lambda c: (c.active, c.valid_from or ""), reverse=True),
        vehicles=len(mine),
        covered=covered,
        attach_rate=round(covered / len(mine), 3) if mine else None,
        last_visit=latest(facts, lambda _, kind: kind.enters == "in_service"),
    )


def replacements(facts: Facts, vehicles: list[Vehicle]) -> list[Replacement]:
    """How many vehicles are due in which half-year; what is overdue counts in the present one."""
    due: Counter[str] = Counter()
    for vehicle in vehicles:
        if vehicle.replacement_due is not None:
            day = max(dt.date.fromisoformat(vehicle.replacement_due), facts.today)
            due[f"{day.year}-H{1 if day.month < 7 else 2}"] += 1
    return [Replacement(half_year=half, vehicles=n) for half, n in sorted(due.items())]


def _day(record: Record) -> str | None:
    return text(record, "occurred_at")
