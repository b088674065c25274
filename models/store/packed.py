"""Much of SQLite in few values: thousands of rows come as one text.

Python's driver gives the interpreter's lock away and takes it again for every row. Two threads that read hundreds of
thousands of rows at once spend most of their time on that; in packs of thousands each reads as if it were alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from sqlalchemy.exc import DataError

from models.store.columns import arrow_schema
from models.store.tables import match_key, source_record

T = TypeVar("T")
_PACK = 2_000
_END = chr(30)
"""Between two texts: JSON never holds it as it is, nor does a number."""
_STANDARDS = (
    "SELECT json_group_array(record_id), CAST(group_concat(standard, char(30)) AS BLOB) FROM source_record "
    "WHERE record_id IN (SELECT value FROM json_each(?)) AND NOT deleted AND standard IS NOT NULL"
)
_BLOCKS = (
    "SELECT CAST(group_concat(given || ',' || ids, char(30)) AS BLOB) FROM (SELECT e.value AS given, ("
    "SELECT group_concat(record_id) FROM (SELECT record_id FROM match_key WHERE key = e.value LIMIT ?)) AS ids "
    "FROM json_each(?) e)"
)


def standards(connection: sa.Connection, ids: pa.Array[Any]) -> pa.Table:
    """record_id, standard (JSON) of the records that are not deleted and have standard values."""
    r = source_record.c
    schema = arrow_schema([r.record_id, r.standard])

    def pack(some: str) -> tuple[pa.Array[Any], pa.Array[Any]] | None:
        found, texts = connection.exec_driver_sql(_STANDARDS, (some,)).one()
        return None if texts is None else (pa.array(orjson.loads(found), pa.int64()), _split(texts, _END))

    packs = list(_packs(ids, pack))
    return pa.table([pa.chunked_array([p[i] for p in packs], field.type) for i, field in enumerate(schema)], schema)


def blocks(connection: sa.Connection, keys: pa.Array[Any], most: int) -> pa.Table:
    """key, record_id: up to `most` records under each of the match keys."""
    k = match_key.c

    def pack(some: str) -> pa.Table | None:
        (texts,) = connection.exec_driver_sql(_BLOCKS, (most, some)).one()
        if texts is None:
            return None
        lists = pc.split_pattern(_split(texts, _END), ",")
        numbers = lists.flatten().cast(pa.int64()).to_numpy()
        sizes = pc.list_value_length(lists).to_numpy().astype(np.int64)
        # Each list begins with its key.
        starts = np.cumsum(sizes) - sizes
        found = np.ones(len(numbers), dtype=bool)
        found[starts] = False
        return pa.table({"key": np.repeat(numbers[starts], sizes - 1), "record_id": numbers[found]})

    schema = arrow_schema([k.key, k.record_id])
    return pa.concat_tables([schema.empty_table(), *(pack.cast(schema) for pack in _packs(keys, pack))])


def _packs(ids: pa.Array[Any], read: Callable[[str], T | None]) -> Iterator[T]:
    """What `read` finds for pack after pack of the ids, each id once and in their order."""
    todo = np.unique(np.asarray(ids, dtype=np.int64))
    at, size = 0, _PACK
    while at < len(todo):
        some = todo[at : at + size]
        try:
            found = read(orjson.dumps(some, option=orjson.OPT_SERIALIZE_NUMPY).decode())
        except DataError:
            # SQLite gives no value above a gigabyte: fewer fit where they are that long.
            if size == 1:
                raise
            size = max(1, size // 8)
            continue
        at += len(some)
        if found is not None:
            yield found


def _split(texts: bytes, end: str) -> pa.Array[Any]:
    """The parts of one long text in UTF-8, which is not made a Python text on the way."""
    whole = pa.Array.from_buffers(
        pa.large_string(), 1, [None, pa.array([0, len(texts)], pa.int64()).buffers()[1], pa.py_buffer(texts)]
    )
    parts: pa.Array[Any] = pc.split_pattern(whole, end).flatten().cast(pa.string())
    return parts
