"""What both readers of delimited text share: the description of a file, its header, its lines and their cells.

Nothing is judged here; which rows are bad is the readers' affair.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from connectors.encoding import Scan, chunks

# The module's own limit of a cell, 128 KiB, would cut what is merely long; a row's length is bounded elsewhere.
csv.field_size_limit(2**31 - 1)

DELIMITERS = (",", ";", "\t", "|")
LONGEST = 200
"""Physical lines that one row may span before its quote counts as left open."""
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
        name = base = raw.replace("\0", "").strip().strip("\ufeff") or f"column_{position}"
        count = 2
        while name.casefold() in taken:  # case folded: the set-based engine tells names apart only that way
            name, count = f"{base}_{count}", count + 1
        taken.add(name.casefold())
        names.append(name)
    return names


def header_of(file: CsvFile) -> list[str]:
    """The column names of a file; none when it is empty."""
    return header_and_place(file)[0]


def header_and_place(file: CsvFile) -> tuple[list[str], int]:
    """(column names, physical lines before them)."""
    lines, before = skipped(file), file.skip
    for text in lines:
        if text.strip():
            break
        before += 1
    else:
        return [], before
    while open_quote(text, file) and text.count("\n") < LONGEST:
        more = next(lines, None)
        if more is None:
            break
        text += more
    return unique_names(split(text.rstrip("\r\n"), file)[0]), before


# Bytes that do not decode are carried as these private characters, so that they survive splitting into cells.
_FIRST = 0x10FE00
ESCAPED = re.compile(f"[{chr(_FIRST)}-{chr(_FIRST + 0xFF)}]")


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(_FIRST + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error("kehu-escape", _escape)


def shown(text: str) -> str:
    """A bad row's text for people: shortened, bytes that do not decode written out."""
    return ESCAPED.sub(lambda m: f"\\x{ord(m.group()) - _FIRST:02x}", text[:_SHOWN])


def known(cells: list[str], names: list[str]) -> dict[str, str]:
    """The cells of a bad row that could be read, by column."""
    return {name: cell for name, cell in zip(names, cells, strict=False) if cell and not ESCAPED.search(cell)}


_END = re.compile("\r\n|\n|\r")


def physical_lines(file: CsvFile) -> Iterator[str]:
    """Physical lines with their ends, decoded leniently."""
    decoder = codecs.getincrementaldecoder(file.scan.encoding)("kehu-escape")
    held: list[str] = []
    with file.open() as raw:
        for chunk in chunks(raw):
            half = bool(held) and held[-1].endswith("\r")
            held.append(decoder.decode(chunk))
            # A line of many chunks is put together once, at its end.
            if not half and not _END.search(held[-1]):
                continue
            text = "".join(held)
            # A carriage return at the very end may be half of a line end.
            lines, rest = _lines(text, len(text) - text.endswith("\r"))
            held = [rest] if rest else []
            yield from lines
        lines, rest = _lines("".join([*held, decoder.decode(b"", final=True)]))
        yield from lines
        if rest:
            yield rest


def _lines(text: str, end: int | None = None) -> tuple[list[str], str]:
    """(lines with their ends, what stands behind the last end)."""
    lines, start = [], 0
    for found in _END.finditer(text, 0, len(text) if end is None else end):
        lines.append(text[start : found.end()])
        start = found.end()
    return lines, text[start:]


def skipped(file: CsvFile) -> Iterator[str]:
    """Physical lines from the header on."""
    lines = physical_lines(file)
    for _ in range(file.skip):
        next(lines, None)
    return lines


def split(text: str, file: CsvFile) -> tuple[list[str], str]:
    """(cells of a row, what a strict reader has against it; nothing when it is sound)."""
    if file.quote not in text:
        return text.split(file.delimiter), ""
    complaint = ""
    for strict in (True, False):
        try:
            reader = csv.reader(
                io.StringIO(text, newline=""), delimiter=file.delimiter, quotechar=file.quote, strict=strict
            )
            rows = list(reader)
        except csv.Error as error:
            complaint = str(error)
        else:
            return (rows[0] if len(rows) == 1 else text.split(file.delimiter)), complaint
    return text.split(file.delimiter), complaint


def open_quote(text: str, file: CsvFile) -> bool:
    """Whether the text ends inside of a quoted cell."""
    return is_open(split(text, file)[1])


def is_open(complaint: str) -> bool:
    """Whether a strict reader complains of a quote that is not closed."""
    return "unexpected end of data" in complaint
