"""How fast connectors bring rows into landing, each beside what the plain library reads in a process of its own.

PostgreSQL, SQLite, CSV, Parquet and REST with 20 columns; every figure is of a process of its own, its memory too.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from benchmarks.measure import call
from benchmarks.table import table

KINDS = ("csv", "parquet", "sqlite", "postgresql", "rest")
PAGE = 5_000
COLUMNS = 20


def rows_of(count: int) -> pa.Table:
    """Rows as systems have them: a key, a time of change, names, phones, numbers, free text."""
    dice, start = np.random.default_rng(7), dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
    keys = pa.array([f"C{i:08}" for i in range(count)])
    times = pa.array(np.datetime64(start.replace(tzinfo=None)) + dice.integers(0, 31_536_000, count).astype("m8[s]"))
    cities = pa.array(["北京市", "上海市", "广州市", "Hamburg", "São Paulo"]).take(pa.array(dice.integers(0, 5, count)))
    found: dict[str, Any] = {"id": keys, "changed": times.cast(pa.timestamp("us")), "city": cities}
    numbers = dice.integers(0, 10**9, (COLUMNS - 3, count))
    for place in range(COLUMNS - 3):
        text = pa.array([f"value {n}" for n in numbers[place].tolist()]) if place % 3 else pa.array(numbers[place])
        found[f"c{place:02}"] = text
    return pa.table(found)


def run(count: int, kinds: list[str], as_json: bool) -> int:
    """Measure each kind and print the table."""
    with tempfile.TemporaryDirectory(prefix="kehu-landing-") as name:
        folder = Path(name)
        pq.write_table(rows_of(count), folder / "rows.parquet")
        found = [line for kind in kinds for line in _measured(kind, folder, count)]
    if as_json:
        print(json.dumps(found))
        return 0
    header = ("source", "rows", "rows/s", "peak MB", "plain rows/s", "plain MB", "share of plain")
    print(table(header, [tuple(line.values()) for line in found]))
    return 0


def _measured(kind: str, folder: Path, count: int) -> list[dict[str, Any]]:
    url, stop = _served(kind, folder)
    try:
        here = Path(__file__).parents[1]
        figures = {}
        for what in ("kehu", "plain"):
            to = folder / f"{kind}-{what}.json"
            command = [sys.executable, "-m", "benchmarks.landing", what, kind, str(folder), url, str(to)]
            done = call(command, here)
            if done.code:
                raise SystemExit(f"{kind}, {what}: {done.err[-2000:]}")
            figures[what] = (json.loads(to.read_text()), done.peak_mb)
    finally:
        stop()
    (ours, our_mb), (plain, plain_mb) = figures["kehu"], figures["plain"]
    assert ours["rows"] == plain["rows"] == count, figures
    mine, theirs = count / ours["seconds"], count / plain["seconds"]
    return [
        {
            "source": kind,
            "rows": count,
            "rows/s": round(mine),
            "peak MB": round(our_mb),
            "plain rows/s": round(theirs),
            "plain MB": round(plain_mb),
            "share of plain": round(mine / theirs, 2),
        }
    ]


def _served(kind: str, folder: Path) -> tuple[str, Callable[[], None]]:
    """Where the rows are, and what ends the server that holds them."""
    data = pq.read_table(folder / "rows.parquet")
    if kind == "csv":
        pyarrow.csv.write_csv(data, folder / "rows.csv")
        return str(folder / "rows.csv"), lambda: None
    if kind == "parquet":
        return str(folder / "rows.parquet"), lambda: None
    if kind == "sqlite":
        path = folder / "rows.db"
        path.unlink(missing_ok=True)
        with sqlite3.connect(path) as connection:
            names = ", ".join(data.column_names)
            connection.execute(f"CREATE TABLE accounts ({names})")
            marks = ", ".join("?" * COLUMNS)
            for batch in data.to_batches(50_000):
                texts = [c.cast(pa.string()).to_pylist() for c in batch.columns]
                connection.executemany(f"INSERT INTO accounts VALUES ({marks})", zip(*texts, strict=True))
        return f"sqlite:///{path}", lambda: None
    if kind == "postgresql":
        from tests.support import postgres

        server = postgres.start()
        name = server.fresh_database()
        _fill_postgres(server.url(name), data)
        return server.url(name), server.stop
    from tests.support.simulator import Reply, Request, Simulator

    pages = [orjson.dumps({"rows": b.to_pylist()}, default=str) for b in data.combine_chunks().to_batches(PAGE)]

    def answer(request: Request) -> Reply:
        page = int(request.query["page"])
        return Reply(pages[page - 1] if page <= len(pages) else b'{"rows": []}')

    simulator = Simulator(answer)
    return simulator.url, simulator.close


def _fill_postgres(url: str, data: pa.Table) -> None:
    import psycopg
    import sqlalchemy as sa

    made = sa.make_url(url)
    kinds = {"id": "text PRIMARY KEY", "changed": "timestamp"}
    columns = [
        (n, kinds.get(n, "bigint" if pa.types.is_integer(t) else "text"))
        for n, t in zip(data.column_names, data.schema.types, strict=True)
    ]
    with psycopg.connect(host=str(made.query["host"]), dbname=made.database, user="postgres") as connection:
        connection.execute(f"CREATE TABLE accounts ({', '.join(f'{n} {k}' for n, k in columns)})")
        with connection.cursor().copy("COPY accounts FROM STDIN") as copy:
            for batch in data.to_batches(20_000):
                for row in zip(*(c.to_pylist() for c in batch.columns), strict=True):
                    copy.write_row(row)


def _kehu(kind: str, folder: Path, url: str) -> int:
    from connectors.landing import land
    from models.config import load_config

    fields = {"name": "c01", "city": "city"}
    stream: dict[str, Any] = {
        "name": "accounts",
        "entity": "organization",
        "key": "id",
        "updated_at": "changed",
        "fields": fields,
    }
    connectors: dict[str, dict[str, Any]] = {
        "csv": {"type": "files", "path": url},
        "parquet": {"type": "files", "path": url},
        "rest": {
            "type": "rest",
            "base_url": url,
            "records": "rows",
            "paging": {"type": "page", "size": PAGE, "size_param": "size"},
        },
    }
    connector = connectors.get(kind, {"type": "sql", "url": url})
    source = {"name": "s", "family": "sales", "connector": connector, "streams": [stream]}
    path = folder / f"{kind}.yaml"
    path.write_text(json.dumps({"store": "sqlite:///hub.db", "workspace": f"work-{kind}", "sources": [source]}))
    config = load_config(path)
    landed = land(
        config.sources[0],
        config.sources[0].streams[0],
        state=None,
        workspace=config.workspace,
        run_id="r",
        base=config.base,
    )
    if landed.status != "landed":
        raise SystemExit(str(landed.error))
    return landed.rows


def _plain(kind: str, folder: Path, url: str) -> int:
    """The same rows into Parquet by the library that reads them, without anything else."""
    to = folder / f"{kind}-plain.parquet"
    if kind == "csv":
        with pyarrow.csv.open_csv(url) as reader:
            return _written(iter(reader), to)
    if kind == "parquet":
        return _written(pq.ParquetFile(url).iter_batches(50_000), to)
    if kind == "sqlite":
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            cursor = connection.execute("SELECT * FROM accounts")
            names = [column[0] for column in cursor.description]
            parts = iter(lambda: cursor.fetchmany(20_000), [])
            batches = (
                pa.RecordBatch.from_arrays([pa.array(c) for c in zip(*rows, strict=True)], names) for rows in parts
            )
            return _written(batches, to)
    if kind == "postgresql":
        import connectorx
        import sqlalchemy as sa

        from connectors.sql_rows import _plain_url

        plain = str(_plain_url(sa.make_url(url)))
        stream = connectorx.read_sql(plain, "SELECT * FROM accounts", return_type="arrow_stream", batch_size=20_000)
        return _written(iter(stream), to)
    import requests

    def fetched() -> Any:
        with requests.Session() as session:
            for page in range(1, 10**6):
                rows = orjson.loads(session.get(url, params={"page": page}).content)["rows"]
                if not rows:
                    return
                yield pa.RecordBatch.from_pylist(rows)

    return _written(fetched(), to)


def _written(batches: Any, to: Path) -> int:
    count, writer = 0, None
    for batch in batches:
        writer = writer or pq.ParquetWriter(to, batch.schema, compression="zstd")
        writer.write_batch(batch)
        count += batch.num_rows
    if writer is not None:
        writer.close()
    return count


def main() -> int:
    """One measurement in this process: kehu|plain KIND FOLDER URL TO."""
    parser = argparse.ArgumentParser()
    for name in ("what", "kind", "folder", "url", "to"):
        parser.add_argument(name)
    given = parser.parse_args()
    began = time.monotonic()
    work = _kehu if given.what == "kehu" else _plain
    count = work(given.kind, Path(given.folder), given.url)
    Path(given.to).write_text(json.dumps({"rows": count, "seconds": time.monotonic() - began}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
