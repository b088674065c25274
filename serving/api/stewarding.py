"""Tasks and decisions over HTTP, with the rights of whoever calls; what they do is `serving.stewardship`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import AwareDatetime, BaseModel, Field

from models.vocabulary import record_id
from serving import stewardship as st
from serving.api import shapes
from serving.api.calling import Call, Needs, matches, tag_of
from serving.api.customers import body_of
from serving.api.problems import Problem, refusals
from serving.api.repeating import Repeatable
from serving.customers import Asker, find
from serving.customers.keys import Key, crosswalk

router = APIRouter(prefix="/v1", tags=["stewardship"], route_class=Repeatable)

Reads = Annotated[Call, Depends(Needs("tasks.read"))]
Works = Annotated[Call, Depends(Needs("tasks.work"))]
Leads = Annotated[Call, Depends(Needs("tasks.lead"))]
TaskKey = Annotated[str, Path(max_length=200, examples=["grey_pair:1006668195598520040-3999289345635187092"])]
Number = Annotated[int, Path(ge=1, le=2**62, examples=[17])]
FindingId = Annotated[int, Path(ge=0, le=2**63 - 1, examples=[13920844512438637])]
Despite = Annotated[
    bool, Field(description="Match although hard rules keep the two customers apart, as `contradiction` told")
]
Only = Annotated[
    Literal["left", "right"] | None,
    Field(
        description="With match: this record alone goes over to the other's customer, and the rest stays another one"
    ),
]
_RECORD = {"source": "sales_crm", "source_key": "ACC-719613"}
Reason = Annotated[str, Field(min_length=1, max_length=2000, examples=["same tax id on the invoice"])]


class Task(BaseModel):
    """What waits for a steward. `detail` and `reason` are left out of tasks on persons whom you do not see."""

    task_key: str
    kind: str = Field(examples=["grey_pair"])
    entity_type: str
    status: str = Field(examples=["open"])
    records: list[shapes.SourceKey]
    golden_ids: list[str]
    weight: float | None
    probability: float | None
    reason: str | None
    priority: float | None
    value: float | None
    segment: str | None
    claimed_by: str | None
    assigned_to: str | None
    due_at: shapes.Time | None
    opened_at: shapes.Time
    closed_at: shapes.Time | None
    detail: dict[str, Any] | None


class Against(BaseModel):
    """A hard rule that keeps the two customers of a task apart: by which records, and in which attributes."""

    rule: str = Field(examples=["two valid tax ids"])
    records: list[str]
    attributes: list[str]


class TaskDetail(Task):
    """A task with its records side by side. Send `seen` back with the decision."""

    seen: int
    attributes: list[dict[str, Any]]
    masked: list[str]
    decisions: list[dict[str, Any]]
    comments: list[dict[str, Any]]
    contradictions: list[Against]


class DecisionEntry(BaseModel, extra="allow"):
    """An entry of the decision log."""

    id: int
    kind: str
    verdict: str
    by: str
    at: shapes.Time


class Outcome(BaseModel):
    """What a decision did: `state` is `applied`, `recorded` (with the next run) or `waiting` (for a second person)."""

    decision_id: int
    state: str
    words: str
    before: dict[str, str]
    golden: dict[str, str]
    events: list[int]
    opened: list[str]
    closed: list[str]
    task_key: str | None


class TaskDecision(shapes.Asked):
    """A verdict on the pair of a task."""

    verdict: Literal["match", "no_match", "unsure"]
    reason: str = Field("", max_length=2000)
    seen: int | None = Field(None, ge=0, le=2**62, description="`seen` of the task as you read it")
    despite: Despite = False
    only: Only = None


class PairDecision(shapes.Asked):
    """A verdict on two source records."""

    verdict: Literal["match", "no_match", "unsure"]
    left: shapes.KeyBody
    right: shapes.KeyBody
    reason: Reason
    seen: int | None = Field(None, ge=0, le=2**62)
    despite: Despite = False
    only: Only = None


class Because(shapes.Asked):
    """Why."""

    reason: Reason


class Said(shapes.Asked):
    """A comment."""

    text: str = Field(min_length=1, max_length=4000, examples=["asked the dealer"])


class Assignment(shapes.Asked):
    """Whose task it is to be; null for nobody's."""

    to: str | None = Field(max_length=130, examples=["li.na"])


class Note(shapes.Asked):
    """What was done."""

    note: str = Field("", max_length=2000)


class Given(shapes.Asked):
    """Who is to see to a finding (null: whoever takes it), until when, and what is to be done."""

    to: str | None = Field(None, max_length=130)
    due_at: AwareDatetime | None = None
    note: str = Field("", max_length=2000)


