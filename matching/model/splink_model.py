"""A published model as Splink settings, and Splink's scores for given pairs.

Splink applies m, u and term frequencies to pairs that Kehu blocked; what it gives is the pair's match weight, prior
included. One DuckDBAPI serves one call: two linkers on one API would share cached tables.
"""

from __future__ import annotations

import logging
import uuid
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from splink import DuckDBAPI, Linker, SettingsCreator

from matching.model.compiled import DIGITS, TF_FLOOR
from matching.model.conditions import quoted, to_sql
from models.match_model import PublishedModel

_FEW_ROWS = 100_000


def splink_settings(model: PublishedModel, *, explain: bool = False) -> dict[str, Any]:
    """The settings dictionary for Splink 5; with `explain` predictions keep each comparison's level and weight."""
    comparisons = []
    for comparison in model.declaration.comparisons:
        levels: list[dict[str, Any]] = []
        for level, trained in zip(comparison.levels, model.levels[comparison.name], strict=True):
            one: dict[str, Any] = {"label_for_charts": level.label}
            if level.when.kind == "else":
                one["sql_condition"] = "ELSE"
            else:
                one["sql_condition"] = to_sql(level.when)
            if trained is None:
                one["is_null_level"] = True
            else:
                one["m_probability"], one["u_probability"] = trained.m, trained.u
                if level.term_frequency:
                    one["tf_adjustment_column"] = level.term_frequency
                    one["tf_adjustment_weight"] = 1.0
                    one["tf_minimum_u_value"] = TF_FLOOR
                    one["disable_tf_exact_match_detection"] = True
            levels.append(one)
        comparisons.append({"output_column_name": comparison.name, "comparison_levels": levels})
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "record_id",
        "probability_two_random_records_match": model.prior,
        "comparisons": comparisons,
        "blocking_rules_to_generate_predictions": ["1=1"],
        "retain_intermediate_calculation_columns": explain,
        "retain_matching_columns": explain,
    }


def score_pairs(
    con: duckdb.DuckDBPyConnection,
    model: PublishedModel,
    features: str,
    pairs: str,
    target: str,
    *,
    at_least: float | None = None,
) -> int:
    """Scores the pairs of table `pairs` (left_id, right_id) and creates `target` (left_id, right_id, weight DOUBLE).

    `features` must hold the columns of the declaration and `tf_<column>` for its term-frequency columns
    (`add_term_frequencies`). Pairs below `at_least` bits are left out. Returns the number of rows in `target`.
    """
    logging.getLogger("splink.internals").setLevel(logging.ERROR)
    names = model.declaration.columns()
    wanted = ", ".join(
        [
            "record_id",
            *(quoted(c) for c in names),
            *(quoted("tf_" + c) for c in model.declaration.term_frequency_columns()),
        ]
    )
    tag = uuid.uuid4().hex[:8]
    con.execute(f"CREATE OR REPLACE TEMP VIEW splink_in_{tag} AS SELECT {wanted} FROM {features}")
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW splink_pairs_{tag} AS "
        f"SELECT '0' AS match_key, left_id AS join_key_l, right_id AS join_key_r FROM {pairs}"
    )
    api = DuckDBAPI(con)
    nodes = api.register(f"splink_in_{tag}")
    # The settings come from a declaration that was validated; Splink's own look at each column costs a second.
    linker = Linker(nodes, SettingsCreator(**splink_settings(model)), validate_settings=False)
    linker.table_management.register_blocked_pairs_for_predict(api.register(f"splink_pairs_{tag}"))
    predicted = linker.inference.predict(threshold_match_weight=at_least, warning_mode="never")
    con.execute(
        f"CREATE OR REPLACE TABLE {target} AS SELECT record_id_l AS left_id, record_id_r AS right_id, "
        f"round(match_weight, {DIGITS}) AS weight FROM {predicted.physical_name}"
    )
    manage: Any = linker.table_management
    manage.delete_tables_created_by_splink_from_db()
    con.execute(f"DROP VIEW IF EXISTS splink_in_{tag}")
    con.execute(f"DROP VIEW IF EXISTS splink_pairs_{tag}")
    return int(con.execute(f"SELECT count(*) FROM {target}").fetchall()[0][0])


def add_term_frequencies(con: duckdb.DuckDBPyConnection, model: PublishedModel, features: str, target: str) -> None:
    """Creates `target`: `features` with a column `tf_<column>` for each term-frequency column of the model."""
    joins, columns = [], []
    (rows,) = con.execute(f"SELECT count(*) FROM {features}").fetchall()[0]
    few = rows < _FEW_ROWS
    for i, column in enumerate(model.declaration.term_frequency_columns()):
        table = model.term_frequencies[column]
        con.execute(f"CREATE OR REPLACE TEMP TABLE tf_{i} (value VARCHAR, share DOUBLE)")
        if few:
            # Looking up what is there takes less than handing over what was learnt from all records.
            held = con.sql(f"SELECT DISTINCT {quoted(column)}::VARCHAR FROM {features}").fetchall()
            table = {value: table[value] for (value,) in held if value in table}
        if table:
            values = np.array(list(table.keys()), dtype=object)
            shares = np.array(list(table.values()), dtype=np.float64)
            con.register("tf_in", pa.table({"value": pa.array(values, pa.string()), "share": shares}))
            con.execute(f"INSERT INTO tf_{i} SELECT * FROM tf_in")
            con.unregister("tf_in")
        joins.append(f"LEFT JOIN tf_{i} t{i} ON t{i}.value = f.{quoted(column)}")
        columns.append(
            f"CASE WHEN f.{quoted(column)} IS NULL THEN NULL ELSE coalesce(t{i}.share, {model.rare[column]!r}) END "
            f"AS {quoted('tf_' + column)}"
        )
    con.execute(
        f"CREATE OR REPLACE TABLE {target} AS "
        f"SELECT f.*{''.join(', ' + c for c in columns)} FROM {features} f {' '.join(joins)}"
    )
