from __future__ import annotations

import datetime as dt
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import connectorx
import pyarrow as pa
import pytest
import sqlalchemy as sa

from connectors import sql_rows
from connectors.registry import check_source, connector_for
from connectors.sql_rows import SqlColumn, _plain_url, rows_to_batch
from models.store import open_store
from tests.support import postgres
from tests.unit.connectors.hub import Hub

TABLE = """
    CREATE TABLE accounts (id INTEGER PRIMARY KEY, name TEXT, updated_at TIMESTAMP, size NUMERIC(12, 2), active BOOLEAN)
"""


class Source:
    """A database to read from, on SQLite or on PostgreSQL."""

    def __init__(self, url: str, shown: str):
        self.engine, self.url = sa.create_engine(url, poolclass=sa.NullPool), shown
        self.run(TABLE)

    def run(self, statement: str, *rows: dict[str, Any]) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.text(statement), list(rows) or None)

    def add(self, *rows: tuple[int, str | None, str | None]) -> None:
        values = [
            {"id": i, "name": n, "at": t and dt.datetime.fromisoformat(t), "size": Decimal("12.50"), "active": True}
            for i, n, t in rows
        ]
        if self.engine.dialect.name == "sqlite":
            values = [{**v, "at": v["at"] and str(v["at"]), "size": 12.5} for v in values]
        self.run("INSERT INTO accounts VALUES (:id, :name, :at, :size, :active)", *values)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    if request.param == "sqlite":
        yield Source(f"sqlite:///{tmp_path / 'crm.db'}", "sqlite:///crm.db")
        return
    server: postgres.Server = request.getfixturevalue("postgres_server")
    name = server.fresh_database()
    source = Source(server.url(name), server.url(name))
    yield source
    source.engine.dispose()
    server.drop(name)


@pytest.fixture
def hub(tmp_path: Path, sqlite_template: Path, database: Source) -> Iterator[Hub]:
    """A hub on SQLite whose one source is the database."""
    shutil.copy(sqlite_template, tmp_path / "hub.db")
    with open_store(f"sqlite:///{tmp_path / 'hub.db'}") as store:
        hub = Hub(tmp_path, store)
        hub.connector = {"type": "sql", "url": database.url}
        hub.stream["fields"] = {"name": "name", "employees": "size"}
        yield hub


def take(hub: Hub) -> dict[str, int]:
    """Land, detect, publish; the counts that are not zero."""
    landed = hub.land()
    assert landed.status == "landed", landed.error
    hub.state = json.loads(json.dumps(landed.new_state))
    hub.landed = landed  # type: ignore[attr-defined]
    return {name: value for name, value in vars(hub.run(landed)).items() if isinstance(value, int) and value}


def read_ids(hub: Hub) -> list[int]:
    """The ids that the last reading delivered."""
    return sorted(int(row["id"]) for row in hub.rows(hub.landed))  # type: ignore[attr-defined]


def test_a_table_is_a_snapshot(hub: Hub, database: Source) -> None:
    database.add((1, "a", None), (2, "b", None), (3, None, None))
    assert take(hub) == {"rows": 3, "inserted": 3}
    assert hub.landed.mode == "snapshot"  # type: ignore[attr-defined]
    assert hub.changes()["1"]["employees"] == ("12.5" if database.engine.dialect.name == "sqlite" else "12.50")
    database.run("DELETE FROM accounts WHERE id = 2")
    assert take(hub) == {"rows": 2, "deleted": 1, "unchanged": 2}


def test_a_query(hub: Hub, database: Source) -> None:
    database.add((1, "a:b", None), (2, "b", None))
    hub.stream["options"] = {"query": "SELECT id, name || ':x' AS name, 10 % 3 AS size FROM accounts WHERE id <> 2 ;\n"}
    assert take(hub) == {"rows": 1, "inserted": 1}
    assert (hub.changes()["1"]["name"], hub.changes()["1"]["employees"]) == ("a:b:x", "1")


