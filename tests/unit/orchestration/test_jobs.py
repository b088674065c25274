"""Jobs as Dagster runs them: materialisations, metadata, checks, and what a failing source does to each kind of job."""

from __future__ import annotations

import dagster as dg
import pytest

from models.config import load_config
from orchestration import recorded
from orchestration.build import build_definitions
from orchestration.dev import SETTINGS
from tests.unit.orchestration.conftest import Hub, checks_of, materialised, real_instance


def test_resolve_materialises_everything_with_its_numbers(hub: Hub, instance: dg.DagsterInstance) -> None:
    result = hub.execute("resolve", instance)
    assert result.success
    assert [check for check, passed in checks_of(result).items() if not passed] == [
        ("core_source_records", "quarantine_share")  # one of the two dealers has no name
    ]
    assert {
        "raw_sales_crm_accounts",
        "raw_shop",
        "core_scored_pairs_person",
        "out_overlap",
        "out_quality",
    } <= materialised(result)

    def metadata(asset: str) -> dict[str, object]:
        found = result.asset_materializations_for_node(asset)
        return {name: value.value for name, value in found[-1].metadata.items()}

    assert metadata("core_source_records")["dagster/row_count"] == 5
    assert metadata("out_published")["dagster/row_count"] == 3
    assert "| sales-crm | 2 | 1 | 1 |" in str(metadata("out_overlap")["organization"])
    assert "data:image/svg+xml;base64," in str(metadata("out_quality")["organization"])
    rows = {
        event.asset_key.path[-1]: event.materialization.metadata["dagster/row_count"].value
        for event in result.get_asset_materialization_events()
        if event.asset_key and "dagster/row_count" in event.materialization.metadata
    }
    assert rows["raw_sales_crm_accounts"] == 2
    assert (rows["core_scored_pairs_organization"], rows["core_clusters_organization"]) == (1, 3)


def test_an_unchanged_delivery_does_not_make_its_asset_younger(hub: Hub, instance: dg.DagsterInstance) -> None:
    hub.run_steps()
    hub.deliver("contacts", {"1": "Anne"})
    found = materialised(hub.execute("resolve", instance))
    assert "raw_sales_crm_contacts" in found
    assert not {"raw_sales_crm_accounts", "raw_service_dealers"} & found
    assert {"raw_sales_crm", "core_source_records", "out_published"} <= found


def test_a_failing_source_fails_its_own_job(hub: Hub, instance: dg.DagsterInstance) -> None:
    hub.break_source("accounts")
    result = hub.execute("source_sales_crm", instance)
    assert not result.success
    assert checks_of(result) == {
        ("raw_sales_crm_accounts", "source_read"): False,
        **{
            ("raw_sales_crm_contacts", n): True
            for n in ("source_read", "mapped_columns", "volume_floor", "volume_ceiling", "schema_drift")
        },
    }
    failure = result.failure_data_for_node("land_sales_crm")
    assert failure is not None and "sales-crm.accounts: connection refused" in str(failure.error)
    assert "out_published" not in materialised(result)
    with hub.store() as store:
        last = store.last_run(None)
    assert last is not None and (last["status"], last["error"]) == ("failed", "sales-crm.accounts: connection refused")


def test_a_failing_source_is_recorded_by_the_jobs_over_all(hub: Hub, instance: dg.DagsterInstance) -> None:
    hub.break_source("accounts")
    result = hub.execute("full", instance)
    assert result.success
    assert checks_of(result)["raw_sales_crm_accounts", "source_read"] is False
    assert "raw_sales_crm_accounts" not in materialised(result)
    assert {"raw_sales_crm_contacts", "raw_sales_crm", "out_published"} <= materialised(result)


def test_a_source_job_publishes_its_source(hub: Hub, instance: dg.DagsterInstance) -> None:
    result = hub.execute("source_service", instance)
    assert result.success and hub.names() == ['{"name": "ACME"}']
    assert not {"raw_shop", "out_overlap"} & materialised(result)


def test_one_stream_alone_can_be_landed(hub: Hub, instance: dg.DagsterInstance) -> None:
    job = build_definitions(hub.config).resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey("raw_sales_crm_contacts")])
    assert result.success and materialised(result) == {"raw_sales_crm_contacts"}
    assert hub.names() == []


def test_a_run_from_a_shell_is_recorded_where_dagster_keeps_its_records(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = hub.config.file.read_text()
    one_stream = text[: text.index("  - name: service")].replace("      - {name: accounts", "      # {name: accounts")
    hub.config.file.write_text(one_stream)  # Dagster's own records on a disk cost a tenth of a second per asset
    hub.config = load_config(hub.config.file)
    home = hub.folder / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(SETTINGS)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setattr(recorded, "_instance", real_instance)
    run_id = hub.run(trigger="test")["run_id"]
    with dg.DagsterInstance.from_config(str(home)) as kept:
        runs = kept.get_runs()
        assert [(run.job_name, run.status) for run in runs] == [("resolve", dg.DagsterRunStatus.SUCCESS)]
        assert {"kehu/run": run_id, "kehu/trigger": "test"}.items() <= runs[0].tags.items()
        assert kept.get_latest_materialization_event(dg.AssetKey("out_overlap")) is not None
