"""The quick reader of delimited text: Arrow's, for rows that are sound, with single bad rows set aside on the way.

It gives up with `GiveUp` where rows cannot be told apart safely; the careful reader takes over from there.
"""

from __future__ import annotations

import codecs
import functools
import io
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from connectors.arrow import pc
from connectors.csv_text import ESCAPED, CsvFile, known, shown, split
from connectors.encoding import CHUNK
from connectors.protocol import BadRow

BLOCK = 4 << 20
"""Bytes that are parsed at once; a row must fit."""


class GiveUp(Exception):  # noqa: N818  (no error: the careful reader takes over)
    """Some row is not to be trusted."""


def read_quickly(file: CsvFile, names: list[str], before: int) -> Iterator[pa.RecordBatch | BadRow]:
    """Rows and bad rows in their order. `before` is the number of physical lines in front of the header.

    Raises GiveUp.
    """
    reader = _Quick(file, names, before)
    try:
        yield from reader.read()
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise GiveUp from error


class _Quick:
    def __init__(self, file: CsvFile, names: list[str], before: int):
        self.file, self.names, self.before = file, names, before
        self.damaged = not file.scan.clean
        encoding = "utf-8" if file.scan.encoding == "utf-8-sig" else file.scan.encoding
        self.encoding = "utf-8" if self.damaged else encoding
        self.wrong: list[tuple[int, BadRow]] = []
        """Bad rows by their position in the file, met but not yielded yet; the parser is ahead of the batches."""

    def read(self) -> Iterator[pa.RecordBatch | BadRow]:
        done = 0
        with self.file.open() as raw:
            source: Any = _Escaped(raw, self.file.scan.encoding) if self.damaged else raw
            reader = pa_csv.open_csv(
                source,
                read_options=pa_csv.ReadOptions(
                    use_threads=False,
                    block_size=BLOCK,
                    encoding=self.encoding,
                    column_names=self.names,
                    skip_rows=self.before,
                    skip_rows_after_names=1,
                ),
                parse_options=pa_csv.ParseOptions(
                    delimiter=self.file.delimiter,
                    quote_char=self.file.quote,
                    newlines_in_values=self.file.scan.quotes > 0,
                    invalid_row_handler=self._wrong_row,
                ),
                convert_options=pa_csv.ConvertOptions(
                    column_types={name: pa.string() for name in self.names}, strings_can_be_null=True, null_values=[""]
                ),
            )
            for batch in reader:
                if self.file.scan.quotes and _may_swallow(batch, self.file.delimiter):
                    raise GiveUp
                for item in self._in_order(batch, done):
                    done += item.num_rows if isinstance(item, pa.RecordBatch) else 1
                    yield item
        for _, bad in self.wrong:
            yield bad

    def _wrong_row(self, row: Any) -> Literal["skip", "error"]:
        """A row with too few or too many columns, as the parser meets it."""
        text = row.text
        cells = split(text, self.file)[0]
        only_delimiters = len(cells) > len(self.names) and not any(cells[len(self.names) :])
        if "\n" in text or "\r" in text or only_delimiters:
            return "error"  # a stray quote may be behind it; or nothing is wrong but delimiters too many
        position = row.number - self.before - 1
        reason = f"{row.actual_columns} columns where the header has {row.expected_columns} ({self._place(position)})"
        self.wrong.append((position, BadRow(reason, shown(text), cells=known(cells, self.names))))
        return "skip"

    def _place(self, position: int) -> str:
        return f"{self.file.name}, row {position}"

    def _in_order(self, batch: pa.RecordBatch, done: int) -> Iterator[pa.RecordBatch | BadRow]:
        """The batch, with the bad rows that stand among its rows in their places."""
        at = 0
        while at < batch.num_rows:
            until = batch.num_rows
            if self.wrong:
                until = min(until, at + self.wrong[0][0] - done - 1)
            if until > at:
                yield from self._readable(batch.slice(at, until - at), done)
                done += until - at
                at = until
            if self.wrong and self.wrong[0][0] == done + 1:
                done += 1
                yield self.wrong.pop(0)[1]

    def _readable(self, rows: pa.RecordBatch, done: int) -> Iterator[pa.RecordBatch | BadRow]:
        """The rows, those with bytes that do not decode as bad rows."""
        if not self.damaged:
            yield rows
            return
        damaged = [pc.fill_null(pc.match_substring_regex(column, ESCAPED.pattern), False) for column in rows.columns]
        bad = np.flatnonzero(functools.reduce(pc.or_, damaged).to_numpy(zero_copy_only=False)).tolist()
        at = 0
        for place in [*bad, rows.num_rows]:
            if place > at:
                yield rows.slice(at, place - at)
            if place < rows.num_rows:
                yield self._damaged_row(rows.slice(place, 1), done + place + 1)
            at = place + 1

    def _damaged_row(self, row: pa.RecordBatch, position: int) -> BadRow:
        cells = [column[0].as_py() or "" for column in row.columns]
        sound = known(cells, self.names)
        at = next(name for name, cell in zip(self.names, cells, strict=True) if cell and name not in sound)
        reason = f"bytes that are not {self.file.scan.encoding} ({self._place(position)})"
        return BadRow(reason, shown(self.file.delimiter.join(cells)), at, cells=sound)


class _Escaped(io.RawIOBase):
    """A damaged file as sound UTF-8: bytes that do not decode are private characters."""

    def __init__(self, raw: BinaryIO, encoding: str):
        self.raw, self.decoder, self.rest = raw, codecs.getincrementaldecoder(encoding)("kehu-escape"), b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while len(self.rest) < size or size < 0:
            chunk = self.raw.read(CHUNK)
            self.rest += self.decoder.decode(chunk, final=not chunk).encode()
            if not chunk:
                break
        size = len(self.rest) if size < 0 else size
        found, self.rest = self.rest[:size], self.rest[size:]
        return found


def _may_swallow(batch: pa.RecordBatch, delimiter: str) -> bool:
    """Whether a cell holds a line with as many delimiters as a row has: a stray quote may have swallowed rows."""
    if batch.num_columns < 2:
        return False
    between = f"[^\\n]*{re.escape(delimiter)}"
    row = f"\n{between * min(batch.num_columns - 1, 50)}"
    for column in batch.columns:
        lined = pc.match_substring(column, "\n")
        if pc.any(lined).as_py() and pc.any(pc.match_substring_regex(column.filter(lined), row)).as_py():
            return True
    return False
