"""What a delivery says beside its rows: deletions in their place, merges, notes; and a kill in the midst of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from connectors import landing
from connectors.protocol import Deleted, Delivery, LiveKeys, Merged, Note, State
from models.vocabulary import record_id
from tests.unit.connectors.hub import Hub


class Told:
    """A connector that yields what a test says."""

    items: list[Any] = []
    later: list[Any] = []

    def read(self, stream: object, state: object, *, again: bool = False) -> Iterator[Any]:
        yield from self.items

    def deletes(self, stream: object, state: object, *, again: bool = False) -> Iterator[Any]:
        yield from self.later


@pytest.fixture
def told(sqlite_hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(landing, "connector_for", lambda source, base: Told())
    sqlite_hub.stream["fields"] = {"name": "name"}
    yield sqlite_hub
    Told.items, Told.later = [], []


def rows(*keys: str, name: str = "n") -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"id": list(keys), "name": [name] * len(keys)})


def keys(*values: str) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"id": pa.array(list(values), pa.string())})


def take(hub: Hub, *items: Any, later: list[Any] | None = None) -> dict[str, int]:
    Told.items, Told.later = [*items, State({"at": 1})], later or []
    landed = hub.land()
    assert landed.status == "landed", landed.error
    hub.state = landed.new_state
    return {name: value for name, value in vars(hub.run(landed)).items() if isinstance(value, int) and value}


FEED = Delivery("delta", feed=True)


def test_deleted_keys_are_deletions(told: Hub) -> None:
    take(told, FEED, rows("a", "b", "c"))
    assert take(told, FEED, Deleted(keys("a", "unknown"))) == {"deleted": 1, "tombstones": 1}
    assert told.fates() == {"a": "delete"}
    assert take(told, FEED, Deleted(keys("a"))) == {}


def test_deletions_have_their_place_among_the_rows(told: Hub) -> None:
    take(told, FEED, rows("a", "b", "c"))
    items = [rows("a", "b", name="x"), Deleted(keys("a", "c", "b")), rows("b", name="y"), Deleted(keys("d")), rows("d")]
    assert take(told, FEED, *items) == {"rows": 2, "updated": 1, "inserted": 1, "deleted": 2}
    assert told.fates() == {"a": "delete", "c": "delete", "b": "update", "d": "insert"}
    assert told.changes()["b"]["name"] == "y"


def test_in_a_feed_the_last_row_of_a_key_counts(told: Hub) -> None:
    assert take(told, FEED, rows("a", name="1"), rows("a", name="2"), rows("a", name="3")) == {"rows": 1, "inserted": 1}
    assert told.changes()["a"]["name"] == "3" and told.aside() == []


def test_what_is_found_deleted_by_another_look_comes_after_the_rows(told: Hub) -> None:
    take(told, FEED, rows("a", "b"))
    later = [Deleted(keys("a")), State({"deleted_upto": 2})]
    assert take(told, FEED, rows("a", name="x"), later=later) == {"deleted": 1}
    assert told.state is not None and told.state["connector"] == {"at": 1, "deleted_upto": 2}


def test_no_living_key_at_all_is_for_the_volume_floor(told: Hub) -> None:
    take(told, Delivery(), rows("a", "b"))
    Told.items, Told.later = [Delivery("delta"), State({})], [LiveKeys(keys())]
    assert told.land().status == "refused"


def test_what_a_source_merged_goes_on_in_the_record_that_stayed(told: Hub) -> None:
    take(told, FEED, rows("winner", "loser"))
    merged = [Merged([("loser", "winner"), ("x", "x")]), Deleted(keys("loser")), rows("winner", name="both")]
    assert take(told, FEED, *merged) == {"rows": 1, "updated": 1, "deleted": 1, "rekeyed": 1}
    assert told.fates() == {"winner": "update", "loser": "delete"}
    assert told.changes()["loser"]["rekeyed_to"] == told.changes()["winner"]["record_id"]


def test_a_merge_needs_no_row_of_the_one_that_stayed(told: Hub) -> None:
    take(told, FEED, rows("winner", "loser"))
    assert take(told, FEED, Merged([("loser", "winner")]), Deleted(keys("loser"))) == {"deleted": 1, "rekeyed": 1}
    assert told.changes()["loser"]["rekeyed_to"] == record_id("crm", "accounts", "winner")


def test_notes_stand_among_the_drift(told: Hub) -> None:
    Told.items = [FEED, rows("a"), Note("the server ignores its filter"), State({})]
    assert told.land().drift == ["the server ignores its filter"]


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {root!r})
import pyarrow as pa
from connectors import landing
from connectors.protocol import Delivery, State
from tests.unit.connectors.hub import Hub

class Endless:
    def read(self, stream, state, *, again=False):
        yield Delivery("snapshot")
        for i in range(100_000):
            if i == 30:
                os.kill(os.getpid(), signal.SIGKILL)
            yield pa.RecordBatch.from_pydict({{"id": [str(i * 5000 + j) for j in range(5000)], "name": ["n"] * 5000}})

landing.connector_for = lambda source, base: Endless()
hub = Hub(Path({folder!r}), fields={{"name": "name"}})
hub.land()
"""


def test_a_process_that_is_killed_leaves_no_batch(told: Hub, tmp_path: Path) -> None:
    script = KILLED.format(root=str(Path(__file__).parents[3]), folder=str(told.folder))
    died = subprocess.run([sys.executable, "-c", script], capture_output=True, env={**os.environ})
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    folder = told.folder / "work/landing/crm/accounts"
    assert [path.name for path in folder.iterdir() if not path.name.startswith(".")] == []
    take(told, FEED, rows("a"))
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []
