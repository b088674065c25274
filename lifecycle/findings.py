"""From violations to findings, and what changed: opened, open still, opened again, closed and why.

A finding is one rule broken by one subject: a source record, whoever its customer is, or a customer. It closes only
when the violation is gone, because of a delivery, of another identity, of other contracts, or, for what holds only in
a stage, of the time that passed. What people did with findings is theirs; a waived one stays open and is not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pyarrow as pa

from lifecycle.contracts.bound import BoundRule
from lifecycle.rules.base import role_of
from lifecycle.standard import ENTITIES
from lifecycle.work import Work, array_of, text
from models.store import lifecycle_tables as lt
from models.store.columns import arrow_schema

FINDING = arrow_schema(list(lt.finding.c))


def write_findings(work: Work, rules: Sequence[BoundRule], run_id: str, touched: Any) -> dict[str, int]:
    """Creates `present` and `change_of`, writes `findings` and `finding_changes`; returns counts by what changed.

    `touched` is None in a full evaluation; else the customers and records that were evaluated (`scope.Touched`).
    """
    _present(work, rules)
    _past(work, touched)
    _rule_table(work, rules)
    today = text(work.today.isoformat())
    run = text(run_id)
    by_data = "TRUE" if touched is None else "p.golden_id IS NULL OR p.golden_id IN (SELECT golden_id FROM by_data)"
    if touched is not None:
        with work.table("by_data_rows", pa.table({"golden_id": pa.array(sorted(touched.by_data), pa.string())})):
            work.sql("CREATE TEMP TABLE by_data AS SELECT golden_id FROM by_data_rows")
    same = ("rule", "dimension", "about", "record_id", "source", "stream", "source_key", "field", "severity")
    moving = ("rule_hash", "stage", "golden_id", "value", "owner", "owner_role", "stake", "since")
    changed = " OR ".join(f"n.{name} IS DISTINCT FROM p.{name}" for name in (*same, *moving))
    taken = ", ".join(f"n.{name}" for name in (*same, *moving))
    fixed = f"{text(work.contracts.version)} AS contracts, 'open' AS status"
    nothing = "NULL AS closed_on, NULL AS closed_run, NULL AS closed_because"
    work.sql(
        f"""CREATE TABLE change_of AS
        SELECT n.finding_id, 'opened' AS change, {taken}, {fixed}, {today} AS first_seen, {today} AS opened_on,
            {run} AS opened_run, {nothing}, 0::BIGINT AS reopened
        FROM present n ANTI JOIN past p USING (finding_id)
        UNION ALL BY NAME
        SELECT n.finding_id, 'reopened' AS change, {taken}, {fixed}, p.first_seen, {today} AS opened_on,
            {run} AS opened_run, {nothing}, p.reopened + 1 AS reopened
        FROM present n JOIN past p USING (finding_id) WHERE p.status = 'closed'
        UNION ALL BY NAME
        SELECT n.finding_id, 'kept' AS change, {taken}, {fixed}, p.first_seen, p.opened_on, p.opened_run, {nothing},
            p.reopened FROM present n JOIN past p USING (finding_id) WHERE p.status = 'open' AND ({changed})
        UNION ALL BY NAME
        SELECT p.* EXCLUDE (status, closed_on, closed_run, closed_because), 'closed' AS change, 'closed' AS status,
            {today} AS closed_on, {run} AS closed_run,
            CASE WHEN r.hash IS NULL OR r.hash <> p.rule_hash THEN 'contracts'
                WHEN p.record_id IS NULL AND p.golden_id IS NOT NULL AND c.golden_id IS NULL THEN 'identity'
                WHEN p.record_id IS NOT NULL AND p.golden_id IS NOT NULL AND d.record_id IS NULL AND
                    m.record_id IS NOT NULL
                    AND m.golden_id IS DISTINCT FROM p.golden_id THEN 'identity'
                WHEN {by_data} THEN 'delivery' ELSE 'time' END AS closed_because
        FROM past p ANTI JOIN present n USING (finding_id) LEFT JOIN rule_of r ON r.id = p.rule
            LEFT JOIN gold c ON c.golden_id = p.golden_id LEFT JOIN changed_record d ON d.record_id = p.record_id
            LEFT JOIN of_record m ON m.record_id = p.record_id
        WHERE p.status = 'open'"""
    )
    columns = ", ".join(f'"{column.name}"' for column in lt.finding.c)
    out = work.folder / "lifecycle"
    _copy(work, f"SELECT {columns} FROM change_of", str(out / "findings.parquet"))
    _copy(
        work,
        f"SELECT finding_id, {run} AS run_id, change, closed_because AS because, {today} AS day FROM change_of "
        "WHERE change IN ('closed', 'reopened')",
        str(out / "finding_changes.parquet"),
    )
    counts = dict(work.rows("SELECT change, count(*) FROM change_of GROUP BY change"))
    return {name: int(counts.get(name, 0)) for name in ("opened", "reopened", "kept", "closed")}


def _present(work: Work, rules: Sequence[BoundRule]) -> None:
    """Creates `present`: the findings that hold now, with everything that a finding says."""
    _rule_table(work, rules)
    records = " UNION ALL ".join(
        f"SELECT record_id, source, stream, source_key, no, {_or_null(work, entity, 'owner')} AS owner, "
        f"{_or_null(work, entity, 'amount')} AS amount FROM {entity}"
        for entity in ENTITIES
    )
    work.sql(f"CREATE OR REPLACE TEMP VIEW record_of AS {records}")
    work.sql(
        """CREATE TABLE present AS
        SELECT (md5_number_lower(concat_ws(chr(31), r.id, v.record_id, CASE WHEN v.record_id IS NULL OR
                v.person_id IS NOT NULL THEN n.golden_id END, v.person_id, v.field, v.part)) >> 1)::BIGINT AS
                    finding_id,
            r.id AS rule, r.hash AS rule_hash, r.dimension, r.about, coalesce(r.stage, s.stage) AS stage, n.golden_id,
            v.record_id, o.source, o.stream, o.source_key, v.field, v.value, r.severity,
            coalesce(o.owner, s.owner) AS owner, coalesce(r.role, l.role) AS owner_role,
            CASE r.stake WHEN 'amount' THEN CASE WHEN r.dimension = 'valid' AND v.field = 'amount' THEN NULL
                    ELSE o.amount END -- an amount that is wrong is no money at stake
                WHEN 'pipeline' THEN s.pipeline WHEN 'revenue' THEN s.revenue
                ELSE r.sum END AS stake, CAST(v.since AS VARCHAR) AS since, v.no, v.rule AS number
        FROM (SELECT DISTINCT ON (rule, record_id, no, person_id, field, part) * FROM violation
                ORDER BY rule, record_id, no, person_id, field, part, value) v
            JOIN rule_of r ON r.number = v.rule LEFT JOIN number n ON n.no = v.no LEFT JOIN state s ON s.no = v.no
            LEFT JOIN role_of l ON l.stage = s.stage
            LEFT JOIN (SELECT * FROM record_of SEMI JOIN violation USING (record_id)) o ON o.record_id = v.record_id"""
    )
    # People are records of no table here; the finding names the first record of theirs.
    persons = work.ids("SELECT DISTINCT record_id FROM present WHERE record_id IS NOT NULL AND source IS NULL")
    if len(persons):
        named = work.store.records_by_id(persons, ["source", "stream", "source_key"])
        parts = [named.select(["record_id", "source", "stream", "source_key"])]
        with work.table("named", parts[0]):
            work.sql(
                "UPDATE present SET source = named.source, stream = named.stream, source_key = named.source_key "
                "FROM named WHERE named.record_id = present.record_id AND present.source IS NULL"
            )
        if (file := work.file("changes", "person")) is not None:
            work.sql(
                "UPDATE present SET source = f.source, stream = f.stream, source_key = f.source_key "
                f"FROM {file} f WHERE f.record_id = present.record_id AND present.source IS NULL"
            )


def _or_null(work: Work, entity: str, name: str) -> str:
    if name in work.config.attributes_of(entity):
        return f"a_{name}"
    return "NULL::DOUBLE" if name == "amount" else "NULL::VARCHAR"


def _rule_table(work: Work, rules: Sequence[BoundRule]) -> None:
    """Creates `rule_of`, one row per rule, and `role_of` with the role in charge of each stage."""
    stages = list(work.contracts.stages)
    roles = pa.table({"stage": stages, "role": [role_of(work.contracts, stage) for stage in stages]})
    with work.table("roles", roles):
        work.sql("CREATE OR REPLACE TEMP TABLE role_of AS SELECT * FROM roles")
    stakes = [bound.stake for bound in rules]
    rows = pa.table(
        {
            "number": pa.array(range(len(rules)), pa.int32()),
            "id": pa.array([bound.id for bound in rules], pa.string()),
            "hash": pa.array([bound.hash for bound in rules], pa.string()),
            "dimension": pa.array([bound.dimension for bound in rules], pa.string()),
            "about": pa.array([bound.rule.about for bound in rules], pa.string()),
            "stage": pa.array([bound.stage for bound in rules], pa.string()),
            "severity": pa.array([bound.severity for bound in rules], pa.string()),
            "role": pa.array([role_of(work.contracts, b.stage) if b.stage else None for b in rules], pa.string()),
            "stake": pa.array([stake if isinstance(stake, str) else None for stake in stakes], pa.string()),
            "sum": pa.array([None if stake is None or isinstance(stake, str) else float(stake) for stake in stakes]),
        }
    )
    with work.table("rule_rows", rows.set_column(9, "sum", rows["sum"].cast(pa.float64()))):
        work.sql("CREATE OR REPLACE TEMP TABLE rule_of AS SELECT * FROM rule_rows")


def _past(work: Work, touched: Any) -> None:
    """Creates `past`: what was found before of everything that was evaluated; `changed_record`, `of_record`."""
    store = work.store
    if touched is None:
        parts = [store.all_findings()]
    else:
        parts = [
            store.findings_of(pa.array(sorted(touched.golden), pa.string())),
            store.findings_without_customer(array_of(touched.records)),
            store.findings_by_id(work.ids("SELECT finding_id FROM present")),
        ]
    with work.table("past_rows", pa.concat_tables([part.cast(FINDING) for part in parts])):
        work.sql("CREATE TABLE past AS SELECT DISTINCT ON (finding_id) * FROM past_rows")
    changed = " UNION ALL ".join(f"SELECT record_id FROM changed_{entity}" for entity in ENTITIES)
    work.sql(f"CREATE TEMP TABLE changed_record AS SELECT DISTINCT record_id FROM ({changed})")
    work.sql(
        "CREATE TEMP TABLE of_record AS SELECT r.record_id, n.golden_id FROM record_of r SEMI JOIN past p "
        "USING (record_id) LEFT JOIN number n ON n.no = r.no"
    )


def waive(work: Work) -> None:
    """Creates `waived` (finding_id, until) of the open findings, and adds the ends of waivers to `stale`."""
    ids = None if work.full else work.ids("SELECT finding_id FROM present")
    actions = work.store.finding_actions(ids)
    last: dict[int, Any] = {}
    for row in actions.to_pylist():
        if row["action"] in ("waive", "unwaive"):
            last[row["finding_id"]] = row
    today = work.today.isoformat()
    holding = {
        number: row["until"]
        for number, row in last.items()
        if row["action"] == "waive" and (row["until"] or today) >= today
    }
    rows = pa.table({"finding_id": array_of(holding), "until": pa.array(list(holding.values()), pa.string())})
    with work.table("waived_rows", rows):
        work.sql("CREATE TABLE waived AS SELECT w.* FROM waived_rows w SEMI JOIN present USING (finding_id)")
    work.sql(
        "INSERT INTO stale SELECT p.no, p.record_id, CAST(w.until AS DATE) + 1 FROM present p JOIN waived w "
        "USING (finding_id) WHERE w.until IS NOT NULL"
    )


def blocking(work: Work, rules: Sequence[BoundRule], limit: int = 5) -> list[str]:
    """New violations of rules that let nothing be published, in words."""
    names = [bound.id for bound in rules if bound.rule.blocking]
    if not names:
        return []
    found = work.rows(
        "SELECT rule, count(*), list(DISTINCT coalesce(source || ':' || source_key, golden_id))[:3] FROM change_of "
        f"WHERE change IN ('opened', 'reopened') AND rule IN ({', '.join(map(text, names))}) GROUP BY rule "
        f"ORDER BY rule LIMIT {limit}"
    )
    return [f"contract rule {rule}: {number:,} new findings ({', '.join(some)})" for rule, number, some in found]


def _copy(work: Work, query: str, path: str) -> None:
    work.sql(f"COPY ({query}) TO {text(path)} (FORMAT parquet, COMPRESSION zstd)")


def document_of(contracts: Any) -> dict[str, Any]:
    """Contracts as they are kept with the runs."""
    found: dict[str, Any] = orjson.loads(orjson.dumps(contracts.model_dump(mode="json", by_alias=True)))
    return found
