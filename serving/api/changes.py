"""The change feed over HTTP: long poll, filters, the cursor to start from, and how far behind each reader is."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from serving.api.calling import Call, Needs
from serving.api.problems import Problem, refusals
from serving.api.shapes import Time
from serving.feed import TYPES, FeedFilter, check_filter, lags, last_event, note_cursor, read_feed
from serving.feed.reading import CursorGone

router = APIRouter(prefix="/v1", tags=["changes"])

LONGEST_WAIT = 30.0
_LOOK_EVERY = 0.5


class Change(BaseModel):
    """One event. `before` and `after` are values by attribute, or lists of golden ids; see the document of events."""

    seq: int = Field(examples=[17], description="1 for the first event, one more for each further one, no gap")
    type: str = Field(examples=["changed"], description=", ".join(TYPES))
    entity_type: str = Field(examples=["organization"])
    golden_id: str
    version: int | None = Field(examples=[3])
    before: dict[str, Any] | list[str] | None = Field(examples=[{"city": "广州市"}])
    after: dict[str, Any] | list[str] | None = Field(examples=[{"city": "深圳市"}])
    attributes: list[str] | None = Field(examples=[["city"]])
    masked: list[str] = Field(examples=[[]], description="Attributes that are in it but not for you")
    withheld: bool = Field(description="A person who has not agreed to the purpose of your key: no values are given")
    run_id: str
    at: Time


class Changes(BaseModel):
    """Events in order. Keep `next` once they are dealt with, and send it as `after`."""

    events: list[Change]
    next: int = Field(examples=[17])
    last: int = Field(examples=[1578], description="Number of the newest event")
    more: bool = Field(description="Whether there are more at once")


class CursorBody(BaseModel):
    """Where the feed stands."""

    last: int = Field(examples=[1578])


class Reader(BaseModel):
    """How far a program has read the feed."""

    consumer: str
    reader: str
    seq: int
    at: Time
    behind: int = Field(description="Events that it has not read")
    behind_seconds: float = Field(description="Age of the oldest of them")


class Readers(BaseModel):
    """How far each program has read."""

    items: list[Reader]


@router.get("/changes", response_model=Changes, responses=refusals("cursor_gone"), summary="Events after a number")
async def changes(
    call: Annotated[Call, Depends(Needs("changes.read"))],
    after: Annotated[int, Query(ge=0, le=2**62, description="`next` of the last call; 0 at first")] = 0,
    types: Annotated[str | None, Query(max_length=200, description="Types, joined by commas")] = None,
    entity_type: Annotated[str | None, Query(pattern="^(organization|person)$")] = None,
    attribute: Annotated[str | None, Query(max_length=100)] = None,
    source: Annotated[
        str | None, Query(max_length=200, description="Only customers with a record of this source: your own crosswalk")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT, description="Seconds to wait for an event")] = 0,
    channel: Annotated[
        str | None, Query(max_length=63, description="For a key with a purpose: on which persons must have agreed")
    ] = None,
    reader: Annotated[str, Query(max_length=63, description="Which of several readers of your program this is")] = "",
) -> Response:
    """Events in the order of publishing, each at least once, none left out. With `wait` the answer comes as soon as
    there is an event. `after` says up to where you have dealt with the events: that is kept, and shown as your lag.
    """
    named = frozenset(t.strip() for t in (types or "").split(",") if t.strip())
    wanted = FeedFilter(named, entity_type, attribute, source)
    await run_in_threadpool(check_filter, call.asker(), wanted)
    call.needs_purpose(channel)
    deadline, noted = time.monotonic() + wait, call.who.consumer is None
    while True:
        found, answer = await run_in_threadpool(_look, call, after, wanted, limit, channel)
        if not noted and call.who.consumer is not None:  # a number that the feed was never at is nobody's
            await run_in_threadpool(note_cursor, call.store, call.who.consumer, reader, after)
            noted = True
        ending = getattr(call.request.app.state, "ending", False)  # of the server: nobody waits any longer
        if found or ending or time.monotonic() >= deadline or await call.request.is_disconnected():
            return answer
        await asyncio.sleep(min(_LOOK_EVERY, max(0.0, deadline - time.monotonic())))


def _look(call: Call, after: int, wanted: FeedFilter, limit: int, channel: str | None) -> tuple[bool, Response]:
    asker = call.asker()
    try:
        with call.snapshot():
            found = read_feed(asker, after, wanted, limit, channel)
    except CursorGone as error:
        raise Problem("cursor_gone", str(error)) from None
    return bool(found["events"]), call.answer(found, asker=asker)


@router.get("/changes/cursor", response_model=CursorBody, responses=refusals(), summary="Where the feed stands")
def cursor(call: Annotated[Call, Depends(Needs("changes.read"))]) -> Response:
    """The number to go on from after a snapshot that is read from now on."""
    return call.answer({"last": last_event(call.store)})


@router.get("/changes/readers", response_model=Readers, responses=refusals(), summary="How far programs have read")
def readers(call: Annotated[Call, Depends(Needs("usage.read"))]) -> Response:
    """Every reader of the feed and every webhook, with how far behind it is."""
    with call.snapshot():
        return call.answer({"items": lags(call.store)})
