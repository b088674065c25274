"""The engine of DuckDB that every small work of a process shares."""

from __future__ import annotations

import os
import threading

import duckdb
import pyarrow as pa
import pytest

from models import duck


def test_what_one_connection_makes_no_other_sees() -> None:
    one, other = duck.connect_small(), duck.connect_small()
    one.execute("CREATE TEMP TABLE mine AS SELECT 1 AS n")
    one.register("given", pa.table({"n": [2]}))
    one.execute("SET TimeZone = 'Asia/Shanghai'")
    assert one.execute("SELECT n FROM mine UNION SELECT n FROM given ORDER BY n").fetchall() == [(1,), (2,)]
    for name in ("mine", "given"):
        with pytest.raises(duckdb.CatalogException):
            other.execute(f"SELECT n FROM {name}")
    assert other.execute("SELECT current_setting('TimeZone')").fetchall() != [("Asia/Shanghai",)]
    one.close()
    assert other.execute("SELECT 1").fetchall() == [(1,)]
    other.close()


def test_a_small_database_is_gone_at_the_end_of_its_block() -> None:
    with duck.small_database() as one, duck.small_database() as other:
        for number, con in enumerate((one, other)):
            con.execute("CREATE TABLE records AS SELECT ?::INT AS n", [number])
            con.execute("CREATE VIEW seen AS SELECT n FROM records")
        assert one.execute("SELECT n FROM seen").fetchall() == [(0,)]
        assert other.execute("SELECT n FROM seen").fetchall() == [(1,)]
    with pytest.raises(ZeroDivisionError), duck.small_database() as con:
        con.execute("CREATE TABLE records (n INT)")
        raise ZeroDivisionError
    with duck.small_database() as con:
        names = con.execute("SELECT database_name FROM duckdb_databases() WHERE NOT internal").fetchall()
        assert len([name for (name,) in names if name.startswith("small_")]) == 1
        with pytest.raises(duckdb.CatalogException):
            con.execute("SELECT n FROM records")


def test_threads_work_side_by_side() -> None:
    found: list[int] = []

    def count() -> None:
        with duck.small_database() as con:
            con.execute("CREATE TABLE t AS SELECT range AS n FROM range(1000)")
            found.append(int(con.execute("SELECT sum(n) FROM t").fetchall()[0][0]))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [499_500] * 4


def test_an_engine_that_answers_nobody_is_replaced() -> None:
    duck.connect_small().close()
    assert duck._engine is not None
    duck._engine.close()
    connection = duck.connect_small()
    assert connection.execute("SELECT 7").fetchall() == [(7,)]
    connection.close()


def test_a_forked_process_begins_with_an_engine_of_its_own() -> None:
    duck.connect_small().close()
    child = os.fork()
    if child == 0:
        ok = duck._engine is None and duck.connect_small().execute("SELECT 5").fetchall() == [(5,)]
        os._exit(0 if ok else 1)
    assert os.waitpid(child, 0)[1] == 0
