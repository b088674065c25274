"""A hub with one source, for tests of landing and change detection: deliver, run, look at what came of it."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from connectors.changes import ChangeReport, StreamChanges, detect_changes
from connectors.landing import Landed, land
from models.config import Config, load_config
from models.store import RunOutcome, Store, StreamState
from models.store.columns import TIME  # noqa: F401  (the type that tests compare times with)

ACCOUNTS: dict[str, Any] = {
    "name": "accounts",
    "entity": "organization",
    "key": "id",
    "fields": {"name": "name", "phone": ["tel", "mobile"], "city": "city"},
}


class Hub:
    """A configuration with one stream `crm.accounts`, changed by keywords, and a store when one is given."""

    def __init__(self, folder: Path, store: Store | None = None, **stream: Any):
        self.folder, self.store = folder, store
        self.connector: dict[str, Any] = {"type": "files", "path": "{stream}.csv"}
        self.retry: dict[str, Any] = {"attempts": 3, "backoff": 0.5}
        self.stream: dict[str, Any] = {**ACCOUNTS, **stream}
        self.more: list[dict[str, Any]] = []
        self.state: dict[str, Any] | None = None
        self.slept: list[float] = []
        self.numbers = itertools.count(1)

    @property
    def config(self) -> Config:
        source = {"name": "crm", "family": "sales", "connector": self.connector, "retry": self.retry}
        document = {
            "store": "sqlite:///hub.db",
            "workspace": "work",
            "sources": [{**source, "streams": [self.stream, *self.more]}],
        }
        path = self.folder / "kehu.yaml"
        path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
        return load_config(path)

    def write(self, content: str | bytes, name: str = "accounts.csv") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def land(self, content: str | bytes | None = None, **more: Any) -> Landed:
        """Deliver, if something is given, and land the stream; the state is not kept."""
        if content is not None:
            self.write(content)
        config = self.config
        source = config.sources[0]
        given: dict[str, Any] = {"state": self.state, "run_id": "r", "sleep": self.slept.append, **more}
        return land(source, source.streams[0], workspace=config.workspace, base=config.base, **given)

    def deliver(self, content: str | bytes, **more: Any) -> Landed:
        """Land it and keep the state, as a published run does."""
        landed = self.land(content, **more)
        assert landed.status == "landed", landed.error
        self.state = landed.new_state
        return landed

    def batch(self, landed: Landed) -> Path:
        assert landed.batch_dir is not None
        return self.folder / "work" / landed.batch_dir

    def rows(self, landed: Landed) -> list[dict[str, Any]]:
        """The delivered rows as they were landed."""
        parts = sorted(self.batch(landed).glob("part-*.parquet"))
        return [row for part in parts for row in pq.read_table(part).to_pylist()]

    def usable(self, landed: Landed) -> list[str]:
        """Keys of the usable rows."""
        return list(pq.read_table(self.batch(landed) / "rows.parquet")["source_key"].to_pylist())

    def bad(self, landed: Landed) -> list[dict[str, Any]]:
        return list(pq.read_table(self.batch(landed) / "quarantine.parquet").to_pylist())

    def run(self, *landed: Landed) -> StreamChanges:
        """Detect and publish what landed; returns the counts of the first stream."""
        assert self.store is not None
        run_id = f"run{next(self.numbers):03}"
        self.out = self.folder / "work" / "runs" / run_id
        report: ChangeReport = detect_changes(self.store, self.config, list(landed), self.out)
        with self.store.lock(run_id):
            self.store.start_run(run_id)
            entities = tuple({one.entity for one in landed})
            states: tuple[StreamState, ...] = ()
            self.store.publish(RunOutcome(run_id, self.out, entities, stream_states=states))
        self.report = report
        return report.streams[0]

    def take(self, content: str | bytes, **more: Any) -> StreamChanges:
        """Deliver, detect, publish."""
        return self.run(self.deliver(content, **more))

    def changes(self, entity: str = "organization") -> dict[str, dict[str, Any]]:
        """The changed rows of the last run by key."""
        path = self.out / f"changes_{entity}.parquet"
        return {row["source_key"]: row for row in pq.read_table(path).to_pylist()} if path.exists() else {}

    def fates(self) -> dict[str, str]:
        """key → change of the last run."""
        return {key: row["change"] for key, row in self.changes().items()}

    def aside(self) -> list[dict[str, Any]]:
        """The last run's quarantine."""
        path = self.out / "quarantine.parquet"
        return list(pq.read_table(path).to_pylist()) if path.exists() else []
