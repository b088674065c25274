"""Write-back over HTTP: what a source should correct, as pages, as a file, and as changes until it does."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from serving.api import shapes
from serving.api.calling import Call, Needs
from serving.api.exporting import MEDIA, sending_of, sent
from serving.api.problems import refusals
from serving.corrections import Corrections, correction_changes, with_corrections, writes_back
from serving.naming import known_source, seen_attribute

router = APIRouter(prefix="/v1", tags=["bulk"])

Reads = Annotated[Call, Depends(Needs("corrections.read"))]
OfSource = Annotated[str, Query(max_length=200, examples=["sales_crm"])]


class Correction(BaseModel):
    """A value of a source that lost against another: what the source should hold instead."""

    golden_id: str
    entity_type: str
    stream: str
    source_key: str
    attribute: str
    source_value: Any
    golden_value: Any
    rule: str


class CorrectionChange(Correction):
    """A correction with what became of it."""

    seq: int
    status: str = Field(
        examples=["open"],
        description="`open`; `acknowledged`: the source delivered since; `withdrawn`: the hub thinks otherwise",
    )
    opened_at: shapes.Time
    closed_at: shapes.Time | None


class CorrectionChanges(BaseModel):
    """Corrections in the order of their newest change. Keep `next`, and send it as `after`."""

    items: list[CorrectionChange]
    next: int
    last: int = Field(description="Number of the newest change")


@router.get(
    "/corrections",
    response_model=shapes.Page[Correction],
    responses=refusals(),
    summary="Where a source holds another value than the golden record",
)
def corrections(
    call: Reads,
    source: OfSource,
    attribute: Annotated[str | None, Query(max_length=100)] = None,
    cursor: shapes.Cursor = None,
    limit: shapes.Limit = 100,
) -> Response:
    """What the owners of a source would correct. An entry is gone once the source delivers the golden value, or one
    that wins: its next delivery is the acknowledgement. A page may hold more entries than `limit` customers.
    """
    after = str(shapes.decode_cursor(cursor, "after").get("after", ""))
    asker = call.asker()
    known_source(call.config, call.store, source)
    if attribute is not None:
        seen_attribute(asker.masking, asker.who, attribute)
    items: list[dict[str, Any]] = []
    seen = 0
    with call.snapshot():
        for golden, found in with_corrections(asker, source, after):
            after = golden.golden_id
            fitting = [one for one in found if attribute in (None, one["attribute"])]
            items += fitting
            seen += bool(fitting)
            if seen == limit:
                break
        else:
            after = ""
    return call.answer({"items": items, "next": shapes.encode_cursor(after=after) if after else None}, asker=asker)


@router.get(
    "/corrections/file",
    responses={**refusals(), 200: {"content": {media.partition(";")[0]: {} for media in MEDIA.values()}}},
    response_class=Response,
    summary="A source's corrections as a file",
)
def correction_file(
    call: Reads, source: OfSource, format: Annotated[str, Query(pattern="^(csv|ndjson|parquet)$")] = "csv"
) -> Response:
    """The whole list of one published state, sent while it is read; for those who correct by hand or load it into the
    source. A connection that ends early ends without the last chunk: what came is no whole file.
    """
    known_source(call.config, call.store, source)
    table = Corrections(call.asker(), source, "GET /v1/corrections/file")
    named = {"Content-Disposition": f'attachment; filename="corrections.{format}"'}
    return sent(sending_of(call, lambda: table, format), format, named)


@router.get(
    "/corrections/changes",
    response_model=CorrectionChanges,
    responses=refusals(),
    summary="What became of a source's corrections",
)
def changes(
    call: Reads,
    source: OfSource,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """For sources with `write_back: true`: corrections as runs opened, acknowledged and withdrew them."""
    writes_back(call.config, source)
    asker = call.asker()
    with call.snapshot():
        return call.answer(correction_changes(asker, source, after, limit), asker=asker)
