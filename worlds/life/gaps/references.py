"""Gaps between records: references to nothing, things in the wrong order, vehicles that do not fit."""

from __future__ import annotations

from worlds.life import fleet
from worlds.life.gaps.base import GAPS, Gap, gap
from worlds.life.ledger import Customer, Ledger

# --- references and order in time


def _unknown(rule: str, story: str, stream: str, to: str) -> None:
    """A reference to a row that nobody has."""

    def plant(life: Ledger, c: Customer) -> None:
        key = list(life.of(c, stream))[-1][0]
        life.spoil(c, stream, key, refers_to=to)
        life.expect(c, rule, stream, key, "refers_to")

    GAPS[rule] = Gap(plant, story)


_unknown("need-opportunity", "opportunity", "needs", "OPP-0000000")
_unknown("quote-opportunity", "quote", "quotes", "OPP-0000000")
_unknown("payment-order", "order", "payments", "SO-0000000")
_unknown("delivery-order", "delivery", "deliveries", "SO-0000000")
_unknown("order-quote", "order", "orders", "Q-0000000")


@gap("quote-after-opportunity", "quote")
def _(life: Ledger, c: Customer) -> None:
    (key, _), (_, opportunity) = next(life.of(c, "quotes")), next(life.of(c, "opportunities"))
    life.spoil(c, "quotes", key, occurred_at=life.ago(life.age(opportunity["occurred_at"]) + 3))
    life.expect(c, "quote-after-opportunity", "quotes", key, "occurred_at")


@gap("quote-valid", "quote")
def _(life: Ledger, c: Customer) -> None:
    key, row = next(life.of(c, "quotes"))
    life.spoil(c, "quotes", key, valid_to=life.ago(life.age(row["occurred_at"]) + 5))
    life.expect(c, "quote-valid", "quotes", key, "valid_to")


@gap("order-after-quote", "order")
def _(life: Ledger, c: Customer) -> None:
    (order, row), (key, _) = next(life.of(c, "orders")), next(life.of(c, "quotes"))
    life.spoil(c, "quotes", key, occurred_at=life.ago(life.age(row["occurred_at"]) - 4))
    life.expect(c, "order-after-quote", "orders", order, "occurred_at")


@gap("order-not-in-future", "order")
def _(life: Ledger, c: Customer) -> None:
    key, row = next(life.of(c, "orders"))
    life.spoil(c, "orders", key, updated=life.time("orders", life.ago(life.age(row["occurred_at"]) + 6)))
    life.expect(c, "order-not-in-future", "orders", key, "occurred_at")


@gap("order-price", "order")
def _(life: Ledger, c: Customer) -> None:
    key, row = next(life.of(c, "orders"))
    life.spoil(c, "orders", key, amount=str(12_000 * int(row["quantity"])))
    life.expect(c, "order-price", "orders", key, "amount")


@gap("delivery-after-order", "delivery")
def _(life: Ledger, c: Customer) -> None:
    key, row = next(life.of(c, "orders"))
    first = max(life.age(d["occurred_at"]) for _, d in life.of(c, "deliveries"))
    last = min(life.age(d["occurred_at"]) for _, d in life.of(c, "deliveries"))
    life.spoil(c, "orders", key, occurred_at=life.ago(last - 5), updated=life.time("orders", life.ago(last - 6)))
    assert first >= last and row
    for delivery, _ in life.of(c, "deliveries"):
        life.expect(c, "delivery-after-order", "deliveries", delivery, "occurred_at")


# --- vehicles


@gap("delivery-vin", "delivery")
def _(life: Ledger, c: Customer) -> None:
    key, row = next(life.of(c, "deliveries"))
    life.spoil(c, "deliveries", key, vin=fleet.wrong_vin(row["vin"]))
    life.expect(c, "delivery-vin", "deliveries", key, "vin")


@gap("vehicle-vin", "in_service")
def _(life: Ledger, c: Customer) -> None:
    row = {"party_key": c.service, "vin": fleet.wrong_vin(fleet.vin(life.rng)), "model": "外购挂车", "role": "车主"}
    key = life.plant(c, "vehicles", row | {"valid_from": life.ago(90)})
    life.expect(c, "vehicle-vin", "vehicles", key, "vin")


@gap("delivery-date-agreed", "in_service")
def _(life: Ledger, c: Customer) -> None:
    vin = next(life.of(c, "deliveries"))[1]["vin"]
    for key, row in life.of(c, "vehicles", vin=vin):
        life.spoil(c, "vehicles", key, delivered_on=life.ago(life.age(row["delivered_on"]) - 30))
        life.expect(c, "delivery-date-agreed", "vehicles", key, "delivered_on")


@gap("follow-up", "in_service")
def _(life: Ledger, c: Customer) -> None:
    key, row = next(life.of(c, "deliveries"))
    for stream in ("workshop_visits", "service_contracts", "complaints"):
        for other, _ in list(life.of(c, stream, vin=row["vin"])):
            life.drop(c, stream, other)
    c.kept.add("workshop_visits")
    life.expect(c, "follow-up", "deliveries", key, "occurred_at")


@gap("service-vin", "in_service")
def _(life: Ledger, c: Customer) -> None:
    row = {"party_key": c.service, "occurred_at": life.ago(25), "vin": fleet.vin(life.rng), "subject": "更换制动片"}
    key = life.plant(c, "workshop_visits", row | {"mileage": "182000"})
    life.expect(c, "service-vin", "workshop_visits", key, "vin")


@gap("service-vin-form", "in_service")
def _(life: Ledger, c: Customer) -> None:
    row = {"party_key": c.service, "occurred_at": life.ago(25), "subject": "变速箱检修", "mileage": "97000"}
    key = life.plant(c, "workshop_visits", row | {"vin": fleet.wrong_vin(fleet.vin(life.rng))})
    life.expect(c, "service-vin-form", "workshop_visits", key, "vin")
    life.expect(c, "service-vin", "workshop_visits", key, "vin")


@gap("contract-dates", "in_service")
def _(life: Ledger, c: Customer) -> None:
    row = _contract(life, c) | {"valid_to": life.ago(300)}
    key = life.plant(c, "service_contracts", row)
    life.expect(c, "contract-dates", "service_contracts", key, "valid_to")


@gap("service_contract.required", "in_service")
def _(life: Ledger, c: Customer) -> None:
    row = _contract(life, c)
    del row["product"]
    key = life.plant(c, "service_contracts", row)
    life.expect(c, "service_contract.required", "service_contracts", key, "product")


@gap("service_contract.readable", "in_service")
def _(life: Ledger, c: Customer) -> None:
    key = life.plant(c, "service_contracts", _contract(life, c) | {"amount": "面议"})
    life.expect(c, "service_contract.readable", "service_contracts", key, "amount")


def _contract(life: Ledger, c: Customer) -> dict[str, str]:
    vin = next(life.of(c, "deliveries"))[1]["vin"]
    row = {"party_key": c.service, "occurred_at": life.ago(200), "vin": vin, "product": "动力总成延保"}
    return row | {"valid_from": life.ago(200), "valid_to": life.ago(-530), "amount": "18000"}
