"""Puts the routes of the interface into an application, with what they need around them."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.staticfiles import StaticFiles

from serving.api import (
    announcing,
    changes,
    correcting,
    creating,
    customers,
    exporting,
    finding,
    lifecycle,
    operating,
    privacy,
    stewarding,
    webhooks,
)
from serving.api.calling import Needs
from serving.api.creating import warm_matcher
from serving.api.limiting import TooLarge
from serving.api.problems import ProblemBody, add_problems
from serving.api.repeating import PARAMETER, Repeatable, watch
from serving.feed.webhooks import Dispatcher
from serving.operating.metrics import Requests
from serving.operating.watching import Usage, Watching

_ROUTERS: tuple[APIRouter, ...] = (
    finding.router,
    customers.router,
    changes.router,
    stewarding.router,
    creating.router,
    operating.router,
    privacy.router,
    lifecycle.router,
    exporting.router,
    correcting.router,
    webhooks.router,
    announcing.router,
)


def include(app: FastAPI) -> None:
    """Add the interface to an application whose state has a hub."""
    limit = app.state.hub.config.serving.max_body_kb * 1024
    for router in _ROUTERS:
        app.include_router(router, max_body_size=limit)
    app.include_router(operating.plain)
    app.mount("/docs/assets", StaticFiles(directory=operating.STATIC), name="docs-assets")
    app.state.requests, app.state.usage = Requests(), Usage(app.state.hub.store)
    app.state.warms = [partial(warm_matcher, app.state.hub.store, app.state.hub.config)]
    app.state.dispatcher = Dispatcher(app.state.hub.store, app.state.hub.config)
    app.add_middleware(TooLarge, limit=limit)
    app.add_middleware(Watching, requests=app.state.requests, use=app.state.usage)
    add_problems(app)
    watch(app.state.hub.store)
    _document(app)


def right_of(route: APIRoute) -> Needs | None:
    """The rule of an endpoint: the right that it needs; None where it declares none, which no endpoint may."""
    return next((d.call for d in route.dependant.dependencies if isinstance(d.call, Needs)), None)


def endpoints() -> list[APIRoute]:
    """Every endpoint of the interface."""
    return [route for router in _ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def _document(app: FastAPI) -> None:
    """Name the right of each endpoint, how programs prove who they are, and what a refusal looks like."""
    for route in endpoints():
        rule = right_of(route)
        route.openapi_extra = {
            **(route.openapi_extra or {}),
            "security": [{"key": []}, {"session": []}],
            **({"x-right": rule.right} if rule is not None and rule.right else {}),
            **(
                {"parameters": [PARAMETER]} if isinstance(route, Repeatable) and "POST" in (route.methods or ()) else {}
            ),
        }
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = plain()
            parts = schema.setdefault("components", {})
            parts.setdefault("schemas", {})["ProblemBody"] = ProblemBody.model_json_schema()
            parts["securitySchemes"] = {
                "key": {"type": "http", "scheme": "bearer", "description": "A key of `kehu key add`"},
                "session": {"type": "apiKey", "in": "cookie", "name": "kehu_session"},
            }
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's way
