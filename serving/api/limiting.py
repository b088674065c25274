"""Bodies that are too large: the framework stops reading them, and here its answer becomes a problem like any other."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.http.errors import problem

_TOO_LARGE = 413


class TooLarge:
    """Middleware that puts a problem in place of a plain 413."""

    def __init__(self, app: ASGIApp, *, limit: int):
        self._app, self._limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        replaced = False

        async def sending(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and message["status"] == _TOO_LARGE:
                replaced = True
                said = f"a body may have {self._limit // 1024} KiB"
                await problem(Request(scope), _TOO_LARGE, said, code="too_large")(scope, receive, send)
            elif not replaced:
                await send(message)

        await self._app(scope, receive, sending)
