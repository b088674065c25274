"""Whole tables over HTTP, as the caller may see them: written from one published state, then sent."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field
from starlette.background import BackgroundTask

from matching.survive import expand_provenance
from models.store.tables import event, golden_record
from models.vocabulary import PARTY_TYPES
from serving.api import shapes
from serving.api.calling import Call, Needs
from serving.api.problems import refusals
from serving.customers import Golden
from serving.export import batches, exports
from serving.feed import last_event
from serving.privacy.consent import without_consent
from serving.writers import writer_for

router = APIRouter(prefix="/v1", tags=["bulk"])

MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}
_KEPT_SECONDS = 3600


class ExportBody(BaseModel):
    """What to write. `since`: only golden records with an event after this number (`golden` alone)."""

    what: str = Field(pattern="^(golden|crosswalk|aliases)$", examples=["golden"])
    format: str = Field("ndjson", pattern="^(csv|ndjson|parquet)$")
    since: int | None = Field(None, ge=0, le=2**62)


class Correction(BaseModel):
    """A value of a source that lost against another: what the source should hold instead."""

    golden_id: str
    stream: str
    source_key: str
    attribute: str
    source_value: Any
    golden_value: Any
    rule: str


@router.post(
    "/exports",
    responses={
        **refusals(),
        200: {
            "description": "The file; X-Kehu-Cursor is where to go on in the feed",
            "content": {media.partition(";")[0]: {} for media in MEDIA.values()},
        },
    },
    response_class=Response,
    summary="A whole table as a file",
)
def export(body: ExportBody, call: Annotated[Call, Depends(Needs("exports.make"))]) -> Response:
    """CSV, NDJSON or Parquet of one published state. The header `X-Kehu-Cursor` is the number of the newest event in
    it: read the feed from there and nothing is missed. Attributes that you do not see are empty; persons who have not
    agreed to the purpose of your key are left out.
    """
    folder = call.config.workspace / "exports"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _clear(folder)
    path = folder / f"{secrets.token_hex(12)}.{body.format}"
    chosen = exports(call.config)[body.what]
    rows, personal = 0, set[str]()
    with call.snapshot():
        cursor = last_event(call.store)
        changed = _changed(call, body.since) if body.since is not None and body.what == "golden" else None
        # Before the table is read: on PostgreSQL no question is answered while a COPY goes on.
        withheld = _withheld(call) if body.what == "golden" else set()
        with writer_for(path, chosen.schema) as write:
            for batch in batches(call.store, chosen):
                if body.what == "golden":
                    batch = _as_seen(call, batch, changed, withheld, personal)
                write(batch)
                rows += batch.num_rows
    path.chmod(0o600)
    call.service.log.read(
        call.who, "export", object_type="export", object_id=body.what, attributes=personal, rows=rows, cursor=cursor
    )
    headers = {"X-Kehu-Cursor": str(cursor), "X-Kehu-Rows": str(rows)}
    done = BackgroundTask(path.unlink, missing_ok=True)
    return FileResponse(path, headers=headers, media_type=MEDIA[body.format], background=done)


@router.get(
    "/corrections",
    response_model=shapes.Page[Correction],
    responses=refusals(),
    summary="Where a source holds another value than the golden record",
)
def corrections(
    call: Annotated[Call, Depends(Needs("corrections.read"))],
    source: Annotated[str, Query(max_length=200, examples=["sales_crm"])],
    attribute: Annotated[str | None, Query(max_length=100)] = None,
    cursor: shapes.Cursor = None,
    limit: shapes.Limit = 100,
) -> Response:
    """What the owners of a source would correct. An entry is gone once the source delivers the golden value, or one
    that wins: its next delivery is the acknowledgement. A page may hold more entries than `limit` customers.
    """
    after = str(shapes.decode_cursor(cursor, "after").get("after", ""))
    asker = call.asker()
    items: list[dict[str, Any]] = []
    seen = 0
    with call.snapshot():
        for golden in _with_source(call, source, after):
            after = golden.golden_id
            found = [c for c in _corrections(golden, source) if attribute in (None, c["attribute"])]
            shown, _ = asker.shown(golden.golden_id, golden.entity_type, {c["attribute"]: c for c in found})
            items += [c for c in found if c["attribute"] in shown]
            seen += bool(found)
            if seen == limit:
                break
        else:
            after = ""
    return call.answer({"items": items, "next": shapes.encode_cursor(after=after) if after else None}, asker=asker)


def _with_source(call: Call, source: str, after: str) -> Iterator[Golden]:
    """Golden records with several members, one of them of the source, in the order of their ids."""
    g = golden_record.c
    quoted = orjson.dumps(source).decode()
    while True:
        query = sa.select(golden_record).where(g.golden_id > after, g.status == "active", g.records > 1)
        query = query.where(g.provenance.contains(quoted, autoescape=True)).order_by(g.golden_id).limit(500)
        with call.store.database.read() as connection:
            rows = connection.execute(query).mappings().all()
        for row in rows:
            yield Golden.of(row)
        if len(rows) < 500:
            return
        after = rows[-1]["golden_id"]


def _corrections(golden: Golden, source: str) -> list[dict[str, Any]]:
    found = []
    for name, told in expand_provenance(golden.provenance, golden.values).items():
        for loser in told.get("losers", ()):
            value = golden.values.get(name)
            if loser["source"] == source and loser["value"] != value and value is not None:
                found.append(
                    {
                        "golden_id": golden.golden_id,
                        "stream": loser["stream"],
                        "source_key": loser["key"],
                        "attribute": name,
                        "source_value": loser["value"],
                        "golden_value": value,
                        "rule": told["rule"],
                    }
                )
    return found


def _changed(call: Call, since: int) -> set[str]:
    query = sa.select(event.c.golden_id).where(event.c.seq > since).distinct()
    with call.store.database.read() as connection:
        return set(connection.scalars(query))


def _withheld(call: Call) -> set[str]:
    """Persons who have not agreed to the purpose of the program's key."""
    if not call.who.purpose:
        return set()
    g = golden_record.c
    with call.store.database.read() as connection:
        query = sa.select(g.golden_id).where(g.entity_type == "person", g.status == "active")
        persons = list(connection.scalars(query))
    return without_consent(call.store, persons, call.who.purpose)


def _as_seen(
    call: Call, batch: pa.RecordBatch, changed: set[str] | None, withheld: set[str], personal: set[str]
) -> pa.RecordBatch:
    """The rows that they get, without the values that they do not see; notes which personal attributes are left."""
    masking, who = call.service.masking, call.who
    ids = batch.column("golden_id").to_pylist()
    keep = pa.array([i not in withheld and (changed is None or i in changed) for i in ids])
    batch = batch.filter(keep)
    types = batch.column("entity_type").to_pylist()
    columns = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if name in ("golden_id", "entity_type"):
            columns.append(column)
            continue
        sees = {entity: masking.sees(who, entity, name) for entity in PARTY_TYPES}
        allowed = pa.array([sees.get(entity, False) for entity in types], pa.bool_())
        column = pc.if_else(allowed, column, pa.scalar(None, column.type)) if not all(sees.values()) else column
        columns.append(column)
        if any(sees[e] and masking.sensitivity(e, name) != "public" for e in PARTY_TYPES) and column.null_count < len(
            column
        ):
            personal.add(name)
    return pa.record_batch(columns, schema=batch.schema)


def _clear(folder: Path) -> None:
    """Files of answers that were broken off."""
    for path in folder.iterdir():
        try:
            if time.time() - path.stat().st_mtime > _KEPT_SECONDS:
                os.unlink(path)
        except FileNotFoundError:
            continue
