"""A hub whose golden records are said by the test; everything of the lifecycle in it is the real one.

Records are delivered as canonical values; `run` finds what changed, takes it in, evaluates and publishes it.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
import xxhash

from lifecycle.contracts import Contracts, load_contracts
from lifecycle.engine import Result, evaluate, plan_lifecycle
from lifecycle.intake import take_in
from matching.standardise.forms import FORMS
from models.config import Config, parse_config
from models.store import RunOutcome, Store, open_store
from models.store import tables as t
from models.store.apply import KIND, STATUS
from models.store.columns import TIME
from models.vocabulary import PARTY_TYPES, attributes, record_id
from orchestration.lifecycle import readers_of

CONFIG = """
store: sqlite:///hub.db
workspace: work
memory_limit: 1GB
threads: 1
sources:
  - name: crm
    family: sales
    priority: 10
    connector: {type: files, path: "{stream}.csv"}
    streams:
      - {name: accounts, entity: organization, key: id, fields: {name: name, parent_key: parent_key}}
      - {name: people, entity: person, key: id, fields: {full_name: full_name, organization_key: organization_key}}
      - {name: events, entity: touchpoint, key: id, fields: {TOUCHPOINT}}
      - {name: trucks, entity: vehicle, key: id, fields: {VEHICLE}}
      - {name: ties, entity: relation, key: id, fields: {RELATION}}
  - name: dms
    family: service
    priority: 20
    connector: {type: files, path: "{stream}.csv"}
    streams:
      - {name: customers, entity: organization, key: id, fields: {name: name}}
      - {name: jobs, entity: touchpoint, key: id, fields: {TOUCHPOINT}}
      - {name: trucks, entity: vehicle, key: id, fields: {VEHICLE}}
