"""Small steps between Arrow and NumPy that survivorship takes again and again.

Nothing here knows about golden records. Columns are typed as `Column`: Arrow's type stubs cannot tell a chunked array
from an array, nor positions from truth values; for the same reason `pc`, Arrow's functions, is untyped.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

pc: Any = pyarrow.compute
Column = Any
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
TIME = pa.timestamp("us", "UTC")
TEXT = pa.string()


def schema(**columns: pa.DataType) -> pa.Schema:
    """A schema from names and types."""
    return pa.schema(columns)


def whole(column: Column) -> Column:
    """The column as one array."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def ints(column: Column) -> Ints:
    """A column without nulls as int64."""
    return cast(Ints, column.to_numpy().astype(np.int64, copy=False))


def at(positions: Ints) -> Column:
    """Positions for `take`; −1 stands for null."""
    return pa.array(positions, pa.int64(), mask=positions < 0)


def find(wanted: Column, among: Column) -> Ints:
    """The position of each wanted text among the others, −1 where it is not there."""
    return ints(pc.fill_null(pc.index_in(wanted.cast(TEXT), value_set=whole(among.cast(TEXT))), -1))


def joined(*parts: Column) -> Column:
    """Texts (columns, or one text for all rows) put together row by row; a null counts as empty."""
    texts: list[Column] = [part if isinstance(part, str) else part.cast(TEXT) for part in parts]
    separator: Column = ""
    return pc.binary_join_element_wise(*texts, separator, null_handling="replace", null_replacement="")


def coded(column: Column) -> tuple[Column, Ints]:
    """The distinct texts of a column, and each row's number among them (−1: null)."""
    encoded: Column = whole(pc.dictionary_encode(whole(column.cast(TEXT))))
    return encoded.dictionary, ints(encoded.indices.fill_null(-1))


def equal(left: Column, right: Column) -> Bools:
    """Row by row; two nulls are equal, a null and a value are not. An empty result of a query may have no type."""
    left, right = (
        one.cast(other.type) if pa.types.is_null(one.type) else one for one, other in ((left, right), (right, left))
    )
    both = pc.and_(pc.is_null(left), pc.is_null(right))
    found: Column = pc.or_(pc.fill_null(pc.equal(left, right), False), both)
    return np.array(found.to_numpy(zero_copy_only=False) if isinstance(found, pa.Array) else found.to_numpy(), np.bool_)
