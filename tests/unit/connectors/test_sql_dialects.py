"""Databases that cannot run here: what is asked of them, without a server. Nothing here has spoken to one."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql, mysql, oracle

from connectors.sql import SqlConnector, SqlOptions, _earlier
from connectors.sql_rows import SqlColumn, Start, _is_moment, _pick, statement_of
from models.config import Source
from models.errors import SourceError
from tests.unit.connectors.hub import Hub

MOMENT = dt.datetime(2026, 3, 1, 8, 30)
DIALECTS: dict[str, Any] = {"oracle": oracle.dialect(), "mssql": mssql.dialect(), "mysql": mysql.dialect()}


def connector(folder: Path, url: str) -> SqlConnector:
    hub = Hub(folder)
    hub.connector = {"type": "sql", "url": url}
    source: Source = hub.config.sources[0]
    return SqlConnector(source, folder)


@pytest.mark.parametrize(
    ("dialect", "words"),
    [
        ("oracle", 'SELECT id, "Name", "DATE" FROM accounts WHERE "DATE" >= :kehu_start OR "DATE" IS NULL'),
        ("mssql", "SELECT id, [Name], [DATE] FROM accounts WHERE [DATE] >= :kehu_start OR [DATE] IS NULL"),
        ("mysql", "SELECT id, `Name`, `DATE` FROM accounts WHERE `DATE` >= %s OR `DATE` IS NULL"),
    ],
)
def test_names_are_quoted_and_values_bound(dialect: str, words: str) -> None:
    kind = DIALECTS[dialect]
    picks = ", ".join(_pick(SqlColumn(name), kind) for name in ("id", "Name", "DATE"))
    statement = statement_of(f"SELECT {picks} FROM accounts", Start("DATE", MOMENT), kind).compile(dialect=kind)
    assert str(statement).replace("`Name`", "`Name`") == words.replace("`Name`", kind.identifier_preparer.quote("Name"))
    assert statement.params == {"kehu_start": MOMENT}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_period_has_two_ends(dialect: str) -> None:
    kind = DIALECTS[dialect]
    found = statement_of("SELECT 1 FROM t", Start("changed", MOMENT, MOMENT + dt.timedelta(days=1)), kind)
    text = str(found.compile(dialect=kind))
    assert ">=" in text and " < " in text and "NULL" not in text


@pytest.mark.parametrize(
    ("dialect", "code", "moment"),
    [
        ("oracle", SimpleNamespace(name="DB_TYPE_TIMESTAMP_TZ"), True),
        ("oracle", SimpleNamespace(name="DB_TYPE_DATE"), True),
        ("oracle", SimpleNamespace(name="DB_TYPE_VARCHAR"), False),
        ("mssql", 4, True),
        ("mssql", 1, False),
        ("mssql", dt.datetime, True),
        ("mssql", str, False),
        ("hana", 62, True),
        ("hana", 9, False),
        ("mysql", 12, True),
        ("mysql", 253, False),
        ("sqlite", None, False),
    ],
)
def test_what_the_drivers_call_a_moment(dialect: str, code: Any, moment: bool) -> None:
    assert _is_moment(dialect, code) is moment


def test_a_cursor_of_moments_is_compared_as_one() -> None:
    last = {"kind": "text", "value": "2026-03-01T08:30:00"}
    assert _earlier(last, 60, True) == dt.datetime(2026, 3, 1, 8, 29)
    assert _earlier(last, 60) == "2026-02-28", "text of any form: a day earlier is always early enough"
    assert _earlier({"kind": "text", "value": "2026-03-01T08:30:00Z"}, 0, True).tzinfo is not None


def test_bits_become_numbers() -> None:
    assert _pick(SqlColumn("active", bits=True), DIALECTS["mysql"]) == "active + 0 AS active"


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("mysql://u@h/d", "mysql+pymysql"),
        ("mariadb://u@h/d", "mariadb+pymysql"),
        ("mssql://u@h/d", "mssql+pymssql"),
        ("oracle://u@h/?service_name=x", "oracle+oracledb"),
        ("mssql+pyodbc://u@h/d", "mssql+pyodbc"),
        ("hana+hdbcli://u@h:30015", "hana+hdbcli"),
    ],
)
def test_the_driver_that_the_extra_brings(tmp_path: Path, url: str, driver: str) -> None:
    made = connector(tmp_path, url)._url(SqlOptions(url=url))
    assert made.drivername == driver


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("oracle://u:s3cret@127.0.0.1:1/?service_name=x", "pip install 'kehu[oracle]'"),
        ("mssql://u:s3cret@127.0.0.1:1/d", "pip install 'kehu[mssql]'"),
        ("hana+hdbcli://u:s3cret@127.0.0.1:1", "pip install sqlalchemy-hana"),
    ],
)
def test_a_driver_that_is_missing_is_named(tmp_path: Path, url: str, words: str) -> None:
    stream = connector(tmp_path, url).source.streams[0]
    (found,) = connector(tmp_path, url).check(stream)
    assert words in str(found) and "s3cret" not in str(found)


def test_a_server_that_is_down_is_no_mistake_of_the_configuration(tmp_path: Path) -> None:
    one = connector(tmp_path, "postgresql://u:s3cret@127.0.0.1:1/d")
    with pytest.raises(SourceError, match="refused") as raised:
        one.check(one.source.streams[0])
    assert raised.value.retryable and "s3cret" not in str(raised.value)


def test_a_query_needs_no_word_that_a_database_lacks(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    hub.connector = {"type": "sql", "url": "oracle://u@h", "query": "SELECT * FROM accounts;"}
    source = hub.config.sources[0]
    options = SqlOptions(url="oracle://u@h", query="SELECT * FROM accounts;")
    found = SqlConnector(source, tmp_path)._from(source.streams[0], options, sa.Connection.__new__(sa.Connection))
    assert found == "(SELECT * FROM accounts) delivered", "Oracle takes no AS before the name of a subquery"
