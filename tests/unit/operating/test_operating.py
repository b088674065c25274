"""Health, metrics, logs, usage, the document in the browser."""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
import traceback
from pathlib import Path

import pytest
import sqlalchemy as sa

from models.errors import StoreError
from models.store import Store
from models.store.tables import run
from serving.access.keys import issue, revoke
from serving.operating.health import readiness
from serving.operating.logs import JsonLines, blackened
from tests.unit.api.conftest import hub as hub
from tests.unit.api.hub import PERSONAL, Hub

STATIC = Path(__file__).parents[3] / "serving/api/static"


def test_it_is_ready_when_something_is_published_and_says_how_old_that_is(store: Store) -> None:
    fine, told = readiness(store)
    assert (fine, told["status"]) == (False, "empty")
    at = dt.datetime.now(dt.UTC) - dt.timedelta(hours=2)
    with store.database.write() as connection:
        row = {"run_id": "r1", "kind": "full", "status": "published", "started_at": at, "finished_at": at}
        connection.execute(sa.insert(run).values(**row))
    fine, told = readiness(store)
    assert fine and told["run_id"] == "r1" and 7199 < told["age_seconds"] < 7300


def test_it_is_not_ready_while_the_store_does_not_answer(store: Store) -> None:
    with store.database.write() as connection:
        connection.execute(sa.text("DROP TABLE alembic_version"))
    fine, told = readiness(store)
    assert (fine, told["status"]) == (False, "unavailable")


def test_health_needs_no_key_and_metrics_do(hub: Hub) -> None:
    client = hub.client()
    assert client.get("/health/live").json() == {"status": "live"}
    assert client.get("/health/ready").json()["run_id"] == "r2"
    assert client.get("/metrics").status_code == 401
    assert hub.as_role("viewer").get("/metrics").status_code == 403


def test_metrics_count_requests_by_route_and_tell_the_state_of_the_hub(hub: Hub) -> None:
    hub.as_role("viewer").get("/v1/customers/g1")
    hub.as_role("consumer").get("/v1/changes?after=1")
    text = hub.as_role("engineer").get("/metrics").text
    for line in (
        r'kehu_requests_total{method="GET",route="/v1/customers/{golden_id}",status="200"} 1.0',
        "kehu_last_event 4.0",
        "kehu_tasks_open 2.0",
        'kehu_feed_behind_events{consumer="test",reader=""} 3.0',
        'kehu_runs{status="published"} 2.0',
    ):
        assert line in text, text
    assert float(re.findall(r"^kehu_published_age_seconds (\S+)", text, re.M)[0]) > 0
    assert "g1" not in text


def test_a_program_that_reads_no_more_is_not_behind_for_ever(hub: Hub) -> None:
    keys = [issue(hub.store, "erp", by="test"), issue(hub.store, "erp", by="test", days=None)]
    hub.client(keys[0].token).get("/v1/changes?after=1")
    for key in keys:
        readers = hub.as_role("engineer").get("/v1/changes/readers").json()["items"]
        assert [(r["consumer"], r["behind"]) for r in readers] == [("erp", 3)]
        revoke(hub.store, key.key_id, by="test")
    assert hub.as_role("engineer").get("/v1/changes/readers").json()["items"] == []
    assert "kehu_feed_behind_events{" not in hub.as_role("engineer").get("/metrics").text


def test_usage_per_program_and_endpoint(hub: Hub) -> None:
    reader = hub.client(issue(hub.store, "erp", by="test").token)
    for _ in range(3):
        reader.get("/v1/customers/g1")
    reader.get("/v1/usage")
    found = hub.as_role("engineer").get("/v1/usage?consumer=erp").json()["items"]
    assert [(r["endpoint"], r["requests"], r["refused"]) for r in found] == [
        ("GET /v1/customers/{golden_id}", 3, 0),
        ("GET /v1/usage", 0 + 1, 1),
    ]


def test_a_line_of_the_log_has_the_request_and_nothing_personal(
    hub: Hub, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("kehu"), "propagate", True)
    caplog.set_level(logging.INFO, logger="kehu")
    token = issue(hub.store, "erp", by="test").token
    answer = hub.client(token).get("/v1/customers?q=王芳&where=city:深圳市")
    lines = [json.loads(JsonLines().format(r)) for r in caplog.records if r.name == "kehu.http"]
    assert lines[-1]["request_id"] == answer.headers["x-request-id"]
    assert (lines[-1]["route"], lines[-1]["status"]) == ("/v1/customers", 200)
    assert lines[-1]["who"].startswith("key:erp/")
    text = json.dumps(lines, ensure_ascii=False)
    assert "王芳" not in text and token not in text


def test_an_error_is_logged_with_its_route_and_without_what_the_request_or_the_statement_held(
    hub: Hub, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        with hub.store.database.write() as connection:  # what nobody foresaw, in a statement with a value in it
            connection.execute(sa.text("INSERT INTO nowhere VALUES (:who)"), {"who": PERSONAL[0]})

    monkeypatch.setattr("serving.api.customers.crosswalk_of", lambda *_: 1 / 0)
    monkeypatch.setattr("serving.api.customers.history_of", fails)
    monkeypatch.setattr(logging.getLogger("kehu"), "propagate", True)
    caplog.set_level(logging.DEBUG, logger="kehu")
    client = hub.as_role("lead_steward")
    assert client.get("/v1/crosswalk/crm/13800138000").status_code == 500
    assert client.get("/v1/customers/p1/history").status_code == 500
    with pytest.raises(StoreError) as told:
        fails()
    lines = [JsonLines().format(record) for record in caplog.records]
    text = "".join([*lines, *traceback.format_exception(told.value)])
    assert "ZeroDivisionError" in text and "/v1/crosswalk/{source}" in text and "INSERT INTO nowhere" in text
    assert not [value for value in PERSONAL if value.removeprefix("+86") in text]


def test_keys_and_passwords_are_blackened_wherever_they_come_from() -> None:
    key = "kehu_0123456789ab_" + "x" * 43
    for text in (f"header Bearer {key}", f"key {key}", "postgresql+psycopg://me:s3cr3t@db/hub", "Bearer abc.def-123"):
        shown = blackened(text)
        assert "***" in shown and not re.search("x{9}|s3cr3t|abc", shown), shown
    assert blackened("postgresql+psycopg://me@db/hub") == "postgresql+psycopg://me@db/hub"


def test_the_document_in_the_browser_needs_nothing_from_elsewhere(hub: Hub) -> None:
    client = hub.client()
    page = client.get("/docs")
    assert page.status_code == 200
    needed = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(needed) == 3
    for path in needed:
        found = client.get(path)
        assert found.status_code == 200 and len(found.content) > 100, path
        assert "://" not in path
    assert (
        "script-src" in page.headers["content-security-policy"]
        or "default-src 'self'" in page.headers["content-security-policy"]
    )
    assert (STATIC / "swagger-ui-5.35.0/LICENSE").read_text().startswith("\n") or "Apache" in (
        STATIC / "swagger-ui-5.35.0/LICENSE"
    ).read_text()
    assert client.get("/openapi.json").json()["openapi"].startswith("3.")
