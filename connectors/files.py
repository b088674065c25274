"""The `files` connector: CSV and TSV, Parquet, Excel and JSON lines from a folder, plain or compressed.

Finds the files of a stream and tells whether they changed; how each kind is read is the readers' affair.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Literal, cast

import pyarrow as pa
from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from connectors.csv_reader import CsvFile, header_of, read_csv, sniff_delimiter
from connectors.encoding import content_hash, scan
from connectors.json_reader import read_json_lines
from connectors.protocol import BadRow, Delivery, Discovered, Item, Options, State
from connectors.registry import missing_columns, options_of
from connectors.table_reader import parquet_columns, read_parquet, read_sheet, sheet_columns
from models.config import Source, Stream
from models.errors import ConfigError, SourceError

Format = Literal["csv", "tsv", "parquet", "xlsx", "ndjson"]
COMPRESSED: dict[str, Literal["gzip", "zstd", "bz2"]] = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}
FORMATS: dict[str, Format] = {
    ".csv": "csv", ".txt": "csv", ".tsv": "tsv", ".tab": "tsv", ".parquet": "parquet", ".pq": "parquet",
    ".xlsx": "xlsx", ".xlsm": "xlsx", ".xlsb": "xlsx", ".xls": "xlsx", ".ods": "xlsx",
    ".ndjson": "ndjson", ".jsonl": "ndjson", ".json": "ndjson",
}  # fmt: skip


_PLACEHOLDER = {"known": "{stream}"}


class FilesOptions(Options):
    """Options of `connector: {type: files}`."""

    path: str = Field(min_length=1)
    """Path or glob, relative to the configuration file; `{stream}` stands for the stream's name."""
    format: Format | None = None
    """Kind of file; by default after its ending, `.gz`, `.zst` and `.bz2` aside."""
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    """One character between the cells of CSV; by default found out (comma, semicolon, tab or bar)."""
    quote: str = Field(default='"', min_length=1, max_length=1)
    """The character around CSV cells that hold delimiters or line ends."""
    skip_lines: int = Field(default=0, ge=0)
    """Lines (CSV) or rows (Excel) before the header."""
    sheet: str | int | None = None
    """Excel sheet by name or number from 1; by default the first."""

    @field_validator("delimiter", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return {"tab": "\t", "\\t": "\t"}.get(value, value) if isinstance(value, str) else value

    @field_validator("path")
    @classmethod
    def _placeholder(cls, value: str) -> str:
        try:
            value.format(stream="x")
        except (KeyError, IndexError, ValueError):
            raise PydanticCustomError("kehu", "may hold no braces but those of {known}", _PLACEHOLDER) from None
        return value


class FilesConnector:
    """Reads the files of a stream as one delivery; files that did not change are not read again."""

    options: ClassVar[type[Options]] = FilesOptions

    def __init__(self, source: Source, base: Path):
        self.source, self.base = source, base

    def check(self, stream: Stream) -> list[ConfigError]:
        """Whether there are files, of a known kind, that open and hold the configured columns."""
        options = options_of(self.source, stream, FilesOptions)
        try:
            columns = self._columns(stream, options)
        except SourceError as error:
            return [ConfigError(str(error), key=f"sources[{self.source.name}].connector.path")]
        # Members that are empty may be left out of JSON.
        return missing_columns(self.source, stream, columns) if columns and columns != _ANY else []

    def discover(self) -> list[Discovered]:
        """The configured streams with the columns that their first files hold now."""
        found = []
        for stream in self.source.streams:
            columns = self._columns(stream, options_of(self.source, stream, FilesOptions))
            found.append(Discovered(stream.name, dict.fromkeys(columns if columns != _ANY else [], "string")))
        return found

    def read(self, stream: Stream, state: dict[str, Any] | None, *, again: bool = False) -> Iterator[Item]:
        """The rows of all files, in the order of their names; nothing when no file changed since `state`."""
        options = options_of(self.source, stream, FilesOptions)
        files = self._paths(stream, options)
        before = (state or {}).get("files", {})
        found: dict[str, dict[str, Any]] = {}
        try:
            for path in files:
                found[self._name(path)] = _identity(path, before.get(self._name(path)))
            unchanged = {k: v["hash"] for k, v in found.items()} == {k: v["hash"] for k, v in before.items()}
            if unchanged and not again:
                yield Delivery("snapshot", unchanged=True)
                yield State({"files": found})
                return
            readings = [self._opened(path, stream, options) for path in files]
            sparse = any(reading.format == "ndjson" for reading in readings)
            yield Delivery("snapshot", sparse=sparse, info={"files": [reading.told() for reading in readings]})
            members: list[str] = []
            for reading in readings:
                yield from reading.rows(members)
            for path in files:
                if _identity(path, found[self._name(path)]) != found[self._name(path)]:
                    raise self._fault(stream, f"{path.name} changed while it was read", retryable=True)
        except (OSError, pa.ArrowException, ValueError) as error:
            raise self._broken(stream, error) from error
        yield State({"files": found})

    def _columns(self, stream: Stream, options: FilesOptions) -> list[str]:
        try:
            return self._opened(self._paths(stream, options)[0], stream, options).columns()
        except (OSError, pa.ArrowException, ValueError) as error:
            raise self._broken(stream, error) from error

    def _paths(self, stream: Stream, options: FilesOptions) -> list[Path]:
        pattern = options.path.format(stream=glob.escape(stream.name))
        where = str(self.base / Path(pattern).expanduser())
        found = [Path(where)] if Path(where).is_file() else sorted(Path(p) for p in glob.glob(where, recursive=True))
        files = [path for path in found if path.is_file() and not path.name.startswith((".", "~$"))]
        if not files:
            what = "no file matches" if glob.has_magic(pattern) else "there is no file"
            raise self._fault(stream, f"{what} {where}")
        return files

    def _opened(self, path: Path, stream: Stream, options: FilesOptions) -> _Reading:
        return _Reading(path, self._name(path), options, stream.encoding)

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self.base)) if path.is_relative_to(self.base) else str(path)

    def _broken(self, stream: Stream, error: Exception) -> SourceError:
        lasting = isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError) or not isinstance(
            error, OSError
        )
        return self._fault(stream, " ".join(str(error).split()), retryable=not lasting)

    def _fault(self, stream: Stream, message: str, retryable: bool = False) -> SourceError:
        return SourceError(message, source=self.source.name, stream=stream.name, retryable=retryable)


