"""Decisions that need a second person, change requests, and the tables of overrides."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.errors import ConfigError
from serving.access import Principal
from serving.stewardship import Overtaken, Refused, approve, decide_task, edit_value, reject, task_view
from tests.unit.matching.hub import Hub
from tests.unit.stewardship.conftest import MakeHub
from tests.unit.stewardship.world import GREY, OTHER, grey_hub


@pytest.fixture
def hub(make_hub: MakeHub) -> Hub:
    hub = grey_hub(make_hub)
    hub.configure(stewardship={"four_eyes": {"merge_records": 2, "edits": ["phone"]}})
    return hub


def test_a_merge_waits_for_a_second_person(hub: Hub, wang: Principal, li: Principal) -> None:
    key = hub.tasks()[0]["task_key"]
    zhao = Principal.of_account("zhao", "lead_steward")
    with hub.store() as store:
        done = decide_task(store, hub.config, li, key, "match")
        assert (done.state, done.task_key) == ("waiting", f"approval:{done.decision_id}")
        assert hub.groups() == {"a", "b", "x"}
        view = task_view(store, hub.config, zhao, str(done.task_key))
        assert view.asks is not None and view.asks["by"] == "li" and view.waterfall is not None
        with pytest.raises(Refused, match="second person"):
            approve(store, hub.config, li, done.decision_id)
        settled = approve(store, hub.config, zhao, done.decision_id)
        assert settled.state == "applied" and str(done.task_key) in settled.closed
        assert hub.groups() == {"a b", "x"}
        with pytest.raises(Overtaken, match="settled already, by zhao"):
            reject(store, hub.config, zhao, done.decision_id, reason="late")
    assert hub.verify() == []


def test_what_is_rejected_never_holds(hub: Hub, li: Principal) -> None:
    zhao = Principal.of_account("zhao", "lead_steward")
    with hub.store() as store:
        done = decide_task(store, hub.config, li, hub.tasks()[0]["task_key"], "match")
        reject(store, hub.config, zhao, done.decision_id, reason="father and son")
    assert hub.groups() == {"a", "b", "x"}
    hub.run()
    assert hub.groups() == {"a", "b", "x"} and [task["kind"] for task in hub.tasks()] == ["grey_pair"]


def test_an_edit_without_the_right_is_a_change_request(hub: Hub, wang: Principal, li: Principal) -> None:
    golden_id = hub.golden_of("a")
    with hub.store() as store:
        done = edit_value(store, hub.config, wang, golden_id, "address_line", "青岛市东海路1号", reason="moved")
        assert done.task_key == f"change_request:{done.decision_id}"
        assert "address_line" not in hub.values_of("a")
        approve(store, hub.config, li, done.decision_id)
    assert hub.values_of("a")["address_line"] == "青岛市东海路1号"
    assert hub.verify() == []


def test_tables_hold_from_the_next_run_on_and_the_log_goes_before_them(make_hub: MakeHub, wang: Principal) -> None:
    hub = make_hub("person")
    hub.put({**GREY, **OTHER})
    hub.run()
    (hub.folder / "always.csv").write_text("left,right\ncrm.rows:a,crm.rows:b\n", encoding="utf-8")
    (hub.folder / "ignore.csv").write_text(
        "entity_type,attribute,value\nperson,email,jianguo.wang@haichuan.cn\n", encoding="utf-8"
    )
    hub.configure(stewardship={"overrides": {"always_match": "always.csv", "ignore_values": "ignore.csv"}})
    assert hub.run()["full"]
    assert hub.groups() == {"a b", "x"} and "email" not in hub.values_of("a")
    hub.put({"x": {"city": "青岛市"}})
    hub.run()
    hub.decide("no-match", "a", "b")
    hub.run()
    assert hub.groups() == {"a", "b", "x"}


@pytest.mark.parametrize(
    ("table", "text", "said"),
    [
        ("always_match", "left,right\ncrm.rows:a,cmr.rows:b\n", "line 2: no source is named 'cmr' (did you mean 'crm'"),
        ("always_match", "left,right\na,b\n", "line 2: 'a' is no record"),
        ("never_match", "left,rigth\na,b\n", "lacks the columns right"),
        ("ignore_values", "entity_type,attribute,value\nperson,phnoe,1\n", "did you mean 'phone'"),
        ("aliases", "alias,name\nSF,\n", "line 2: name is empty"),
        ("aliases", "alias,name\nSF,sf\n", "stands for itself"),
        ("aliases", None, "there is no such file"),
    ],
)
def test_mistakes_in_tables_are_told(make_hub: MakeHub, table: str, text: str | None, said: str) -> None:
    hub = make_hub("person", model=False)
    if text is not None:
        Path(hub.folder / "t.csv").write_text(text, encoding="utf-8")
    config = hub.configure(stewardship={"overrides": {table: "t.csv"}})
    with pytest.raises(ConfigError) as error:
        config.overrides()
    assert said in str(error.value) and table in str(error.value)
