"""The matrix: freshness is asked of customers who are still in the stage, not of those who went on."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from tests.unit.lifecycle.hub import Hub

pytestmark = pytest.mark.usefixtures("every_database")


def cell(hub: Hub, kind: str, stage: str) -> tuple[int, int, int]:
    """touchpoints, present and fresh of a kind in a stage, of all sources, after the last run."""
    run = hub.store.fetch_arrow("SELECT max(run_id) AS run FROM matrix_cell")["run"][0].as_py()
    rows = [
        r for r in hub.store.matrix(run).to_pylist() if (r["touchpoint"], r["stage"], r["source"]) == (kind, stage, "")
    ]
    (found,) = rows or [dict.fromkeys(("touchpoints", "present", "fresh"), 0)]
    return found["touchpoints"], found["present"], found["fresh"]


def test_a_stage_that_a_customer_has_left_is_neither_fresh_nor_stale(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    for n in (1, 2):
        hub.customer(f"g{n}", f"crm.accounts:a{n}")
        lead = {"type": "lead", "occurred_at": "2025-06-01", "party_key": f"a{n}", "owner": "Li", "channel": "fair"}
        hub.put("crm.events", f"l{n}", **lead, status="open")
    hub.run()
    assert cell(hub, "lead", "lead") == (2, 2, 0)  # a year old, and both are still leads

    asked = {"occurred_at": "2026-05-20", "party_key": "a1", "owner": "Li", "amount": 9, "product": "T"}
    hub.put("crm.events", "o1", type="order", status="open", quantity=1, **asked)
    hub.run()  # of two customers one is evaluated again: its old parts are taken out of the sums
    assert cell(hub, "lead", "lead") == (2, 1, 0)
    assert cell(hub, "order", "order") == (1, 1, 1)

    hub.put("crm.events", "l3", type="lead", occurred_at="2026-05-25", party_key="a2", owner="Li", status="open")
    hub.run()
    assert cell(hub, "lead", "lead") == (3, 1, 1)
    hub.today = dt.date(2026, 12, 1)  # and on the day on which it is not fresh any more it is looked at again
    hub.run()
    assert cell(hub, "lead", "lead") == (3, 1, 0)
    hub.run(full=True)
    assert cell(hub, "lead", "lead") == (3, 1, 0)
