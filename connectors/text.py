"""The one text form of a delivered value, for every Arrow type, and what is built from it: keys, tombstones, payloads.

The text form is the same whether a value comes from a delivered column or out of a stored payload, so that a mapping
may change without the source being read again. What a value means is decided elsewhere (matching).
"""

from __future__ import annotations

import base64
import datetime as dt
import math
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.types as pt
import xxhash

from connectors.arrow import Column, Flags, Texts, pc

WHITE = (
    " \t\r\n\v\f\x1c\x1d\x1e\x1f\x85\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\u200b\ufeff"
)
"""What is trimmed from both ends of a value: white space of every script and the invisible marks that files leave."""

TRUE_WORDS = ("1", "true", "t", "yes", "y", "x", "on", "deleted", "是", "真", "已删除", "删除")
"""What a tombstone column says when the row is deleted, in lower case."""

_EXACT = 1e15  # whole floats below this are written without fraction or exponent
_MASK63 = (1 << 63) - 1


def text_form(column: Column) -> Texts:
    """A column as text, untrimmed.

    Whole floats and decimals lose their fraction (spreadsheets hand phone numbers over as 13800138000.0), times are ISO
    8601, those with a zone in UTC, nested values are JSON, bytes base64; NaN and infinity are null. NUL characters are
    left out: databases take no text that holds one.
    """
    kind = column.type
    if pt.is_string(kind):
        return without_nul(column)
    if pt.is_large_string(kind) or pt.is_string_view(kind):
        return without_nul(column.cast(pa.string()))
    if pt.is_dictionary(kind):
        return text_form(column.dictionary_decode())
    if pt.is_floating(kind):
        return _float_text(column.cast(pa.float64()))
    if pt.is_decimal(kind):
        return _no_trailing_zeros(column.cast(pa.string()))
    if pt.is_timestamp(kind):
        zone = "Z" if kind.tz is not None else ""
        naive = column.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.timestamp("us", "UTC" if zone else None))
        text = naive.cast(pa.timestamp("us")).cast(pa.string())
        return pc.binary_join_element_wise(_no_trailing_zeros(pc.replace_substring(text, " ", "T")), zone, "")
    if pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_fixed_size_binary(kind):
        return pa.array([None if v is None else base64.b64encode(v).decode() for v in column.to_pylist()], pa.string())
    if pt.is_nested(kind):
        return pa.array([None if v is None else json_text(v) for v in column.to_pylist()], pa.string())
    if pt.is_duration(kind):
        return column.cast(pa.int64()).cast(pa.string())
    return column.cast(pa.string())


def holds_nul(text: pa.StringArray) -> bool:
    """Whether any value holds a NUL character."""
    _, offsets, data = text.buffers()
    if data is None or offsets is None or not len(text):
        return False
    bounds = np.frombuffer(offsets, np.int32, len(text) + 1, text.offset * 4)
    return not np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]].all()


def without_nul(text: pa.StringArray) -> Texts:
    """The values without their NUL characters."""
    return pc.replace_substring(text, "\0", "") if holds_nul(text) else text


def json_text(value: Any) -> str:
    """A nested value as compact JSON; what JSON does not know is written as text."""
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def text_of(value: Any) -> str | None:
    """A driver's value as text, in the form that `text_form` gives typed columns."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, dt.datetime):
        if value.tzinfo is not None:
            return value.astimezone(dt.UTC).replace(tzinfo=None).isoformat() + "Z"
        return value.isoformat()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        raw = bytes(value)
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return base64.b64encode(raw).decode()
    return json_text(value) if isinstance(value, dict | list) else str(value)


def _float_text(column: pa.DoubleArray) -> Texts:
    finite = pc.is_finite(column)
    whole = pc.and_(finite, pc.and_(pc.equal(column, pc.trunc(column)), pc.less(pc.abs(column), _EXACT)))
    as_int = pc.if_else(whole, column, pa.scalar(0.0)).cast(pa.int64()).cast(pa.string())
    text = pc.if_else(whole, as_int, column.cast(pa.string()))
    return pc.if_else(pc.fill_null(finite, False), text, pa.scalar(None, pa.string()))


def _no_trailing_zeros(text: pa.StringArray) -> Texts:
    """Digits behind a point lose their trailing zeros, and the point when nothing is left behind it."""
    cut = pc.replace_substring_regex(text, r"(\.\d*?)0+$", r"\1")
    return pc.replace_substring_regex(cut, r"\.$", "")


def clean(text: pa.StringArray) -> Texts:
    """Trimmed at both ends; null when nothing is left. This is the raw value that canonical columns hold."""
    bare = pc.utf8_trim(without_nul(text), WHITE)
    return pc.if_else(pc.not_equal(bare, ""), bare, pa.scalar(None, pa.string()))


def texts_of(batch: pa.RecordBatch, columns: list[str] | None = None) -> dict[str, Texts]:
    """The text form of the named columns of a batch, of all by default, in the batch's order."""
    names = batch.schema.names if columns is None else columns
    return {name: text_form(batch.column(name)) for name in names}


