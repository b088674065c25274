"""A small real hub for the tests of resolving: one CSV delivered again and again, every step but Dagster's.

The match model is trained once per test process, so that a run costs a fraction of a second.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from matching.defaults import DEFAULTS
from matching.model.train import train
from matching.standardise import PARSER_VERSION
from models.config import Config, load_config
from models.match_model import PublishedModel
from models.store import Store, open_store, totals
from models.vocabulary import record_id
from orchestration import steps
from orchestration.hub_run import HubRun, open_run
from serving.decisions import Verdict, record_verdicts, undo
from tests.unit.matching.sample import load, world

Row = dict[str, str]


@cache
def trained_model(entity: str) -> PublishedModel:
    """A model of the default declaration, trained on a hard world."""
    con = load(entity, world("hard", entity, 600)[0])
    return train(
        con, DEFAULTS[entity], "features", model_id=f"{entity}-test", parser_version=PARSER_VERSION, versions={}
    )[0]


class Hub:
    """A hub with one source of one entity type; `rows` is what the source holds now, by key."""

    def __init__(
        self, folder: Path, url: str, entity: str, columns: str, *, model: bool = True, **configuration: Any
    ) -> None:
        self.folder, self.entity = folder, entity
        self.columns = columns.split()
        self.rows: dict[str, Row] = {}
        self.renamed: list[tuple[str, str]] | None = [] if configuration.pop("rekey", False) else None
        self._url, self._more = url, configuration
        self.configure()
        if model:
            with self.store() as store:
                found = trained_model(entity)
                store.save_model(found.model_id, entity, json.loads(found.model_dump_json()))

    def configure(self, **more: Any) -> Config:
        """Write and load the configuration; `more` goes on top of it, a key of None takes it away."""
        self._more = {k: v for k, v in (self._more | more).items() if v is not None}
        stream: dict[str, Any] = {
            "name": "rows",
            "entity": self.entity,
            "key": "key",
            "volume_floor": 0,
            "fields": {c: c for c in self.columns},
        }
        if self.renamed is not None:
            stream["rekey"] = "rekey.csv"
            self._write_renamed()
        source = {
            "name": "crm",
            "family": "sales",
            "connector": {"type": "files", "path": "rows.csv"},
            "streams": [stream],
        }
        document = {"store": self._url, "sources": [source], **self._more}
        path = self.folder / "kehu.yaml"
        path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
        self.config = load_config(path)
        return self.config

    def store(self) -> Store:
        return open_store(self.config.store)

    def put(self, rows: Mapping[str, Mapping[str, str]]) -> None:
        """Insert rows, or update the columns given of those that are there."""
        for key, row in rows.items():
            self.rows[key] = {**self.rows.get(key, {}), **row}

    def drop(self, *keys: str) -> None:
        for key in keys:
            del self.rows[key]

    def rekey(self, old: str, new: str) -> None:
        """The source gives a row another key; under one that is taken, the two rows are one from now on."""
        row = self.rows.pop(old)
        self.rows.setdefault(new, row)
        assert self.renamed is not None
        self.renamed.append((old, new))
        self._write_renamed()

    def _write_renamed(self) -> None:
        lines = ["old_key,new_key", *(f"{old},{new}" for old, new in self.renamed or ())]
        (self.folder / "rekey.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def run(self, full: bool = False, check: bool = True) -> dict[str, Any]:
        """Deliver, resolve, publish; returns the entity's result, `full` and `reason`.

        With `check` an incremental run must leave nothing that differs from one resolution of everything.
        """
        with (self.folder / "rows.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["key", *self.columns], restval="")
            writer.writeheader()
            writer.writerows({"key": key, **row} for key, row in self.rows.items())
        with open_run(self.config, full=full) as run:
            for source, stream in run.config.streams():
                steps.land_stream(run, source, stream)
            steps.detect(run)
            planned = steps.plan(run)
            steps.standardise(run, self.entity)
            found = steps.resolve(run, self.entity)
            laws = steps.check_before(run, self.entity, max_cluster=200)
            assert all(verdict.passed for verdict in laws), laws
            steps.publish(run)
            for name in ("records", "golden"):
                kept, counted = totals.total(run.store.database, name), totals.count(run.store.database, name)
                assert kept == counted, name
        if check and not planned["full"]:
            differences = self.verify()
            assert not differences, differences
        return {**found, "full": planned["full"], "reason": planned["reason"]}

    def verify(self) -> list[dict[str, Any]]:
        """How the published state differs from one resolution of everything."""
        with open_run(self.config) as run:
            return steps.verify(run)

    def opened(self) -> Any:
        """A run that is open and publishes nothing."""
        return open_run(self.config)

    def decide(self, verdict: str, left: str, right: str) -> None:
        with self.store() as store:
            record_verdicts(store, self.config, [Verdict(verdict, f"crm:{left}", f"crm:{right}", "wang", "because")])

    def undo_last(self) -> None:
        with self.store() as store:
            undo(store, max(store.decisions()["id"].to_pylist()), by="li", reason="not so")

    def id(self, key: str) -> int:
        """The number of the record with this key."""
        return record_id("crm", "rows", key)

    def groups(self) -> set[str]:
        """Keys of the records of each golden record, sorted and joined by blanks."""
        with self.store() as store:
            rows = store.crosswalk(self.entity).to_pylist()
        found: dict[str, list[str]] = {}
        for row in rows:
            found.setdefault(row["golden_id"], []).append(row["source_key"])
        return {" ".join(sorted(keys)) for keys in found.values()}

    def golden_of(self, key: str) -> str:
        """The golden id of a record."""
        with self.store() as store:
            rows = store.crosswalk(self.entity).to_pylist()
        (found,) = [row["golden_id"] for row in rows if row["source_key"] == key]
        return str(found)

    def values_of(self, key: str) -> dict[str, Any]:
        """The golden values of a record's golden record."""
        golden = self.golden_of(key)
        with self.store() as store:
            rows = store.golden(self.entity).to_pylist()
        (found,) = [row["values"] for row in rows if row["golden_id"] == golden]
        values: dict[str, Any] = json.loads(found)
        return values

    def tasks(self) -> list[dict[str, Any]]:
        """The open tasks, with the keys of their records as `of`."""
        with self.store() as store:
            rows = store.tasks(entity_type=self.entity).to_pylist()
        named = {self.id(key): key for key in self.rows}
        return [row | {"of": " ".join(sorted(named[r] for r in json.loads(row["records"])))} for row in rows]

    def standard_of(self, key: str) -> dict[str, Any]:
        """The standard values that the store holds of a record."""
        import pyarrow as pa

        with self.store() as store:
            (row,) = store.records_by_id(pa.array([self.id(key)]), ["standard", "parser_version"]).to_pylist()
        return {**json.loads(row["standard"]), "parser_version": row["parser_version"]}


__all__ = ["Hub", "HubRun", "Row", "trained_model"]
