"""Twenty-four months with a customer: leads, opportunities, visits, quotes, orders, deliveries, service, plans.

Everything a clean customer's contracts ask for is there, with some days in hand; what is missing is taken away in
`gaps`. Days count backwards from today.
"""

from __future__ import annotations

from worlds.life import fleet
from worlds.life.ledger import Customer, Ledger

CAMPAIGNS = ("2026春季新能源重卡", "冷链专项", "老客户置换", "汉诺威车展", "物流博览会", "绿色物流补贴说明会")
CHANNELS = ("展会", "官网", "微信公众号", "电话", "经销商", "抖音直播")
NEEDS = ("冷链干线扩线", "老旧国四车更新", "港口短倒电动化", "城配车队扩充", "降低百公里油耗", "司机舒适性与安全配置")
TOPICS = ("车队用车情况回访", "新车型推介", "商务条款沟通", "试驾安排", "季度业务回顾", "金融方案沟通", "交车验收沟通")
WON = ("油耗与全生命周期成本占优", "服务网点覆盖好", "交付周期短", "金融方案灵活", "司机试驾评价高")
LOST = ("价格高于竞品", "交付周期过长", "客户推迟采购", "金融审批未通过")
RIVALS = ("远驰汽车", "华龙重卡", "北极星商用车", "东岭客车", "Nordhaus Trucks")
WORK = ("首保", "常规保养", "更换制动片", "变速箱检修", "尾气后处理检修", "轮胎更换", "空调检修")
COMPLAINTS = ("配件等待时间长", "空调异响", "油耗高于预期", "服务站排队时间长", "仪表故障灯误报")
GOALS = ("年度份额提升至六成", "冷链车型进入采购名录", "服务合同覆盖全部新车", "完成新能源车型试点")
ACTIONS = ("安排高层互访", "组织样车试运行", "提交年度服务方案", "完成车队油耗分析", "对接财务负责人")
PACKAGES = ("全包保养三年", "动力总成延保", "基础保养套餐")


def respond(life: Ledger, c: Customer, ago: int) -> None:
    """An answer to a campaign."""
    if c.lead:
        rng = life.rng
        row = {"party_key": c.lead, "occurred_at": life.ago(ago), "subject": rng.pick(CAMPAIGNS)}
        life.add(c, "responses", row | {"channel": rng.pick(CHANNELS)})


def account(life: Ledger, c: Customer) -> str:
    """One of the accounts under which the CRM knows the customer."""
    return life.rng.pick(c.accounts)


def visit(life: Ledger, c: Customer, ago: int, owner: str = "") -> str:
    """A planned visit and, when its day has come, the visit."""
    rng, who = life.rng, owner or c.owner
    topic = rng.pick(TOPICS)
    at = account(life, c)
    row = {"party_key": at, "due_at": life.ago(ago), "owner": who, "subject": topic}
    plan = life.add(c, "visit_plans", row, life.ago(max(ago, 0) + 9))
    if ago < 0:
        return ""
    done = max(0, ago - rng.between(0, 4))
    row = {"party_key": at, "occurred_at": life.ago(done), "owner": who, "subject": topic, "refers_to": plan}
    if c.contacts and rng.random() < 0.8:
        row["contact_key"] = rng.pick(c.contacts)
    return life.add(c, "visits", row)


def lead(life: Ledger, c: Customer, ago: int, status: str = "converted", web: bool = False) -> str:
    """A lead, written by sales or by marketing."""
    rng = life.rng
    row = {
        "occurred_at": life.ago(ago), "owner": c.seller, "status": status, "channel": rng.pick(CHANNELS),
        "product": rng.pick(fleet.MODELS)[0], "quantity": str(rng.between(1, 9)),
    }  # fmt: skip
    if status == "lost":
        row["reason"] = rng.pick(LOST)
    if web and c.lead:
        return life.add(c, "web_leads", {"party_key": c.lead, **row})
    return life.add(c, "leads", {"party_key": account(life, c), **row})


