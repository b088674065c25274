"""Requests to the hub, waiting and awaiting: what is asked and how an answer is read is said once, for both.

Requests that may be repeated are tried again when the hub is busy or cannot be reached.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx2

from serving.client.errors import HubError

Json = dict[str, Any]

ATTEMPTS = 5
_WAIT = 0.2
_AGAIN = frozenset({429, 502, 503, 504})


@dataclass(frozen=True)
class _Ask:
    """A request: its answer is the JSON, None where `or_none` and nothing is there."""

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    or_none: bool = False
    repeat: bool = True


def _customer(golden_id: str, part: str = "", **params: Any) -> _Ask:
    return _Ask("GET", f"/v1/customers/{quote(golden_id, safe='')}{part}", params, or_none=True)


def _crosswalk(source: str, key: str, stream: str | None) -> _Ask:
    path = f"/v1/crosswalk/{quote(source, safe='')}/{quote(key, safe='/')}"
    return _Ask("GET", path, {"stream": stream}, or_none=True)


def _create(
    entity_type: str, values: Mapping[str, Any], source_key: str | None, on_doubt: str, idempotency_key: str | None
) -> _Ask:
    body = {"entity_type": entity_type, "values": dict(values), "source_key": source_key, "on_doubt": on_doubt}
    # With a key of its own a request that is sent again because of a broken connection creates nothing twice.
    return _Ask(
        "POST", "/v1/customers", body=body, headers={"Idempotency-Key": idempotency_key or secrets.token_hex(16)}
    )


def _match(entity_type: str, values: Mapping[str, Any], limit: int) -> _Ask:
    return _Ask("POST", "/v1/match", body={"entity_type": entity_type, "values": dict(values), "limit": limit})


def _changes(after: int, wait: float, limit: int, reader: str, filters: Mapping[str, Any]) -> _Ask:
    return _Ask("GET", "/v1/changes", {"after": after, "wait": wait, "limit": limit, "reader": reader, **filters})


def _read(ask: _Ask, answer: httpx2.Response) -> Any:
    if answer.status_code == 404 and ask.or_none:
        return None
    if answer.status_code >= 400:
        try:
            problem = answer.json()
        except ValueError:
            problem = {"detail": answer.text[:200]}
        raise HubError(answer.status_code, problem)
    return answer.json()


def _pause(attempt: int, answer: httpx2.Response | None) -> float:
    told = answer.headers.get("retry-after", "") if answer is not None else ""
    return float(told) if told.isdecimal() else _WAIT * float(2**attempt)


def _settings(url: str, key: str, timeout: float) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {key}", "User-Agent": "kehu-client"}
    # A former id answers with the survivor's address; the client goes there by itself.
    return {"base_url": url, "headers": headers, "timeout": timeout, "follow_redirects": True}


class Hub:
    """A hub, asked from ordinary code. Safe to use from several threads; `with` closes it.

    Methods raise HubError where the hub refuses, and httpx2.TransportError where it cannot be reached after several
    tries. What is not there is None. `client` stands in for the network in tests.
    """

    def __init__(self, url: str, key: str, *, timeout: float = 60.0, client: Any = None):
        self._client = client or httpx2.Client(**_settings(url, key, timeout))

    def _send(self, ask: _Ask) -> Any:
        params = {n: v for n, v in ask.params.items() if v is not None}
        for attempt in range(ATTEMPTS):
            last, answer = attempt == ATTEMPTS - 1 or not ask.repeat, None
            try:
                answer = self._client.request(
                    ask.method, ask.path, params=params, json=ask.body, headers=dict(ask.headers)
                )
                if answer.status_code not in _AGAIN or last:
                    return _read(ask, answer)
            except httpx2.TransportError:
                if last:
                    raise
            time.sleep(_pause(attempt, answer))
        raise AssertionError

    def customer(self, golden_id: str, **params: Any) -> Json | None:
        """A golden record; a former id gives the survivor. `known_at`, `valid_at`: as of a moment (ISO 8601)."""
        found: Json | None = self._send(_customer(golden_id, **params))
        return found

    def history(self, golden_id: str) -> Json | None:
        """Versions of a golden record with what changed in each."""
        found: Json | None = self._send(_customer(golden_id, "/history"))
        return found

    def view360(self, golden_id: str) -> Json | None:
        """The 360 view of a customer."""
        found: Json | None = self._send(_customer(golden_id, "/360"))
        return found

    def crosswalk(self, source: str, key: str, stream: str | None = None) -> str | None:
        """The golden id of a source's key; None where it is unknown, deleted, or in several golden records."""
        found: Json | None = self._send(_crosswalk(source, key, stream))
        return found["golden_id"] if found else None

    def customers(self, **filters: Any) -> Iterator[Json]:
        """Golden records that fit filters (`q`, `entity_type`, `where`, …), page by page."""
        cursor: str | None = None
        while True:
            page: Json = self._send(_Ask("GET", "/v1/customers", {"limit": 500, **filters, "cursor": cursor}))
            yield from page["items"]
            cursor = page["next"]
            if cursor is None:
                return

    def match(self, entity_type: str, values: Mapping[str, Any], *, limit: int = 10) -> list[Json]:
        """The golden records that a description may be, the best first."""
        found: list[Json] = self._send(_match(entity_type, values, limit))["matches"]
        return found

    def create(
        self,
        entity_type: str,
        values: Mapping[str, Any],
        *,
        source_key: str | None = None,
        on_doubt: str = "refuse",
        idempotency_key: str | None = None,
    ) -> Json:
        """Create a customer, or attach to the one that is there. Raises HubError with code `doubtful`."""
        found: Json = self._send(_create(entity_type, values, source_key, on_doubt, idempotency_key))
        return found

    def cursor(self) -> int:
        """The number of the newest event."""
        return int(self._send(_Ask("GET", "/v1/changes/cursor"))["last"])

    def changes(
        self, after: int, *, wait: float = 0, limit: int = 500, reader: str = "", **filters: Any
    ) -> tuple[list[Json], int]:
        """Events after a number, and the number to go on from."""
        found = self._send(_changes(after, wait, limit, reader, filters))
        return found["events"], int(found["next"])

    def follow(self, after: int, *, reader: str = "", wait: float = 25, **filters: Any) -> Iterator[Json]:
        """Events from a number on, for ever: each is asked for again until the one after it was taken."""
        while True:
            events, after = self.changes(after, wait=wait, reader=reader, **filters)
            yield from events

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def __enter__(self) -> Hub:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncHub:
    """`Hub` for asynchronous code; `async with` closes it."""

    def __init__(self, url: str, key: str, *, timeout: float = 60.0, client: Any = None):
        self._client = client or httpx2.AsyncClient(**_settings(url, key, timeout))

    async def _send(self, ask: _Ask) -> Any:
        params = {n: v for n, v in ask.params.items() if v is not None}
        for attempt in range(ATTEMPTS):
            last, answer = attempt == ATTEMPTS - 1 or not ask.repeat, None
            try:
                answer = await self._client.request(
                    ask.method, ask.path, params=params, json=ask.body, headers=dict(ask.headers)
                )
                if answer.status_code not in _AGAIN or last:
                    return _read(ask, answer)
            except httpx2.TransportError:
                if last:
                    raise
            await asyncio.sleep(_pause(attempt, answer))
        raise AssertionError

    async def customer(self, golden_id: str, **params: Any) -> Json | None:
        """As `Hub.customer`."""
        found: Json | None = await self._send(_customer(golden_id, **params))
        return found

    async def crosswalk(self, source: str, key: str, stream: str | None = None) -> str | None:
        """As `Hub.crosswalk`."""
        found: Json | None = await self._send(_crosswalk(source, key, stream))
        return found["golden_id"] if found else None

    async def match(self, entity_type: str, values: Mapping[str, Any], *, limit: int = 10) -> list[Json]:
        """As `Hub.match`."""
        found: list[Json] = (await self._send(_match(entity_type, values, limit)))["matches"]
        return found

    async def create(
        self,
        entity_type: str,
        values: Mapping[str, Any],
        *,
        source_key: str | None = None,
        on_doubt: str = "refuse",
        idempotency_key: str | None = None,
    ) -> Json:
        """As `Hub.create`."""
        found: Json = await self._send(_create(entity_type, values, source_key, on_doubt, idempotency_key))
        return found

    async def changes(
        self, after: int, *, wait: float = 0, limit: int = 500, reader: str = "", **filters: Any
    ) -> tuple[list[Json], int]:
        """As `Hub.changes`."""
        found = await self._send(_changes(after, wait, limit, reader, filters))
        return found["events"], int(found["next"])

    async def follow(self, after: int, *, reader: str = "", wait: float = 25, **filters: Any) -> AsyncIterator[Json]:
        """As `Hub.follow`."""
        while True:
            events, after = await self.changes(after, wait=wait, reader=reader, **filters)
            for event in events:
                yield event

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def __aenter__(self) -> AsyncHub:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
