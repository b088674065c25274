"""Sources and their streams as `kehu.yaml` declares them; what `connector` holds beyond `type` is the connector's."""

from __future__ import annotations

import codecs
import datetime as dt
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from models.config.base import Name, Strict
from models.config.cron import cron_mistake
from models.config.survivorship import Trust

Entity = Literal["organization", "person", "vehicle", "touchpoint", "relation"]
Family = Literal["sales", "service", "marketing"]


def _columns(value: Any) -> Any:
    # One check in front of the union keeps the message to one line instead of one per member of the union.
    names = value if isinstance(value, list) else [value]
    if not names or not all(isinstance(name, str) and name.strip() for name in names):
        raise PydanticCustomError("kehu", "expected a column name or a list of column names")
    if len(set(names)) < len(names):
        raise PydanticCustomError("kehu", "names a column twice")
    return value


def _streams(value: Any) -> Any:
    names = value if isinstance(value, list) else [value]
    if not names or not all(isinstance(name, str) and name.strip() for name in names):
        raise PydanticCustomError("kehu", "expected the name of a stream or a list of them")
    return value


def _constant(value: Any) -> Any:
    # YAML reads `no`, `1` and dates as something else; the text that was meant cannot be told any more.
    if not isinstance(value, str) or not value.strip():
        raise PydanticCustomError("kehu", "expected text; put it in quotes")
    return value.strip()


def _cron(value: str) -> str:
    if wrong := cron_mistake(value):
        raise PydanticCustomError("kehu", "{wrong}", {"wrong": wrong})
    return value


def _encoding(value: str) -> str:
    try:
        return codecs.lookup(value).name
    except LookupError:
        raise PydanticCustomError("kehu", "unknown encoding") from None


def _connector(value: dict[str, Any]) -> dict[str, Any]:
    kind = value.get("type")
    if not isinstance(kind, str) or not kind:
        raise PydanticCustomError("kehu", "needs a 'type', for example {type: files}")
    return value


Columns = Annotated[str | list[str], BeforeValidator(_columns)]
Constant = Annotated[str, BeforeValidator(_constant)]
Streams = Annotated[str | list[str], BeforeValidator(_streams)]
Cron = Annotated[str, AfterValidator(_cron)]


class Sensor(Strict):
    """Look at the source again and again, and run when it has something new."""

    every: float = Field(gt=0)
    """Seconds between two looks."""
    announced: bool = False
    """Read the source only when it was announced that it changed (`POST /v1/sources/{source}/changed`)."""


class Backfill(Strict):
    """Periods of the past that can be read again, each on its own."""

    since: dt.date
    """First day of the first period."""
    by: Literal["day", "week", "month"] = "month"
    """Length of a period; days and weeks are those of UTC, weeks begin on Monday."""


class Retry(Strict):
    """What to do when a source cannot be read for the moment."""

    attempts: int = Field(default=3, ge=1)
    """How often it is tried, the first time included."""
    backoff: float = Field(default=2.0, ge=0)
    """Seconds before the second try; doubled before each further one."""


class Stream(Strict):
    """One table, file or endpoint of a source, whose rows are of one entity type."""

    name: Name
    """Name of the stream, unique in its source."""
    entity: Entity
    """Entity type of its rows."""
    key: Columns
    """Column, or columns, that identify a row in the source."""
    fields: dict[str, Columns] = Field(min_length=1)
    """Canonical attribute → delivered column, or columns."""
    constants: dict[str, Constant] = Field(default_factory=dict)
    """Canonical attribute → the value that it has in every row."""
    codes: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Canonical attribute → delivered value → the value that is meant; others stay as they are."""
    refers: dict[str, Streams] = Field(default_factory=dict)
    """Attribute that holds keys of other records → the stream, or streams, whose keys these are."""
    updated_at: str | None = None
    """Column with the source's own time of change; the incremental cursor where the connector has one."""
    deleted: str | None = None
    """Column that is true when the row is a tombstone."""
    mode: Literal["snapshot", "delta"] | None = None
    """A delivery is the whole state (missing keys are deleted) or only changes; by default what the connector says."""
    volume_floor: float = Field(default=0.5, ge=0, le=1)
    """A snapshot with fewer rows than this share of the last one is refused."""
    volume_ceiling: float | None = Field(default=None, gt=1)
    """A snapshot with more rows than so many times the last one is refused."""
    freshness: float | None = Field(default=None, gt=0)
    """Hours after which the last delivery of the stream counts as stale; by default the source's."""
    date_format: str | None = None
    """strptime format of dates that are not ISO 8601."""
    encoding: Annotated[str, AfterValidator(_encoding)] | None = None
    """Character encoding of text files; recognised when absent."""
    rekey: Path | None = None
    """CSV of `old_key,new_key` after the source gave new keys to old rows; relative to the configuration file."""
    options: dict[str, Any] = Field(default_factory=dict)
    """The connector's options for this stream, such as a table, a query or a path."""

    @property
    def mapped(self) -> list[str]:
        """The attributes that get a value: those of `fields` and of `constants`."""
        return [*self.fields, *(name for name in self.constants if name not in self.fields)]

    @property
    def key_columns(self) -> list[str]:
        """The key as a list."""
        return [self.key] if isinstance(self.key, str) else list(self.key)

    @property
    def field_columns(self) -> dict[str, list[str]]:
        """The fields, each with its list of delivered columns."""
        return {name: [cols] if isinstance(cols, str) else list(cols) for name, cols in self.fields.items()}


class Retention(Strict):
    """How many days what a source delivered is kept once it is no longer its present state; without a number, for ever.

    Runs remove what is older; `kehu retention` shows it first.
    """

    former_versions: int | None = Field(default=None, ge=1)
    """Versions of records that later ones replaced."""
    deleted_records: int | None = Field(default=None, ge=1)
    """Records that the source deleted, with all their versions and what was computed of them."""
    quarantine: int | None = Field(default=None, ge=1)
    """Rows that were set aside."""


class Source(Strict):
    """One system that delivers."""

    name: Name
    """Name of the source, unique in the file; part of the identity of its records, so it should stay."""
    family: Family
    """Kind of system."""
    connector: Annotated[dict[str, Any], AfterValidator(_connector)]
    """`type` and the connector's own options."""
    streams: list[Stream] = Field(min_length=1)
    """What it delivers."""
    priority: int = 50
    """Rank in survivorship; the lower number wins."""
    trust: Trust | None = None
    """Trust in values of this source where the rule `trust` names nothing closer."""
    schedule: Cron | None = None
    """Cron expression (UTC) at which the source is read."""
    sensor: Sensor | None = None
    """Read the source when it has something new."""
    retry: Retry = Retry()
    """How a source that cannot be read is tried again."""
    freshness: float | None = Field(default=None, gt=0)
    """Hours after which the last delivery counts as stale."""
    retention: Retention = Retention()
    """How long former states are kept."""
    write_back: bool = False
    """Keep a list of values that this source should correct, told until it delivers them (`kehu corrections`)."""
    backfill: Backfill | None = None
    """Periods of the past, as partitions of a job of its own."""
    keep_batches: int = Field(default=3, ge=1)
    """Landed batches that are kept per stream, for a look and to be replayed."""

    def stream(self, name: str) -> Stream:
        """The stream of this name. Raises KeyError."""
        for stream in self.streams:
            if stream.name == name:
                return stream
        raise KeyError(name)
