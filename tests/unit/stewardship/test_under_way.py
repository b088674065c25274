"""Decisions while a run is under way, and of two people at once: none is lost, none is an error."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from models.store import tables as t
from orchestration.hub_run import open_run
from serving.access import Principal
from serving.stewardship import Claimed, Overtaken, claim, decide_task
from tests.unit.matching.hub import Hub
from tests.unit.stewardship.conftest import MakeHub
from tests.unit.stewardship.world import grey_hub


@pytest.fixture
def hub(make_hub: MakeHub) -> Hub:
    return grey_hub(make_hub)


def test_a_decision_during_a_run_takes_effect_when_it_ends(hub: Hub, wang: Principal) -> None:
    key = hub.tasks()[0]["task_key"]
    with open_run(hub.config):
        with hub.store() as store:
            done = decide_task(store, hub.config, wang, key, "match")
        assert done.state == "recorded" and "run that is under way" in done.words
        assert hub.groups() == {"a", "b", "x"}
    assert hub.groups() == {"a b", "x"}
    with hub.store() as store:
        task = store.task(key)
        assert task is not None and task["status"] == "closed" and task["decision_id"] == done.decision_id
    assert hub.verify() == []


def test_a_decision_during_a_run_that_fails_is_not_lost(hub: Hub, wang: Principal) -> None:
    with pytest.raises(ZeroDivisionError), open_run(hub.config):
        with hub.store() as store:
            assert decide_task(store, hub.config, wang, hub.tasks()[0]["task_key"], "match").state == "recorded"
        raise ZeroDivisionError
    assert hub.groups() == {"a b", "x"}


def test_a_run_whose_process_died_holds_no_decision_up(hub: Hub, wang: Principal) -> None:
    with hub.store() as store:
        store.start_run("20990101T000000000-dead00")
        assert decide_task(store, hub.config, wang, hub.tasks()[0]["task_key"], "match").state == "applied"
        with store.database.read() as connection:
            query = sa.select(t.run.c.status).where(t.run.c.run_id == "20990101T000000000-dead00")
            assert connection.scalar(query) == "failed"
    assert hub.groups() == {"a b", "x"}


def test_of_two_at_once_one_decides_and_the_other_is_told(hub: Hub, wang: Principal, li: Principal) -> None:
    key = hub.tasks()[0]["task_key"]
    answers: list[object] = []

    def act(who: Principal, verdict: str) -> None:
        with hub.store() as store:
            try:
                answers.append(decide_task(store, hub.config, who, key, verdict))  # type: ignore[arg-type]
            except Overtaken as error:
                answers.append(error)

    threads = [threading.Thread(target=act, args=one) for one in ((wang, "match"), (li, "no_match"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(one, Overtaken) for one in answers) == 1 and len(answers) == 2
    assert hub.verify() == []


def test_a_claimed_task_is_somebody_s(hub: Hub, wang: Principal, li: Principal) -> None:
    key = hub.tasks()[0]["task_key"]
    zhao = Principal.of_account("zhao", "steward")
    with hub.store() as store:
        assert claim(store, hub.config, wang, key)["claimed_by"] == "wang"
        for act in (claim, decide_task):
            with pytest.raises(Claimed, match="wang is working on this task"):
                act(store, hub.config, zhao, key, *(() if act is claim else ("match",)))  # type: ignore[operator]
        hub.run()
        task = store.task(key)
        assert task is not None and task["claimed_by"] == "wang"


def test_a_decision_is_reopened_when_what_it_rested_on_changes(hub: Hub, wang: Principal) -> None:
    with hub.store() as store:
        decide_task(store, hub.config, wang, hub.tasks()[0]["task_key"], "no_match")
    hub.put({"b": {"address_line": "青岛市香港中路68号"}})
    hub.run()
    assert hub.tasks() == []  # nothing to compare it with: no comparison falls out otherwise
    hub.put({"b": {"birth_date": "1980-04-03"}})
    hub.run()
    (task,) = [task for task in hub.tasks() if task["kind"] == "reopened"]
    assert task["of"] == "a b" and "wang said no match; since then" in task["reason"]
    assert hub.groups() == {"a", "b", "x"}
    hub.put({"b": {"birth_date": ""}})
    hub.run()
    assert hub.tasks() == []
