"""A screen before pairs are scored: those whose match weight cannot reach what is asked for are left out, in SQL.

Of a pair's comparisons only some are looked at, by columns that are quickly had; the others count as the most that they
can give. So whatever the screen leaves out would have been below; of what it lets through most is still below.
"""

from __future__ import annotations

from collections.abc import Collection
from math import log2
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from matching.features import plain_features
from matching.loaded import Standards
from matching.model.compiled import TF_FLOOR, CompiledModel
from matching.model.conditions import quoted, to_sql
from models.match_model import Comparison, PublishedModel, condition_columns

_SIDES = (("l", "_l"), ("r", "_r"))
SLACK = 1e-6
"""Sums in another order differ far behind it."""


class Screen:
    """Bounds of a model's match weights over pairs `"column_l"`, `"column_r"`, whose left records carry `tf_<column>`.

    `known` are the columns that the pairs have; of the list columns `apart` the two share no value, as is known
    beforehand.
    """

    def __init__(self, model: CompiledModel, known: Collection[str], apart: Collection[str]):
        self.model, self.known, self.apart = model, frozenset(known), frozenset(apart)

    def bound(self, comparison: Comparison) -> str:
        """SQL of the most that a comparison can give a pair, in bits."""
        compiled = next(c for c in self.model.comparisons if c.declared.name == comparison.name)
        sql = repr(compiled.weights[-1])
        for number in reversed(range(len(comparison.levels) - 1)):
            when = comparison.levels[number].when
            may, sure = self._may(when), self._sure(when)
            if may == "FALSE":
                continue
            weight = self._weight(compiled, number)
            if may == sure:
                sql = f"(CASE WHEN {may} THEN {weight} ELSE {sql} END)"
                continue
            mine = weight if may == "TRUE" else f"(CASE WHEN {may} THEN {weight} ELSE -1000.0 END)"
            rest = sql if sure == "FALSE" else f"(CASE WHEN {sure} THEN -1000.0 ELSE {sql} END)"
            sql = f"greatest({mine}, {rest})"
        return sql

    def _weight(self, compiled: Any, number: int) -> str:
        weight, column, u = compiled.weights[number], compiled.columns[number], compiled.u[number]
        if column is None:
            return repr(float(weight))
        # The more common of two values counts, so that one of them says the most that there can be.
        top = weight + log2(u)
        if f"tf_{column}" not in self.known:
            return repr(max(float(weight), top - log2(TF_FLOOR)))
        share = quoted(f"tf_{column}", "_l")
        return (
            f"(CASE WHEN {share} IS NULL THEN {max(float(weight), top - log2(TF_FLOOR))!r} "
            f"ELSE {top!r} - log2(greatest({share}, {TF_FLOOR!r})) END)"
        )

    def _is_known(self, condition: Any) -> bool:
        return self.known.issuperset(condition_columns(condition))

    def _may(self, condition: Any) -> str:
        """SQL of whether a condition may hold."""
        return self._either(condition, sure=False)

    def _sure(self, condition: Any) -> str:
        """SQL of whether a condition is known to hold."""
        return self._either(condition, sure=True)

    def _either(self, condition: Any, *, sure: bool) -> str:
        kind = condition.kind
        if kind == "overlap" and condition.column in self.apart:
            return "FALSE"
        if kind in ("all", "any"):
            parts = [self._either(part, sure=sure) for part in condition.of]
            return _joined(parts, every=kind == "all")
        if kind == "not":
            inner = self._either(condition.of, sure=not sure)
            return {"TRUE": "FALSE", "FALSE": "TRUE"}.get(inner, f"(NOT {inner})")
        if kind == "else":
            return "TRUE"
        if not self._is_known(condition):
            return "FALSE" if sure else "TRUE"
        return f"coalesce({to_sql(condition)}, FALSE)"


def _joined(parts: list[str], *, every: bool) -> str:
    """Parts of which every one must hold, or one; a later one is looked at only where those before leave it open."""
    stop, pass_by = ("FALSE", "TRUE") if every else ("TRUE", "FALSE")
    if stop in parts:
        return stop
    open_parts = [part for part in dict.fromkeys(parts) if part != pass_by]
    if not open_parts:
        return pass_by
    sql = open_parts[-1]
    for part in reversed(open_parts[:-1]):
        sql = (
            f"(CASE WHEN {part} THEN {sql} ELSE FALSE END)" if every else f"(CASE WHEN {part} THEN TRUE ELSE {sql} END)"
        )
    return sql


