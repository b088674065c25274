"""CSV that bulk interfaces answer with, as rows."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.csv


def csv_rows(body: bytes) -> list[dict[str, Any]]:
    """The rows of a CSV answer, every value as text, empty ones as none."""
    if not body.strip():
        return []
    texts = pyarrow.csv.ConvertOptions(strings_can_be_null=True, null_values=[""], quoted_strings_can_be_null=True)
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    names = pyarrow.csv.read_csv(io.BytesIO(body.split(b"\n", 1)[0] + b"\n"), parse_options=parse).column_names
    texts.column_types = dict.fromkeys(names, pa.string())
    read = pyarrow.csv.ReadOptions(block_size=max(len(body), 1 << 20))
    rows: list[dict[str, Any]] = pyarrow.csv.read_csv(io.BytesIO(body), read, parse, texts).to_pylist()
    return rows
