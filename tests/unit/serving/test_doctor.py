from __future__ import annotations

from pathlib import Path

import pytest

from models.store import open_store
from models.store.tables import SCHEMA_REVISION
from serving import doctor
from serving.doctor import Check, examine
from tests.unit.serving.filled import CONFIG

real_dagster = doctor._dagster


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(doctor, "_source", lambda *_: ("ok", "3 columns"))
    monkeypatch.setattr(doctor, "_dagster", lambda _: Check("dagster", "ok", ""))
    path = tmp_path / "kehu.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def checks(path: Path) -> dict[str, Check]:
    return {c.name: c for c in examine(path)}


def test_a_sound_project_has_nothing_that_failed(project: Path) -> None:
    found = checks(project)
    assert [c for c in found.values() if c.state == "failed"] == []
    assert {"python", "packages", "memory", "configuration", "workspace", "store", "dagster"} <= set(found)
    assert "source dms.customers" in found
    assert "the first run makes it" in found["store"].message
    assert sorted(p.name for p in project.parent.iterdir()) == ["kehu.yaml"]


def test_the_schema_of_the_store_is_named(project: Path) -> None:
    open_store(f"sqlite:///{project.parent / 'hub.db'}").close()
    assert f"schema {SCHEMA_REVISION}" in checks(project)["store"].message


def test_a_model_of_a_much_smaller_hub_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(f"sqlite:///{project.parent / 'hub.db'}") as store:
        store.save_model("person-1", "person", {"records": 1_000}, publish=True)
    assert checks(project)["models"] == Check("models", "ok", "person")
    monkeypatch.setattr("matching.training.outgrown", lambda trained, held: [f"{trained} and {held}"])
    assert checks(project)["models"] == Check("models", "warning", "person: 1000 and 0")


def test_a_store_that_is_no_database_is_told(project: Path) -> None:
    (project.parent / "hub.db").write_bytes(b"no database, but long enough to be looked at" * 50)
    store = checks(project)["store"]
    assert store.state == "failed" and "not a database" in store.message


def test_a_server_that_is_not_there_is_told_without_the_password(project: Path) -> None:
    text = CONFIG.replace("sqlite:///hub.db", "postgresql+psycopg://me:secret@127.0.0.1:1/hub")
    project.write_text(text, encoding="utf-8")
    store = checks(project)["store"]
    assert store.state == "failed" and "secret" not in store.message


def test_every_mistake_of_the_configuration_is_a_check_and_ends_the_examination(project: Path) -> None:
    project.write_text(
        CONFIG.replace("family: sales", "family: x").replace("entity: person", "entity: y"), encoding="utf-8"
    )
    found = list(examine(project))
    assert [c.name for c in found if c.state == "failed"] == ["configuration", "configuration"]
    assert "store" not in {c.name for c in found}


def test_files_that_the_configuration_names_are_read_too(project: Path) -> None:
    more = "stewardship: {overrides: {always_match: always.csv}}\nlifecycle: {contracts: stages.yaml}\n"
    project.write_text(CONFIG + more, encoding="utf-8")
    told = [c.message for c in examine(project) if c.name == "configuration" and c.state == "failed"]
    assert [said.partition(": ")[2] for said in told] == [
        f"lifecycle.contracts: file not found: {project.parent / 'stages.yaml'}",
        "stewardship.overrides.always_match: there is no such file",
    ]


def test_low_memory_and_disk_warn(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LOW_MEMORY_BYTES", 1 << 60)
    monkeypatch.setattr(doctor, "LOW_DISK_BYTES", 1 << 60)
    found = checks(project)
    assert (found["memory"].state, found["workspace"].state) == ("warning", "warning")


def test_a_file_in_the_place_of_the_workspace_is_told(project: Path) -> None:
    (project.parent / "work").touch()
    assert checks(project)["workspace"].state == "failed" and "is a file" in checks(project)["workspace"].message


def test_a_missing_package_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", ("duckdb", "no-such-package"))
    packages = checks(project)["packages"]
    assert packages.state == "failed" and "no-such-package" in packages.message


def test_what_a_broken_part_raises_is_its_answer(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> tuple[str, str]:
        raise RuntimeError("boom\nand more")

    monkeypatch.setattr(doctor, "_source", broken)
    found = checks(project)["source dms.customers"]
    assert (found.state, found.message) == ("failed", "boom")


def test_definitions_that_do_not_fit_together_are_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert real_dagster(project).state == "ok"
    clash = (
        "import dagster, orchestration.build as b; sound = b.jobs; "
        "b.jobs = lambda *a, **k: [*sound(*a, **k), dagster.define_asset_job('core_source_records')]; "
    )
    monkeypatch.setattr(doctor, "_LOADS", clash + doctor._LOADS)
    told = real_dagster(project)
    assert told.state == "failed" and "core_source_records" in told.message
