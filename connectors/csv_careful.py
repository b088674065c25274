"""The careful reader of delimited text: row by row, for files in which rows cannot be told apart safely.

A quote that is left open, or that swallows the rows behind it, costs its own line alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import pyarrow as pa

from connectors.csv_text import ESCAPED, LONGEST, CsvFile, is_open, known, shown, skipped, split
from connectors.protocol import BadRow

_BATCH = 20_000  # rows in a batch

Row: TypeAlias = list[str | None]


def read_carefully(file: CsvFile, names: list[str], done: int) -> Iterator[pa.RecordBatch | BadRow]:
    """Rows and bad rows in their order, from the one after the first `done` ones."""
    rows: list[Row] = []
    for position, row in enumerate(_rows(file, names), 1):
        if position <= done:
            continue
        if isinstance(row, BadRow) or len(rows) == _BATCH:
            if rows:
                yield _batch(rows, names)
            rows = []
        if isinstance(row, BadRow):
            yield row
        else:
            rows.append(row)
    if rows:
        yield _batch(rows, names)


def _batch(rows: list[Row], names: list[str]) -> pa.RecordBatch:
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    return pa.RecordBatch.from_arrays(columns, names)


def _rows(file: CsvFile, names: list[str]) -> Iterator[Row | BadRow]:
    source, waiting = skipped(file), list[str]()
    number, header = file.skip, True

    def following() -> str | None:
        return waiting.pop() if waiting else next(source, None)

    while (text := following()) is not None:
        number += 1
        if not text.strip():
            continue
        parts = [text]
        whole = text.rstrip("\r\n")
        cells, complaint = split(whole, file)
        while is_open(complaint) and len(parts) < LONGEST and (more := following()) is not None:
            parts.append(more)
            whole = "".join(parts).rstrip("\r\n")
            cells, complaint = split(whole, file)
        if header:
            header = False
            number += len(parts) - 1
            continue
        row = _judged(cells, complaint, whole, names, file, f"{file.name}, line {number}")
        if len(parts) > 1 and (isinstance(row, BadRow) or complaint):
            # A quote that swallowed the rows behind it: its own line is bad, they are read again by themselves.
            waiting.extend(reversed(parts[1:]))
            what = "is not closed" if is_open(complaint) else "swallows what follows"
            first = parts[0].rstrip("\r\n")
            reason = f"a quote that {what} ({file.name}, line {number})"
            yield BadRow(reason, shown(first), cells=known(split(first, file)[0], names))
            continue
        number += len(parts) - 1
        yield row


def _judged(cells: list[str], complaint: str, text: str, names: list[str], file: CsvFile, place: str) -> Row | BadRow:
    if is_open(complaint):
        return BadRow(f"a quote that is not closed ({place})", shown(text), cells=known(cells, names))
    if not text.isascii() and ESCAPED.search(text):
        at = next((name for name, cell in zip(names, cells, strict=False) if ESCAPED.search(cell)), None)
        return BadRow(f"bytes that are not {file.scan.encoding} ({place})", shown(text), at, cells=known(cells, names))
    if len(cells) > len(names) and not any(cells[len(names) :]):
        cells = cells[: len(names)]  # delimiters at the end of the line, with nothing behind them
    if len(cells) != len(names):
        reason = f"{len(cells)} columns where the header has {len(names)} ({place})"
        return BadRow(reason, shown(text), cells=known(cells, names))
    return [cell or None for cell in cells]
