"""Requests that write and may be sent again: with an Idempotency-Key the second gets the answer of the first.

For every POST of the routers that use `Repeatable`. Creating customers has its own, inside its transaction.

While it is under way a request holds its key for a moment at a time, so that the key of one that died is free again
soon. What it wrote says so in the same transaction, so that nobody does it a second time.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import hashlib
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

import orjson
import sqlalchemy as sa
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy import event
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from models.errors import ConfigError, StoreError
from models.store import Store
from models.store.serving_tables import idempotency
from serving.access import AccessError
from serving.api.calling import Call, Needs
from serving.api.problems import Problem
from serving.feed.webhooks import secret_of
from serving.stewardship import StewardError

HEADER = "Idempotency-Key"
LONGEST = 200
KEPT = dt.timedelta(hours=24)
"""How long an answer is kept."""

PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": "^[!-~]+$"},
    "description": "Your own number of this request: sent again within a day it does nothing twice",
}
"""The header in the OpenAPI document."""

LEASE = dt.timedelta(seconds=30)
"""How long after its last sign of life a request holds its key."""

_UNDER_WAY, _WROTE = 0, 1
"""In place of the status of an answer: nothing is known yet; something was written, and the answer is not known yet."""

_writing: ContextVar[_Kept | None] = ContextVar("kehu_repeatable", default=None)
"""The request, with a key, that this thread works for."""


class Repeatable(APIRoute):
    """A route whose POST honours the header."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with what was answered before in front of it."""
        plain = super().get_route_handler()
        rule = next((d.call for d in self.dependant.dependencies if isinstance(d.call, Needs)), None)
        if "POST" not in (self.methods or ()) or rule is None:
            return plain

        async def handler(request: Request) -> Response:
            key = request.headers.get(HEADER)
            if key is None:
                return await plain(request)
            if not 0 < len(key) <= LONGEST:
                raise Problem("invalid_request", f"an {HEADER} has at most {LONGEST} letters")
            call = await rule(request)  # who may not do it is told nothing of what was answered
            kept = _Kept(call, key, await request.body())
            if (again := await run_in_threadpool(kept.begin)) is not None:
                return again
            alive = asyncio.create_task(_keep_alive(kept))
            token = _writing.set(kept)
            try:
                answer = await plain(request)
            except BaseException as error:
                _writing.reset(token)
                # A refusal is an answer; after anything else nobody knows how far it came.
                await run_in_threadpool(kept.forget, refused=isinstance(error, _REFUSALS))
                raise
            finally:
                alive.cancel()
            _writing.reset(token)
            await run_in_threadpool(kept.end, answer)
            return answer

        return handler


_REFUSALS = (Problem, AccessError, StewardError, ConfigError, RequestValidationError, HTTPException)


async def _keep_alive(kept: _Kept) -> None:
    while True:
        await asyncio.sleep(LEASE.total_seconds() / 3)
        with contextlib.suppress(StoreError):
            await run_in_threadpool(kept.hold)


def _note_what_was_written(connection: sa.Connection) -> None:
    kept = _writing.get()
    if kept is not None:
        kept.wrote(connection)


def watch(store: Store) -> None:
    """Let every transaction of a request with a key say, in itself, that the request wrote something."""
    if not event.contains(store.database.engine, "commit", _note_what_was_written):
        event.listen(store.database.engine, "commit", _note_what_was_written)


class _Kept:
    """The row of one request."""

    def __init__(self, call: Call, key: str, body: bytes):
        self._store, self._path = call.store, call.request.url.path
        self._request = hashlib.sha256(f"{self._path}\n".encode() + body).hexdigest()
        self._who, self._key = call.who.consumer or call.who.name, key
        c = idempotency.c
        self._mine = sa.and_(c.who == self._who, c.key == key)

    def begin(self) -> Response | None:
        """The answer that was given before; None: it is this request's to give. Raises Problem."""
        now = dt.datetime.now(dt.UTC)
        try:
            with self._store.database.write() as connection:
                connection.execute(sa.delete(idempotency).where(idempotency.c.at < now - KEPT))
                held = connection.execute(sa.select(idempotency).where(self._mine)).mappings().first()
                if held is None:
                    row = {"who": self._who, "key": self._key, "request": self._request, "at": now}
                    connection.execute(sa.insert(idempotency).values(**row, body=_until(now), status=_UNDER_WAY))
                    return None
                if held["request"] == self._request and held["status"] == _UNDER_WAY and _let_go(held["body"], now):
                    mine = sa.and_(self._mine, idempotency.c.body == held["body"])
                    taken = connection.execute(sa.update(idempotency).where(mine).values(body=_until(now)))
                    if taken.rowcount:
                        return None  # whoever held it died before anything was written
        except StoreError as error:
            if "unique" in str(error).lower() or "duplicate" in str(error).lower():
                raise Problem("conflict", "the first request with this Idempotency-Key is under way") from None
            raise
        if held["request"] != self._request:
            raise Problem("idempotency_conflict", "the Idempotency-Key was used before with another request")
        if held["status"] == _WROTE and _let_go(held["body"], now):
            raise Problem(
                "interrupted", "the first request with this Idempotency-Key took effect, but was broken off: read it"
            )
        if held["status"] in (_UNDER_WAY, _WROTE):
            raise Problem("conflict", "the first request with this Idempotency-Key is under way")
        body = orjson.loads(held["body"])
        if self._path == "/v1/webhooks":
            body["secret"] = secret_of(body["webhook_id"])  # it follows from the environment and is kept nowhere
        return Response(
            orjson.dumps(body), int(held["status"]), {"Idempotent-Replayed": "true"}, media_type="application/json"
        )

    def hold(self) -> None:
        """Say that the request is still under way."""
        with self._store.database.write(wait=False) as connection:
            mine = sa.and_(self._mine, idempotency.c.status.in_((_UNDER_WAY, _WROTE)))
            connection.execute(sa.update(idempotency).where(mine).values(body=_until(dt.datetime.now(dt.UTC))))

    def wrote(self, connection: sa.Connection) -> None:
        """Note, in the transaction that does it, that something was written."""
        mine = sa.and_(self._mine, idempotency.c.status == _UNDER_WAY)
        connection.execute(sa.update(idempotency).where(mine).values(status=_WROTE))

    def end(self, answer: Response) -> None:
        """Keep what was answered; a refusal is not kept, so that the request may be sent again."""
        if answer.status_code >= 400:
            self.forget(refused=True)
            return
        body = orjson.loads(bytes(answer.body) or b"null")
        if isinstance(body, dict):
            body.pop("secret", None)
        values = {"status": answer.status_code, "body": orjson.dumps(body).decode()}
        with self._store.database.write() as connection:
            connection.execute(sa.update(idempotency).where(self._mine).values(**values))

    def forget(self, *, refused: bool) -> None:
        """Let the request be sent again; one that failed on the way only where it wrote nothing."""
        states = (_UNDER_WAY, _WROTE) if refused else (_UNDER_WAY,)
        with self._store.database.write() as connection:
            connection.execute(sa.delete(idempotency).where(self._mine, idempotency.c.status.in_(states)))


def _until(now: dt.datetime) -> str:
    """What stands in place of an answer that is not known yet: until when the request is taken to be alive."""
    return orjson.dumps({"until": (now + LEASE).isoformat()}).decode()


def _let_go(body: str, now: dt.datetime) -> bool:
    """Whether the request that holds a key has given no sign of life for too long."""
    said = orjson.loads(body)
    return not isinstance(said, dict) or "until" not in said or dt.datetime.fromisoformat(said["until"]) < now
