"""Delimited text to Arrow: a quick reader for sound files, and a careful one that sets bad rows aside and goes on.

Both give every column as text, an empty cell as null, and rows in the order of the file. Blank lines are no rows.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv as pa_csv

from connectors.arrow import pc
from connectors.encoding import Scan, chunks
from connectors.protocol import BadRow

DELIMITERS = (",", ";", "\t", "|")
_BLOCK = 4 << 20  # bytes that the quick reader parses at once; a row must fit
_BATCH = 20_000  # rows in a batch of the careful reader
_LONGEST = 200  # physical lines that one row may span before its quote counts as left open
_SHOWN = 1_000  # characters of a bad row's text that are kept


@dataclass(frozen=True)
class CsvFile:
    """One file to be read: how to open it from its start, its name for messages, and how it is written."""

    open: Callable[[], BinaryIO]
    name: str
    scan: Scan
    delimiter: str
    quote: str = '"'
    skip: int = 0
    """Lines before the header."""


def sniff_delimiter(sample: str, quote: str = '"') -> str:
    """The delimiter that splits the header and most lines into the same number of cells; a comma when none does."""
    mark = re.escape(quote)
    lines = [line for line in re.sub(f"{mark}[^{mark}]*{mark}", "", sample).splitlines() if line.strip()][:50]
    best, found = (0.0, 0), ","
    for delimiter in DELIMITERS:
        counts = [line.count(delimiter) for line in lines]
        if counts and counts[0]:
            rank = (sum(c == counts[0] for c in counts) / len(counts), counts[0])
            if rank > best:
                best, found = rank, delimiter
    return found


def unique_names(header: list[str]) -> list[str]:
    """Column names without white space at the ends; a nameless one is `column_N`, a second one of a name gets `_2`."""
    names: list[str] = []
    taken: set[str] = set()
    for position, raw in enumerate(header, 1):
        name = base = raw.strip().strip("\ufeff") or f"column_{position}"
        count = 2
        while name.casefold() in taken:  # case folded: the set-based engine tells names apart only that way
            name, count = f"{base}_{count}", count + 1
        taken.add(name.casefold())
        names.append(name)
    return names


def header_of(file: CsvFile) -> list[str]:
    """The column names of a file; none when it is empty."""
    return _header(file)[0]


def _header(file: CsvFile) -> tuple[list[str], int]:
    """(column names, physical lines before them)."""
    lines, before = _skip(_lines(file), file.skip), file.skip
    for text in lines:
        if text.strip():
            break
        before += 1
    else:
        return [], before
    while _open_quote(text, file) and text.count("\n") < _LONGEST:
        more = next(lines, None)
        if more is None:
            break
        text += more
    return unique_names(_cells(text.rstrip("\r\n"), file)), before


def read_csv(file: CsvFile) -> Iterator[pa.RecordBatch | BadRow]:
    """Rows and bad rows of a file in their order. The careful reader takes over where the quick one cannot go on."""
    names, before = _header(file)
    if not names:
        return
    done = 0
    if file.scan.clean and file.scan.quotes % 2 == 0:
        try:
            for batch in _quick(file, names, before):
                done += batch.num_rows
                yield batch
            return
        except (pa.ArrowInvalid, UnicodeDecodeError):
            pass  # some row is bad: the careful reader starts where the last batch ended
    yield from _careful(file, names, done)


def _quick(file: CsvFile, names: list[str], before: int) -> Iterator[pa.RecordBatch]:
    encoding = "utf-8" if file.scan.encoding == "utf-8-sig" else file.scan.encoding
    with file.open() as raw:
        reader = pa_csv.open_csv(
            raw,
            read_options=pa_csv.ReadOptions(
                use_threads=False,
                block_size=_BLOCK,
                encoding=encoding,
                column_names=names,
                skip_rows=before,
                skip_rows_after_names=1,
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=file.delimiter, quote_char=file.quote, newlines_in_values=file.scan.quotes > 0
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types={name: pa.string() for name in names}, strings_can_be_null=True, null_values=[""]
            ),
        )
        for batch in reader:
            if file.scan.quotes and _may_swallow(batch, file.delimiter):
                raise pa.ArrowInvalid("cells that hold what looks like rows")
            if batch.num_rows:
                yield batch


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


def _careful(file: CsvFile, names: list[str], done: int) -> Iterator[pa.RecordBatch | BadRow]:
    """Row by row, from the row after the first `done` ones."""
    rows: list[list[str | None]] = []
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


def _batch(rows: list[list[str | None]], names: list[str]) -> pa.RecordBatch:
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    return pa.RecordBatch.from_arrays(columns, names)


def _rows(file: CsvFile, names: list[str]) -> Iterator[list[str | None] | BadRow]:
    lines, waiting = _lines(file), list[str]()
    number, header = 0, True
    source = _skip(lines, file.skip)

    def following() -> str | None:
        return waiting.pop() if waiting else next(source, None)

    while (text := following()) is not None:
        number += 1
        if not text.strip():
            continue
        parts = [text]
        while (still := _open_quote("".join(parts), file)) and len(parts) < _LONGEST:
            more = following()
            if more is None:
                break
            parts.append(more)
        whole = "".join(parts).rstrip("\r\n")
        if header:
            header = False
            number += len(parts) - 1
            continue
        place = f"{file.name}, line {number + file.skip}"
        cells = [] if still else _cells(whole, file)
        row = None if still else _judged(cells, whole, names, file, place)
        if len(parts) > 1 and (row is None or isinstance(row, BadRow) or _complaint(whole, file)):
            # A quote that swallowed the rows behind it: its own line is bad, they are read again by themselves.
            waiting.extend(reversed(parts[1:]))
            reason = (
                f"a quote that is not closed ({place})" if still else f"a quote that swallows what follows ({place})"
            )
            first = parts[0].rstrip("\r\n")
            yield BadRow(reason, _shown(first), cells=_known(_cells(first, file), names))
            continue
        if row is None:
            row = BadRow(
                f"a quote that is not closed ({place})", _shown(whole), cells=_known(_cells(whole, file), names)
            )
        number += len(parts) - 1
        yield row


def _judged(cells: list[str], text: str, names: list[str], file: CsvFile, place: str) -> list[str | None] | BadRow:
    if _ESCAPED.search(text):
        at = next((name for name, cell in zip(names, cells, strict=False) if _ESCAPED.search(cell)), None)
        reason = f"bytes that are not {file.scan.encoding} ({place})"
        return BadRow(reason, _shown(text), at, cells=_known(cells, names))
    if len(cells) > len(names) and not any(cells[len(names) :]):
        cells = cells[: len(names)]  # delimiters at the end of the line, with nothing behind them
    if len(cells) != len(names):
        reason = f"{len(cells)} columns where the header has {len(names)} ({place})"
        return BadRow(reason, _shown(text), cells=_known(cells, names))
    return [cell or None for cell in cells]


def _known(cells: list[str], names: list[str]) -> dict[str, str]:
    return {n: c for n, c in zip(names, cells, strict=False) if c and not _ESCAPED.search(c)}


# Bytes that do not decode are carried as these private characters, so that they survive splitting into cells.
_FIRST = 0x10FE00
_ESCAPED = re.compile(f"[{chr(_FIRST)}-{chr(_FIRST + 0xFF)}]")


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(_FIRST + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error("kehu-escape", _escape)


def _shown(text: str) -> str:
    return _ESCAPED.sub(lambda m: f"\\x{ord(m.group()) - _FIRST:02x}", text[:_SHOWN])


_LINE = re.compile("[^\r\n]*(?:\r\n|\n|\r)")


def _lines(file: CsvFile) -> Iterator[str]:
    """Physical lines with their ends, decoded leniently."""
    decoder = codecs.getincrementaldecoder(file.scan.encoding)("kehu-escape")
    rest = ""
    with file.open() as raw:
        for chunk in chunks(raw):
            text = rest + decoder.decode(chunk)
            # A carriage return at the very end may be half of a line end.
            lines = _LINE.findall(text[:-1] if text.endswith("\r") else text)
            rest = text[sum(map(len, lines)) :]
            yield from lines
        rest += decoder.decode(b"", final=True)
        lines = _LINE.findall(rest)
        yield from lines
        if tail := rest[sum(map(len, lines)) :]:
            yield tail


def _skip(lines: Iterator[str], count: int) -> Iterator[str]:
    for _ in range(count):
        next(lines, None)
    return lines


def _open_quote(text: str, file: CsvFile) -> bool:
    """Whether the text ends inside of a quoted cell."""
    return "unexpected end of data" in _complaint(text, file)


def _complaint(text: str, file: CsvFile) -> str:
    """What a strict reader has against the text; nothing when it is sound."""
    if file.quote not in text:
        return ""
    try:
        list(csv.reader(io.StringIO(text, newline=""), delimiter=file.delimiter, quotechar=file.quote, strict=True))
    except csv.Error as error:
        return str(error)
    return ""


def _cells(text: str, file: CsvFile) -> list[str]:
    if file.quote not in text:
        return text.split(file.delimiter)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=file.delimiter, quotechar=file.quote))
    except csv.Error:
        return text.split(file.delimiter)
    return rows[0] if len(rows) == 1 else text.split(file.delimiter)
