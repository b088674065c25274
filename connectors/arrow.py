"""Names for Arrow's columns, and its compute functions, free of the type stubs' overloads, which refuse sound calls.

Nothing of its own beyond the few constructors that the package needs everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute

Column: TypeAlias = Any
"""An Arrow array of any type."""
Texts: TypeAlias = Any
"""An Arrow array of strings."""
Flags: TypeAlias = Any
"""An Arrow array of booleans."""
Times: TypeAlias = Any
"""An Arrow array of timestamp[us, UTC]."""

Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

pc: Any = pyarrow.compute
TIME: pa.DataType = pa.timestamp("us", "UTC")
"""Type of a source's own time."""


def schema(**columns: Any) -> pa.Schema:
    """A schema of these names and types."""
    return pa.schema(list(columns.items()))


def texts(values: Iterable[str | None]) -> Texts:
    """An array of strings."""
    return pa.array(list(values), pa.string())


def whole(column: Any) -> Column:
    """A chunked column as one array."""
    if isinstance(column, pa.ChunkedArray):
        found: Any = column.combine_chunks()
        return found if isinstance(found, pa.Array) else pa.concat_arrays(found.chunks)
    return column


def table(columns: dict[str, Any], schema: pa.Schema | None = None) -> pa.Table:
    """A table of arrays, chunked columns or NumPy arrays."""
    return pa.table(columns, schema=schema)


def places(positions: npt.NDArray[Any]) -> Any:
    """Row numbers as `take` wants them."""
    return pa.array(positions)
