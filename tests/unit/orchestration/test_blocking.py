"""A rule of the contracts that blocks, through Dagster: its check fails, nothing is published, a mended delivery is."""

from __future__ import annotations

import dagster as dg

from tests.unit.orchestration.conftest import Hub, materialised

CONTRACTS = """
name: small
version: "1"
touchpoints:
  order: {label: {en: order, zh: 订单}, enters: order}
stages:
  prospect:
    label: {en: prospect, zh: 潜在客户}
    owner: marketing
    procedure: {en: Write it down., zh: 写下来。}
    rules:
      plain-name: {kind: format, about: customer, field: name, pattern: "[A-Za-z ]+", severity: error, blocking: true}
"""


def test_a_blocking_rule_lets_nothing_be_published(hub: Hub, instance: dg.DagsterInstance) -> None:
    (hub.folder / "lifecycle.yaml").write_text(CONTRACTS, encoding="utf-8")
    hub.reconfigure("workspace: work", "workspace: work\nlifecycle: {contracts: lifecycle.yaml}")
    hub.deliver("accounts", {"1": "ACME", "2": "Beta 7"})
    result = hub.execute("resolve", instance)
    assert not result.success
    check = next(c for c in result.get_asset_check_evaluations() if c.check_name == "contracts_blocking")
    assert not check.passed and check.blocking and check.severity == dg.AssetCheckSeverity.ERROR
    assert str(check.description).startswith("contract rule plain-name: 1 new findings")
    assert "core_findings" in materialised(result) and "out_published" not in materialised(result)
    assert hub.names() == []
    hub.deliver("accounts", {"1": "ACME", "2": "Beta"})
    result = hub.execute("resolve", instance)
    assert result.success
    assert "Beta" in " ".join(hub.names())
    with hub.store() as store:
        assert store.all_findings().num_rows == 0
