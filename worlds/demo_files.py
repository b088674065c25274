"""Writes the demo world's deliveries: a SQLite database, CSV in GB18030 with broken rows, JSON lines, configuration.

What stands in the rows is decided in `demo`; here are only the formats and what is wrong with them.
"""

import csv
import io
import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from worlds.demo_systems import SYSTEMS
from worlds.life.streams import STREAMS, Told
from worlds.systems import System

_DATES = ("birth_date", "occurred_at", "due_at", "closed_at", "valid_from", "valid_to", "produced_on", "delivered_on")
_TYPES = {
    "employees": "INTEGER",
    "_credit_limit": "NUMERIC(12,2)",
    "amount": "NUMERIC(14,2)",
    "influence": "INTEGER",
    **dict.fromkeys(_DATES, "DATE"),
}
_ZONE = "Asia/Shanghai"  # of times written without an offset
BROKEN = ("undecodable bytes", "wrong number of columns", "no key", "key twice in one delivery", "impossible date")


@dataclass(slots=True)
class Table:
    """The current rows of one stream, by key; every row holds attribute → text, with `updated` and `deleted` beside."""

    system: System
    rows: dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that must land in quarantine: where, under which key ('' when it has none), and what is wrong."""

    source: str
    stream: str
    source_key: str
    field: str
    reason: str


def write_database(path: Path, tables: Sequence[Table]) -> None:
    """Write the tables into a SQLite file; an older file at the place is replaced."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        for table in tables:
            s = table.system
            columns = {s.key: "TEXT PRIMARY KEY", **{c: _TYPES.get(a, "TEXT") for c, a in s.columns.items()}}
            columns |= {s.updated: "TIMESTAMP NOT NULL", s.deleted: "BOOLEAN NOT NULL DEFAULT 0"}
            connection.execute(f"CREATE TABLE {s.stream} ({', '.join(f'{c} {t}' for c, t in columns.items())})")
            connection.execute(f"CREATE INDEX {s.stream}_{s.updated} ON {s.stream} ({s.updated})")
            marks = ", ".join("?" * len(columns))
            connection.executemany(
                f"INSERT INTO {s.stream} VALUES ({marks})", (_cells(s, k, r) for k, r in table.rows.items())
            )


def _cells(system: System, key: str, row: Mapping[str, str]) -> list[str | int | None]:
    values: list[str | int | None] = [key, *(row.get(a) or None for a in system.columns.values())]
    return [*values, row["updated"], 1 if row.get("deleted") else 0]


