"""Gaps in time: what stays open, is overdue, comes too seldom or too often; and touchpoints of nobody."""

from __future__ import annotations

from worlds.life.gaps.base import GAPS, Gap, gap, open_lead
from worlds.life.ledger import Customer, Expected, Ledger

# --- things that do not happen in time, or too often


@gap("lead.status", "lead")
def _(life: Ledger, c: Customer) -> None:
    key = life.plant(c, "leads", open_lead(life, c, 10) | {"status": "pending"})
    life.expect(c, "lead.status", "leads", key, "status")


@gap("lead.open", "lead")
def _(life: Ledger, c: Customer) -> None:
    key = life.plant(c, "leads", open_lead(life, c, 55) | {"status": "open"})
    life.expect(c, "lead.open", "leads", key, "status")


@gap("need.open", "in_service")
def _(life: Ledger, c: Customer) -> None:
    row = {"party_key": c.accounts[0], "occurred_at": life.ago(400), "subject": "加装尾板", "status": "open"}
    key = life.plant(c, "needs", row)
    life.expect(c, "need.open", "needs", key, "status")


@gap("opportunity.overdue", "opportunity")
def _(life: Ledger, c: Customer) -> None:
    key = next(life.of(c, "opportunities"))[0]
    life.spoil(c, "opportunities", key, occurred_at=life.ago(75), due_at=life.ago(45))
    life.expect(c, "opportunity.overdue", "opportunities", key, "status")


@gap("order.overdue", "order")
def _(life: Ledger, c: Customer) -> None:
    key = next(life.of(c, "orders"))[0]
    life.spoil(c, "orders", key, due_at=life.ago(42))
    life.expect(c, "order.overdue", "orders", key, "status")


@gap("payment.overdue", "order")
def _(life: Ledger, c: Customer) -> None:
    key = next(life.of(c, "payments", status="open"))[0]
    life.spoil(c, "payments", key, due_at=life.ago(30))
    life.expect(c, "payment.overdue", "payments", key, "status")


@gap("plan_action.overdue", "in_service", "key")
def _(life: Ledger, c: Customer) -> None:
    key = next(life.of(c, "plan_actions", status="open"))[0]
    life.spoil(c, "plan_actions", key, due_at=life.ago(18))
    life.expect(c, "plan_action.overdue", "plan_actions", key, "status")


@gap("complaint.open", "in_service")
def _(life: Ledger, c: Customer) -> None:
    key = life.plant(c, "complaints", _complaint(life, c, 32))
    life.expect(c, "complaint.open", "complaints", key, "status")


@gap("complaint.required", "in_service")
def _(life: Ledger, c: Customer) -> None:
    row = _complaint(life, c, 60) | {"status": "已解决", "closed_at": life.ago(52)}
    del row["subject"]
    key = life.plant(c, "complaints", row)
    life.expect(c, "complaint.required", "complaints", key, "subject")


@gap("complaint.status", "in_service")
def _(life: Ledger, c: Customer) -> None:
    key = life.plant(c, "complaints", _complaint(life, c, 3) | {"status": "转交"})
    life.expect(c, "complaint.status", "complaints", key, "status")


def _complaint(life: Ledger, c: Customer, ago: int) -> dict[str, str]:
    vin = next(life.of(c, "deliveries"))[1]["vin"]
    row = {"party_key": c.service, "occurred_at": life.ago(ago), "vin": vin, "subject": "配件等待时间长"}
    return row | {"status": "处理中"}


@gap("visit-as-planned", "opportunity")
def _(life: Ledger, c: Customer) -> None:
    row = {"party_key": c.accounts[0], "due_at": life.ago(19), "owner": c.seller, "subject": "试驾安排"}
    key = life.plant(c, "visit_plans", row, life.ago(30))
    life.expect(c, "visit-as-planned", "visit_plans", key, "due_at")


@gap("visit-not-too-often", "quote")
def _(life: Ledger, c: Customer) -> None:
    first = life.today.replace(day=1)
    back = life.age(first.isoformat()) + 1  # the last day of the month before
    for i in range(10):
        row = {"party_key": c.accounts[0], "occurred_at": life.ago(back + i), "owner": c.seller}
        life.plant(c, "visits", row | {"subject": "商务条款沟通"})
    life.expect(c, "visit-not-too-often")


@gap("plan-has-actions", "in_service", "key")
def _(life: Ledger, c: Customer) -> None:
    key = next(life.of(c, "account_plans"))[0]
    for action, _ in list(life.of(c, "plan_actions", refers_to=key)):
        life.drop(c, "plan_actions", action)
    life.expect(c, "plan-has-actions", "account_plans", key)


@gap("won-has-order", "order")
def _(life: Ledger, c: Customer) -> None:
    for stream in ("orders", "payments"):
        for key, _ in list(life.of(c, stream)):
            life.drop(c, stream, key)
    key = next(life.of(c, "opportunities"))[0]
    life.spoil(c, "opportunities", key, closed_at=life.ago(38))
    life.expect(c, "won-has-order", "opportunities", key, "closed_at")


@gap("quote.stuck", "quote")
def _(life: Ledger, c: Customer) -> None:
    for stream in ("leads", "opportunities", "needs", "quotes"):
        for key, row in life.of(c, stream):
            moved = {n: life.ago(life.age(row[n]) + 200) for n in ("occurred_at",) if n in row}
            if stream == "quotes":
                moved["valid_to"] = life.ago(life.age(row["valid_to"]) + 200)
            life.spoil(c, stream, key, **moved)
    life.expect(c, "quote.stuck")


def _rare(rule: str, segment: str, streams: tuple[str, ...], days: int) -> None:
    """Nothing of a kind within the days that a segment is owed."""

    def plant(life: Ledger, c: Customer) -> None:
        gone: set[str] = set()
        for stream in streams:  # what is referred to goes with what refers to it
            for key, row in list(life.of(c, stream)):
                day = row.get("occurred_at") or row.get("due_at", "")
                if key in gone or (day and -1 < life.age(day) <= days + 12):
                    gone.add(row.get("refers_to", ""))
                    life.drop(c, stream, key)
        c.kept.update(streams)
        life.expect(c, rule)

    GAPS[rule] = Gap(plant, "in_service", segment)


_rare("key.visit", "key", ("visits", "visit_plans"), 60)
_rare("key.account_review", "key", ("account_reviews",), 100)
_rare("key.account_plan", "key", ("plan_actions", "account_plans"), 400)
_rare("fleet.visit", "fleet", ("visits", "visit_plans"), 180)


# --- touchpoints of nobody


def _nobody(rule: str, stream: str, party: str, row: dict[str, str], story: str = "in_service") -> None:
    def plant(life: Ledger, c: Customer) -> None:
        made = {"party_key": party, "occurred_at": life.ago(12), "owner": c.owner, **row}
        key = life.plant(c, stream, made)
        c.expected.append(Expected(rule, life.tables[stream].system.source, stream, key, "party_key", ""))

    GAPS[rule] = Gap(plant, story)


_nobody("visit.customer", "visits", "ACC-000000X", {"subject": "车队用车情况回访"})
_nobody("account_review.customer", "account_reviews", "ACC-000000X", {})
_nobody("campaign_response.customer", "responses", "MK-UNKNOWN", {"subject": "冷链专项"})
_nobody("complaint.customer", "complaints", "C-UNKNOWN", {"subject": "空调异响", "status": "已解决"})
