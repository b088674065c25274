"""Periods of the past, and landed batches that are taken again."""

from __future__ import annotations

import datetime as dt
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from connectors.period import Period, period_of
from connectors.replay import batches, replay
from models.errors import ConfigError
from tests.support import mariadb
from tests.unit.connectors.hub import Hub

MARCH = period_of("2026-03-01", "2026-04-01")
ROWS = "id,name,city,changed\n1,Feb,a,2026-02-28T23:59:59Z\n2,March,b,2026-03-01\n3,April,c,2026-04-01\n4,None,d,\n"


def dated(hub: Hub) -> Hub:
    hub.stream |= {"fields": {"name": "name", "city": "city"}, "updated_at": "changed"}
    return hub


def test_rows_of_a_period_of_files(sqlite_hub: Hub) -> None:
    hub = dated(sqlite_hub)
    hub.take(ROWS)
    before = hub.state
    hub.write(ROWS.replace("March", "Changed").replace("Feb", "Unseen"))
    landed = hub.land(period=MARCH)
    assert (landed.status, landed.mode, hub.usable(landed)) == ("landed", "delta", ["2"]), landed.error
    assert landed.new_state == before and landed.period == "2026-03-01T00:00Z to 2026-04-01T00:00Z"
    assert hub.run(landed).updated == 1 and hub.fates() == {"2": "update"}


def test_the_zone_of_the_source_counts(sqlite_hub: Hub) -> None:
    hub = dated(sqlite_hub)
    hub.connector["timezone"] = "Asia/Shanghai"
    landed = hub.land("id,name,city,changed\n1,a,b,2026-03-01 07:59\n2,a,b,2026-03-01 08:00\n", period=MARCH)
    assert hub.usable(landed) == ["2"]


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
def test_databases_are_asked_for_the_period(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    hub = dated(Hub(tmp_path))
    days = ("2026-01-31", "2026-02-28", "2026-03-01", "2026-03-31", "2026-04-01", "2026-06-01")
    statements = [
        "CREATE TABLE accounts (id INTEGER, name VARCHAR(9), city VARCHAR(9), changed DATETIME)",
        *(f"INSERT INTO accounts VALUES ({i}, 'n', 'c', '{day} 00:00:00')" for i, day in enumerate(days)),
    ]
    if kind == "sqlite":
        with sqlite3.connect(tmp_path / "crm.db") as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()
        url = "sqlite:///crm.db"
    else:
        server: mariadb.Server = request.getfixturevalue("mariadb_server")
        name = server.fresh_database()
        server.admin(f"USE {name}", *statements)
        url = server.url(name, "reader", mariadb.PASSWORD)
    hub.connector = {"type": "sql", "url": url}
    landed = hub.land(period=MARCH)
    assert landed.status == "landed" and hub.usable(landed) == ["2", "3"], landed.error


def test_a_period_needs_a_time_of_change(hub: Hub) -> None:
    landed = hub.land("id,name,tel,mobile,city\n1,a,,,\n", period=MARCH)
    assert landed.status == "failed" and "has no updated_at" in str(landed.error)


def test_periods_are_checked() -> None:
    assert period_of("2026-03-01T08:00+08:00", "2026-03-02").start == dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    with pytest.raises(ConfigError, match="must begin before it ends"):
        period_of("2026-03-02", "2026-03-01")
    with pytest.raises(ConfigError, match="'March' is no day or moment"):
        period_of("March", "2026-03-01")
    assert Period(MARCH.start, MARCH.end) == MARCH


def test_a_snapshot_is_taken_again_and_the_next_reading_reads_everything(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    rows = "id,name,tel,mobile,city\n1,a,,,\n2,b,,,\n"
    hub.take(rows)
    hub.take(rows.replace("2,b", "3,c"))
    source, config = hub.config.sources[0], hub.config
    first = batches(config.workspace, source, source.streams[0])[1]["batch_id"]
    again = replay(config.workspace, source, source.streams[0], first)
    counts = hub.run(again)
    assert hub.fates() == {"2": "insert", "3": "delete"} or hub.fates() == {"2": "update", "3": "delete"}, counts
    hub.state = again.new_state
    landed = hub.land()  # the file did not change, and is read all the same
    assert landed.status == "landed" and hub.usable(landed) == ["1", "3"]


def test_what_cannot_be_taken_again(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    hub.take("id,name,tel,mobile,city\n1,a,,,\n")
    source, workspace = hub.config.sources[0], hub.config.workspace
    with pytest.raises(ConfigError, match=r"crm.accounts has no landed batch 'x'; there are 20"):
        replay(workspace, source, source.streams[0], "x")
    hub.stream["key"] = "name"
    changed: Any = hub.config.sources[0]
    with pytest.raises(ConfigError, match="landed with other settings"):
        replay(workspace, changed, changed.streams[0], "latest")


def test_a_ceiling_of_the_volume(hub: Hub) -> None:
    hub.stream["volume_ceiling"] = 1.5
    rows = ["id,name,tel,mobile,city", *(f"{i},n,,," for i in range(10))]
    hub.deliver("\n".join(rows))
    landed = hub.land("\n".join([*rows, *(f"{i},n,,," for i in range(10, 16))]))
    assert (landed.status, landed.guard) == ("refused", "ceiling")
    assert "16 rows are more than volume_ceiling 1.5 times the last 10" in str(landed.error)
    assert hub.land("\n".join([*rows, "11,n,,,"])).status == "landed"
    small = hub.land("\n".join(rows[:3]))
    assert (small.status, small.guard) == ("refused", "floor")
