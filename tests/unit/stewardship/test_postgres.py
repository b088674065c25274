"""Decisions take effect at once on PostgreSQL too, and undoing brings the golden ids back."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.store import Store
from serving.access import Principal
from serving.stewardship import decide_task, edit_value, undo
from tests.unit.matching.hub import Hub
from tests.unit.stewardship.conftest import quick
from tests.unit.stewardship.world import GREY, OTHER

__all__ = ["quick"]


@pytest.mark.postgres
def test_a_decision_and_its_undoing(
    tmp_path: Path, postgres_store: Store, quick: None, wang: Principal, li: Principal
) -> None:
    url = postgres_store.engine.url.render_as_string(hide_password=False)
    columns = "full_name birth_date phone email address_line city"
    hub = Hub(tmp_path, url, "person", columns, matching={"person": {"review": -20.0}})
    hub.put({**GREY, **OTHER})
    hub.run()
    ids = {key: hub.golden_of(key) for key in "ab"}
    with hub.store() as store:
        done = decide_task(store, hub.config, wang, hub.tasks()[0]["task_key"], "match")
        assert done.state == "applied" and hub.groups() == {"a b", "x"}
        edit_value(store, hub.config, li, hub.golden_of("a"), "city", "烟台市", reason="moved")
        assert hub.values_of("a")["city"] == "烟台市"
        assert hub.verify() == []
        undo(store, hub.config, li, done.undo, reason="not so")
    assert {key: hub.golden_of(key) for key in "ab"} == ids
    assert hub.verify() == []