class ValueDecision(shapes.Asked):
    """What is to become of a golden value: pin a record's, ignore one, or set one that no source has."""

    action: Literal["pin", "ignore", "edit"]
    attribute: str = Field(max_length=100, examples=["city"])
    value: str | None = Field(None, max_length=2000)
    record: shapes.KeyBody | None = None
    reason: Reason
    version: int | None = Field(None, ge=1, le=2**62, description="The version that you saw")


class SplitBody(shapes.Asked):
    """Which records of a customer become one together: each record in exactly one part."""

    parts: list[Annotated[list[shapes.KeyBody], Field(min_length=1, max_length=1000)]] = Field(
        min_length=2, max_length=100, examples=[[[_RECORD], [_RECORD | {"source_key": "ACC-719614"}]]]
    )
    reason: Reason
    version: int | None = Field(None, ge=1, le=2**62)


_WRITES = refusals("not_found", "refused", "overtaken", "claimed")
_DECIDES = refusals("not_found", "refused", "overtaken", "claimed", "contradiction")


@router.get("/tasks", response_model=shapes.Page[Task], responses=refusals(), summary="What waits for stewards")
def tasks(
    call: Reads,
    status: Annotated[str, Query(max_length=100, description="open, unsure, closed; joined by commas")] = "open,unsure",
    kind: Annotated[str, Query(max_length=200)] = "",
    entity_type: Annotated[str, Query(pattern="^(|organization|person)$")] = "",
    segment: Annotated[str, Query(max_length=200)] = "",
    holder: Annotated[str, Query(max_length=130, description="`me`, or a name")] = "",
    source: Annotated[str, Query(max_length=200)] = "",
    golden_id: Annotated[str, Query(max_length=64)] = "",
    cursor: shapes.Cursor = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Tasks, the most pressing first."""
    page = shapes.decode_cursor(cursor, "page").get("page", 1)
    if not isinstance(page, int) or page < 1:
        raise Problem("invalid_request", "the cursor is none that this list gave")
    words = {"status": status, "kind": kind, "type": entity_type, "segment": segment, "holder": holder}
    wanted, sort, _ = st.read_filter(call.who, {**words, "source": source, "golden": golden_id})
    asker = call.asker()
    with call.snapshot():
        found = st.inbox(call.store, call.config, call.who, wanted, sort=sort, page=page, size=limit)
        items = [_task(asker, row.task) for row in found.rows] if found.page == page else []
    more = shapes.encode_cursor(page=page + 1) if page < found.pages else None
    return call.answer({"items": items, "next": more}, asker=asker)


@router.get("/tasks/{task_key}", response_model=TaskDetail, responses=refusals("not_found"), summary="A task")
def task(task_key: TaskKey, call: Reads) -> Response:
    """A task with its records side by side, earlier decisions and comments."""
    asker = call.asker()
    with call.snapshot():
        view = st.task_view(call.store, call.config, call.who, task_key)
        body = _task(asker, view.task)
    masked = [row.attribute for row in view.attributes if row.sensitivity not in call.who.sees]
    rows = [row for row in view.attributes if row.sensitivity in call.who.sees]
    personal = [row.attribute for row in rows if row.sensitivity != "public" and any(cell.raw for cell in row.cells)]
    for golden_id in body["golden_ids"] or [task_key]:
        asker.saw(golden_id, personal)
    clear = _clear(asker, view.task["entity_type"])
    more = {
        "seen": view.seen,
        "attributes": [
            {"attribute": r.attribute, "agreement": r.agreement, "values": [c.raw for c in r.cells]} for r in rows
        ],
        "masked": masked,
        "decisions": [_decision(asker, row) for row in view.decisions],
        "contradictions": [
            {"rule": one.rule, "records": [one.left, one.right], "attributes": [row[0] for row in one.attributes]}
            for one in view.against
        ],
        "comments": [{**c, "text": c["text"] if clear else None} for c in view.comments],
    }
    return call.answer({**body, **more}, asker=asker)


@router.post("/tasks/{task_key}/claim", response_model=Task, responses=_WRITES, summary="Take a task")
def claim(task_key: TaskKey, call: Works) -> Response:
    """Take a waiting task, so that nobody else works on it."""
    return call.answer(_task(call.asker(), st.claim(call.store, call.config, call.who, task_key)))


@router.post("/tasks/{task_key}/release", response_model=Task, responses=_WRITES, summary="Let go of a task")
def release(task_key: TaskKey, call: Works) -> Response:
    """Let go of a task."""
    return call.answer(_task(call.asker(), st.release(call.store, call.config, call.who, task_key)))


@router.post("/tasks/{task_key}/assign", response_model=Task, responses=_WRITES, summary="Give a task to somebody")
def assign(task_key: TaskKey, body: Assignment, call: Leads) -> Response:
    """Give a task to somebody, or to nobody."""
    return call.answer(_task(call.asker(), st.assign(call.store, call.config, call.who, task_key, body.to)))


@router.post("/tasks/{task_key}/done", response_model=Task, responses=_WRITES, summary="Finish the task of a finding")
def done(task_key: TaskKey, body: Note, call: Works) -> Response:
    """Say that what a finding asked for is done; the finding itself closes with the delivery that mends it."""
    return call.answer(_task(call.asker(), st.finish(call.store, call.config, call.who, task_key, note=body.note)))


@router.post("/findings/{number}/task", response_model=Task, responses=_WRITES, summary="Give a finding to a steward")
def give(number: FindingId, body: Given, call: Annotated[Call, Depends(Needs("findings.act"))]) -> Response:
    """Open the task of a finding, or give the one that waits to somebody else."""
    given = st.give_finding(call.store, call.config, call.who, number, to=body.to, due_at=body.due_at, note=body.note)
    return call.answer(_task(call.asker(), given))


@router.post("/tasks/{task_key}/comments", status_code=201, responses=_WRITES, summary="Say something about a task")
def comment(task_key: TaskKey, body: Said, call: Works) -> Response:
    """Say something about a task; answers with everything that was said."""
    said = st.comment(call.store, call.config, call.who, task_key, body.text)
    return call.answer({"items": said}, status=201)


@router.post("/tasks/{task_key}/decision", response_model=Outcome, responses=_DECIDES, summary="Decide a task")
def decide_task(task_key: TaskKey, body: TaskDecision, call: Works) -> Response:
    """Decide about the pair of a task, and close it."""
    about: dict[str, Any] = body.model_dump(exclude={"verdict"})
    return call.answer(st.decide_task(call.store, call.config, call.who, task_key, body.verdict, **about).as_dict())


@router.get("/decisions", response_model=shapes.Page[DecisionEntry], responses=refusals(), summary="The decision log")
def decisions(
    call: Reads,
    cursor: shapes.Cursor = None,
    limit: shapes.Limit = 50,
    active: Annotated[bool, Query(description="Only those that hold")] = False,
) -> Response:
    """What people decided, in order."""
    after = shapes.decode_cursor(cursor, "after").get("after", 0)
    if not isinstance(after, int):
        raise Problem("invalid_request", "the cursor is none that this list gave")
    asker = call.asker()
    with call.snapshot():
        rows = call.store.decisions(after=after, active_only=active).slice(0, limit).to_pylist()
        items = [_decision(asker, row) for row in rows]
    end = shapes.encode_cursor(after=rows[-1]["id"]) if len(rows) == limit else None
    return call.answer({"items": items, "next": end})


@router.get("/decisions/{number}", response_model=DecisionEntry, responses=refusals("not_found"), summary="A decision")
def decision(number: Number, call: Reads) -> Response:
    """One entry of the log, and whether it holds."""
    with call.snapshot():
        return call.answer(_decision(call.asker(), st.decision_view(call.store, call.config, call.who, number)))


@router.post("/decisions", response_model=Outcome, responses=_DECIDES, summary="Decide about two records")
def decide(body: PairDecision, call: Works) -> Response:
    """Say that two source records are one customer, or are not. A match joins their customers, whole."""
    left, right = (_record(call, key) for key in (body.left, body.right))
    about: dict[str, Any] = body.model_dump(exclude={"verdict", "left", "right"})
    return call.answer(st.decide_pair(call.store, call.config, call.who, body.verdict, left, right, **about).as_dict())


@router.post("/decisions/{number}/undo", response_model=Outcome, responses=_WRITES, summary="Take a decision back")
def undo(number: Number, body: Because, call: Works) -> Response:
    """Take a decision back; the golden ids of before come back with it."""
    return call.answer(st.undo(call.store, call.config, call.who, number, reason=body.reason).as_dict())


@router.post("/decisions/{number}/approve", response_model=Outcome, responses=_WRITES, summary="Approve a decision")
def approve(number: Number, body: Because, call: Leads) -> Response:
    """Approve what somebody else decided."""
    return call.answer(st.approve(call.store, call.config, call.who, number, reason=body.reason).as_dict())


@router.post("/decisions/{number}/reject", response_model=Outcome, responses=_WRITES, summary="Reject a decision")
def reject(number: Number, body: Because, call: Leads) -> Response:
    """Reject what somebody else decided."""
    return call.answer(st.reject(call.store, call.config, call.who, number, reason=body.reason).as_dict())


@router.post(
    "/customers/{golden_id}/values",
    response_model=Outcome,
    responses={**_WRITES, **refusals("precondition_failed")},
    summary="Pin, ignore or set a value",
)
def value(golden_id: shapes.GoldenId, body: ValueDecision, call: Works) -> Response:
    """Decide about a golden value. With `If-Match` (the ETag of the customer as you read it) 412 where it changed."""
    with call.snapshot():
        golden, survivor = find(call.store, golden_id)
        if golden is None:
            raise Problem("not_found", f"{golden_id} is {'now ' + survivor if survivor else 'no customer'}")
        if (given := call.request.headers.get("if-match")) is not None:
            check_if_match(call, given, golden_id)
    if not call.service.masking.sees(call.who, golden.entity_type, body.attribute):
        raise Problem("forbidden", f"you do not see {body.attribute}, so you cannot decide about it")
    store, config, who = call.store, call.config, call.who
    about: dict[str, Any] = {"reason": body.reason, "version": body.version}
    record = _record(call, body.record) if body.record is not None else None
    if body.action == "pin":
        if record is None:
            raise Problem("invalid_request", "name the record whose value is to win")
        done = st.pin_value(store, config, who, golden_id, body.attribute, record, value=body.value, **about)
    elif body.value is None:
        raise Problem("invalid_request", "name the value")
    elif body.action == "ignore":
        done = st.ignore_value(store, config, who, golden_id, body.attribute, body.value, record_id=record, **about)
    else:
        done = st.edit_value(store, config, who, golden_id, body.attribute, body.value, **about)
    return call.answer(done.as_dict())


@router.post("/customers/{golden_id}/split", response_model=Outcome, responses=_WRITES, summary="Split a customer")
def split(golden_id: shapes.GoldenId, body: SplitBody, call: Leads) -> Response:
    """Distribute the source records of a customer over several."""
    parts = [[_record(call, key) for key in part] for part in body.parts]
    done = st.split(call.store, call.config, call.who, golden_id, parts, reason=body.reason, version=body.version)
    return call.answer(done.as_dict())


def check_if_match(call: Call, given: str, golden_id: str) -> None:
    """Raises Problem where the customer's answer has another tag by now."""
    from serving.api.calling import dumps

    asker = call.asker()
    golden, _ = find(call.store, golden_id)
    now = tag_of(dumps(body_of(asker, golden))) if golden is not None else ""
    if not matches(given, now):
        raise Problem("precondition_failed", "the customer is not as you read it any more", headers={"ETag": now})


def _record(call: Call, key: shapes.KeyBody) -> int:
    """The number of a source record. Raises Problem for one that is not there, or in several streams."""
    asked = Key(key.source, key.source_key, key.stream)
    found = crosswalk(call.store, call.config, [asked])[asked]
    if not found:
        raise Problem("not_found", f"source '{key.source}' never delivered the key '{key.source_key}'")
    if len(found) > 1:
        names = ", ".join(row["stream"] for row in found)
        raise Problem("invalid_request", f"several streams of '{key.source}' have the key: {names}; name one")
    return record_id(key.source, found[0]["stream"], key.source_key)


def _clear(asker: Asker, entity_type: str) -> bool:
    """Whether free text about an entity type may be shown: what people write may hold anything about a person."""
    return entity_type != "person" or "personal" in asker.who.sees


def _task(asker: Asker, row: Mapping[str, Any]) -> dict[str, Any]:
    names = asker.store.records_by_id(row["records"], ["source", "stream", "source_key"]).to_pylist()
    homes = asker.store.memberships(row["records"]).to_pylist() if row["records"] else []
    clear = _clear(asker, row["entity_type"])
    plain = {n: row.get(n) for n in Task.model_fields if n not in ("records", "golden_ids", "detail", "reason")}
    machine = row["kind"] not in ("approval", "change_request", "finding")
    return {
        **plain,
        "records": [{n: r[n] for n in ("source", "stream", "source_key")} for r in names],
        "golden_ids": sorted({r["golden_id"] for r in homes}),
        "reason": row["reason"] if clear or machine else None,
        "detail": row["detail"] if clear and "secret" in asker.who.sees else None,
    }


def _decision(asker: Asker, row: Mapping[str, Any]) -> dict[str, Any]:
    """An entry without what it was made on, and without free text about persons whom they do not see."""
    numbers = [n for n in (row.get("left_id"), row.get("right_id")) if n is not None]
    held = {
        r["record_id"]: r for r in asker.store.records_by_id(numbers, ["source", "stream", "source_key"]).to_pylist()
    }
    told: dict[str, Any] = {
        n: row.get(n) for n in ("id", "kind", "verdict", "entity_type", "by", "at", "undoes", "approval", "approves")
    }
    for side in ("left", "right"):
        record = held.get(row.get(f"{side}_id"))
        told[side] = None if record is None else {n: record[n] for n in ("source", "stream", "source_key")}
    told["reason"] = row.get("reason") if _clear(asker, row.get("entity_type") or "person") else None
    for name in ("holds", "undone_by", "settled", "settled_by"):
        if name in row:
            told[name] = row[name]
    return told
