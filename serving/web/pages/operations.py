"""Runs, sources, quarantine and settings: for whoever keeps the deliveries going."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import sqlalchemy as sa
from fastapi import APIRouter
from fastapi.exceptions import HTTPException
from fastapi.responses import Response

from models.store import tables as t
from models.vocabulary import record_id
from serving import operations
from serving.quarantine import general_reason, is_whole_row, quarantined, raw_row
from serving.source_view import source_view
from serving.web.languages import N_
from serving.web.registry import Entry
from serving.web.rendering import page
from serving.web.visits import SignedIn, Visit

RIGHT = "sources.read"
NAVIGATION = (Entry("runs", N_("Runs & sources"), "/runs", 60, "database", RIGHT),)
router = APIRouter()
_PAGE = 50


@router.get("/runs")
def runs(visit: SignedIn) -> Response:
    """What ran, and what came of it."""
    visit.require(RIGHT)
    at = max(0, int(visit.asked("from", "0")) if visit.asked("from", "0").isdecimal() else 0)
    status = visit.asked("status")
    rows = operations.runs(visit.store, status=status or None, limit=_PAGE + 1, offset=at)
    return page(
        visit,
        "operations/runs.html",
        title=visit.speech("Runs"),
        here="runs",
        tab="runs",
        rows=rows[:_PAGE],
        wanted=status,
        at=at,
        step=_PAGE,
        more=len(rows) > _PAGE,
    )


@router.get("/runs/{run_id}")
def run(visit: SignedIn, run_id: str) -> Response:
    """One run: what was delivered, what became of it, where the time went."""
    visit.require(RIGHT)
    found = visit.store.run(run_id)
    if found is None:
        raise HTTPException(404, visit.speech("There is no run %(name)s.", name=run_id))
    groups, _ = quarantined(visit.store, run_id=run_id, limit=0)
    metrics = found["metrics"] or {}
    return page(
        visit,
        "operations/run.html",
        title=run_id,
        here="runs",
        tab="runs",
        run=found,
        metrics=metrics,
        sums=operations.sums(metrics),
        groups=groups,
    )


@router.get("/sources")
def sources(visit: SignedIn) -> Response:
    """Every source with its streams."""
    visit.require(RIGHT)
    found = operations.sources(visit.config, visit.store)
    return page(
        visit, "operations/sources.html", title=visit.speech("Sources"), here="runs", tab="sources", sources=found
    )


@router.get("/sources/{name}")
def source(visit: SignedIn, name: str) -> Response:
    """One source: last deliveries, rates, lag, drift, quarantine, when it is due next."""
    visit.require(RIGHT)
    try:
        found = source_view(visit.config, visit.store, name)
    except KeyError:
        raise HTTPException(404, visit.speech("There is no source %(name)s.", name=name)) from None
    return page(visit, "operations/source.html", title=name, here="runs", tab="sources", source=found)


@router.get("/quarantine")
def quarantine(visit: SignedIn) -> Response:
    """Rows that were set aside, by reason, and the newest of them."""
    visit.require(RIGHT)
    source, run_id, reason = visit.asked("source"), visit.asked("run"), visit.asked("reason")
    q = t.quarantine.c
    wanted = [column == v for column, v in ((q.source, source), (q.run_id, run_id)) if v]
    if reason:
        wanted.append(sa.or_(q.reason == reason, general_reason(visit.store) == reason))
    before = visit.asked("before")
    with visit.store.database.read() as connection:
        query = sa.select(t.quarantine).where(*wanted).order_by(q.id.desc()).limit(_PAGE + 1)
        query = query.where(q.id < int(before)) if before.isdecimal() else query
        rows = [dict(row) for row in connection.execute(query).mappings()]
    groups, _ = quarantined(visit.store, run_id=run_id or None, source=source or None, limit=0)
    seen = set[str]()
    for row in rows[:_PAGE]:
        row["value"], row["masked"], personal = _value(visit, row)
        seen.update(personal)
    visit.reads.read(visit.reader, "quarantine.view", object_type="row", attributes=seen)
    return page(
        visit,
        "operations/quarantine.html",
        title=visit.speech("Quarantine"),
        here="runs",
        tab="quarantine",
        rows=rows[:_PAGE],
        groups=groups,
        more=len(rows) > _PAGE,
        source=source,
        run_id=run_id,
        reason=reason,
        sources=[s.name for s in visit.config.sources],
    )


@router.get("/quarantine/{number}")
def quarantined_row(visit: SignedIn, number: int) -> Response:
    """One row as it was delivered, with all that is wrong with it."""
    visit.require(RIGHT)
    q = t.quarantine.c
    with visit.store.database.read() as connection:
        row = connection.execute(sa.select(t.quarantine).where(q.id == number)).mappings().first()
        if row is None:
            raise HTTPException(404, visit.speech("There is no row %(number)s in the quarantine.", number=number))
        same = [q.run_id == row["run_id"], q.source == row["source"], q.stream == row["stream"], q.row == row["row"]]
        if row["row"] is None:  # found wrong when the record was held already: it is told apart by its key
            same.append(q.source_key == row["source_key"])
        others = [dict(r) for r in connection.execute(sa.select(t.quarantine).where(*same).order_by(q.id)).mappings()]
    entry = dict(row)
    entity = _entity(visit, entry["source"], entry["stream"])
    delivered = raw_row(visit.config, entry) or _held_payload(visit, entry)
    shown, masked, personal = visit.masking.payload(
        visit.reader, entity, entry["source"], entry["stream"], delivered or {}
    )
    place = f"{entry['source']}.{entry['stream']}:{entry['row']}"
    for other in others:
        other["value"], other["masked"], more = _value(visit, other)
        personal += more
    visit.reads.read(visit.reader, "quarantine.view", object_type="row", object_id=place, attributes=personal)
    held = None
    if entry["source_key"] is not None:
        number_of = record_id(entry["source"], entry["stream"], entry["source_key"])
        kept = visit.store.memberships([number_of]).to_pylist()
        held = kept[0]["golden_id"] if kept else None
    return page(
        visit,
        "operations/row.html",
        title=f"{entry['source']}.{entry['stream']} {entry['source_key'] or entry['row'] or ''}",
        here="runs",
        tab="quarantine",
        entry=entry,
        others=others,
        delivered=delivered,
        shown=shown,
        masked=masked,
        mapped=visit.masking.columns(entry["source"], entry["stream"]),
        held=held,
    )


def _held_payload(visit: Visit, entry: Mapping[str, Any]) -> dict[str, Any] | None:
    """The columns of the record that an entry is about as the hub holds them now; None where it holds none."""
    if entry["source_key"] is None or entry["row"] is not None:
        return None
    held = t.source_record.c
    number = record_id(entry["source"], entry["stream"], entry["source_key"])
    with visit.store.database.read() as connection:
        found = connection.scalar(sa.select(held.payload).where(held.record_id == number))
    return found if isinstance(found, dict) or found is None else dict(orjson.loads(found))


@router.get("/settings")
def settings(visit: SignedIn) -> Response:
    """The configuration file, to be read."""
    visit.require(RIGHT)
    return page(
        visit,
        "operations/settings.html",
        title=visit.speech("Settings"),
        here="runs",
        tab="settings",
        text=operations.settings(visit.config),
        file=visit.config.file,
        store=visit.store.url,
    )


def _entity(visit: SignedIn, source: str, stream: str) -> str:
    try:
        return visit.config.source(source).stream(stream).entity
    except KeyError:
        return "person"  # of a stream that is gone nothing is known: shown to those alone who see everything of persons


def _value(visit: SignedIn, row: dict[str, object]) -> tuple[object, bool, list[str]]:
    """The value at fault, or None, whether it is masked since the reader does not see such, and the name of its column
    where it is shown and may be personal.
    """
    source, stream = str(row["source"]), str(row["stream"])
    cells = {"" if is_whole_row(row) else str(row["field"]): row["value"]}
    _, masked, personal = visit.masking.payload(visit.reader, _entity(visit, source, stream), source, stream, cells)
    return None if masked else row["value"], bool(masked), [str(row["field"] or "row") for _ in personal]
