"""Gaps of values: what is missing, cannot be read, or lies beyond its bounds."""

from __future__ import annotations

from worlds.life.gaps.base import GAPS, Gap, gap, open_lead
from worlds.life.ledger import Customer, Ledger


def _spoilt(name: str, story: str, stream: str, field: str, value: str = "", **like: str) -> None:
    """A gap that is one wrong or missing value in the latest row of a stream."""

    def plant(life: Ledger, c: Customer) -> None:
        key = list(life.of(c, stream, **like))[-1][0]
        life.spoil(c, stream, key, **{field: value})
        life.expect(c, name, stream, key, field)

    segment = "key" if stream in ("account_plans", "plan_actions", "account_reviews", "tenders") else "ordinary"
    segment = "key" if stream == "competitor_notes" else segment
    GAPS[name if name not in GAPS else f"{name}:{field}"] = Gap(plant, story, segment)


# --- what must be known of a touchpoint

_spoilt("campaign_response.required", "prospect", "responses", "subject")
_spoilt("lead.required", "opportunity", "leads", "owner")
_spoilt("need.required", "opportunity", "needs", "subject")
_spoilt("opportunity.required", "opportunity", "opportunities", "owner")
_spoilt("visit_plan.required", "quote", "visit_plans", "owner")
_spoilt("visit.required", "opportunity", "visits", "subject")
_spoilt("tender.required", "in_service", "tenders", "due_at")
_spoilt("competitor.required", "in_service", "competitor_notes", "competitor")
_spoilt("quote.required", "quote", "quotes", "valid_to")
_spoilt("order.required", "order", "orders", "product")
_spoilt("payment.required", "order", "payments", "due_at")
_spoilt("delivery.required", "delivery", "deliveries", "vin")
_spoilt("service_visit.required", "in_service", "workshop_visits", "subject")
_spoilt("renewal.required", "renewal", "renewals", "owner")
_spoilt("account_plan.required", "in_service", "account_plans", "contact_key")
_spoilt("plan_action.required", "in_service", "plan_actions", "subject")
_spoilt("account_review.required", "in_service", "account_reviews", "owner")

# --- values that cannot be read, or are none of those agreed upon

_spoilt("lead.readable", "opportunity", "leads", "quantity", "几台")
_spoilt("need.readable", "opportunity", "needs", "quantity", "两三台")
_spoilt("opportunity.readable", "opportunity", "opportunities", "quantity", "待定")
_spoilt("quote.readable", "quote", "quotes", "quantity", "约五台")
_spoilt("service_visit.readable", "in_service", "workshop_visits", "mileage", "十二万多")
_spoilt("opportunity.status", "opportunity", "opportunities", "status", "negotiation")
_spoilt("need.status", "opportunity", "needs", "status", "unclear")
_spoilt("order.status", "order", "orders", "status", "in production")
_spoilt("payment.status", "order", "payments", "status", "partial", status="open")
_spoilt("tender.status", "in_service", "tenders", "status", "pre-qualified")
_spoilt("plan_action.status", "in_service", "plan_actions", "status", "waiting", status="open")

# --- values beyond their bounds

_spoilt("opportunity-amount", "opportunity", "opportunities", "amount", "5000")
_spoilt("quote-amount", "quote", "quotes", "amount", "600000000")
_spoilt("vehicle-plate", "in_service", "vehicles", "plate", "临时")
_spoilt("vehicle-role", "in_service", "vehicles", "role", "承租人", role="车主")
_spoilt("team-role", "opportunity", "account_team", "role", "boss")

# --- what must be there

_spoilt("gate-quote", "quote", "opportunities", "amount")
_spoilt("gate-quote", "quote", "opportunities", "due_at")
_spoilt("closed-reason", "lost", "opportunities", "reason")
_spoilt("lost-to-whom", "lost", "opportunities", "competitor")


@gap("lead-lost-reason", "lead")
def _(life: Ledger, c: Customer) -> None:
    key = life.plant(c, "leads", open_lead(life, c, 40) | {"status": "lost"})
    life.expect(c, "lead-lost-reason", "leads", key, "reason")


@gap("closed-reason:closed_at", "delivery")
def _(life: Ledger, c: Customer) -> None:
    key = next(life.of(c, "opportunities"))[0]
    life.spoil(c, "opportunities", key, closed_at="")
    life.expect(c, "closed-reason", "opportunities", key, "closed_at")


def _of_customer(rule: str, story: str, attribute: str, streams: tuple[str, ...]) -> None:
    """An attribute that no system knows of the customer."""

    def plant(life: Ledger, c: Customer) -> None:
        keys = {"accounts": c.accounts, "customers": [c.service], "companies": [c.lead]}
        for stream in streams:
            for key in filter(None, keys[stream]):
                blank = {attribute: "", **({"phone2": ""} if attribute == "phone" else {})}
                life.spoil(c, stream, key, **{n: v for n, v in blank.items() if n in life.row(stream, key)})
        life.expect(c, rule, field=attribute)

    GAPS[rule if rule not in GAPS else f"{rule}:{attribute}"] = Gap(plant, story)


_of_customer("lead.data", "lead", "account_owner", ("accounts",))
_of_customer("opportunity.data", "opportunity", "industry", ("accounts", "companies"))
_of_customer("quote.data", "quote", "account_owner", ("accounts",))
_of_customer("order.data", "order", "tax_id", ("accounts", "customers"))
_of_customer("delivery.data", "delivery", "account_owner", ("accounts",))
_of_customer("in_service.data", "in_service", "phone", ("accounts", "customers", "companies"))
_of_customer("renewal.data", "renewal", "account_owner", ("accounts",))


@gap("tax-number", "order")
def _(life: Ledger, c: Customer) -> None:
    good = c.company.tax_id
    wrong = good[:-1] + ("0" if good[-1] != "0" else "1")
    for key in c.accounts:
        life.spoil(c, "accounts", key, tax_id=wrong)
    life.expect(c, "tax-number", field="tax_id")


@gap("buying-centre", "opportunity")
def _(life: Ledger, c: Customer) -> None:
    for key in c.contacts[1:]:
        life.drop(c, "contacts", key)
        for line, _ in list(life.of(c, "reporting_lines", from_key=key)):
            life.drop(c, "reporting_lines", line)
    life.expect(c, "buying-centre")


@gap("contact-role", "opportunity")
def _(life: Ledger, c: Customer) -> None:
    key = c.contacts[1]
    life.spoil(c, "contacts", key, buying_role="")
    life.expect(c, "contact-role", "contacts", key, "buying_role")
