"""What the kit must know of the system that a connector reads: how it is declared, and how rows get in and out."""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
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


class Subject(ABC):
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
    @abstractmethod
    def connector(self) -> dict[str, Any]:
        """What stands under `connector:`."""

    @property
    @abstractmethod
    def stream(self) -> dict[str, Any]:
        """The stream's declaration."""

    @abstractmethod
    def put(self, rows: Iterable[Row]) -> None:
        """Insert rows, or replace those of the same keys."""

    def remove(self, keys: Iterable[str], at: dt.datetime) -> None:
        """Delete rows, at this time by the system's own clock. Asked of those of the capability `deletes` only."""
        raise self._untold("deletes")

    def widen(self, column: str) -> None:
        """Add a column; rows that are put from now on may hold it in `more`. Asked of those that can `widen` only."""
        raise self._untold("widen")

    def hub_key(self, key: str) -> str:
        """The source key under which the hub holds a row."""
        return key

    def _untold(self, what: str) -> TypeError:
        return TypeError(f"{type(self).__name__} says that it can '{what}', but not how")

    def close(self) -> None:
        """Give back what was taken."""
        return  # most take nothing
