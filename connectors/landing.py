"""Lands a stream: reads it through its connector into an immutable batch, with retries, drift and guards.

The outcome is an answer in every case; a source that fails, or delivers what must not be taken, stops only its own
stream. What changed against the hub is found later (`changes`).
"""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import orjson
import pyarrow as pa
import xxhash

from connectors.batch import BatchWriter
from connectors.drift import describe_drift, kinds_of
from connectors.period import Period, within
from connectors.protocol import BadRow, Connector, Delivery, Item
from connectors.registry import all_missing, connector_for, missing_words, timezone_of, wanted_columns
from connectors.rekey import read_rekey
from connectors.row_checks import RowChecks
from connectors.secrets import secretless, without_secrets, without_user
from connectors.told import Told
from models.config import Source, Stream
from models.errors import KehuError, SourceError

Status = Literal["landed", "unchanged", "failed", "refused"]


MOST_COLUMNS = 10_000
"""A delivery with more columns is some other file, and would cost minutes and gigabytes to look at."""


@dataclasses.dataclass
class Landed:
    """What came of reading a stream once; JSON-able.

    `batch_dir` is relative to the workspace; `rows` are the usable ones, `bad_rows` the entries in quarantine; `drift`
    and `extra_columns` (delivered, mapped nowhere) are for people; `new_state` is stored when the run is published.
    """

    source: str
    stream: str
    entity: str
    status: Status
    batch_dir: str | None = None
    mode: str = "snapshot"
    rows: int = 0
    bad_rows: int = 0
    drift: list[str] = dataclasses.field(default_factory=list)
    extra_columns: list[str] = dataclasses.field(default_factory=list)
    new_state: dict[str, Any] = dataclasses.field(default_factory=dict)
    error: str | None = None
    seconds: float = 0.0
    missing_columns: list[str] = dataclasses.field(default_factory=list)
    repeated: int = 0
    guard: str | None = None
    """Which guard of the volume refused the delivery: `floor` or `ceiling`."""
    period: str | None = None
    """The period that was read, of a backfill."""
    replayed: str | None = None
    """The batch that was taken again."""

    @property
    def failure(self) -> str:
        """Why it was not taken, with its place once: what a source says of itself begins with it already."""
        place = f"{self.source}.{self.stream}: "
        return place + (self.error or self.status).removeprefix(place)


