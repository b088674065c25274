"""Asking for what changed: how a time is written, how far a reading came, and whether the server listened."""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import pyarrow as pa

from connectors.arrow import pc
from connectors.rest.options import Incremental
from connectors.text import clean, text_form
from connectors.times import parse_times

_ISO = "%Y-%m-%dT%H:%M:%SZ"


def written(since: dt.datetime, style: str) -> str:
    """A moment (UTC) as the server wants it, rounded down to what the form can say."""
    if style == "iso":
        return since.strftime(_ISO)
    if style == "date":
        return since.strftime("%Y-%m-%d")
    if style in ("epoch", "epoch_ms"):
        return str(int(since.timestamp()) * (1000 if style == "epoch_ms" else 1))
    return since.strftime(style)


def floor(since: dt.datetime, style: str) -> dt.datetime:
    """The earliest moment that a time in this form may mean; nothing older may come from a server that listens."""
    if style in ("iso", "epoch", "epoch_ms"):
        return since.replace(microsecond=0)
    # A date may be taken in any zone of the world.
    return since.replace(hour=0, minute=0, second=0, microsecond=0) - dt.timedelta(hours=14)


class Since:
    """The times of change in one reading: where it started, the newest one, and what is older than asked for."""

    def __init__(self, how: Incremental, column: str | None, state: dict[str, Any], timezone: str, form: str | None):
        self.how, self.column, self._zone, self._form = how, column, timezone, form
        self.newest = _moment(state.get("since"))
        self.ignored = bool(state.get("ignores"))
        self.rows = self.older = self.timeless = 0
        self._asked = None
        if self.newest is not None and not self.ignored:
            self._asked = self.newest - dt.timedelta(seconds=how.overlap)

    @property
    def asked(self) -> dt.datetime | None:
        """The moment from which on rows are asked for; None reads everything."""
        return self._asked

    def parameter(self) -> dict[str, str]:
        """The parameter of the request."""
        if self._asked is not None:
            return {self.how.param: self.how.value.replace("{since}", written(self._asked, self.how.format))}
        return {self.how.param: self.how.first} if self.how.first is not None else {}

    def see(self, connection: duckdb.DuckDBPyConnection, batch: pa.RecordBatch) -> None:
        """Look at the times of a batch."""
        self.rows += batch.num_rows
        if self.column is None or self.column not in batch.schema.names:
            self.timeless += batch.num_rows
            return
        texts = clean(text_form(batch.column(self.column)))
        times = parse_times(connection, texts, date_format=self._form, timezone=self._zone)
        self.timeless += times.null_count
        newest = pc.max(times).as_py()
        if newest is not None and (self.newest is None or newest > self.newest):
            self.newest = newest
        if self._asked is not None:
            limit = pa.scalar(floor(self._asked, self.how.format), pa.timestamp("us", "UTC"))
            self.older += pc.sum(pc.less(times, limit)).as_py() or 0

    def note(self) -> str | None:
        """What people must know of the reading."""
        name = self.how.param
        if self.older:
            return (
                f"the server ignores '{name}': {self.older:,} of {self.rows:,} rows are older than asked for; "
                "everything is read from now on"
            )
        if self.rows and self.timeless == self.rows:
            return f"no row tells when it changed (column '{self.column}'); everything is read each time"
        return None

    def state(self) -> dict[str, Any]:
        """Where the next reading starts."""
        if self.rows and self.timeless == self.rows and self._asked is None:
            return {"since": None, "ignores": self.ignored}
        since = self.newest.isoformat() if self.newest is not None else None
        return {"since": since, "ignores": self.ignored or self.older > 0}


def _moment(text: Any) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if isinstance(text, str) else None
