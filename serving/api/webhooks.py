"""Webhooks over HTTP: set up, seen, paused, gone on with; deliveries that were given up, and sent again."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, Field

from serving.api import shapes
from serving.api.calling import Call, Needs
from serving.api.problems import Problem, refusals
from serving.api.repeating import Repeatable
from serving.feed import FeedFilter
from serving.feed import webhooks as hooks
from serving.feed.reading import CursorGone
from serving.feed.targets import TargetError

router = APIRouter(prefix="/v1", tags=["webhooks"], route_class=Repeatable)

Manages = Annotated[Call, Depends(Needs("webhooks.manage"))]
HookId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", examples=["5c0ffee5c0ffee00"])]


class Filters(BaseModel):
    """Which events are sent, as for the feed."""

    types: list[str] = Field(default_factory=list, max_length=20, examples=[["created", "changed"]])
    entity_type: str | None = Field(None, pattern="^(organization|person)$")
    attribute: str | None = Field(None, max_length=100)
    source: str | None = Field(None, max_length=200)
    corrections_of: str | None = Field(
        None, max_length=200, description="Instead of events: what this source should correct (it needs `write_back`)"
    )


class Wanted(Filters, extra="forbid"):
    """The filters of a webhook that is set up."""


class HookBody(shapes.Asked):
    """Where events are sent. `after`: from which number on; by default what happens from now on."""

    url: str = Field(max_length=2000, examples=["https://erp.example/kehu"])
    filters: Wanted = Wanted()
    after: int | None = Field(None, ge=0, le=2**62)


class Hook(BaseModel):
    """A webhook and how it goes."""

    webhook_id: str
    consumer: str
    url: str
    filters: Filters
    seq: int = Field(description="The last event that was taken or put aside")
    state: str = Field(examples=["active"], description="`active` or `paused`")
    failures: int
    error: str | None
    next_at: shapes.Time | None
    created_at: shapes.Time
    delivered_at: shapes.Time | None


class NewHook(Hook):
    """A webhook with its secret, which is shown once."""

    secret: str


class Hooks(BaseModel):
    """Webhooks."""

    items: list[Hook]


class DeadLetter(BaseModel):
    """A delivery that was given up."""

    id: int
    first_seq: int
    last_seq: int
    attempts: int
    error: str
    at: shapes.Time
    replayed_at: shapes.Time | None


class DeadLetters(BaseModel):
    """Deliveries that were given up, the newest first."""

    items: list[DeadLetter]


class Replayed(BaseModel):
    """Whether it was taken now."""

    taken: bool


@router.get("/webhooks", response_model=Hooks, responses=refusals(), summary="Webhooks")
def listing(call: Manages) -> Response:
    """Your program's webhooks; for people all of them."""
    return call.answer({"items": [_shown(row) for row in hooks.webhooks(call.store, call.who.consumer)]})


@router.post(
    "/webhooks",
    response_model=NewHook,
    status_code=201,
    responses=refusals("cursor_gone"),
    summary="Set up a webhook",
)
def add(body: HookBody, call: Manages) -> Response:
    """Events are sent to the URL, signed. The answer holds the secret to check signatures with, once. The key needs the
    right to what it will be sent: `changes.read` for events, `corrections.read` for corrections.
    """
    wanted, of = FeedFilter.of(body.filters.model_dump()), body.filters.corrections_of
    try:
        made, secret = hooks.add_webhook(
            call.store, call.config, call.who, body.url, wanted, after=body.after, corrections_of=of
        )
    except TargetError as error:
        raise Problem("invalid_request", str(error)) from None
    except CursorGone as error:
        raise Problem("cursor_gone", str(error)) from None
    return call.answer({**_shown(_own(call, made)), "secret": secret}, status=201)


@router.delete("/webhooks/{webhook_id}", status_code=204, responses=refusals("not_found"), summary="Remove a webhook")
def remove(webhook_id: HookId, call: Manages) -> Response:
    """Nothing is sent any more; dead letters go with it."""
    _own(call, webhook_id)
    hooks.remove_webhook(call.store, webhook_id)
    call.note("webhook.remove", object_type="webhook", object_id=webhook_id)
    return Response(status_code=204)


@router.post(
    "/webhooks/{webhook_id}/pause", response_model=Hook, responses=refusals("not_found"), summary="Pause a webhook"
)
def pause(webhook_id: HookId, call: Manages) -> Response:
    """Nothing is sent until it goes on; nothing is lost meanwhile."""
    return _set(call, webhook_id, "webhook.pause", state="paused")


@router.post(
    "/webhooks/{webhook_id}/resume",
    response_model=Hook,
    responses=refusals("not_found"),
    summary="Go on with a webhook",
)
def resume(webhook_id: HookId, call: Manages) -> Response:
    """Goes on behind the last event that was taken or put aside."""
    return _set(call, webhook_id, "webhook.resume", state="active", failures=0, error=None, next_at=None)


@router.get(
    "/webhooks/{webhook_id}/dead-letters",
    response_model=DeadLetters,
    responses=refusals("not_found"),
    summary="Deliveries that were given up",
)
def letters(webhook_id: HookId, call: Manages) -> Response:
    """Deliveries that were given up after the last try."""
    _own(call, webhook_id)
    return call.answer(
        {"items": [{n: r[n] for n in DeadLetter.model_fields} for r in hooks.dead_letters(call.store, webhook_id)]}
    )


@router.post(
    "/webhooks/{webhook_id}/dead-letters/{letter}/replay",
    response_model=Replayed,
    responses=refusals("not_found"),
    summary="Send a delivery again",
)
def replay(webhook_id: HookId, letter: Annotated[int, Path(ge=1, le=2**62, examples=[3])], call: Manages) -> Response:
    """Sends a delivery that was given up once more, now."""
    _own(call, webhook_id)
    if all(row["id"] != letter for row in hooks.dead_letters(call.store, webhook_id)):
        raise Problem("not_found", f"there is no dead letter {letter}")
    dispatcher: hooks.Dispatcher = call.request.app.state.dispatcher
    return call.answer({"taken": dispatcher.replay(letter)})


def _own(call: Call, webhook_id: str) -> dict[str, Any]:
    """A webhook of the caller's program; people see all. Raises Problem, the same for one of another program."""
    for row in hooks.webhooks(call.store, call.who.consumer):
        if row["webhook_id"] == webhook_id:
            return row
    raise Problem("not_found", f"there is no webhook {webhook_id}")


def _set(call: Call, webhook_id: str, action: str, **values: Any) -> Response:
    _own(call, webhook_id)
    hooks.change_webhook(call.store, webhook_id, **values)
    call.note(action, object_type="webhook", object_id=webhook_id)
    return call.answer(_shown(_own(call, webhook_id)))


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in Hook.model_fields}
