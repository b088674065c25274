"""Where a source holds another value than the golden record: in pages, as a file, and as changes by number."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import sqlalchemy as sa

from matching.survive.corrections import lost_values
from models.config import Config, nearest
from models.errors import ConfigError
from models.store import Store
from models.store.tables import golden_record
from serving.customers import Asker, Golden
from serving.feed.reading import withheld_persons
from serving.writers import writer_for

COLUMNS = ("golden_id", "entity_type", "stream", "source_key", "attribute", "source_value", "golden_value", "rule")
SCHEMA = pa.schema([(name, pa.string()) for name in COLUMNS])
_PART = 500


def with_corrections(asker: Asker, source: str, after: str = "") -> Iterator[tuple[Golden, list[dict[str, Any]]]]:
    """Golden records after an id, in the order of ids, with what a source should correct in each: `COLUMNS`, masked.

    Golden records without anything to correct are left out, and so are persons who have not agreed to the purpose of
    whoever asks.
    """
    for part in _with_source(asker.store, source, after):
        kept = withheld_persons(asker, [{"golden_id": g.golden_id, "entity_type": g.entity_type} for g in part])
        for golden in part:
            if golden.golden_id in kept:
                continue
            told = golden.entity_type, golden.values, golden.provenance
            found = lost_values(asker.config, *told, source)
            shown, _ = asker.shown(golden.golden_id, golden.entity_type, {one["attribute"]: one for one in found})
            items = [
                {**one, "golden_id": golden.golden_id, "entity_type": golden.entity_type}
                for one in found
                if one["attribute"] in shown
            ]
            if items:
                yield golden, [{name: one[name] for name in COLUMNS} for one in items]


def write_corrections(asker: Asker, source: str, path: Path) -> int:
    """Write a source's corrections to a file (CSV, Parquet, NDJSON); returns how many. Writes down who read them."""
    rows = 0
    with writer_for(path, SCHEMA) as write:
        for batch in Corrections(asker, source, "corrections").batches():
            write(batch)
            rows += batch.num_rows
    return rows


class Corrections:
    """All corrections of a source as a table; whose personal values are in a batch is on record before it is given."""

    schema = SCHEMA

    def __init__(self, asker: Asker, source: str, action: str):
        self._asker, self._source, self._action = asker, source, action

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Record batches; values as text, lists as JSON."""
        waiting: list[dict[str, Any]] = []
        for _, found in with_corrections(self._asker, self._source):
            waiting += [{name: _text(value) for name, value in one.items()} for one in found]
            if len(waiting) >= _PART:
                yield self._batch(waiting)
                waiting = []
        yield self._batch(waiting)

    def _batch(self, rows: list[dict[str, Any]]) -> pa.RecordBatch:
        self._asker.account_for(self._action)
        return pa.RecordBatch.from_pylist(rows, SCHEMA)


def correction_changes(asker: Asker, source: str, after: int, limit: int) -> dict[str, Any]:
    """Corrections of a source with `write_back` that changed after a number: `items` masked, `next` to go on from."""
    rows = asker.store.corrections(source, after=after, limit=limit)
    kept = withheld_persons(asker, rows) | asker.store.erased_among(row["golden_id"] for row in rows)
    items = []
    for row in rows:
        shown, _ = asker.shown(row["golden_id"], row["entity_type"], {row["attribute"]: row["golden_value"]})
        if shown and row["golden_id"] not in kept:
            items.append({name: row[name] for name in (*COLUMNS, *_OF_CHANGES)})
    last = asker.store.last_correction()
    return {"items": items, "next": rows[-1]["seq"] if len(rows) == limit else max(after, last), "last": last}


_OF_CHANGES = ("seq", "status", "opened_at", "closed_at")


def writes_back(config: Config, name: str) -> str:
    """The name of a source with `write_back`. Raises ConfigError for another."""
    names = [source.name for source in config.sources]
    if name not in names:
        raise ConfigError(f"there is no source '{name}'; there are {', '.join(names)}", nearest=nearest(name, names))
    if not config.source(name).write_back:
        raise ConfigError(f"source '{name}' has no `write_back: true` in the configuration, so no changes are kept")
    return name


def _with_source(store: Store, source: str, after: str) -> Iterator[list[Golden]]:
    """Golden records with several members, one of them of the source, in the order of their ids."""
    g = golden_record.c
    quoted = orjson.dumps(source).decode()
    while True:
        query = sa.select(golden_record).where(g.golden_id > after, g.status == "active", g.records > 1)
        query = query.where(g.provenance.contains(quoted, autoescape=True)).order_by(g.golden_id).limit(_PART)
        with store.database.read() as connection:
            rows = [Golden.of(row) for row in connection.execute(query).mappings()]
        erased = store.erased_among(row.golden_id for row in rows)
        yield [row for row in rows if row.golden_id not in erased]
        if len(rows) < _PART:
            return
        after = rows[-1].golden_id


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()
