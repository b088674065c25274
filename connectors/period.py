"""Reading a period of the past: what changed in it, as changes alone.

Connectors that can ask for a period do (`period`, beside `read`); of all others everything is read, and what changed
outside the period is left out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa

from connectors.arrow import TIME, pc
from connectors.protocol import BadRow, Connector, Delivery, Item, Merged
from connectors.text import clean, text_form
from connectors.times import parse_times
from models.config import Stream
from models.errors import ConfigError


@dataclass(frozen=True)
class Period:
    """From a moment on, up to but without another one; both in UTC."""

    start: dt.datetime
    end: dt.datetime

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ConfigError(f"a period must begin before it ends: {self.text}")

    @property
    def text(self) -> str:
        """How people read it."""
        return f"{self.start:%Y-%m-%dT%H:%MZ} to {self.end:%Y-%m-%dT%H:%MZ}"


def period_of(start: str, end: str) -> Period:
    """The period between two days or moments in ISO 8601, UTC where no offset is given. Raises ConfigError."""
    moments = []
    for text in (start, end):
        try:
            moment = dt.datetime.fromisoformat(text.strip())
        except ValueError:
            raise ConfigError(f"'{text}' is no day or moment in ISO 8601, such as 2026-01-31") from None
        moments.append(moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC))
    return Period(*moments)


def within(connector: Connector, stream: Stream, period: Period, timezone: str) -> Iterator[Item]:
    """What a connector delivers of a period. Raises ConfigError for a stream that tells no time of change."""
    column = stream.updated_at
    if column is None:
        raise ConfigError(f"stream '{stream.name}' has no updated_at, so no period of it can be read")
    own = getattr(connector, "period", None)
    items: Iterator[Item] = (
        connector.read(stream, None, again=True) if own is None else own(stream, period.start, period.end)
    )
    with closing(duckdb.connect()) as connection:
        for item in items:
            if isinstance(item, Delivery):
                yield replace(item, mode="delta", unchanged=False)
            elif isinstance(item, pa.RecordBatch):
                if column in item.schema.names:
                    texts = clean(text_form(item.column(column)))
                    form = stream.date_format
                    item = _inside(item, parse_times(connection, texts, date_format=form, timezone=timezone), period)
                    if item.num_rows:
                        yield item
            elif isinstance(item, BadRow | Merged):
                yield item


def _inside(batch: pa.RecordBatch, times: pa.Array, period: Period) -> pa.RecordBatch:
    start, end = pa.scalar(period.start, TIME), pa.scalar(period.end, TIME)
    return batch.filter(pc.fill_null(pc.and_(pc.greater_equal(times, start), pc.less(times, end)), False))
