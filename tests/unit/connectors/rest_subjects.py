"""Subjects of the conformance kit behind a REST server: each pages, filters and tells deletions in its own way."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from connectors.conformance import Row, Subject
from tests.support.simulator import Reply, Request, Simulator

TOKEN = "t0ken-of-the-subject"
SIZE = 10
WITHIN = {"into": "body", "total": "total"}


class RestSubject(Subject):
    """A server that gives everything in one list, and lets in who has the token."""

    can: ClassVar[frozenset[str]] = frozenset(
        {"deletes", "times", "widen", "huge", "nulls", "any_text", "late", "empties"}
    )
    secrets = (TOKEN,)

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.rows: dict[str, Row] = {}
        self.gone: dict[str, dt.datetime] = {}
        self.server = Simulator(self.guarded)

    @property
    def options(self) -> dict[str, Any]:
        return {}

    @property
    def connector(self) -> dict[str, Any]:
        auth = {"type": "bearer", "token": TOKEN}
        return {"type": "rest", "base_url": self.server.url + "api", "auth": auth, "retries": 0, **self.options}

    @property
    def stream(self) -> dict[str, Any]:
        fields = {"name": "name", "city": "address.city"}
        return {"name": "accounts", "entity": "organization", "key": "id", "updated_at": "changed", "fields": fields}

    def put(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self.rows.pop(row.key, None)
            self.rows[row.key] = row
            self.gone.pop(row.key, None)

    def remove(self, keys: Iterable[str], at: dt.datetime) -> None:
        for key in keys:
            del self.rows[key]
            self.gone[key] = at

    def widen(self, column: str) -> None:
        return

    def close(self) -> None:
        self.server.close()

    def guarded(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply({"error": "no token"}, 401)
        return self.answer(request)

    def shown(self, rows: Iterable[Row]) -> list[dict[str, Any]]:
        return [
            {
                "id": r.key,
                "name": r.name,
                "address": {"city": r.city, "lines": [1, 2]},
                "changed": r.changed.isoformat(),
                **r.more,
            }
            for r in rows
        ]

    def since(self, request: Request, name: str = "updated_since") -> list[Row]:
        text = request.query.get(name)
        rows = sorted(self.rows.values(), key=lambda r: (r.changed.astimezone(dt.UTC), r.key))
        return rows if not text else [r for r in rows if r.changed >= dt.datetime.fromisoformat(text)]

    def answer(self, request: Request) -> Reply:
        assert request.path == "/api/accounts"
        return Reply(self.shown(self.rows.values()))


class Paged(RestSubject):
    """Numbered pages with 404 behind the last one; smaller pages than asked for."""

    @property
    def options(self) -> dict[str, Any]:
        return {"paging": {"type": "page", "size_param": "per_page", "size": 50}, "records": "data.items"}

    def answer(self, request: Request) -> Reply:
        page = int(request.query["page"])
        rows = list(self.rows.values())[(page - 1) * SIZE : page * SIZE]
        return Reply({"data": {"items": self.shown(rows)}}) if rows or page == 1 else Reply({"detail": "none"}, 404)


class Offset(RestSubject):
    """Offsets, with a filter on the time of change and a list of what was deleted."""

    can = RestSubject.can | {"incremental"}

    @property
    def options(self) -> dict[str, Any]:
        return {
            "paging": {"type": "offset", "size": SIZE},
            "records": "results",
            "incremental": {"param": "updated_since", "overlap": 60},
            "deletions": {
                "path": "deleted",
                "records": "results",
                "incremental": {"param": "deleted_since", "cursor": "at"},
            },
        }

    def answer(self, request: Request) -> Reply:
        start, size = int(request.query["offset"]), int(request.query["limit"])
        if request.path.endswith("deleted"):
            gone = [{"id": key, "at": at.isoformat()} for key, at in self.gone.items()]
            since = request.query.get("deleted_since")
            gone = [
                g for g in gone if not since or dt.datetime.fromisoformat(g["at"]) >= dt.datetime.fromisoformat(since)
            ]
            return Reply({"results": gone[start : start + size]})
        return Reply({"results": self.shown(self.since(request)[start : start + size])})


class Marked(RestSubject):
    """Cursors, a filter, and deletions seen by listing all keys."""

    can = RestSubject.can | {"incremental"}

    @property
    def options(self) -> dict[str, Any]:
        return {
            "paging": {
                "type": "cursor",
                "param": "after",
                "path": "paging.next.after",
                "size_param": "n",
                "size": SIZE,
            },
            "records": "results",
            "incremental": {"param": "q", "value": "changed >= {since}"},
            "live_keys": True,
        }

    def answer(self, request: Request) -> Reply:
        query = {**request.query, "updated_since": request.query.get("q", "").removeprefix("changed >= ")}
        rows = self.since(Request("GET", "", query, {}, b""))
        start = int(request.query.get("after", 0))
        more = start + SIZE < len(rows)
        following = {"paging": {"next": {"after": str(start + SIZE)}}} if more else {}
        return Reply({"results": self.shown(rows[start : start + SIZE]), **following})


class Linked(RestSubject):
    """The Link header, and no way to ask for changes."""

    @property
    def options(self) -> dict[str, Any]:
        return {"paging": {"type": "link", "size_param": "per_page", "size": SIZE}}

    def answer(self, request: Request) -> Reply:
        start, rows = int(request.query.get("start", 0)), list(self.rows.values())
        link = f'<{self.server.url}api/accounts?start={start + SIZE}&per_page={SIZE}>; rel="next"'
        return Reply(self.shown(rows[start : start + SIZE]), headers={"Link": link} if start + SIZE < len(rows) else {})


class Next(RestSubject):
    """An address in the answer, as OData and Django have it; the filter is ignored, which must be noticed."""

    @property
    def options(self) -> dict[str, Any]:
        return {
            "paging": {"type": "next", "path": "@odata.nextLink"},
            "records": "value",
            "incremental": {"param": "updated_since"},
            "live_keys": True,
        }

    def answer(self, request: Request) -> Reply:
        start, rows = int(request.query.get("start", 0)), list(self.rows.values())
        more = {"@odata.nextLink": f"/api/accounts?start={start + SIZE}"} if start + SIZE < len(rows) else {}
        return Reply({"value": self.shown(rows[start : start + SIZE]), **more})


class Posted(RestSubject):
    """A POST whose body says where it is, as search endpoints have it."""

    can = RestSubject.can | {"incremental"}

    @property
    def options(self) -> dict[str, Any]:
        return {
            "method": "POST",
            "path": "search",
            "body": {"query": {"object": "accounts"}},
            "paging": {"type": "offset", "param": "query.offset", "size_param": "query.limit", "size": SIZE} | WITHIN,
            "records": "rows",
            "incremental": {"param": "query.since", "into": "body", "format": "epoch_ms"},
            "live_keys": True,
        }  # fmt: skip

    def answer(self, request: Request) -> Reply:
        query = request.json["query"]
        assert query["object"] == "accounts"
        rows = list(self.rows.values())
        if "since" in query:
            rows = [r for r in rows if r.changed.timestamp() * 1000 >= int(query["since"])]
        part = rows[query["offset"] : query["offset"] + query["limit"]]
        return Reply({"rows": self.shown(part), "total": len(rows)})


SUBJECTS: list[type[RestSubject]] = [RestSubject, Paged, Offset, Marked, Linked, Next, Posted]
