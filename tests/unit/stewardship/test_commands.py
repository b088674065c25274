"""The command line of stewards on a real hub; pairs that never match; decisions about values that are asked again."""

from __future__ import annotations

import json

import pytest

from serving.access import Principal
from serving.cli import main
from serving.stewardship import pin_value
from tests.unit.matching.hub import Hub
from tests.unit.stewardship.conftest import MakeHub

ONE = {"full_name": "王建国", "phone": "13800138001", "birth_date": "1980-04-03", "city": "青岛市"}


@pytest.fixture
def hub(make_hub: MakeHub) -> Hub:
    hub = make_hub("person")
    hub.put({"a": ONE, "b": {**ONE, "city": "烟台市"}, "x": {"full_name": "Robert Miller", "phone": "13900139009"}})
    hub.run()
    assert hub.groups() == {"a b", "x"}
    return hub


def said(hub: Hub, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    assert main([*words, "--config", str(hub.config.file), "--json"]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    return found


def test_split_pin_undo_and_tasks_by_command(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    why = ("--by", "li", "--reason", "two brothers")
    assert hub.values_of("a")["city"] in ("青岛市", "烟台市")
    pinned = said(hub, capsys, "decide", "pin", "crm:a", "city", "crm:b", *why)
    assert pinned["state"] == "applied" and hub.values_of("a")["city"] == "烟台市"
    apart = said(hub, capsys, "decide", "split", "crm:a", "crm:a", "rest", *why)
    assert apart["state"] == "applied" and hub.groups() == {"a", "b", "x"}
    said(hub, capsys, "decide", "undo", str(apart["decision_id"]), *why)
    assert hub.groups() == {"a b", "x"}
    assert said(hub, capsys, "tasks", "list")["total"] == 0


def test_an_approval_by_command_is_a_second_persons(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.configure(stewardship={"four_eyes": {"splits": True}})
    asked = said(hub, capsys, "decide", "split", "crm:a", "crm:a", "crm:b", "--by", "li", "--reason", "two")
    assert asked["state"] == "waiting" and hub.groups() == {"a b", "x"}
    number, config = str(asked["decision_id"]), ["--config", str(hub.config.file)]
    assert main(["decide", "approve", number, "--by", "li", "--reason", "mine", *config]) != 0
    capsys.readouterr()
    assert said(hub, capsys, "decide", "approve", number, "--by", "wang", "--reason", "seen")["state"] == "applied"
    assert hub.groups() == {"a", "b", "x"}


def test_a_pair_of_the_table_never_matches(hub: Hub) -> None:
    (hub.folder / "never.csv").write_text("left,right\ncrm.rows:a,crm.rows:b\n", encoding="utf-8")
    hub.configure(stewardship={"overrides": {"never_match": "never.csv"}})
    hub.run()
    assert hub.groups() == {"a", "b", "x"}


def test_a_pin_is_asked_again_when_the_record_delivers_another_value(hub: Hub, wang: Principal) -> None:
    with hub.store() as store:
        pin_value(store, hub.config, wang, hub.golden_of("a"), "city", hub.id("b"), reason="as on the card")
    hub.put({"b": {**ONE, "city": "济南市"}})
    hub.run()
    (task,) = [task for task in hub.tasks() if task["kind"] == "reopened"]
    assert "wang decided about city" in task["reason"]
