"""Care for sources: backfill by partitions, replay, announcements, back-pressure, what a page of a source shows."""

from __future__ import annotations

import csv
import datetime as dt
import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from starlette.testclient import TestClient

from connectors.announced import announce, announced
from connectors.replay import batches
from models.config import Config, load_config
from models.config.cron import next_due
from models.store import open_store
from orchestration.build import build_definitions
from orchestration.run import run_hub, verify_hub
from serving.access.keys import issue
from serving.cli import main
from serving.http.app import create_app
from serving.source_view import source_view


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A hub over one CSV with a time of change, with everything that can be declared for its care."""
    source: dict[str, Any] = {
        "name": "crm",
        "family": "sales",
        "connector": {"type": "files", "path": "{stream}.csv"},
        "schedule": "0 3 * * *",
        "sensor": {"every": 30, "announced": True},
        "backfill": {"since": "2026-01-01", "by": "month"},
        "freshness": 24,
        "keep_batches": 5,
        "streams": [
            {
                "name": "accounts",
                "entity": "organization",
                "key": "id",
                "updated_at": "changed",
                "fields": {"name": "name", "city": "city"},
            }
        ],
    }
    document = {"store": "sqlite:///hub.db", "workspace": "work", "sources": [source]}
    (tmp_path / "kehu.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    deliver(tmp_path, {"1": ("Acme Trucks", "2026-01-10"), "2": ("Beta Buses", "2026-02-10")})
    return load_config(tmp_path / "kehu.yaml")


def deliver(folder: Path, rows: dict[str, tuple[str, str]]) -> None:
    with (folder / "accounts.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "name", "city", "changed"), *((k, n, "x", t) for k, (n, t) in rows.items())])


def with_second(config: Config) -> Config:
    """The same hub with a second source beside."""
    document = yaml.safe_load(config.file.read_text(encoding="utf-8"))
    (first,) = document["sources"]
    connector = {"type": "files", "path": "dms_{stream}.csv"}
    document["sources"].append({**first, "name": "dms", "connector": connector, "backfill": None})
    path = config.base / "two.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    (config.base / "dms_accounts.csv").write_bytes((config.base / "accounts.csv").read_bytes())
    return load_config(path)


def newest(config: Config) -> str:
    source = config.source("crm")
    return str(batches(config.workspace, source, source.streams[0])[0]["batch_id"])


def names(config: Config) -> dict[str, str]:
    with open_store(config.store) as store:
        found = store.fetch_arrow("SELECT source_key, payload FROM source_record WHERE NOT deleted").to_pylist()
    return {row["source_key"]: json.loads(row["payload"])["name"] for row in found}


def test_a_partition_reads_its_period_alone(config: Config) -> None:
    run_hub(config)
    deliver(config.base, {"1": ("Acme Lorries", "2026-01-10"), "2": ("Beta Coaches", "2026-02-10")})
    definitions = build_definitions(config)
    dg.Definitions.validate_loadable(definitions)
    job = definitions.resolve_job_def("backfill_crm")
    assert job.partitions_def is not None
    assert job.partitions_def.get_partition_keys(dt.datetime(2026, 4, 2, tzinfo=dt.UTC)) == [
        "2026-01-01",
        "2026-02-01",
        "2026-03-01",
    ]
    done = job.execute_in_process(partition_key="2026-02-01")
    assert done.success and names(config) == {"1": "Acme Trucks", "2": "Beta Coaches"}
    (shown,) = [e for e in done.get_asset_materialization_events() if e.asset_key.path == ["backfill_crm"]]
    assert shown.partition == "2026-02-01"
    with open_store(config.store) as store:
        state = store.stream_state("crm", "accounts")
        found = source_view(config, store, "crm")
    assert state is not None and state["state"]["rows"] == 2, "the next reading starts where it would have"
    assert found["deliveries"][0]["period"].startswith("2026-02-01")


def test_a_batch_is_taken_again_by_a_job_and_by_a_call(config: Config) -> None:
    run_hub(config)
    first = newest(config)
    deliver(config.base, {"1": ("Acme Lorries", "2026-03-10")})
    config = load_config(config.file)
    run_hub(config)
    hub = {"config_path": str(config.file), "replay": f"accounts:{first}"}
    job = build_definitions(config).resolve_job_def("source_crm")
    assert job.execute_in_process({"resources": {"hub": {"config": hub}}}).success
    assert names(config) == {"1": "Acme Trucks", "2": "Beta Buses"}
    assert run_hub(config)["deleted"] == 1 and names(config) == {"1": "Acme Lorries"}
    run_hub(config, source="crm", replay=("accounts", first))
    assert set(names(config)) == {"1", "2"}
    with open_store(config.store) as store:
        assert source_view(config, store, "crm")["deliveries"][0]["replayed"] == first


def test_an_announcement_leads_to_one_reading(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    sensor = build_definitions(config).resolve_sensor_def("source_crm_sensor")
    with dg.DagsterInstance.ephemeral() as instance:

        def look(cursor: str | None) -> Any:
            return sensor.evaluate_tick(dg.build_sensor_context(instance=instance, cursor=cursor))

        assert not look(None).run_requests
        announce(config.workspace, "crm")
        mark = announce(config.workspace, "crm")
        asked = look(None)
        assert len(asked.run_requests) == 1 and asked.cursor == mark == announced(config.workspace, "crm")
        assert not look(mark).run_requests
        announce(config.workspace, "crm")
        monkeypatch.setattr(instance, "get_runs", lambda *_, **__: ["a run"])
        assert not look(mark).run_requests, "a run that waits or works reads what was announced"


def test_a_web_hook_of_a_source_leads_to_a_reading_and_to_the_golden_record(config: Config) -> None:
    """The whole way: the source calls over HTTP, the sensor sees it, its run reads, the customer is another."""
    run_hub(config)
    sensor = build_definitions(config).resolve_sensor_def("source_crm_sensor")
    deliver(config.base, {"1": ("Acme Lorries", "2026-03-10"), "2": ("Beta Buses", "2026-02-10")})
    with open_store(config.store) as store, dg.DagsterInstance.ephemeral() as instance:
        key, reader = (
            issue(store, name, role=role, by="test").token
            for name, role in (("webhook", "engineer"), ("portal", "consumer"))
        )
        app = create_app(config, store)
        with TestClient(app) as client:
            told = client.post("/v1/sources/crm/changed", headers={"Authorization": f"Bearer {key}"})
            refused = client.post("/v1/sources/crm/changed", headers={"Authorization": f"Bearer {reader}"})
            unknown = client.post("/v1/sources/nobody/changed", headers={"Authorization": f"Bearer {key}"})
        assert (told.status_code, refused.status_code, unknown.status_code) == (202, 403, 404)
        asked = sensor.evaluate_tick(dg.build_sensor_context(instance=instance)).run_requests
        assert asked is not None and len(asked) == 1
    job = build_definitions(load_config(config.file)).resolve_job_def("source_crm")
    assert job.execute_in_process().success and names(config)["1"] == "Acme Lorries"
    with open_store(config.store) as store:
        assert "Acme Lorries" in str(store.golden("organization").to_pylist())


def test_a_schedule_asks_for_no_second_run(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = build_definitions(config).resolve_schedule_def("source_crm_schedule")
    with dg.DagsterInstance.local_temp(str(config.base)) as instance, dg.build_schedule_context(instance) as context:
        assert len(schedule.evaluate_tick(context).run_requests or ()) == 1
        monkeypatch.setattr(dg.DagsterInstance, "get_runs", lambda *_, **__: ["a run"])
        assert not schedule.evaluate_tick(context).run_requests


def test_what_the_page_of_a_source_shows(config: Config) -> None:
    run_hub(config)
    deliver(config.base, {"1": ("Acme", "2026-01-10"), "2": ("Beta", "2026-02-10"), "": ("No key", "2026-02-10")})
    run_hub(load_config(config.file))
    now = dt.datetime.now(dt.UTC) + dt.timedelta(hours=30)
    with open_store(config.store) as store:
        found = source_view(config, store, "crm", now)
    (stream,) = found["streams"]
    assert stream["late"] and stream["lag"] > 29 * 3600 and stream["rate"] > 0 and len(stream["batches"]) == 2
    assert found["next"] == next_due("0 3 * * *", now) and found["quarantined"] == 1
    assert [(d["status"], d["inserted"]) for d in found["deliveries"]] == [("landed", 0), ("landed", 2)]


@pytest.mark.parametrize(
    ("cron", "due"),
    [
        ("0 3 * * *", "2026-02-28T03:00"),
        ("*/15 6-22 * * mon-fri", "2026-03-02T06:00"),
        ("@monthly", "2026-03-01T00:00"),
        ("5 4 13 * fri", "2026-03-06T04:05"),
        ("0 0 29 2 *", "2028-02-29T00:00"),
        ("0 0 30 2 *", None),
        ("59 23 27 2 *", "2026-02-27T23:59"),
    ],
)
def test_when_a_schedule_is_due_next(cron: str, due: str | None) -> None:
    after = dt.datetime(2026, 2, 27, 23, 58, 30, tzinfo=dt.UTC)
    found = next_due(cron, after)
    assert found == (dt.datetime.fromisoformat(due).replace(tzinfo=dt.UTC) if due else None)


def test_periods_that_are_read_alone_say_that_nothing_is_published(config: Config) -> None:
    run_hub(config)
    deliver(config.base, {"1": ("Acme Lorries", "2026-01-10"), "2": ("Beta Coaches", "2026-02-10")})
    job = build_definitions(config).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        alone = [dg.AssetKey("backfill_crm")]
        done = job.execute_in_process(asset_selection=alone, partition_key="2026-02-01", instance=instance)
        logged = [entry.user_message for entry in instance.all_logs(done.run_id)]
    assert done.success and names(config) == {"1": "Acme Trucks", "2": "Beta Buses"}
    assert [said for said in logged if "not published" in said and "backfill_crm" in said]


def test_a_source_that_was_taken_out_is_told_and_comes_back_whole(config: Config, capsys: Any) -> None:
    two = with_second(config)
    run_hub(two)
    (said,) = run_hub(config)["messages"][-1:]
    assert "the hub holds 2 records of dms.accounts, which is not configured any more" in said
    assert main(["check", "--config", str(config.file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["notes"] == [said]
    found = run_hub(two)
    assert found["full"] and "not configured" not in str(found["messages"])
    assert verify_hub(two)["differences"] == [], "its files did not change, and its records have their values again"


@pytest.mark.parametrize("name", ["dms", "dms.accounts"])
def test_what_was_taken_out_for_good_is_deleted(config: Config, name: str, capsys: Any) -> None:
    two = with_second(config)
    assert run_hub(two)["records"] == 4
    config.file.write_text(config.file.read_text(encoding="utf-8") + f"removed: [{name}]\n", encoding="utf-8")
    without = load_config(config.file)
    assert main(["check", "--config", str(config.file), "--json"]) == 0
    (note,) = json.loads(capsys.readouterr().out.splitlines()[-1])["notes"]
    assert note.endswith("dms.accounts, which was removed: the next run deletes them")
    found = run_hub(without)
    assert (found["records"], found["deleted"]) == (2, 2)
    assert "2 records of dms.accounts were deleted, as it was removed" in found["messages"]
    assert verify_hub(without)["differences"] == []
    again = run_hub(without)
    assert again["deleted"] == 0 and "dms" not in str(again["messages"])
    back = run_hub(two)
    assert (back["records"], back["deleted"]) == (4, 0), "everything is read, though the files did not change"
    assert verify_hub(two)["differences"] == []


def test_what_is_misspelt_under_removed_is_told(config: Config, capsys: Any) -> None:
    run_hub(with_second(config))
    config.file.write_text(
        config.file.read_text(encoding="utf-8") + "removed: [dmz, nothing_of_the_kind]\n", encoding="utf-8"
    )
    assert main(["check", "--config", str(config.file), "--json"]) == 0
    left, near, far = json.loads(capsys.readouterr().out.splitlines()[-1])["notes"]
    assert "2 records of dms.accounts, which is not configured any more" in left
    assert near == "'removed' names dmz, of which the hub holds nothing (did you mean 'dms'?)"
    assert far == "'removed' names nothing_of_the_kind, of which the hub holds nothing"


def test_records_cannot_become_of_another_type(config: Config, capsys: Any) -> None:
    run_hub(config)
    text = config.file.read_text(encoding="utf-8").replace("entity: organization", "entity: person")
    config.file.write_text(text.replace("name: name", "full_name: name"), encoding="utf-8")
    said = "sources[0].streams[0].entity: the hub holds 2 records of crm.accounts as organization, which cannot become"
    for command in ("run", "check"):
        assert main([command, "--config", str(config.file)]) == 2
        assert said in capsys.readouterr().err
    assert names(config) == {"1": "Acme Trucks", "2": "Beta Buses"}
