"""The days after the first: what people do in time, which gaps are mended, which new ones come."""

from __future__ import annotations

from worlds.life import history
from worlds.life.gaps import GAPS, fits, plant
from worlds.life.ledger import Customer, Ledger

_LONGEST = 8  # days for which a gap is left


def pass_day(life: Ledger, day: int) -> None:
    """Play one day, which `life.today` is: work that is due, gaps mended, gaps opened."""
    rng = life.rng
    for c in life.customers:
        if c.gap and (rng.random() < 0.2 or day - c.gap_day >= _LONGEST):
            life.mend(c)
    for c in life.customers:
        _work(life, c)
    # A row that claims to be older than it is would never be seen by who reads from a cursor on.
    names = [name for name in GAPS if name != "order-not-in-future"]
    for _ in range(max(3, len(life.customers) // 40)):
        name = rng.pick(names)
        open_to = [c for c in life.customers if fits(c, name)]
        if open_to:
            chosen = rng.pick(open_to)
            plant(life, chosen, name, day)
            life.touch(chosen)


def _work(life: Ledger, c: Customer) -> None:
    """What must not be left any longer is done, save where that would mend the customer's gap."""
    _sales(life, c)
    _after_sales(life, c)
    _account(life, c)


def _sales(life: Ledger, c: Customer) -> None:
    rng, today = life.rng, life.today.isoformat()
    for stream in ("leads", "web_leads"):
        for key, row in _open(life, c, stream, status="open"):
            if life.age(row["occurred_at"]) >= 25:
                life.change(stream, key, status="lost", reason=rng.pick(history.LOST))
    for key, row in _open(life, c, "opportunities", status="open"):
        quoted = [q for _, q in life.of(c, "quotes", refers_to=key)]
        if any(life.age(q["occurred_at"]) >= 165 for q in quoted):
            values = {"reason": rng.pick(history.LOST), "competitor": rng.pick(history.RIVALS)}
            life.change("opportunities", key, status="lost", closed_at=today, **values)
        elif row.get("due_at") and life.age(row["due_at"]) >= 0:
            life.change("opportunities", key, due_at=life.ago(-45))
    for key, row in _open(life, c, "needs", status="open"):
        if life.age(row["occurred_at"]) >= 350:
            life.change("needs", key, status="dropped")
    for key, row in _open(life, c, "orders", status="open"):
        if row.get("due_at") and life.age(row["due_at"]) >= 0:
            life.change("orders", key, due_at=life.ago(-30))
    for key, row in _open(life, c, "payments", status="open"):
        if row.get("due_at") and life.age(row["due_at"]) >= -1:
            life.change("payments", key, status="paid", occurred_at=today)
    if "visits" not in c.kept:
        done = {row.get("refers_to") for _, row in life.of(c, "visits")}
        for key, row in _open(life, c, "visit_plans"):
            if key not in done and 0 <= life.age(row["due_at"]) <= 5:
                made = {"party_key": row["party_key"], "owner": row.get("owner", c.owner), "occurred_at": today}
                life.add(c, "visits", made | {"subject": "商务条款沟通", "refers_to": key})


def _after_sales(life: Ledger, c: Customer) -> None:
    rng, today = life.rng, life.today.isoformat()
    if "workshop_visits" not in c.kept and c.service:
        seen = {row.get("vin") for _, row in life.of(c, "workshop_visits")}
        for _, row in _open(life, c, "deliveries"):
            if row.get("vin") and row["vin"] not in seen and life.age(row["occurred_at"]) >= 80:
                history.serve(life, c, row["vin"], 0, rng.between(9_000, 24_000), "首保")
    for key, row in _open(life, c, "complaints", status="处理中"):
        if life.age(row["occurred_at"]) >= 10:
            life.change("complaints", key, status="已解决", closed_at=today)


def _account(life: Ledger, c: Customer) -> None:
    rng, today = life.rng, life.today.isoformat()
    for key, row in _open(life, c, "plan_actions", status="open"):
        if row.get("due_at") and life.age(row["due_at"]) >= 0:
            life.change("plan_actions", key, status="done", closed_at=today)
    if c.story in ("prospect", "dormant", "dealer"):
        return
    rest = {"key": 50, "fleet": 165}.get(c.segment)
    if rest and "visits" not in c.kept and _last(life, c, "visits") >= rest:
        history.visit(life, c, 0)
    if c.segment != "key":
        return
    if "account_reviews" not in c.kept and _last(life, c, "account_reviews") >= 90:
        row = {"party_key": c.accounts[0], "occurred_at": today, "owner": c.owner}
        life.add(c, "account_reviews", row | {"subject": rng.pick(("按计划推进", "需加强服务"))})
    if "account_plans" not in c.kept and _last(life, c, "account_plans") >= 380:
        history.plan(life, c, 0)


def _open(life: Ledger, c: Customer, stream: str, **like: str) -> list[tuple[str, dict[str, str]]]:
    """Rows that are nobody's gap."""
    return [(key, row) for key, row in life.of(c, stream, **like) if (stream, key) not in c.before]


def _last(life: Ledger, c: Customer, stream: str) -> int:
    """How many days ago the latest row was; very many for none."""
    return min((life.age(row["occurred_at"]) for _, row in life.of(c, stream) if row.get("occurred_at")), default=9999)
