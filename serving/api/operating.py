"""Health, metrics, and the document of the interface in the browser, beside what is under /v1."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from serving.api.calling import Call, Needs, dumps, service_of
from serving.api.problems import refusals
from serving.operating.health import readiness
from serving.operating.metrics import Requests, hub_text
from serving.operating.watching import usage_of

STATIC = Path(__file__).parent / "static"

plain = APIRouter(tags=["operations"])
router = APIRouter(prefix="/v1", tags=["operations"])


class Used(BaseModel):
    """How often a program called an endpoint."""

    consumer: str
    endpoint: str
    requests: int
    refused: int
    last_day: str


class UsedList(BaseModel):
    """How often programs called what."""

    items: list[Used]


@plain.get("/health/live", summary="Does the process answer?", response_model=dict[str, str])
async def live() -> dict[str, str]:
    """Says that the process answers; looks at nothing else."""
    return {"status": "live"}


@plain.get("/health/ready", summary="Can it serve?", response_model=dict[str, Any], responses={503: {}})
def ready(request: Request) -> Response:
    """Whether the store answers and something is published, when that was and how old it is. 503 otherwise."""
    fine, told = readiness(service_of(request).store)
    return Response(dumps(told), 200 if fine else 503, media_type="application/json")


@plain.get("/metrics", summary="Numbers for Prometheus", response_class=Response, responses=refusals())
async def metrics(call: Annotated[Call, Depends(Needs("usage.read"))]) -> Response:
    """Requests, and the state of the hub, in Prometheus' text form. Prometheus sends a key with `usage.read`."""
    requests: Requests = call.request.app.state.requests
    text = requests.text() + await run_in_threadpool(hub_text, call.store)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


@plain.get("/docs", include_in_schema=False)
async def docs() -> Response:
    """The OpenAPI document in the browser; everything it needs comes from this server."""
    return FileResponse(STATIC / "docs.html", headers={"Cache-Control": "no-cache"})


@router.get("/usage", response_model=UsedList, responses=refusals(), summary="Which program used what")
def used(
    call: Annotated[Call, Depends(Needs("usage.read"))],
    days: Annotated[int, Query(ge=1, le=3660)] = 30,
    consumer: Annotated[str | None, Query(max_length=63)] = None,
) -> Response:
    """Requests per program and endpoint over the last days."""
    call.request.app.state.usage.save_soon()
    since = (dt.datetime.now(dt.UTC) - dt.timedelta(days=days)).date().isoformat()
    return call.answer({"items": usage_of(call.store, since=since, consumer=consumer)})
