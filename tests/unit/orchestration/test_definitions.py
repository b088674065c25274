"""The definitions that Dagster loads: what there is, how it is described, and that loading touches nothing."""

from __future__ import annotations

import datetime as dt
import importlib
import socket
import sqlite3
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from models.config import Config, load_config
from models.errors import ConfigError
from orchestration.build import build_definitions
from orchestration.names import stream_assets
from tests.unit.orchestration import fakes

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs/orchestration.md").read_text(encoding="utf-8")
RAW = {
    "raw_sales_crm": {"raw_sales_crm_accounts", "raw_sales_crm_contacts"},
    "raw_service": {"raw_service_dealers"},
    "raw_shop": {"raw_shop_orders"},
}


def specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.path[-1]: spec for spec in definitions.resolve_all_asset_specs()}


def test_the_assets_follow_the_way_of_the_data(definitions: dg.Definitions) -> None:
    found = specs(definitions)
    upstream = {name: {dep.asset_key.path[-1] for dep in spec.deps} for name, spec in found.items()}
    for source, streams in RAW.items():
        assert upstream[source] == streams
    assert upstream["core_source_records"] == set(RAW)
    for entity in ("organization", "person"):
        chain = [
            "source_records",
            *(f"{n}_{entity}" for n in ("standardised", "match_keys", "scored_pairs", "clusters", "golden_records")),
        ]
        for before, after in zip(chain, chain[1:], strict=False):
            assert upstream[f"core_{after}"] == {f"core_{before}"}
    golden = {"core_golden_records_organization", "core_golden_records_person"}
    assert upstream["core_touchpoints"] == {"core_source_records"}
    assert upstream["core_stages"] == {"core_touchpoints", *golden}
    assert (upstream["core_findings"], upstream["core_matrix"]) == ({"core_stages"}, {"core_findings"})
    assert upstream["out_published"] == {"core_source_records", *golden, "core_stages", "core_findings", "core_matrix"}
    assert upstream["out_overlap"] == upstream["out_quality"] == {"out_published"}


def test_every_asset_is_described(definitions: dg.Definitions) -> None:
    for name, spec in specs(definitions).items():
        assert spec.group_name == name.split("_")[0]
        assert spec.description and spec.description.endswith("."), name
        assert spec.kinds, name
        if name not in RAW and spec.group_name != "out":
            schema = spec.metadata["dagster/column_schema"]
            assert isinstance(schema, dg.TableSchema) and schema.columns, name


def test_every_asset_job_and_check_is_documented(definitions: dg.Definitions) -> None:
    for name in specs(definitions):
        if name.startswith("raw_"):
            continue
        pattern = name.replace("_organization", "_<entity>").replace("_person", "_<entity>")
        assert f"`{pattern}`" in DOCUMENT, name
    for name in ("raw_<source>", "raw_<source>_<stream>", "source_<source>", "resolve", "full"):
        assert f"`{name}`" in DOCUMENT, name
    for key in definitions.resolve_asset_graph().asset_check_keys:
        of_source = key.name.startswith("contracts_") and key.name != "contracts_blocking"
        assert f"`{'contracts_<source>' if of_source else key.name}`" in DOCUMENT, key


def test_a_mapped_column_says_what_it_becomes(definitions: dg.Definitions) -> None:
    columns = specs(definitions)["raw_sales_crm_accounts"].metadata["dagster/column_schema"].columns
    assert {c.name: c.description for c in columns} == {
        "id": "→ key",
        "name": "→ name",
        "tel": "→ phone",
        "mobile": "→ phone",
    }
    columns = specs(definitions)["raw_service_dealers"].metadata["dagster/column_schema"].columns
    assert {c.name: c.description for c in columns}["seen"] == "→ time of the change"


def test_lists_and_texts_of_the_source_records(definitions: dg.Definitions) -> None:
    columns = specs(definitions)["core_source_records"].metadata["dagster/column_schema"].columns
    assert {"phone": "list<string>", "full_name": "string"}.items() <= {c.name: c.type for c in columns}.items()


def test_freshness_is_that_of_the_source(definitions: dg.Definitions) -> None:
    found = specs(definitions)
    policy = found["raw_sales_crm_accounts"].freshness_policy
    assert policy == dg.FreshnessPolicy.time_window(fail_window=dt.timedelta(hours=26))
    assert found["raw_service_dealers"].freshness_policy is None


def test_jobs(definitions: dg.Definitions) -> None:
    def assets(job: str) -> set[str]:
        layer = definitions.resolve_job_def(job).asset_layer
        return {key.path[-1] for key in layer.selected_asset_keys}

    everything = set(specs(definitions))
    assert assets("resolve") == assets("full") == everything
    others = {"raw_service", "raw_service_dealers", "raw_shop", "raw_shop_orders", "out_overlap", "out_quality"}
    assert assets("source_sales_crm") == everything - others
    assert definitions.resolve_job_def("full").run_config["resources"]["hub"]["config"]["full"] is True


def test_schedules_and_sensors_are_on(definitions: dg.Definitions) -> None:
    schedule = definitions.resolve_schedule_def("source_sales_crm_schedule")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 3 * * *", "UTC")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    for name, every in (("source_service_sensor", 60), ("source_shop_sensor", 1)):
        sensor = definitions.resolve_sensor_def(name)
        assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
        assert sensor.minimum_interval_seconds == every


def test_loading_touches_neither_network_nor_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = fakes.write_config(tmp_path)

    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("no input or output while definitions are loaded")

    monkeypatch.setattr(socket.socket, "connect", forbidden)
    monkeypatch.setattr(sqlite3, "connect", forbidden)
    monkeypatch.setenv("KEHU_CONFIG", str(path))
    loaded = _definitions()
    assert isinstance(loaded.defs, dg.Definitions)
    assert [p.name for p in tmp_path.iterdir()] == ["kehu.yaml"]


def test_a_mistake_in_the_configuration_is_told_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = fakes.write_config(tmp_path)
    path.write_text(path.read_text().replace("entity: person", "entity: persona"))
    monkeypatch.setenv("KEHU_CONFIG", str(path))
    with pytest.raises(ConfigError, match=r"sources\[0\]\.streams\[1\]\.entity"):
        _definitions()


def test_without_a_variable_the_file_of_the_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KEHU_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="kehu.yaml: file not found"):
        _definitions()


def _definitions() -> Any:
    sys.modules.pop("orchestration.definitions", None)
    return importlib.import_module("orchestration.definitions")


def test_names_that_would_meet_are_kept_apart(tmp_path: Path) -> None:
    path = tmp_path / "kehu.yaml"
    source = "family: sales, connector: {type: files, path: x}"
    stream = "entity: person, key: id, fields: {full_name: n}"
    path.write_text(
        f"""sources:
  - {{name: a_b, {source}, streams: [{{name: c, {stream}}}, {{name: d, {stream}}}]}}
  - {{name: a, {source}, streams: [{{name: b_c, {stream}}}, {{name: b, {stream}}}]}}
""",
        encoding="utf-8",
    )
    config = load_config(path)
    assert stream_assets(config) == {
        ("a_b", "c"): "raw_a_b__c", ("a_b", "d"): "raw_a_b_d", ("a", "b_c"): "raw_a__b_c", ("a", "b"): "raw_a__b",
    }  # fmt: skip
    dg.Definitions.validate_loadable(build_definitions(config))


def test_the_definitions_are_sound(definitions: dg.Definitions, config: Config) -> None:
    dg.Definitions.validate_loadable(definitions)
