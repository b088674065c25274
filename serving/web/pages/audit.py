"""The audit log: who did or saw what, searched and taken away as a file."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterator
from typing import Any

import orjson
from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse

from models.store.audits import AuditFilter
from serving.web.languages import N_
from serving.web.registry import Entry
from serving.web.rendering import page
from serving.web.visits import SignedIn, Visit

RIGHT = "audit.read"
NAVIGATION = (Entry("audit", N_("Audit"), "/audit", 70, "scroll-text", RIGHT),)
router = APIRouter()
_PAGE = 100
_ASKED = ("actor", "action", "object_type", "object_id", "since", "until", "text")
_COLUMNS = ("id", "at", "actor", "action", "object_type", "object_id", "detail")


@router.get("/audit")
def audit(visit: SignedIn) -> Response:
    """The newest entries that a search finds."""
    visit.require(RIGHT)
    before = visit.asked("before")
    rows = visit.store.find_audit(_filter(visit), limit=_PAGE + 1, before=int(before) if before.isdecimal() else None)
    return page(
        visit,
        "audit/audit.html",
        title=visit.speech("Audit"),
        here="audit",
        rows=rows[:_PAGE],
        more=len(rows) > _PAGE,
        words=visit.store.audit_words(),
        asked={name: visit.asked(name) for name in _ASKED},
        query=visit.request.url.query,
    )


@router.get("/audit/export")
def export(visit: SignedIn) -> Response:
    """All entries that a search finds, as CSV or NDJSON, the oldest first. That it was taken is an entry itself."""
    visit.require(RIGHT)
    as_csv = visit.asked("form") != "ndjson"
    visit.store.add_audit(visit.who, "audit.export", object_type="audit", detail=dict(visit.request.query_params))
    ending, kind = ("csv", "text/csv; charset=utf-8") if as_csv else ("ndjson", "application/x-ndjson")
    headers = {"Content-Disposition": f'attachment; filename="audit-{dt.date.today():%Y%m%d}.{ending}"'}
    return StreamingResponse(_lines(visit, as_csv), media_type=kind, headers=headers)


def _lines(visit: Visit, as_csv: bool) -> Iterator[bytes]:
    wanted, last = _filter(visit), 0
    if as_csv:
        yield b"\xef\xbb\xbf" + _row(_COLUMNS)
    while rows := visit.store.find_audit(wanted, limit=5000, before=last, oldest_first=True):
        last = rows[-1]["id"]
        for row in rows:
            yield _row(_cells(row)) if as_csv else orjson.dumps({str(k): v for k, v in row.items()}) + b"\n"


def _cells(row: dict[str, Any]) -> list[Any]:
    detail = "" if row["detail"] is None else orjson.dumps(row["detail"]).decode()
    cells = [row["id"], row["at"].isoformat(), *(row[c] for c in _COLUMNS[2:-1]), detail]
    # A spreadsheet would take a text that begins like this for a formula.
    return [f"'{c}" if isinstance(c, str) and c[:1] in ("=", "+", "-", "@", "\t") else c for c in cells]


def _row(cells: Any) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue().encode()


def _filter(visit: Visit) -> AuditFilter:
    return AuditFilter(
        actor=visit.asked("actor") or None,
        action=visit.asked("action") or None,
        object_type=visit.asked("object_type") or None,
        object_id=visit.asked("object_id") or None,
        since=_day(visit, "since"),
        until=_day(visit, "until", 1),
        text=visit.asked("text") or None,
    )


def _day(visit: Visit, name: str, later: int = 0) -> dt.datetime | None:
    """The beginning of a day in the company's time zone; what is no day does not filter."""
    try:
        day = dt.date.fromisoformat(visit.asked(name)) + dt.timedelta(days=later)
    except ValueError:
        return None
    return visit.speech.midnight(day)
