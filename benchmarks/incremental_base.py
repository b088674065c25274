"""A standing hub over a generated world, copies of it to work on, and deliveries that change a part of it."""

import csv
import json
import random
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from benchmarks import hub
from matching.standardise import PARSER_VERSION
from worlds import easy

Rows = list[dict[str, str]]
_LATER = "2031-01-01"
_CHANGED = ("tel", "mobile", "phone1", "phone", "tel2", "email", "registered_address", "street", "address", "city")
"""Columns of which a changed row loses or gets a value."""


def base(folder: Path, size: int) -> Path:
    """The folder of a hub that one run filled with the easy world of `size` records; made where there is none."""
    # Standard values of another version would be renewed by the first run, which is no small one.
    found = folder / f"easy-{named(size)}-v{PARSER_VERSION}"
    if not (found / "run.json").exists():
        print(f"building a base of {size:,} records in {found} …", file=sys.stderr, flush=True)
        files = easy.generate(found, size, seed=1)
        summary = hub.kehu(files.config, "run")
        (found / "run.json").write_text(json.dumps(summary), encoding="utf-8")
    return found


def copied(found: Path, to: Path) -> Path:
    """A copy of a base whose streams deliver changes only; returns its `kehu.yaml`."""
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir(parents=True)
    shutil.copyfile(found / "hub.db", to / "hub.db")
    document = yaml.safe_load((found / "kehu.yaml").read_text(encoding="utf-8"))
    for source in document["sources"]:
        for stream in source["streams"]:
            stream |= {"mode": "delta"}
        (to / source["name"]).mkdir()
    config = to / "kehu.yaml"
    config.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return config


def deliver(found: Path, config: Path, changed: int, seed: int) -> int:
    """Put a delivery of `changed` rows in front of a copy: half are rows of the base with another value, half new.

    Returns how many rows it has.
    """
    dice, total = random.Random(seed), 0
    document = yaml.safe_load(config.read_text(encoding="utf-8"))
    other = found.parent / f"new-{named(max(20_000, changed))}"
    if not other.exists():
        easy.generate(other, max(20_000, changed), seed=9)
    streams = [(source, stream) for source in document["sources"] for stream in source["streams"]]
    for i, (source, stream) in enumerate(streams):
        path = source["connector"]["path"].format(stream=stream["name"])
        n = changed // len(streams) + (i < changed % len(streams))
        old = [_changed(row, stream, dice) for row in _some(found / path, n // 2, seed)]
        # Keys of their own, so that what is new in one delivery is new in the next one too.
        new = [
            {**row, stream["key"]: f"N{seed}-{row[stream['key']]}"} for row in _some(other / path, n - len(old), seed)
        ]
        total += _write(config.parent / path, old + new)
    return total


def questions(found: Path, count: int, seed: int = 3) -> list[tuple[str, dict[str, Any]]]:
    """Records as a clerk would type them: (entity type, canonical attributes); half are of the base, half of nobody."""
    document = yaml.safe_load((found / "kehu.yaml").read_text(encoding="utf-8"))
    other = found.parent / f"new-{named(20_000)}"
    if not other.exists():
        easy.generate(other, 20_000, seed=9)
    asked: list[tuple[str, dict[str, Any]]] = []
    streams = [(source, stream) for source in document["sources"] for stream in source["streams"]]
    for source, stream in streams:
        path = source["connector"]["path"].format(stream=stream["name"])
        share = count // len(streams) + 1
        for row in (*_some(found / path, share // 2, seed), *_some(other / path, share - share // 2, seed)):
            record: dict[str, Any] = {}
            for attribute, columns in stream["fields"].items():
                names = columns if isinstance(columns, list) else [columns]
                if values := [row[name] for name in names if row.get(name)]:
                    record[attribute] = values if attribute in ("phone", "email") else " ".join(values)
            asked.append((stream["entity"], record))
    random.Random(seed).shuffle(asked)
    return asked[:count]


def _changed(row: dict[str, str], stream: dict[str, Any], dice: random.Random) -> dict[str, str]:
    row = dict(row)
    columns = [c for c in _CHANGED if c in row]
    column = dice.choice(columns)
    if "phone" in column or column in ("tel", "mobile", "tel2"):
        row[column] = f"139{dice.randrange(10**8):08d}"
    elif column == "email":
        row[column] = f"m{dice.randrange(10**9)}@mail{dice.randrange(10**5)}.com"
    else:
        row[column] = "" if row[column] else "建设路88号"
    return row | {stream["updated_at"]: _LATER}


def _some(path: Path, count: int, seed: int) -> Rows:
    """Rows of a file, drawn at random, always the same ones for a seed."""
    if not count:
        return []
    with duckdb.connect() as con:
        con.execute("SET threads = 1")
        read = "read_parquet(?)" if path.suffix == ".parquet" else "read_csv(?, all_varchar = true)"
        sample = f"SELECT * FROM {read} USING SAMPLE reservoir({count} ROWS) REPEATABLE ({seed})"
        found = con.sql(sample, params=[str(path)])
        names, rows = found.columns, found.fetchall()
    return [{n: "" if value is None else str(value) for n, value in zip(names, row, strict=True)} for row in rows]


def _write(path: Path, rows: Sequence[dict[str, str]]) -> int:
    if path.suffix == ".parquet":
        columns = {name: pa.array([row[name] or None for row in rows], pa.string()) for name in rows[0]} if rows else {}
        pq.write_table(pa.table(columns), path)
    elif rows:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return len(rows)


def named(size: int) -> str:
    """A number of records in short: 100k, 1M."""
    return next((f"{size // n}{unit}" for unit, n in (("M", 10**6), ("k", 10**3)) if size % n == 0), str(size))
