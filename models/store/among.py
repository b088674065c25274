"""Conditions over many ids at once: one bound array where they are few, a temporary table where they are many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from models.store import bulk

if TYPE_CHECKING:  # Arrow's classes take parameters only in their type stubs
    Ids: TypeAlias = Sequence[int] | npt.NDArray[np.int64] | pa.Array[Any] | pa.ChunkedArray[Any]
    Texts: TypeAlias = Sequence[str] | pa.Array[Any] | pa.ChunkedArray[Any]

FEW_IDS = 5_000
"""Up to here one bound array is quicker than a temporary table."""
_STAGED = "read_ids"


def ids_array(ids: Any) -> pa.Array[Any]:
    """Ids as one Arrow array."""
    if isinstance(ids, pa.ChunkedArray):
        return ids.combine_chunks()
    return ids if isinstance(ids, pa.Array) else pa.array(ids)


@contextmanager
def given(connection: sa.Connection, values: pa.Array[Any]) -> Iterator[sa.FromClause]:
    """Something to select `id` from that holds the values, each once or more."""
    text = pa.types.is_string(values.type) or pa.types.is_large_string(values.type)
    kind: sa.types.TypeEngine[Any] = sa.Text() if text else sa.BigInteger()
    if len(values) > FEW_IDS:
        # In order, so that filling the table and looking its rows up go through the trees from left to right.
        values = pc.unique(values)
        batch = pa.record_batch([values.take(pc.array_sort_indices(values))], names=["id"])
        name = bulk.stage(connection, _STAGED, [batch], bulk.TEXT if text else bulk.ID)
        yield sa.table(name, sa.column("id", kind))
    elif connection.dialect.name == "sqlite":
        # One bound value whatever the number of ids, so that the statement is prepared once.
        each = sa.func.json_each(sa.literal(_json(values))).table_valued(sa.column("value", kind))
        yield sa.select(each.c.value.label("id")).subquery()
    else:
        array = sa.literal(values.to_pylist(), sa.ARRAY(kind))
        yield sa.select(sa.func.unnest(array).label("id")).subquery()


@contextmanager
def among(connection: sa.Connection, column: sa.Column[Any], values: pa.Array[Any]) -> Iterator[sa.ColumnElement[bool]]:
    """The condition that a column holds one of the values."""
    with given(connection, values) as wanted:
        yield column.in_(sa.select(wanted.c.id))


def _json(values: pa.Array[Any]) -> str:
    return orjson.dumps(values.to_pylist()).decode()
