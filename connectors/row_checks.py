"""Judges delivered rows one by one: is there a key, does it come twice, is a date one. Bad ones are set aside.

Set-based over keys, times and the columns at hand; what is judged across deliveries (drift, volume) is the landing's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.arrow import Column, Flags, Texts, pc
from connectors.batch import INDEX, QUARANTINE, ROW
from connectors.protocol import BadRow
from connectors.text import clean, flag_of, holds_nul, key_of, payloads, text_form, texts_of
from connectors.times import parse_times, unreadable_dates
from models.config import Stream
from models.duck import connect_small
from models.vocabulary import attributes

_SHOWN = 1_000


@dataclass
class RowChecks:
    """The checks of one delivery, fed with its batches in order."""

    source: str
    stream: Stream
    timezone: str
    dates: frozenset[str] | None = None
    """Attributes that hold dates; by default the vocabulary's."""
    repeated: int = 0
    """Rows that came twice with the same content; the first is kept, the others are only counted."""
    keyless: int = 0
    """Unreadable rows whose key could not be made out."""
    _index: list[pa.Table] = field(default_factory=list)
    _bad: list[pa.Table] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.connection = connect_small()
        dates = self.dates if self.dates is not None else _dates(self.stream.entity)
        fields = self.stream.field_columns
        self._date_columns = sorted({c for name, columns in fields.items() if name in dates for c in columns})

    def close(self) -> None:
        """Let the engine go."""
        self.connection.close()

    def unreadable(self, row: int, bad: BadRow) -> None:
        """A row that its connector could not read."""
        key = self._known_key(bad)
        self.keyless += key is None
        self._set_aside([row], [key], bad.field, [bad.value], bad.reason)

    def add(self, batch: pa.RecordBatch) -> None:
        """Rows with their positions; a column that is not there counts as empty."""
        names = batch.schema.names
        rows = batch.column(ROW)
        texts = {
            column: text_form(batch.column(column)) if column in names else pa.nulls(len(rows), pa.string())
            for column in self.stream.key_columns
        }
        keys = key_of(texts, self.stream.key_columns)
        there = keys.is_valid()
        if keys.null_count:
            lost = rows.filter(pc.invert(there)).to_pylist()
            reason = f"no key: {' + '.join(self.stream.key_columns)} is empty"
            self._set_aside(lost, [None] * len(lost), self.stream.key_columns[0], [None] * len(lost), reason)
        times = pa.nulls(len(rows), INDEX.field("source_time").type)
        flags = pa.array(np.zeros(len(rows), bool))
        if (updated_at := self.stream.updated_at) is not None and updated_at in names:
            times = self._times(updated_at, batch, keys)
        if self.stream.deleted in names:
            flags = flag_of(text_form(batch.column(self.stream.deleted)))
        for column in self._date_columns:
            if column in names and column != self.stream.updated_at:
                self._check_dates(column, batch, keys)
        for column in names:
            values = batch.column(column)
            if pa.types.is_string(values.type) and holds_nul(values):
                reason = "a NUL character; the row is kept, the value without it"
                self._wrong_values(column, pc.match_substring(values, "\0"), values, batch, keys, reason)
        index = pa.Table.from_arrays([rows, keys, times, flags], schema=INDEX)
        self._index.append(index.filter(there) if keys.null_count else index)

    def finish(self, parts: Sequence[Path], *, feed: bool = False) -> tuple[pa.Table, pa.Table]:
        """(index of usable rows, quarantine), when all rows were added; `parts` hold them.

        In a `feed` the last row of a key counts, and the ones before it are only counted.
        """
        index = pa.concat_tables(self._index) if self._index else INDEX.empty_table()
        self._index = []
        refused = self._superseded(index) if feed else self._twice(index, parts)
        if len(refused):
            index = index.filter(pc.invert(pc.is_in(index.column(ROW), value_set=refused)))
        bad = pa.concat_tables(self._bad) if self._bad else QUARANTINE.empty_table()
        return index, bad.sort_by([("row", "ascending"), ("field", "ascending")])

    def _times(self, column: str, batch: pa.RecordBatch, keys: pa.StringArray) -> Column:
        texts = clean(text_form(batch.column(column)))
        date_format = self.stream.date_format
        times = parse_times(self.connection, texts, date_format=date_format, timezone=self.timezone)
        wrong = pc.and_(pc.and_(texts.is_valid(), times.is_null()), keys.is_valid())
        self._wrong_values(column, wrong, texts, batch, keys, "a time that is none; the row is kept without it")
        return times

    def _check_dates(self, column: str, batch: pa.RecordBatch, keys: pa.StringArray) -> None:
        if pa.types.is_date(batch.column(column).type) or pa.types.is_timestamp(batch.column(column).type):
            return
        texts = clean(text_form(batch.column(column)))
        none = unreadable_dates(self.connection, texts, date_format=self.stream.date_format)
        self._wrong_values(
            column, pc.and_(none, keys.is_valid()), texts, batch, keys, "a date that is none; the row is kept"
        )

    def _wrong_values(
        self,
        column: str,
        wrong: Flags,
        texts: Texts,
        batch: pa.RecordBatch,
        keys: Texts,
        reason: str,
    ) -> None:
        if pc.any(wrong).as_py():
            wrong = pc.fill_null(wrong, False)
            rows, values = batch.column(ROW).filter(wrong).to_pylist(), texts.filter(wrong).to_pylist()
            self._set_aside(rows, keys.filter(wrong).to_pylist(), column, values, reason)

    def _superseded(self, index: pa.Table) -> Column:
        """Rows of a key that comes again later."""
        self.connection.register("row_index", index)
        query = (
            f"SELECT {ROW} FROM row_index QUALIFY row_number() OVER (PARTITION BY source_key ORDER BY {ROW} DESC) > 1"
        )
        found = self.connection.sql(query).to_arrow_table().column(0).combine_chunks()
        self.connection.unregister("row_index")
        self.repeated += len(found)
        return found

    def _twice(self, index: pa.Table, parts: Sequence[Path]) -> Column:
        """Rows of a key that another row of the delivery has, but the one that is kept."""
        self.connection.register("row_index", index)
        query = "SELECT source_key FROM row_index GROUP BY source_key HAVING count(*) > 1"
        double = self.connection.sql(query).to_arrow_table().column(0)
        self.connection.unregister("row_index")
        if not len(double):
            return pa.array([], pa.int64())
        rows = index.filter(pc.is_in(index.column("source_key"), value_set=double)).select(
            [ROW, "source_key", "source_time"]
        )
        rows = rows.append_column("payload", [self._payloads(rows.column(ROW).combine_chunks(), parts)])
        self.connection.register("double_rows", rows)
        judged = self.connection.sql(f"""
            WITH ranked AS (
                SELECT *, first({ROW}) OVER best AS kept, first(payload) OVER best AS kept_payload,
                    first(source_time) OVER best AS kept_time
                FROM double_rows
                WINDOW best AS (PARTITION BY source_key ORDER BY source_time DESC NULLS LAST, {ROW}
                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING))
            SELECT {ROW}, source_key, payload, kept, payload = kept_payload AS same,
                coalesce(kept_time > coalesce(source_time, TIMESTAMPTZ '0001-01-01'), false) AS older
            FROM ranked WHERE {ROW} <> kept ORDER BY {ROW}""").to_arrow_table()
        self.connection.unregister("double_rows")
        for row in judged.to_pylist():
            if row["same"]:
                self.repeated += 1
                continue
            kept = f"row {row['kept']}{', which is newer,' if row['older'] else ''} is kept"
            reason = f"key twice in one delivery with different content; {kept}"
            field_name = " + ".join(self.stream.key_columns)
            self._set_aside([row[ROW]], [row["source_key"]], field_name, [row["payload"]], reason)
        return judged.column(ROW).combine_chunks()

    def _payloads(self, wanted: Column, parts: Sequence[Path]) -> Texts:
        """Payloads of the rows at these positions, in the order of `wanted`, which ascends."""
        found: list[Column] = []
        for part in parts:
            for batch in pq.ParquetFile(part).iter_batches():
                some = batch.filter(pc.is_in(batch.column(ROW), value_set=wanted))
                if some.num_rows:
                    delivered = some.drop_columns([ROW])
                    found.append(payloads(self.connection, texts_of(delivered)))
        return pa.concat_arrays(found)

    def _known_key(self, bad: BadRow) -> str | None:
        if not all(column in bad.cells for column in self.stream.key_columns):
            return None
        cells = {column: pa.array([bad.cells[column]], pa.string()) for column in self.stream.key_columns}
        key = key_of(cells, self.stream.key_columns)[0].as_py()
        return None if key is None else str(key)

    def _set_aside(
        self,
        rows: Sequence[Any],
        keys: Sequence[str | None],
        field_name: str | None,
        values: Sequence[str | None],
        reason: str,
    ) -> None:
        many = len(rows)
        shown = [None if value is None else value[:_SHOWN].replace("\0", "\\x00") for value in values]
        columns = [
            [self.source] * many,
            [self.stream.name] * many,
            keys,
            rows,
            [field_name] * many,
            shown,
            [reason] * many,
        ]
        arrays = [pa.array(c, f.type) for c, f in zip(columns, QUARANTINE, strict=True)]
        self._bad.append(pa.Table.from_arrays(arrays, schema=QUARANTINE))


def _dates(entity: str) -> frozenset[str]:
    return frozenset(name for name, attribute in attributes(entity).items() if attribute.type == "date")
