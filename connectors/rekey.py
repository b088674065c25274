"""The keys that a source changed, old and new, so that a record goes on instead of one dying and one being born."""

from __future__ import annotations

import csv

from models.config import Source, Stream
from models.errors import SourceError


def read_rekey(source: Source, stream: Stream) -> list[tuple[str, str]]:
    """(old key, new key) of the stream's rekey file, a CSV with the header `old_key,new_key`; empty without a file.

    Raises SourceError when it cannot be read.
    """
    if stream.rekey is None:
        return []
    try:
        with stream.rekey.open(encoding="utf-8-sig", newline="") as file:
            rows = [[cell.strip() for cell in row] for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _fault(source, stream, str(error)) from error
    for number, row in enumerate(rows, 1):
        if len(row) != 2 or not all(row):
            raise _fault(source, stream, f"row {number} does not hold an old key and a new key")
    return [(old, new) for old, new in rows[1:] if old != new]


def _fault(source: Source, stream: Stream, words: str) -> SourceError:
    return SourceError(f"rekey file {stream.rekey}: {words}", source=source.name, stream=stream.name)
