"""The steps of a run that concern the lifecycle: taking touchpoints in, and evaluating whom the run touches.

Brings together what reads dates (connectors), what knows the forms of values (matching) and what evaluates (lifecycle).
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from connectors.mapping import remap
from connectors.times import parse_times
from lifecycle.contracts import Contracts, load_contracts
from lifecycle.engine import Plan, evaluate, plan_lifecycle, today_of
from lifecycle.intake import take_in
from lifecycle.standard import ENTITIES, Readers
from matching.standardise.forms import FORMS, normal_vin
from models.config import Config
from models.duck import connect_small
from models.errors import KehuError
from models.store import LifecycleOutcome
from models.store import lifecycle_tables as lt
from orchestration.hub_run import HubRun


def has_lifecycle(config: Config) -> bool:
    """Whether any stream delivers what a lifecycle is made of."""
    return bool(set(config.entities()) & set(ENTITIES))


def readers_of(config: Config) -> Readers:
    """How texts of records are read under a configuration."""
    zone = config.lifecycle.timezone

    def days(texts: Any, date_format: str | None) -> Any:
        with connect_small() as connection:
            moments = parse_times(connection, texts, date_format=date_format, timezone=zone)
            connection.register("moments", pa.table({"moment": moments}))
            query = "SELECT CAST(timezone(?, moment) AS DATE) AS day FROM moments"
            found: Any = connection.sql(query, params=[zone]).to_arrow_table()
            return found.column(0).combine_chunks()

    return Readers(days, normal_vin)


def contracts_of(run: HubRun) -> Contracts:
    """The contracts that this run goes by. Raises ConfigErrors."""
    return load_contracts(run.config)


def lifecycle_plan(run: HubRun, contracts: Contracts) -> Plan:
    """How much of the lifecycle this run has to do, decided once."""
    said = run.read("lifecycle/plan")
    if said is not None:
        return Plan(**said["plan"])
    today = today_of(run.config)
    plan = plan_lifecycle(run.store, run.config, contracts, today, full=run.full)
    fields = ("everything", "full", "reason", "before", "standing")
    told = {name: getattr(plan, name) for name in fields}
    run.write("lifecycle/plan", {"today": today.isoformat(), "plan": told})
    return plan


def take_touchpoints_in(run: HubRun) -> int:
    """Standard values and links of changed touchpoints, vehicles and relations; returns how many were taken in."""
    if not has_lifecycle(run.config):
        return 0
    contracts = contracts_of(run)
    plan = lifecycle_plan(run, contracts)
    with run.phase("touchpoints"):
        return take_in(
            run.store,
            run.config,
            contracts,
            run.folder,
            readers_of(run.config),
            lambda entity, records: remap(run.config, records, entity=entity),
            everything=plan.everything,
        )


def evaluate_lifecycle(run: HubRun) -> dict[str, Any]:
    """Stages, findings and the matrix of whom the run touches, as files that are published with the run.

    Returns what was found, empty where there is no lifecycle; `blocking` are new findings of rules that let nothing be
    published.
    """
    if not has_lifecycle(run.config):
        return {}
    contracts = contracts_of(run)
    plan = lifecycle_plan(run, contracts)
    today = dt.date.fromisoformat(run.read("lifecycle/plan")["today"])
    with run.phase("lifecycle"):
        if plan.reason is not None and plan.before is not None:
            run.tell("lifecycle", f"every customer is evaluated: {plan.reason}")
        result = evaluate(
            run.store,
            run.config,
            contracts,
            run.folder,
            run_id=run.run_id,
            today=today,
            forms=FORMS,
            plan=plan,
        )
        found = {
            "today": today.isoformat(),
            "full": result.full,
            "customers": result.customers,
            "findings": result.findings,
            "blocking": result.blocking,
            "seconds": {name: round(value, 3) for name, value in result.seconds.items()},
            "outcome": None if result.outcome is None else vars(result.outcome),
        }
        run.write("lifecycle/result", found)
    return found


def lifecycle_outcome(run: HubRun) -> LifecycleOutcome | None:
    """What the evaluation hands to publishing; None when nothing was touched.

    Raises KehuError when a rule that lets nothing be published has new findings.
    """
    found = run.read("lifecycle/result")
    if found is not None and found["blocking"]:
        run.error = "nothing was published: " + "; ".join(found["blocking"])
        raise KehuError(run.error)
    return None if found is None or found["outcome"] is None else LifecycleOutcome(**found["outcome"])


def findings_that_differ(run: HubRun, folder: Path) -> pa.Table:
    """Findings that an evaluation of every customer, on the day of the published one, would open, close or change.

    Columns finding_id, rule, status, golden_id, record_id; without rows where there is no lifecycle. Publishes nothing.
    """
    kept = ["finding_id", "rule", "status", "golden_id", "record_id"]
    nothing = pa.table({name: pa.array([], pa.string()) for name in kept})
    if not has_lifecycle(run.config):
        return nothing
    contracts = contracts_of(run)
    plan = plan_lifecycle(run.store, run.config, contracts, today_of(run.config))
    if plan.before is None:
        return nothing
    whole = Plan(False, True, "it is compared", plan.before, plan.standing)
    today = dt.date.fromisoformat(str(plan.standing["today"]))
    with run.store.snapshot():
        evaluate(run.store, run.config, contracts, folder, run_id="verify", today=today, forms=FORMS, plan=whole)
    path = folder / "lifecycle" / "findings.parquet"
    return pq.read_table(path).select(kept) if path.exists() else nothing


def open_by_source(run: HubRun) -> dict[str, dict[str, dict[str, int]]]:
    """Findings that are open after this run: source → severity → rule → how many."""
    path = run.folder / "lifecycle" / "findings.parquet"
    f = lt.finding.c
    query = sa.select(f.source, f.severity, f.rule, sa.func.count().label("n")).where(
        f.status == "open", f.source.is_not(None)
    )
    rows = run.store.fetch_arrow(query.group_by(f.source, f.severity, f.rule)).to_pylist()
    counts = {(row["source"], row["severity"], row["rule"]): int(row["n"]) for row in rows}
    if path.exists():
        changed = pq.read_table(path, columns=["finding_id", "source", "severity", "rule", "status"])
        before = run.store.findings_by_id(changed["finding_id"]).to_pylist()
        for rows, sign in ((before, -1), (changed.to_pylist(), 1)):
            for row in rows:
                if row["status"] == "open" and row["source"] is not None:
                    key = row["source"], row["severity"], row["rule"]
                    counts[key] = counts.get(key, 0) + sign
    found: dict[str, dict[str, dict[str, int]]] = {}
    for (source, severity, rule), number in counts.items():
        if number:
            found.setdefault(source, {}).setdefault(severity, {})[rule] = number
    return found
