"""Whole tables over HTTP, as the caller may see them: of one published state, sent while they are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from models.errors import ConfigError
from serving.api import shapes
from serving.api.calling import Call, Needs
from serving.api.problems import Problem, refusals
from serving.api.sending import Sending, Sent, TooMany
from serving.export import NAMES
from serving.selecting import RIGHTS_OF, Selected, Selection

router = APIRouter(prefix="/v1", tags=["bulk"])

MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}


class ExportBody(shapes.Asked):
    """What to write: a table of `kehu export`.

    `since`: only what has an event after this number (of `golden`, `provenance`, `events` and `aliases`).
    """

    what: str = Field(pattern=f"^({'|'.join(NAMES)})$", examples=["golden"])
    format: str = Field("ndjson", pattern="^(csv|ndjson|parquet)$")
    since: int | None = Field(None, ge=0, le=2**62)
    channel: str | None = Field(
        None, max_length=63, description="For a key with a purpose: the channel on which persons must have agreed"
    )


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
    the newest event in it: read the feed from there and nothing is missed. `X-Kehu-Rows` says how many rows come at
    most (of `provenance` and `stage_history`: how many golden records), for a progress bar. Attributes that you do not
    see are empty; persons who have not agreed to the purpose of your key are left out.

    Some tables need a right besides `exports.make`: `findings.read` for findings, matrix and measures, `customers.read`
    for the 360 view and what it is made of, `tasks.read` for tasks, decisions and pairs, `sources.read` for quarantine.
    """
    if (further := RIGHTS_OF[body.what]) is not None:
        call.who.require(further)
    call.needs_purpose(body.channel)
    selection = Selection(call.who, call.who.purpose, body.channel, body.since)
    sending = sending_of(call, lambda: Selected(call.store, call.config, body.what, selection), body.format)
    try:
        call.service.log.read(
            call.who,
            "export",
            object_type="export",
            object_id=body.what,
            attributes=sending.personal,
            rows=sending.rows,
            cursor=sending.cursor,
        )
    except OSError:
        sending.close()
        raise
    return sent(sending, body.format, {"X-Kehu-Cursor": str(sending.cursor), "X-Kehu-Rows": str(sending.rows)})


def sending_of(call: Call, table: Callable[[], Sent], kind: str) -> Sending:
    """A table on its way. Raises Problem where it cannot be had, or several are under way."""
    try:
        return Sending(call.store, table, kind)
    except ConfigError as error:
        raise Problem("invalid_request", str(error)) from None
    except TooMany:
        raise Problem(
            "too_many_requests", "several exports are under way; try again later", headers={"Retry-After": "30"}
        ) from None


def sent(sending: Sending, kind: str, headers: dict[str, str]) -> Response:
    """The answer that sends a table while it is read."""
    return StreamingResponse(sending.parts(), headers=headers, media_type=MEDIA[kind])
