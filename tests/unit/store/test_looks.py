"""Look-ups on PostgreSQL outlive their connections, and see one published state inside a snapshot."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from models.store import Store
from models.store.lookup import looking
from models.store.tables import counter

_VALUE = "SELECT value FROM counter WHERE name = ?"


@pytest.fixture
def counting(store: Store) -> Store:
    """A store with a counter at 1."""
    with store.database.write() as connection:
        connection.execute(sa.delete(counter).where(counter.c.name == "event"))
        connection.execute(sa.insert(counter).values(name="event", value=1))
    return store


def test_a_connection_that_ended_meanwhile_is_made_anew(counting: Store) -> None:
    database = counting.database
    assert database.row(_VALUE, "event") == (1,)
    with looking(database) as lookup:
        assert lookup.last_run() is None
    if counting.dialect == "postgresql":
        for _ in range(2):
            with database.read() as connection:
                others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                connection.execute(sa.text(others + "AND datname = current_database()"))
            assert database.row(_VALUE, "event") == (1,)
            with database.read() as connection:
                connection.execute(sa.text(others + "AND datname = current_database()"))
            with looking(database) as lookup:
                assert lookup.last_run() is None
    assert database.row(_VALUE, "nothing") is None


def test_what_is_asked_while_an_answer_is_read_is_of_the_same_state(counting: Store) -> None:
    """Also what comes after somebody else wrote; a second connection would see that otherwise."""
    names = [{"name": f"n{i:05}", "value": i} for i in range(5_000)]
    with counting.database.write() as connection:
        connection.execute(sa.insert(counter), names)
    query = sa.select(counter.c.name).where(counter.c.name.like("n%")).order_by(counter.c.name)
    with counting.snapshot():
        read = 0
        for batch in counting.fetch_batches(query):
            read += batch.num_rows
            with counting.database.read() as connection:
                assert connection.scalar(sa.select(sa.func.count()).select_from(counter)) == 5_001
            if read == batch.num_rows:
                _add_one(counting)
        assert read == 5_000
    with counting.database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(counter)) == 5_002


def test_what_is_quoted_in_a_statement_is_no_place_for_a_value(counting: Store) -> None:
    query = """SELECT 'who? it''s 5%', value % 2, "name" AS "why?" FROM counter WHERE name = ? AND name <> 'event?'"""
    assert counting.database.row(query, "event") == ("who? it's 5%", 1, "event")
    with looking(counting.database) as lookup:
        assert [tuple(row) for row in lookup._rows(query, "event")] == [("who? it's 5%", 1, "event")]


def _add_one(store: Store) -> None:
    import threading

    def write() -> None:
        with store.database.write() as connection:
            connection.execute(sa.insert(counter).values(name="one-more", value=0))

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