def test_only_rows_from_the_cursor_on_are_read_and_deletions_seen(hub: Hub, database: Source) -> None:
    hub.stream |= {"updated_at": "updated_at"}
    database.add(*((i, "n", f"2026-01-0{i} 10:00:00.123456") for i in range(1, 7)), (9, "no time", None))
    assert take(hub) == {"rows": 7, "inserted": 7}
    database.run("DELETE FROM accounts WHERE id IN (2, 6)")
    database.run("UPDATE accounts SET name = 'x', updated_at = '2026-01-08 00:00:00' WHERE id = 1")
    database.run("UPDATE accounts SET name = 'y' WHERE id = 9")
    database.add((8, "new", "2026-01-06 10:00:00.123456"))
    found = take(hub)
    assert (found["inserted"], found["updated"], found["deleted"]) == (1, 2, 2)
    assert hub.fates() == {"1": "update", "8": "insert", "9": "update", "2": "delete", "6": "delete"}
    assert not set(read_ids(hub)) & {3, 4}
    assert hub.state is not None and hub.state["rows"] == 6
    assert "updated" not in take(hub)


def test_rows_of_the_last_timestamp_are_read_again(hub: Hub, database: Source) -> None:
    hub.stream |= {"updated_at": "updated_at", "mode": "delta", "options": {"overlap": 0}}
    database.add((1, "a", "2026-01-05 10:00:00"), (2, "b", "2026-01-07 10:00:00"))
    take(hub)
    database.add((3, "c", "2026-01-07 10:00:00"))
    assert take(hub) == {"rows": 2, "inserted": 1, "unchanged": 1}
    assert read_ids(hub) == [2, 3]


def test_rows_that_were_committed_late_are_caught_by_the_overlap(hub: Hub, database: Source) -> None:
    hub.stream |= {"updated_at": "updated_at", "mode": "delta", "options": {"overlap": 3600}}
    database.add((1, "a", "2026-01-01 10:00:00"), (2, "b", "2026-01-07 10:00:00"))
    take(hub)
    database.add((3, "c", "2026-01-07 09:30:00"))
    assert take(hub)["inserted"] == 1


def test_a_delta_sees_no_deletions(hub: Hub, database: Source) -> None:
    hub.stream |= {"updated_at": "updated_at", "mode": "delta"}
    database.add((1, "a", "2026-01-01"), (2, "b", "2026-01-07"))
    take(hub)
    database.run("DELETE FROM accounts")
    landed = hub.land()
    assert (landed.status, landed.mode, landed.rows) == ("landed", "delta", 0)


def test_a_table_that_was_emptied_is_guarded(hub: Hub, database: Source) -> None:
    hub.stream |= {"updated_at": "updated_at"}
    database.add(*((i, "n", "2026-01-01") for i in range(10)))
    take(hub)
    database.run("DELETE FROM accounts WHERE id > 3")
    assert hub.land().status == "refused"
    assert hub.land(accept_shrink=True).status == "landed"


def test_mode_snapshot_reads_everything_every_time(hub: Hub, database: Source) -> None:
    hub.stream |= {"updated_at": "updated_at", "mode": "snapshot"}
    database.add((1, "a", "2026-01-01"), (2, "b", "2026-01-07"))
    take(hub)
    database.run("UPDATE accounts SET name = 'x' WHERE id = 1")  # without touching updated_at
    assert take(hub) == {"rows": 2, "updated": 1, "unchanged": 1}


def test_again_reads_everything(hub: Hub, database: Source) -> None:
    hub.stream |= {"updated_at": "updated_at"}
    database.add((1, "a", "2026-01-01"), (2, "b", "2026-01-07"))
    take(hub)
    assert hub.land(again=True).mode == "snapshot"


def test_a_number_as_cursor(hub: Hub, database: Source) -> None:
    hub.stream |= {"options": {"cursor": "id"}, "mode": "delta"}
    database.add((1, "a", None), (20, "b", None))
    take(hub)
    database.add((3, "skipped", None), (100, "c", None))
    assert take(hub) == {"rows": 2, "inserted": 1, "unchanged": 1}
    assert read_ids(hub) == [20, 100]


def test_text_that_does_not_sort_like_time_is_no_cursor(hub: Hub, database: Source) -> None:
    database.run("CREATE TABLE odd (id INTEGER, name TEXT, size INTEGER, at TEXT)")
    database.run("INSERT INTO odd VALUES (1, 'a', 1, '3/4/2026'), (2, 'b', 2, '12/1/2025')")
    hub.stream |= {"updated_at": "at", "options": {"table": "odd"}}
    take(hub)
    assert hub.state is not None and hub.state["connector"] == {"cursor": None}
    database.run("UPDATE odd SET name = 'x', at = '1/5/2026' WHERE id = 2")
    assert take(hub) == {"rows": 2, "updated": 1, "unchanged": 1}


