"""Measures the published crosswalk against a truth file: pairwise and cluster precision, recall, F1.

Only reads. Neither training nor thresholds see the truth: that would be measuring the ruler.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pacsv

from models.errors import ConfigError

REQUIRED = ("source", "source_key", "entity_id")
QUALIFIERS = ("stream", "entity_type")
"""Optional columns of a truth file, needed where one source has the same key in several streams."""


@dataclass(frozen=True)
class Rates:
    """Precision, recall and F1 (each 0 to 1; 0 where nothing could be counted) with the counts they come from."""

    precision: float
    recall: float
    f1: float
    correct: int
    found: int
    expected: int

    @classmethod
    def of(cls, correct: int, found: int, expected: int) -> Rates:
        """The rates of `correct` things among `found` ones, where `expected` were to be found."""
        precision = correct / found if found else 0.0
        recall = correct / expected if expected else 0.0
        f1 = 2 * precision * recall / (precision + recall) if correct else 0.0
        return cls(precision, recall, f1, correct, found, expected)


@dataclass(frozen=True)
class Evaluation:
    """How the hub's golden records compare with the truth.

    `pairwise` counts pairs of records: found = in one golden record, expected = in one true entity.
    `cluster` counts whole groups, single records among them: correct = exactly the records of one true entity.
    Records without truth are left out; `missing` records have truth but no golden record, so their pairs and
    their entities count as not found.
    """

    records: int
    missing: int
    pairwise: Rates
    cluster: Rates

    def as_dict(self) -> dict[str, Any]:
        """The same as nested plain values, for JSON."""
        return asdict(self)


def compare_labels(found: npt.NDArray[np.int64], truth: npt.NDArray[np.int64]) -> Evaluation:
    """Compare two groupings of the same records.

    `found` and `truth` hold one group number per record (any non-negative numbers); -1 in `found` means that the
    record is missing.
    """
    have = found >= 0
    _, mine = np.unique(found[have], return_inverse=True)
    entities, theirs = np.unique(truth, return_inverse=True)
    sizes_mine, sizes_theirs = np.bincount(mine), np.bincount(theirs)
    cell_keys, cell_sizes = np.unique(
        mine.astype(np.int64) * max(len(entities), 1) + theirs[have].astype(np.int64), return_counts=True
    )
    of_mine, of_theirs = np.divmod(cell_keys, max(len(entities), 1))
    exact = int(((sizes_mine[of_mine] == cell_sizes) & (sizes_theirs[of_theirs] == cell_sizes)).sum())
    return Evaluation(
        records=len(truth),
        missing=int(len(truth) - have.sum()),
        pairwise=Rates.of(_pairs(cell_sizes), _pairs(sizes_mine), _pairs(sizes_theirs)),
        cluster=Rates.of(exact, len(sizes_mine), len(sizes_theirs)),
    )


def _pairs(sizes: npt.NDArray[np.int64]) -> int:
    return int((sizes * (sizes - 1) // 2).sum())


def read_truth(path: Path) -> pa.Table:
    """Read a truth file: CSV in UTF-8 with `source, source_key, entity_id` and, if needed, `stream` or `entity_type`.

    All columns are text. Raises ConfigError for a file that is absent, lacks a column or names one record twice.
    """
    if not path.is_file():
        raise ConfigError("there is no such truth file", file=str(path))
    try:
        with pacsv.open_csv(path) as reader:
            columns = reader.schema.names
        absent = [c for c in REQUIRED if c not in columns]
        if absent:
            raise ConfigError(
                f"a truth file needs the columns {', '.join(REQUIRED)}; {', '.join(absent)} is missing, "
                f"there are {', '.join(columns)}",
                file=str(path),
            )
        wanted = [c for c in (*REQUIRED, *QUALIFIERS) if c in columns]
        table = pacsv.read_csv(
            path,
            convert_options=pacsv.ConvertOptions(
                include_columns=wanted, column_types={c: pa.string() for c in wanted}, strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as broken:
        raise ConfigError(f"not readable as CSV in UTF-8: {broken}", file=str(path)) from broken
    if not table.num_rows:
        raise ConfigError("the truth file holds no records", file=str(path))
    key = ", ".join(c for c in wanted if c != "entity_id")
    with duckdb.connect() as con:
        con.register("truth", table)
        twice = con.execute(f"SELECT {key} FROM truth GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL").fetchall()
    if twice:
        raise ConfigError(
            f"{len(twice)} records stand there more than once, the first is {':'.join(twice[0])}", file=str(path)
        )
    return table


def evaluate_tables(truth: pa.Table, crosswalk: pa.Table) -> Evaluation:
    """Compare a truth table (`read_truth`) with a crosswalk (entity_type, source, stream, source_key, golden_id).

    Raises ConfigError where the truth does not say which of two records with one key is meant.
    """
    key = [c for c in ("source", "source_key", *QUALIFIERS) if c in truth.column_names]
    with duckdb.connect() as con:
        con.register("truth", truth)
        con.register("crosswalk", crosswalk)
        con.execute(
            f"""
            CREATE TABLE joined AS
            SELECT t.entity_id, min(c.golden_id) AS golden_id, count(DISTINCT c.golden_id) AS golden,
                   {", ".join(f"t.{c} AS {c}" for c in key)}
            FROM truth t LEFT JOIN crosswalk c USING ({", ".join(key)})
            GROUP BY ALL
            """  # the column names are this module's own
        )
        ambiguous = con.execute("SELECT source, source_key FROM joined WHERE golden > 1 ORDER BY ALL").fetchall()
        labels = con.execute(
            """
            SELECT CASE WHEN golden_id IS NULL THEN -1 ELSE dense_rank() OVER (ORDER BY golden_id) END AS found,
                   dense_rank() OVER (ORDER BY entity_id) AS truth
            FROM joined
            """
        ).fetchnumpy()
    if ambiguous:
        raise ConfigError(
            f"{len(ambiguous)} keys of the truth exist in more than one stream of their source (the first is "
            f"{':'.join(ambiguous[0])}); a column 'stream' or 'entity_type' says which is meant"
        )
    return compare_labels(np.asarray(labels["found"], np.int64), np.asarray(labels["truth"], np.int64))
