"""Who calls an endpoint, with which right, and how an answer is given: what every endpoint of the interface shares."""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, cast

import orjson
from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from models.config import Config
from models.stewardship import Role
from models.store import Store
from models.store.looks import Ask
from serving.access import RIGHTS, AccessLog, Masking, NotSignedIn, Principal
from serving.access.keys import authenticate, authenticate_and
from serving.accounts import find_session
from serving.api.problems import Problem
from serving.customers import Asker
from serving.http.app import hub_of
from serving.http.errors import request_id, unknown_name

COOKIE = "kehu_session"
"""The cookie of people who are signed in with the pages."""

Row = tuple[Any, ...]
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_BUCKETS = 10_000


@dataclass(frozen=True)
class Service:
    """What the endpoints of one application share."""

    config: Config
    store: Store
    masking: Masking
    log: AccessLog
    limits: Limits

    @property
    def at_once(self) -> bool:
        """Whether a look-up of one row is quicker than handing it to a thread: SQLite reads from memory, as a rule."""
        return self.store.dialect == "sqlite"


@dataclass
class Call:
    """One request of somebody who may make it."""

    request: Request
    service: Service
    who: Principal
    ahead: Any = None
    """What was read or done before the endpoint was called, see `Needs`."""

    @property
    def store(self) -> Store:
        """The hub store."""
        return self.service.store

    @property
    def config(self) -> Config:
        """The configuration."""
        return self.service.config

    def asker(self) -> Asker:
        """Who asks, for the functions that read and mask."""
        return Asker(self.store, self.config, self.who, self.service.masking, self.service.log)

    def snapshot(self) -> AbstractContextManager[None]:
        """One published state for all reads of the block."""
        return self.store.snapshot()

    def note(self, action: str, *, object_type: str = "", object_id: str = "", **detail: Any) -> None:
        """Write into the audit log that they did something."""
        detail["request_id"] = request_id(self.request)
        self.service.log.note(self.who, action, object_type=object_type, object_id=object_id, **detail)

    def needs_purpose(self, channel: str | None) -> None:
        """Raises Problem where a channel is named and no purpose: nobody would be left out, which was not meant."""
        if channel is not None and self.who.purpose is None:
            said = (
                "'channel' is of consent to the purpose of a key, and yours has none (kehu key add --scope purpose:…)"
            )
            raise Problem("invalid_request", said)

    def answer(
        self,
        body: Any,
        *,
        asker: Asker | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        etag: bool = False,
    ) -> Response:
        """The body as JSON, once it is on record who saw what. With `etag` 304 where the caller has this very answer.

        An entity tag is that of the bytes, so it differs between callers who see different attributes.
        """
        if asker is not None:
            asker.account_for(f"{self.request.method} {_route(self.request)}")
        content = dumps(body)
        given = dict(headers or {})
        if etag:
            given["ETag"] = tag = tag_of(content)
            given["Vary"] = "Authorization, Cookie"
            if matches(self.request.headers.get("if-none-match"), tag):
                return Response(status_code=304, headers=given)
        return Response(content, status, given, media_type="application/json")


@dataclass(frozen=True)
class Ahead:
    """What is read together with the caller's key, on one way to the database: a statement whose first column is never
    null, or None where there is nothing to read; and what its row says, which only callers with the right get.
    """

    ask: Callable[[Request, Store], Ask | None]
    found: Callable[[Request, Row | None], Any]


class Needs:
    """The right that an endpoint needs, as a dependency that gives the Call; None for anybody who is signed in.

    `ahead` is read with the caller's key; `within`, which gets the body, is done for whoever has the right in the
    thread that looked the key up: each way through the threads is a time in which others have the processor.
    """

    def __init__(
        self,
        right: str | None,
        ahead: Ahead | None = None,
        *,
        within: Callable[[Call, bytes], Any] | None = None,
    ):
        if right is not None and right not in RIGHTS:
            raise KeyError(right)
        self.right, self._ahead, self._within = right, ahead, within

    async def __call__(self, request: Request) -> Call:
        """Raises NotSignedIn, NotAllowed, or Problem for too many requests, and what `within` raises."""
        service = service_of(request)
        if self._within is None and service.at_once and "authorization" in request.headers:
            return self.admit(request, service)
        body = b"" if self._within is None else await request.body()
        return await run_in_threadpool(self.admit, request, service, body)

    def admit(self, request: Request, service: Service, body: bytes = b"") -> Call:
        """The call of whoever sends a request; may wait for the store."""
        ask = self._ahead.ask(request, service.store) if self._ahead is not None else None
        who, row = _caller(request, service, ask)
        request.state.principal = who
        service.limits.take(who.key_id or who.name)
        if self.right is not None:
            who.require(self.right)
        if request.url.query:
            _refuse_unknown(request)
        call = Call(request, service, who)
        if self._ahead is not None and ask is not None:
            call.ahead = self._ahead.found(request, row)
        elif self._within is not None:
            call.ahead = self._within(call, body)
        return call


