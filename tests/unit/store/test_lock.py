"""One run at a time: the second waits or is told who holds the hub; the lock of a dead process is free."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from models.errors import LockError, StoreError
from models.store import Store, open_store
from tests.support import outcomes as o

ROOT = Path(__file__).resolve().parents[3]


def test_a_second_run_is_told_who_holds_the_hub(store: Store, store_url: str) -> None:
    with open_store(store_url) as other, store.lock("r1"):
        with pytest.raises(LockError, match=r"another run holds the hub: run r1, process \d+ on .+, since 20"):
            with other.lock("r2"):
                pass
    with open_store(store_url) as other, other.lock("r2"):
        pass


def test_a_second_run_waits_for_the_first(store: Store, store_url: str) -> None:
    order: list[str] = []

    def second() -> None:
        with open_store(store_url) as other, other.lock("r2", wait=30):
            order.append("second")

    waiting = threading.Thread(target=second)
    with store.lock("r1"):
        waiting.start()
        time.sleep(0.3)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]


HOLD = """
import sys, time
from models.store import open_store
store = open_store(sys.argv[1])
with store.lock("dead"):
    store.start_run("dead")
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_lock_of_a_dead_process_is_free_and_its_run_is_failed(store: Store, store_url: str) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, store_url], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    with pytest.raises(LockError, match=f"run dead, process {holder.pid}"):
        with store.lock("next"):
            pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    with store.lock("next", wait=10):
        run = store.run("dead")
    assert run is not None
    assert (run["status"], run["error"]) == ("failed", "the process ended before the run was published")


def test_a_run_that_lost_the_hub_to_another_cannot_publish(store: Store, tmp_path: Path) -> None:
    o.first_run(tmp_path)
    store.start_run("r1")  # without the lock, as after a lost connection
    with store.lock("r2"):
        pass
    with pytest.raises(StoreError, match="run r1 cannot be published: it is failed"):
        store.publish(o.outcome("r1", tmp_path))


@pytest.mark.postgres
def test_a_lost_lock_connection_stops_the_publishing(postgres_store: Store, tmp_path: Path) -> None:
    o.first_run(tmp_path)
    with postgres_store.lock("r1"):
        postgres_store.start_run("r1")
        end_all_connections(postgres_store)
        with pytest.raises(LockError, match="the connection that held the hub was lost"):
            postgres_store.publish(o.outcome("r1", tmp_path))
    assert postgres_store.counts()["source_record"] == 0


@pytest.mark.postgres
def test_a_connection_lost_while_publishing_leaves_the_old_state(postgres_store: Store, tmp_path: Path) -> None:
    o.first_run(tmp_path)

    def on_step(step: str) -> None:
        if step == "golden":
            end_all_connections(postgres_store)

    with postgres_store.lock("r1"):
        postgres_store.start_run("r1")
        with pytest.raises(StoreError, match="the connection to the hub store failed"):
            postgres_store.publish(o.outcome("r1", tmp_path), on_step)
    assert postgres_store.counts()["source_record"] == 0
    o.publish(postgres_store, "r2", tmp_path)
    assert postgres_store.counts()["source_record"] == 3


def end_all_connections(store: Store) -> None:
    """What a restarted server does to its clients."""
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :db AND pid <> pg_backend_pid()"
    with sa.create_engine(store.engine.url).connect() as connection:
        connection.execute(sa.text(query), {"db": store.engine.url.database})


def test_a_full_disk_leaves_the_old_state(tmp_path: Path) -> None:
    o.first_run(tmp_path / "r1")
    with open_store(f"sqlite:///{tmp_path / 'hub.db'}") as store:

        @sa.event.listens_for(store.engine, "connect")
        def small(connection, record) -> None:  # type: ignore[no-untyped-def]
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages}")

        store.engine.dispose()
        o.write(tmp_path / "r1", "changes", [o.change(i, payload="x" * 1000) for i in range(500)])
        with store.lock("r1"):
            store.start_run("r1")
            with pytest.raises(
                StoreError, match="the disk of the hub store is full; nothing of this run was published"
            ):
                store.publish(o.outcome("r1", tmp_path / "r1"))
        assert store.counts()["source_record"] == 0


KILL = """
import os, pathlib, signal, sys
from models.store import open_store, outcome as outcomes
from tests.support import outcomes as o
url, folder, step, large = sys.argv[1:]
if large == "large":
    outcomes.LARGE_ROWS = 1
store = open_store(url)
with store.lock("r2"):
    store.start_run("r2")
    die = lambda name: os.kill(os.getpid(), signal.SIGKILL) if name == step else None
    store.publish(o.outcome("r2", pathlib.Path(folder)), die)
"""


def _killed_at(step: str, url: str, folder: Path, size: str = "small") -> None:
    done = subprocess.run([sys.executable, "-c", KILL, url, str(folder), step, size], cwd=ROOT, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("step", ["records", "golden", "commit"])
def test_a_process_killed_while_publishing_leaves_the_old_state(
    store: Store, store_url: str, tmp_path: Path, step: str
) -> None:
    o.first_run(tmp_path / "r1")
    o.publish(store, "r1", tmp_path / "r1")
    before = o.dump(store)
    o.second_run(tmp_path / "r2")
    _killed_at(step, store_url, tmp_path / "r2")
    assert o.dump(store) == before
    with store.lock("r3", wait=10):
        store.start_run("r3")
        store.publish(o.outcome("r3", tmp_path / "r2"))
    assert store.events_after(0)["seq"].to_pylist() == [1, 2, 3, 4]
    assert store.crosswalk().num_rows == 3


def test_a_process_killed_in_a_large_first_load_leaves_an_empty_hub(store_url: str, tmp_path: Path) -> None:
    o.first_run(tmp_path / "r1")
    _killed_at("events", store_url, tmp_path / "r1", "large")
    with open_store(store_url) as store:
        assert store.counts()["source_record"] == 0
        with store.lock("r3", wait=10):
            store.start_run("r3")
            store.publish(o.outcome("r3", tmp_path / "r1"))
        assert store.counts()["source_record"] == 3
