"""Delimited text to Arrow: the quick reader as far as it goes, the careful one from there.

Both give every column as text, an empty cell as null, and rows in the order of the file. Blank lines are no rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from connectors.csv_careful import read_carefully
from connectors.csv_quick import GiveUp, read_quickly
from connectors.csv_text import CsvFile, header_and_place, header_of, sniff_delimiter, unique_names
from connectors.protocol import BadRow


def read_csv(file: CsvFile) -> Iterator[pa.RecordBatch | BadRow]:
    """Rows and bad rows of a file in their order."""
    names, before = header_and_place(file)
    if not names:
        return
    # Without rows, or with bad ones alone, it is known which columns there are.
    yield pa.RecordBatch.from_arrays([pa.array([], pa.string()) for _ in names], names)
    done = 0
    if file.scan.quotes % 2 == 0:
        try:
            for item in read_quickly(file, names, before):
                done += item.num_rows if isinstance(item, pa.RecordBatch) else 1
                yield item
            return
        except GiveUp:
            pass  # the careful reader goes on behind the last row that came
    yield from read_carefully(file, names, done)


__all__ = ["CsvFile", "header_of", "read_csv", "sniff_delimiter", "unique_names"]
