"""JSON lines to Arrow: every value as text, nested ones as JSON text; a broken line is a bad row.

A file that holds one JSON list instead is read whole, which is meant for small ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, BinaryIO

import orjson
import pyarrow as pa

from connectors.csv_reader import unique_names
from connectors.encoding import chunks
from connectors.protocol import BadRow
from connectors.text import json_text

_BATCH = 20_000
_SHOWN = 1_000
# What can be saved of a line that does not parse: its plain members, so that its key is known.
_MEMBER = re.compile(r'"((?:[^"\\]|\\.)*)"\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false)\s*(?=[,}\]]|$)')


def read_json_lines(
    open_file: Callable[[], BinaryIO], name: str, columns: list[str], encoding: str
) -> Iterator[pa.RecordBatch | BadRow]:
    """Rows and bad rows of a file in their order. `columns` grows with the members that are met."""
    rows: list[dict[str, Any]] = []
    with open_file() as raw:
        for number, line in enumerate(_lines(raw, encoding), 1):
            row = line if isinstance(line, dict) else _parsed(line, f"{name}, line {number}", encoding)
            if row is None:
                continue
            if isinstance(row, BadRow):
                if rows:
                    yield batch_of(rows, columns)
                    rows = []
                yield row
                continue
            rows.append(row)
            if len(rows) == _BATCH:
                yield batch_of(rows, columns)
                rows = []
    if rows:
        yield batch_of(rows, columns)


def _lines(raw: BinaryIO, encoding: str) -> Iterator[bytes | dict[str, Any]]:
    parts = chunks(raw)
    first = next(parts, b"")
    if first.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
        yield from _whole(first + b"".join(parts), encoding)
        return
    rest: list[bytes] = []
    if encoding.startswith(("utf-16", "utf-32")):
        text = (first + b"".join(parts)).decode(encoding, "replace")
        yield from (line.encode() for line in text.removeprefix("\ufeff").split("\n"))
        return
    first = first.removeprefix(b"\xef\xbb\xbf")
    for chunk in chain([first], parts):
        *lines, last = chunk.split(b"\n")
        if lines:
            lines[0], rest = b"".join([*rest, lines[0]]), []
            yield from lines
        rest.append(last)
    yield b"".join(rest)


def _whole(content: bytes, encoding: str) -> Iterator[bytes | dict[str, Any]]:
    text = content.decode(encoding, "replace").removeprefix("\ufeff")
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        yield from (line.strip().strip(",").encode() for line in text.strip().strip("[]").split("\n"))
        return
    for value in found:
        yield value if isinstance(value, dict) else orjson.dumps(value)


def _parsed(line: bytes, place: str, encoding: str) -> dict[str, Any] | BadRow | None:
    line = line.strip(b" \t\r\n\x1e")
    if not line:
        return None
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        row, why = _other_encoding(line, encoding), str(error).partition(":")[0]
        if row is None:
            text = line.decode("utf-8", "backslashreplace")
            cells = {m[1]: _plain(m[2]) for m in _MEMBER.finditer(text)}
            return BadRow(f"no JSON: {why} ({place})", text[:_SHOWN], cells=cells)
    if isinstance(row, dict):
        return row
    return BadRow(f"no JSON object ({place})", line.decode("utf-8", "backslashreplace")[:_SHOWN])


def _other_encoding(line: bytes, encoding: str) -> Any:
    if encoding in ("utf-8", "utf-8-sig"):
        return None
    try:
        return orjson.loads(line.decode(encoding))
    except (UnicodeDecodeError, orjson.JSONDecodeError):
        return None


def _plain(text: str) -> str:
    try:
        return str(orjson.loads(text)) if text.startswith('"') else text
    except orjson.JSONDecodeError:
        return text.strip('"')


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return json_text(value)


def batch_of(rows: list[dict[str, Any]], columns: list[str]) -> pa.RecordBatch:
    """The rows with all columns met so far; new members widen the batch, never narrow it."""
    known = set(columns)
    for row in rows:
        if not row.keys() <= known:
            fresh = [member for member in row if member not in known]
            known.update(fresh)
            columns.extend(fresh)
    if not columns:
        columns.append("column_1")
    return pa.RecordBatch.from_arrays([_column(rows, name) for name in columns], unique_names(columns))


def _column(rows: list[dict[str, Any]], name: str) -> pa.Array[Any]:
    values = [row.get(name) for row in rows]
    if set(map(type, values)) <= {str, type(None)}:
        return pa.array(values, pa.string())
    return pa.array([_text(value) for value in values], pa.string())