def cycle(life: Ledger, c: Customer, start: int, upto: str) -> None:
    """One business from lead on, begun `start` days ago; `upto`: opportunity, quote, lost, order, delivery, service."""
    rng = life.rng
    low, high = {"ordinary": (1, 4), "fleet": (4, 9), "key": (9, 15)}[c.segment]
    quantity = rng.between(low, high)
    model, price = rng.pick(fleet.BUSES if c.segment == "key" and rng.random() < 0.2 else fleet.MODELS)
    amount = str(round(price * quantity * rng.between(92, 101) / 100, -2))[:-2]
    thing = {"product": model, "quantity": str(quantity)}
    at = account(life, c)

    def day(after: int) -> str:
        return life.ago(start - after)

    from_lead = lead(life, c, start)
    won, lost = upto in ("order", "delivery", "service"), upto == "lost"
    row = {
        "party_key": at, "occurred_at": day(6), "owner": c.seller, "amount": amount, **thing, "refers_to": from_lead,
        "subject": f"{model} {quantity}台", "due_at": day(45) if won or lost else life.ago(-rng.between(30, 75)),
        "status": "won" if won else "lost" if lost else "open", "contact_key": rng.pick(c.contacts),
    }  # fmt: skip
    if won or lost:
        row |= {"closed_at": day(45), "reason": rng.pick(WON if won else LOST)}
        row |= {"competitor": rng.pick(RIVALS)} if lost or rng.random() < 0.4 else {}
    opportunity = life.add(c, "opportunities", row)
    need = {"party_key": at, "occurred_at": day(8), "subject": rng.pick(NEEDS), **thing, "refers_to": opportunity}
    life.add(c, "needs", need | {"status": "met" if won else "dropped" if lost else "open"})
    visit(life, c, start - 12, c.seller)
    if rng.random() < 0.4 or c.segment == "key":
        row = {"party_key": at, "occurred_at": day(14), "competitor": rng.pick(RIVALS), **thing}
        life.add(c, "competitor_notes", row)
    if c.segment != "ordinary" and (rng.random() < 0.5 or c.segment == "key"):
        row = {"party_key": at, "occurred_at": day(10), "due_at": day(40), "amount": amount, "refers_to": opportunity}
        row |= {"status": "won" if won else "lost" if lost else "open", "competitor": rng.pick(RIVALS)}
        life.add(c, "tenders", row)
    if upto == "opportunity":
        visit(life, c, -rng.between(8, 14), c.seller)
        return
    row = {"party_key": at, "occurred_at": day(30), "amount": amount, "owner": c.seller, "valid_to": day(120), **thing}
    quote = life.add(c, "quotes", row | {"refers_to": opportunity})
    visit(life, c, max(1, start - 34), c.seller)
    if won:
        _order(life, c, at, start, upto, (opportunity, quote), (model, quantity, amount))


