"""`run_hub`: what a run publishes, what it tells, and how it ends when something goes wrong."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from matching import resolve, training
from models.errors import KehuError, LockError, ModelError, StoreError
from orchestration import run, sequence, steps
from orchestration.hub_run import KEPT_FOLDERS, new_run_id, open_run
from tests.unit.orchestration.conftest import Hub

SUMMARY = (
    "run_id records changed deleted quarantined pairs_scored golden merged split tasks_open findings_open events "
    "seconds peak_rss_mb"
).split()


def test_a_run_publishes_and_ends_with_the_documented_summary(hub: Hub) -> None:
    told: list[tuple[Any, ...]] = []

    def progress(phase: str, message: str = "", *, done: int | None = None, total: int | None = None) -> None:
        told.append((phase, message, done, total))

    found = hub.run(progress=progress)
    assert list(found)[: len(SUMMARY)] == SUMMARY
    assert (found["records"], found["changed"], found["golden"], found["quarantined"]) == (5, 5, 3, 1)
    assert (found["deleted"], found["events"], found["findings_open"]) == (0, 3, 0)
    assert found["failed_sources"] == found["broken_laws"] == []
    assert found["trained"] == ["organization", "person"]
    assert {"land", "changes", "standardise", "score", "cluster", "publish"} <= set(found["seconds"])
    assert found["seconds"]["score"] == 0.5  # of both entity types
    assert found["peak_rss_mb"] > 10
    assert hub.names() == ['{"name": "ACME"}', '{"name": "Ann"}', '{"name": "Beta"}']
    rows = {row["stream"]: row for row in found["sources"]}
    assert list(rows) == ["accounts", "contacts", "dealers", "orders"]
    assert rows["dealers"] == {
        "source": "service", "stream": "dealers", "status": "landed", "rows": 1, "inserted": 1, "updated": 0,
        "deleted": 0, "unchanged": 0, "quarantined": 1, "late": 0, "kept": 0, "error": None,
    }  # fmt: skip
    assert {
        ("land", "service.dealers", None, None), ("score", "person", 1, 2), ("publish", "commit", None, None),
        ("changes", "everything is resolved: the hub is new", None, None),
        ("resolve", "person: compared by name alone", None, None),
    } <= set(told)  # fmt: skip


def test_a_run_that_dagster_records_ends_with_the_same_summary(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    one = hub.run()
    (hub.folder / "hub.db").unlink()
    (hub.folder / "hub.db-wal").unlink(missing_ok=True)
    (hub.folder / "hub.db-shm").unlink(missing_ok=True)
    monkeypatch.setenv("DAGSTER_HOME", "/nowhere")
    other = hub.run()
    of_this_run = ("run_id", "seconds", "peak_rss_mb", "models")
    assert {k: v for k, v in one.items() if k not in of_this_run} == {
        k: v for k, v in other.items() if k not in of_this_run
    }
    assert one["seconds"].keys() == other["seconds"].keys()


def test_a_later_run_resolves_only_what_changed(hub: Hub) -> None:
    hub.run_steps()
    hub.deliver("accounts", {"1": "ACME", "3": "Gamma"})
    found = hub.run()
    assert not found["full"]
    assert (found["changed"], found["deleted"], found["golden"]) == (1, 1, 3)
    assert list(found["models"]) == ["organization"]
    idle = hub.run_steps()
    assert (idle["changed"], idle["events"], idle["models"]) == (0, 0, {})
    found = hub.run(full=True)
    assert (found["full"], found["changed"], sorted(found["models"])) == (True, 0, ["organization", "person"])


def test_entity_types_of_which_much_changed_are_resolved_at_the_same_time(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.run_steps()
    hub.deliver("accounts", {"1": "ACME", "3": "Gamma"})
    hub.deliver("contacts", {"1": "Ann", "2": "Bob"})
    both, resolve_one = threading.Barrier(2, timeout=30), steps.resolve
    failing = [True]

    def resolve_beside(run: Any, entity: str) -> dict[str, Any]:
        both.wait()
        if failing and entity == "person":
            raise StoreError("person: the disk is full")
        return resolve_one(run, entity)

    monkeypatch.setattr(sequence, "MANY_CHANGES", 1)
    monkeypatch.setattr(steps, "resolve", resolve_beside)
    before = hub.names()
    with pytest.raises(StoreError, match="the disk is full"):
        hub.run()
    with hub.store() as store:
        (row,) = store.fetch_arrow("SELECT error FROM run WHERE status = 'failed'").to_pylist()
    assert row["error"] == "person: the disk is full" and hub.names() == before
    failing.clear()
    began = time.perf_counter()
    found = hub.run()
    assert sum(found["seconds"].values()) <= time.perf_counter() - began
    assert (sorted(found["models"]), found["golden"]) == (["organization", "person"], 4)
    assert '{"name": "Bob"}' in hub.names()


def test_a_changed_configuration_makes_the_run_full(hub: Hub) -> None:
    hub.run_steps()
    hub.reconfigure("{full_name: name}", "{full_name: name, job_title: id}")
    assert hub.run()["full"]
    assert not hub.run_steps()["full"]


def test_a_decision_is_resolved_without_any_change(hub: Hub) -> None:
    hub.run_steps()
    with hub.store() as store:
        store.add_decisions([{"kind": "pair", "verdict": "match", "by": "eva", "entity_type": "person"}])
    assert list(hub.run_steps()["models"]) == ["person"]
    assert hub.run_steps()["models"] == {}  # once
    with hub.store() as store:
        store.add_decisions([{"kind": "pair", "verdict": "match", "by": "eva"}])
    assert len(hub.run_steps()["models"]) == 2


def test_one_source_alone(hub: Hub) -> None:
    found = hub.run(source="service")
    assert [row["stream"] for row in found["sources"]] == ["dealers"]
    assert found["records"] == 1
    with pytest.raises(KeyError):
        hub.run(source="nobody")


def test_a_source_that_fails_does_not_stop_the_others(hub: Hub) -> None:
    hub.run_steps()
    hub.break_source("accounts", "volume")
    hub.deliver("dealers", {"7": "ACME", "9": "Delta"})
    found = hub.run()
    assert found["failed_sources"] == ["sales-crm"]
    assert [row["error"] for row in found["sources"] if row["stream"] == "accounts"][0]
    assert (found["deleted"], found["golden"]) == (0, 4)
    hub.deliver("accounts", {"1": "ACME"})
    assert (hub.run_steps()["deleted"], len(hub.names())) == (1, 3)


def test_a_run_for_one_source_that_fails_publishes_its_other_streams(hub: Hub) -> None:
    hub.break_source("accounts")
    found = hub.run(source="sales-crm")
    assert (found["failed_sources"], found["records"]) == (["sales-crm"], 1)


def test_every_source_fails(hub: Hub) -> None:
    for stream in ("accounts", "contacts", "dealers", "orders"):
        hub.break_source(stream)
    found = hub.run_steps()
    assert (found["failed_sources"], found["golden"]) == (["sales-crm", "service", "shop"], 0)


def test_another_run_holds_the_hub(hub: Hub) -> None:
    with open_run(hub.config) as other, pytest.raises(LockError, match=other.run_id):
        hub.run()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk of the workspace .* is full"),
        (duckdb.IOException("Could not write file: No space left on device"), "disk of the workspace .* is full"),
        (duckdb.OutOfMemoryException("failed to allocate"), "memory_limit 4GB is too little"),
        (PermissionError(errno.EACCES, "Permission denied"), "cannot be written to"),
        (StoreError("the connection to the hub store failed"), "connection to the hub store"),
    ],
)
def test_what_the_machine_lacks_is_one_sentence(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], error: Exception, said: str
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(resolve, "resolve_entity", broken)
    with pytest.raises(StoreError, match=said):
        hub.run()
    assert capfd.readouterr().err == ""
    with hub.store() as store:
        last = store.last_run(None)
    assert last is not None and last["status"] == "failed" and last["error"]


@pytest.fixture(params=["without Dagster", "recorded by Dagster"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With DAGSTER_HOME a run executes the assets; what it does is the same."""
    if request.param == "recorded by Dagster":
        monkeypatch.setenv("DAGSTER_HOME", "/nowhere")  # the instance is the shared one of these tests


