"""The lifecycle over HTTP: the 360 view, findings, the matrix of touchpoints, adherence to contracts."""

from __future__ import annotations

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from lifecycle.adherence import SORT, adherence
from lifecycle.view360 import Customer360
from models.store.lifecycle_tables import finding, lifecycle_measure, matrix_cell
from serving.api import shapes
from serving.api.calling import Call, Needs
from serving.api.customers import found_or_moved
from serving.api.problems import Problem, refusals
from serving.customer360 import contracts_of, masked, view
from serving.findings import types_of_records

router = APIRouter(prefix="/v1", tags=["lifecycle"])

Reads = Annotated[Call, Depends(Needs("findings.read"))]
_Short = Annotated[str | None, Query(max_length=200)]


class Finding(BaseModel):
    """What violates a contract. `value` is null where you do not see the field."""

    finding_id: str
    rule: str
    dimension: str = Field(examples=["complete"])
    about: str
    stage: str | None
    golden_id: str | None
    source: str | None
    stream: str | None
    source_key: str | None
    field: str | None
    value: str | None
    severity: str
    owner: str | None
    owner_role: str | None
    stake: float | None
    since: str | None
    status: str = Field(examples=["open"])
    first_seen: str
    opened_on: str
    closed_on: str | None
    closed_because: str | None
    reopened: int


class Cell(BaseModel):
    """A cell of the matrix: how many touchpoints are expected, and how many are there, complete, valid and fresh."""

    touchpoint: str
    stage: str
    source: str = Field(description="Empty: of all sources together")
    expected: int
    collected: int
    touchpoints: int
    complete: int
    valid: int
    present: int = Field(description="Customers who are in the stage now and have one")
    fresh: int = Field(description="Those of them whose latest is not older than the contract's `fresh_days`")


class Matrix(BaseModel):
    """Which data is collected where, by which system, as of a run."""

    run_id: str | None
    cells: list[Cell]


class RuleKept(BaseModel):
    """A rule of the contracts, of how many it speaks, how many break it, and the share that keeps it."""

    stage: str | None = Field(description="Null: of no stage in particular")
    rule: str = Field(examples=["order-quote"])
    of: int
    broken: int
    share: float


class StageKept(BaseModel):
    """The mean over the rules of a stage."""

    stage: str | None
    share: float


class Adherence(BaseModel):
    """How far the contracts are kept, as of a run."""

    run_id: str | None
    stages: list[StageKept]
    rules: list[RuleKept]


@router.get(
    "/customers/{golden_id}/360",
    response_model=Customer360,
    responses={**refusals("not_found", "gone"), 308: {"model": shapes.Redirected}},
    summary="The 360 view of a customer",
)
def view_360(golden_id: shapes.GoldenId, call: Annotated[Call, Depends(Needs("customers.read"))]) -> Response:
    """Identity, lifecycle, timeline, contacts, vehicles, relations, findings and measures, as one document."""
    asker = call.asker()
    with call.snapshot():
        found = found_or_moved(call, golden_id, "/360")
        if isinstance(found, Response):
            return found
        document = view(call.store, call.config, golden_id)
    if document is None:
        raise Problem("not_found", f"there is no customer with the id {golden_id}")
    body, seen = masked(document, call.service.masking, call.who)
    asker.saw(golden_id, list(seen))
    return call.answer(body, asker=asker, etag=True)


@router.get("/findings", response_model=shapes.Page[Finding], responses=refusals(), summary="What violates a contract")
def findings(
    call: Reads,
    status: Annotated[str, Query(pattern="^(open|closed|any)$")] = "open",
    rule: _Short = None,
    severity: _Short = None,
    stage: _Short = None,
    source: _Short = None,
    owner: _Short = None,
    golden_id: Annotated[str | None, Query(max_length=64)] = None,
    cursor: shapes.Cursor = None,
    limit: shapes.Limit = 100,
) -> Response:
    """Findings in the order of their numbers, with where they stand at the source and whose they are."""
    c = finding.c
    after = shapes.decode_cursor(cursor, "after").get("after", 0)
    if not isinstance(after, int):
        raise Problem("invalid_request", "the cursor is none that this list gave")
    query = sa.select(finding).where(c.finding_id > after) if cursor else sa.select(finding)
    given = {"rule": rule, "severity": severity, "stage": stage, "source": source, "owner": owner}
    for name, value in {**given, "golden_id": golden_id, "status": None if status == "any" else status}.items():
        if value is not None:
            query = query.where(c[name] == value)
    asker = call.asker()
    with call.snapshot(), call.store.database.read() as connection:
        rows = [dict(r) for r in connection.execute(query.order_by(c.finding_id).limit(limit)).mappings()]
        types = types_of_records(connection, [r["record_id"] for r in rows if r["record_id"] is not None])
    items = []
    for row in rows:
        entity = types.get(row["record_id"], "person")
        if row["value"] is not None and row["field"] is not None:
            if call.service.masking.sees(call.who, entity, row["field"]):
                asker.shown(row["golden_id"] or str(row["finding_id"]), entity, {row["field"]: row["value"]})
            else:
                row["value"] = None
        items.append({n: row[n] for n in Finding.model_fields} | {"finding_id": str(row["finding_id"])})
    end = shapes.encode_cursor(after=rows[-1]["finding_id"]) if len(rows) == limit else None
    return call.answer({"items": items, "next": end}, asker=asker)


@router.get("/matrix", response_model=Matrix, responses=refusals(), summary="Which data is collected where")
def matrix(call: Reads, run_id: Annotated[str | None, Query(max_length=64)] = None) -> Response:
    """The matrix of touchpoints by stage and source, as of the last run that made one, or of a run that is named."""
    c = matrix_cell.c
    with call.snapshot(), call.store.database.read() as connection:
        which = run_id or connection.scalar(sa.select(sa.func.max(c.run_id)))
        query = sa.select(matrix_cell).where(c.run_id == which).order_by(c.touchpoint, c.stage, c.source)
        rows: list[dict[str, Any]] = [dict(r) for r in connection.execute(query).mappings()]
    return call.answer({"run_id": which, "cells": [{n: r[n] for n in Cell.model_fields} for r in rows]})


@router.get("/adherence", response_model=Adherence, responses=refusals(), summary="How far contracts are kept")
def kept(call: Reads, run_id: Annotated[str | None, Query(max_length=64)] = None) -> Response:
    """Per stage and rule, as of the last run that evaluated the lifecycle, or of a run that is named."""
    c = lifecycle_measure.c
    found: dict[str, dict[str, float]] = {}
    with call.snapshot(), call.store.database.read() as connection:
        which = run_id or connection.scalar(sa.select(sa.func.max(c.run_id)))
        wanted = sa.select(c.measure, c.part, c.value).where(c.run_id == which, c.measure.startswith(f"{SORT}:"))
        for measure, part, value in connection.execute(wanted):
            found.setdefault(measure, {})[part] = value
    stages = adherence(contracts_of(call.config), found)
    rules = [
        {"stage": k.stage, "rule": k.rule, "of": k.of, "broken": k.broken, "share": k.share}
        for stage in stages
        for k in stage.rules
    ]
    told = [{"stage": stage.stage, "share": stage.share} for stage in stages]
    return call.answer({"run_id": which, "stages": told, "rules": rules})
