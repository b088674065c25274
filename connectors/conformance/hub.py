"""A hub of one stream, in a folder of its own: land, compare, publish, look at what it holds."""

from __future__ import annotations

import atexit
import datetime as dt
import itertools
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import sqlalchemy as sa
import yaml

from connectors.changes import detect_changes
from connectors.comparison import StreamChanges
from connectors.conformance.subject import Subject
from connectors.landing import Landed, land
from connectors.protocol import Connector
from connectors.registry import connector_for
from models.config import Config, load_config
from models.store import RunOutcome, Store, StreamState, open_store
from models.store import tables as t


class Hub:
    """The hub of a subject. What a run publishes is what `held` shows."""

    def __init__(self, subject: Subject, folder: Path, store: Store):
        self.subject, self.folder, self.store = subject, folder, store
        self.numbers = itertools.count(1)

    @property
    def config(self) -> Config:
        """The configuration as a file would give it."""
        source: dict[str, Any] = {"name": "system", "family": "sales", "connector": self.subject.connector}
        source |= {"retry": {"attempts": 1}, "streams": [self.subject.stream]}
        document = {"store": "sqlite:///hub.db", "workspace": "work", "sources": [source]}
        path = self.folder / "kehu.yaml"
        path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
        return load_config(path)

    def connector(self) -> Connector:
        """A connector as a run makes it."""
        config = self.config
        return connector_for(config.sources[0], config.base)

    @property
    def state(self) -> dict[str, Any] | None:
        """What the last published run left, as it comes back from the store."""
        before = self.store.stream_state("system", self.subject.stream["name"])
        return before["state"] if before else None

    def land(self, **more: Any) -> Landed:
        """Land the stream; nothing is published, so no state is kept."""
        config = self.config
        source = config.sources[0]
        given: dict[str, Any] = {"state": self.state, "run_id": "run", "sleep": _no_pause, **more}
        return land(source, source.streams[0], workspace=config.workspace, base=config.base, **given)

    def publish(self, landed: Landed) -> StreamChanges:
        """Make a landed delivery the state of the hub; the counts of what it changed."""
        run_id = f"run{next(self.numbers):03}"
        out = self.folder / "work" / "runs" / run_id
        report = detect_changes(self.store, self.config, [landed] if landed.status == "landed" else [], out)
        now = dt.datetime.now(dt.UTC)
        batch = Path(landed.batch_dir or "none").name
        state = StreamState(
            "system", landed.stream, landed.entity, landed.new_state, landed.new_state.get("schema", {}), 0, batch, now
        )
        with self.store.lock(run_id):
            self.store.start_run(run_id)
            self.store.publish(RunOutcome(run_id, out, (landed.entity,), stream_states=(state,)))
        return report.streams[0] if report.streams else StreamChanges("system", landed.stream)

    def run(self, **more: Any) -> StreamChanges:
        """Land and publish. Raises AssertionError when the delivery was not taken."""
        landed = self.land(**more)
        assert landed.status in ("landed", "unchanged"), f"the stream was not landed: {landed.status}, {landed.error}"
        if landed.status == "unchanged":
            return StreamChanges("system", landed.stream)
        return self.publish(landed)

    def held(self) -> dict[str, dict[str, Any]]:
        """Living records by source key: the mapped values and `source_time` (UTC)."""
        r = t.source_record.c
        query = sa.select(r.source_key, r.payload, r.source_time).where(r.deleted.is_(False))
        fields = self.config.sources[0].streams[0].field_columns
        found: dict[str, dict[str, Any]] = {}
        for row in self.store.fetch_arrow(query).to_pylist():
            payload = orjson.loads(row["payload"])
            values = {name: payload.get(columns[0]) for name, columns in fields.items()}
            found[row["source_key"]] = {**values, "source_time": row["source_time"], "payload": payload}
        return found

    def delivered(self, landed: Landed) -> list[str]:
        """Source keys of a landed delivery's usable rows."""
        path = self.folder / "work" / str(landed.batch_dir) / "rows.parquet"
        return [str(key) for key in pq.read_table(path).column("source_key").to_pylist()]

    def written(self, landed: Landed) -> str:
        """Everything that a delivery left on the disk and in the state, as one text."""
        parts = [json.dumps(vars(landed), default=str, ensure_ascii=False)]
        if landed.batch_dir:
            for path in sorted((self.folder / "work" / landed.batch_dir).iterdir()):
                is_table = path.suffix == ".parquet"
                parts.append(str(pq.read_table(path).to_pylist()) if is_table else path.read_text("utf-8"))
        return "\n".join(parts)


@cache
def _empty_store() -> Path:
    """An empty store of this process, to be copied: making its tables takes longer than most checks."""
    folder = Path(tempfile.mkdtemp(prefix="kehu-conformance-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    open_store(f"sqlite:///{folder / 'hub.db'}").close()
    return folder / "hub.db"


@contextmanager
def hub_of(subject: Subject, folder: Path) -> Iterator[Hub]:
    """A fresh hub for a subject; it lies beside the subject's own files."""
    shutil.copy(_empty_store(), folder / "hub.db")
    with open_store(f"sqlite:///{folder / 'hub.db'}") as store:
        yield Hub(subject, folder, store)


def _no_pause(seconds: float) -> None:
    """The kit waits for nothing."""
