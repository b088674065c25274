"""A hub as a user runs it, in this process: two sources, every step but Dagster's, and what each delivery did to it.

`crm` delivers all it holds (a missing key is deleted), `service` only what changed, with its own clock and tombstones.
A mixed hub holds organizations from both, and from `crm` the people who work for them, with their relations.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import random
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from models.config import load_config
from models.stewardship import MACHINE_KINDS
from models.store import Store, open_store
from models.store.totals import count, total
from models.vocabulary import record_id
from orchestration import lifecycle, steps
from orchestration.hub_run import HubRun, open_run
from tests.laws.world import Row, columns
from tests.support.consumer import Consumer
from tests.unit.matching.hub import trained_model

START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
TODAY = "2024-06-01"
EVENT = ("type", "occurred_at", "party_key", "contact_key", "owner", "status", "amount", "refers_to", "closed_at")
"""Columns of a touchpoint."""
RELATION = ("type", "from_key", "to_key", "role", "valid_from")
"""Columns of a relation: of a person to an organization."""
VARIANTS = 3
"""Models that may be published: the trained one, and two that weigh a little otherwise."""
_REFERS: dict[str, dict[str, Any]] = {
    "events": {},
    "people": {},
    "relations": {"refers": {"from_key": "people", "to_key": "rows"}},
}


@cache
def model_document(entity: str, variant: int) -> str:
    """A published model, as the store keeps it."""
    document = json.loads(trained_model(entity).model_dump_json())
    document["model_id"] = f"{entity}-{variant}"
    document["prior"] = document["prior"] * (1.0, 4.0, 0.25)[variant]
    return json.dumps(document)


class Dated:
    """A row of `service`: its state at a moment of the source's own clock, or its tombstone."""

    def __init__(self, key: str, at: int, row: Row | None) -> None:
        self.key, self.at, self.row = key, at, row

    def __repr__(self) -> str:
        return f"{self.key}@{self.at}={self.row}"


