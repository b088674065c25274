"""The `files` connector: CSV and TSV, Parquet, Excel and JSON lines from a folder, plain or compressed.

Finds the files of a stream and tells whether they changed; how each kind is read is the readers' affair.
"""

from __future__ import annotations

import glob
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Literal

import pyarrow as pa
from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from connectors.file_reading import ANY, Format, Reading
from connectors.protocol import BadRow, Delivery, Discovered, Item, Note, Options, State
from connectors.registry import missing_columns, options_of
from connectors.secrets import is_secret, without_secrets, without_user
from connectors.storage import Found, Storage, identity, is_remote, shape_of, storage_of
from connectors.suggest import SAMPLE, first_rows, stream_name
from connectors.table_reader import sheet_names
from models.config import Source, Stream
from models.errors import ConfigError, SourceError

_PLACEHOLDER = {"known": "{stream}"}


class FilesOptions(Options):
    """Options of `connector: {type: files}`."""

    path: str = Field(min_length=1)
    """Path or glob, relative to the configuration file, or the URL of one (sftp://, s3://, …); `{stream}` stands for
    the stream's name."""
    only: Literal["new", "newer", "changed"] | None = None
    """Read, instead of all files, those of a new name, of a later time of change, or of a new content."""
    min_age: float = Field(default=0, ge=0)
    """Seconds since its last change before a file is read, so that one that is still being sent is left alone."""
    storage: dict[str, Any] = Field(default_factory=dict, repr=False)
    """How the place of a URL is entered: user, keys, endpoint."""
    format: Format | None = None
    """Kind of file; by default after its ending, `.gz`, `.zst` and `.bz2` aside."""
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    """One character between the cells of CSV; by default found out (comma, semicolon, tab or bar)."""
    quote: str = Field(default='"', min_length=1, max_length=1)
    """The character around CSV cells that hold delimiters or line ends."""
    skip_lines: int = Field(default=0, ge=0)
    """Lines (CSV) or rows (Excel) before the header."""
    sheet: str | int | list[str | int] | None = None
    """Excel sheet by name or number from 1, a list of them, or `*` for all; by default the first."""

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
            with self._opened(stream, options) as storage:
                files = self._files(storage, stream, options)
                columns = []
                if files:
                    reading = self._reading(storage, files[-1], stream, options)
                    with _about(reading.name):
                        columns = reading.columns()
        except SourceError as error:
            if error.retryable:
                raise
            return [ConfigError(str(error), key=f"sources[{self.source.name}].connector.path")]
        # Members that are empty may be left out of JSON.
        return missing_columns(self.source, stream, columns) if columns and columns != ANY else []

    def discover(self) -> list[Discovered]:
        """What the files of `path` hold: a stream per name that fits `{stream}`, or per file; per sheet of Excel."""
        options = options_of(self.source, None, FilesOptions)
        found: list[Discovered] = []
        with self._opened(None, options) as storage:
            for name, file in self._named(storage, options.path).items():
                path, shown = storage.local(file), file.name
                for sheet in _sheets(Reading(path, shown, options, None), options):
                    some = Reading(path, shown, options.model_copy(update={"sheet": sheet}), None)
                    rows = first_rows(some.rows([]), SAMPLE)
                    called = name if sheet == options.sheet else f"{name}_{sheet}"
                    plain = stream_name(called, taken=[one.name for one in found])
                    own: dict[str, Any] = {} if sheet == options.sheet else {"sheet": sheet}
                    if plain != name or "{stream}" not in options.path:
                        own = {"path": shown} | own
                    found.append(Discovered(plain, {f.name: str(f.type) for f in rows.schema}, options=own, rows=rows))
            if not found:
                raise self._fault(None, f"no file matches {options.path}")
        return found

    def read(self, stream: Stream, state: dict[str, Any] | None, *, again: bool = False) -> Iterator[Item]:
        """The rows of all files, in the order of their names; nothing when no file changed since `state`.

        With `only`, the rows of the files that `state` does not know, in the order of their names, or of their times.
        """
        options = options_of(self.source, stream, FilesOptions)
        before: dict[str, Any] = {} if state is None else state.get("files", {})
        with self._opened(stream, options) as storage:
            files = self._files(storage, stream, options)
            hashed = options.only in (None, "changed")
            found = {
                file.name: identity(file, storage, before.get(file.name)) if hashed else file.identity for file in files
            }
            last = max([(state or {}).get("last", -1), *(file.mtime for file in files)])
            if not again:
                if options.only is not None:
                    files = _unread(files, found, state or {}, options.only)
                if not files or (options.only is None and _hashes(found) == _hashes(before)):
                    yield Delivery("snapshot", unchanged=True)
                    return
            if options.only == "newer":
                files = sorted(files, key=lambda file: (file.mtime, file.name))
            readings = [self._reading(storage, file, stream, options) for file in files]
            sparse = any(reading.format == "ndjson" for reading in readings)
            told = {"files": [reading.told() for reading in readings]}
            parts = options.only is not None
            yield Delivery("delta" if parts else "snapshot", sparse=sparse, feed=parts, info=told)
            members: list[str] = []
            for reading in readings:
                columns = rows = False
                with _about(reading.name):
                    for item in reading.rows(members):
                        columns, rows = True, rows or isinstance(item, BadRow) or item.num_rows > 0
                        yield item
                if not rows:
                    yield Note(f"{reading.name} {'holds no row below its header' if columns else 'is empty'}")
            for file in files:
                if storage.again(file) != file:
                    raise self._fault(stream, f"{file.name} changed while it was read", retryable=True)
        yield State({"files": found, "last": last} if options.only else {"files": found})

    def _named(self, storage: Storage, pattern: str) -> dict[str, Found]:
        """The last file of each stream that the files of a pattern look like."""
        shape, found = shape_of(pattern), {}
        for file in storage.find(pattern.replace("{stream}", "*")):
            match = shape.fullmatch(file.name) if "{stream}" in pattern else None
            found[match["name"] if match else PurePosixPath(file.name).name.partition(".")[0]] = file
        return found

    def _files(self, storage: Storage, stream: Stream, options: FilesOptions) -> list[Found]:
        remote = is_remote(options.path)
        pattern = options.path.format(stream=glob.escape(stream.name))
        newest = time.time_ns() - int(options.min_age * 1e9)
        files = [file for file in storage.find(pattern) if not options.min_age or file.mtime <= newest]
        # Where each file is read once, none is left when they are cleared away.
        if not files and not options.only:
            what = "no file matches" if glob.has_magic(pattern) else "there is no file"
            raise self._fault(stream, f"{what} {without_user(pattern) if remote else self.base / pattern}")
        return files

    def _reading(self, storage: Storage, file: Found, stream: Stream, options: FilesOptions) -> Reading:
        with _about(file.name):
            return Reading(storage.local(file), file.name, options, stream.encoding)

    @contextmanager
    def _opened(self, stream: Stream | None, options: FilesOptions) -> Iterator[Storage]:
        """The place where the files lie; what goes wrong with it or in them is a fault of the source."""
        try:
            with storage_of(options.path, self.base, options.storage) as storage:
                yield storage
        except (OSError, pa.ArrowException, ValueError) as error:
            lasting = isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError) or not isinstance(
                error, OSError
            )
            secrets = [str(value) for name, value in options.storage.items() if is_secret(name)]
            raise self._fault(stream, without_secrets(str(error), *secrets), retryable=not lasting) from None

    def _fault(self, stream: Stream | None, message: str, retryable: bool = False) -> SourceError:
        name = stream.name if stream is not None else None
        return SourceError(message, source=self.source.name, stream=name, retryable=retryable)


