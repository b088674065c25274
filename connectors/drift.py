"""Notices that a stream's columns are not those of the last delivery: new, missing, or of another kind.

Drift is told to people and does not stop a stream; a mapped column that is missing does, in the landing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.arrow import Column, pc
from connectors.batch import ROW
from connectors.text import clean, text_form

_SAMPLE = 5_000  # rows at the front of a delivery that tell what a column of text holds
_SHARE = 0.98  # of a column's values must be of a kind for the column to be of it
_NUMBER = r"^[+-]?\d+([.,]\d+)?$"
_DATE = r"^(\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})"


def kinds_of(parts: Sequence[Path]) -> dict[str, str]:
    """What the text columns hold: number, date, text, or nothing. Columns with types of their own are not named."""
    found: dict[str, str] = {}
    for part in parts[:1]:
        for batch in pq.ParquetFile(part).iter_batches(batch_size=_SAMPLE):
            for name in batch.schema.names:
                if name != ROW and pa.types.is_string(batch.column(name).type):
                    found[name] = _kind(batch.column(name))
            break
    return found


def _kind(column: Column) -> str:
    values = clean(text_form(column)).drop_null()
    if not len(values):
        return "nothing"
    for kind, pattern in (("date", _DATE), ("number", _NUMBER)):
        if pc.sum(pc.match_substring_regex(values, pattern)).as_py() >= _SHARE * len(values):
            return kind
    return "text"


def describe_drift(
    schema_before: Mapping[str, str] | None,
    kinds_before: Mapping[str, str] | None,
    schema: Mapping[str, str],
    kinds: Mapping[str, str],
    sparse: bool = False,
) -> list[str]:
    """One line per column that is new, missing or of another type or kind; none for the first delivery.

    With `sparse` a missing column is no drift.
    """
    if not schema_before or not schema:
        return []
    lines = [f"new column '{name}' ({kinds.get(name, schema[name])})" for name in schema if name not in schema_before]
    for name, before in schema_before.items():
        if name not in schema:
            if not sparse:
                lines.append(f"missing column '{name}'")
        elif schema[name] != before:
            lines.append(f"column '{name}' was {before} and is {schema[name]} now")
        else:
            was, now = (kinds_before or {}).get(name, "nothing"), kinds.get(name, "nothing")
            if was != now and "nothing" not in (was, now):
                lines.append(f"column '{name}' held {_plural(was)} and holds {_plural(now)} now")
    return lines


def _plural(kind: str) -> str:
    return {"number": "numbers", "date": "dates"}.get(kind, "text")