class Hub:
    """One hub with a store and a folder of its own, and a consumer who has read its feed so far."""

    def __init__(
        self,
        folder: Path,
        url: str,
        entity: str,
        rules: Mapping[str, str],
        *,
        touchpoints: bool = False,
        four_eyes: bool = False,
        mixed: bool = False,
        **matching: Any,
    ) -> None:
        self.folder, self.entity, self.rules, self.matching = folder, entity, dict(rules), matching
        self.touchpoints, self.four_eyes, self.mixed = touchpoints, four_eyes, mixed
        self.entities = (entity, "person") if mixed else (entity,)
        self.crm: dict[str, Row] = {}
        self.events: dict[str, Row] = {}
        self.people: dict[str, Row] = {}
        self.relations: dict[str, Row] = {}
        self.service: list[Dated] = []
        self.renamed: list[tuple[str, str]] = []
        self.dice = random.Random(7)
        self.consumer = Consumer()
        self.config = load_config(self._configure(url))
        self.variant = -1
        self._desk: Store | None = None
        self.news: list[dict[str, Any]] = []
        """The events of the last run."""

    def _configure(self, url: str) -> Path:
        names = columns(self.entity)
        common = {"entity": self.entity, "key": "key", "volume_floor": 0, "fields": {c: c for c in names}}
        dated = {**common, "name": "rows", "mode": "delta", "updated_at": "at", "deleted": "gone"}
        document = {
            "store": url,
            "threads": 1,
            "sources": [
                {
                    "name": "crm",
                    "family": "sales",
                    "priority": 10,
                    "connector": {"type": "files", "path": "crm.csv"},
                    "streams": [{**common, "name": "rows", "rekey": "rekey.csv"}],
                },
                {
                    "name": "service",
                    "family": "service",
                    "priority": 20,
                    "connector": {"type": "files", "path": "service.csv"},
                    "streams": [dated],
                },
            ],
            "matching": dict.fromkeys(self.entities, self.matching),
            "lifecycle": {"today": TODAY},
            "survivorship": {self.entity: self.rules},
        }
        crm: dict[str, Any] = document["sources"][0]
        crm["connector"] = {"type": "files", "path": "crm_{stream}.csv"}
        for name, (entity, header, _) in self._more().items():
            fields = {c: c for c in header}
            crm["streams"].append(
                {"name": name, "entity": entity, "key": "key", "volume_floor": 0, "fields": fields, **_REFERS[name]}
            )
        if self.touchpoints and self.mixed:
            crm["streams"][1]["refers"] = {"party_key": ["rows", "people"]}
        if self.four_eyes:
            document["stewardship"] = {"four_eyes": {"splits": True, "merge_records": 4, "edits": ["phone"]}}
        path = self.folder / "kehu.yaml"
        path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
        self._write("rekey.csv", ["old_key", "new_key"], [])
        return path

    def _write(self, name: str, header: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
        with (self.folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, header, restval="")
            writer.writeheader()
            writer.writerows(rows)

    def _more(self) -> dict[str, tuple[str, Sequence[str], Mapping[str, Row]]]:
        """The streams of `crm` besides `rows`: entity type, columns, rows by key."""
        found: dict[str, tuple[str, Sequence[str], Mapping[str, Row]]] = {}
        if self.touchpoints:
            found["events"] = "touchpoint", EVENT, self.events
        if self.mixed:
            found["people"] = "person", [*columns("person"), "organization_key"], self.people
            found["relations"] = "relation", RELATION, self.relations
        return found

    def store(self) -> Store:
        return open_store(self.config.store)

    @property
    def desk(self) -> Store:
        """The store as a server holds it for as long as it lives."""
        if self._desk is None:
            self._desk = self.store()
        return self._desk

    def close(self) -> None:
        """Let go of the store."""
        if self._desk is not None:
            self._desk.close()

    def publish_model(self, variant: int) -> None:
        """Make a model the one in use, as `kehu train` does."""
        with self.store() as store:
            for entity in self.entities:
                name = f"{entity}-{variant}"
                if name in [model["model_id"] for model in store.list_models(entity)]:
                    store.publish_model(name)
                else:
                    store.save_model(name, entity, model_document(entity, variant))
        self.variant = variant

    def deliver(self) -> None:
        """Write what the sources hold now, in another order of rows each time; the feed is delivered once."""
        self._deliver("rows", columns(self.entity), self.crm)
        for name, (_, header, rows) in self._more().items():
            self._deliver(name, header, rows)
        renamed = [{"old_key": old, "new_key": new} for old, new in self.renamed]
        self._write("rekey.csv", ["old_key", "new_key"], renamed)
        self.deliver_service(self.service)
        self.service = []

    def _deliver(self, name: str, header: Sequence[str], rows: Mapping[str, Row]) -> None:
        """Write what `crm` holds of a stream."""
        found = [{"key": key, **row} for key, row in rows.items()]
        self.dice.shuffle(found)
        self._write(f"crm_{name}.csv", ["key", *header], found)

    def take_down(self) -> None:
        """Let `crm` not be reached until the next delivery."""
        for path in self.folder.glob("crm_*.csv"):
            path.unlink()

    def deliver_service(self, rows: Sequence[Dated]) -> None:
        """Write a delivery of `service`."""
        dated = [
            {
                "key": one.key,
                "at": (START + dt.timedelta(hours=one.at)).isoformat(),
                "gone": str(one.row is None).lower(),
                **(one.row or {}),
            }
            for one in rows
        ]
        self.dice.shuffle(dated)
        self._write("service.csv", ["key", "at", "gone", *columns(self.entity)], dated)

    def say(self, key: str, at: int, row: Row | None) -> None:
        """The next delivery of `service` holds this row of the key, or its tombstone."""
        self.tell(Dated(key, at, row))

    def tell(self, one: Dated) -> None:
        """The next delivery of `service` holds this; one row of a key, the source's last word."""
        self.service = [other for other in self.service if other.key != one.key] + [one]

    def run(
        self, full: bool = False, meanwhile: Mapping[str, Callable[[], None]] | None = None, down: str | None = None
    ) -> dict[str, Any]:
        """One run over what lies there; the laws that are checked on every run must hold, and the feed must tell all.

        `meanwhile` says what happens before which step, `down` which source cannot be reached. Returns the plan of the
        run, the rows written by step, and the result of resolving.
        """
        with open_run(self.config, full=full) as run:
            found = take_steps(run, meanwhile or {}, down)
        self.read_feed()
        return found

    def read_feed(self) -> None:
        """The consumer reads on, and must then know what the hub holds."""
        self.news = self.consumer.read(self.desk)
        self.consumer.compare(self.desk)

    def verify(self) -> list[dict[str, Any]]:
        """How the published state differs from one resolution of everything; numbers that are kept are right."""
        with open_run(self.config) as run:
            database = run.store.database
            for name in ("records", "golden"):
                assert (kept := total(database, name)) == count(database, name), (name, kept)
            return steps.verify(run)

    def id(self, source: str, key: str) -> int:
        """The number of a record."""
        return record_id(source, "rows", key)


def take_steps(
    run: HubRun, meanwhile: Mapping[str, Callable[[], None]] = MappingProxyType({}), down: str | None = None
) -> dict[str, Any]:
    """The steps of `kehu run`. `meanwhile` says what happens before `resolve` or `publish`."""

    def comes(step: str) -> None:
        if step in meanwhile:
            meanwhile[step]()

    for source, stream in run.config.streams():
        landed = steps.land_stream(run, source, stream)
        assert landed.status in (("failed",) if source.name == down else ("landed", "unchanged")), landed
    steps.detect(run)
    found: dict[str, Any] = {"plan": steps.plan(run)}
    comes("resolve")
    for entity in steps.party_types(run):
        steps.standardise(run, entity)
        found["resolved"] = steps.resolve(run, entity)
        broken = [law for law in steps.check_before(run, entity, max_cluster=200) if not law.passed]
        assert not broken, broken
    lifecycle.take_touchpoints_in(run)
    lifecycle.evaluate_lifecycle(run)
    comes("publish")
    found["counts"] = steps.publish(run)
    broken = [law for law in steps.check_after(run) if not law.passed]
    assert not broken, broken
    found["sources"] = steps.source_rows(run)
    return found


State = dict[str, Any]
_OF_FINDING = ("rule", "source", "source_key", "field", "value", "severity", "stage", "since", "owner")
_OF_CUSTOMER = ("stage", "stage_since", "kind", "segment", "owner", "health", "last_contact", "revenue", "findings")


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(Counter(words))


def state_of(store: Store, *entities: str) -> State:
    """What a hub says, whatever its ids and runs: each golden record by its members, and the open tasks."""
    with store.snapshot():
        crosswalk = [row for entity in entities for row in store.crosswalk(entity).to_pylist()]
        golden = {row["golden_id"]: row for entity in entities for row in store.golden(entity).to_pylist()}
        # Others are asked for by people: approvals, changes of a value.
        opened = [row for entity in entities for row in store.tasks(entity_type=entity).to_pylist()]
        tasks = [row for row in opened if row["kind"] in MACHINE_KINDS]
        findings = [row for row in store.all_findings().to_pylist() if row["status"] == "open"]
        customers = store.customer_states(sorted(golden)).to_pylist()
    members: dict[str, list[str]] = {}
    for row in crosswalk:
        members.setdefault(row["golden_id"], []).append(f"{row['source']}.{row['stream']}:{row['source_key']}")
    assert set(members) == set(golden)
    return {
        "golden": {
            " ".join(sorted(keys)): {
                "records": golden[number]["records"],
                "values": json.loads(golden[number]["values"]),
                "provenance": json.loads(golden[number]["provenance"]),
            }
            for number, keys in members.items()
        },
        "findings": _counted(
            " ".join(str(row[name]) for name in _OF_FINDING)
            + " of "
            + " ".join(sorted(members.get(row["golden_id"] or "", [])))
            for row in findings
        ),
        "customers": {
            " ".join(sorted(members[row["golden_id"]])): tuple(row[name] for name in _OF_CUSTOMER) for row in customers
        },
        "tasks": {row["task_key"]: (row["kind"], row["reason"], round(row["weight"] or 0, 5)) for row in tasks},
    }


@cache
def commit() -> str:
    """The commit that is tested, as far as git is there to tell."""
    asked = ["git", "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, cwd=Path(__file__).parent, check=False)
    except OSError:
        return "unknown"
    return done.stdout.strip() or "unknown"
