"""Requests that write and may be sent again: with an Idempotency-Key the second gets the answer of the first.

For every POST of the routers that use `Repeatable`. Creating customers has its own, inside its transaction.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
import sqlalchemy as sa
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from models.errors import StoreError
from models.store.serving_tables import idempotency
from serving.api.calling import Call, Needs
from serving.api.problems import Problem
from serving.feed.webhooks import secret_of

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

_UNDER_WAY = 0


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
            try:
                answer = await plain(request)
            except BaseException:
                await run_in_threadpool(kept.forget)
                raise
            await run_in_threadpool(kept.end, answer)
            return answer

        return handler


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
                    row = {"who": self._who, "key": self._key, "request": self._request, "body": "null", "at": now}
                    connection.execute(sa.insert(idempotency).values(**row, status=_UNDER_WAY))
                    return None
        except StoreError as error:
            if "unique" in str(error).lower() or "duplicate" in str(error).lower():
                raise Problem("conflict", "the first request with this Idempotency-Key is under way") from None
            raise
        if held["request"] != self._request:
            raise Problem("idempotency_conflict", "the Idempotency-Key was used before with another request")
        if held["status"] == _UNDER_WAY:
            raise Problem("conflict", "the first request with this Idempotency-Key is under way, or was broken off")
        body = orjson.loads(held["body"])
        if self._path == "/v1/webhooks":
            body["secret"] = secret_of(body["webhook_id"])  # it follows from the environment and is kept nowhere
        return Response(
            orjson.dumps(body), int(held["status"]), {"Idempotent-Replayed": "true"}, media_type="application/json"
        )

    def end(self, answer: Response) -> None:
        """Keep what was answered; a refusal is not kept, so that the request may be sent again."""
        if answer.status_code >= 400:
            self.forget()
            return
        body = orjson.loads(bytes(answer.body) or b"null")
        if isinstance(body, dict):
            body.pop("secret", None)
        values = {"status": answer.status_code, "body": orjson.dumps(body).decode()}
        with self._store.database.write() as connection:
            connection.execute(sa.update(idempotency).where(self._mine).values(**values))

    def forget(self) -> None:
        """Let the request be sent again."""
        with self._store.database.write() as connection:
            connection.execute(sa.delete(idempotency).where(self._mine, idempotency.c.status == _UNDER_WAY))