def _refuse_unknown(request: Request) -> None:
    """Raises Problem for a parameter that the endpoint does not know: a misspelt filter must not leave nothing out."""
    route = request.scope["route"]
    known = _PARAMETERS.get(route.endpoint)
    if known is None:
        known = _PARAMETERS[route.endpoint] = frozenset(_parameters(route.dependant))
    wrong = [name for name in request.query_params if name not in known]
    if wrong:
        told = [{"place": f"query.{name}", "message": unknown_name("parameter", name, known)} for name in wrong]
        raise Problem("invalid_request", "; ".join(f"{one['place']}: {one['message']}" for one in told), errors=told)


def _parameters(dependant: Any) -> Iterator[str]:
    """The names of an endpoint's query parameters, those of what it depends on among them."""
    yield from (field.alias for field in dependant.query_params)
    for one in dependant.dependencies:
        yield from _parameters(one)


_PARAMETERS: dict[Any, frozenset[str]] = {}


class Limits:
    """A bucket of requests per caller, refilled evenly. Each process counts for itself; safe to use from threads."""

    def __init__(self, per_second: float, burst: int):
        self._rate, self._burst = per_second, float(burst)
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, cost: float = 1.0) -> None:
        """Count a request. Raises Problem where the bucket is empty."""
        now = time.monotonic()
        with self._lock:
            left, since = self._buckets.pop(name, (self._burst, now))
            left = min(self._burst, left + (now - since) * self._rate)
            enough = left >= cost
            self._buckets[name] = (left - cost if enough else left, now)
            while len(self._buckets) > _BUCKETS:
                self._buckets.popitem(last=False)
        if not enough:
            wait = max(1, round((cost - left) / self._rate + 0.5))
            raise Problem(
                "too_many_requests",
                f"more than {self._rate:g} requests a second; try again in {wait} s",
                headers={"Retry-After": str(wait)},
            )


def service_of(request: Request) -> Service:
    """What the application's endpoints share, made with the first request."""
    state = request.app.state
    found: Service | None = getattr(state, "api_service", None)
    if found is None:
        with _MAKING:
            found = getattr(state, "api_service", None)
            if found is None:
                hub = hub_of(request)
                limits = Limits(hub.config.serving.requests_per_second, hub.config.serving.burst)
                found = state.api_service = Service(hub.config, hub.store, hub.masking, hub.reads, limits)
    return found


_MAKING = threading.Lock()
_KEYLESS = 20.0
"""What a request with a wrong key costs of the bucket of its address: guessing is slowed down."""


def _caller(request: Request, service: Service, ask: Ask | None) -> tuple[Principal, Row | None]:
    """The program whose key, or the person whose session a request carries; and the row of what is asked."""
    given = request.headers.get("authorization")
    if given is not None:
        kind, _, token = given.partition(" ")
        if kind.lower() != "bearer":
            raise NotSignedIn("programs send 'Authorization: Bearer KEY'")
        try:
            if ask is not None:
                return authenticate_and(service.store, token.strip(), ask)
            return authenticate(service.store, token.strip()), None
        except NotSignedIn:
            service.limits.take(f"address:{request.client.host if request.client else ''}", _KEYLESS)
            raise
    return signed_in(request, service), None if ask is None else service.store.database.row(ask[0], *ask[1])


def signed_in(request: Request, service: Service) -> Principal:
    """The person of a session. A request that writes must carry the session's token as well (X-CSRF-Token)."""
    token = request.cookies.get(COOKIE)
    session = find_session(service.store, token) if token else None
    if session is None:
        raise NotSignedIn("send 'Authorization: Bearer KEY', or sign in")
    given = request.headers.get("x-csrf-token", "")
    if request.method not in SAFE and not hmac.compare_digest(given.encode(), session.csrf.encode()):
        raise Problem("csrf", "a session's request that writes needs the header X-CSRF-Token")
    return Principal.of_account(session.name, cast(Role, session.role))


def dumps(body: Any) -> bytes:
    """A body as JSON, times in UTC with a Z."""
    return orjson.dumps(body, default=_default, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


def tag_of(content: bytes) -> str:
    """The entity tag of an answer."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def matches(given: str | None, tag: str) -> bool:
    """Whether a list of entity tags, as If-None-Match has it, holds one."""
    if given is None:
        return False
    return given.strip() == "*" or any(part.strip().removeprefix("W/") == tag for part in given.split(","))


def _route(request: Request) -> str:
    route = request.scope.get("route")
    return str(getattr(route, "path", request.url.path))


def _default(value: Any) -> Any:
    if isinstance(value, set | frozenset):
        return sorted(value)
    if hasattr(value, "model_dump"):
        return value.model_dump()
    raise TypeError(type(value).__name__)