@pytest.mark.usefixtures("either")
def test_a_failure_that_nobody_expected_comes_back_as_it_is(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(resolve, "resolve_entity", broken)
    with pytest.raises(ZeroDivisionError):
        hub.run()


@pytest.mark.usefixtures("either")
def test_a_broken_law_keeps_the_run_from_being_published(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.run_steps()
    before = hub.names()
    resolved = resolve.resolve_entity

    def forgetful(store: Any, config: Any, entity: str, folder: Path, **options: Any) -> Any:
        result = resolved(store, config, entity, folder, **options)
        (folder / f"membership_{entity}.parquet").unlink()
        return result

    monkeypatch.setattr(resolve, "resolve_entity", forgetful)
    hub.deliver("accounts", {"1": "ACME", "2": "Beta", "3": "Gamma"})
    with pytest.raises(KehuError, match="nothing was published: 1 current records in none"):
        hub.run()
    assert hub.names() == before


def test_folders_of_old_runs_and_old_batches_are_cleared_away(hub: Hub) -> None:
    for i in range(5):
        hub.deliver("accounts", {"1": f"ACME {i}"})
        hub.run_steps()
    assert len(list((hub.config.workspace / "runs").iterdir())) == KEPT_FOLDERS + 1
    assert (
        len(list((hub.config.workspace / "landing/sales-crm/accounts").iterdir())) == hub.config.sources[0].keep_batches
    )
    # The one batch of a stream that did not change since is the one its state names.
    assert len(list((hub.config.workspace / "landing/sales-crm/contacts").iterdir())) == 1


def test_run_ids_sort_by_time() -> None:
    ids = [new_run_id()[:18] for _ in range(3)]
    assert ids == sorted(ids)


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_publishes_nothing_and_the_next_one_goes_on(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, asked: signal.Signals
) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        os.kill(os.getpid(), asked)
        time.sleep(30)  # another thread may be the one that takes it; the handler ends this sleep
        raise AssertionError("the signal came late")

    with monkeypatch.context() as patched:
        patched.setattr(resolve, "resolve_entity", interrupt)
        with pytest.raises(KeyboardInterrupt):
            hub.run()
    assert hub.names() == []
    assert hub.run_steps()["golden"] == 3
    assert states(hub) == ["failed", "published"]


def test_a_killed_run_publishes_nothing_and_the_next_one_goes_on(hub: Hub) -> None:
    program = textwrap.dedent(
        """
        import os, signal, sys
        from models.config import load_config
        from orchestration import steps
        from orchestration.hub_run import open_run
        from tests.unit.orchestration import fakes
        with open_run(load_config(sys.argv[1])) as run:
            for module, name, function in fakes.REPLACED:
                setattr(module, name, function)
            for source, stream in run.config.streams():
                steps.land_stream(run, source, stream)
            steps.detect(run)
            steps.standardise(run, "person")
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    command = [sys.executable, "-c", program, str(hub.config.file)]
    ended = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=120)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert hub.names() == []
    assert hub.run_steps()["golden"] == 3
    assert states(hub) == ["failed", "published"]


def test_training_publishes_models_and_no_run(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.run_steps()

    def train(store: Any, config: Any, entity: str, folder: Path, **_: Any) -> Any:
        names = pq.read_table(folder / f"standard_{entity}.parquet")
        store.save_model(f"{entity}-9", entity, {})
        return SimpleNamespace(model_id=f"{entity}-9", records=names.num_rows)

    monkeypatch.setattr(training, "train_entity", train)
    found = run.train_hub(hub.config)
    assert found["models"] == [
        {"entity_type": "organization", "model_id": "organization-9", "records": 3},
        {"entity_type": "person", "model_id": "person-9", "records": 1},
    ]
    assert {"standardise", "train"} <= set(found["seconds"])
    assert states(hub) == ["published", "trained"]


def test_training_that_fails_is_told(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def train(*_: Any, **__: Any) -> Any:
        raise ModelError("organization: 0 records are too few to train a model")

    monkeypatch.setattr(training, "train_entity", train)
    with pytest.raises(ModelError, match="too few"):
        run.train_hub(hub.config, entity="organization")
    assert states(hub) == ["failed"]


def states(hub: Hub) -> list[str]:
    with hub.store() as store:
        return list(store.fetch_arrow("SELECT status FROM run ORDER BY started_at")["status"].to_pylist())
