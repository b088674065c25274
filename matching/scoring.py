"""Weights of given pairs: by Splink where they are many, by the compiled model where they are few."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from matching.model.compiled import DIGITS, CompiledModel
from matching.model.conditions import Record, quoted
from models.match_model import PublishedModel

FEW_PAIRS = 20_000
"""Up to so many pairs Splink's preparation takes longer than Python does for all of them."""


def score_known(con: duckdb.DuckDBPyConnection, model: PublishedModel, features: str, pairs: str, target: str) -> int:
    """Creates `target` (left_id, right_id, weight) of the table `pairs`; returns how many pairs there are.

    `features` is as for `score_pairs`. Both ways give the same weights (tested to 1e-9).
    """
    (n,) = con.execute(f"SELECT count(*) FROM {pairs}").fetchall()[0]
    if n > FEW_PAIRS:
        from matching.model.splink_model import score_pairs

        return score_pairs(con, model, features, pairs, target)
    columns = ", ".join(["record_id", *(quoted(c) for c in model.declaration.columns())])
    rows = con.sql(
        f"SELECT {columns} FROM {features} WHERE record_id IN (SELECT unnest([left_id, right_id]) FROM {pairs})"
    ).to_arrow_table()
    records = {row["record_id"]: Record(row) for row in rows.to_pylist()}
    both = con.execute(f"SELECT left_id, right_id FROM {pairs}").fetchnumpy()
    left, right = both["left_id"], both["right_id"]
    weigh = CompiledModel(model).weight
    # Rounded as in `score_pairs`, so that ties are ties whichever way a pair was scored.
    weights = [round(weigh(records[a], records[b]), DIGITS) for a, b in zip(left.tolist(), right.tolist(), strict=True)]
    con.register("weighed", pa.table({"left_id": left, "right_id": right, "weight": pa.array(weights, pa.float64())}))
    con.execute(f"CREATE OR REPLACE TABLE {target} AS SELECT * FROM weighed")
    con.unregister("weighed")
    return int(n)
