"""Whole tables over HTTP, as the caller may see them: of one published state, sent while they are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import orjson
import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from matching.survive import expand_provenance
from models.errors import ConfigError
from models.store.tables import golden_record
from serving.api import shapes
from serving.api.calling import Call, Needs
from serving.api.problems import Problem, refusals
from serving.api.sending import Sending, TooMany
from serving.customers import Golden
from serving.selecting import Selection

router = APIRouter(prefix="/v1", tags=["bulk"])

MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}


class ExportBody(BaseModel):
    """What to write. `since`: only what has an event after this number (not `crosswalk`)."""

    what: str = Field(pattern="^(golden|crosswalk|aliases|provenance|events)$", examples=["golden"])
    format: str = Field("ndjson", pattern="^(csv|ndjson|parquet)$")
    since: int | None = Field(None, ge=0, le=2**62)
    channel: str | None = Field(
        None, max_length=63, description="For a key with a purpose: the channel on which persons must have agreed"
    )


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
    """CSV, NDJSON or Parquet of one published state, sent while it is read. The header `X-Kehu-Cursor` is the number of
    the newest event in it: read the feed from there and nothing is missed. `X-Kehu-Rows` says how many rows come (of
    `provenance`: golden records), for a progress bar. Attributes that you do not see are empty; persons who have not
    agreed to the purpose of your key are left out.
    """
    selection = Selection(call.who, call.who.purpose, body.channel, body.since)
    try:
        sending = Sending(call.store, call.config, body.what, body.format, selection)
    except ConfigError as error:
        raise Problem("invalid_request", str(error)) from None
    except TooMany:
        raise Problem(
            "too_many_requests", "several exports are under way; try again later", headers={"Retry-After": "30"}
        ) from None
    call.service.log.read(
        call.who,
        "export",
        object_type="export",
        object_id=body.what,
        attributes=sending.personal,
        rows=sending.rows,
        cursor=sending.cursor,
    )
    headers = {"X-Kehu-Cursor": str(sending.cursor), "X-Kehu-Rows": str(sending.rows)}
    return StreamingResponse(sending.parts(), headers=headers, media_type=MEDIA[body.format])


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
