"""Parquet and Excel files to Arrow. Parquet keeps its types; Excel's cells become text, as they are shown there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from connectors.csv_reader import unique_names

SHEET = "_sheet"
"""The column that says which sheet a row is from."""
ALL = "*"
_BATCH = 20_000


def parquet_columns(file: BinaryIO) -> dict[str, str]:
    """Column names with their Arrow types."""
    schema = pq.read_schema(file)
    return dict(zip(unique_names(schema.names), [str(kind) for kind in schema.types], strict=True))


def read_parquet(file: BinaryIO) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file."""
    opened = pq.ParquetFile(file)
    schema = opened.schema_arrow
    yield pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], unique_names(schema.names))
    for batch in opened.iter_batches(batch_size=_BATCH):
        yield pa.RecordBatch.from_arrays(batch.columns, unique_names(batch.schema.names))


def sheet_names(file: BinaryIO) -> list[str]:
    """The sheets of an Excel file. Raises ValueError when it is none."""
    return list(_book(file).sheet_names)


def _book(file: BinaryIO) -> CalamineWorkbook:
    """Raises ValueError for what is no spreadsheet, or is locked."""
    try:
        return CalamineWorkbook.from_filelike(file)
    except CalamineError as error:
        file.seek(0)
        content = file.read()
        if content.startswith(_OLE) and _LOCKED in content:
            raise ValueError("protected by a password; save it without one") from error
        raise ValueError(f"no spreadsheet that can be read: {error}") from error


_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_LOCKED = "EncryptedPackage".encode("utf-16-le")
"""How Office names what it encrypted, in a container of this kind."""


def sheet_columns(file: BinaryIO, sheet: str | int | list[str | int] | None, skip: int) -> list[str]:
    """The header of an Excel sheet, of the first one of several. Raises ValueError for a sheet that is not there."""
    chosen, several = _chosen(file, sheet)
    return _header(chosen[0].iter_rows(), skip) + ([SHEET] if several else [])


def read_sheets(file: BinaryIO, sheet: str | int | list[str | int] | None, skip: int) -> Iterator[pa.RecordBatch]:
    """The rows of an Excel sheet below its header, empty ones left out.

    Of several sheets (a list, or `*` for all) each row says in `_sheet` which it is from. Raises ValueError as
    `sheet_columns` does.
    """
    chosen, several = _chosen(file, sheet)
    for one in chosen:
        for batch in _rows(one, skip):
            yield batch.append_column(SHEET, pa.array([one.name] * batch.num_rows)) if several else batch


def _rows(sheet: CalamineSheet, skip: int) -> Iterator[pa.RecordBatch]:
    cells = sheet.iter_rows()
    names = _header(cells, skip)
    if not names:
        return
    yield _batch([], names)
    rows: list[list[str | None]] = []
    for raw in cells:
        row = [_cell(value) for value in raw[: len(names)]]
        row += [None] * (len(names) - len(row))
        if any(value is not None for value in row):
            rows.append(row)
        if len(rows) == _BATCH:
            yield _batch(rows, names)
            rows = []
    if rows:
        yield _batch(rows, names)


def _chosen(file: BinaryIO, sheet: str | int | list[str | int] | None) -> tuple[list[CalamineSheet], bool]:
    """The sheets that are meant, and whether more than one may be."""
    if sheet == ALL:
        sheet = [*sheet_names(file)]
        file.seek(0)
    if isinstance(sheet, list):
        return [_sheet(file, one) for one in sheet], True
    return [_sheet(file, sheet)], False


def _sheet(file: BinaryIO, sheet: str | int | None) -> CalamineSheet:
    file.seek(0)
    try:
        book = _book(file)
        names = book.sheet_names
        if isinstance(sheet, str) and sheet not in names:
            raise ValueError(f"there is no sheet '{sheet}', but {', '.join(names)}")
        position = 1 if sheet is None else sheet
        if isinstance(position, int) and not 1 <= position <= len(names):
            raise ValueError(f"there is no sheet {position}; the file has {len(names)}: {', '.join(names)}")
        found = book.get_sheet_by_name(position) if isinstance(position, str) else book.get_sheet_by_index(position - 1)
    except CalamineError as error:
        raise ValueError(f"no spreadsheet that can be read: {error}") from error
    return found


def _header(rows: Iterator[list[Any]], skip: int) -> list[str]:
    for _ in range(skip):
        next(rows, None)
    for row in rows:
        names = [_cell(value) or "" for value in row]
        while names and not names[-1]:
            names.pop()
        if names:
            return unique_names(names)
    return []


def _cell(value: Any) -> str | None:
    """A cell as text: whole numbers without fraction, dates in ISO 8601, a time of midnight left out."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return str(value)


def _batch(rows: list[list[str | None]], names: list[str]) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return pa.RecordBatch.from_arrays([pa.array(c, pa.string()) for c in columns], names)
