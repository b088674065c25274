"""Corrections that sources with `write_back` were asked for: open until a delivery settles them, numbered by change."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson
import sqlalchemy as sa

from models.store import tables as t
from models.store.database import Database
from models.store.serving_tables import correction

COUNTER = "correction"
_PARTS = 400


class Correcting:
    """The half of a store that keeps corrections."""

    database: Database

    def last_correction(self) -> int:
        """The number of the newest change of a correction; 0 when there is none."""
        with self.database.read() as connection:
            return int(connection.scalar(sa.select(t.counter.c.value).where(t.counter.c.name == COUNTER)) or 0)

    def has_corrections(self, source: str) -> bool:
        """Whether the corrections of a source were ever looked for."""
        with self.database.read() as connection:
            name = t.counter.c.name == f"{COUNTER}:{source}"
            return connection.scalar(sa.select(t.counter.c.value).where(name)) is not None

    def corrections(
        self, source: str, *, status: str | None = None, after: int = 0, limit: int = 500
    ) -> list[dict[str, Any]]:
        """Corrections of a source whose newest change has a number above `after`, in the order of these."""
        c = correction.c
        query = sa.select(correction).where(c.source == source, c.seq > after).order_by(c.seq).limit(limit)
        with self.database.read() as connection:
            rows = connection.execute(query if status is None else query.where(c.status == status)).mappings()
            found = [dict(row) for row in rows]
        for row in found:
            row["source_value"], row["golden_value"] = (
                orjson.loads(row["source_value"]),
                orjson.loads(row["golden_value"]),
            )
        return found

    def renew_corrections(
        self, source: str, run_id: str, looked_at: Collection[str], found: Sequence[Mapping[str, Any]]
    ) -> dict[str, int]:
        """Write what was found in the golden records looked at: opened, changed, closed. Returns how many of each.

        `found`: golden_id, entity_type and what `lost_values` gives. One that is not found any more was acknowledged
        where the source delivered the record since, and is withdrawn where the hub came to think otherwise.
        """
        now = dt.datetime.now(dt.UTC)
        wanted = {(int(one["record"]), str(one["attribute"])): one for one in found}
        done = {"opened": 0, "acknowledged": 0, "withdrawn": 0}
        with self.database.write() as connection:
            held = self._held(connection, source, looked_at, [record for record, _ in wanted])
            fresh = [key for key, one in wanted.items() if not _same(held.get(key), one)]
            gone = [key for key, row in held.items() if key not in wanted and row["status"] == "open"]
            seq = _advance(connection, len(fresh) + len(gone)) - len(fresh) - len(gone)
            _advance(connection, 0, f"{COUNTER}:{source}")
            delivered = self._delivered(connection, [record for record, _ in gone])
            for key in [*gone, *fresh]:
                seq += 1
                mine = sa.and_(correction.c.record_id == key[0], correction.c.attribute == key[1])
                if key in wanted:
                    if key in held:
                        connection.execute(sa.delete(correction).where(mine))
                    row = _row(source, run_id, key, wanted[key], now)
                    connection.execute(sa.insert(correction).values(**row, seq=seq))
                    done["opened"] += 1
                    continue
                status = "acknowledged" if delivered.get(key[0], "") > held[key]["opened_run"] else "withdrawn"
                closed = {"status": status, "seq": seq, "closed_at": now, "closed_run": run_id}
                connection.execute(sa.update(correction).where(mine).values(**closed))
                done[status] += 1
        return done

    @staticmethod
    def _held(
        connection: sa.Connection, source: str, golden_ids: Collection[str], records: Collection[int]
    ) -> dict[tuple[int, str], dict[str, Any]]:
        c, found = correction.c, dict[tuple[int, str], dict[str, Any]]()
        for column, values in ((c.golden_id, sorted(golden_ids)), (c.record_id, sorted(set(records)))):
            for start in range(0, len(values), _PARTS):
                query = sa.select(correction).where(c.source == source, column.in_(values[start : start + _PARTS]))
                found |= {
                    (row["record_id"], row["attribute"]): dict(row) for row in connection.execute(query).mappings()
                }
        return found

    @staticmethod
    def _delivered(connection: sa.Connection, records: Sequence[int]) -> dict[int, str]:
        """Record → the run that last saw a change of it."""
        r, found = t.source_record.c, dict[int, str]()
        for start in range(0, len(records), _PARTS):
            query = sa.select(r.record_id, r.last_run).where(r.record_id.in_(records[start : start + _PARTS]))
            found |= {row.record_id: row.last_run for row in connection.execute(query.where(r.deleted.is_(False)))}
        return found


def _row(source: str, run_id: str, key: tuple[int, str], one: Mapping[str, Any], now: dt.datetime) -> dict[str, Any]:
    names = ("golden_id", "entity_type", "stream", "source_key", "rule")
    return {
        **{name: one[name] for name in names},
        **{name: orjson.dumps(one[name]).decode() for name in ("source_value", "golden_value")},
        "record_id": key[0],
        "attribute": key[1],
        "source": source,
        "status": "open",
        "opened_at": now,
        "opened_run": run_id,
    }


def _same(held: Mapping[str, Any] | None, one: Mapping[str, Any]) -> bool:
    return (
        held is not None
        and held["status"] == "open"
        and held["golden_id"] == one["golden_id"]
        and orjson.loads(held["source_value"]) == one["source_value"]
        and orjson.loads(held["golden_value"]) == one["golden_value"]
    )


def _advance(connection: sa.Connection, by: int, name: str = COUNTER) -> int:
    counter = t.counter
    mine = counter.c.name == name
    if not connection.execute(sa.update(counter).where(mine).values(value=counter.c.value + by)).rowcount:
        connection.execute(sa.insert(counter).values(name=name, value=by))
    return int(connection.scalar(sa.select(counter.c.value).where(mine)) or 0)