"""
STREAMS = {
    ("crm", "accounts"): "organization",
    ("crm", "people"): "person",
    ("crm", "events"): "touchpoint",
    ("crm", "trucks"): "vehicle",
    ("crm", "ties"): "relation",
    ("dms", "customers"): "organization",
    ("dms", "jobs"): "touchpoint",
    ("dms", "trucks"): "vehicle",
}
COMPLETE = {
    "account_owner": "Li",
    "industry": "logistics",
    "tax_id": "91310115MA1K3ABC1G",
    "phone": ["13812345678"],
}
TODAY = dt.date(2026, 6, 1)
Values = Mapping[str, Any]


def config_text() -> str:
    text = CONFIG
    for entity in ("touchpoint", "vehicle", "relation"):
        fields = ", ".join(f"{name}: {name}" for name in attributes(entity))
        text = text.replace("{" + entity.upper() + "}", "{" + fields + "}")
    return text


def new_store(folder: Path) -> str:
    """The URL of the store of a hub; `every_database` puts another one in its place."""
    return f"sqlite:///{folder / 'hub.db'}"


class Hub:
    """Records, who they are, and the hub that they are published in."""

    def __init__(self, folder: Path, contracts: str | None = None, url: str | None = None):
        self.folder = folder
        text = config_text()
        if contracts is not None:
            (folder / "lifecycle.yaml").write_text(contracts, encoding="utf-8")
            text += "lifecycle: {contracts: lifecycle.yaml}\n"
        self.config: Config = parse_config(text, folder / "kehu.yaml")
        self.contracts: Contracts = load_contracts(self.config)
        self.store: Store = open_store(url or new_store(folder))
        self.records: dict[int, dict[str, Any]] = {}
        self.golden: dict[str, tuple[str, Values]] = {}
        self.home: dict[int, str] = {}
        self.today = TODAY
        self.numbers = itertools.count(1)
        self._published: dict[int, dict[str, Any]] = {}
        self._homes: dict[int, str] = {}
        self._golden: dict[str, tuple[str, Values]] = {}
        self._versions: dict[int, int] = {}
        self._rekeyed: dict[int, int] = {}

    def put(self, place: str, key: str, **values: Any) -> int:
        """Deliver a record of `source.stream`; what was delivered under the key before is gone."""
        source, stream = place.split(".")
        number = record_id(source, stream, key)
        entity = STREAMS[source, stream]
        written = values.pop("written", None)
        texts = {n: v if v is None or isinstance(v, list) else str(v) for n, v in values.items()}
        self.records[number] = {"entity": entity, "source": source, "stream": stream, "source_key": key,
                                "written": written, "values": texts}  # fmt: skip
        return number

    def drop(self, place: str, key: str) -> None:
        """The source deleted a record."""
        source, stream = place.split(".")
        number = record_id(source, stream, key)
        self.records.pop(number, None)
        self.home.pop(number, None)

    def rekey(self, place: str, old: str, new: str) -> None:
        """The source gave a record another key; in the hub it goes on as the new one, in the same golden record."""
        source, stream = place.split(".")
        before, after = (record_id(source, stream, key) for key in (old, new))
        self.records[after] = {**self.records.pop(before), "source_key": new}
        self._rekeyed[before] = after
        if before in self.home:
            self.home[after] = self.home.pop(before)

    def customer(self, golden: str, *members: str, **values: Any) -> str:
        """A golden organization with members `source.stream:key`, which are delivered too."""
        return self._party("organization", golden, members, values)

    def person(self, golden: str, *members: str, employer: str | None = None, **values: Any) -> str:
        """A golden person; `employer` is the key of an account."""
        more = {"organization_key": employer} if employer else {}
        return self._party("person", golden, members, values, **more)

    def _party(self, entity: str, golden: str, members: Any, values: Values, **more: Any) -> str:
        for member in members:
            place, key = member.split(":")
            if (number := record_id(*place.split("."), key)) not in self.records or more:
                self.put(place, key, name=key, **more) if entity == "organization" else self.put(
                    place, key, full_name=key, **more
                )
            self.home[number] = golden
        self.golden[golden] = (entity, {**(COMPLETE if entity == "organization" else {}), **values})
        return golden

    def decide(self) -> None:
        """Publish who is who now, as a decision of a steward does at once, without the lifecycle."""
        run_id = f"run-{next(self.numbers):06d}"
        folder = self.folder / "work" / run_id
        folder.mkdir(parents=True)
        moved = [n for n in {*self.home, *self._homes} if self.home.get(n) != self._homes.get(n)]
        golden = sorted({homes[n] for n in moved for homes in (self.home, self._homes) if n in homes})
        told = json.dumps({"golden": golden, "records": moved})
        entities = self._write_changes(folder)
        self.store.start_run(run_id)
        self.store.publish(RunOutcome(run_id, folder, tuple(entities), parser_version="1"))
        with self.store.database.write() as connection:  # as the store marks what it applies at once
            connection.execute(
                sa.update(t.run).where(t.run.c.run_id == run_id).values(kind=KIND, status=STATUS, metrics=told)
            )
        self._published, self._homes, self._golden = dict(self.records), dict(self.home), dict(self.golden)

    def run(self, *, full: bool = False) -> Result:
        """Publish what changed since the last run."""
        run_id = f"run-{next(self.numbers):06d}"
        folder = self.folder / "work" / run_id
        folder.mkdir(parents=True)
        entities = self._write_changes(folder)
        with self.store.lock(run_id):
            self.store.start_run(run_id)
            plan = plan_lifecycle(self.store, self.config, self.contracts, self.today, full=full)
            take_in(self.store, self.config, self.contracts, folder, readers_of(self.config), self._raw,
                    everything=plan.everything)  # fmt: skip
            result = evaluate(self.store, self.config, self.contracts, folder, run_id=run_id, today=self.today,
                              forms=FORMS, plan=plan)  # fmt: skip
            restated = [e for e in ("touchpoint", "vehicle", "relation") if (folder / f"standard_{e}.parquet").exists()]
            self.store.publish(
                RunOutcome(
                    run_id,
                    folder,
                    tuple(dict.fromkeys([*entities, *restated])),
                    lifecycle=result.outcome,
                    parser_version="1",
                )  # fmt: skip
            )
        self._published, self._homes, self._golden = dict(self.records), dict(self.home), dict(self.golden)
        return result

    def findings(self, status: str = "open") -> list[tuple[str, str | None, str | None, str | None]]:
        """rule, golden id, source key, field of the findings of a status, sorted."""
        rows = [row for row in self.store.all_findings().to_pylist() if row["status"] == status]
        return sorted(((r["rule"], r["golden_id"], r["source_key"], r["field"]) for r in rows), key=str)

    def found(self, rule: str, status: str = "open") -> list[dict[str, Any]]:
        """The findings of one rule."""
        rows = self.store.all_findings().to_pylist()
        return [row for row in rows if row["rule"] == rule and row["status"] == status]

    def state(self, golden: str) -> dict[str, Any]:
        """The published state of a customer."""
        return dict(self.store.customer_states([golden]).to_pylist()[0])

    def _write_changes(self, folder: Path) -> list[str]:
        changes: dict[str, list[dict[str, Any]]] = {}
        for number in {*self.records, *self._published}:
            now, then = self.records.get(number), self._published.get(number)
            if now != then:
                kind = "delete" if now is None else "insert" if number not in self._versions else "update"
                changes.setdefault((now or then)["entity"], []).append(self._change(number, kind, now, then))  # type: ignore[index]
        for entity, rows in changes.items():
            names = list(attributes(entity))
            multi = {n: a.multi for n, a in attributes(entity).items()}
            text, time = pa.string(), TIME
            schema = pa.schema(
                [("record_id", pa.int64()), ("source", text), ("stream", text), ("source_key", text), ("change", text),
                 ("content_hash", pa.int64()), ("source_time", time), ("payload", text), ("version", pa.int32()),
                 ("rekeyed_to", pa.int64()), *((n, pa.list_(text) if multi[n] else text) for n in names)]
            )  # fmt: skip
            pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / f"changes_{entity}.parquet")
            if entity in PARTY_TYPES:
                ids = [row["record_id"] for row in rows if row["change"] != "delete"]
                pq.write_table(
                    pa.table({"record_id": pa.array(ids, pa.int64())}), folder / f"standard_{entity}.parquet"
                )
        for entity in PARTY_TYPES:
            self._write_identity(folder, entity)
        return [entity for entity in ("organization", "person", "touchpoint", "vehicle", "relation")
                if entity in changes or (folder / f"golden_{entity}.parquet").exists()]  # fmt: skip

    def _change(self, number: int, kind: str, now: Any, then: Any) -> dict[str, Any]:
        said = now or then
        self._versions[number] = self._versions.get(number, 0) + 1
        written = said["written"]
        return {
            "record_id": number, "source": said["source"], "stream": said["stream"], "source_key": said["source_key"],
            "change": kind, "content_hash": xxhash.xxh3_64_intdigest(repr(said).encode()) >> 1,
            "source_time": None if written is None else dt.datetime.fromisoformat(written).replace(tzinfo=dt.UTC),
            "payload": None if now is None else json.dumps(said["values"]), "version": self._versions[number],
            "rekeyed_to": self._rekeyed.pop(number, None), **({} if now is None else said["values"]),
        }  # fmt: skip

    def _write_identity(self, folder: Path, entity: str) -> None:
        of = {n: g for n, g in self.home.items() if self.golden.get(g, ("",))[0] == entity}
        before = {n: g for n, g in self._homes.items() if self._golden[g][0] == entity}
        moved = {n: of.get(n) for n in {*of, *before} if of.get(n) != before.get(n)}
        living, dead = set(of.values()), set(before.values()) - set(of.values())
        rows = []
        for golden in living:
            values = self.golden[golden][1]
            if golden not in set(before.values()) or self._golden[golden] != self.golden[golden]:
                known = self.store.golden_by_id([golden]).num_rows
                rows.append((golden, "changed" if known else "created", json.dumps(values)))
        rows += [(golden, "retired", None) for golden in dead]  # type: ignore[misc]
        if moved:
            pq.write_table(
                pa.table(
                    {
                        "record_id": pa.array(list(moved), pa.int64()),
                        "golden_id": pa.array(list(moved.values()), pa.string()),
                    }
                ),
                folder / f"membership_{entity}.parquet",
            )
        if rows:
            count = len(rows)
            pq.write_table(
                pa.table({
                    "golden_id": [r[0] for r in rows],
                    "action": [r[1] for r in rows],
                    "version": pa.array([next(self.numbers) for _ in rows], pa.int64()),
                    "values": pa.array([r[2] for r in rows], pa.string()), "provenance": ["{}"] * count,
                    "records": pa.array([1] * count, pa.int64()), "valid_from": pa.array([None] * count, TIME),
                }),
                folder / f"golden_{entity}.parquet",
            )  # fmt: skip

    def _raw(self, entity: str, rows: pa.Table) -> pa.Table:
        payloads = [json.loads(p) for p in rows["payload"].to_pylist()]
        for name, attribute in attributes(entity).items():
            kind = pa.list_(pa.string()) if attribute.multi else pa.string()
            rows = rows.append_column(name, pa.array([p.get(name) for p in payloads], kind))
        return rows