_ANY = ["*"]


class _Reading:
    """One file, with what was found out about it."""

    def __init__(self, path: Path, name: str, options: FilesOptions, encoding: str | None):
        self.path, self.name, self.options = path, name, options
        endings = [ending.lower() for ending in path.suffixes]
        self.compression = COMPRESSED.get(endings[-1]) if endings else None
        ending = (endings[-2] if len(endings) > 1 else "") if self.compression else endings[-1] if endings else ""
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
            return _ANY
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
                    yield from read_sheet(file, self.options.sheet, self.options.skip_lines)

    def _csv(self) -> CsvFile:
        return CsvFile(
            self.open, self.name, self.scan, self.delimiter, quote=self.options.quote, skip=self.options.skip_lines
        )


def _line(file: BinaryIO) -> None:
    while (byte := file.read(1)) not in (b"", b"\n"):
        del byte


def _identity(path: Path, before: dict[str, Any] | None) -> dict[str, Any]:
    """Size, time of change and content hash; the hash is taken over when neither of the others moved."""
    status = path.stat()
    found: dict[str, Any] = {"size": status.st_size, "mtime": status.st_mtime_ns}
    if before is not None and all(before.get(name) == value for name, value in found.items()):
        return {**found, "hash": before["hash"]}
    with path.open("rb") as file:
        return {**found, "hash": content_hash(file)}
