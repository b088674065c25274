"""What changes besides records: contracts, keys, owners, scores; and rules that let nothing be published."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import yaml

from lifecycle.contracts import load_contracts, pack_text
from models.store.customer_lookup import looking_at_customers
from serving import customer360
from tests.unit.lifecycle.hub import Hub

pytestmark = pytest.mark.usefixtures("every_database")


def write_contracts(hub: Hub, version: str, **changes: object) -> None:
    """Another version of the bundled contracts, with parts of the rule `order-quote` or of kinds replaced."""
    document = yaml.safe_load(pack_text())
    document["version"] = version
    document["stages"]["order"]["rules"]["order-quote"] |= changes
    (hub.folder / "lifecycle.yaml").write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    hub.contracts = load_contracts(hub.config)


def order(hub: Hub, **more: object) -> None:
    """A customer with an order that refers to no quote."""
    hub.customer("g1", "crm.accounts:a1")
    given = {"occurred_at": "2026-05-20", "party_key": "a1", "owner": "Li", "amount": 9, "product": "T", "quantity": 1}
    hub.put("crm.events", "o1", **{"type": "order", "status": "open", **given, **more})


def test_another_version_of_the_contracts_looks_at_everybody_again(tmp_path: Path) -> None:
    hub = Hub(tmp_path, contracts=pack_text())
    order(hub)
    hub.run()
    (before,) = hub.found("order-quote")
    assert before["contracts"] == "1.0" and before["severity"] == "error"
    write_contracts(hub, "2.0", severity="info")
    result = hub.run()
    (after,) = hub.found("order-quote")
    assert result.full and (after["severity"], after["contracts"]) == ("info", "2.0")
    assert after["finding_id"] == before["finding_id"] and after["first_seen"] == before["first_seen"]
    write_contracts(hub, "3.0", severity="info", when={"status": ["delivered"]})
    hub.run()
    (closed,) = hub.found("order-quote", "closed")
    assert closed["closed_because"] == "contracts" and not hub.found("order-quote")
    versions = hub.store.fetch_arrow("SELECT version FROM contract_version ORDER BY version")["version"].to_pylist()
    assert versions == ["1.0", "2.0", "3.0"]


def test_new_findings_of_a_blocking_rule_block_and_old_ones_do_not(tmp_path: Path) -> None:
    hub = Hub(tmp_path, contracts=pack_text())
    write_contracts(hub, "1.0", blocking=True)
    order(hub)
    assert hub.run().blocking == ["contract rule order-quote: 1 new findings (crm:o1)"]
    hub.customer("g2", "crm.accounts:a2")
    assert hub.run().blocking == []


def test_touchpoints_follow_a_customer_whose_key_changed(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    order(hub, status="delivered")
    hub.put("crm.trucks", "t1", vin="LZZ5ELSD7FA000001", party_key="a1", role="owner", delivered_on="2026-05-25")
    hub.run()
    before = hub.state("g1")
    hub.rekey("crm.accounts", "a1", "a9")
    result = hub.run()
    after = hub.state("g1")
    assert not result.full and (after["stage"], after["revenue"]) == (before["stage"], before["revenue"]) == (
        "order",
        9,
    )
    assert '"vehicles":1' in after["profile"]
    assert not hub.found("order.customer") and not hub.found("order.customer", "closed")
    hub.put("crm.events", "o2", type="order", status="open", occurred_at="2026-05-28", party_key="a9", owner="Li",
            amount=1, product="T", quantity=1)  # fmt: skip
    hub.run()
    assert hub.state("g1")["revenue"] == 10


def test_a_key_in_use_again_is_a_duplicate_and_one_that_was_given_up_is_none(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    order(hub)
    hub.customer("g1", "crm.accounts:a1", "crm.accounts:a2")
    hub.run()
    assert duplicates(hub) == {"crm": 1}
    hub.rekey("crm.accounts", "a1", "a9")
    hub.run()
    assert duplicates(hub) == {"crm": 1}
    hub.customer("g1", "crm.accounts:a1")
    hub.run()
    assert duplicates(hub) == {"crm": 2}
    hub.run(full=True)
    assert duplicates(hub) == {"crm": 2}
    hub.drop("crm.accounts", "a1")
    hub.run()
    assert duplicates(hub) == {"crm": 1}
    # The old key is in use again in the delivery that gives it up.
    hub.rekey("crm.accounts", "a2", "a8")
    hub.customer("g1", "crm.accounts:a2")
    hub.run()
    assert duplicates(hub) == {"crm": 2}


def duplicates(hub: Hub) -> dict[str, int]:
    last = hub.store.last_run()
    assert last is not None
    rows = hub.store.measures(last["run_id"]).to_pylist()
    return {row["part"]: int(row["value"]) for row in rows if row["measure"] == "s:duplicates"}


def test_who_has_to_act_follows_the_owner(tmp_path: Path) -> None:
    """The account's owner is asked for gaps of the account, an order's owner for those of the order."""
    hub = Hub(tmp_path)
    order(hub)
    hub.customer("g1", tax_id=None, account_owner="Li")
    hub.run()
    (gap,) = hub.found("order.data")
    assert gap["owner"] == "Li" and hub.state("g1")["owner"] == "Li"
    hub.customer("g1", tax_id=None, account_owner="Wang")
    assert hub.run().findings["kept"] >= 1
    (gap,) = hub.found("order.data")
    assert gap["owner"] == "Wang" and hub.state("g1")["owner"] == "Wang"
    assert {f["owner"] for f in hub.found("order-quote")} == {"Li"}


def test_a_score_that_changes_is_recorded_and_shown(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    order(hub)
    hub.put("crm.events", "v1", type="visit", occurred_at="2026-05-30", party_key="a1", owner="Li", subject="x")
    hub.run()
    first = hub.state("g1")["health"]
    with looking_at_customers(hub.store.database) as look:
        assert look.health_changes("g1") == []
    hub.today += dt.timedelta(200)
    hub.run()
    second = hub.state("g1")["health"]
    assert second < first
    with looking_at_customers(hub.store.database) as look:
        assert look.health_changes("g1") == [(hub.today.isoformat(), first, second)]
    document = customer360.view(hub.store, hub.config, "g1")
    assert document is not None and document.health.score == second
    *computed, last = document.health.history
    assert (last.date, last.score, last.recorded) == (hub.today.isoformat(), second, True)
    assert computed and not any(point.recorded for point in computed)
