"""Bodies that are too large: the framework stops reading them, and here its answer becomes one of the hub's own."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.http.errors import too_large

_TOO_LARGE = 413


class TooLarge:
    """Middleware that puts a problem, or a page, in place of a plain 413."""

    def __init__(self, app: ASGIApp, *, limit: int):
        self._app, self._limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        replaced = False

        async def sending(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and message["status"] == _TOO_LARGE:
                replaced = True
                await too_large(Request(scope), self._limit)(scope, receive, send)
            elif not replaced:
                await send(message)

        await self._app(scope, receive, sending)
