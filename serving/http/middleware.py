"""What every answer carries: a request number, and headers that keep a browser from doing what it was not told."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""Content-Security-Policy of every answer: nothing inline, nothing from elsewhere."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

REQUEST_ID = "X-Request-Id"
_GIVEN = re.compile(r"[A-Za-z0-9._-]{8,64}")


class Headers:
    """Adds the security headers, and a request id: the caller's own if it sent one, else a new one.

    The id is in `request.state.request_id`, in the answer and on error pages. Errors that nobody caught are answered
    with what `failed` makes of them, since Starlette itself would do so outside of here, without the headers.
    HEAD is answered as GET is, without the body.
    """

    def __init__(self, app: ASGIApp, *, failed: Callable[[Request, Exception], Response], secure: bool = False):
        self._app = app
        self._failed = failed
        self._more = {**HEADERS, **({"Strict-Transport-Security": "max-age=31536000"} if secure else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((v.decode("latin-1") for k, v in scope["headers"] if k == REQUEST_ID.lower().encode()), "")
        number = given if _GIVEN.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = number
        head = scope["method"] == "HEAD"
        if head:  # what balancers and caches ask instead of GET; the router knows it of static files only
            scope = {**scope, "method": "GET"}

        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID] = number
                for name, value in self._more.items():
                    headers.setdefault(name, value)
                if not scope["path"].startswith("/static/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send({**message, "body": b""} if head and message["type"] == "http.response.body" else message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            answer = self._failed(Request(scope), error)
            if begun:
                raise
            await answer(scope, receive, sending)
