"""What the interface answers when it refuses: `application/problem+json` with a stable `code` for programs."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, Field

from models.errors import ConfigError, KehuError, ModelError
from serving.access import AccessError, NotAllowed
from serving.http.errors import problem
from serving.stewardship.errors import StewardError

CODES: dict[str, tuple[int, str]] = {
    "invalid_request": (422, "a parameter or the body is not what it must be; `errors` names the places"),
    "not_signed_in": (401, "no key or session, or one that does not hold"),
    "forbidden": (403, "the key or account lacks the right that is named"),
    "csrf": (403, "a session's writing request without its token"),
    "not_found": (404, "nothing is at this path, or nothing with this id or key"),
    "method_not_allowed": (405, "the path is there, but not with this method"),
    "conflict": (409, "what was asked contradicts what is there"),
    "doubtful": (409, "a customer may be there already: `candidates` lists which; `on_doubt: create` makes one anyway"),
    "refused": (422, "what was asked of a task or decision cannot be meant"),
    "overtaken": (409, "somebody decided meanwhile; `by`, `at`, `verdict` and `decision` say who and what"),
    "claimed": (409, "somebody else is working on the task; `by` says who"),
    "contradiction": (
        409,
        "hard rules keep the two customers apart; `rules` and `attributes` say which, `despite` goes on",
    ),
    "idempotency_conflict": (409, "the Idempotency-Key was used before with another request"),
    "interrupted": (409, "the first request with this Idempotency-Key took effect, but its answer was lost: read it"),
    "gone": (410, "the person was erased"),
    "cursor_gone": (410, "the feed does not go back that far; take a snapshot and go on from its cursor"),
    "precondition_failed": (412, "If-Match names another state than the present one"),
    "too_large": (413, "the body is larger than the server takes"),
    "too_many_requests": (429, "more requests than the key may make; Retry-After says when to go on"),
    "internal": (500, "an error that nobody foresaw; the server's log has it under `request_id`"),
    "not_ready": (503, "nothing is published yet, or no match model"),
    "busy": (503, "another process is writing, or the store cannot be reached; Retry-After says when to try again"),
}
"""Every code with its status and meaning; codes are never renamed."""


class Problem(KehuError):
    """A refusal. `code` is one of CODES; `more` goes into the answer beside the usual members."""

    def __init__(self, code: str, detail: str, *, headers: dict[str, str] | None = None, **more: Any):
        self.code, self.status, self.detail = code, CODES[code][0], detail
        self.headers, self.more = headers, more
        super().__init__(detail)


class ProblemBody(BaseModel):
    """A refusal, as RFC 9457 tells it."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    code: str = Field(examples=["not_found"], description="Stable word for programs")
    detail: str = Field(examples=["there is no customer with the id 0190…"])
    instance: str = Field(examples=["/v1/customers/0190…"])
    request_id: str = Field(examples=["5c0ffee5c0ffee00"])


def refusals(*codes: str) -> dict[int | str, dict[str, Any]]:
    """The answers of OpenAPI for these codes, and for those that any request may get."""
    found: dict[int | str, dict[str, Any]] = {}
    always = ("invalid_request", "not_signed_in", "forbidden", "too_many_requests", "busy")
    for code in (*always, *codes):
        status, meaning = CODES[code]
        told = found.setdefault(status, {"description": "", "content": {"application/problem+json": {}}})
        told["description"] += f"{'; ' if told['description'] else ''}`{code}`: {meaning}"
        told["content"] = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
    return found


def add_problems(app: FastAPI) -> None:
    """Let the application answer what the interface raises."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(AccessError, _refused)
    app.add_exception_handler(StewardError, _steward)
    app.add_exception_handler(ConfigError, _mistaken)
    app.add_exception_handler(ModelError, _not_ready)


def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem(request, error.status, error.detail, headers=error.headers, code=error.code, **error.more)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, AccessError)
    more = {"right": error.right} if isinstance(error, NotAllowed) else {}
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
    return problem(request, error.status, str(error), headers=headers, code=error.code, **more)


_TOLD = ("by", "at", "verdict", "decision", "rules", "attributes", "golden_ids")


def _steward(request: Request, error: Exception) -> Response:
    assert isinstance(error, StewardError)
    code = "not_found" if error.status == 404 else error.code
    # What else an error knows (delivered values, members) is for pages, which mask it.
    more = {name: error.detail[name] for name in _TOLD if name in error.detail}
    if "at" in more:
        more["at"] = str(more["at"])
    return problem(request, error.status, str(error), code=code, **more)


def _mistaken(request: Request, error: Exception) -> Response:
    return problem(request, 422, str(error), code="invalid_request")


def _not_ready(request: Request, error: Exception) -> Response:
    return problem(request, 503, str(error), headers={"Retry-After": "60"}, code="not_ready")
