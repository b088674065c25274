"""What each customer adds to the matrix, to the results of the rules and to the measures; and their sums.

A customer's part is kept with its state, so that a run that evaluates few customers takes out their old parts and puts
in the new ones. Money is counted in hundredths, which add up the same in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from lifecycle.contracts.bound import BoundRule
from lifecycle.stages import _status
from lifecycle.work import Work, text
from models.store import lifecycle_tables as lt
from models.store.columns import arrow_type

CELL = ("expected", "collected", "touchpoints", "complete", "valid", "present", "fresh")


def tally(work: Work, rules: Sequence[BoundRule]) -> None:
    """Creates `tally_part` (no, sort, key, numbers): the parts of every customer in scope, each key once."""
    work.sql("CREATE TABLE tally_part (no BIGINT, sort VARCHAR, key VARCHAR, numbers BIGINT[])")
    _cells(work)
    _results(work, rules)
    _measures(work)


def _cells(work: Work) -> None:
    """Sort m: touchpoint/stage/source → the numbers of CELL."""
    kinds = work.contracts.touchpoints
    fixed = {name: kind.stage or kind.enters for name, kind in kinds.items()}
    stage = "CASE t.kind " + " ".join(f"WHEN {text(n)} THEN {text(s)}" for n, s in fixed.items() if s) + " END"
    fresh = {name: kind.fresh_days for name, kind in kinds.items() if kind.fresh_days}
    age = "CASE kind " + " ".join(f"WHEN {text(n)} THEN {d}" for n, d in fresh.items()) + " END" if fresh else "NULL"
    known = f"({', '.join(map(text, kinds))})"
    work.sql(
        "CREATE TEMP TABLE bad AS SELECT record_id, bool_or(r.dimension = 'complete') AS gap, "
        "bool_or(r.dimension = 'valid') AS wrong FROM violation v JOIN rule_of r ON r.number = v.rule "
        "WHERE record_id IS NOT NULL GROUP BY record_id"
    )
    # A touchpoint whose kind belongs to no stage counts where its customer was at its time.
    work.sql(
        f"""CREATE TEMP TABLE counted AS
        SELECT t.no, t.kind, coalesce({stage}, p.stage, s.stage) AS stage, t.source,
            coalesce(t.a_occurred_at, t.a_valid_from, t.recorded) AS day, b.gap IS NOT TRUE AS complete,
            b.wrong IS NOT TRUE AS valid
        FROM touchpoint t JOIN stage_of s ON s.no = t.no LEFT JOIN bad b USING (record_id)
            ASOF LEFT JOIN path p ON p.no = t.no AND p.entered <= coalesce(t.a_occurred_at, DATE '0001-01-01')
        WHERE t.own AND t.kind IN {known}"""
    )
    expects = [(stage_name, kind) for stage_name, c in work.contracts.stages.items() for kind in c.expects]
    rows = pa.table(
        {
            "stage": pa.array([s for s, _ in expects], pa.string()),
            "kind": pa.array([k for _, k in expects], pa.string()),
        }
    )
    sources = [
        (name, source.name)
        for name, kind in kinds.items()
        for source in work.config.sources
        if source.family in kind.families
    ]
    deliver = pa.table(
        {
            "kind": pa.array([k for k, _ in sources], pa.string()),
            "source": pa.array([s for _, s in sources], pa.string()),
        }
    )
    with work.table("expect_rows", rows), work.table("deliver_rows", deliver):
        work.sql("CREATE TEMP TABLE expected AS SELECT DISTINCT stage, kind FROM expect_rows")
        work.sql(
            "CREATE TEMP TABLE expected_of AS SELECT e.stage, e.kind, '' AS source FROM expected e UNION "
            "SELECT e.stage, e.kind, d.source FROM expected e JOIN deliver_rows d USING (kind)"
        )
    work.sql(
        """CREATE TEMP TABLE latest AS
        SELECT no, kind, stage, source, count(*) AS n, count(*) FILTER (complete) AS complete,
            count(*) FILTER (valid) AS valid, max(day) AS day FROM counted GROUP BY ALL"""
    )
    work.sql(
        """CREATE TEMP TABLE held AS
        SELECT no, kind, source, max(day) AS day FROM latest GROUP BY ALL UNION ALL
        SELECT no, kind, '' AS source, max(day) AS day FROM latest GROUP BY ALL"""
    )
    is_fresh = f"CASE WHEN ({age}) IS NULL OR day + ({age}) >= {work.day} THEN 1 ELSE 0 END"
    work.sql(
        f"""CREATE TEMP TABLE cell AS
        SELECT no, kind, stage, source, sum(expected) AS expected, sum(collected) AS collected, sum(n) AS n,
            sum(complete) AS complete, sum(valid) AS valid, sum(present) AS present, sum(fresh) AS fresh FROM (
            SELECT no, kind, stage, source, 0 AS expected, 0 AS collected, n, complete, valid, 1 AS present,
                {is_fresh} AS fresh FROM latest
            UNION ALL
            SELECT no, kind, stage, '', 0, 0, sum(n), sum(complete), sum(valid), 1,
                max({is_fresh}) FROM latest GROUP BY ALL
            UNION ALL
            SELECT s.no, e.kind, e.stage, e.source, 1, CASE WHEN h.no IS NULL THEN 0 ELSE 1 END, 0, 0, 0, 0, 0
            FROM stage_of s JOIN expected_of e ON e.stage = s.stage
                LEFT JOIN held h ON h.no = s.no AND h.kind = e.kind AND h.source = e.source)
        GROUP BY ALL"""
    )
    work.sql(
        "INSERT INTO tally_part SELECT no, 'm', concat_ws('/', kind, stage, source), "
        "[expected, collected, n, complete, valid, present, fresh] FROM cell"
    )
    if fresh:
        work.sql(
            f"INSERT INTO stale SELECT no, NULL, day + ({age}) + 1 FROM held WHERE ({age}) IS NOT NULL AND "
            "source <> '' "
            f"AND day + ({age}) >= {work.day}"
        )


def _results(work: Work, rules: Sequence[BoundRule]) -> None:
    """Sort r: rule/source → [violations]; sort t: subject/source → [records that could break a rule]."""
    work.sql(
        "INSERT INTO tally_part SELECT no, 't', concat_ws('/', kind, source), [count(*)] FROM touchpoint "
        "WHERE own AND no IS NOT NULL AND kind IS NOT NULL GROUP BY ALL"
    )
    for entity in ("vehicle", "relation"):
        work.sql(
            f"INSERT INTO tally_part SELECT no, 't', concat_ws('/', '{entity}', source), [count(*)] FROM {entity} "
            "WHERE own AND no IS NOT NULL GROUP BY ALL"
        )
    work.sql(
        "INSERT INTO tally_part SELECT no, 'r', concat_ws('/', rule, coalesce(source, '')), "
        "[count(DISTINCT coalesce(record_id, 0))] FROM present WHERE no IS NOT NULL GROUP BY ALL"
    )


def _measures(work: Work) -> None:
    """Sort s: measure/part → [number]: the funnel, customers, money, plans, reasons, findings and what they cost."""
    insert = "INSERT INTO tally_part SELECT no, 's', "
    cents = "CAST(round(100 * {}) AS BIGINT)"
    work.sql(f"{insert} 'stage/' || stage, [1] FROM state")
    work.sql(f"{insert} 'reached/' || stage, [1] FROM (SELECT DISTINCT no, stage FROM path)")
    work.sql(f"{insert} 'customers/' || kind, [1] FROM state")
    work.sql(f"{insert} 'segment/' || segment, [1] FROM state WHERE segment IS NOT NULL")
    work.sql(f"{insert} 'owned/' || coalesce(segment, ''), [1] FROM state WHERE owner IS NOT NULL")
    for measure in ("revenue", "pipeline"):
        amount = cents.format(measure)
        work.sql(f"{insert} '{measure}/' || coalesce(segment, ''), [{amount}] FROM state WHERE {measure} IS NOT NULL")
    work.sql(f"{insert} 'won/' || year(existing_since), [1] FROM state WHERE existing_since IS NOT NULL")
    keys = [text(name) for name, segment in work.contracts.segments.items() if segment.key]
    if keys:
        key = f"segment IN ({', '.join(keys)})"
        work.sql(
            f"{insert} 'key_won/' || year(existing_since), [1] FROM state WHERE {key} AND existing_since IS NOT NULL"
        )
        work.sql(
            f"{insert} 'key_upgraded/' || year(segment_since), [1] FROM state WHERE {key} AND segment_since "
            "> existing_since"
        )
    for name in work.contracts.stages:
        if limit := work.contracts.stages[name].max_days:
            work.sql(
                f"{insert} 'stuck/{name}', [1] FROM state WHERE stage = '{name}' AND since + {limit + 1} <= {work.day}"
            )
    _plans(work, insert)
    _reasons(work, insert)
    work.sql(
        "CREATE OR REPLACE TEMP TABLE counting AS SELECT p.* FROM present p ANTI JOIN waived USING "
        "(finding_id) WHERE no IS NOT NULL"
    )
    work.sql(f"{insert} 'findings/' || severity, [count(*)] FROM counting GROUP BY no, severity")
    work.sql(f"{insert} 'findings_of/' || coalesce(owner_role, ''), [count(*)] FROM counting GROUP BY no, owner_role")
    work.sql(
        f"{insert} 'stake/' || severity, [sum({cents.format('coalesce(stake, 0)')})] FROM counting GROUP BY "
        "no, severity"
    )
    costs = work.contracts.cost
    price = (
        "CASE severity " + " ".join(f"WHEN {text(s)} THEN {p!r}" for s, p in costs.finding.items()) + " ELSE 0 END"
        if costs.finding
        else "0"
    )
    cost = cents.format(f"({price} + coalesce(stake, 0) * {costs.stake_share!r})")
    work.sql(f"{insert} 'cost/findings', [sum({cost})] FROM counting GROUP BY no")
    work.sql(f"{insert} 'duplicates/' || source, [n - 1] FROM duplicate WHERE n > 1")
    work.sql(
        f"{insert} 'cost/duplicates', [sum({cents.format(f'(n - 1) * {costs.duplicate!r}')})] FROM "
        "duplicate WHERE n > 1 GROUP BY no"
    )


def _plans(work: Work, insert: str) -> None:
    """Plans that are due, and how many were carried out: what the first rule `followed` asks of a planned kind."""
    counted: set[str] = set()
    for contract in work.contracts.stages.values():
        for rule in contract.rules.values():
            kind = work.contracts.touchpoints.get(rule.about)
            if rule.kind != "followed" or kind is None or not kind.planned or rule.match != "refers":
                continue
            if rule.about in counted:
                continue
            counted.add(rule.about)
            by = ", ".join(map(text, rule.by))
            work.sql(
                f"{insert} 'planned/{rule.about}', [count(*)] FROM touchpoint WHERE own AND no IS NOT NULL AND "
                f"kind = '{rule.about}' AND a_{rule.since} <= {work.day} GROUP BY no"
            )
            work.sql(
                f"{insert} 'done/{rule.about}', [count(*)] FROM touchpoint t WHERE own AND no IS NOT NULL AND "
                f"kind = '{rule.about}' AND a_{rule.since} <= {work.day} AND EXISTS (SELECT 1 FROM ref r "
                "JOIN touchpoint f "
                f"ON f.record_id = r.record_id WHERE r.target_id = t.record_id AND f.kind IN ({by})) GROUP BY no"
            )
            work.sql(
                f"INSERT INTO stale SELECT no, NULL, a_{rule.since} FROM touchpoint WHERE own AND no IS NOT NULL AND "
                f"kind = '{rule.about}' AND a_{rule.since} > {work.day}"
            )


def _reasons(work: Work, insert: str) -> None:
    """Why opportunities were won and lost, and to whom."""
    kinds = work.kinds(lambda kind: kind.enters == "opportunity")
    won, lost = _status(work, "won"), _status(work, "lost")
    for word, fits in (("won", won), ("lost", lost)):
        mine = f"FROM touchpoint WHERE own AND no IS NOT NULL AND kind IN {kinds} AND {fits}"
        work.sql(f"{insert} 'opportunities/{word}', [count(*)] {mine} GROUP BY no")
        work.sql(f"{insert} '{word}_because/' || coalesce(a_reason, ''), [count(*)] {mine} GROUP BY no, a_reason")
    work.sql(
        f"{insert} 'lost_to/' || a_competitor, [count(*)] FROM touchpoint WHERE own AND no IS NOT NULL AND "
        f"kind IN {kinds} "
        f"AND {lost} AND a_competitor IS NOT NULL GROUP BY no, a_competitor"
    )


def write_totals(work: Work, run_id: str, before: str | None, scope: Any) -> dict[str, float]:
    """Write `matrix` and `measures` after the run; returns the measures by `measure/part`.

    `before` is the run whose totals are corrected by the customers of `scope`; None where all were evaluated.
    """
    totals: dict[tuple[str, str], list[int]] = {}
    if before is not None:
        for row in work.store.matrix(before).to_pylist():
            key = f"{row['touchpoint']}/{row['stage']}/{row['source']}"
            totals["m", key] = [int(row[name]) for name in CELL]
        for row in work.store.measures(before).to_pylist():
            sort, _, measure = row["measure"].partition(":")
            value = int(round(row["value"] * (100 if measure in MONEY else 1)))
            totals[sort, f"{measure}/{row['part']}"] = [value]
        for document in work.store.customer_states(scope, ["golden_id", "tally"])["tally"].to_pylist():
            for name, numbers in orjson.loads(document).items():
                sort, _, key = name.partition(":")
                _add(totals, (sort, key), [-number for number in numbers])
    sums = ", ".join(f"coalesce(sum(numbers[{i}]), 0)::BIGINT" for i in range(1, len(CELL) + 1))
    for sort, key, *numbers in work.rows(f"SELECT sort, key, {sums} FROM tally_part GROUP BY sort, key"):
        _add(totals, (sort, key), [int(number) for number in (numbers if sort == "m" else numbers[:1])])
    living = {key: numbers for key, numbers in totals.items() if any(numbers)}
    cells = [(*key.split("/", 2), *numbers) for (sort, key), numbers in sorted(living.items()) if sort == "m"]
    measures = []
    for (sort, key), numbers in sorted(living.items()):
        if sort != "m":
            measure, _, part = key.partition("/")
            measures.append((f"{sort}:{measure}", part, numbers[0] / (100 if measure in MONEY else 1)))
    _write(work, run_id, "matrix", ("touchpoint", "stage", "source", *CELL), cells, lt.matrix_cell)
    _write(work, run_id, "measures", ("measure", "part", "value"), measures, lt.lifecycle_measure)
    return {f"{measure}/{part}": value for measure, part, value in measures}


MONEY = frozenset({"revenue", "pipeline", "stake", "cost"})


def _add(totals: dict[tuple[str, str], list[int]], key: tuple[str, str], numbers: Sequence[int]) -> None:
    held = totals.get(key)
    totals[key] = list(numbers) if held is None else [a + b for a, b in zip(held, numbers, strict=True)]


def _write(work: Work, run_id: str, name: str, columns: Sequence[str], rows: list[Any], table: Any) -> None:
    values: list[Any] = list(zip(*rows, strict=True)) if rows else [() for _ in columns]
    arrays = {"run_id": pa.array([run_id] * len(rows), pa.string())}
    for column, found in zip(columns, values, strict=True):
        arrays[column] = pa.array(list(found), arrow_type(table.c[column].type))
    pq.write_table(pa.table(arrays), work.folder / "lifecycle" / f"{name}.parquet")