def _order(
    life: Ledger, c: Customer, at: str, start: int, upto: str, refers: tuple[str, str], what: tuple[str, int, str]
) -> None:
    rng = life.rng
    model, quantity, amount = what

    def day(after: int) -> str:
        return life.ago(start - after)

    done = upto != "order"
    row = {
        "party_key": at, "occurred_at": day(47), "amount": amount, "owner": c.seller, "product": model,
        "quantity": str(quantity), "status": "delivered" if done else "open", "due_at": day(115 if done else 140),
        "refers_to": refers[1], "refers_to2": refers[0],
    }  # fmt: skip
    order = life.add(c, "orders", row | ({"closed_at": day(112)} if done else {}), day(47) if not done else "")
    third = str(int(amount) * 3 // 10)
    row = {"party_key": at, "due_at": day(54), "occurred_at": day(52), "amount": third, "status": "paid"}
    life.add(c, "payments", row | {"refers_to": order})
    rest = {"party_key": at, "due_at": day(150), "amount": str(int(amount) - int(third)), "refers_to": order}
    paid = start - 146 >= 0
    life.add(c, "payments", rest | ({"status": "paid", "occurred_at": day(146)} if paid else {"status": "open"}))
    if not done:
        return
    for _ in range(quantity):
        _vehicle(life, c, at, order, model, start - 110 - rng.below(3), serviced=upto == "service")


def _vehicle(life: Ledger, c: Customer, at: str, order: str, model: str, ago: int, serviced: bool) -> None:
    """A delivered vehicle, who holds it as what, and what the workshop saw of it."""
    rng = life.rng
    number = fleet.vin(rng)
    delivered = life.ago(ago)
    row = {"party_key": at, "occurred_at": delivered, "vin": number, "product": model, "refers_to": order}
    life.add(c, "deliveries", row)
    row = {"party_key": at, "vin": number, "model": model, "produced_on": life.ago(ago + rng.between(20, 60))}
    life.add(c, "sold_vehicles", row | {"delivered_on": delivered, "role": "buyer", "valid_from": delivered})
    pace = rng.between(180, 420)
    base = {
        "vin": number, "model": model, "delivered_on": delivered, "valid_from": delivered,
        "plate": fleet.plate(rng, c.company.city.province), "mileage": str(pace * ago),
    }  # fmt: skip
    owner = rng.pick(c.drivers) if c.drivers and c.segment == "ordinary" and rng.random() < 0.5 else c.service
    life.add(c, "vehicles", {**base, "party_key": owner, "role": "车主"})
    life.add(c, "vehicles", {**base, "party_key": c.service, "role": "运营"})
    if c.drivers:
        if ago > 300 and len(c.drivers) > 1:
            earlier = {**base, "party_key": c.drivers[1], "role": "驾驶员", "valid_to": life.ago(ago - 200)}
            life.add(c, "vehicles", earlier)
            base["valid_from"] = life.ago(ago - 201)
        life.add(c, "vehicles", {**base, "party_key": c.drivers[0], "role": "驾驶员"})
    if life.dealers:
        life.add(c, "vehicles", {**base, "party_key": rng.pick(life.dealers).service, "role": "经销商"})
    if not serviced:
        return
    at_ago = ago - rng.between(30, 80)
    first = True
    while at_ago > 0:
        serve(life, c, number, at_ago, pace * (ago - at_ago), "首保" if first else "")
        first, at_ago = False, at_ago - rng.between(130, 190)
    if rng.random() < 0.55:
        signed = max(1, ago - rng.between(1, 20))
        row = {"party_key": c.service, "occurred_at": life.ago(signed), "vin": number, "product": rng.pick(PACKAGES)}
        row |= {"valid_from": life.ago(signed), "valid_to": life.ago(signed - 1095)}
        life.add(c, "service_contracts", row | {"amount": str(rng.between(8, 30) * 1000)})
    if rng.random() < 0.1:
        called = rng.between(16, ago - 5)
        row = {"party_key": c.service, "occurred_at": life.ago(called), "vin": number, "subject": rng.pick(COMPLAINTS)}
        life.add(c, "complaints", row | {"status": "已解决", "closed_at": life.ago(called - rng.between(2, 10))})


def serve(life: Ledger, c: Customer, vin: str, ago: int, mileage: int, work: str = "") -> str:
    """A visit to the workshop."""
    rng = life.rng
    row = {"party_key": c.service, "occurred_at": life.ago(ago), "vin": vin, "subject": work or rng.pick(WORK)}
    return life.add(c, "workshop_visits", row | {"mileage": str(mileage), "amount": str(rng.between(8, 90) * 100)})


def plan(life: Ledger, c: Customer, ago: int) -> str:
    """An account plan of a year with its actions: those that are due are done."""
    rng, at = life.rng, account(life, c)
    row = {
        "party_key": at, "occurred_at": life.ago(ago), "owner": c.owner, "amount": str(rng.between(30, 120) * 100_000),
        "valid_from": life.ago(ago), "valid_to": life.ago(ago - 365), "contact_key": c.contacts[0],
        "subject": rng.pick(GOALS),
    }  # fmt: skip
    key = life.add(c, "account_plans", row)
    for i, after in enumerate((20, 80, 160, ago + 40)):
        due = ago - after
        row = {"party_key": at, "subject": ACTIONS[(ago + i) % len(ACTIONS)], "owner": c.owner, "due_at": life.ago(due)}
        row |= {"occurred_at": life.ago(ago), "status": "open", "refers_to": key}
        if due >= 0:
            row |= {"status": "done", "closed_at": life.ago(due + 1)}
        life.add(c, "plan_actions", row)
    return key


def rhythm(life: Ledger, c: Customer) -> None:
    """What the customer's segment is owed: regular visits, plans and reviews."""
    rng = life.rng
    if c.segment == "fleet":
        for ago in range(rng.between(20, 90), 700, 120):
            visit(life, c, ago)
    if c.segment == "key":
        for ago in range(rng.between(8, 30), 720, 45):
            visit(life, c, ago)
        for ago in range(rng.between(10, 60), 720, 88):
            row = {"party_key": account(life, c), "occurred_at": life.ago(ago), "owner": c.owner}
            life.add(c, "account_reviews", row | {"subject": rng.pick(("按计划推进", "需加强服务", "扩大份额"))})
        first = rng.between(50, 260)
        plan(life, c, first)
        plan(life, c, first + 365)


def team(life: Ledger, c: Customer) -> None:
    """Who covers the customer, from when to when, and who reports to whom among its people."""
    rng, at = life.rng, c.accounts[0]
    earlier = rng.pick(("高翔", "唐婉", "郭凯"))
    row = {"from_key": earlier, "to_key": at, "role": "regional", "valid_from": life.ago(1100)}
    life.add(c, "account_team", row | {"valid_to": life.ago(500)})
    life.add(c, "account_team", {"from_key": c.owner, "to_key": at, "role": "regional", "valid_from": life.ago(499)})
    if c.segment == "key":
        row = {"from_key": rng.pick(("韩雪", "杨帆", "Lukas Brandt")), "to_key": at, "role": "key_account"}
        life.add(c, "account_team", row | {"valid_from": life.ago(430)})
    if c.segment != "ordinary":
        row = {"from_key": rng.pick(("蒋峰", "沈佳")), "to_key": at, "role": "solution", "valid_from": life.ago(300)}
        life.add(c, "account_team", row)
    for contact in c.contacts[1:]:
        row = {"from_key": contact, "to_key": c.contacts[0], "valid_from": life.ago(rng.between(200, 900))}
        life.add(c, "reporting_lines", row)


def live(life: Ledger, c: Customer) -> None:
    """Tell the customer's whole history, up to where its story has come."""
    rng = life.rng
    if c.story == "prospect":
        for _ in range(rng.between(1, 4)):
            respond(life, c, rng.between(5, 300))
        return
    team(life, c)
    if c.story == "lead":
        ago = rng.between(4, 15)
        respond(life, c, ago + 12)
        lead(life, c, ago, "open", web=rng.random() < 0.5)
        if c.segment != "ordinary":
            visit(life, c, max(1, ago - 3), c.seller)
        return
    if c.story == "dormant":
        _dormant(life, c)
        return
    respond(life, c, rng.between(150, 700))
    if c.story in ("in_service", "renewal"):
        starts = (rng.between(560, 700),) if c.segment == "ordinary" else (rng.between(560, 700), rng.between(290, 420))
        for start in starts:
            cycle(life, c, start, "service")
        if c.story == "in_service" and c.segment == "key":
            cycle(life, c, rng.between(40, 60), "opportunity")
    elif c.story == "delivery":
        cycle(life, c, rng.between(125, 170), "delivery")
    elif c.story == "order":
        cycle(life, c, rng.between(75, 120), "order")
    elif c.story == "quote":
        cycle(life, c, rng.between(50, 110), "quote")
    elif c.story == "lost":
        cycle(life, c, rng.between(120, 400), "lost")
    else:
        cycle(life, c, rng.between(25, 60), "opportunity")
    rhythm(life, c)
    if c.story == "renewal":
        vin = next(row["vin"] for _, row in life.of(c, "deliveries"))
        row = {"party_key": account(life, c), "occurred_at": life.ago(rng.between(5, 40)), "owner": c.seller}
        row["vin"] = vin
        life.add(c, "renewals", row | {"due_at": life.ago(-rng.between(100, 180)), "subject": "置换新能源车型"})


def _dormant(life: Ledger, c: Customer) -> None:
    """A customer who bought once, and of whom nobody heard for more than 540 days."""
    before = {name: len(keys) for name, keys in c.rows.items()}
    cycle(life, c, life.rng.between(780, 860), "service")
    for stream, keys in c.rows.items():
        for key in keys[before.get(stream, 0) :]:
            row = life.row(stream, key)
            if row.get("occurred_at") and life.age(row["occurred_at"]) < 560:
                del life.tables[stream].rows[key]
    for stream in list(c.rows):
        c.rows[stream] = [key for key in c.rows[stream] if key in life.tables[stream].rows]
