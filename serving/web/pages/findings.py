"""Findings: the list with its filters in the address, one finding with its history, what people do with them."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter
from fastapi.exceptions import HTTPException
from fastapi.responses import Response

from lifecycle.contracts import bound_rules, explain
from models.store import Store
from serving.access import MASK
from serving.asking import shown_name
from serving.customer360 import contracts_of
from serving.findings import (
    ACT,
    KINDS,
    RIGHT,
    FindingError,
    FindingFilter,
    act,
    count_findings,
    find_findings,
    finding_with_history,
    in_words,
    types_of_records,
    words_of_findings,
    write,
)
from serving.stewardship import StewardError, give_finding, task_of_finding
from serving.web.languages import N_
from serving.web.pages.inbox import due_of, stewards_of
from serving.web.registry import Entry
from serving.web.rendering import go, page
from serving.web.told import told
from serving.web.visits import SignedIn, Visit

NAVIGATION = (Entry("findings", N_("Findings"), "/findings", 30, "triangle-alert", RIGHT),)
router = APIRouter()
_PAGE = 100
_MOST = 50_000


@router.get("/findings")
def findings(visit: SignedIn) -> Response:
    """What is missing, wrong or late, the gravest first."""
    return _list(visit, None)


def _list(visit: Visit, notice: dict[str, Any] | None, status: int = 200) -> Response:
    visit.require(RIGHT)
    wanted = FindingFilter.asked(visit.asked)
    start = int(visit.asked("after")) if visit.asked("after").isdecimal() else 0
    rows = find_findings(visit.store, wanted, limit=_PAGE + 1, after=start)
    _hide(visit, rows)
    contracts = contracts_of(visit.config)
    said, choices = sentences(visit), words_of_findings(visit.store)
    done = visit.asked("done")
    if notice is None and done.isdecimal():
        text = visit.speech.several("Noted for %(n)s finding.", "Noted for %(n)s findings.", int(done))
        notice = {"kind": "done", "text": text}
    return page(
        visit,
        "lifecycle/findings.html",
        title=visit.speech("Findings"),
        here="findings",
        status=status,
        notice=notice,
        rows=rows[:_PAGE],
        more=len(rows) > _PAGE,
        start=start,
        size=_PAGE,
        count=count_findings(visit.store, wanted),
        wanted=wanted,
        filters=wanted.as_dict(),
        query=urlencode(wanted.as_dict()),
        choices=choices | {"rule": sorted(choices["rule"], key=lambda rule: said.get(rule, rule))},
        names=_names(visit, [row["golden_id"] for row in rows]),
        said=said,
        rule_words=lambda rule: said.get(rule, rule),
        label=lambda name: contracts.label(name, visit.language) if name else "",
        currency=contracts.currency,
        acting=visit.may(ACT),
    )


@router.get("/findings/export")
def export(visit: SignedIn) -> Response:
    """The findings that fit as CSV, or as XLSX with `kind=xlsx`, to be handed to a source and its owner."""
    visit.require(RIGHT)
    wanted = FindingFilter.asked(visit.asked)
    kind = "xlsx" if visit.asked("kind") == "xlsx" else "csv"
    rows = find_findings(visit.store, wanted, limit=_MOST)
    seen = _hide(visit, rows, noted=False)
    file = io.BytesIO()
    write(file, in_words(rows, contracts_of(visit.config)), kind)
    detail = {**wanted.as_dict(), "rows": len(rows), "kind": kind, "attributes": seen}
    visit.store.add_audit(visit.who, "findings.export", object_type="finding", detail=detail)
    headers = {"Content-Disposition": f'attachment; filename="findings.{kind}"'}
    return Response(file.getvalue(), media_type=KINDS[kind], headers=headers)


@router.post("/findings")
def together(visit: SignedIn) -> Response:
    """Waive, take up again, or hand back the findings that were marked."""
    marked = [int(v) for n, v in visit.form.multi_items() if n == "finding" and isinstance(v, str) and v.isdecimal()]
    try:
        if not marked:
            raise FindingError("mark the findings that are meant")
        done = act(
            visit.store, visit.reader, marked, visit.sent("action"), reason=visit.sent("reason"),
            until=visit.sent("until"), target=visit.sent("target"),
        )  # fmt: skip
    except FindingError as refused:
        return _list(visit, {"kind": "wrong", "text": told(visit.speech, str(refused))}, 422)
    back = visit.sent("next") or "/findings"
    return go(visit, f"{back}{'&' if '?' in back else '?'}done={done}")


@router.get("/findings/{finding_id}")
def finding(visit: SignedIn, finding_id: int) -> Response:
    """One finding: what the rule says, what stands there, what happened to it."""
    return _one(visit, finding_id, None)


def _one(visit: Visit, finding_id: int, notice: dict[str, Any] | None, status: int = 200) -> Response:
    visit.require(RIGHT)
    found = finding_with_history(visit.store, finding_id)
    if found is None:
        raise HTTPException(404, visit.speech("There is no finding %(number)s.", number=finding_id))
    _hide(visit, [found])
    contracts = contracts_of(visit.config)
    bound = next((b for b in bound_rules(contracts) if b.id == found["rule"]), None)
    stage = contracts.stages.get(found["stage"] or "")  # type: ignore[arg-type]
    return page(
        visit,
        "lifecycle/finding.html",
        title=visit.speech("Finding"),
        here="findings",
        status=status,
        notice=notice,
        f=found,
        said=sentences(visit).get(found["rule"]),
        changed=bound is not None and bound.hash != found["rule_hash"],
        procedure=getattr(stage.procedure, visit.language) if stage is not None else None,
        affects=list(stage.affects) if stage is not None else [],
        names=_names(visit, [found["golden_id"]]),
        label=lambda name: contracts.label(name, visit.language) if name else "",
        currency=contracts.currency,
        acting=visit.may(ACT),
        task=task_of_finding(visit.store, finding_id),
        people=stewards_of(visit) if visit.may(ACT) else [],
    )


@router.post("/findings/{finding_id}")
def on_one(visit: SignedIn, finding_id: int) -> Response:
    """Waive, take up again, or hand back one finding, or give it to a steward."""
    try:
        if visit.sent("action") == "give":
            to, note, due = visit.sent("to") or None, visit.sent("reason"), due_of(visit)
            given = give_finding(visit.store, visit.config, visit.reader, finding_id, to=to, due_at=due, note=note)
            return go(visit, f"/tasks/{quote(given['task_key'])}")
        act(
            visit.store, visit.reader, [finding_id], visit.sent("action"), reason=visit.sent("reason"),
            until=visit.sent("until"), target=visit.sent("target"),
        )  # fmt: skip
    except (FindingError, StewardError) as refused:
        return _one(visit, finding_id, {"kind": "wrong", "text": told(visit.speech, str(refused))}, 422)
    return go(visit, f"/findings/{finding_id}")


def sentences(visit: Visit) -> dict[str, str]:
    """Rule → what it says in the language of the reader."""
    contracts = contracts_of(visit.config)
    return {bound.id: getattr(explain(bound, contracts), visit.language) for bound in bound_rules(contracts)}


def _hide(visit: Visit, rows: list[dict[str, Any]], *, noted: bool = True) -> list[str]:
    """Put a mask in place of values that the reader's role does not see; the attributes of those that are personal and
    shown, which are on record unless they will be another way.
    """
    records = [row["record_id"] for row in rows if row["record_id"] is not None]
    with visit.store.database.read() as connection:
        types = types_of_records(connection, records)
    seen, whose = set[str](), set[str]()
    for row in rows:
        if not row["value"] or not row["field"]:
            continue
        sensitivity = visit.masking.sensitivity(types.get(row["record_id"], "person"), row["field"])
        if not visit.sees(sensitivity):
            row["value"] = MASK
        elif sensitivity != "public":
            seen.add(row["field"])
            whose.add(row["golden_id"] or str(row["finding_id"]))
    if noted:
        visit.reads.read(visit.reader, "customer.list", attributes=seen, customers=sorted(whose))
    return sorted(seen)


def _names(visit: Visit, golden_ids: list[str | None]) -> dict[str, str]:
    return names_of(visit, visit.store, [g for g in golden_ids if g])


def names_of(visit: Visit, store: Store, golden_ids: list[str]) -> dict[str, str]:
    """Golden record → its name as the reader may see it; whose names are personal is on record."""
    import orjson

    found: dict[str, str] = {}
    persons = []
    if golden_ids:
        for row in store.golden_by_id(sorted(set(golden_ids))).to_pylist():
            shown, _, personal = visit.masking.split(visit.reader, row["entity_type"], orjson.loads(row["values"]))
            found[row["golden_id"]] = shown_name(shown) or visit.speech("(name not shown)")
            persons += [row["golden_id"]] if "full_name" in personal else []
    if persons:
        visit.reads.read(visit.reader, "customer.list", attributes=["full_name"], customers=persons)
    return found
