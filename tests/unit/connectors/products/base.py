"""What simulated products share: rows behind a server, numbers for keys, tokens that end, a limit that is hit once."""

from __future__ import annotations

import datetime as dt
from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from connectors.conformance import Row, Subject
from tests.support.simulator import Reply, Request, Simulator

SECRET = "s3cret-of-the-subject"
SIZE = 10


class Product(Subject):
    """A simulated product. It answers 429 once, and its tokens end after some uses."""

    can: ClassVar[frozenset[str]] = frozenset(
        {"deletes", "times", "late", "empties", "incremental", "nulls", "any_text"}
    )
    secrets = (SECRET,)
    kind: ClassVar[str]
    resource: ClassVar[str]
    columns: ClassVar[dict[str, str]]
    """Of the stream: key, changed, name, city."""
    uses = 25

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.rows: dict[str, Row] = {}
        self.gone: dict[str, dt.datetime] = {}
        self.merged: dict[str, str] = {}
        self.numbers: dict[str, int] = {}
        self.limited = False
        self.tokens = self.left = 0
        self.server = Simulator(self.guarded)

    # What the kit asks for

    @property
    @abstractmethod
    def options(self) -> dict[str, Any]: ...

    @property
    def connector(self) -> dict[str, Any]:
        return {"type": self.kind, "url": self.server.url, **self.options}

    @property
    def stream(self) -> dict[str, Any]:
        of = self.columns
        given = {"name": "rows", "entity": "organization", "key": of["key"], "updated_at": of["changed"]}
        given |= {"deleted": of["deleted"]} if "deleted" in of else {}
        return given | {"fields": {"name": of["name"], "city": of["city"]}, "options": {"resource": self.resource}}

    def put(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self.numbers.setdefault(row.key, 100 + len(self.numbers))
            self.rows.pop(row.key, None)
            self.rows[row.key] = row
            self.gone.pop(row.key, None)

    def remove(self, keys: Iterable[str], at: dt.datetime) -> None:
        for key in keys:
            del self.rows[key]
            self.gone[key] = at

    def merge(self, loser: str, winner: str, at: dt.datetime) -> None:
        """Merge two rows, as a user of the product does."""
        del self.rows[loser]
        self.gone[loser], self.merged[loser] = at, winner
        old = self.rows[winner]
        self.put([Row(old.key, old.name, old.city, at)])

    def hub_key(self, key: str) -> str:
        return str(self.numbers.setdefault(key, 100 + len(self.numbers)))

    def close(self) -> None:
        self.server.close()

    # What simulators are made of

    def guarded(self, request: Request) -> Reply:
        if not self.limited:
            self.limited = True
            return Reply({"error": "too many"}, 429, {"Retry-After": "0"})
        return self.let_in(request)

    @abstractmethod
    def let_in(self, request: Request) -> Reply: ...

    @abstractmethod
    def answer(self, request: Request) -> Reply: ...

    def issue(self, **more: Any) -> Reply:
        """A new token; the old one ends."""
        self.tokens, self.left = self.tokens + 1, self.uses
        return Reply({"access_token": f"token{self.tokens}", "expires_in": 3600, **more})

    def spend(self, request: Request) -> bool:
        """Whether the token lets in once more."""
        self.left -= 1
        return request.headers.get("authorization") == f"Bearer token{self.tokens}" and self.left >= 0

    def ordered(self, since: dt.datetime | None = None) -> list[Row]:
        """Living rows in the order of their changes, from a moment on."""
        rows = sorted(self.rows.values(), key=lambda r: (utc(r), self.numbers[r.key]))
        return [row for row in rows if since is None or utc(row) >= since]


def utc(row: Row) -> dt.datetime:
    return row.changed.astimezone(dt.UTC)


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def iso(row: Row) -> str:
    return utc(row).strftime("%Y-%m-%dT%H:%M:%SZ")


def millis(row: Row) -> int:
    return int(utc(row).timestamp() * 1000)


def from_millis(text: Any) -> dt.datetime:
    return dt.datetime.fromtimestamp(int(text) / 1000, dt.UTC)