def write_csv(folder: Path, table: Table, broken: bool, encoding: str = "gb18030") -> list[Broken]:
    """Write the stream as two files (`…_north.csv`, `…_south.csv`); with `broken`, spoil some extra rows.

    Returns the broken rows. Every broken row has a key of its own or none; the sound rows are not touched.
    """
    folder.mkdir(parents=True, exist_ok=True)
    s = table.system
    header = [s.key, *s.columns, s.updated]
    lines = [
        _line([k, *(r.get(a, "") for a in s.columns.values()), r["updated"]]).encode(encoding)
        for k, r in table.rows.items()
    ]
    found: list[Broken] = []
    if broken and lines:
        bad, found = _broken_lines(table, encoding)
        step = max(1, len(lines) // (len(bad) + 1))
        for i, line in enumerate(bad):  # spread over the file, both rows of a doubled key in one half
            lines.insert(min(len(lines), (i + 1) * step), line)
    half = len(lines) // 2
    for name, part in (("north", lines[:half]), ("south", lines[half:])):
        (folder / f"{s.stream}_{name}.csv").write_bytes(b"".join([_line(header).encode(encoding), *part]))
    return found


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def _broken_lines(table: Table, encoding: str) -> tuple[list[bytes], list[Broken]]:
    """Copies of sound rows under new keys, each spoilt in one way."""
    s = table.system
    attributes = list(s.columns.values())
    models = list(table.rows.values())
    lines: list[bytes] = []
    found: list[Broken] = []

    def cells(i: int, key: str, **changed: str) -> list[str]:
        row = {**models[i * 7 % len(models)], **changed}
        return [key, *(row.get(a, "") for a in attributes), row["updated"]]

    def note(key: str, field: str, reason: str) -> None:
        found.append(Broken(s.source, s.stream, key, field, reason))

    first_column = next(iter(s.columns))
    for i in range(3):
        key = f"{s.prefix}BAD{i:03d}"
        head, tail = _line(cells(i, key)).encode(encoding).split(b",", 1)
        lines.append(head + b",\xff" + tail)  # FF begins no GB18030 character
        note(key, first_column, BROKEN[0])
    for i in range(3, 5):
        key = f"{s.prefix}BAD{i:03d}"
        lines.append((",".join(c.replace(",", " ") for c in cells(i, key)) + ",多余,的列\n").encode(encoding))
        note(key, "", BROKEN[1])
    for i in range(5, 7):
        lines.append(_line(cells(i, "")).encode(encoding))
        note("", s.key, BROKEN[2])
    for i in range(7, 9):
        key = f"{s.prefix}BAD{i:03d}"
        lines += [_line(cells(i, key)).encode(encoding), _line(cells(i + 1, key)).encode(encoding)]
        note(key, s.key, BROKEN[3])
    key = f"{s.prefix}BAD009"
    lines.append(_line(cells(9, key, updated="2026-02-30 10:00:00")).encode(encoding))
    note(key, s.updated, BROKEN[4])
    if "birth_date" in attributes:
        key = f"{s.prefix}BAD010"
        lines.append(_line(cells(10, key, birth_date="19790231")).encode(encoding))
        note(key, next(c for c, a in s.columns.items() if a == "birth_date"), BROKEN[4])
    return lines, found


def write_json_lines(path: Path, table: Table) -> None:
    """Write the stream as JSON lines; empty values are left out, phones are a list, consent is a boolean."""
    path.parent.mkdir(parents=True, exist_ok=True)
    s = table.system
    with open(path, "w", encoding="utf-8") as f:
        for key, row in table.rows.items():
            item: dict[str, Any] = {s.key: key}
            for column, attribute in s.columns.items():
                value = row.get(attribute)
                if value:
                    item[column] = (
                        [value] if attribute == "phone" else value == "true" if attribute == "consent" else value
                    )
            f.write(json.dumps({**item, s.updated: row["updated"]}, ensure_ascii=False) + "\n")


def write_quarantine(path: Path, rows: Sequence[Broken]) -> None:
    """Write the rows that must land in quarantine: source, stream, source_key, field, reason."""
    with open(path, "w", encoding="utf-8", newline="") as f:
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow(("source", "stream", "source_key", "field", "reason"))
        writer.writerows((b.source, b.stream, b.source_key, b.field, b.reason) for b in rows)


_HEAD = """\
# Three systems of a maker of commercial vehicles. Written by the demo generator; change it as you like.
#   kehu check      says whether everything named here is there
#   kehu run        reads the systems and publishes golden records
#   kehu evaluate --truth truth.csv
"""


def write_demo_configuration(folder: Path, today: date) -> Path:
    """Write the demo's `kehu.yaml`, in which it is always `today`; returns its path."""
    connectors: dict[str, dict[str, Any]] = {
        "sales_crm": {"type": "sql", "url": "sqlite:///sales_crm.db", "timezone": _ZONE},
        "service": {"type": "files", "path": "service/{stream}_*.csv", "timezone": _ZONE},
        "marketing": {"type": "files", "path": "marketing/{stream}.ndjson"},
    }
    sources: dict[str, dict[str, Any]] = {}
    for told in (*map(Told, SYSTEMS), *STREAMS):
        s = told.system
        source = sources.setdefault(
            s.source,
            {
                "name": s.source,
                "family": s.family,
                "priority": s.priority,
                "connector": connectors[s.source],
                "streams": [],
            },
        )
        stream: dict[str, Any] = {"name": s.stream, "entity": s.entity, "key": s.key, "updated_at": s.updated}
        if s.deleted:
            stream |= {"deleted": s.deleted, "options": {"table": s.stream}}
        if s.source == "service":
            stream["encoding"] = "gb18030"
        if s.file.startswith("leads_"):
            stream["options"] = {"path": f"marketing/{s.file}"}
        stream["fields"] = s.mapping()
        codes = {"buying_role": {"decision maker": "decision_maker"}} if s.stream == "contacts" else told.codes
        more = {"constants": told.constants, "codes": codes, "refers": told.refers}
        stream |= {name: {k: v for k, v in value.items()} for name, value in more.items() if value}
        source["streams"].append(stream)
    path = folder / "kehu.yaml"
    document = {
        "store": "sqlite:///hub.db",
        "workspace": "work/",
        "lifecycle": {"timezone": _ZONE, "today": today},
        "sources": list(sources.values()),
    }
    path.write_text(_HEAD + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110), encoding="utf-8")
    return path
