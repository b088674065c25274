"""Rows in bulk: whatever repeats in a batch, the rows that come out are those that went in."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from models.store import Store, bulk
from models.store import tables as t
from models.store.columns import arrow_schema
from tests.support import outcomes as o

SCHEMA = arrow_schema(list(t.source_record.c))
VARIED: dict[str, Any] = {
    "entity_type": lambda i: f"e{i}",
    "source": lambda i: "crm" if i % 7 else "dms",
    "stream": lambda i: "",
    "source_key": lambda i: f"键 {i}",
    "version": lambda i: i % 3,
    "content_hash": lambda i: None if i % 2 else -i,
    "source_time": lambda i: o.DAY + dt.timedelta(microseconds=i),
    "deleted": lambda i: i % 2 == 0,
    "parser_version": lambda i: None if i else "1",
    "first_run": lambda i: "r1",
    "last_run": lambda i: "r2",
    "standard": lambda i: f'{{"i":{i}}}',
    "payload": lambda i: None if i % 3 == 0 else "{}",
}


def rows(start: int, count: int, constant: set[str]) -> list[dict[str, Any]]:
    return [
        {"record_id": i, **{name: make(5 if name in constant else i) for name, make in VARIED.items()}}
        for i in range(start, start + count)
    ]


@pytest.mark.parametrize("count", [1, 119, 120, 121, 1000])
@pytest.mark.parametrize(
    "constant",
    [set(), {"entity_type", "source_time", "deleted"}, {"content_hash", "payload", "standard", "version"}, set(VARIED)],
    ids=["nothing", "some", "others", "all"],
)
def test_columns_that_hold_one_value_come_back_in_every_row(store: Store, count: int, constant: set[str]) -> None:
    given = [*rows(0, count, constant), *rows(count, 300, set())]
    table = pa.Table.from_pylist(given, SCHEMA)
    batches = [table.slice(0, count).to_batches()[0], table.slice(count).to_batches()[0]]
    with store.database.write() as connection:
        assert bulk.insert(connection, t.source_record, batches) == count + 300
    found = store.fetch_arrow(t.source_record.select()).sort_by("record_id").to_pylist()
    assert found == given


def test_a_batch_of_equal_rows_is_written_row_by_row(store: Store) -> None:
    batch = pa.record_batch([[7] * 500, ["x"] * 500], names=["left_id", "kind"])
    more = {"verdict": "v", "by": "b", "at": o.DAY}
    columns = {**dict(zip(batch.schema.names, batch.columns, strict=True)), **{k: [v] * 500 for k, v in more.items()}}
    with store.database.write() as connection:
        bulk.insert(connection, t.decision, pa.table(columns).to_batches())
    assert (
        store.decisions().select(["kind", "left_id", "verdict"]).to_pylist()
        == [{"kind": "x", "left_id": 7, "verdict": "v"}] * 500
    )


def test_constants_are_replaced_too_where_rows_are_there(store: Store) -> None:
    first, second = rows(0, 500, set()), rows(250, 500, {"source", "payload", "deleted", "source_time"})
    with store.database.write() as connection:
        bulk.insert(connection, t.source_record, pa.Table.from_pylist(first, SCHEMA).to_batches())
        bulk.upsert(connection, t.source_record, pa.Table.from_pylist(second, SCHEMA).to_batches())
    found = store.fetch_arrow(t.source_record.select()).sort_by("record_id").to_pylist()
    assert found == [*first[:250], *second]
