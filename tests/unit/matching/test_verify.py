"""`kehu run --verify` and the job that compares tell of whatever is not as one resolution of everything leaves it."""

from __future__ import annotations

from collections.abc import Callable

import dagster as dg
import pytest
import sqlalchemy as sa

from orchestration.build import build_definitions
from orchestration.triggers import VERIFY
from tests.unit.matching.hub import Hub

ONE = {"name": "青岛海川货运有限公司", "phone": "0532-85671234", "city": "青岛市"}
SPOILT = {
    "a record in another golden record": (
        "UPDATE membership SET golden_id = (SELECT max(golden_id) FROM membership) "
        "WHERE golden_id = (SELECT min(golden_id) FROM membership)",
        {"membership", "golden"},
    ),
    "a golden value": ("UPDATE golden_record SET \"values\" = replace(\"values\", '海川', '江河')", {"golden"}),
    "a weight": ("UPDATE edge SET weight = weight + 0.001", {"edges"}),
    "an edge that is gone": ("DELETE FROM edge", {"edges"}),
    "a match key that is gone": (
        "DELETE FROM match_key WHERE key = (SELECT min(key) FROM match_key)",
        {"keys"},
    ),
    "a task that is gone": ("DELETE FROM task_record", set()),
    "a task that was closed": ("UPDATE task SET status = 'closed'", {"tasks"}),
    "a task with another reason": ("UPDATE task SET reason = 'whatever'", {"tasks"}),
    "a task of nobody": (
        "INSERT INTO task (task_key, kind, entity_type, records, reason, status, opened_run, opened_at) SELECT "
        "'grey_pair:1-2', kind, entity_type, records, reason, status, opened_run, opened_at FROM task",
        {"tasks"},
    ),
    "a number that is nobody's": ("UPDATE contact_profile SET role = 'junk'", {"profile"}),
}


@pytest.fixture
def hub(make_hub: Callable[..., Hub]) -> Hub:
    hub = make_hub("organization", matching={"organization": {"review": -30.0}})
    hub.put({"1": ONE, "2": ONE, "3": {"name": "上海盛龙商贸有限公司", "phone": ONE["phone"]}})
    hub.put({"4": {"name": "成都天府酒店管理有限公司", "phone": ONE["phone"]}})
    hub.run()
    assert len(hub.tasks()) >= 1
    return hub


def test_every_difference_is_told(hub: Hub) -> None:
    assert hub.verify() == []
    for what, (statement, told) in SPOILT.items():
        with hub.store() as store:
            with store.engine.begin() as connection:
                tables = ("membership", "golden_record", "edge", "match_key", "task", "contact_profile", "task_record")
                for table in tables:
                    connection.execute(sa.text(f"CREATE TABLE kept_{table} AS SELECT * FROM {table}"))
                if "INSERT INTO task" in statement:
                    statement += " LIMIT 1"
                assert connection.execute(sa.text(statement)).rowcount, what
        found = {row["what"]: row for row in hub.verify()}
        assert set(found) >= told and (not told or found), (what, found)
        for name in told:
            assert found[name]["count"] >= 1 and found[name]["examples"], what
        with hub.store() as store, store.engine.begin() as connection:
            for table in tables:
                connection.execute(sa.text(f"DELETE FROM {table}"))
                connection.execute(sa.text(f"INSERT INTO {table} SELECT * FROM kept_{table}"))
                connection.execute(sa.text(f"DROP TABLE kept_{table}"))
    assert hub.verify() == []


def test_the_job_that_compares_fails_and_says_where(hub: Hub) -> None:
    job = build_definitions(hub.config).resolve_job_def(VERIFY)
    with dg.DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(instance=instance, raise_on_error=False).success
        with hub.store() as store, store.engine.begin() as connection:
            connection.execute(sa.text(SPOILT["a golden value"][0]))
        result = job.execute_in_process(instance=instance, raise_on_error=False)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    data = failure.step_failure_data.user_failure_data
    assert data is not None and data.metadata["organization golden"].value == 1
