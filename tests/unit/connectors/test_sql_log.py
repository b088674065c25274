"""The log of PostgreSQL: what it needs, what it costs the server, what becomes of a slot that is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.conformance import Row
from connectors.conformance.hub import Hub, hub_of
from connectors.registry import check_source
from tests.support import postgres
from tests.unit.connectors.table_subjects import PostgresLog

pytestmark = pytest.mark.postgres


@pytest.fixture
def hub(tmp_path: Path, postgres_server: postgres.Server) -> Iterator[Hub]:
    name = postgres_server.fresh_database()
    subject = PostgresLog(tmp_path, postgres_server.url(name))
    with hub_of(subject, tmp_path) as made:
        yield made
    subject.close()
    postgres_server.drop(name)


def one(hub: Hub, query: str) -> Any:
    subject = hub.subject
    assert isinstance(subject, PostgresLog)
    with subject.engine.connect() as connection:
        return connection.exec_driver_sql(query).scalar()


def run(hub: Hub, *statements: str) -> None:
    assert isinstance(hub.subject, PostgresLog)
    for statement in statements:
        hub.subject.run(statement)


def test_a_key_that_changes_is_a_deletion_and_a_new_row(hub: Hub) -> None:
    hub.subject.put([Row("a", "One"), Row("b", "Two")])
    hub.run()
    run(hub, "UPDATE accounts SET id = 'c' WHERE id = 'b'")
    counts = hub.run()
    assert sorted(hub.held()) == ["a", "c"] and (counts.inserted, counts.deleted) == (1, 1)


def test_a_table_that_is_truncated_is_read_wholly(hub: Hub) -> None:
    hub.subject.put([Row(f"k{i}") for i in range(4)])
    hub.run()
    run(hub, "TRUNCATE accounts")
    hub.subject.put([Row("k1"), Row("k2"), Row("k9")])
    landed = hub.land()
    assert landed.mode == "snapshot"
    hub.publish(landed)
    assert sorted(hub.held()) == ["k1", "k2", "k9"]


def test_the_slot_moves_on_when_a_run_was_published_and_not_before(hub: Hub) -> None:
    place = "SELECT confirmed_flush_lsn::text FROM pg_replication_slots"
    hub.subject.put([Row("a")])
    hub.run()
    first = one(hub, place)
    hub.subject.put([Row("b")])
    hub.land()
    hub.land()
    assert one(hub, place) == first
    assert hub.run().inserted == 1
    hub.land()
    assert one(hub, place) != first


def test_a_slot_that_is_gone_reads_everything(hub: Hub) -> None:
    hub.subject.put([Row("a"), Row("b")])
    hub.run()
    run(hub, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
    hub.subject.remove(["a"], Row("a").changed)
    landed = hub.land()
    assert "lost its place in the log; everything is read" in " ".join(landed.drift)
    hub.publish(landed)
    assert sorted(hub.held()) == ["b"]
    hub.subject.put([Row("c")])
    assert hub.run().inserted == 1


def test_changes_of_other_tables_are_passed_over(hub: Hub) -> None:
    run(hub, "CREATE TABLE other (id text PRIMARY KEY)", "CREATE PUBLICATION kehu FOR TABLE other")
    hub.subject.put([Row("a")])
    hub.run()
    run(hub, "INSERT INTO other VALUES ('x')", "DELETE FROM other")
    landed = hub.land()
    assert landed.rows == 0 and hub.publish(landed).deleted == 0


def test_a_table_that_does_not_name_its_deleted_rows_is_told(hub: Hub) -> None:
    run(hub, "ALTER TABLE accounts DROP CONSTRAINT accounts_pkey")
    config = hub.config
    mistakes = [str(m) for m in check_source(config.sources[0], config.base)]
    assert any("REPLICA IDENTITY FULL makes it name all columns" in m for m in mistakes), mistakes
    run(hub, "ALTER TABLE accounts REPLICA IDENTITY FULL")
    assert check_source(config.sources[0], config.base) == []


def test_a_user_who_may_not_read_the_log_is_told(hub: Hub) -> None:
    run(
        hub,
        "DROP ROLE IF EXISTS kehu_reader",
        "CREATE ROLE kehu_reader LOGIN",
        "GRANT SELECT ON accounts TO kehu_reader",
    )
    subject = hub.subject
    assert isinstance(subject, PostgresLog)
    before, subject.url = subject.url, subject.url.replace("postgres@", "kehu_reader@")
    config = hub.config
    mistakes = [str(m) for m in check_source(config.sources[0], config.base)]
    assert any("ALTER ROLE … REPLICATION lets it" in m for m in mistakes), mistakes
    assert "may not read the log" in str(hub.land().error)
    subject.url = before
    run(hub, "DROP OWNED BY kehu_reader", "DROP ROLE kehu_reader")