@contextmanager
def _about(name: str) -> Iterator[None]:
    """What goes wrong with a file names it; many a library only says what it did not like."""
    try:
        yield
    except (OSError, pa.ArrowException, ValueError) as error:
        if name in str(error):
            raise
        raised = type(error) if type(error) in (FileNotFoundError, PermissionError) else ValueError
        if isinstance(error, OSError) and raised is ValueError:
            raised = OSError
        raise raised(f"{name}: {error}") from error


def _hashes(files: dict[str, Any]) -> dict[str, str]:
    return {name: seen["hash"] for name, seen in files.items()}


def _unread(files: list[Found], found: dict[str, Any], state: dict[str, Any], only: str) -> list[Found]:
    """The files that were not read before, as `only` understands it."""
    before, last = state.get("files", {}), state.get("last", -1)
    if only == "new":
        return [file for file in files if file.name not in before]
    if only == "newer":
        # Of one moment are those, too, whose names are new.
        return [f for f in files if f.mtime > last or (f.mtime == last and f.name not in before)]
    known = {seen["hash"] for seen in before.values()}
    return [file for file in files if found[file.name]["hash"] not in known]


def _sheets(reading: Reading, options: FilesOptions) -> list[Any]:
    """The sheets of an Excel file that are a stream each; of any other file what the options say."""
    if reading.format != "xlsx" or options.sheet is not None:
        return [options.sheet]
    with reading.open() as file:
        names = sheet_names(file)
    return [None] if len(names) == 1 else [*names]
