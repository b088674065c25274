"""Comparison vectors: which level of each comparison a pair falls on, counted by pattern.

Levels are numbered as declared (0 is `missing`); a pattern is one number per comparison.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt

from matching.model.conditions import quoted, to_sql
from models.match_model import Comparison, Declaration


@dataclass(frozen=True)
class Patterns:
    """Distinct comparison vectors (`levels`, one row each, int16) and how many pairs show each (`counts`)."""

    levels: npt.NDArray[np.int16]
    counts: npt.NDArray[np.float64]

    @property
    def pairs(self) -> float:
        """Number of pairs counted."""
        return float(self.counts.sum())


def level_sql(comparison: Comparison) -> str:
    """SQL of the number of the level that a pair falls on."""
    cases = " ".join(f"WHEN {to_sql(level.when)} THEN {i}" for i, level in enumerate(comparison.levels))
    return f"(CASE {cases} END)::UTINYINT"


def pair_sql(declaration: Declaration, pairs: str, features: str) -> str:
    """SQL giving left_id, right_id and g0, g1, … for the table `pairs` (left_id, right_id) over `features`."""
    columns = declaration.columns()
    left = ", ".join(f"a.{quoted(c)} AS {quoted(c, '_l')}" for c in columns)
    right = ", ".join(f"b.{quoted(c)} AS {quoted(c, '_r')}" for c in columns)
    levels = ", ".join(f"{level_sql(c)} AS g{i}" for i, c in enumerate(declaration.comparisons))
    return (
        f"SELECT left_id, right_id, {levels} FROM (SELECT p.left_id, p.right_id, {left}, {right} FROM {pairs} p "
        f"JOIN {features} a ON a.record_id = p.left_id JOIN {features} b ON b.record_id = p.right_id)"
    )


def count_patterns(con: duckdb.DuckDBPyConnection, declaration: Declaration, pairs: str, features: str) -> Patterns:
    """The distinct comparison vectors of the pairs in table `pairs`, with their counts."""
    names = ", ".join(f"g{i}" for i in range(len(declaration.comparisons)))
    vectors = pair_sql(declaration, pairs, features)
    table = con.execute(
        f"SELECT {names}, count(*)::DOUBLE AS n FROM ({vectors}) GROUP BY {names} ORDER BY {names}"
    ).fetchnumpy()
    width = len(declaration.comparisons)
    levels = np.stack([np.asarray(table[f"g{i}"], dtype=np.int16) for i in range(width)], axis=1)
    return Patterns(levels.reshape(-1, width), np.asarray(table["n"], dtype=np.float64))
