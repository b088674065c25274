"""A person who asks: everything the hub holds of them (subject access), and to be forgotten (erasure)."""

from __future__ import annotations

import datetime as dt
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from models.config import Config
from models.errors import ConfigError, LockError
from models.store import Store
from models.store.landed_files import clear_files
from models.store.lifecycle_tables import finding
from models.store.needles import Needles
from models.store.serving_tables import api_record
from models.store.tables import (
    audit,
    event,
    golden_record,
    membership,
    record_rekey,
    source_record,
    source_record_version,
)
from serving.access import Masking
from serving.customers.golden import former_ids, lineage, members, survivor_of, versions
from serving.customers.keys import Key, crosswalk
from serving.privacy.consent import consent_of

SHORTEST = 5
"""Letters of a value that a scan looks for; shorter ones stand in too many places that have nothing to do with it."""

_REFERRING = ("tombstone", "source_record", "source_record_version")
"""Tables in which the number of a record may stay: what the person took part in (a visit) still says so by the key that
its source gave them, which leads nowhere any more."""

_HAN = re.compile("[\u4e00-\u9fff]{2,}")
"""A Chinese name is told by two characters."""


@dataclass(frozen=True)
class Erasure:
    """A person who is forgotten: the records and golden ids, and texts that only their records held.

    `removed`: everything is gone already; else a run is under way, at whose end it goes.
    """

    erasure: str
    golden_id: str
    records: list[int]
    golden_ids: list[str]
    needles: list[str]
    removed: bool = False


def person_of(store: Store, config: Config, name: str) -> str:
    """The golden id of a person, by a golden id (a former one too) or SOURCE:KEY. Raises ConfigError."""
    golden_id = survivor_of(store, name) or name
    if ":" in name:
        place, _, key = name.partition(":")
        source, _, stream = place.partition(".")
        asked = Key(source, key, stream or None)
        homes = {r["golden_id"] for r in crosswalk(store, config, [asked])[asked] if r["entity_type"] == "person"}
        if len(homes - {None}) != 1:
            raise ConfigError(f"{name} leads to {'several persons' if len(homes) > 1 else 'no living person'}")
        golden_id = str(next(iter(homes - {None})))
    with store.database.read() as connection:
        query = sa.select(golden_record.c.entity_type).where(golden_record.c.golden_id == golden_id)
        entity = connection.scalar(query)
    if entity != "person":
        raise ConfigError(f"{name} is {'an ' + entity if entity else 'nobody that the hub knows'}, not a person")
    return golden_id


def subject_access(store: Store, config: Config, name: str, *, by: str) -> dict[str, Any]:
    """Everything the hub holds of a person, as one document for them. Written to the audit log. Raises ConfigError."""
    golden_id = person_of(store, config, name)
    with store.snapshot():
        past = versions(store, golden_id)
        ids = [golden_id, *former_ids(store, golden_id)]
        records = members(store, golden_id)
        numbers = [row["record_id"] for row in records]
        with store.database.read() as connection:
            v, e, a, f = source_record_version.c, event.c, audit.c, finding.c
            old = connection.execute(
                sa.select(v.source, v.stream, v.source_key, v.version, v.source_time, v.payload).where(
                    v.record_id.in_(numbers)
                )
            ).mappings()
            events = connection.execute(
                sa.select(e.seq, e.type, e.at, e.before, e.after).where(e.golden_id.in_(ids)).order_by(e.seq)
            ).mappings()
            reads = connection.execute(
                sa.select(a.at, a.actor, a.action, a.detail)
                .where(sa.or_(a.object_id.in_(ids), *(a.detail.contains(f'"{one}"', autoescape=True) for one in ids)))
                .order_by(a.id)
            ).mappings()
            found = connection.execute(
                sa.select(f.rule, f.field, f.value, f.status, f.first_seen).where(f.golden_id == golden_id)
            ).mappings()
            document = {
                "golden_id": golden_id,
                "former_ids": ids[1:],
                "at": dt.datetime.now(dt.UTC),
                "values": past[0].values,
                "versions": [
                    {"version": g.version, "recorded_at": g.recorded_at, "valid_from": g.valid_from, "values": g.values}
                    for g in past
                ],
                "lineage": lineage(store, golden_id),
                "source_records": [{n: x for n, x in row.items() if n != "record_id"} for row in records],
                "former_source_records": [{**row, "payload": _json(row["payload"])} for row in old],
                "consent": consent_of(store, golden_id),
                "events": [{**row, "before": _json(row["before"]), "after": _json(row["after"])} for row in events],
                "findings": [dict(row) for row in found],
                "tasks": len(store.tasks_about(numbers, status=("open", "unsure", "closed"))),
                "who_read_or_changed_it": [{**row, "detail": _without_others(row["detail"])} for row in reads],
            }
    store.add_audit(by, "subject_access", object_type="customer", object_id=golden_id)
    return document


