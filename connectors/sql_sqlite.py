"""Rows of a SQLite query through ADBC, in Arrow batches, as text in the form that its values have row by row.

SQLite's columns hold values of any kind, ADBC's one kind each: what is no text and no whole number is asked for beside.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote as quote_url

import pyarrow as pa
import sqlalchemy as sa

from connectors.arrow import Texts, pc
from connectors.protocol import BadRow
from connectors.text import text_form, text_of

_BATCH_ROWS = "adbc.sqlite.query.batch_rows"
_PATIENCE = "PRAGMA busy_timeout = 5000"
_SHOWN = 1_000


def file_of(url: sa.URL) -> str | None:
    """The file of a SQLite URL as SQLite takes it for reading; None where the URL says more than a file."""
    path = url.database
    if url.query or not path or path.startswith(":memory:") or path.startswith("file:"):
        return None
    return f"file:{quote_url(str(Path(path).absolute()))}?mode=ro"


def read_sqlite(
    file: str, names: Sequence[str], quoted: Sequence[str], rest: str, values: tuple[Any, ...], batch_rows: int
) -> Iterator[pa.RecordBatch | BadRow]:
    """The columns `names` (`quoted` as SQL) of what `rest` says from FROM on, with its parameters, all as text.

    A row with text that is not UTF-8 is a bad row. Raises sqlite3.OperationalError for what the database refuses.
    """
    import adbc_driver_sqlite.dbapi as adbc  # only those who read SQLite wait for it

    try:
        with closing(adbc.connect(file)) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(_PATIENCE)
            # Without autocommit both queries see the same rows.
            cursor.execute(f"SELECT {', '.join(map(_odd, quoted))} {rest}", values)
            odd = cursor.fetchone()
            columns = [_Column(q, bool(flag)) for q, flag in zip(quoted, odd or [0] * len(quoted), strict=True)]
            # ADBC learns kinds from the first rows: one that shows them goes in front.
            shown = ", ".join(kind for column in columns for kind in column.kinds)
            asked = ", ".join(part for column in columns for part in column.parts)
            cursor.adbc_statement.set_options(**{_BATCH_ROWS: str(batch_rows)})
            cursor.execute(f"SELECT {shown} UNION ALL SELECT {asked} {rest}", values)
            first = True
            for batch in cursor.fetch_record_batch():
                yield from _texts(batch.slice(1) if first else batch, columns, names)
                first = False
    except adbc.Error as error:
        raise sqlite3.OperationalError(str(error).partition("\n")[0]) from error


class _Column:
    """How one column is asked for: text and whole numbers, and beside them what else it holds."""

    def __init__(self, quoted: str, odd: bool):
        self.kinds, self.parts = ["''"], [f"CAST({quoted} AS TEXT)"]
        if odd:
            self.kinds = ["''", "0.5", "''"]
            plain = f"CASE WHEN typeof({quoted}) IN ('text', 'integer') THEN CAST({quoted} AS TEXT) END"
            real = f"CASE WHEN typeof({quoted}) = 'real' THEN {quoted} END"
            self.parts = [plain, real, f"CASE WHEN typeof({quoted}) = 'blob' THEN hex({quoted}) END"]


def _odd(quoted: str) -> str:
    return f"max(typeof({quoted}) IN ('real', 'blob'))"


def _texts(batch: pa.RecordBatch, columns: list[_Column], names: Sequence[str]) -> Iterator[pa.RecordBatch | BadRow]:
    if not batch.num_rows:
        return
    parts, found = iter(batch.columns), []
    for column in columns:
        texts = next(parts)
        found.append(_with_others(texts, next(parts), next(parts)) if len(column.parts) > 1 else texts)
    made = pa.RecordBatch.from_arrays(found, list(names))
    yield from _sound(made)


def _with_others(texts: Texts, reals: Any, blobs: Texts) -> Texts:
    """Text, numbers with a fraction and bytes of one column as one column of text."""
    if not len(reals.drop_null()) and not len(blobs.drop_null()):
        return texts
    if not len(texts.drop_null()) and not len(blobs.drop_null()):
        return text_form(reals)
    more = [
        text_of(real) if real is not None else text_of(bytes.fromhex(blob)) if blob is not None else None
        for real, blob in zip(reals.to_pylist(), blobs.to_pylist(), strict=True)
    ]
    return pc.coalesce(texts, pa.array(more, pa.string()))


def _sound(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch | BadRow]:
    """The batch, rows with text that is not UTF-8 as bad rows in their places."""
    wrong = [
        (name, column) for name, column in zip(batch.schema.names, batch.columns, strict=True) if not _utf8(column)
    ]
    if not wrong:
        yield batch
        return
    bad: dict[int, str] = {}
    for name, column in wrong:
        for row, raw in enumerate(column.cast(pa.binary()).to_pylist()):
            if raw is not None and raw.decode(errors="replace").encode() != raw:
                bad.setdefault(row, name)
    at = 0
    for row, name in sorted(bad.items()):
        if row > at:
            yield batch.slice(at, row - at)
        yield _bad_row(batch.slice(row, 1), name)
        at = row + 1
    if at < batch.num_rows:
        yield batch.slice(at)


def _utf8(column: Texts) -> bool:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _bad_row(row: pa.RecordBatch, at: str) -> BadRow:
    raw = {
        name: column.cast(pa.binary())[0].as_py() for name, column in zip(row.schema.names, row.columns, strict=True)
    }
    cells = {}
    for name, value in raw.items():
        try:
            cells[name] = value.decode() if value is not None else ""
        except UnicodeDecodeError:
            continue
    shown = raw[at].decode(errors="backslashreplace")[:_SHOWN]
    return BadRow("text that is not UTF-8", shown, at, cells={name: cell for name, cell in cells.items() if cell})
