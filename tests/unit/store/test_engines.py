"""Opening a store again in one process: what was learned of its database is kept, connections are not."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from models.store import Store, open_store
from tests.support import outcomes


def test_a_store_that_is_opened_again_uses_what_was_learned_of_its_database(store_url: str) -> None:
    first = open_store(store_url)
    engine = first.engine
    first.close()
    with open_store(store_url) as second:
        assert second.engine is engine
        assert second.last_run() is None


def test_two_open_stores_share_nothing(store_url: str) -> None:
    with open_store(store_url) as one, open_store(store_url) as other:
        assert one.engine is not other.engine
        one.close()
        one.close()
        with open_store(store_url) as third:
            assert third.engine is one.engine is not other.engine
            with open_store(store_url) as fourth:
                assert fourth.engine not in (one.engine, other.engine)


def test_a_closed_store_holds_no_connection(store_url: str) -> None:
    store = open_store(store_url)
    store.last_run()
    store.close()
    assert store.engine.pool.checkedin() == 0  # type: ignore[attr-defined]


def test_what_was_published_is_in_the_file_of_sqlite_once_the_store_is_closed(tmp_path: Path) -> None:
    hub, copy = tmp_path / "hub.db", tmp_path / "copy" / "hub.db"
    copy.parent.mkdir()
    with open_store(f"sqlite:///{hub}") as reader:
        assert reader.last_run() is None  # its connection keeps the log beside the file
        with open_store(f"sqlite:///{hub}") as store:
            outcomes.first_run(tmp_path / "run")
            outcomes.publish(store, "r1", tmp_path / "run", full=True)
        shutil.copyfile(hub, copy)
    with open_store(f"sqlite:///{copy}") as store:
        assert store.records(outcomes.ORG).num_rows == 3


def test_a_log_that_cannot_be_folded_in_stays_and_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(f"sqlite:///{tmp_path / 'hub.db'}") as store:
        outcomes.first_run(tmp_path / "run")
        with monkeypatch.context() as broken:
            broken.setattr(store.engine, "connect", _full)
            store.database.fold()
            _folded(store)
        outcomes.publish(store, "r1", tmp_path / "run", full=True)
        _folded(store)
        assert store.records(outcomes.ORG).num_rows == 3


def _full() -> None:
    raise sqlite3.OperationalError("database or disk is full")


def _folded(store: Store) -> None:
    thread = store.database._folding
    assert thread is not None
    thread.join()
