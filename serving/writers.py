"""Arrow batches into a file: CSV, Parquet or NDJSON by its ending. The file appears under its name when it is whole."""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from models.errors import ConfigError, KehuError

Write = Callable[[pa.RecordBatch], None]
ENDINGS = (".csv", ".parquet", ".ndjson", ".jsonl")
LIST_SEPARATOR = " | "
"""Between the values of a list in CSV, which has no lists."""


@contextmanager
def writer_for(path: Path, schema: pa.Schema) -> Iterator[Write]:
    """A function that appends batches of `schema` to what becomes `path`.

    Raises ConfigError for an unknown ending or a missing folder, KehuError when the file cannot be written. After an
    error nothing is left behind, and a file that was there before is as it was.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise ConfigError(f"a file to write ends in {', '.join(ENDINGS)}", file=str(path))
    if not path.absolute().parent.is_dir():
        raise ConfigError("its folder does not exist", file=str(path))
    if path.is_dir():
        raise ConfigError("is a folder", file=str(path))
    temporary: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.absolute().parent)
        os.close(descriptor)
        temporary = Path(name)
        with temporary.open("wb") as file, writing(file, ending.removeprefix("."), schema) as write:
            yield write
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        raise KehuError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _umask() -> int:
    """The process's mask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


@contextmanager
def writing(file: IO[bytes], kind: str, schema: pa.Schema) -> Iterator[Write]:
    """A function that appends batches of `schema` to an open file, front to back; `kind`: csv, parquet, else NDJSON."""
    opened = {"csv": _csv, "parquet": _parquet}.get(kind, _ndjson)
    with opened(file, schema) as write:
        yield write


@contextmanager
def _csv(file: IO[bytes], schema: pa.Schema) -> Iterator[Write]:
    def put(rows: Iterable[Iterable[Any]]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(rows)
        file.write(text.getvalue().encode())

    put([schema.names])
    yield lambda batch: put(zip(*(_cells(column) for column in batch.columns), strict=True))


def _cells(column: pa.Array[Any]) -> list[Any]:
    values: list[Any] = column.to_pylist()
    if pa.types.is_list(column.type):
        return [None if v is None else LIST_SEPARATOR.join(map(str, v)) for v in values]
    if pa.types.is_timestamp(column.type):
        return [None if v is None else iso(v) for v in values]
    return values


@contextmanager
def _ndjson(file: IO[bytes], schema: pa.Schema) -> Iterator[Write]:
    def write(batch: pa.RecordBatch) -> None:
        columns = [_cells(c) if pa.types.is_timestamp(c.type) else c.to_pylist() for c in batch.columns]
        for row in zip(*columns, strict=True):
            file.write(orjson.dumps(dict(zip(schema.names, row, strict=True)), option=orjson.OPT_APPEND_NEWLINE))

    yield write


@contextmanager
def _parquet(file: IO[bytes], schema: pa.Schema) -> Iterator[Write]:
    with pq.ParquetWriter(pa.PythonFile(file, mode="w"), schema, compression="zstd") as out:
        yield out.write_batch


def iso(moment: dt.datetime) -> str:
    """A moment in UTC as ISO 8601 with a Z, the form that all exports share."""
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
