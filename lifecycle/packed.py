"""Many short texts of each customer joined to one: JSON documents made of parts, without a group for every customer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from lifecycle.standard import pc
from lifecycle.work import Work, text

CUSTOMERS = 200_000
"""Customers whose parts are in memory at once."""


def pack(work: Work, name: str, parts: str, brackets: str) -> None:
    """Creates a table `name` (no, document): each customer's parts between the brackets, joined by commas.

    `parts` is a query with a condition `{range}` on `no` that gives no and part in the order of both.
    """
    work.sql(f"CREATE TEMP TABLE {name} (no BIGINT, document VARCHAR)")
    for first in range(0, work.number("SELECT max(no) FROM number") + 1, CUSTOMERS):
        rows = work.arrow(parts.format(range=f"no >= {first} AND no < {first + CUSTOMERS}"))
        if rows.num_rows:
            with work.table("packed_rows", _joined(rows)):
                work.sql(
                    f"INSERT INTO {name} SELECT no, {text(brackets[0])} || document || {text(brackets[1])} "
                    "FROM packed_rows"
                )


def _joined(rows: Any) -> Any:
    numbers = rows["no"].to_numpy()
    starts = np.flatnonzero(np.append(True, numbers[1:] != numbers[:-1]))
    lists: Any = pa.ListArray
    parts = rows["part"].combine_chunks()
    each = lists.from_arrays(pa.array(np.append(starts, len(numbers)).astype(np.int32)), parts)
    return pa.table({"no": numbers[starts], "document": pc.binary_join(each, ",")})
