"""The members of one partition of golden records, joined with their standard values, as DuckDB tables.

Reads the input and numbers golden records and members; the values are compared in `candidates`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa

from matching.survive.fields import columns, identifier, literal, reasons, sources_of
from matching.survive.rules import DEFAULT_PRIORITY, FULL_TRUST, FieldRule, SourceRank, Unit, units_of

KEYS = ("record_id", "golden_id", "source", "stream", "source_key")


@dataclass(frozen=True)
class Input:
    """What is registered with DuckDB as `members`, `standard`, `ranks`, and the columns that it has."""

    members: frozenset[str]
    standard: frozenset[str]
    rules: Sequence[FieldRule]
    units: Sequence[Unit]
    partitions: int
    overrides: frozenset[str]

    @property
    def time(self) -> str:
        """SQL of a member's source time."""
        return "CAST(m.source_time AS TIMESTAMPTZ)" if "source_time" in self.members else "NULL::TIMESTAMPTZ"

    def joined(self, condition: str, placed: str = "gold", extra: str = "") -> str:
        """SQL of members with all attributes; `placed` has golden_id (or record_id) and g, `extra` more of its columns."""
        attributes = [
            columns(rule, self.standard, compared=bool(self.overrides) or rule.rule == "most_frequent")
            for rule in self.rules
        ]
        sources = [sql for rule in self.rules for sql in sources_of(rule, self.standard)]
        keys = "g, record_id, golden_id, source, stream, source_key, source_time"
        inner = f"SELECT p.g{extra}, {', '.join(f'm.{name}' for name in KEYS)}, {self.time} AS source_time"
        standard = ""
        if self.standard:
            standard = "LEFT JOIN standard s ON s.record_id = m.record_id"
            inner += f", {reasons(self.rules, self.standard)} AS reason"
        key = "golden_id" if placed == "gold" else "record_id"
        return (
            f"SELECT {', '.join((keys + extra.replace('p.', ''), *attributes))} FROM ({', '.join((inner, *sources))} "
            f"FROM members m JOIN {placed} p ON p.{key} = m.{key} {standard} WHERE {condition})"
        )