def land(
    source: Source,
    stream: Stream,
    *,
    state: dict[str, Any] | None,
    workspace: Path,
    run_id: str,
    base: Path,
    accept_shrink: bool = False,
    again: bool = False,
    dates: frozenset[str] | None = None,
    period: Period | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Landed:
    """Read a stream and land what it delivers, with as many tries as `source.retry` allows.

    `state` is `new_state` of the last published landing, None at first. `accept_shrink` takes a snapshot below the
    volume floor, `again` takes what was landed before, `dates` names the attributes that hold dates (default: the
    vocabulary's). `period` reads what changed in it, as changes alone, and leaves the state as it was.
    Faults of the source end as status `failed`, deliveries that must not be taken as `refused`; only faults of this
    machine (a full disk) are raised.
    """
    started = time.perf_counter()
    attempts = source.retry.attempts
    for attempt in range(1, attempts + 1):
        try:
            given = (source, stream, state or {}, workspace, run_id, base, accept_shrink, again, dates, period)
            landed = _Landing(*given).run()
            break
        except KehuError as error:
            message = str(error) if isinstance(error, SourceError) else f"{source.name}.{stream.name}: {error}"
            if not (isinstance(error, SourceError) and error.retryable) or attempt == attempts:
                tries = f" (tried {attempt} times)" if attempt > 1 else ""
                landed = Landed(source.name, stream.name, stream.entity, "failed", error=message + tries)
                break
            # Doubled each time, and spread, so that many streams of one source do not come back together.
            sleep(source.retry.backoff * 2 ** (attempt - 1) * random.uniform(0.75, 1.25))
    landed.seconds = time.perf_counter() - started
    return landed


@dataclasses.dataclass
class _Landing:
    """One attempt."""

    source: Source
    stream: Stream
    state: dict[str, Any]
    workspace: Path
    run_id: str
    base: Path
    accept_shrink: bool
    again: bool
    dates: frozenset[str] | None
    period: Period | None = None

    def run(self) -> Landed:
        source, stream = self.source, self.stream
        connector = connector_for(source, self.base)
        config = fingerprint(source, stream)
        # Another key, encoding or query makes another reading of the same data: start over.
        same = self.state.get("config") == config
        if not same:
            read_rekey(source, stream)  # a file that cannot be read fails its own stream, before anything is landed
        before = self.state.get("connector") if same else None
        if self.period is None:
            found = _items(connector, stream, before, self.again or not same)
        else:
            found = within(connector, stream, self.period, timezone_of(source, stream))
        items = _guarded(found, source, stream)
        landed = Landed(source.name, stream.name, stream.entity, "landed")
        landed.period = None if self.period is None else self.period.text
        told = Told(stream)
        checks = RowChecks(source.name, stream, timezone_of(source, stream), self.dates)
        folder = self.workspace / "landing" / source.name / stream.name
        began = datetime.now(UTC)
        try:
            with BatchWriter(folder) as writer:
                for item in items:
                    if isinstance(item, pa.RecordBatch):
                        if item.num_columns > MOST_COLUMNS:
                            words = f"{item.num_columns:,} columns, where no more than {MOST_COLUMNS:,} are taken"
                            words += " (is it the right file, and its delimiter?)"
                            raise SourceError(words, source=source.name, stream=stream.name)
                        numbered = writer.add(item)
                        if item.num_rows:
                            checks.add(numbered)
                    elif isinstance(item, BadRow):
                        checks.unreadable(writer.skip_row(), item)
                    else:
                        told.add(item, writer.rows)
                        if told.delivery.unchanged:
                            return dataclasses.replace(landed, status="unchanged", new_state=self.state)
                delivery = told.delivery
                index, quarantine = checks.finish(writer.parts(), feed=delivery.feed)
                index = told.without_gone(index)
                landed.mode = "delta" if self.period else stream.mode or delivery.mode
                landed.rows, landed.bad_rows, landed.repeated = index.num_rows, quarantine.num_rows, checks.repeated
                self._columns(landed, writer.columns, delivery)
                kinds = kinds_of(writer.parts())
                schema = {name: str(kind) for name, kind in writer.columns.items()}
                sparse = delivery.sparse
                known = self.state if same else {}
                landed.drift += describe_drift(known.get("schema"), known.get("kinds"), schema, kinds, sparse)
                landed.drift += told.notes
                if sparse or not schema or self.period:
                    schema, kinds = {**known.get("schema", {}), **schema}, {**known.get("kinds", {}), **kinds}
                size = landed.rows if told.living is None else told.living
                if refusal := self._refusal(landed, writer, size, told.living is not None, known):
                    return dataclasses.replace(landed, status="refused", error=refusal)
                writer.write("rows.parquet", index)
                writer.write("quarantine.parquet", quarantine)
                for name, table in told.tables():
                    writer.write(name, table)
                landed.new_state = {
                    "connector": told.state,
                    "config": config,
                    "schema": schema,
                    "kinds": kinds,
                    "rows": size,
                    "batch_id": writer.batch_id,
                }
                if self.period:
                    landed.new_state = self.state
                path = writer.commit(
                    {
                        "batch_id": writer.batch_id,
                        "run_id": self.run_id,
                        "source": source.name,
                        "stream": stream.name,
                        "entity": stream.entity,
                        "config": config,
                        "period": landed.period,
                        "connector": source.connector["type"],
                        "mode": landed.mode,
                        "delivered": writer.rows,
                        "rows": landed.rows,
                        "bad_rows": landed.bad_rows,
                        "keyless": checks.keyless,
                        "repeated": checks.repeated,
                        "schema": schema,
                        "kinds": kinds,
                        "drift": landed.drift,
                        "extra_columns": landed.extra_columns,
                        "began": began.isoformat(),
                        "ended": datetime.now(UTC).isoformat(),
                        **delivery.info,
                    }
                )
                landed.batch_dir = str(path.relative_to(self.workspace))
                return landed
        finally:
            checks.close()

    def _columns(self, landed: Landed, columns: dict[str, pa.DataType], delivery: Delivery) -> None:
        """Which configured columns are missing, and which delivered ones are used nowhere."""
        wanted = wanted_columns(self.stream)
        landed.extra_columns = [name for name in columns if name not in wanted]
        if not columns:
            return
        missing = [name for name in wanted if name not in columns]
        if delivery.sparse:
            # What is empty in every row may be left out. A key may not; a mapping of which nothing ever came is wrong,
            # and so is a snapshot that has lost what the last one had.
            known = self.state.get("schema", {})
            fields = [name for name, role in wanted.items() if role.startswith("fields.")]
            nothing = all(name in missing and name not in known for name in fields)
            never = [name for name in missing if name not in known and wanted[name] != "key" and not nothing]
            landed.drift += [missing_words(name, wanted[name], list(columns)) for name in never]
            left_out = never + [name for name in missing if name in known and landed.mode == "delta"]
            missing = [name for name in missing if name not in left_out]
        landed.missing_columns = missing

    def _refusal(
        self, landed: Landed, writer: BatchWriter, size: int, whole: bool, known: dict[str, Any]
    ) -> str | None:
        """Why the delivery must not be taken, if it must not."""
        name = f"{self.source.name}.{self.stream.name}"
        if landed.missing_columns:
            wanted, there = wanted_columns(self.stream), list(writer.columns)
            return f"{name}: {all_missing({column: wanted[column] for column in landed.missing_columns}, there)}"
        last, floor, ceiling = int(known.get("rows", 0)), self.stream.volume_floor, self.stream.volume_ceiling
        if self.accept_shrink or not last or (landed.mode != "snapshot" and not whole):
            return None
        if ceiling is not None and size > ceiling * last:
            landed.guard = "ceiling"
            return (
                f"{name}: {size:,} rows are more than volume_ceiling {ceiling:g} times the last {last:,}; "
                "if that is right, raise volume_ceiling"
            )
        if not floor:
            return None
        landed.guard = "floor" if size < max(1, floor * last) else None
        if size == 0:
            return f"{name}: nothing usable was delivered ({writer.rows:,} rows), after {last:,} rows the last time"
        if size < floor * last:
            return (
                f"{name}: {size:,} rows are fewer than volume_floor {floor:g} of the last {last:,}; "
                "taking them would delete the others; if that is right, lower volume_floor"
            )
        return None


def _items(connector: Connector, stream: Stream, state: dict[str, Any] | None, again: bool) -> Iterator[Item]:
    """What a connector yields of a stream: rows, and then what it finds deleted by another look."""
    for item in connector.read(stream, state, again=again):
        yield item
        if isinstance(item, Delivery) and item.unchanged:
            return
    deletes = getattr(connector, "deletes", None)
    if deletes is not None:
        yield from deletes(stream, state, again=again)


def _guarded(items: Iterator[Item], source: Source, stream: Stream) -> Iterator[Item]:
    """The items of a reading; whatever a connector throws is a fault of its source."""
    while True:
        try:
            item = next(items)
        except StopIteration:
            return
        except KehuError:
            raise
        except Exception as error:
            words = f"{type(error).__name__}: {without_secrets(str(error))}"
            raise SourceError(words, source=source.name, stream=stream.name, retryable=False) from None
        yield item


def fingerprint(source: Source, stream: Stream) -> str:
    """A hash of everything in the configuration that decides how delivered rows are read; no secret goes into it."""
    parts = [
        secretless(source.connector),
        secretless(stream.options),
        stream.key_columns,
        stream.updated_at,
        stream.deleted,
        stream.mode,
        stream.date_format,
        stream.encoding,
        stream.rekey.read_text("utf-8", "replace") if stream.rekey and stream.rekey.is_file() else None,
    ]
    text = without_user(orjson.dumps(parts, default=str, option=orjson.OPT_SORT_KEYS).decode())
    return xxhash.xxh3_64_hexdigest(text.encode())