def test_text_that_sorts_like_time_is_one(hub: Hub, database: Source) -> None:
    database.run("CREATE TABLE iso (id INTEGER, name TEXT, size INTEGER, at TEXT)")
    database.run("INSERT INTO iso VALUES (1, 'a', 1, '2026-01-01T10:00:00Z'), (2, 'b', 2, '2026-03-01T10:00:00+08:00')")
    hub.stream |= {"updated_at": "at", "options": {"table": "iso"}, "mode": "delta"}
    take(hub)
    database.run("INSERT INTO iso VALUES (3, 'c', 3, '2026-03-01T01:59:00Z')")
    assert take(hub)["inserted"] == 1
    assert read_ids(hub) == [2, 3]


def test_the_cursor_does_not_go_back_when_nothing_new_came(hub: Hub, database: Source) -> None:
    hub.stream |= {"updated_at": "updated_at", "mode": "delta"}
    database.add((1, "a", "2026-01-07"))
    take(hub)
    state = hub.state
    database.run("DELETE FROM accounts")
    assert state is not None and hub.land().new_state["connector"] == state["connector"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"table": "acounts"}, "there is no table 'acounts' (did you mean 'accounts'?)"),
        ({"query": "SELECT * FROM nowhere"}, "nowhere"),
        ({"query": "SELEC 1"}, "syntax error"),
    ],
)
def test_what_is_not_there_fails_at_once(hub: Hub, database: Source, options: dict[str, Any], words: str) -> None:
    hub.stream["options"] = options
    landed = hub.land()
    assert landed.status == "failed" and words in (landed.error or "") and hub.slept == []
    assert words in str(check_source(hub.config.sources[0], hub.folder)[0])


def test_checking_and_discovery(hub: Hub, database: Source) -> None:
    assert check_source(hub.config.sources[0], hub.folder) == []
    hub.stream |= {"fields": {"name": "nmae"}, "options": {"cursor": "updated"}}
    found = [str(error) for error in check_source(hub.config.sources[0], hub.folder)]
    assert "column 'nmae' (fields.name) is not delivered (did you mean 'name'?)" in found[0]
    assert found[1].endswith("options.cursor: there is no column 'updated' (did you mean 'updated_at'?)")
    discovered = connector_for(hub.config.sources[0], hub.folder).discover()
    assert [(d.name, d.key, d.cursor) for d in discovered] == [("accounts", ("id",), "updated_at")]


def test_the_stream_is_the_table_by_default_and_names_are_quoted(hub: Hub, database: Source) -> None:
    database.run('CREATE TABLE "my-accounts" (id INTEGER, "the Name" TEXT)')
    database.run("""INSERT INTO "my-accounts" VALUES (1, 'a')""")
    hub.stream |= {"name": "my-accounts", "fields": {"name": "the Name"}}
    assert hub.land().rows == 1


def test_a_view_is_a_table(hub: Hub, database: Source) -> None:
    database.add((1, "a", None))
    database.run("CREATE VIEW good AS SELECT * FROM accounts")
    hub.stream["options"] = {"table": "good"}
    assert hub.land().rows == 1


WIDE = """
    CREATE TABLE wide (id BIGINT, name VARCHAR(20), size NUMERIC, small SMALLINT, f8 FLOAT8, f4 REAL, b BOOL,
        d DATE, ts TIMESTAMP, tz TIMESTAMPTZ, t TIME, j JSONB, a TEXT[], u UUID, raw BYTEA, c CHAR(5), i INTERVAL)
"""
WIDE_ROWS = """
    INSERT INTO wide VALUES (1, '客户', 12.340, 5, 1.5, 2.25, true,
        '2026-01-02', '2026-01-02 03:04:05.6', '2026-01-02 03:04:05+08', '10:11', '{"a": [1]}', '{x,y}',
        '6c84fb90-12c4-11e1-840d-7b25c5ee775a', decode('0102', 'hex'), 'ab', '1 day'),
        (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
"""


def test_both_ways_out_of_postgresql_deliver_the_same(hub: Hub, database: Source, monkeypatch: Any) -> None:
    if database.engine.dialect.name != "postgresql":
        database.add((1, "a", None))
        assert take(hub)["inserted"] == 1
        return
    database.run(WIDE)
    database.run(WIDE_ROWS)
    hub.stream["options"] = {"table": "wide"}
    ways = []
    real = connectorx.read_sql
    monkeypatch.setattr(connectorx, "read_sql", lambda *a, **k: ways.append("stream") or real(*a, **k))
    quick = hub.land()
    assert ways == ["stream"]
    monkeypatch.setattr(connectorx, "read_sql", _panicking)
    slow = hub.land()
    assert quick.status == slow.status == "landed"
    assert hub.rows(quick) == hub.rows(slow)
    assert quick.new_state["schema"] == slow.new_state["schema"]
    assert hub.rows(quick)[0]["size"] == "12.340" and hub.rows(quick)[0]["j"] == '{"a": [1]}'


