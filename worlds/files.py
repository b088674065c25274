"""Writes a generated world to disk: delivery files, `truth.csv`, `kehu.yaml`.

Rows are streamed; memory does not grow with the size.
"""

import csv
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from worlds.dice import Dice
from worlds.systems import System

TRUTH_COLUMNS = ("source", "source_key", "entity_id")
_SHUFFLE = 50_000  # rows that are mixed with one another before they are written
_PRIMES = (9_999_991, 99_999_989, 999_999_937)


@dataclass(frozen=True, slots=True)
class WorldFiles:
    """What a generator wrote: the folder, its `kehu.yaml` and `truth.csv`; the numbers of records and entities."""

    folder: Path
    config: Path
    truth: Path
    records: int
    entities: int


class _Sink(Protocol):
    def rows(self, rows: Sequence[Sequence[str]]) -> None: ...
    def close(self) -> None: ...


class CsvSink:
    """Rows into a CSV file, any encoding."""

    def __init__(self, path: Path, header: Sequence[str], encoding: str = "utf-8") -> None:
        self._file: IO[str] = open(path, "w", encoding=encoding, newline="")  # noqa: SIM115 - closed by close()
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(header)

    def rows(self, rows: Sequence[Sequence[str]]) -> None:
        """Append rows."""
        self._writer.writerows(rows)

    def close(self) -> None:
        """Flush and close the file."""
        self._file.close()


class ParquetSink:
    """Rows into a Parquet file of string columns; '' becomes null."""

    def __init__(self, path: Path, header: Sequence[str]) -> None:
        self._schema = pa.schema([(h, pa.string()) for h in header])
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")

    def rows(self, rows: Sequence[Sequence[str]]) -> None:
        """Append rows as one row group."""
        columns = zip(*rows, strict=True)
        self._writer.write_table(
            pa.table([pa.array([v or None for v in c], pa.string()) for c in columns], schema=self._schema)
        )

    def close(self) -> None:
        """Write the footer and close the file."""
        self._writer.close()


@dataclass(slots=True)
class _Stream:
    system: System
    sink: _Sink
    attributes: tuple[str, ...]
    count: int = 0
    buffer: list[list[str]] = field(default_factory=list)


class WorldWriter:
    """Takes records one by one, gives each a key that tells nothing about its entity, and writes files and truth."""

    def __init__(self, folder: Path, systems: Sequence[System], rng: Dice, size: int, truth: str = "truth.csv") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.rng, self.size, self.records = folder, rng, size, 0
        self._prime = next(p for p in _PRIMES if p > size * 2)
        self._streams: dict[tuple[str, str], _Stream] = {}
        for s in systems:
            path = self.path(s)
            path.parent.mkdir(parents=True, exist_ok=True)
            header = (s.key, *s.columns, s.updated)
            sink: _Sink = ParquetSink(path, header) if path.suffix == ".parquet" else CsvSink(path, header)
            self._streams[s.source, s.stream] = _Stream(s, sink, tuple(s.columns.values()))
        self._truth = CsvSink(folder / truth, TRUTH_COLUMNS)
        self._truths: list[tuple[str, str, str]] = []

    def path(self, system: System) -> Path:
        """The delivery file of a stream."""
        return self.folder / system.source / system.file.format(stream=system.stream)

    def add_all(self, records: Iterable[tuple[System, Mapping[str, str], str]], entity: str) -> None:
        """Write the records (system, record, updated) of one entity, as far as the world's size allows."""
        for system, record, updated in records:
            if self.records < self.size:
                self.add(system, record, updated, entity)

    def add(self, system: System, record: Mapping[str, str], updated: str, entity: str) -> None:
        """Write one record of `entity`."""
        stream = self._streams[system.source, system.stream]
        stream.count += 1
        # Multiplication modulo a prime visits every number once, in an order that does not follow the entities.
        key = f"{system.prefix}{stream.count * 7_654_321 % self._prime:0{len(str(self._prime))}d}"
        get = record.get
        stream.buffer.append([key, *(get(a, "") for a in stream.attributes), updated])
        self._truths.append((system.source, key, entity))
        self.records += 1
        if len(stream.buffer) >= _SHUFFLE:
            self._flush(stream)

    def _flush(self, stream: _Stream) -> None:
        if stream.buffer:
            self.rng.shuffle(stream.buffer)
            stream.sink.rows(stream.buffer)
            stream.buffer.clear()
        self._truth.rows(self._truths)
        self._truths.clear()

    def __enter__(self) -> "WorldWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stream in self._streams.values():
            self._flush(stream)
            stream.sink.close()
        self._truth.close()


def join_truth(folder: Path, parts: Sequence[str]) -> Path:
    """Put the parts of the truth together as `truth.csv` and remove them; returns its path."""
    whole = folder / "truth.csv"
    with open(whole, "w", encoding="utf-8") as out:
        for i, part in enumerate(parts):
            with open(folder / part, encoding="utf-8") as f:
                if i:
                    next(f)  # the header stands there already
                shutil.copyfileobj(f, out)
            (folder / part).unlink()
    return whole


def source_configuration(systems: Iterable[System]) -> list[dict[str, Any]]:
    """The `sources` of a configuration that reads these systems' files."""
    sources: dict[str, dict[str, Any]] = {}
    for s in systems:
        source = sources.setdefault(
            s.source,
            {
                "name": s.source,
                "family": s.family,
                "priority": s.priority,
                "connector": {"type": "files", "path": f"{s.source}/{s.file}"},
                "streams": [],
            },
        )
        source["streams"].append(
            {"name": s.stream, "entity": s.entity, "key": s.key, "updated_at": s.updated, "fields": s.mapping()}
        )
    return list(sources.values())


def write_configuration(folder: Path, sources: list[dict[str, Any]], head: str = "") -> Path:
    """Write `kehu.yaml` with a hub in the same folder; returns its path."""
    path = folder / "kehu.yaml"
    body = yaml.safe_dump(
        {"store": "sqlite:///hub.db", "workspace": "work/", "sources": sources},
        sort_keys=False,
        allow_unicode=True,
        width=110,
    )
    path.write_text(head + body, encoding="utf-8")
    return path