def screen_pairs(
    con: duckdb.DuckDBPyConnection, model: PublishedModel, standards: Standards, names: Collection[str], floor: float
) -> int:
    """Takes the pairs out of the table `pairs` that cannot have a match weight of `floor`; returns how many there were.

    Pairs that share a contact value stay: whom their values stand for is not looked up here. `names` are the standard
    columns. The tables `keys_wanted`, `blocks` and `cut_keys` say which pairs share one.
    """
    (before,) = con.execute("SELECT count(*) FROM pairs").fetchall()[0]
    declaration, compiled = model.declaration, CompiledModel(model)
    if not _set_apart(con, [declaration.contact_rule(kind) for kind in declaration.contacts]):
        return int(before)
    contacts = {kind.column + end for kind in declaration.contacts for end in ("", "_own", "_shared")}
    read = {c for one in declaration.comparisons for level in one.levels for c in condition_columns(level.when)}
    wanted = read.union(declaration.term_frequency_columns()) - contacts
    _load(con, standards, declaration.entity_type, wanted, names)
    shares = _shares(con, compiled, [c for c in declaration.term_frequency_columns() if c in wanted])
    screen = Screen(compiled, wanted.union(f"tf_{column}" for column in shares), contacts)
    columns = [f"{side}.{quoted(c)} AS {quoted(c, end)}" for c in sorted(wanted) for side, end in _SIDES]
    columns += [f"{name}.share AS {quoted('tf_' + c, '_l')}" for c, name in shares.items()]
    both = (
        f"SELECT {', '.join(['left_id', 'right_id', *columns])} "
        "FROM screen_apart p JOIN screen_known l ON l.record_id = p.one JOIN screen_known r ON r.record_id = p.other "
        + " ".join(f"LEFT JOIN {name} ON {name}.value = l.{quoted(c)}" for c, name in shares.items())
    )
    bounds = " + ".join(screen.bound(comparison) for comparison in declaration.comparisons)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE pairs AS SELECT left_id, right_id FROM pairs ANTI JOIN screen_apart USING "
        f"(left_id, right_id) UNION ALL SELECT left_id, right_id FROM ({both}) "
        f"WHERE {compiled.prior_weight!r} + {bounds} >= {floor - SLACK!r}"
    )
    for name in ("screen_apart", "screen_known", *shares.values()):
        con.execute(f"DROP TABLE {name}")
    return int(before)


def _set_apart(con: duckdb.DuckDBPyConnection, rules: Collection[int]) -> int:
    """Creates `screen_apart` (left_id, right_id; one, other: the same, a rescored record first) of the pairs that are
    known to share no contact value; returns how many there are.

    Where a block of contact values was left out for its size nobody knows who shares it.
    """
    listed = ", ".join(map(str, rules)) or "NULL"
    con.execute(
        "CREATE OR REPLACE TEMP TABLE screen_apart AS WITH mine AS (SELECT DISTINCT record_id FROM keys_wanted), "
        f"contact AS (SELECT key, record_id FROM keys_wanted WHERE rule IN ({listed})), "
        "sharing AS (SELECT least(w.record_id, b.record_id) AS left_id, greatest(w.record_id, b.record_id) AS right_id "
        "FROM contact w JOIN blocks b USING (key)), "
        "unsure AS (SELECT record_id FROM contact SEMI JOIN cut_keys USING (key)), "
        "turned AS (SELECT left_id, right_id, left_id IN (SELECT record_id FROM mine) AS first "
        "FROM pairs ANTI JOIN sharing USING (left_id, right_id)) "
        "SELECT left_id, right_id, CASE WHEN first THEN left_id ELSE right_id END AS one, "
        "CASE WHEN first THEN right_id ELSE left_id END AS other FROM turned "
        "WHERE one NOT IN (SELECT record_id FROM unsure)"
    )
    return int(con.execute("SELECT count(*) FROM screen_apart").fetchall()[0][0])


def _load(
    con: duckdb.DuckDBPyConnection, standards: Standards, entity: str, wanted: Collection[str], names: Collection[str]
) -> None:
    """Creates `screen_known`: the columns `wanted` of all records of `screen_apart`."""
    needed, sql = plain_features(entity, wanted, names, "screen_rows")
    found = con.execute("SELECT DISTINCT unnest([one, other]) AS id FROM screen_apart").fetchnumpy()["id"]
    ids = np.asarray(found, dtype=np.int64)
    columns = ", ".join(["record_id", *map(quoted, needed)])
    con.register("screen_held", standards.some(ids[~standards.is_known(ids)], needed))
    con.register("screen_ids", pa.table({"record_id": ids}))
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW screen_rows AS SELECT {columns} FROM loaded SEMI JOIN screen_ids "
        f"USING (record_id) UNION ALL SELECT {columns} FROM screen_held"
    )
    con.execute(f"CREATE OR REPLACE TEMP TABLE screen_known AS {sql}")
    con.execute("DROP VIEW screen_rows")
    con.unregister("screen_held")
    con.unregister("screen_ids")


def _shares(con: duckdb.DuckDBPyConnection, compiled: CompiledModel, columns: Collection[str]) -> dict[str, str]:
    """Creates a table (value, share) per term-frequency column with what the rescored records have; their names."""
    found = {}
    for number, column in enumerate(columns):
        held = con.sql(
            f"SELECT DISTINCT {quoted(column)} AS value FROM screen_known WHERE {quoted(column)} IS NOT NULL "
            "AND record_id IN (SELECT one FROM screen_apart)"
        ).to_arrow_table()["value"]
        shares = [compiled.term_frequency(column, value) for value in held.to_pylist()]
        con.register("screen_shares", pa.table({"value": held, "share": pa.array(shares, pa.float64())}))
        found[column] = f"screen_share_{number}"
        con.execute(f"CREATE OR REPLACE TEMP TABLE {found[column]} AS SELECT * FROM screen_shares")
        con.unregister("screen_shares")
    return found