class Panic(BaseException):
    """As pyo3 raises when Rust panics."""


def _panicking(*_: Any, **__: Any) -> None:
    raise Panic("not implemented: oid 2950")


def test_rows_come_in_batches(hub: Hub, database: Source, monkeypatch: Any) -> None:
    database.add(*((i, "n", None) for i in range(95)))
    monkeypatch.setattr(connectorx, "read_sql", _panicking)
    hub.stream["options"] = {"batch_rows": 10}
    source = hub.config.sources[0]
    items = connector_for(source, hub.config.base).read(source.streams[0], None)
    sizes = [item.num_rows for item in items if isinstance(item, pa.RecordBatch)]
    assert sum(sizes) == 95 and max(sizes) == 10 and len(sizes) == 10


ODD: list[Any] = [
    None, "text", "", "7", 7, -3, 1.5, 12.0, 1e-5, 1e15, 123456.789, 2**62, "a\0b", b"bytes", b"\xff\xfe", "é客户",
    float("inf"),
]  # fmt: skip


@pytest.mark.parametrize("values", [ODD, [None, 1.5, 1e-5, 2.0], [None, 1, 2], [None, "a"], [b"x", None], [None, None]])
def test_values_of_sqlite_have_one_form_however_they_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: list[Any]
) -> None:
    """SQLite's columns hold any kind; a row that was landed row by row must not look changed."""
    with closing(sqlite3.connect(tmp_path / "odd.db")) as connection, connection:
        connection.execute('CREATE TABLE accounts (id INTEGER, "na:me %" , amount REAL)')
        rows = [(i, value, i / 7) for i, value in enumerate(values)]
        connection.executemany("INSERT INTO accounts VALUES (?, ?, ?)", rows)
    hub = Hub(tmp_path, key="id", fields={"name": "na:me %"})
    hub.connector = {"type": "sql", "url": "sqlite:///odd.db"}
    quick = hub.land()
    monkeypatch.setattr(sql_rows, "file_of", lambda url: None)
    slow = hub.land()
    assert quick.error is None and slow.error is None
    assert hub.rows(quick) == hub.rows(slow) and quick.new_state["schema"] == slow.new_state["schema"]


def test_text_of_sqlite_that_is_no_text_is_set_aside(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "crm.db")) as connection, connection:
        connection.execute("CREATE TABLE accounts (id INTEGER, name TEXT)")
        connection.executemany("INSERT INTO accounts VALUES (?, ?)", [(1, "a"), (2, "b"), (4, "d")])
        connection.execute("INSERT INTO accounts VALUES (3, CAST(? AS TEXT))", ["重庆".encode("gbk")])
    hub = Hub(tmp_path, key="id", fields={"name": "name"})
    hub.connector = {"type": "sql", "url": "sqlite:///crm.db"}
    landed = hub.land()
    assert (landed.rows, landed.bad_rows) == (3, 1) and hub.usable(landed) == ["1", "2", "4"]
    (bad,) = hub.bad(landed)
    assert (bad["source_key"], bad["field"], bad["reason"]) == ("3", "name", "text that is not UTF-8")


def test_the_source_is_only_read(hub: Hub, database: Source) -> None:
    database.add((1, "a", None))
    hub.stream["options"] = {"query": "SELECT * FROM accounts"}
    hub.land()
    if database.engine.dialect.name == "sqlite":
        assert not (hub.folder / "crm.db-journal").exists()
    with database.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM accounts")).scalar() == 1


SECRET = "p@ss/wörd"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://ann:p%40ss%2Fw%C3%B6rd@127.0.0.1:1/db?connect_timeout=1",
        "postgresql://ann:p%40ss%2Fw%C3%B6rd@127.0.0.1:1/db",
        "mysql+nodriver://ann:p%40ss%2Fw%C3%B6rd@127.0.0.1/db",
        "sqlite:///nowhere.db",
    ],
)
def test_no_password_is_told(tmp_path: Path, url: str) -> None:
    hub = Hub(tmp_path)
    hub.connector = {"type": "sql", "url": url}
    landed = hub.land()
    assert landed.status == "failed" and landed.error
    said = [
        landed.error,
        *(str(error) for error in check_source(hub.config.sources[0], tmp_path)),
        json.dumps(landed.new_state),
    ]
    for form in (SECRET, "p%40ss", "w%C3%B6rd", "p@ss"):
        assert not any(form in text for text in said)


