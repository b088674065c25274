"""Customers: the list, and of each its golden record: values with provenance, sources, versions, lineage, decisions."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import quote

import orjson
from fastapi import APIRouter
from fastapi.exceptions import HTTPException
from fastapi.responses import Response

from serving import stewardship
from serving.attached import attached
from serving.web.customers import Customer, customer, survivor
from serving.web.languages import N_
from serving.web.notices import notice_of
from serving.web.registry import Tab
from serving.web.rendering import go, page
from serving.web.told import told
from serving.web.visits import SignedIn, Visit

TABS = (Tab("data", N_("Data & provenance"), 70), Tab("history", N_("History"), 80))
router = APIRouter()


_RECORD = ["entity_type", "source", "stream", "source_key", "source_time", "deleted", "version", "standard", "payload"]


@router.get("/customers/{golden_id}")
def first_tab(visit: SignedIn, golden_id: str) -> Response:
    """The first of the pages of a customer."""
    found = customer(visit, golden_id)
    query = visit.request.url.query
    if found.golden_id != golden_id:
        query = f"alias={quote(golden_id)}"
    return go(visit, f"/customers/{found.golden_id}/{found.tabs[0].key}{'?' + query if query else ''}")


@router.get("/customers/{golden_id}/data")
def data(visit: SignedIn, golden_id: str) -> Response:
    """The values, who says so, and what a steward may do about it."""
    return _data(visit, golden_id, notice_of(visit))


def _data(visit: Visit, golden_id: str, notice: dict[str, Any] | None, status: int = 200) -> Response:
    found = customer(visit, golden_id)
    if (onward := survivor(visit, found, "data")) is not None and status == 200:
        return onward
    at = _moment(visit)
    view = stewardship.golden_view(visit.store, visit.config, visit.reader, found.golden_id, as_of=at)
    _record_reading(visit, found, [v.attribute for v in view.values if v.value is not None])
    versions = sorted(view.versions, key=lambda v: v.version)
    base = f"/customers/{found.golden_id}/data"
    places = [f"{base}?at={quote(v.recorded_at.isoformat())}" for v in versions[:-1]] + [base]
    return page(
        visit,
        "customers/data.html",
        title=found.name,
        here="customers",
        tab="data",
        status=status,
        notice=notice or _alias_notice(visit),
        customer=found,
        view=view,
        versions=versions,
        places=places,
        at_version=next((i for i, v in enumerate(versions) if v.version == view.version), len(versions) - 1),
        multi={n for n, a in visit.config.attributes_of(found.entity_type).items() if a.multi},
        hangs=_hangs(visit, view),
        working=visit.may("tasks.work") and at is None and found.status == "active",
    )


@router.get("/customers/{golden_id}/history")
def history(visit: SignedIn, golden_id: str) -> Response:
    """Versions with what changed, lineage, aliases, decisions."""
    found = customer(visit, golden_id)
    if (onward := survivor(visit, found, "history")) is not None:
        return onward
    view = stewardship.golden_view(visit.store, visit.config, visit.reader, found.golden_id)
    now: dict[str, Any] = visit.store.golden_by_id([found.golden_id]).to_pylist()[0]
    past = visit.store.golden_versions(found.golden_id).to_pylist()
    rows = {v["version"]: orjson.loads(v["values"]) for v in [*past, now]}
    changes: dict[int, list[tuple[str, Any, Any]]] = {}
    for version in view.versions:
        before, after = rows.get(version.version - 1, {}), rows.get(version.version, {})
        changes[version.version] = [(name, before.get(name), after.get(name)) for name in version.changed]
    _record_reading(visit, found, [name for told in changes.values() for name, _, _ in told])
    return page(
        visit,
        "customers/history.html",
        title=found.name,
        here="customers",
        tab="history",
        notice=notice_of(visit),
        customer=found,
        view=view,
        changes=changes,
        sensitivity=lambda name: visit.masking.sensitivity(found.entity_type, name),
    )


@router.post("/customers/{golden_id}/values")
def values(visit: SignedIn, golden_id: str) -> Response:
    """Pin, ignore or edit a value."""
    found = customer(visit, golden_id)
    attribute, value, reason = visit.sent("attribute"), visit.sent("value"), visit.sent("reason")
    version = int(visit.sent("version")) if visit.sent("version").isdecimal() else None
    given = (visit.store, visit.config, visit.reader, found.golden_id, attribute)
    record = int(visit.sent("record")) if visit.sent("record").isdecimal() else None
    try:
        match visit.sent("action"):
            case "pin" if record is not None:
                lasting = visit.sent("lasting") == "1"
                done = stewardship.pin_value(
                    *given, record, value=value or None, reason=reason, version=version, lasting=lasting
                )
            case "ignore":
                done = stewardship.ignore_value(*given, value, reason=reason, version=version)
            case "edit":
                done = stewardship.edit_value(*given, value, reason=reason, version=version)
            case _:
                raise stewardship.Refused("a value can be pinned, ignored or edited")
    except (stewardship.Refused, stewardship.Overtaken, stewardship.Unknown) as refused:
        return _data(
            visit, found.golden_id, {"kind": "wrong", "text": told(visit.speech, str(refused))}, refused.status
        )
    return go(visit, f"/customers/{found.golden_id}/data?said={done.decision_id}")


@router.get("/customers/{golden_id}/split")
def split_wizard(visit: SignedIn, golden_id: str) -> Response:
    """Distribute the source records over several golden records."""
    return _split(visit, golden_id, None)


@router.post("/customers/{golden_id}/split")
def split(visit: SignedIn, golden_id: str) -> Response:
    """Split as the form says."""
    found = customer(visit, golden_id)
    parts: dict[str, list[int]] = {}
    for name, part in visit.form.multi_items():
        if name.startswith("record-") and isinstance(part, str) and part:
            parts.setdefault(part, []).append(int(name.removeprefix("record-")))
    version = int(visit.sent("version")) if visit.sent("version").isdecimal() else None
    try:
        done = stewardship.split(
            visit.store,
            visit.config,
            visit.reader,
            found.golden_id,
            [parts[key] for key in sorted(parts)],
            reason=visit.sent("reason"),
            version=version,
            task_key=visit.sent("task") or None,
        )
    except stewardship.StewardError as refused:
        return _split(visit, golden_id, {"kind": "wrong", "text": told(visit.speech, str(refused))}, refused.status)
    return go(visit, f"/customers/{found.golden_id}/data?said={done.decision_id}")


def _split(visit: Visit, golden_id: str, notice: dict[str, Any] | None, status: int = 200) -> Response:
    visit.require("tasks.lead")
    found = customer(visit, golden_id)
    view = stewardship.golden_view(visit.store, visit.config, visit.reader, found.golden_id)
    _record_reading(visit, found, [row.attribute for row in view.attributes])
    chosen = {r.record_id: visit.sent(f"record-{r.record_id}") or "1" for r in view.records}
    return page(
        visit,
        "customers/split.html",
        title=visit.speech("Split %(name)s", name=found.name),
        here="customers",
        tab="data",
        status=status,
        notice=notice,
        customer=found,
        view=view,
        chosen=chosen,
        hangs=_hangs(visit, view),
        task=visit.sent("task") or visit.asked("task"),
        reason=visit.sent("reason"),
    )


@router.get("/records/{record_id}")
def record(visit: SignedIn, record_id: int) -> Response:
    """One source record as it was delivered, with its versions, and the golden record that it is in."""
    visit.require("customers.read")
    rows = visit.store.records_by_id([record_id], _RECORD).to_pylist()
    if not rows:
        raise HTTPException(404, visit.speech("The hub holds no record %(number)s.", number=record_id))
    row = rows[0]
    payload = orjson.loads(row["payload"]) if row["payload"] else {}
    shown, masked, personal = visit.masking.payload(
        visit.reader, row["entity_type"], row["source"], row["stream"], payload
    )
    standard = orjson.loads(row["standard"]) if row["standard"] else {}
    standard, hidden, more = visit.masking.split(visit.reader, row["entity_type"], standard)
    home = visit.store.memberships([record_id]).to_pylist()
    place = f"{row['source']}.{row['stream']}:{row['source_key']}"
    visit.reads.read(visit.reader, "record.view", object_type="record", object_id=place, attributes=[*personal, *more])
    return page(
        visit,
        "customers/record.html",
        title=place,
        here="customers",
        row=row,
        place=place,
        payload=payload,
        shown=shown,
        masked=masked,
        hidden=hidden,
        standard=standard,
        mapped=visit.masking.columns(row["source"], row["stream"]),
        golden_id=home[0]["golden_id"] if home else None,
        earlier=visit.store.versions_of([record_id]).to_pylist(),
        moved=visit.store.membership_history([record_id]).to_pylist(),
    )


def _moment(visit: Visit) -> dt.datetime | None:
    try:
        found = dt.datetime.fromisoformat(visit.asked("at"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


def _alias_notice(visit: Visit) -> dict[str, Any] | None:
    alias = visit.asked("alias")
    if not alias:
        return None
    return {"kind": "waits", "text": visit.speech("%(alias)s is an alias: it became part of this one.", alias=alias)}


def _hangs(visit: Visit, view: stewardship.GoldenView) -> dict[int, dict[str, int]]:
    return attached(visit.store, [r.record_id for r in view.records])


def _record_reading(visit: Visit, found: Customer, names: list[str]) -> None:
    seen = [
        n
        for n in names
        if visit.masking.sensitivity(found.entity_type, n) != "public"
        and visit.masking.sees(visit.reader, found.entity_type, n)
    ]
    visit.reads.read(visit.reader, "customer.view", object_id=found.golden_id, attributes=seen)
