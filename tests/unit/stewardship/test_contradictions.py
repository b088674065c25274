"""Golden records that contradict each other: told before a match joins them, joined whole or one record alone, and what
nobody was told of becomes a task of a conflict. Runs agree with what was applied at once.
"""

from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient

from serving.access import Principal
from serving.access.keys import issue
from serving.cli import main
from serving.http.app import create_app
from serving.stewardship import Contradicts, Overtaken, Refused, decide_pair, decide_task, decide_tasks, task_view, undo
from serving.web.languages import Speech
from serving.web.told import told
from tests.unit.matching.hub import Hub
from tests.unit.stewardship.conftest import MakeHub
from tests.unit.stewardship.test_effect import settled, state

ONE, TWO = "91440300708461136T", "91330106673959654P"
NORTH = {"name": "北京海川物流有限公司", "name_en": None, "phone": "010-62345678", "city": "北京市"}
SOUTH = {"name": "北京远洋机械有限公司", "name_en": None, "phone": "010-85123456", "city": "北京市"}
RULE = "two valid tax ids"


@pytest.fixture
def hub(make_hub: MakeHub) -> Hub:
    """Two companies of three records each; of one only two records, of the other only one has a tax id."""
    hub = make_hub("organization")
    hub.put({"a1": {**NORTH, "tax_id": ONE}, "a2": {**NORTH, "tax_id": ONE}, "a3": NORTH})
    hub.put({"b1": {**SOUTH, "tax_id": TWO}, "b2": SOUTH, "b3": SOUTH})
    hub.run()
    assert hub.groups() == {"a1 a2 a3", "b1 b2 b3"}
    return hub


def match(hub: Hub, who: Principal, left: str, right: str, **more: object) -> object:
    with hub.store() as store:
        return decide_pair(store, hub.config, who, "match", hub.id(left), hub.id(right), reason="merger", **more)  # type: ignore[arg-type]


def test_a_match_against_a_hard_rule_is_told_and_then_joins_the_whole(hub: Hub, wang: Principal) -> None:
    before, ids = state(hub), {key: hub.golden_of(key) for key in ("a3", "b2")}
    with pytest.raises(Contradicts, match="contradict each other: tax_id") as error:
        match(hub, wang, "a3", "b2")
    assert error.value.detail["rules"] == [RULE] and error.value.detail["golden_ids"] == sorted(ids.values())
    assert state(hub) == before
    done = match(hub, wang, "a3", "b2", despite=True)
    # Whoever joined them knew: nobody is asked again.
    assert hub.groups() == {"a1 a2 a3 b1 b2 b3"} and hub.tasks() == []
    assert set(done.golden.values()) == {min(ids.values())}  # type: ignore[attr-defined]
    settled(hub)
    hub.put({"a4": {**NORTH, "tax_id": ONE}, "b4": {**SOUTH, "tax_id": TWO}})
    hub.run()
    assert hub.groups() == {"a1 a2 a3 a4 b1 b2 b3 b4"} and hub.tasks() == []
    with hub.store() as store:
        undo(store, hub.config, wang, done.undo, reason="no")  # type: ignore[attr-defined]
    assert hub.groups() == {"a1 a2 a3 a4", "b1 b2 b3 b4"}
    assert {key: hub.golden_of(key) for key in ids} == ids
    settled(hub)


def test_one_record_alone_goes_over_and_comes_back(hub: Hub, wang: Principal) -> None:
    ids = {key: hub.golden_of(key) for key in ("a1", "a3", "b2")}
    done = match(hub, wang, "b2", "a3", only="right")  # a3 has no tax id, so nothing contradicts
    assert hub.groups() == {"a1 a2", "a3 b1 b2 b3"} and hub.tasks() == []
    assert {key: hub.golden_of(key) for key in ids} == {**ids, "a3": ids["b2"]}
    settled(hub)
    hub.put({"a3": {**NORTH, "email": "north@haichuan.cn"}, "a5": {**NORTH, "tax_id": ONE}})
    hub.run()
    assert hub.groups() == {"a1 a2 a5", "a3 b1 b2 b3"}
    with hub.store() as store:
        undo(store, hub.config, wang, done.undo, reason="no")  # type: ignore[attr-defined]
    assert hub.groups() == {"a1 a2 a3 a5", "b1 b2 b3"} and hub.golden_of("a3") == ids["a1"]
    settled(hub)


def test_a_record_that_contradicts_goes_over_only_when_that_is_known(hub: Hub, wang: Principal) -> None:
    with pytest.raises(Contradicts):
        match(hub, wang, "a1", "b2", only="left")
    match(hub, wang, "a1", "b2", only="left", despite=True)
    assert hub.groups() == {"a2 a3", "a1 b1 b2 b3"} and hub.tasks() == []
    settled(hub)
    with hub.store() as store, pytest.raises(Refused, match="only with a match"):
        decide_pair(store, hub.config, wang, "no_match", hub.id("a2"), hub.id("b1"), reason="x", only="left")


