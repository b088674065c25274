"""Touchpoints follow who is who: merged, split again, decided between two runs; and what people did with findings."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import openpyxl
import pytest

from models.store.audits import AuditFilter
from serving.access import Principal
from serving.findings import FindingError, FindingFilter, act, find_findings, hand_back, told_finding
from tests.unit.lifecycle.hub import Hub

pytestmark = pytest.mark.usefixtures("every_database")

LI = Principal.system("Li")


def place(hub: Hub) -> None:
    """Two customers, the second with an order that lacks its quote."""
    hub.customer("g1", "crm.accounts:a1")
    hub.customer("g2", "crm.accounts:a2")
    hub.put("crm.events", "r", type="order", occurred_at="2026-05-20", party_key="a2", owner="Li", amount="90000",
            product="T7", quantity="1", status="open", refers_to=["q"])  # fmt: skip
    hub.run()


@pytest.mark.parametrize("at_once", [False, True])
def test_orders_are_with_the_right_customer_after_a_merge_and_after_a_split(tmp_path: Path, at_once: bool) -> None:
    hub = Hub(tmp_path)
    place(hub)
    before = hub.state("g2")
    assert (hub.state("g1")["stage"], before["stage"]) == ("prospect", "order")
    hub.customer("g1", "crm.accounts:a2")
    if at_once:
        hub.decide()
    hub.run()
    assert hub.state("g1")["revenue"] == 90_000 and hub.store.customer_states(["g2"]).num_rows == 0
    (order,) = hub.found("order-quote")
    assert (order["golden_id"], order["opened_run"]) == ("g1", "run-000001")
    assert {row["closed_because"] for row in hub.found("buying-centre", "closed")} == {"identity"}
    hub.customer("g2", "crm.accounts:a2")
    if at_once:
        hub.decide()
    hub.run()
    assert hub.state("g2") == before and hub.state("g1")["stage"] == "prospect"
    assert [row["golden_id"] for row in hub.found("order-quote")] == ["g2"]
    assert hub.run().outcome is None


def test_a_finding_closes_by_a_delivery_alone_and_counts_when_it_opens_again(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    place(hub)
    number = hub.found("order-quote")[0]["finding_id"]
    records = dict(hub.records)
    hub.put("crm.events", "o", type="opportunity", occurred_at="2026-05-01", party_key="a2", owner="Li", status="open",
            amount="90000", due_at="2026-09-01")  # fmt: skip
    hub.put("crm.events", "q", type="quote", occurred_at="2026-05-02", party_key="a2", owner="Li", amount="90000",
            valid_to="2026-09-01", refers_to=["o"])  # fmt: skip
    hub.run()
    (closed,) = hub.found("order-quote", "closed")
    assert (closed["finding_id"], closed["closed_because"], closed["closed_on"]) == (number, "delivery", "2026-06-01")
    hub.records = records
    hub.today = dt.date(2026, 6, 3)
    hub.run()
    (again,) = hub.found("order-quote")
    assert (again["finding_id"], again["reopened"], again["first_seen"]) == (number, 1, "2026-06-01")
    assert again["opened_on"] == "2026-06-03"
    told = told_finding(hub.store, hub.contracts, number)
    assert [change["change"] for change in told["history"]] == ["opened", "closed", "reopened"]
    assert (
        told["says"]["zh"] == "每个订单必须关联已知的同一客户的报价。" and "Enter the order" in told["procedure"]["en"]
    )


def test_a_waiver_rests_a_finding_until_its_day_has_passed(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    place(hub)
    number = hub.found("order-quote")[0]["finding_id"]
    before = hub.state("g2")["findings"]
    with pytest.raises(FindingError, match="passed already"):
        act(hub.store, LI, [number], "waive", reason="agreed", until="2026-05-01")
    with pytest.raises(FindingError, match="no finding 7"):
        act(hub.store, LI, [7], "waive", reason="agreed")
    act(hub.store, LI, [number], "waive", reason="agreed", until="2026-06-10")
    hub.run()
    assert hub.state("g2")["findings"] == before - 1 and len(hub.found("order-quote")) == 1
    assert number not in {row["finding_id"] for row in find_findings(hub.store, FindingFilter(), limit=None)}
    (waived,) = find_findings(hub.store, FindingFilter(status="waived"), limit=None)
    assert (waived["finding_id"], waived["waived_until"], waived["last_seen"]) == (number, "2026-06-10", "2026-06-01")
    hub.today = dt.date(2026, 6, 11)
    hub.run()
    assert hub.state("g2")["findings"] == before
    act(hub.store, LI, [number], "waive", reason="agreed", until="2026-07-10")
    hub.run()
    assert hub.state("g2")["findings"] == before - 1
    act(hub.store, LI, [number], "unwaive", reason="no longer")
    hub.run()
    assert hub.state("g2")["findings"] == before
    with pytest.raises(FindingError, match="is not waived"):
        act(hub.store, LI, [number], "unwaive", reason="no longer")
    audited = [row["action"] for row in hub.store.find_audit(AuditFilter(object_id=str(number)))]
    assert sorted(audited) == ["finding.unwaive", "finding.waive", "finding.waive"]


def test_lists_go_back_to_each_system_and_role_and_hold_no_formula(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    place(hub)
    hub.put("crm.events", "r", type="order", occurred_at="2026-05-20", party_key="a2", owner="Li", amount="90000",
            product="T7", quantity="1", status="open", refers_to=["=cmd()"])  # fmt: skip
    hub.run()
    written = hand_back(hub.store, LI, hub.contracts, tmp_path)
    (orders,) = [w for w in written if (w["source"], w["owner_role"]) == ("crm", "order_desk")]
    with open(orders["file"], encoding="utf-8-sig", newline="") as file:
        (row,) = list(csv.DictReader(file))
    assert (row["rule"], row["source_key"], row["value"]) == ("order-quote", "r", "'=cmd()")
    written = hand_back(hub.store, LI, hub.contracts, tmp_path, kind="xlsx", source="crm")
    cells = [[cell.value for cell in line] for line in openpyxl.load_workbook(written[0]["file"]).active.rows]  # type: ignore[union-attr]
    told = dict(zip(cells[0], cells[1], strict=True))
    assert (told["value"], told["finding_id"]) == ("=cmd()", row["finding_id"])
    actions = hub.store.finding_actions([int(row["finding_id"])]).to_pylist()
    assert [(a["action"], a["by"], a["target"]) for a in actions] == [("hand_back", "Li", "crm/order_desk")] * 2
    with pytest.raises(FindingError, match="does not exist"):
        hand_back(hub.store, LI, hub.contracts, tmp_path / "nowhere")
