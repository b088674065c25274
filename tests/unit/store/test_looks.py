"""Look-ups on PostgreSQL outlive their connections, and see one published state inside a snapshot."""

from __future__ import annotations

import time

import pytest
import sqlalchemy as sa

from models.errors import StoreError
from models.store import Store
from models.store.lookup import looking, near_query
from models.store.tables import counter, match_key

_VALUE = "SELECT value FROM counter WHERE name = ?"
_ROW = "SELECT value, name FROM counter WHERE name = ?"


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


def test_two_rows_on_one_way_are_those_of_two_ways(counting: Store) -> None:
    database = counting.database
    one, other = _ROW, _VALUE
    for name, value in (("event", "event"), ("event", "none"), ("none", "event"), ("none", "none")):
        both = database.both((one, (name,)), 2, (other, (value,)))
        assert both == (database.row(one, name), database.row(other, value))
    assert database.both((one, ("event",)), 2, (other, ("event",))) == ((1, "event"), (1,))


def test_what_is_asked_ahead_is_of_the_snapshot_and_answers_that_question_only(counting: Store) -> None:
    """On SQLite, where no way is saved, the question is asked when it comes up."""
    records = [{"key": key, "record_id": record} for key, record in ((1, 10), (1, 11), (2, 10))]
    with counting.database.write() as connection:
        connection.execute(sa.insert(match_key), records)
    asked = ([1, 2], [5, 5], [5, 5], "organization", {"phone": ["1"]})
    with looking(counting.database, near_query(*asked)) as lookup:
        assert lookup.last_run() is None  # with which a snapshot of SQLite begins
        with counting.database.write() as connection:
            connection.execute(sa.delete(match_key))
        assert lookup.near(*asked).blocks == [[10, 11], [10]]
        assert lookup.near([2], [5], [5], "organization", {}).blocks == [[10]]
    with looking(counting.database, near_query(*asked)) as lookup:
        assert lookup.near(*asked).blocks == [[], []]


def test_the_end_of_a_snapshot_holds_nobody_up_and_nothing_open(counting: Store) -> None:
    """Its end is not waited for; a statement that failed in it, or a break, harms no later look."""
    database = counting.database
    for _ in range(20):
        with looking(database) as lookup:
            assert lookup.last_run() is None
        assert database.row(_VALUE, "event") == (1,)
    with pytest.raises(StoreError), looking(database) as lookup:
        lookup._rows("SELECT nothing FROM nowhere WHERE name = ?", "x")
    assert database.row(_VALUE, "event") == (1,)
    if counting.dialect == "postgresql":
        open_ones = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'"
        with database.read() as connection:
            until = time.monotonic() + 10
            while connection.scalar(sa.text(f"{open_ones} AND pid <> pg_backend_pid()")) and time.monotonic() < until:
                time.sleep(0.01)
                connection.rollback()
            assert not connection.scalar(sa.text(f"{open_ones} AND pid <> pg_backend_pid()"))


def _add_one(store: Store) -> None:
    import threading

    def write() -> None:
        with store.database.write() as connection:
            connection.execute(sa.insert(counter).values(name="one-more", value=0))

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
