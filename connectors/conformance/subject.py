"""What the kit must know of the system that a connector reads: how it is declared, and how rows get in and out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

START = dt.datetime(2026, 1, 5, 8, 0, tzinfo=dt.UTC)
"""The time at which the kit's rows begin to change."""


@dataclass(frozen=True)
class Row:
    """A row of the system: an organization with a key, a name, a city and a time of change (with its zone)."""

    key: str
    name: str | None = "n"
    city: str | None = None
    changed: dt.datetime = START
    more: dict[str, Any] = field(default_factory=dict)
    """Further columns, those of `Subject.widen`."""


class Subject:
    """A system under test, to be derived from. It begins empty, or with rows that the kit does not care for.

    `connector` and `stream` are what `kehu.yaml` holds of it; the stream maps `name` and `city`, and `updated_at` where
    the system knows times of change. `can` says which checks make sense:

    | Word | The system, read by the connector, |
    |---|---|
    | `deletes` | lets the hub see by the next reading that a row is gone |
    | `incremental` | delivers, after the first reading, little more than what changed |
    | `times` | tells when a row changed |
    | `late` | may show a row later than others that changed after it (a transaction that took long) |
    | `widen` | can get a further column |
    | `huge` | holds a value of a megabyte |
    | `nulls` | tells an empty value from none, or leaves it out |
    | `any_text` | holds any text, control characters but NUL included |
    | `empties` | can be without a single row |
    """

    can: ClassVar[frozenset[str]] = frozenset()
    secrets: tuple[str, ...] = ()
    """What must never be seen in landing, states and messages."""

    def __init__(self, folder: Path):
        self.folder = folder

    @property
    def connector(self) -> dict[str, Any]:
        """What stands under `connector:`."""
        raise NotImplementedError

    @property
    def stream(self) -> dict[str, Any]:
        """The stream's declaration."""
        raise NotImplementedError

    def put(self, rows: Iterable[Row]) -> None:
        """Insert rows, or replace those of the same keys."""
        raise NotImplementedError

    def remove(self, keys: Iterable[str], at: dt.datetime) -> None:
        """Delete rows, at this time by the system's own clock."""
        raise NotImplementedError

    def widen(self, column: str) -> None:
        """Add a column; rows that are put from now on may hold it in `more`."""
        raise NotImplementedError

    def hub_key(self, key: str) -> str:
        """The source key under which the hub holds a row."""
        return key

    def close(self) -> None:
        """Give back what was taken."""