def request_erasure(store: Store, config: Config, name: str, *, by: str, reason: str) -> Erasure:
    """Forget a person: everything of them is removed at once, or, where a run is under way, when that run ends.

    A tombstone stays, which names numbers and ids alone, and keeps their records from coming back; no reader is shown
    the person from now on. The answer holds the texts that a scan must not find any more; it is for the one who erases,
    and is kept nowhere. Raises ConfigError.
    """
    golden_id = person_of(store, config, name)
    # What only this person has is looked for in all records, which takes seconds: before anybody has to wait for it.
    with store.snapshot(), store.database.read() as connection:
        needles = _needles(store, connection, Masking(config), _records_of(store, connection, golden_id))
    with store.transaction() as connection:
        records = _records_of(store, connection, golden_id)
        ids = [golden_id, *former_ids(store, golden_id)]
        erasure = secrets.token_hex(6)
        store.add_tombstones(records, ids, erasure=erasure, by=by)
        connection.execute(sa.delete(api_record).where(api_record.c.record_id.in_(records)))
        store.clear_quarantine(needles)
        store.forget_frequencies(needles)
        detail = {"erasure": erasure, "reason": reason, "records": len(records)}
        store.add_audit(by, "erase", object_type="customer", object_id=golden_id, detail=detail)
    try:
        with store.lock(f"erasure-{erasure}"):
            store.scrub()
            clear_files(config, but=None)
    except LockError:
        return Erasure(erasure, golden_id, records, ids, needles, removed=False)
    return Erasure(erasure, golden_id, records, ids, needles, removed=True)


def finish_erasure(store: Store, config: Config, *, wait: float = 3600.0) -> None:
    """Remove what the run that was under way left; waits for its end. Raises LockError where that takes too long."""
    with store.lock("erasure", wait=wait):
        store.scrub()
        clear_files(config, but=None)


def prove(store: Store, config: Config, erasure: Erasure) -> list[dict[str, Any]]:
    """Where anything of an erased person is left: in the store's tables, its file, or the workspace. Empty: nowhere."""
    hits = store.scan(erasure.needles, [str(number) for number in erasure.records], referring=_REFERRING)
    files = list(config.workspace.rglob("*")) if config.workspace.is_dir() else []
    if store.file is not None:
        files += [store.file, store.file.with_name(store.file.name + "-wal")]
    needles = Needles(erasure.needles)
    for path in files:
        if path.is_file() and _holds(path, needles):
            hits.append({"file": str(path)})
    return hits


def _holds(path: Path, needles: Needles) -> bool:
    try:
        if path.suffix != ".parquet":
            return needles.in_file(path)
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches():
                for column in batch.columns:
                    nested = pa.types.is_nested(column.type) or pa.types.is_dictionary(column.type)
                    texts = pa.array([str(v) for v in column.to_pylist()]) if nested else column
                    if len(needles.rows(texts)):
                        return True
        return False
    except OSError:
        return False


def _records_of(store: Store, connection: sa.Connection, golden_id: str) -> list[int]:
    """The records of a person, those too that went on under another key."""
    records = _member_ids(connection, golden_id)
    return sorted({*records, *_before_rekeying(store, records)})


def _member_ids(connection: sa.Connection, golden_id: str) -> list[int]:

    return list(connection.scalars(sa.select(membership.c.record_id).where(membership.c.golden_id == golden_id)))


def _before_rekeying(store: Store, records: Iterable[int]) -> set[int]:
    """Records that went on as these ones under another key."""
    found: set[int] = set()
    todo = set(records)
    with store.database.read() as connection:
        while todo:
            query = sa.select(record_rekey.c.old_id).where(record_rekey.c.new_id.in_(sorted(todo)))
            todo = {int(n) for n in connection.scalars(query)} - found
            found |= todo
    return found


def _needles(store: Store, connection: sa.Connection, masking: Masking, records: Sequence[int]) -> list[str]:
    """Sensitive values of these records that no other record holds."""
    r, values = source_record.c, set[str]()
    query = sa.select(r.source, r.stream, r.payload, r.standard).where(r.record_id.in_(list(records)))
    for row in connection.execute(query).mappings():
        columns = masking.columns(row["source"], row["stream"])
        for name, value in (_json(row["payload"]) or {}).items():
            if masking.sensitivity("person", columns.get(name, name)) != "public":
                values.update(_texts(value))
        for name, value in (_json(row["standard"]) or {}).items():
            if masking.sensitivity("person", name) != "public":
                values.update(_texts(value))
    long = sorted(v for v in values if len(v) >= SHORTEST or _HAN.fullmatch(v))
    others = store.held_by_others(long, records)
    return [text for text in long if text not in others]


def _texts(value: Any) -> set[str]:
    if isinstance(value, str) and value.startswith("["):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            pass
    found = value if isinstance(value, list) else [value]
    return {str(one) for one in found if isinstance(one, str | int | float) and not isinstance(one, bool)}


def _without_others(text: str | None) -> Any:
    """The detail of an entry of the audit log, without who else was in the same list."""
    told = _json(text)
    return {name: value for name, value in told.items() if name != "customers"} if isinstance(told, dict) else told


def _json(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)


__all__ = ["Erasure", "person_of", "prove", "request_erasure", "subject_access"]