def test_what_nobody_was_told_of_is_a_conflict_that_a_match_confirms(hub: Hub, wang: Principal) -> None:
    hub.decide("match", "a3", "b2")  # as from a file: nobody is asked
    hub.run()
    assert hub.groups() == {"a1 a2 a3 b1 b2 b3"}
    (task,) = hub.tasks()
    assert task["kind"] == "conflict" and RULE in task["reason"]
    assert "两个" in told(Speech("zh"), task["reason"])
    settled(hub)
    with hub.store() as store:
        view = task_view(store, hub.config, wang, task["task_key"])
        assert view.waterfall is not None and view.waterfall.forbidden == RULE
        decide_task(store, hub.config, wang, task["task_key"], "match")
    assert hub.groups() == {"a1 a2 a3 b1 b2 b3"} and hub.tasks() == []
    settled(hub)


def test_a_no_match_about_the_conflict_tells_the_two_apart_and_keeps_the_match(hub: Hub, wang: Principal) -> None:
    hub.decide("match", "a3", "b2")
    hub.run()
    with hub.store() as store:
        decide_task(store, hub.config, wang, hub.tasks()[0]["task_key"], "no_match")
    assert hub.golden_of("a3") == hub.golden_of("b2") and hub.golden_of("a1") != hub.golden_of("b1")
    settled(hub)


def test_a_task_tells_what_contradicts_and_several_at_once_are_not_decided_blindly(
    make_hub: MakeHub, wang: Principal, li: Principal
) -> None:
    hub = make_hub("organization", matching={"organization": {"review": -20.0}})
    hub.put({"a1": {**NORTH, "tax_id": ONE}, "a2": {**NORTH, "tax_id": ONE}, "b1": {**NORTH, "tax_id": TWO}})
    hub.run()
    (task,) = hub.tasks()
    with hub.store() as store:
        view = task_view(store, hub.config, wang, task["task_key"])
        (against,) = view.against
        assert against.rule == RULE and [row[0] for row in against.attributes] == ["tax_id"]
        assert sorted(view.leaves) == [0, 1]
        assert {*against.attributes[0][2], *against.attributes[0][3]} == {ONE, TWO}
        (refused,) = decide_tasks(store, hub.config, li, [task["task_key"]], "match").values()
        assert isinstance(refused, Contradicts) and store.task(task["task_key"])["status"] == "open"  # type: ignore[index]
        mover: object = "left" if view.leaves[0] else "right"
        done = decide_task(store, hub.config, wang, task["task_key"], "match", despite=True, only=mover)  # type: ignore[arg-type]
        assert task["task_key"] in done.closed
        with pytest.raises(Overtaken, match="wang decided this meanwhile: move"):
            pair = hub.id("a1"), hub.id("b1")
            decide_pair(store, hub.config, li, "no_match", *pair, reason="x", seen=view.seen)
    settled(hub)


def test_by_command_a_contradiction_is_told_with_what_can_be_said(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["decide", "match", "crm:a3", "crm:b2", "--by", "wang", "--reason", "merger"]
    config = ["--config", str(hub.config.file), "--json"]
    assert main([*words, *config]) == 2
    said = capsys.readouterr().err
    assert "tax_id" in said and "--despite" in said and "--move" in said
    assert main([*words, "--move", *config]) == 0
    assert hub.groups() == {"a1 a2", "a3 b1 b2 b3"}
    number = json.loads(capsys.readouterr().out.strip().splitlines()[-1])["decision_id"]
    assert main(["decide", "undo", str(number), "--by", "wang", "--reason", "no", *config]) == 0
    assert main([*words, "--despite", *config]) == 0
    assert hub.groups() == {"a1 a2 a3 b1 b2 b3"} and hub.tasks() == []
    assert main(["decide", "no-match", *words[2:], "--despite", *config]) == 2


def test_from_a_file_a_contradiction_is_taken_and_the_command_says_which_tasks_it_opened(
    hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    file = hub.config.file.with_name("decisions.csv")
    file.write_text("verdict,left,right,by,reason\nmatch,crm:a3,crm:b2,li,merger\n", encoding="utf-8")
    command = ["decide", "--file", str(file), "--config", str(hub.config.file)]
    assert main(command) == 0
    assert "1 conflict task was opened" in capsys.readouterr().out
    (task,) = hub.tasks()
    assert task["kind"] == "conflict"
    assert main([*command, "--json"]) == 0  # said again, and nothing new
    assert json.loads(capsys.readouterr().out.strip().splitlines()[-1])["conflicts"] == []


def test_over_http_a_contradiction_has_a_code_and_the_words_to_go_on(hub: Hub) -> None:
    with hub.store() as store:
        app = create_app(hub.config, store)
        key = issue(store, "test", by="test", role="steward", scopes=["personal"]).token
        client = TestClient(app, headers={"Authorization": f"Bearer {key}"})
        sides = {side: {"source": "crm", "source_key": one} for side, one in (("left", "b2"), ("right", "a3"))}
        body = {"verdict": "match", **sides, "reason": "merger"}
        refused = client.post("/v1/decisions", json=body)
        assert (refused.status_code, refused.json()["code"]) == (409, "contradiction")
        assert refused.json()["rules"] == [RULE] and refused.json()["attributes"] == ["tax_id"]
        moved = client.post("/v1/decisions", json={**body, "only": "right"})
        assert moved.status_code == 200 and moved.json()["state"] == "applied"
        assert hub.groups() == {"a1 a2", "a3 b1 b2 b3"}
        assert client.post(f"/v1/decisions/{moved.json()['decision_id']}/undo", json={"reason": "no"}).is_success
        assert client.post("/v1/decisions", json={**body, "despite": True}).is_success
    assert hub.groups() == {"a1 a2 a3 b1 b2 b3"}
