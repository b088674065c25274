"""A project of Kehu's that reads one real system, as a user makes it: by `kehu discover`, `check`, schedule and run."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from models.config import load_config
from orchestration.build import build_definitions
from tests.systems.servers import kehu


class Project:
    """A hub over one source."""

    def __init__(self, folder: Path, name: str, family: str, connector: dict[str, Any], secret: str):
        self.folder, self.name, self.secret = folder, name, secret
        self.source = {"name": name, "family": family, "schedule": "*/15 * * * *", "connector": connector}

    def call(self, *arguments: str) -> str:
        done = kehu(self.folder, *arguments, secret=self.secret)
        assert done.returncode == 0, done.stderr + done.stdout
        assert self.secret not in done.stdout + done.stderr
        return done.stdout

    def configure(self, *streams: str) -> None:
        """Write `kehu.yaml` with the streams as `kehu discover` proposes them, and check it."""
        self._write([{"name": "x", "entity": "organization", "key": "id", "fields": {"name": "name"}}])
        self._write(yaml.safe_load(self.call("discover", self.name, *streams))["streams"])
        self.call("check")

    def _write(self, streams: list[dict[str, Any]]) -> None:
        document = {"store": "sqlite:///hub.db", "workspace": "work/", "sources": [{**self.source, "streams": streams}]}
        text = yaml.safe_dump(document, allow_unicode=True)
        (self.folder / "kehu.yaml").write_text(text, encoding="utf-8")

    def run(self) -> dict[str, Any]:
        """The first reading, by hand."""
        found: dict[str, Any] = json.loads(self.call("run", "--json").splitlines()[-1])
        assert (found["failed_sources"], found["quarantined"]) == ([], 0)
        return found

    def sync(self) -> None:
        """The next scheduled reading: what Dagster's daemon does when the schedule is due."""
        os.environ["SYSTEM_SECRET"] = self.secret
        try:
            definitions = build_definitions(load_config(self.folder / "kehu.yaml"))
            schedule = definitions.resolve_schedule_def(f"source_{self.name}_schedule")
            home = self.folder / "dagster"
            home.mkdir(exist_ok=True)
            with dg.DagsterInstance.local_temp(str(home)) as instance, dg.build_schedule_context(instance) as context:
                asked = schedule.evaluate_tick(context).run_requests
                assert asked is not None and len(asked) == 1
                done = definitions.resolve_job_def(schedule.job_name).execute_in_process(instance=instance)
            assert done.success
        finally:
            del os.environ["SYSTEM_SECRET"]

    def rows(self, what: str) -> list[dict[str, str]]:
        """A table as `kehu export` writes it."""
        self.call("export", what, "--to", f"{what}.csv")
        with (self.folder / f"{what}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def golden(self, entity: str = "organization") -> dict[str, dict[str, str]]:
        """Golden records by name."""
        name = "name" if entity == "organization" else "full_name"
        return {row[name]: row for row in self.rows("golden") if row["entity_type"] == entity}

    def view(self, golden_id: str) -> dict[str, Any]:
        """The 360 view."""
        found: dict[str, Any] = json.loads(self.call("show", golden_id, "--json").splitlines()[-1])
        return found

    def touchpoints(self, golden_id: str) -> set[str]:
        """Subjects of the touchpoints in the 360 view."""
        return {str(one["subject"]) for one in self.view(golden_id)["timeline"]}
