"""The lifecycle as a whole: matrix of touchpoints, funnel, contracts in plain words, measures and what gaps cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
from fastapi import APIRouter
from fastapi.responses import Response

from lifecycle.adherence import adherence
from lifecycle.contracts import ASIDE, STAGES, Contracts, bound_rules, explain
from models.store import Store
from models.store import lifecycle_tables as lt
from serving.customer360 import contracts_of
from serving.findings import FindingFilter, count_findings
from serving.web import drawings
from serving.web.languages import N_
from serving.web.pages.findings import names_of
from serving.web.registry import Entry
from serving.web.rendering import page
from serving.web.visits import SignedIn, Visit

RIGHT = "findings.read"
NAVIGATION = (
    Entry("matrix", N_("Matrix"), "/matrix", 40, "grid-3x3", RIGHT),
    Entry("funnel", N_("Funnel"), "/funnel", 42, "funnel", RIGHT),
    Entry("measures", N_("Measures"), "/measures", 44, "chart-column", RIGHT),
    Entry("contracts", N_("Contracts"), "/contracts", 46, "file-text", RIGHT),
)
router = APIRouter()
_RUNS = 30
_SHARES = ("collected", "complete", "valid", "fresh")


@router.get("/matrix")
def matrix(visit: SignedIn) -> Response:
    """Which data are collected at which touchpoint in which stage by which system, and how good they are."""
    visit.require(RIGHT)
    contracts = contracts_of(visit.config)
    runs = _runs(visit.store)
    run = visit.asked("run") if visit.asked("run") in runs else (runs[-1] if runs else "")
    by = visit.asked("by") if visit.asked("by") in _SHARES else ""
    rows = _cells(visit, contracts, run, by) if run else []
    touched = visit.asked("touchpoint"), visit.asked("stage"), visit.asked("source")
    trend = _trend(visit.store, runs, *touched) if touched[0] else []
    return page(
        visit,
        "lifecycle/matrix.html",
        title=visit.speech("Matrix of touchpoints"),
        here="matrix",
        runs=list(reversed(runs)),
        run=run,
        by=by,
        shares=_SHARES,
        sources=[s.name for s in visit.config.sources],
        rows=rows,
        touched=touched if trend else None,
        trend=drawings.line([(r[:8], v) for r, v in trend], most=100) if len(trend) > 1 else None,
        label=lambda name: contracts.label(name, visit.language) if name else "",
        link=lambda **values: "/findings?" + urlencode({k: v for k, v in values.items() if v}),
    )


def _cells(visit: Visit, contracts: Contracts, run: str, by: str) -> list[dict[str, Any]]:
    """A row per touchpoint and stage, in the order of the lifecycle; a cell per system."""
    found: dict[tuple[str, str], dict[str, dict[str, Any]]] = defaultdict(dict)
    for cell in visit.store.matrix(run).to_pylist():
        found[cell["touchpoint"], cell["stage"]][cell["source"]] = cell
    kinds = list(contracts.touchpoints)
    order: dict[str, int] = {stage: i for i, stage in enumerate((*STAGES, *ASIDE))}
    expects: dict[str, list[str]] = {stage: list(contract.expects) for stage, contract in contracts.stages.items()}
    rows = []
    places = sorted(found, key=lambda p: (order.get(p[1], 99), kinds.index(p[0]) if p[0] in kinds else 99))
    for kind, stage in places:
        families = contracts.touchpoints[kind].families if kind in contracts.touchpoints else []
        expected = kind in expects.get(stage, ())
        cells = []
        for source in visit.config.sources:
            due = source.family in families
            cells.append(_cell(found[kind, stage].get(source.name), source.name, due and expected, due, by))
        rows.append(
            {
                "kind": kind,
                "stage": stage,
                "expected": expected,
                "all": _cell(found[kind, stage].get(""), "", expected, True, by),
                "cells": cells,
            }
        )
    return rows


def _cell(cell: Mapping[str, Any] | None, source: str, expected: bool, due: bool, by: str) -> dict[str, Any]:
    """The shares of a cell, the lowest of which it shows; `state`: good, fair, poor, gap, none."""
    shares: dict[str, float | None] = dict.fromkeys(_SHARES)
    if cell is not None:
        if cell["expected"] and expected:
            shares["collected"] = cell["collected"] / cell["expected"]
        if cell["touchpoints"]:
            shares["complete"] = cell["complete"] / cell["touchpoints"]
            shares["valid"] = cell["valid"] / cell["touchpoints"]
        if cell["present"]:
            shares["fresh"] = cell["fresh"] / cell["present"]
    empty = cell is None or not cell["touchpoints"]
    judged = {
        name: share
        for name, share in shares.items()
        if share is not None and name in (by or ("complete", "valid", "fresh"))
    }
    worst = min(judged, key=lambda name: judged[name], default=None)
    share = judged[worst] if worst else None
    if empty and shares["collected"]:
        judged, worst, share = {"collected": shares["collected"]}, "collected", shares["collected"]
    if empty and expected and not share:
        state = "gap"
    elif share is None:
        state = "none"
    else:
        state = "good" if share >= 0.95 else "fair" if share >= 0.8 else "poor"
    number = cell["touchpoints"] if cell is not None else 0
    return {"source": source, "state": state, "share": share, "worst": worst, "shares": shares, "n": number, "due": due}


def _trend(store: Store, runs: Sequence[str], kind: str, stage: str, source: str) -> list[tuple[str, float]]:
    """The lowest share of one cell over the runs, in per cent."""
    c = lt.matrix_cell.c
    query = sa.select(lt.matrix_cell).where(c.touchpoint == kind, c.stage == stage, c.source == source)
    rows = {row["run_id"]: row for row in store.fetch_arrow(query).to_pylist()}
    found = []
    for run in runs:
        share = _cell(rows.get(run), source, False, True, "")["share"] if run in rows else None
        if share is not None:
            found.append((run, round(100 * share, 1)))
    return found


@router.get("/funnel")
def funnel(visit: SignedIn) -> Response:
    """How many customers got into each stage, where they stand now, and which leads are stuck."""
    visit.require(RIGHT)
    contracts = contracts_of(visit.config)
    measures = _measures(visit.store)
    now = measures.get("s:stage", {})
    reached = {**measures.get("s:reached", {}), "prospect": sum(now.values())}  # everybody is a prospect at first
    stages = [s for s in STAGES if s in reached or s in now]
    rows: list[dict[str, Any]] = []
    for i, stage in enumerate(stages):
        before = reached.get(stages[i - 1], 0) if i else 0
        rows.append(
            {
                "stage": stage,
                "reached": reached.get(stage, 0),
                "now": now.get(stage, 0),
                "share": reached.get(stage, 0) / before if before and stage != "renewal" else None,
            }
        )
    shown = [(contracts.label(r["stage"], visit.language), r["reached"], f"/funnel?stage={r['stage']}") for r in rows]
    wanted = visit.asked("stage") if visit.asked("stage") in (*STAGES, *ASIDE) else "lead"
    customers = _customers(visit.store, wanted)
    contract = next((c for name, c in contracts.stages.items() if name == wanted), None)
    return page(
        visit,
        "lifecycle/funnel.html",
        title=visit.speech("Funnel"),
        here="funnel",
        rows=rows,
        aside=[(s, now.get(s, 0)) for s in ASIDE if now.get(s)],
        drawing=drawings.funnel(shown) if any(n for _, n, _ in shown) else None,
        stuck={k: n for k, n in measures.get("s:stuck", {}).items()},
        stage=wanted,
        customers=customers,
        names=names_of(visit, visit.store, [c["golden_id"] for c in customers]),
        limit=contract.max_days if contract is not None else None,
        label=lambda name: contracts.label(name, visit.language) if name else "",
        currency=contracts.currency,
        reasons=_reasons(measures),
    )


def _customers(store: Store, stage: str) -> list[dict[str, Any]]:
    """Those who have been in a stage for longest."""
    c = lt.customer_state.c
    query = sa.select(c.golden_id, c.stage_since, c.owner, c.segment, c.pipeline, c.findings, c.last_contact)
    query = query.where(c.stage == stage, c.stage_since.is_not(None)).order_by(c.stage_since, c.golden_id).limit(50)
    rows: list[dict[str, Any]] = store.fetch_arrow(query).to_pylist()
    return rows


def _reasons(measures: Mapping[str, Mapping[str, float]]) -> dict[str, list[tuple[str, int]]]:
    found = {}
    for name in ("won_because", "lost_because", "lost_to"):
        parts = sorted(measures.get(f"s:{name}", {}).items(), key=lambda p: -p[1])
        found[name] = [(part, int(value)) for part, value in parts]
    return found


@router.get("/measures")
def measures(visit: SignedIn) -> Response:
    """Quality of growth, coverage, plans against deeds, adherence to contracts, what gaps and duplicates cost."""
    visit.require(RIGHT)
    contracts = contracts_of(visit.config)
    found = _measures(visit.store)
    rules = {bound.id: bound for bound in bound_rules(contracts)}
    history = _history(visit.store, ("s:cost", "s:findings"))
    return page(
        visit,
        "lifecycle/measures.html",
        title=visit.speech("Measures"),
        here="measures",
        m=found,
        of_nobody=count_findings(visit.store, FindingFilter(customer="none"))["all"],
        segments=[(name, contracts.segments[name]) for name in contracts.segments],
        adherence=adherence(contracts, found),
        years=sorted({y for name in ("s:won", "s:key_won", "s:key_upgraded") for y in found.get(name, {})}),
        said={name: getattr(explain(bound, contracts), visit.language) for name, bound in rules.items()},
        cost_chart=drawings.line(
            [(run[:8], sum(parts["s:cost"].values())) for run, parts in history if "s:cost" in parts]
        )
        if len(history) > 1
        else None,
        label=lambda name: contracts.label(name, visit.language) if name else "",
        currency=contracts.currency,
        rates=contracts.cost,
    )


@router.get("/contracts")
def contracts_page(visit: SignedIn) -> Response:
    """What holds in every stage, in plain words: who is in charge, what must be known, how it is done, each rule."""
    visit.require(RIGHT)
    contracts = contracts_of(visit.config)
    rules: dict[str, list[dict[str, Any]]] = defaultdict(list)
    counts = _open_by_rule(visit.store)
    for bound in bound_rules(contracts):
        rules[bound.stage or ""].append(
            {
                "id": bound.id,
                "words": getattr(explain(bound, contracts), visit.language),
                "severity": bound.severity,
                "dimension": bound.dimension,
                "implied": bound.implied,
                "gate": bound.rule.gate,
                "blocking": bound.rule.blocking,
                "open": counts.get(bound.id, 0),
            }
        )
    return page(
        visit,
        "lifecycle/contracts.html",
        title=visit.speech("Contracts"),
        here="contracts",
        contracts=contracts,
        stages=[(name, contracts.stages[name]) for name in (*STAGES, *ASIDE) if name in contracts.stages],
        rules=rules,
        label=lambda name: contracts.label(name, visit.language) if name else "",
        words=lambda pair: getattr(pair, visit.language) if pair else "",
    )


def _open_by_rule(store: Store) -> dict[str, int]:
    f = lt.finding.c
    query = sa.select(f.rule, sa.func.count().label("n")).where(f.status == "open").group_by(f.rule)
    return {row["rule"]: int(row["n"]) for row in store.fetch_arrow(query).to_pylist()}


def _runs(store: Store) -> list[str]:
    """The last runs that evaluated the lifecycle, oldest first."""
    run = lt.matrix_cell.c.run_id
    with store.database.read() as connection:
        found = connection.scalars(sa.select(run).distinct().order_by(run.desc()).limit(_RUNS)).all()
    return sorted(found)


def _measures(store: Store) -> dict[str, dict[str, float]]:
    """Measure → part → value, after the last run."""
    with store.database.read() as connection:
        run = connection.scalar(sa.select(sa.func.max(lt.lifecycle_measure.c.run_id)))
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for row in store.measures(run).to_pylist() if run else ():
        found[row["measure"]][row["part"]] = row["value"]
    return dict(found)


def _history(store: Store, wanted: Sequence[str]) -> list[tuple[str, dict[str, dict[str, float]]]]:
    c = lt.lifecycle_measure.c
    found: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in store.fetch_arrow(sa.select(lt.lifecycle_measure).where(c.measure.in_(wanted))).to_pylist():
        found[row["run_id"]][row["measure"]][row["part"]] = row["value"]
    return sorted(found.items())[-_RUNS:]
