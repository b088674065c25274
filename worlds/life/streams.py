"""The streams of the demo world beyond its parties: touchpoints, vehicles and relations, as each system keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from worlds.systems import System


@dataclass(frozen=True)
class Told:
    """A stream's columns, and what the configuration says of it beyond them."""

    system: System
    constants: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    refers: Mapping[str, list[str]] = field(default_factory=dict)


_SOURCES = {
    "sales_crm": ("sales", 10, "modified_on", "is_deleted"),
    "service": ("service", 20, "last_update", ""),
    "marketing": ("marketing", 30, "updated", ""),
}
_PARTY = {"sales_crm": ["accounts"], "service": ["customers"], "marketing": ["companies"]}


def _told(
    source: str,
    stream: str,
    key: str,
    prefix: str,
    columns: str,
    *,
    type: str = "",
    entity: str = "touchpoint",
    refers: Mapping[str, list[str]] | None = None,
    codes: Mapping[str, Mapping[str, str]] | None = None,
) -> Told:
    """`columns`: `column=attribute` in the order of the table; the party's key comes first where there is one."""
    family, priority, updated, deleted = _SOURCES[source]
    pairs = dict(pair.split("=") for pair in columns.split())
    file = {"service": "{stream}_*.csv", "marketing": "{stream}.ndjson"}.get(source, "{stream}.csv")
    system = System(
        source, stream, family, priority, entity, key, prefix, updated, pairs, {}, {}, deleted=deleted, file=file
    )
    links = {"party_key": _PARTY[source]} if "party_key" in pairs.values() else {}
    return Told(system, {"type": type} if type else {}, codes or {}, {**links, **(refers or {})})


