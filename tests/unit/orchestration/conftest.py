"""A hub with three sources whose functions are stand-ins; Dagster, the store and the laws are the real ones."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from models.config import Config, load_config
from models.store import Store, open_store
from orchestration import recorded, run, steps
from orchestration.build import build_definitions
from orchestration.hub_run import HubRun, open_run
from orchestration.laws import Verdict
from orchestration.summary import summary
from tests.unit.orchestration import fakes

real_instance = recorded._instance


def direct(hub: Hub, url: str | None = None, full: bool = False) -> tuple[HubRun, list[Verdict]]:
    """A run without Dagster: the same steps, a second quicker."""
    with open_run(hub.config.model_copy(update={"store": url or hub.config.store}), full=full) as run:
        for source, stream in run.config.streams():
            steps.land_stream(run, source, stream)
        steps.detect(run)
        for entity in steps.party_types(run):
            steps.standardise(run, entity)
            steps.resolve(run, entity)
            assert all(v.passed for v in steps.check_before(run, entity, max_cluster=5))
        steps.publish(run)
        verdicts = steps.check_after(run)
        run.write("summary", summary(run))
        return run, verdicts


class Hub:
    """The folder of a hub, and short ways to what is done with it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.config = load_config(fakes.write_config(folder))
        fakes.deliver(folder, "accounts", {"1": "ACME", "2": "Beta"})
        fakes.deliver(folder, "contacts", {"1": "Ann"})
        fakes.deliver(folder, "dealers", {"7": "ACME", "8": ""})
        fakes.deliver(folder, "orders", {"o1": "order"})

    def deliver(self, stream: str, rows: dict[str, str]) -> None:
        fakes.deliver(self.folder, stream, rows)

    def break_source(self, stream: str, how: str = "failed") -> None:
        fakes.break_source(self.folder, stream, how)

    def reconfigure(self, old: str, new: str) -> Config:
        """Write the configuration with another text in place of `old`."""
        path = fakes.write_config(self.folder)
        path.write_text(path.read_text().replace(old, new))
        self.config = load_config(path)
        return self.config

    def run(self, **options: Any) -> dict[str, Any]:
        return run.run_hub(self.config, **options)

    def run_steps(self, full: bool = False) -> dict[str, Any]:
        """The summary of a run without Dagster."""
        found: dict[str, Any] = direct(self, full=full)[0].read("summary")
        return found

    def store(self) -> Store:
        return open_store(self.config.store)

    def names(self) -> list[str]:
        """Golden values as text, sorted."""
        with self.store() as store:
            tables = [store.golden(entity) for entity in ("organization", "person")]
            return sorted(value for table in tables for value in table["values"].to_pylist())

    def execute(self, job: str, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
        """A job as Dagster runs it: with its own resource, failures as events."""
        found = build_definitions(self.config).resolve_job_def(job)
        return found.execute_in_process(instance=instance, raise_on_error=False)


@pytest.fixture(scope="session")
def shared_instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, shared_instance: dg.DagsterInstance) -> None:
    """Stand-ins, and one instance of Dagster for all tests: a fresh one takes a third of a second."""

    @contextmanager
    def shared() -> Iterator[dg.DagsterInstance]:
        yield shared_instance

    fakes.use_fakes(monkeypatch)
    monkeypatch.setattr(recorded, "_instance", shared)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)


@pytest.fixture
def hub(tmp_path: Path, sqlite_template: Path) -> Hub:
    shutil.copy(sqlite_template, tmp_path / "hub.db")
    return Hub(tmp_path)


@pytest.fixture
def instance(shared_instance: dg.DagsterInstance) -> dg.DagsterInstance:
    return shared_instance


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return load_config(fakes.write_config(tmp_path_factory.mktemp("definitions")))


@pytest.fixture(scope="session")
def definitions(config: Config) -> dg.Definitions:
    return build_definitions(config)


def checks_of(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str], bool]:
    """(asset, check) → passed, of every check that was made."""
    return {(e.asset_key.path[-1], e.check_name): e.passed for e in result.get_asset_check_evaluations()}


def materialised(result: dg.ExecuteInProcessResult) -> set[str]:
    """Assets that were materialised."""
    return {event.asset_key.path[-1] for event in result.get_asset_materialization_events() if event.asset_key}
