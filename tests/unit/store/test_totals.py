"""The numbers of living records and of golden records that are kept, beside those that are counted."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

import pytest
import sqlalchemy as sa

from models.errors import StoreError
from models.store import Store, totals
from models.store.totals import count, total
from tests.support import outcomes as o


def held(store: Store) -> tuple[int, int]:
    database = store.database
    assert total(database, "records") == count(database, "records")
    assert total(database, "golden") == count(database, "golden")
    return total(database, "records"), total(database, "golden")


def test_what_runs_bring_and_take_is_known_without_counting(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    o.first_run(tmp_path / "1")
    o.publish(store, "r1", tmp_path / "1", full=True)
    assert held(store) == (3, 2)
    with monkeypatch.context() as uncounted:
        uncounted.setattr(totals, "_COUNTED", {})
        o.write(
            tmp_path / "2", "changes", [o.change(1, "update", 2), o.change(3, "delete", 2), o.change(4), o.change(5)]
        )
        gone = o.golden("g3", "retired", 2)
        o.write(tmp_path / "2", "golden", [gone, o.golden("g1", "changed", 2), o.golden("g4"), o.golden("g5")])
        o.publish(store, "r2", tmp_path / "2")
        assert (total(store.database, "records"), total(store.database, "golden")) == (4, 3)
        o.write(tmp_path / "3", "changes", [o.change(3, "insert", 3)])
        o.write(tmp_path / "3", "golden", [o.golden("g3", "changed", 3), o.golden("g5", "merged", 2)])
        o.publish(store, "r3", tmp_path / "3")
        assert (total(store.database, "records"), total(store.database, "golden")) == (5, 3)
    assert held(store) == (5, 3)


def test_what_is_not_known_is_counted_once_and_moves_on_from_there(store: Store, tmp_path: Path) -> None:
    o.first_run(tmp_path / "1")
    o.publish(store, "r1", tmp_path / "1", full=True)
    assert held(store) == (3, 2)
    with store.database.write() as connection:
        connection.execute(sa.text("DELETE FROM membership WHERE golden_id = 'g3'"))
        connection.execute(sa.text("UPDATE golden_record SET status = 'retired' WHERE golden_id = 'g3'"))
        totals.forget(connection)
        totals.move(connection, "golden", 7)  # nobody knows from where
    assert held(store) == (3, 1)
    with store.database.write() as connection:
        totals.move(connection, "golden", 2)
        totals.move(connection, "golden", 0)
    assert total(store.database, "golden") == 3


def test_a_publishing_that_is_undone_leaves_the_numbers(store: Store, tmp_path: Path) -> None:
    o.first_run(tmp_path / "1")
    o.publish(store, "r1", tmp_path / "1", full=True)
    assert held(store) == (3, 2)

    def full_disk(step: str) -> None:
        if step == "commit":
            raise OSError("no space left on device")

    o.write(tmp_path / "2", "changes", [o.change(9)])
    o.write(tmp_path / "2", "golden", [o.golden("g9")])
    with store.lock("r2"), pytest.raises(StoreError, match="no space left"):
        store.start_run("r2")
        store.publish(o.outcome("r2", tmp_path / "2"), full_disk)
    assert held(store) == (3, 2)


@pytest.mark.parametrize("row_there", [True, False])
def test_who_counts_waits_for_a_change_that_is_not_committed(store: Store, tmp_path: Path, row_there: bool) -> None:
    o.first_run(tmp_path / "1")
    o.publish(store, "r1", tmp_path / "1", full=True)
    with store.database.write() as connection:
        if row_there:
            totals.forget(connection)
        else:
            connection.execute(sa.text("DELETE FROM counter WHERE name LIKE 'total:%'"))
    with store.database.write() as connection:
        connection.execute(sa.text("UPDATE golden_record SET status = 'retired' WHERE golden_id = 'g3'"))
        totals.move(connection, "golden", -1)
        counting = Thread(target=total, args=(store.database, "golden"))
        counting.start()
        counting.join(0.5)
        assert counting.is_alive()
    counting.join(30)
    assert held(store) == (3, 1)
