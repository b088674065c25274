"""The hub holds what the source holds, whatever the deliveries on the way, and whatever their order."""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from models.store import open_store
from tests.unit.connectors.hub import Hub

KEYS = st.sampled_from(["1", "2", "3", "客户|4"])
ROWS = st.dictionaries(KEYS, st.sampled_from(["a", "b", 'c, "d"\ne']), max_size=4)


def csv_of(header: str, rows: list[tuple[str, ...]]) -> str:
    quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    return "\n".join([header, *quoted]) + "\n"


def held(hub: Hub) -> dict[str, str]:
    """key → name of the records that are not deleted."""
    assert hub.store is not None
    table = hub.store.records("organization", ["source_key", "payload"])
    return {row["source_key"]: json.loads(row["payload"]).get("name") for row in table.to_pylist()}


@settings(max_examples=20, deadline=None)
@given(deliveries=st.lists(ROWS, min_size=1, max_size=5))
def test_snapshots_leave_what_the_last_one_holds(sqlite_template: Path, deliveries: list[dict[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(sqlite_template, Path(folder) / "hub.db")
        with open_store(f"sqlite:///{folder}/hub.db") as store:
            hub = Hub(Path(folder), store, fields={"name": "name"}, volume_floor=0)
            for rows in deliveries:
                found = hub.take(csv_of("id,name", list(rows.items())), again=True)
                assert found.inserted + found.updated + found.unchanged == found.rows == len(rows)
                assert held(hub) == rows
            assert hub.take(csv_of("id,name", list(deliveries[-1].items())), again=True).unchanged == len(
                deliveries[-1]
            )


EVENTS = st.lists(
    st.tuples(KEYS, st.integers(1, 28), st.sampled_from(["a", "b"]), st.booleans()),
    min_size=1,
    max_size=4,
    unique_by=lambda event: event[:2],
)


@settings(max_examples=12, deadline=None)
@given(events=EVENTS, data=st.data())
def test_dated_changes_end_alike_in_any_order_and_number_of_deliveries(
    sqlite_template: Path, events: list[tuple[Any, ...]], data: st.DataObject
) -> None:
    """Each is one row of one delivery; some come twice."""
    newest = {key: (name, gone) for key, _, name, gone in sorted(events, key=lambda event: int(event[1]))}
    order = data.draw(st.sampled_from(list(itertools.permutations(events))))
    again = data.draw(st.lists(st.sampled_from(events), max_size=2))
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(sqlite_template, Path(folder) / "hub.db")
        with open_store(f"sqlite:///{folder}/hub.db") as store:
            hub = Hub(Path(folder), store, mode="delta", updated_at="at", deleted="gone", fields={"name": "name"})
            for key, day, name, gone in (*order, *again):
                row = (key, name, f"2026-01-{day:02}", str(gone).lower())
                hub.take(csv_of("id,name,at,gone", [row]), again=True)
            assert held(hub) == {key: name for key, (name, gone) in newest.items() if not gone}