def register(
    con: duckdb.DuckDBPyConnection,
    members: pa.Table,
    standard: pa.Table | None,
    rules: Sequence[FieldRule],
    sources: Mapping[str, SourceRank],
    overrides: pa.Table | None,
    partition_rows: int,
) -> Input:
    """Make the input known to DuckDB; see `survive` for the tables."""
    units = _filled(units_of(rules), members)
    con.register("members", members)
    if standard is not None:
        con.register("standard", standard)
    con.register("ranks", _ranks(units, sources))
    steered: frozenset[str] = frozenset()
    if overrides is not None and len(overrides):
        con.register("overrides", overrides)
        steered = frozenset(overrides["attribute"].unique().to_pylist())
    return Input(
        frozenset(members.column_names),
        frozenset(standard.column_names if standard is not None else ()),
        [field for unit in units for field in unit.fields],
        units,
        -(-len(members) // partition_rows) or 1,
        steered,
    )


def _filled(units: Sequence[Unit], members: pa.Table) -> list[Unit]:
    """The units without the attributes that no member has: they cost nothing then. Their order stays."""
    filled = {name for name in members.column_names if members[name].null_count < len(members)}
    left = [(unit, tuple(field for field in unit.fields if field.attribute in filled)) for unit in units]
    return [replace(unit, number=i, fields=fields) for i, (unit, fields) in enumerate(x for x in left if x[1])]


def _ranks(units: Sequence[Unit], sources: Mapping[str, SourceRank]) -> pa.Table:
    """A row per unit and source, and with unit −1 per source: priority, and the numbers of the trust rule."""
    rows: list[tuple[int, str, int, float, float, float, str]] = []
    for unit in (None, *units):
        own = unit.rule if unit is not None else FieldRule("")
        for name in sorted({*sources, *own.priorities, *own.trust}):
            rank = sources.get(name, SourceRank())
            trust = own.trust.get(name) or rank.trust or FULL_TRUST
            priority = own.priorities.get(name, rank.priority)
            number = unit.number if unit is not None else -1
            rows.append((number, name, priority, trust.max, trust.min, trust.decay_days, trust.curve))
    kinds = {
        "unit": pa.int64(),
        "source": pa.string(),
        "priority": pa.int64(),
        "max": pa.float64(),
        "min": pa.float64(),
        "days": pa.float64(),
        "curve": pa.string(),
    }
    return pa.table({name: pa.array([row[i] for row in rows], kind) for i, (name, kind) in enumerate(kinds.items())})


def load_partition(con: duckdb.DuckDBPyConnection, data: Input, number: int) -> None:
    """Fill `gold` (golden_id, g, n, many) and `multi`: the members of the golden records that have several.

    Golden records are numbered by their ids, members (`i`) in the fixed order that breaks every tie: source priority,
    newest source time, source, stream, key. `late` ranks them by source time alone; `newest` is the golden record's
    newest. The split by hash bounds memory; it does not change any value.
    """
    where = "" if data.partitions == 1 else f"WHERE hash(golden_id) % {data.partitions} = {number}"
    con.execute(
        "CREATE OR REPLACE TEMP TABLE gold AS SELECT golden_id, count(*) AS n, count(*) > 1 AS many, "
        f"CAST(row_number() OVER (ORDER BY golden_id) - 1 AS BIGINT) AS g FROM members {where} GROUP BY golden_id"
    )
    if data.overrides:
        _steer(con, data)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE placed AS SELECT g, record_id, "
        "CAST(row_number() OVER (PARTITION BY g ORDER BY "
        "priority, source_time DESC NULLS LAST, source, stream, source_key, record_id) - 1 AS BIGINT) AS i, "
        "CAST(rank() OVER (PARTITION BY g ORDER BY source_time DESC NULLS LAST) AS BIGINT) AS late, "
        "max(source_time) OVER (PARTITION BY g) AS newest FROM ("
        f"SELECT gold.g, m.record_id, {data.time} AS source_time, m.source, m.stream, m.source_key, "
        f"coalesce(r.priority, {DEFAULT_PRIORITY}) AS priority "
        "FROM members m JOIN gold ON gold.golden_id = m.golden_id "
        "LEFT JOIN ranks r ON r.unit = -1 AND r.source = m.source WHERE gold.many)"
    )
    joined = data.joined("true", "placed", ", p.i, p.late, p.newest")
    con.execute(f"CREATE OR REPLACE TEMP TABLE multi AS {joined}")


def _steer(con: duckdb.DuckDBPyConnection, data: Input) -> None:
    """Golden records that a steward's pin or ignore touches take the long way even with one member."""
    touched = [
        "SELECT m.golden_id FROM members m JOIN overrides o ON o.record_id = m.record_id",
        "SELECT golden_id FROM overrides WHERE golden_id IS NOT NULL",
    ]
    singles = data.joined("NOT p.many")
    for rule in data.rules:
        if rule.attribute in data.overrides:
            touched.append(
                f"SELECT j.golden_id FROM ({singles}) j JOIN overrides o ON o.attribute = {literal(rule.attribute)} "
                f"AND o.record_id IS NULL AND o.golden_id IS NULL AND {same_value(rule, 'j')}"
            )
    con.execute(f"UPDATE gold SET many = true WHERE golden_id IN ({' UNION ALL '.join(touched)})")


def same_value(rule: FieldRule, alias: str) -> str:
    """SQL: does the value of an override o (null: any) name the member's value, as shown, compared or delivered?"""
    shown, compared, raw = (f"{alias}.{identifier(f'{letter}:{rule.attribute}')}" for letter in "vcr")
    if rule.multi:
        return f"(o.value IS NULL OR list_contains({shown}, o.value) OR list_contains({raw}, o.value))"
    return f"(o.value IS NULL OR o.value IN ({shown}, {raw}) OR lower(o.value) = {compared} OR o.value = {compared})"
