"""A finding given to a steward is a task, until somebody says that it is done or a delivery mends what was found."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.access import NotAllowed, Principal
from serving.stewardship import Overtaken, Refused, Unknown, claim, finish, give_finding, inbox, task_view
from tests.unit.lifecycle.hub import Hub
from tests.unit.lifecycle.test_identity import place


def test_a_finding_is_given_seen_to_and_closed_by_a_delivery(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    place(hub)
    wang, store = Principal.of_account("wang", "steward"), hub.store
    number = hub.found("order-quote")[0]["finding_id"]
    with pytest.raises(NotAllowed):
        give_finding(store, hub.config, Principal.of_account("zhao", "viewer"), number)
    with pytest.raises(Unknown):
        give_finding(store, hub.config, wang, 7)
    task = give_finding(store, hub.config, wang, number, to="li", note="ask the order desk for the quote")
    assert (task["kind"], task["assigned_to"], task["status"]) == ("finding", "li", "open") and task["priority"] > 0
    view = task_view(store, hub.config, wang, task["task_key"])
    assert view.task["detail"]["rule"] == "order-quote" and len(view.records) == 1
    assert view.comments[0]["text"] == "ask the order desk for the quote"
    assert [row.task["task_key"] for row in inbox(store, hub.config, wang).rows] == [task["task_key"]]
    assert claim(store, hub.config, wang, task["task_key"])["claimed_by"] == "wang"
    assert finish(store, hub.config, wang, task["task_key"], note="asked")["status"] == "closed"
    with pytest.raises(Overtaken):
        finish(store, hub.config, wang, task["task_key"])
    give_finding(store, hub.config, wang, number)  # nobody mended it
    hub.drop("crm.events", "r")
    hub.run()
    closed = store.task(task["task_key"])
    assert closed is not None and closed["status"] == "closed" and closed["closed_run"] is not None
    with pytest.raises(Refused):
        give_finding(store, hub.config, wang, number)