def key_of(texts: dict[str, Texts], columns: list[str]) -> Texts:
    r"""The source key of each row: its trimmed columns, several joined by `|`; null when one is missing.

    Inside a key of several columns `|` and `\` are written `\|` and `\\`, so that no two keys look alike.
    """
    parts = [clean(texts[column]) for column in columns]
    if len(parts) == 1:
        return parts[0]
    safe = [pc.replace_substring(pc.replace_substring(part, "\\", "\\\\"), "|", "\\|") for part in parts]
    return pc.binary_join_element_wise(*safe, "|", null_handling="emit_null")


def flag_of(text: pa.StringArray) -> Flags:
    """Whether a tombstone column says that the row is deleted."""
    return pc.fill_null(pc.is_in(pc.utf8_lower(clean(text)), value_set=pa.array(TRUE_WORDS)), False)


def payloads(connection: duckdb.DuckDBPyConnection, texts: dict[str, Texts]) -> Texts:
    """Delivered rows as JSON objects: names sorted, null cells left out, every value in its text form.

    Equal rows have equal payloads, whatever the order of their columns and whatever type a driver gave them.
    """
    parts, columns = [], {}
    for position, name in enumerate(sorted(texts)):
        column = f"c{position}"
        columns[column] = texts[name]
        head = (orjson.dumps(name).decode() + ":").replace("'", "''")
        parts.append(f"'{head}' || CAST(to_json({column}) AS VARCHAR)")
    connection.register("delivered_texts", pa.table(columns))
    try:
        query = f"SELECT '{{' || concat_ws(',', {', '.join(parts)}) || '}}' FROM delivered_texts"
        rows = connection.sql(query).to_arrow_table()
    finally:
        connection.unregister("delivered_texts")
    return rows.column(0).cast(pa.string()).combine_chunks()


FEW_PAYLOADS = 500
"""Up to so many payloads are better read in Python."""


def payload_texts(connection: duckdb.DuckDBPyConnection, payload: Texts, columns: list[str]) -> dict[str, Texts]:
    """The text form of the named columns out of payloads; null where a payload does not hold one."""
    pointers = ["/" + column.replace("~", "~0").replace("/", "~1") for column in columns]
    picks = ", ".join(f"json_extract_string(payload, ${i + 1}) AS c{i}" for i in range(len(pointers)))
    connection.register("stored_payloads", pa.table({"payload": payload}))
    try:
        found = connection.sql(f"SELECT {picks} FROM stored_payloads", params=pointers).to_arrow_table()
    finally:
        connection.unregister("stored_payloads")
    return {name: found.column(i).cast(pa.string()).combine_chunks() for i, name in enumerate(columns)}


def few_payload_texts(payload: Texts, columns: list[str]) -> dict[str, Texts]:
    """`payload_texts` without DuckDB, whose start takes longer than reading `FEW_PAYLOADS` of them."""
    rows = [orjson.loads(text) if text else {} for text in payload.to_pylist()]
    return {name: pa.array([_as_text(row.get(name)) for row in rows], pa.string()) for name in columns}


def _as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json_text(value)


def _digests(texts: Texts, prefix: bytes) -> npt.NDArray[np.int64]:
    """63 bits of XXH3 over `prefix` and each text, straight from Arrow's buffers. The texts hold no nulls."""
    _, offsets, data = texts.buffers()
    if len(texts) == 0 or offsets is None:
        return np.empty(0, np.int64)
    bounds = np.frombuffer(offsets, np.int32, len(texts) + 1, texts.offset * 4).tolist()
    view: Any = memoryview(data if data is not None else b"")
    digest = xxhash.xxh3_64_intdigest
    if prefix:
        spans = (prefix + view[a:b] for a, b in zip(bounds, bounds[1:], strict=False))
    else:
        spans = (view[a:b] for a, b in zip(bounds, bounds[1:], strict=False))
    return np.fromiter((digest(span) & _MASK63 for span in spans), np.int64, len(texts))


def content_hashes(payload: pa.StringArray) -> npt.NDArray[np.int64]:
    """63 bits of XXH3 of each payload."""
    return _digests(payload, b"")


def record_numbers(source: str, stream: str, keys: pa.StringArray) -> npt.NDArray[np.int64]:
    """`models.vocabulary.record_id` of each key, over Arrow's buffers."""
    return _digests(keys, f"{source}\x1f{stream}\x1f".encode())
