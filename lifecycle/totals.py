"""The matrix and the measures over all customers: sums of their parts, corrected by those who were evaluated again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from lifecycle.adherence import SORT, counted
from lifecycle.contracts.bound import BoundRule
from lifecycle.tally import ALL, CENTS, PART
from lifecycle.work import Work, text
from models.store import lifecycle_tables as lt
from models.store.columns import arrow_type

CELL = ("expected", "collected", "touchpoints", "complete", "valid", "present", "fresh")
MONEY = frozenset({"revenue", "pipeline", "stake", "cost"})
Totals = dict[tuple[str, str], list[int]]
"""(sort, key) → numbers: of sort m those of CELL, of s, r and t one."""
_STATE = ("stage", "kind", "existing_since", "segment", "segment_since", "owner", "revenue", "pipeline")


def write_totals(
    work: Work, rules: Sequence[BoundRule], run_id: str, before: str | None, scope: Any
) -> dict[str, float]:
    """Write `matrix` and `measures` after the run; returns the measures by `measure/part`.

    `before` is the run whose totals are corrected by the customers of `scope`; None where all were evaluated.
    """
    totals: Totals = {}
    _expected(work)
    if before is not None:
        _held(work, before, totals)
        _load_old(work, scope)
        _sums(work, "old_part", "old_state", totals, -1)
    _sums(work, "tally_part", "state", totals, 1)
    living = {key: numbers for key, numbers in totals.items() if any(numbers)}
    cells = [(*key.split("/", 2), *numbers) for (sort, key), numbers in sorted(living.items()) if sort == "m"]
    measures = []
    for (sort, key), numbers in sorted(living.items()):
        if sort != "m":
            measure, _, part = key.partition("/")
            measures.append((f"{sort}:{measure}", part, numbers[0] / (100 if measure in MONEY else 1)))
    for kept in counted(rules, living):
        measures += [(f"{SORT}:{kept.rule}", part, float(n)) for part, n in (("of", kept.of), ("broken", kept.broken))]
    _write(work, run_id, "matrix", ("touchpoint", "stage", "source", *CELL), cells, lt.matrix_cell)
    _write(work, run_id, "measures", ("measure", "part", "value"), measures, lt.lifecycle_measure)
    return {f"{measure}/{part}": value for measure, part, value in measures}


def _expected(work: Work) -> None:
    """Creates `expected_of` (stage, kind, source): what is expected in a stage, of whom, and ('') of all together."""
    expects = [(stage, kind) for stage, contract in work.contracts.stages.items() for kind in contract.expects]
    families = {source.name: source.family for source in work.config.sources}
    kinds = work.contracts.touchpoints
    rows = {
        (stage, kind, source)
        for stage, kind in expects
        for source in ("", *(name for name, family in families.items() if family in kinds[kind].families))
    }
    columns: list[Any] = list(zip(*sorted(rows), strict=True)) if rows else [(), (), ()]
    table = pa.table(
        {n: pa.array(list(c), pa.string()) for n, c in zip(("stage", "kind", "source"), columns, strict=True)}
    )
    with work.table("expect_rows", table):
        work.sql("CREATE TEMP TABLE expected_of AS SELECT * FROM expect_rows")


def _held(work: Work, before: str, totals: Totals) -> None:
    """The totals after an earlier run."""
    for row in work.store.matrix(before).to_pylist():
        totals["m", f"{row['touchpoint']}/{row['stage']}/{row['source']}"] = [int(row[name]) for name in CELL]
    for row in work.store.measures(before).to_pylist():
        sort, _, measure = row["measure"].partition(":")
        if sort == SORT:
            continue
        value = int(round(row["value"] * (100 if measure in MONEY else 1)))
        totals[sort, f"{measure}/{row['part']}"] = [value]


def _load_old(work: Work, scope: Any) -> None:
    """Creates `old_part` and `old_state`: what the customers in scope added until now."""
    states = work.store.customer_states(scope, [*_STATE, "tally"])
    parts: list[tuple[Any, ...]] = []
    for number, document in enumerate(states["tally"].to_pylist()):
        for name, numbers in orjson.loads(document).items():
            sort, _, key = name.partition(":")
            names = key.split("/", 2) if sort == "m" else key.split("/", 1) if sort != "p" else []
            parts.append((number, sort, *names, *[None] * (3 - len(names)), *numbers, *[None] * (4 - len(numbers))))
    columns: list[Any] = list(zip(*parts, strict=True)) if parts else [()] * 9
    kinds = [pa.int64(), *[pa.string()] * 4, *[pa.int64()] * 4]
    names = [part.split()[0] for part in PART.split(", ")]
    arrays = [pa.array(list(column), kind) for column, kind in zip(columns, kinds, strict=True)]
    counted = states.drop_columns(["tally"]).append_column("no", pa.array(range(states.num_rows), pa.int64()))
    with work.table("old_rows", pa.table(arrays, names=names)), work.table("old_states", counted):
        work.sql("CREATE TEMP TABLE old_part AS SELECT * FROM old_rows")
        work.sql("CREATE TEMP TABLE old_state AS SELECT * FROM old_states")


def _sums(work: Work, parts: str, states: str, totals: Totals, sign: int) -> None:
    """Add (or with -1 take away) what customers add."""

    def add(sort: str, key: str, numbers: Sequence[int | None]) -> None:
        held = totals.setdefault((sort, key), [0] * len(numbers))
        for i, number in enumerate(numbers):
            held[i] += sign * int(number or 0)

    for kind, stage, source, *numbers in _matrix(work, parts, states):
        add("m", f"{kind}/{stage}/{source}", numbers)
    for sort, key, number in work.rows(
        f"SELECT sort, concat_ws('/', a, b), sum(n1) FROM {parts} WHERE sort IN ('t', 'r', 's') GROUP BY ALL "
        f"UNION ALL SELECT 't', concat_ws('/', a, c), sum(n1) FROM {parts} WHERE sort = 'm' GROUP BY ALL"
    ):
        add(sort, key, [number])
    for severity, role, count, stake, cost in work.rows(
        f"SELECT a, b, sum(n1), sum(n2), sum(n3) FROM {parts} WHERE sort = 'f' GROUP BY ALL"
    ):
        add("s", f"findings/{severity}", [count])
        add("s", f"findings_of/{role}", [count])
        add("s", f"stake/{severity}", [stake])
        add("s", "cost/findings", [cost])
    bits = ", ".join(f"sum((n1 >> {i}) & 1)" for i in range(len(ALL)))
    for stage, count in zip(ALL, work.rows(f"SELECT {bits} FROM {parts} WHERE sort = 'p'")[0], strict=True):
        add("s", f"reached/{stage}", [count])
    for measure, part, number in work.rows(_of_states(work, states)):
        add("s", f"{measure}/{part}", [number])


def _matrix(work: Work, parts: str, states: str) -> list[tuple[Any, ...]]:
    """kind, stage, source and the numbers of CELL, in several rows per cell."""
    mine = f"(SELECT no, a AS kind, b AS stage, c AS source, n1, n2, n3, n4 FROM {parts} WHERE sort = 'm')"
    return work.rows(
        f"""SELECT kind, stage, source, 0, 0, sum(n1), sum(n2), sum(n3), count(n4), sum(n4) FROM {mine} GROUP BY ALL
        UNION ALL
        SELECT kind, stage, '', 0, 0, sum(n1), sum(n2), sum(n3), count(n4), sum(n4) FROM (
            SELECT no, kind, stage, sum(n1) AS n1, sum(n2) AS n2, sum(n3) AS n3, max(n4) AS n4 FROM {mine}
            GROUP BY no, kind, stage) GROUP BY ALL
        UNION ALL
        SELECT e.kind, e.stage, e.source, sum(s.n), 0, 0, 0, 0, 0, 0
        FROM (SELECT stage, count(*) AS n FROM {states} GROUP BY stage) s JOIN expected_of e USING (stage) GROUP BY ALL
        UNION ALL
        SELECT kind, stage, source, 0, count(*), 0, 0, 0, 0, 0 FROM (
            SELECT DISTINCT h.no, e.kind, e.stage, e.source FROM {mine} h JOIN {states} s USING (no)
            JOIN expected_of e ON e.stage = s.stage AND e.kind = h.kind AND e.source IN ('', h.source)) GROUP BY ALL"""
    )


def _of_states(work: Work, states: str) -> str:
    """measure, part, number of what the states of customers tell by themselves, as a query."""
    keys = [text(name) for name, segment in work.contracts.segments.items() if segment.key]
    is_key = f"segment IN ({', '.join(keys)})" if keys else "FALSE"
    won, upgraded = (f"left(CAST({name} AS VARCHAR), 4)" for name in ("existing_since", "segment_since"))
    asked = [
        ("stage", "stage", "count(*)", "TRUE"),
        ("customers", "kind", "count(*)", "TRUE"),
        ("segment", "segment", "count(*)", "segment IS NOT NULL"),
        ("owned", "coalesce(segment, '')", "count(*)", "owner IS NOT NULL"),
        *((name, "coalesce(segment, '')", f"sum({CENTS.format(name)})", f"{name} IS NOT NULL") for name in _AMOUNTS),
        ("won", won, "count(*)", "existing_since IS NOT NULL"),
        ("key_won", won, "count(*)", f"{is_key} AND existing_since IS NOT NULL"),
        ("key_upgraded", upgraded, "count(*)", f"{is_key} AND segment_since > existing_since"),
    ]
    return " UNION ALL ".join(
        f"SELECT {text(measure)}, {part}, {number} FROM {states} WHERE {where} GROUP BY ALL"
        for measure, part, number, where in asked
    )


_AMOUNTS = ("revenue", "pipeline")


def _write(work: Work, run_id: str, name: str, columns: Sequence[str], rows: list[Any], table: Any) -> None:
    values: list[Any] = list(zip(*rows, strict=True)) if rows else [() for _ in columns]
    arrays = {"run_id": pa.array([run_id] * len(rows), pa.string())}
    for column, found in zip(columns, values, strict=True):
        arrays[column] = pa.array(list(found), arrow_type(table.c[column].type))
    pq.write_table(pa.table(arrays), work.folder / "lifecycle" / f"{name}.parquet")
