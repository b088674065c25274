"""What a connector is: the small contract between a system that delivers and the landing of its rows.

A connector reads and says what it could not read; numbering rows, writing batches, drift, retries and row checks are
the landing's work, so that every connector gets them alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as new
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, field_validator
from pydantic_core import PydanticCustomError

from models.config import Source, Stream
from models.errors import ConfigError

GROUP = "kehu.connectors"
"""Entry point group in which installed packages announce their connectors."""

Mode = Literal["snapshot", "delta"]


class Options(BaseModel):
    """Base of a connector's options: what `connector:` holds beside `type`, overridden by the stream's `options:`."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    timezone: str = "UTC"
    """IANA name of the zone that times without an offset are in, for example Asia/Shanghai."""

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise PydanticCustomError("kehu", "unknown time zone '{zone}'", {"zone": value}) from None
        return value


@dataclass(frozen=True)
class Delivery:
    """The first item of a reading: what is about to be delivered.

    `mode` is what absence means when the configuration is silent; `unchanged` ends the reading: the source holds
    nothing that was not landed before; `info` goes to the manifest (files, encodings, the statement that is read);
    `sparse` says that a column may be left out of a delivery when it is empty, as in JSON; `feed` says that rows come
    in the order in which they changed, so that of several with one key the last counts, and the others are no mistake.
    """

    mode: Mode = "snapshot"
    unchanged: bool = False
    sparse: bool = False
    feed: bool = False
    info: dict[str, Any] = new(default_factory=dict)


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be read. It takes its place in the numbering of rows, and goes to quarantine.

    `value` is its raw text, `field` the column at fault if it is one, `cells` what could be read of it, so that its key
    is known: a row that is set aside must not look deleted.
    """

    reason: str
    value: str | None = None
    field: str | None = None
    cells: dict[str, str] = new(default_factory=dict)


@dataclass(frozen=True)
class LiveKeys:
    """Keys of rows that exist in the source, the key columns alone.

    When a reading holds any, it must hold all of them: what the hub knows and is not among them was deleted.
    """

    batch: pa.RecordBatch


@dataclass(frozen=True)
class Deleted:
    """Keys of rows that the source says were deleted, the key columns alone.

    It takes its place among the rows: a row with the same key that was delivered before is gone, one that comes later
    is there again.
    """

    batch: pa.RecordBatch


@dataclass(frozen=True)
class Merged:
    """Rows that the source itself merged: (source key of the one that went, source key of the one that stayed).

    Both keys are in the form that the hub holds: several columns joined by `|`.
    """

    pairs: list[tuple[str, str]]


@dataclass(frozen=True)
class Note:
    """Something about the delivery that people must be told, such as a server that ignores its filter."""

    text: str


@dataclass(frozen=True)
class State:
    """Where the next reading starts, JSON-able. It is stored when the run is published, never before."""

    values: dict[str, Any]


Item: TypeAlias = pa.RecordBatch | Delivery | BadRow | Deleted | LiveKeys | Merged | Note | State
"""What a reading yields: one Delivery, then rows in Arrow batches and the like in their order, and the State."""


@dataclass(frozen=True)
class Discovered:
    """A stream that a source offers: its columns with their types, its key and a cursor where the source tells.

    `entity`, `deleted` and `fields` (attribute → columns) are given where the connector knows them, as those for one
    product do, and guessed from names and `rows`, the first few of the stream, where it does not; so are `constants`,
    `codes` and `refers`, which are not guessed. `options` are what the stream needs to say.
    """

    name: str
    columns: dict[str, str]
    key: tuple[str, ...] = ()
    cursor: str | None = None
    entity: str | None = None
    deleted: str | None = None
    mode: Mode | None = None
    fields: dict[str, str | list[str]] = new(default_factory=dict)
    constants: dict[str, str] = new(default_factory=dict)
    codes: dict[str, dict[str, str]] = new(default_factory=dict)
    refers: dict[str, str | list[str]] = new(default_factory=dict)
    options: dict[str, Any] = new(default_factory=dict)
    rows: pa.Table | None = None


class Connector(Protocol):
    """A kind of source. It is built per source; nothing is opened before one of its methods is called.

    Errors that end a reading are `models.errors.SourceError`, with `retryable=True` for what may pass by itself. No
    message holds a secret.
    """

    options: ClassVar[type[Options]]

    def __init__(self, source: Source, base: Path):
        """`base` is the folder that relative paths start from: the configuration file's."""
        ...

    def check(self, stream: Stream) -> list[ConfigError]:
        """What is wrong with the stream's configuration, as far as it can be seen without reading rows.

        Raises SourceError where the source cannot be asked at this time: that is no mistake of the configuration.
        """
        ...

    def discover(self) -> list[Discovered]:
        """The streams that the source offers. The source may have no streams in the configuration yet."""
        ...

    def read(self, stream: Stream, state: dict[str, Any] | None, *, again: bool = False) -> Iterator[Item]:
        """Rows after `state` (None: from the start), in batches small enough for memory.

        `again` asks for rows that were delivered before, too.
        """
        ...

    def deletes(self, stream: Stream, state: dict[str, Any] | None, *, again: bool = False) -> Iterator[Item]:
        """What was deleted since `state`, where it takes another look than `read`: asked right after it, as it was.

        Yields `Deleted`, or `LiveKeys`, and a `State` whose values are added to those of `read`. A connector may leave
        the method out.
        """
        yield from ()
