"""What is answered when something goes wrong: a page for people, `application/problem+json` for programs.

Neither says more than the caller may know: an unexpected error shows its request id, and the log has the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException

from models.config.mistakes import unknown
from models.errors import AwayError, BusyError, KehuError, StoreError
from serving.access import AccessError, NotSignedIn
from serving.stewardship import StewardError
from serving.web.rendering import error_page
from serving.web.visits import sign_in_address

log = logging.getLogger("kehu.http")
_CODES = {
    400: "invalid_request",
    401: "not_signed_in",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    422: "invalid_request",
    429: "too_many_requests",
    500: "internal",
    503: "busy",
}
"""The stable word for programs where nothing more exact is known."""

PROGRAM_PATHS = ("/v1/", "/health/", "/metrics", "/openapi.json")


def add_error_pages(app: FastAPI) -> None:
    """Answer every failure of an application that can be foreseen; `unexpected` is for the others."""
    app.add_exception_handler(HTTPException, _known)
    app.add_exception_handler(RequestValidationError, _wrong_request)
    app.add_exception_handler(NotSignedIn, _not_signed_in)
    app.add_exception_handler(AccessError, _not_allowed)
    app.add_exception_handler(StewardError, _steward)
    app.add_exception_handler(KehuError, _refused)


def problem(
    request: Request, status: int, detail: str, *, headers: dict[str, str] | None = None, **more: object
) -> Response:
    """A failure as RFC 9457 tells it."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": more.pop("code", _CODES.get(status, "error")),
        "detail": detail,
        "instance": request.url.path,
        "request_id": request_id(request),
        **more,
    }
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def request_id(request: Request) -> str:
    """The number of a request, by which its line in the log is found."""
    return str(getattr(request.state, "request_id", ""))


def _answer(
    request: Request, status: int, detail: str, headers: dict[str, str] | None = None, **more: object
) -> Response:
    if for_programs(request):
        return problem(request, status, detail, headers=headers, **more)
    return error_page(request, status, detail, headers)


def for_programs(request: Request) -> bool:
    """Whether a path is one that programs ask for."""
    return request.url.path.startswith(PROGRAM_PATHS) or request.url.path == "/v1"


def too_large(request: Request, limit: int) -> Response:
    """The answer to a body of more than `limit` bytes."""
    return _answer(request, 413, f"a body may have {limit // 1024} KiB")


def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    said, path = str(error.detail), request.url.path
    if for_programs(request) and said == HTTPStatus.NOT_FOUND.phrase:
        said = "nothing is at this path" + (f" (did you mean '{path.rstrip('/')}'?)" if path.endswith("/") else "")
    return _answer(request, error.status_code, said, dict(error.headers or {}))


def _wrong_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    places = [{"place": ".".join(str(x) for x in e["loc"]), "message": _message(e, request)} for e in error.errors()]
    said = "; ".join(f"{p['place']}: {p['message']}" for p in places)
    return _answer(request, 422, said, errors=places)


def unknown_name(noun: str, name: str, valid: Collection[str] = ()) -> str:
    """What is said of a name that nobody knows, with the nearest valid one."""
    said, close = unknown(noun, name, sorted(valid))
    return said + (f" (did you mean '{close}'?)" if close else "")


def _message(error: Mapping[str, Any], request: Request) -> str:
    if error["type"] == "model_attributes_type" and "json" not in request.headers.get("content-type", ""):
        return "this is read as JSON with the header Content-Type: application/json"
    return unknown_name("field", str(error["loc"][-1])) if error["type"] == "extra_forbidden" else str(error["msg"])


def _not_signed_in(request: Request, error: Exception) -> Response:
    if for_programs(request):
        return problem(request, 401, str(error), headers={"WWW-Authenticate": "Bearer"})
    there = sign_in_address(request)
    if request.headers.get("HX-Request") == "true":  # a part of a page: the whole page goes there
        return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
    return RedirectResponse(there, 303)


def _not_allowed(request: Request, error: Exception) -> Response:
    assert isinstance(error, AccessError)
    return _answer(request, error.status, str(error), code=error.code)


def _steward(request: Request, error: Exception) -> Response:
    assert isinstance(error, StewardError)
    return _answer(request, error.status, str(error), code=error.code)


def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, BusyError):
        return _answer(request, 503, "another process is writing to the hub store", {"Retry-After": "1"})
    log.warning("request %s: %s", request_id(request), error)
    if isinstance(error, StoreError):  # which names the place of the store, and perhaps who asks may not even sign in
        if isinstance(error, AwayError):
            return _answer(request, 503, "the hub store cannot be reached", {"Retry-After": "2"})
        return _answer(request, 500, _UNFORESEEN)
    return _answer(request, 500, str(error))


_UNFORESEEN = "unexpected error; the log of the server has the details under the request id"


def unexpected(request: Request, error: Exception) -> Response:
    """The answer to an error that nobody foresaw; the log has its traceback and its route: a path may name somebody."""
    route = getattr(request.scope.get("route"), "path", "(none)")
    log.error("request %s: %s %s", request_id(request), request.method, route, exc_info=error)
    return _answer(request, 500, _UNFORESEEN)
