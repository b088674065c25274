"""Watches every request from the outside: its line in the log, its place in the metrics, the usage of its program."""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections import Counter
from typing import Any

import sqlalchemy as sa
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.errors import StoreError
from models.store import Store
from models.store.serving_tables import usage
from serving.access import Principal
from serving.operating.metrics import Requests

log = logging.getLogger("kehu.http")

_SAVED_EVERY = 10.0
_UNKNOWN = "(none)"


class Watching:
    """Middleware around the whole application."""

    def __init__(self, app: ASGIApp, *, requests: Requests, use: Usage):
        self._app, self._requests, self._use = app, requests, use

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and note how that went."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = str(getattr(scope.get("route"), "path", None) or _UNKNOWN)
        state: dict[str, Any] = scope.get("state") or {}
        who: Principal | None = state.get("principal")
        self._requests.saw(scope["method"], route, status, seconds)
        if who is not None and who.consumer is not None:
            self._use.count(who.consumer, f"{scope['method']} {route}", refused=status >= 400)
        fields = {
            "request_id": state.get("request_id"),
            "method": scope["method"],
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 2),
            "who": who.name if who is not None else None,
        }
        log.info("%s %s %s", scope["method"], route, status, extra={"fields": fields})


class Usage:
    """How often each program called what, added up here and brought into the store every ten seconds."""

    def __init__(self, store: Store):
        self._store = store
        self._lock = threading.Lock()
        self._asked: Counter[tuple[str, str, str]] = Counter()
        self._refused: Counter[tuple[str, str, str]] = Counter()
        self._saved = time.monotonic()

    def count(self, consumer: str, endpoint: str, *, refused: bool) -> None:
        """Count a request. Now and then the counts are saved by a thread, so that nobody waits for it."""
        key = (consumer, dt.datetime.now(dt.UTC).date().isoformat(), endpoint)
        with self._lock:
            self._asked[key] += 1
            self._refused[key] += refused
            due = time.monotonic() - self._saved > _SAVED_EVERY
            if due:
                self._saved = time.monotonic()
        if due:
            threading.Thread(target=self.save, name="kehu-usage", daemon=True).start()

    def save_soon(self) -> None:
        """`save`, again for up to a second where somebody else is writing just then."""
        for _ in range(20):
            if self.save():
                return
            time.sleep(0.05)

    def save(self) -> bool:
        """Bring the counts into the store; kept for later where that fails. Whether it did not."""
        with self._lock:
            asked, refused = self._asked, self._refused
            self._asked, self._refused = Counter(), Counter()
        try:
            with self._store.database.write(wait=False) as connection:
                for key, number in asked.items():
                    _add(connection, key, number, refused[key])
        except StoreError:
            with self._lock:
                self._asked.update(asked)
                self._refused.update(refused)
            return False
        return True


def _add(connection: sa.Connection, key: tuple[str, str, str], asked: int, refused: int) -> None:
    c = usage.c
    mine = sa.and_(c.consumer == key[0], c.day == key[1], c.endpoint == key[2])
    more = {"requests": c.requests + asked, "refused": c.refused + refused}
    if not connection.execute(sa.update(usage).where(mine).values(**more)).rowcount:
        row = {"consumer": key[0], "day": key[1], "endpoint": key[2], "requests": asked, "refused": refused}
        connection.execute(sa.insert(usage).values(**row))


def usage_of(store: Store, *, since: str, consumer: str | None = None) -> list[dict[str, Any]]:
    """Per program and endpoint: requests and refused since a day (ISO), and the last day of use."""
    c = usage.c
    query = sa.select(
        c.consumer,
        c.endpoint,
        sa.func.sum(c.requests).label("requests"),
        sa.func.sum(c.refused).label("refused"),
        sa.func.max(c.day).label("last_day"),
    ).where(c.day >= since)
    query = query if consumer is None else query.where(c.consumer == consumer)
    with store.database.read() as connection:
        rows = connection.execute(query.group_by(c.consumer, c.endpoint).order_by(c.consumer, c.endpoint)).mappings()
        return [{**row, "requests": int(row["requests"]), "refused": int(row["refused"])} for row in rows]
