"""The rows of a record that a program created: as a source record with its match keys, and as a new golden record.

They are what the next run would write, so that the record is found at once; the run writes them anew, because their
content hash fits no delivery.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa
import sqlalchemy as sa

from matching.realtime import Matcher
from matching.realtime.matcher import Edge
from matching.survive import ranks_for, rules_for, survive
from models.config import Config
from models.config.created import with_created
from models.store import Store, totals
from models.store.tables import (
    counter,
    edge,
    event,
    golden_record,
    match_key,
    membership,
    source_record,
    source_record_version,
)


@dataclass(frozen=True)
class Fresh:
    """A record as a program delivered it, with its standard values."""

    record_id: int
    entity_type: str
    source: str
    source_key: str
    consumer: str
    values: dict[str, Any]
    standard: dict[str, Any]
    at: dt.datetime

    @property
    def run_id(self) -> str:
        """Where a run's id stands, for what no run wrote; it sorts by time among those of runs."""
        return f"{self.at:%Y%m%dT%H%M%S}{self.at.microsecond // 1000:03d}-api"

    def delivered(self) -> dict[str, Any]:
        """The row of what programs created."""
        names = ("record_id", "consumer", "entity_type", "source_key", "at")
        return {name: getattr(self, name) for name in names} | {"values": orjson.dumps(self.values).decode()}


_NO_DELIVERY = 0
"""Content hash of a record that no run has seen."""


def add_record(store: Store, connection: sa.Connection, matcher: Matcher, fresh: Fresh) -> None:
    """Write (or write over) the source record and its match keys; what it was before becomes history."""
    r, v = source_record.c, source_record_version
    mine = r.record_id == fresh.record_id
    before = connection.execute(sa.select(source_record).where(mine)).mappings().first()
    if before is not None:
        connection.execute(sa.insert(v).values(**before, superseded_run=fresh.run_id))
        connection.execute(sa.delete(source_record).where(mine))
        connection.execute(sa.delete(match_key).where(match_key.c.record_id == fresh.record_id))
    payload = {n: orjson.dumps(x).decode() if isinstance(x, list) else x for n, x in fresh.values.items()}
    payload |= {"source_key": fresh.source_key, "at": fresh.at.isoformat()}
    connection.execute(
        sa.insert(source_record).values(
            record_id=fresh.record_id,
            entity_type=fresh.entity_type,
            source=fresh.source,
            stream=fresh.entity_type,
            source_key=fresh.source_key,
            version=1 if before is None else before["version"] + 1,
            content_hash=_NO_DELIVERY,
            source_time=fresh.at,
            deleted=False,
            parser_version=None,
            first_run=fresh.run_id if before is None else before["first_run"],
            last_run=fresh.run_id,
            standard=orjson.dumps(fresh.standard).decode(),
            payload=orjson.dumps(payload).decode(),
        )
    )
    if before is None or before["deleted"]:
        totals.move(connection, "records", 1)
    keys = matcher.keys(fresh.entity_type, fresh.standard)
    if keys:
        rows = [{"key": key, "record_id": fresh.record_id} for key in keys]
        connection.execute(sa.insert(match_key), rows)


def add_edges(connection: sa.Connection, fresh: Fresh, found: Sequence[Edge]) -> None:
    """Keep why a record is where it was attached, for decisions that take effect before the run that looks at it."""
    e = edge.c
    connection.execute(sa.delete(edge).where(sa.or_(e.left_id == fresh.record_id, e.right_id == fresh.record_id)))
    if found:
        names = ("left_id", "right_id", "weight")
        rows = [{**dict(zip(names, one, strict=True)), "entity_type": fresh.entity_type} for one in found]
        connection.execute(sa.insert(edge), rows)


def publish_new(store: Store, connection: sa.Connection, config: Config, fresh: Fresh, golden_id: str) -> None:
    """Write the golden record of a record that stands alone, with its event, numbered as all others are."""
    values, provenance = golden_values(config, fresh, golden_id)
    connection.execute(
        sa.insert(membership).values(record_id=fresh.record_id, golden_id=golden_id, run_id=fresh.run_id)
    )
    g = golden_record.c
    version = int(connection.scalar(sa.select(g.version).where(g.golden_id == golden_id)) or 0) + 1
    was_active = False
    if version > 1:
        from models.store.tables import golden_version

        old = connection.execute(sa.select(golden_record).where(g.golden_id == golden_id)).mappings().one()
        was_active = old["status"] == "active"
        connection.execute(sa.insert(golden_version).values(**old, recorded_to=fresh.at))
        connection.execute(sa.delete(golden_record).where(g.golden_id == golden_id))
    totals.move(connection, "golden", int(not was_active))
    connection.execute(
        sa.insert(golden_record).values(
            golden_id=golden_id,
            entity_type=fresh.entity_type,
            version=version,
            status="active",
            records=1,
            valid_from=fresh.at,
            recorded_at=fresh.at,
            run_id=fresh.run_id,
            values=values,
            provenance=provenance,
        )
    )
    name = counter.c.name == "event"
    if not connection.execute(sa.update(counter).where(name).values(value=counter.c.value + 1)).rowcount:
        connection.execute(sa.insert(counter).values(name="event", value=1))
    seq = connection.scalar(sa.select(counter.c.value).where(name))
    row = {"type": "created", "entity_type": fresh.entity_type, "golden_id": golden_id, "version": version}
    connection.execute(sa.insert(event).values(seq=seq, after=values, run_id=fresh.run_id, at=fresh.at, **row))


def golden_values(config: Config, fresh: Fresh, golden_id: str) -> tuple[str, str]:
    """Values and provenance (JSON) of a golden record of this record alone, as survivorship gives them."""
    full = with_created(config, [(fresh.consumer, fresh.entity_type)])
    known = config.attributes_of(fresh.entity_type)
    member: dict[str, Any] = {
        "record_id": fresh.record_id,
        "golden_id": golden_id,
        "source": fresh.source,
        "stream": fresh.entity_type,
        "source_key": fresh.source_key,
        "source_time": fresh.at,
    }
    fields = [
        pa.field("record_id", pa.int64()),
        *(pa.field(name, pa.string()) for name in ("golden_id", "source", "stream", "source_key")),
        pa.field("source_time", pa.timestamp("us", tz="UTC")),
        *(pa.field(n, pa.list_(pa.string()) if a.multi else pa.string()) for n, a in known.items()),
    ]
    row = member | {name: fresh.values.get(name) for name in known}
    from matching.standardise import schema_of

    schema = schema_of(config, fresh.entity_type)
    standard = pa.Table.from_pylist([{"record_id": fresh.record_id, **fresh.standard}], schema=schema)
    made = survive(
        pa.Table.from_pylist([row], schema=pa.schema(fields)),
        standard,
        rules_for(full, fresh.entity_type),
        ranks_for(full),
    )
    found = made.to_pylist()[0]
    return found["values"], found["provenance"]
