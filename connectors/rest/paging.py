"""How one answer leads to the next, for each kind of paging; a server that goes in a circle is noticed."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import xxhash

from connectors.rest.http import Answer, Http, Refused
from connectors.rest.options import Cursors, Links, NextUrl, Offsets, Pages, Paging
from connectors.rest.records import at, listed

_YES = (True, "true", 1, "1")


@dataclass(frozen=True)
class Ask:
    """One request for rows, before pages are counted."""

    path: str
    params: Mapping[str, Any]
    method: str = "GET"
    body: dict[str, Any] | None = None
    records: str = ""


def pages(http: Http, ask: Ask, paging: Paging) -> Iterator[tuple[Answer, list[Any]]]:
    """The answers in their order, each with its list of rows.

    Raises SourceError where an answer holds no such list, or repeats the one before.
    """
    place, before, full, short = _start(paging), "", 0, False
    path, params, body = ask.path, dict(ask.params), ask.body
    while True:
        asked, sent = _placed(paging, place, params, body)
        try:
            answer = http.request(ask.method, path, params=asked, json=sent)
        except Refused as error:
            # Some servers have no empty page behind the last one. One that refuses what comes behind a full page may
            # have a limit of its own, and is no end.
            if isinstance(paging, (Pages, Offsets)) and place != _start(paging):
                if error.status == 404 or (short and error.status in (400, 416)):
                    return
            raise
        rows = listed(answer.data, ask.records)
        if rows is None:
            names = ", ".join(list(answer.data)[:20]) if isinstance(answer.data, dict) else type(answer.data).__name__
            wanted = f"'{ask.records}'" if ask.records else "a list"
            raise http.fault(f"{ask.path}: the answer holds no {wanted} ({names})")
        same = xxhash.xxh3_64_hexdigest(orjson.dumps(rows, default=str))
        if rows and same == before and not isinstance(paging, (Links, NextUrl)):
            if short:
                return  # behind its last page the server gives it again
            raise http.fault(f"{ask.path}: the server gives the same rows for the next page; does it know the paging?")
        before = same
        yield answer, rows
        # A server may give fewer rows than asked for; what it gives at first is its size.
        full = full or min(len(rows), getattr(paging, "size", 0))
        short = len(rows) < full
        follow = _next(paging, place, answer, rows)
        if follow is None:
            return
        if isinstance(paging, (Links, NextUrl)):
            if http.url(follow) == answer.url or follow == place:
                raise http.fault(f"{ask.path}: the next address is the one that was asked for")
            path, params = follow, {}
        place = follow


def _start(paging: Paging) -> Any:
    if isinstance(paging, Pages):
        return paging.start
    return 0 if isinstance(paging, Offsets) else None


def _placed(
    paging: Paging, place: Any, params: dict[str, Any], body: dict[str, Any] | None
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Parameters and body of the request for the page at this place."""
    more: dict[str, Any] = {}
    if isinstance(paging, (Pages, Offsets)) or (isinstance(paging, Cursors) and place is not None):
        more[paging.param] = place
    size = getattr(paging, "size_param", None)
    # An address that the server gave holds its size already.
    if size and not (isinstance(paging, (Links, NextUrl)) and place is not None):
        more[size] = getattr(paging, "size", None)
    if getattr(paging, "into", "query") == "body":
        return params, with_values(body or {}, more)
    return {**params, **more}, body


def with_values(body: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A body with values at dotted paths."""
    found = copy.deepcopy(body)
    for path, value in values.items():
        inner = found
        *heads, last = path.split(".")
        for head in heads:
            inner = inner.setdefault(head, {})
        inner[last] = value
    return found


def _next(paging: Paging, place: Any, answer: Answer, rows: list[Any]) -> Any:
    """Where the next page is; None at the end.

    Where the server tells no total, only an empty page is the end: one that hides rows after it has counted them
    gives short pages in the middle.
    """
    if isinstance(paging, Pages):
        total = at(answer.data, paging.total_pages) if paging.total_pages else None
        if total is not None:
            return place + 1 if place - paging.start + 1 < int(total) else None
        return place + 1 if rows else None
    if isinstance(paging, Offsets):
        if not rows:
            return None
        after = place + len(rows)
        if paging.more is not None:
            return after if at(answer.data, paging.more) in _YES else None
        total = at(answer.data, paging.total) if paging.total else None
        if total is not None:
            return after if after < int(total) else None
        return after
    if isinstance(paging, (Cursors, NextUrl)) and paging.end and at(answer.data, paging.end) in _YES:
        return None
    if isinstance(paging, Cursors):
        mark = at(answer.data, paging.path)
        if paging.more is not None and at(answer.data, paging.more) not in _YES:
            return None
        return mark if mark not in (None, "", []) and mark != place else None
    if isinstance(paging, Links):
        return answer.links.get("next")
    if isinstance(paging, NextUrl):
        found = at(answer.data, paging.path)
        return str(found) if found else None
    return None
