"""Stand-ins for the functions that the assets call: a source is a JSON file per stream, a customer is a name.

They write the work tables as the real ones do, so that publishing, the laws and the summary are the real ones.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import uuid
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash

from connectors.changes import ChangeReport, StreamChanges
from connectors.landing import Landed
from matching import resolve
from matching.resolve import EntityResult
from models.config import Config, Source, Stream
from models.store import Store
from models.store.columns import TIME
from models.vocabulary import record_id
from orchestration import steps

CONFIG = """\
store: sqlite:///hub.db
workspace: work
sources:
  - name: sales-crm
    family: sales
    connector: {{type: files, path: "{{stream}}.json"}}
    schedule: "0 3 * * *"
    freshness: 26
    streams:
      - {{name: accounts, entity: organization, key: id, fields: {{name: name, phone: [tel, mobile]}}}}
      - {{name: contacts, entity: person, key: id, fields: {{full_name: name}}}}
  - name: service
    family: service
    connector: {{type: files, path: "service_*.json"}}
    sensor: {{every: 60}}
    streams:
      - {{name: dealers, entity: organization, key: [site, id], updated_at: seen, fields: {{name: name}}}}
  - name: shop
    family: marketing
    connector: {{type: sql, url: "sqlite:///shop.db"}}
    sensor: {{every: 0.5}}
    streams:
      - {{name: orders, entity: touchpoint, key: id, fields: {{type: type}}}}
{more}"""
STREAMS = ("accounts", "contacts", "dealers", "orders")
COLUMNS = ["id", "name"]


def write_config(folder: Path, more: str = "") -> Path:
    path = folder / "kehu.yaml"
    path.write_text(CONFIG.format(more=more), encoding="utf-8")
    return path


def deliver(folder: Path, stream: str, rows: dict[str, str]) -> None:
    """key → name, as the source holds it from now on."""
    (folder / f"{stream}.json").write_text(json.dumps(rows), encoding="utf-8")


def break_source(folder: Path, stream: str, how: str = "failed") -> None:
    """The next reading ends in `failed`, `columns` (a mapped column is missing) or `volume`."""
    (folder / f"{stream}.json").write_text(json.dumps({"!": how}), encoding="utf-8")


def land(
    source: Source, stream: Stream, *, state: dict[str, Any] | None, workspace: Path, run_id: str, base: Path
) -> Landed:
    path = base / f"{stream.name}.json"
    text = path.read_text(encoding="utf-8") if path.exists() else "{}"
    rows = json.loads(text)
    digest = xxhash.xxh3_64_hexdigest(text.encode())
    landed = Landed(
        source=source.name,
        stream=stream.name,
        entity=stream.entity,
        status="landed",
        batch_dir=None,
        mode="snapshot",
        rows=sum(bool(name) for name in rows.values()),
        bad_rows=0,
        drift=[],
        extra_columns=[],
        new_state={"digest": digest},
        error=None,
        seconds=0.0,
    )
    if "!" in rows:
        how = {"failed": "connection refused", "columns": "the column 'name' is missing", "volume": "3 rows after 90"}
        status = "failed" if rows["!"] == "failed" else "refused"
        read = {"failed": 0, "columns": 90, "volume": 3}[rows["!"]]
        missing = ["name"] if rows["!"] == "columns" else []
        error = f"{source.name}.{stream.name}: {how[rows['!']]}"  # as a SourceError says it
        return dataclasses.replace(landed, status=status, rows=read, error=error, missing_columns=missing)
    if state == landed.new_state:
        return dataclasses.replace(landed, status="unchanged", rows=0)
    relative = Path("landing") / source.name / stream.name / run_id
    batch = workspace / relative
    batch.mkdir(parents=True)
    table = pa.table({"id": list(rows), "name": list(rows.values()), "_row": range(1, len(rows) + 1)})
    pq.write_table(table, batch / "part-0.parquet")
    return dataclasses.replace(landed, batch_dir=str(relative))


def detect_changes(store: Store, config: Config, landed: list[Landed], out: Path) -> ChangeReport:
    changed: dict[str, list[dict[str, Any]]] = defaultdict(list)
    streams, quarantined = [], []
    for delivery in landed:
        counts = StreamChanges(delivery.source, delivery.stream)
        streams.append(counts)
        if delivery.batch_dir is None:
            continue
        rows = pq.read_table(config.workspace / delivery.batch_dir / "part-0.parquet").to_pylist()
        held = {
            row["record_id"]: row
            for row in store.stream_records(delivery.entity, delivery.source, delivery.stream).to_pylist()
        }
        seen = set()
        for row in rows:
            if not row["name"]:
                counts.quarantined += 1
                quarantined.append(
                    {"source": delivery.source, "stream": delivery.stream, "source_key": row["id"], "row": row["_row"],
                     "field": "name", "value": "", "reason": "no name"}
                )  # fmt: skip
                continue
            number = record_id(delivery.source, delivery.stream, row["id"])
            seen.add(number)
            content = xxhash.xxh3_64_intdigest(row["name"].encode()) >> 1
            old = held.get(number)
            if old and not old["deleted"] and old["content_hash"] == content:
                counts.unchanged += 1
                continue
            counts.updated += bool(old)
            counts.inserted += not old
            changed[delivery.entity].append(
                _change(delivery, number, row["id"], "update" if old else "insert", content, row["name"], old)
            )
        for number, old in held.items():
            if number not in seen and not old["deleted"]:
                counts.deleted += 1
                changed[delivery.entity].append(_change(delivery, number, "", "delete", None, None, old))
    for entity, found in changed.items():
        schema = pa.schema(
            [("record_id", pa.int64()), ("source", pa.string()), ("stream", pa.string()), ("source_key", pa.string()),
             ("change", pa.string()), ("content_hash", pa.int64()), ("source_time", TIME), ("payload", pa.string()),
             ("version", pa.int32()), ("name", pa.string())]
        )  # fmt: skip
        pq.write_table(pa.Table.from_pylist(found, schema), out / f"changes_{entity}.parquet")
    if quarantined:
        pq.write_table(pa.Table.from_pylist(quarantined), out / "quarantine.parquet")
    return ChangeReport(streams)


def _change(
    delivery: Landed, number: int, key: str, change: str, content: int | None, name: str | None, old: Any
) -> dict[str, Any]:
    return {
        "record_id": number, "source": delivery.source, "stream": delivery.stream, "source_key": key, "change": change,
        "content_hash": content, "source_time": None, "payload": None if name is None else json.dumps({"name": name}),
        "version": (old["version"] if old else 0) + 1, "name": name,
    }  # fmt: skip


def standardise_entity(
    store: Store,
    config: Config,
    entity: str,
    folder: Path,
    *,
    raw: Callable[[pa.Table], pa.Table],
    full: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, Any]:
    if progress is not None:
        progress("names", 1, 1)
    names = {} if not full else _held(store, entity)
    path = folder / f"changes_{entity}.parquet"
    if path.exists():
        for row in pq.read_table(path, columns=["record_id", "change", "name"]).to_pylist():
            names[row["record_id"]] = row["name"]
            if row["change"] == "delete":
                del names[row["record_id"]]
    table = pa.table({"record_id": pa.array(names, pa.int64()), "name_norm": pa.array(names.values(), pa.string())})
    pq.write_table(table, folder / f"standard_{entity}.parquet")
    return {"rows": len(names), "seconds": 0.0}


def _held(store: Store, entity: str) -> dict[int, str]:
    rows = store.records(entity, ["payload"]).to_pylist()
    return {row["record_id"]: json.loads(row["payload"])["name"] for row in rows}


def resolve_entity(
    store: Store,
    config: Config,
    entity: str,
    folder: Path,
    *,
    run_id: str,
    raw: Callable[[pa.Table], pa.Table],
    full: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> EntityResult:
    """Every record with one name is one customer; whatever the run, all records of the entity type are resolved."""
    names = _held(store, entity)
    path = folder / f"changes_{entity}.parquet"
    changes = pq.read_table(path, columns=["record_id", "change", "name"]).to_pylist() if path.exists() else []
    for row in changes:
        names[row["record_id"]] = row["name"]
        if row["change"] == "delete":
            del names[row["record_id"]]
    before = {
        row["record_id"]: row["golden_id"] for row in store.memberships().to_pylist() if row["record_id"] in names
    }
    by_name: dict[str, list[int]] = defaultdict(list)
    for number, name in names.items():
        by_name[name].append(number)
    membership = {row["record_id"]: None for row in changes if row["change"] == "delete"}
    versions = {row["golden_id"]: row["version"] for row in store.golden(entity).to_pylist()}
    golden = []
    taken: set[str] = set()
    for name, members in sorted(by_name.items()):
        kept = next((before[m] for m in sorted(members) if m in before and before[m] not in taken), None)
        golden_id = kept or str(uuid.uuid4())
        taken.add(golden_id)
        membership |= dict.fromkeys(members, golden_id)
        golden.append(
            _golden(golden_id, "changed" if kept else "created", versions.get(golden_id, 0) + 1, name, len(members))
        )
    gone = set(versions) - taken
    golden += [_golden(golden_id, "retired", versions[golden_id] + 1, None, 0) for golden_id in sorted(gone)]
    ids = pa.array(sorted(membership), pa.int64())
    pq.write_table(
        pa.table({"record_id": ids, "golden_id": pa.array([membership[i] for i in ids.to_pylist()], pa.string())}),
        folder / f"membership_{entity}.parquet",
    )
    schema = pa.schema(
        [("golden_id", pa.string()), ("action", pa.string()), ("version", pa.int32()), ("values", pa.string()),
         ("provenance", pa.string()), ("records", pa.int64()), ("valid_from", TIME)]
    )  # fmt: skip
    pq.write_table(pa.Table.from_pylist(golden, schema), folder / f"golden_{entity}.parquet")
    events = [{"type": g["action"], "golden_id": g["golden_id"], "version": g["version"]} for g in golden]
    texts = [(name, pa.string()) for name in ("before", "after", "attributes")]
    event_schema = pa.schema([("type", pa.string()), ("golden_id", pa.string()), ("version", pa.int32()), *texts])
    pq.write_table(pa.Table.from_pylist(events, event_schema), folder / f"events_{entity}.parquet")
    pairs = [
        (a, b) for members in by_name.values() for i, a in enumerate(sorted(members)) for b in sorted(members)[i + 1 :]
    ]
    pq.write_table(
        pa.table(
            {
                "left_id": pa.array([a for a, _ in pairs], pa.int64()),
                "right_id": pa.array([b for _, b in pairs], pa.int64()),
                "weight": pa.array([10.5] * len(pairs), pa.float64()),
            }
        ),
        folder / f"edges_{entity}.parquet",
    )
    pq.write_table(
        pa.table({"record_id": pa.array(sorted(set(names) | set(membership)), pa.int64())}),
        folder / f"touched_{entity}.parquet",
    )
    if progress is not None:
        progress("score", 1, 2)
    return EntityResult(
        entity=entity,
        records=len(names),
        touched=len(changes),
        model_id="names-1",
        trained=not before,
        pairs_scored=len(pairs),
        golden=len(by_name),
        merged=0,
        split=0,
        created=sum(g["action"] == "created" for g in golden),
        retired=len(gone),
        tasks_open=0,
        blocks=[{"rule": "name", "blocks": len(by_name), "pairs": len(pairs)}],
        messages=["compared by name alone"],
        seconds={"score": 0.25, "cluster": 0.5},
    )


def _golden(golden_id: str, action: str, version: int, name: str | None, records: int) -> dict[str, Any]:
    return {
        "golden_id": golden_id, "action": action, "version": version, "values": json.dumps({"name": name}),
        "provenance": "{}", "records": records, "valid_from": None,
    }  # fmt: skip


def use_fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    # What is imported first while the fakes are in place would keep them for good, in all tests of this process.
    for binding in ("matching.verify", "matching.compare"):
        importlib.import_module(binding)
    for module, name, function in REPLACED:
        monkeypatch.setattr(module, name, function)


REPLACED: tuple[tuple[ModuleType, str, Any], ...] = (
    (steps, "land", land),
    (steps, "detect_changes", detect_changes),
    (resolve, "standardise_entity", standardise_entity),
    (resolve, "resolve_entity", resolve_entity),
)
"""Where the steps find what they call, and what stands there instead."""
