"""One file of any kind that the `files` connector knows: what was found out about it, its columns, its rows.

Works on a file of the local disk; where it comes from is `storage`'s affair.
"""

from __future__ import annotations

import lzma
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Literal, Protocol, cast

import pyarrow as pa

from connectors.csv_reader import CsvFile, header_of, read_csv, sniff_delimiter
from connectors.encoding import scan
from connectors.json_reader import read_json_lines
from connectors.protocol import BadRow
from connectors.table_reader import parquet_columns, read_parquet, read_sheets, sheet_columns

Format = Literal["csv", "tsv", "parquet", "xlsx", "ndjson"]
COMPRESSED = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".xz": "xz", ".zip": "zip"}
FORMATS: dict[str, Format] = {
    ".csv": "csv", ".txt": "csv", ".tsv": "tsv", ".tab": "tsv", ".parquet": "parquet", ".pq": "parquet",
    ".xlsx": "xlsx", ".xlsm": "xlsx", ".xlsb": "xlsx", ".xls": "xlsx", ".ods": "xlsx",
    ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "ndjson",
}  # fmt: skip


class Form(Protocol):
    """How files are written; options of the connector."""

    @property
    def format(self) -> Format | None:
        """Kind of file; None for what its ending says."""
        ...

    @property
    def delimiter(self) -> str | None:
        """What stands between cells; None to find it out."""
        ...

    @property
    def quote(self) -> str:
        """What stands around cells."""
        ...

    @property
    def skip_lines(self) -> int:
        """Lines before the header."""
        ...

    @property
    def sheet(self) -> str | int | list[str | int] | None:
        """Which sheets of Excel."""
        ...


ANY = ["*"]
"""The columns of a file that may hold any."""


class Reading:
    """One file, with what was found out about it."""

    def __init__(self, path: Path, name: str, options: Form, encoding: str | None):
        self.path, self.name, self.options = path, name, options
        endings = [ending.lower() for ending in path.suffixes]
        self.compression = COMPRESSED.get(endings[-1]) if endings else None
        ending = (endings[-2] if len(endings) > 1 else "") if self.compression else endings[-1] if endings else ""
        if self.compression == "zip" and ending not in FORMATS:
            ending = PurePosixPath(_only_member(path, name).name).suffix.lower()
        form = options.format or FORMATS.get(ending)
        if form is None:
            raise ValueError(f"{name}: cannot tell the kind of file by '{ending}'; give 'format'")
        self.format: Format = form
        self.encoding, self.delimiter = "", ""
        if form in ("csv", "tsv", "ndjson"):
            with self.open() as file:
                self.scan = scan(file, encoding, options.quote)
            self.encoding = self.scan.encoding
        if form in ("csv", "tsv"):
            self.delimiter = options.delimiter or ("\t" if form == "tsv" else self._sniffed())

    def open(self) -> BinaryIO:
        """The bytes behind any compression, from their start."""
        if self.compression is None:
            return self.path.open("rb")
        if self.compression == "xz":
            return cast(BinaryIO, lzma.open(self.path))
        if self.compression == "zip":
            return _only_member(self.path, self.name)
        return cast(BinaryIO, pa.input_stream(str(self.path), compression=self.compression))

    def _sniffed(self) -> str:
        with self.open() as file:
            for _ in range(self.options.skip_lines):
                _line(file)
            return sniff_delimiter(file.read(1 << 16).decode(self.encoding, "replace"), self.options.quote)

    def told(self) -> dict[str, Any]:
        """What the manifest says about the file."""
        known = {"encoding": self.encoding, "delimiter": self.delimiter, "compression": self.compression}
        return {"name": self.name, "format": self.format, **{k: v for k, v in known.items() if v}}

    def columns(self) -> list[str]:
        """The columns that the file is known to hold; `*` when any may come."""
        if self.format == "ndjson":
            return ANY
        with self.open() as file:
            if self.format == "parquet":
                return list(parquet_columns(file))
            if self.format == "xlsx":
                return sheet_columns(file, self.options.sheet, self.options.skip_lines)
        return header_of(self._csv())

    def rows(self, members: list[str]) -> Iterator[pa.RecordBatch | BadRow]:
        """The file's rows. `members` are the JSON members met in the delivery so far."""
        if self.format == "ndjson":
            yield from read_json_lines(self.open, self.name, members, self.encoding)
        elif self.format in ("csv", "tsv"):
            yield from read_csv(self._csv())
        else:
            with self.open() as file:
                if self.format == "parquet":
                    yield from read_parquet(file)
                else:
                    yield from read_sheets(file, self.options.sheet, self.options.skip_lines)

    def _csv(self) -> CsvFile:
        return CsvFile(
            self.open, self.name, self.scan, self.delimiter, quote=self.options.quote, skip=self.options.skip_lines
        )


def _only_member(path: Path, name: str) -> BinaryIO:
    try:
        with zipfile.ZipFile(path) as archive:
            # macOS adds a shadow of each file.
            members = [m for m in archive.namelist() if not m.endswith("/") and not m.startswith("__MACOSX/")]
            if len(members) != 1:
                raise ValueError(f"{name}: an archive must hold one file, and this one holds {len(members)}")
            return cast(BinaryIO, archive.open(members[0]))
    except zipfile.BadZipFile as error:
        raise ValueError(f"{name}: {error}") from None


def _line(file: BinaryIO) -> None:
    while (byte := file.read(1)) not in (b"", b"\n"):
        del byte