STREAMS: tuple[Told, ...] = (
    _told(
        "sales_crm", "leads", "lead_no", "L-",
        "account=party_key created_on=occurred_at owner=owner state=status channel=channel product=product "
        "quantity=quantity reason=reason",
        type="lead",
    ),
    _told(
        "sales_crm", "opportunities", "opportunity_no", "OPP-",
        "account=party_key opened_on=occurred_at owner=owner state=status amount=amount expected_on=due_at "
        "closed_on=closed_at product=product quantity=quantity title=subject reason=reason competitor=competitor "
        "contact=contact_key lead=refers_to",
        type="opportunity", refers={"refers_to": ["leads"], "contact_key": ["contacts"]},
    ),
    _told(
        "sales_crm", "needs", "need_no", "N-",
        "account=party_key noted_on=occurred_at need=subject state=status product=product quantity=quantity "
        "opportunity=refers_to",
        type="need", refers={"refers_to": ["opportunities"]},
    ),
    _told(
        "sales_crm", "visit_plans", "plan_no", "VP-",
        "account=party_key planned_for=due_at owner=owner purpose=subject",
        type="visit_plan",
    ),
    _told(
        "sales_crm", "visits", "visit_no", "V-",
        "account=party_key visited_on=occurred_at owner=owner topic=subject contact=contact_key plan=refers_to",
        type="visit", refers={"refers_to": ["visit_plans"], "contact_key": ["contacts"]},
    ),
    _told(
        "sales_crm", "tenders", "tender_no", "T-",
        "account=party_key published_on=occurred_at deadline=due_at state=status amount=amount competitor=competitor "
        "opportunity=refers_to",
        type="tender", refers={"refers_to": ["opportunities"]},
    ),
    _told(
        "sales_crm", "competitor_notes", "note_no", "K-",
        "account=party_key noted_on=occurred_at competitor=competitor product=product quantity=quantity",
        type="competitor",
    ),
    _told(
        "sales_crm", "quotes", "quote_no", "Q-",
        "account=party_key quoted_on=occurred_at amount=amount owner=owner valid_until=valid_to product=product "
        "quantity=quantity opportunity=refers_to",
        type="quote", refers={"refers_to": ["opportunities"]},
    ),
    _told(
        "sales_crm", "orders", "order_no", "SO-",
        "account=party_key ordered_on=occurred_at amount=amount owner=owner product=product quantity=quantity "
        "state=status promised_for=due_at delivered_on=closed_at quote=refers_to opportunity=refers_to2",
        type="order", refers={"refers_to": ["quotes", "opportunities"]},
    ),
    _told(
        "sales_crm", "payments", "payment_no", "PAY-",
        "account=party_key due_on=due_at paid_on=occurred_at amount=amount state=status order_no=refers_to",
        type="payment", refers={"refers_to": ["orders"]},
    ),
    _told(
        "sales_crm", "deliveries", "delivery_no", "D-",
        "account=party_key delivered_on=occurred_at vin=vin product=product order_no=refers_to",
        type="delivery", refers={"refers_to": ["orders"]},
    ),
    _told(
        "sales_crm", "renewals", "talk_no", "R-",
        "account=party_key talked_on=occurred_at owner=owner vin=vin wanted_for=due_at topic=subject",
        type="renewal",
    ),
    _told(
        "sales_crm", "account_plans", "plan_no", "AP-",
        "account=party_key written_on=occurred_at owner=owner target=amount valid_from=valid_from valid_to=valid_to "
        "sponsor=contact_key goal=subject",
        type="account_plan", refers={"contact_key": ["contacts"]},
    ),
    _told(
        "sales_crm", "plan_actions", "action_no", "PA-",
        "account=party_key action=subject owner=owner due_on=due_at state=status done_on=closed_at "
        "set_on=occurred_at plan=refers_to",
        type="plan_action", refers={"refers_to": ["account_plans"]},
    ),
    _told(
        "sales_crm", "account_reviews", "review_no", "RV-",
        "account=party_key reviewed_on=occurred_at owner=owner result=subject",
        type="account_review",
    ),
    _told(
        "sales_crm", "sold_vehicles", "vehicle_no", "SV-",
        "account=party_key vin=vin model=model built_on=produced_on delivered_on=delivered_on role=role "
        "bought_on=valid_from",
        entity="vehicle",
    ),
    _told(
        "sales_crm", "account_team", "team_no", "TM-",
        "member=from_key account=to_key team_role=role since=valid_from until=valid_to",
        type="account_team", entity="relation", refers={"from_key": ["contacts"], "to_key": ["accounts"]},
    ),
    _told(
        "sales_crm", "reporting_lines", "line_no", "RL-",
        "contact=from_key manager=to_key since=valid_from",
        type="reports_to", entity="relation", refers={"from_key": ["contacts"], "to_key": ["contacts"]},
    ),
    _told(
        "service", "workshop_visits", "job_no", "W",
        "cust_no=party_key date_in=occurred_at vin=vin work=subject km=mileage total=amount",
        type="service_visit",
    ),
    _told(
        "service", "service_contracts", "contract_no", "SC",
        "cust_no=party_key signed=occurred_at vin=vin package=product from_date=valid_from to_date=valid_to "
        "price=amount",
        type="service_contract",
    ),
    _told(
        "service", "complaints", "case_no", "X",
        "cust_no=party_key called=occurred_at vin=vin topic=subject state=status solved=closed_at",
        type="complaint", codes={"status": {"处理中": "open", "已解决": "solved"}},
    ),
    _told(
        "service", "vehicles", "veh_no", "VH",
        "holder_no=party_key vin=vin model=model plate=plate delivered=delivered_on km=mileage held_as=role "
        "from_date=valid_from to_date=valid_to",
        entity="vehicle", refers={"party_key": ["customers", "owners"]},
        codes={"role": {"车主": "owner", "运营": "operator", "驾驶员": "driver", "经销商": "dealer"}},
    ),
    _told(
        "marketing", "responses", "response_id", "MR",
        "lead_id=party_key at=occurred_at campaign=subject channel=channel",
        type="campaign_response",
    ),
    _told(
        "marketing", "web_leads", "request_id", "WL",
        "lead_id=party_key at=occurred_at assigned_to=owner state=status channel=channel product=product "
        "quantity=quantity reason=reason",
        type="lead",
    ),
)  # fmt: skip
BY_NAME = {told.system.stream: told for told in STREAMS}
"""Stream → what is told of it; no two of these streams have one name, and none has that of a stream of parties."""
