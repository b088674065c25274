"""The lifecycle follows decisions between two runs, as the next run would have it; that run changes nothing more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lifecycle import engine, following
from lifecycle.following import follow_decisions
from matching.standardise.forms import FORMS
from tests.unit.lifecycle.hub import Hub
from tests.unit.lifecycle.test_identity import place


def published(hub: Hub) -> dict[str, Any]:
    """States, stages, findings and totals, without the runs that they name."""
    store = hub.store
    last = str(store.lifecycle_run())
    golden = [row["golden_id"] for row in store.golden("organization").to_pylist()]
    states = store.customer_states(golden).to_pylist()
    findings = [
        {k: v for k, v in row.items() if k not in ("opened_run", "closed_run")}
        for row in store.all_findings().to_pylist()
    ]
    totals = store.matrix(last).drop(["run_id"]).to_pylist() + store.measures(last).drop(["run_id"]).to_pylist()
    return {
        "states": sorted(states, key=lambda row: row["golden_id"]),
        "findings": sorted(findings, key=lambda row: row["finding_id"]),
        "totals": sorted(map(str, totals)),
    }


def test_orders_stages_findings_and_totals_follow_a_merge_and_its_undoing(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    place(hub)
    hub.customer("g3", "crm.accounts:a3")
    hub.run()
    first = published(hub)
    assert follow_decisions(hub.store, hub.config, FORMS) is None
    hub.customer("g1", "crm.accounts:a2")
    hub.decide()
    assert hub.state("g1")["stage"] == "prospect"
    followed = follow_decisions(hub.store, hub.config, FORMS)
    assert followed is not None and followed.result.customers == 1  # not the one whom it does not concern
    assert (hub.state("g1")["stage"], hub.state("g1")["revenue"]) == ("order", 90_000)
    assert hub.store.customer_states(["g2"]).num_rows == 0
    assert [row["golden_id"] for row in hub.found("order-quote")] == ["g1"]
    assert follow_decisions(hub.store, hub.config, FORMS) is None
    hub.customer("g2", "crm.accounts:a2")
    hub.decide()
    assert follow_decisions(hub.store, hub.config, FORMS) is not None
    split = published(hub)
    assert {row["golden_id"]: row["stage"] for row in split["states"]} == {
        "g1": "prospect",
        "g2": "order",
        "g3": "prospect",
    }
    assert split["totals"] == first["totals"]
    hub.run(full=True)
    assert published(hub) == split


def test_nothing_is_published_over_a_run_that_began_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub(tmp_path)
    place(hub)
    hub.customer("g1", "crm.accounts:a2")
    hub.decide()

    def evaluate(*args: Any, **options: Any) -> Any:
        hub.store.start_run("run-999999")
        return engine.evaluate(*args, **options)

    monkeypatch.setattr(following, "evaluate", evaluate)
    assert follow_decisions(hub.store, hub.config, FORMS) is None  # the run evaluates whom it touches
    assert hub.state("g1")["stage"] == "prospect"
    hub.store.finish_run("run-999999")
    monkeypatch.undo()
    assert follow_decisions(hub.store, hub.config, FORMS) is not None
    assert hub.state("g1")["stage"] == "order"