def test_a_connection_that_fails_is_tried_again(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    hub.connector = {"type": "sql", "url": "postgresql://ann@127.0.0.1:1/db"}
    assert "(tried 3 times)" in (hub.land().error or "") and len(hub.slept) == 2


def test_a_url_that_is_none_is_not_repeated(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    hub.connector = {"type": "sql", "url": "geheim"}
    error = hub.land().error or ""
    assert "is not a database URL" in error and "geheim" not in error


def test_a_table_and_a_query_are_too_much(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    hub.connector = {"type": "sql", "url": "sqlite:///x.db", "table": "a", "query": "SELECT 1"}
    assert "give a table or a query, not both" in (hub.land().error or "")


def test_the_manifest_holds_no_user(hub: Hub, database: Source) -> None:
    database.add((1, "a", None))
    manifest = json.loads((hub.batch(hub.land()) / "manifest.json").read_text())
    assert "@" not in manifest["url"] and manifest["table"] == "accounts"


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("postgresql+psycopg://ann:a%2Fb@db:5433/crm", "postgresql://ann:a%2Fb@db:5433/crm"),
        ("postgresql+psycopg://ann@/crm?host=/run/pg&port=5433", "postgresql://ann@%2Frun%2Fpg:5433/crm"),
        ("postgresql+psycopg://ann@db/crm?sslmode=require", "postgresql://ann@db/crm?sslmode=require"),
        ("postgresql+psycopg://ann@db/crm?target_session_attrs=any", None),
        ("postgresql+psycopg://ann@/crm?host=a,b", None),
    ],
)
def test_the_url_for_connectorx(url: str, plain: str | None) -> None:
    assert _plain_url(sa.make_url(url)) == plain


def test_values_of_drivers_have_the_text_form_of_their_types() -> None:
    zone = dt.timezone(dt.timedelta(hours=8))
    moment = dt.datetime(2026, 1, 2, 8, 4, 5, tzinfo=zone)
    values = [
        (
            1,
            1.0,
            Decimal("1.50"),
            moment,
            dt.date(2026, 1, 2),
            True,
            b"ab",
            b"\xff",
            {"a": 1},
            "x",
            2**70,
            float("nan"),
        ),
        (None, 2.5, Decimal("3E+2"), moment.replace(tzinfo=None), None, False, None, None, [1], None, None, 1.0),
    ]
    columns = [SqlColumn(str(i)) for i in range(len(values[0]))]
    got = rows_to_batch(values, pa.schema([(c.name, c.type) for c in columns])).to_pylist()
    assert [list(row.values()) for row in got] == [
        ["1", "1", "1.5", "2026-01-02T00:04:05Z", "2026-01-02", "true", "ab", "/w==", '{"a":1}', "x", str(2**70), None],
        [None, "2.5", "300", "2026-01-02T08:04:05", None, "false", None, None, "[1]", None, None, "1"],
    ]


def test_sqlite_columns_of_mixed_types(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "crm.db") as connection:
        connection.execute("CREATE TABLE accounts (id, name)")
        connection.executemany("INSERT INTO accounts VALUES (?, ?)", [(1, "a"), ("x", 5), (2.5, b"\xff"), (None, None)])
    connection.close()
    hub = Hub(tmp_path)
    hub.connector = {"type": "sql", "url": "sqlite:///crm.db"}
    hub.stream["fields"] = {"name": "name"}
    landed = hub.land()
    assert hub.usable(landed) == ["1", "x", "2.5"] and landed.bad_rows == 1
    assert [row["name"] for row in hub.rows(landed)] == ["a", "5", "/w==", None]


def test_a_locked_sqlite_file_may_pass(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("CREATE TABLE accounts (id, name)")
    connection.execute("BEGIN EXCLUSIVE")
    hub = Hub(tmp_path)
    hub.connector = {"type": "sql", "url": "sqlite:///crm.db?timeout=0.1"}
    hub.stream["fields"] = {"name": "name"}

    def unlock(_: float) -> None:
        connection.execute("COMMIT")

    assert hub.land(sleep=unlock).status == "landed"
    connection.close()
