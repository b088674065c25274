"""Sensors: a source is read when its files are others than before and have settled; a database at every look."""

from __future__ import annotations

import os

import dagster as dg
import pytest

from orchestration.build import build_definitions
from orchestration.triggers import fingerprint
from tests.unit.orchestration.conftest import Hub


class Looking:
    def __init__(self, hub: Hub, name: str, instance: dg.DagsterInstance):
        self.sensor = build_definitions(hub.config).resolve_sensor_def(name)
        self.instance, self.cursor = instance, None

    def __call__(self) -> list[str | None]:
        with dg.build_sensor_context(self.instance, cursor=self.cursor) as context:
            data = self.sensor.evaluate_tick(context)
        self.cursor = data.cursor
        self.skipped = data.skip_message
        return [request.run_key for request in data.run_requests or []]


def test_files_are_read_once_they_have_settled(hub: Hub, instance: dg.DagsterInstance) -> None:
    look = Looking(hub, "source_service_sensor", instance)
    assert look() == [] and "no file yet" in look.skipped
    path = hub.folder / "service_1.json"
    path.write_text("{}")
    assert look() == [] and "one more look" in look.skipped
    path.write_text('{"1": "still growing"}')
    assert look() == [] and "one more look" in look.skipped
    first = look()
    assert len(first) == 1
    assert look() == [] and "did not change" in look.skipped
    os.utime(path, ns=(1, 1))
    assert look() == []
    second = look()
    assert len(second) == 1 and second != first
    (hub.folder / "service_2.json").write_text("{}")
    look()
    assert len(look()) == 1
    (hub.folder / "service_2.json").unlink()
    look()
    assert len(look()) == 1  # the same files as before are a change, too


def test_a_database_is_read_at_every_look_unless_a_run_is_under_way(hub: Hub, instance: dg.DagsterInstance) -> None:
    look = Looking(hub, "source_shop_sensor", instance)
    assert look() == [None] and look() == [None]
    instance.add_run(dg.DagsterRun(job_name="source_shop", status=dg.DagsterRunStatus.STARTED))
    assert look() == [] and "under way" in look.skipped


@pytest.mark.parametrize("change", ["size", "time"])
def test_the_fingerprint_follows_the_files(hub: Hub, change: str) -> None:
    source = hub.config.source("sales-crm")
    before = fingerprint(source, hub.folder)
    if change == "size":
        hub.deliver("contacts", {"1": "Somebody else"})
    else:
        os.utime(hub.folder / "accounts.json", ns=(5, 5))
    assert before is not None and fingerprint(source, hub.folder) != before
