"""From an answer to rows: the list at a path, nested objects as dotted columns, lists inside rows as rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from connectors.json_reader import batch_of
from connectors.protocol import BadRow
from connectors.text import json_text

BATCH = 5_000
PARENT = "_parent"
_SHOWN = 1_000


def at(data: Any, path: str) -> Any:
    """What a path such as `data.items` or `0.id` leads to; None where it ends early. A name may hold dots itself."""
    if not path:
        return data
    if isinstance(data, dict):
        if path in data:
            return data[path]
        # The longest name first: `@odata.nextLink` is one name.
        parts = path.split(".")
        for length in range(len(parts) - 1, 0, -1):
            name = ".".join(parts[:length])
            if name in data:
                return at(data[name], ".".join(parts[length:]))
        return None
    head, _, rest = path.partition(".")
    if isinstance(data, list) and head.isdigit() and int(head) < len(data):
        return at(data[int(head)], rest)
    return None


def listed(data: Any, path: str) -> list[Any] | None:
    """The rows of an answer; None where there is no list. One object is a list of one, nothing an empty one."""
    found = at(data, path)
    if found is None:
        return [] if path == "" or data is None or _holds(data, path) else None
    if isinstance(found, dict):
        return [found]
    return found if isinstance(found, list) else None


def _holds(data: Any, path: str) -> bool:
    """Whether the last member of a path is there, and empty."""
    head, _, last = path.rpartition(".")
    inner = at(data, head)
    return isinstance(inner, dict) and last in inner


def flat(row: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A row with nested objects as dotted columns; lists stay, and become JSON text when they land."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        column = f"{prefix}{name}"
        if isinstance(value, dict) and value:
            found.update(flat(value, f"{column}."))
        else:
            found[column] = None if value == {} else value
    return found


def rows_of(records: Iterable[Any], children: str | None, parent: Any = None) -> Iterator[dict[str, Any] | BadRow]:
    """Flat rows of an answer's list; with `children` that list's members, the others as `_parent.…`."""
    more = {} if parent is None else {PARENT: parent}
    for record in records:
        if not isinstance(record, dict):
            yield BadRow("no JSON object", json_text(record)[:_SHOWN])
            continue
        if children is None:
            yield {**flat(record), **more}
            continue
        inner = at(record, children)
        own = {f"{PARENT}.{name}": value for name, value in flat(record).items() if not name.startswith(children)}
        for child in inner if isinstance(inner, list) else [] if inner is None else [inner]:
            if isinstance(child, dict):
                yield {**own, **flat(child), **more}
            else:
                yield {**own, "value": child, **more}


class Batches:
    """Gathers rows into batches whose columns grow with what is met."""

    def __init__(self) -> None:
        self.columns: list[str] = []
        self.rows: list[dict[str, Any]] = []

    def add(self, rows: Iterable[dict[str, Any] | BadRow]) -> Iterator[pa.RecordBatch | BadRow]:
        """Takes rows; yields a batch when there are enough, and bad rows in their place."""
        for row in rows:
            if isinstance(row, BadRow):
                yield from self.rest()
                yield row
                continue
            self.rows.append(row)
            if len(self.rows) >= BATCH:
                yield from self.rest()

    def rest(self) -> Iterator[pa.RecordBatch]:
        """What was gathered so far."""
        if self.rows:
            rows, self.rows = self.rows, []
            yield batch_of(rows, self.columns)
