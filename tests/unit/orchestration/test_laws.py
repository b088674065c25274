"""Each law with data that breaks it: in the files of a run, and in the published store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from models.store import Store
from orchestration import laws
from orchestration.hub_run import open_run
from orchestration.laws import Verdict
from tests.unit.orchestration.conftest import Hub, direct


def write(folder: Path, kind: str, **columns: list[Any]) -> None:
    text = pa.string()
    types = {"record_id": pa.int64(), "records": pa.int64(), "golden_id": text, "action": text, "change": text}
    table = pa.table({name: pa.array(values, types[name]) for name, values in columns.items()})
    pq.write_table(table, folder / f"{kind}_person.parquet")


def membership(record_id: list[int], golden_id: list[str | None]) -> tuple[str, dict[str, list[Any]]]:
    return "membership", {"record_id": record_id, "golden_id": golden_id}


def golden(golden_id: list[str], action: list[str], records: list[int | None]) -> tuple[str, dict[str, list[Any]]]:
    return "golden", {"golden_id": golden_id, "action": action, "records": records}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound run: record 1 is new, 2 is deleted, 3 moved to the golden record of 1."""
    path = tmp_path / "run"
    path.mkdir()
    write(path, "changes", record_id=[1, 2], change=["insert", "delete"])
    write(path, "membership", record_id=[1, 2, 3], golden_id=["a", None, "a"])
    write(path, "golden", golden_id=["a", "b"], action=["created", "retired"], records=[2, 0])
    return path


def before(store: Store, folder: Path, max_cluster: int = 5) -> dict[str, Verdict]:
    return {v.law: v for v in laws.before_publishing(store, folder, "person", max_cluster=max_cluster)}


def test_a_sound_run_breaks_no_law(store: Store, folder: Path) -> None:
    assert all(verdict.passed for verdict in before(store, folder).values())


def test_an_empty_run_breaks_no_law(store: Store, tmp_path: Path) -> None:
    assert all(verdict.passed for verdict in before(store, tmp_path).values())


@pytest.mark.parametrize(
    ("file", "law", "words"),
    [
        (membership([1, 1, 2, 3], ["a", "b", None, "a"]), laws.ONE_GOLDEN, "1 records in two golden records"),
        (membership([2, 3], [None, "a"]), laws.ONE_GOLDEN, "1 current records in none"),
        (membership([1, 2, 3], [None, None, "a"]), laws.ONE_GOLDEN, "1 current records in none"),
        (membership([1, 2], ["a", "a"]), laws.ONE_GOLDEN, "1 deleted records still in one"),
        (golden(["a"], ["created"], [0]), laws.NO_EMPTY, "1 golden records with no record"),
        (golden(["a", "c"], ["changed", "revived"], [2, None]), laws.NO_EMPTY, "1 golden records with no record"),
        (golden(["a"], ["retired"], [0]), laws.NO_EMPTY, "1 retired ones with records"),
        (golden(["a"], ["merged"], [0]), laws.NO_EMPTY, "1 retired ones with records"),
        (golden(["a", "c"], ["created", "created"], [2, 1]), laws.NO_EMPTY, "1 new ones with none"),
        (golden(["a"], ["created"], [6]), laws.CLUSTER_SIZE, "holds 6 records"),
    ],
)  # fmt: skip
def test_a_broken_run_is_noticed(
    store: Store, folder: Path, file: tuple[str, dict[str, list[Any]]], law: str, words: str
) -> None:
    write(folder, file[0], **file[1])
    verdicts = before(store, folder)
    assert not verdicts[law].passed and words in verdicts[law].words
    assert verdicts[law].examples
    assert verdicts[law].severity == ("WARN" if law == laws.CLUSTER_SIZE else "ERROR")


def test_what_was_published_breaks_no_law(hub: Hub, store_url: str) -> None:
    assert all(v.passed for v in direct(hub, store_url)[1])
    hub.deliver("accounts", {"1": "ACME", "3": "Gamma"})
    run, verdicts = direct(hub, store_url)
    assert not run.full and all(v.passed for v in verdicts)
    assert all(v.passed for v in direct(hub, store_url, full=True)[1])


def test_a_record_that_the_run_did_not_move_may_stay_where_the_store_has_it(hub: Hub, store_url: str) -> None:
    run, _ = direct(hub, store_url)
    with open_run(run.config) as later:
        path = later.folder / "changes_person.parquet"
        record = later.store.records("person", ["source_key"])["record_id"]
        pq.write_table(pa.table({"record_id": record, "change": ["update"]}), path)
        verdicts = laws.before_publishing(later.store, later.folder, "person", max_cluster=5)
        assert [v.passed for v in verdicts] == [True, True, True]


def lose_member(c: sa.Connection) -> None:
    c.execute(sa.text("DELETE FROM membership WHERE record_id = (SELECT min(record_id) FROM membership)"))


def delete_record(c: sa.Connection) -> None:
    c.execute(
        sa.text("UPDATE source_record SET deleted = true WHERE record_id IN (SELECT min(record_id) FROM membership)")
    )


def empty_golden(c: sa.Connection) -> None:
    c.execute(
        sa.text(
            "INSERT INTO golden_record SELECT 'empty', entity_type, version, status, records, valid_from, recorded_at, "
            'run_id, "values", provenance FROM golden_record LIMIT 1'
        )
    )


def retire_golden(c: sa.Connection) -> None:
    c.execute(
        sa.text(
            "UPDATE golden_record SET status = 'retired' WHERE golden_id = (SELECT min(golden_id) FROM golden_record)"
        )
    )


def move_all(c: sa.Connection) -> None:
    c.execute(sa.text("UPDATE membership SET golden_id = (SELECT min(golden_id) FROM membership)"))


@pytest.mark.parametrize(
    ("damage", "law", "scopes"),
    [
        (lose_member, laws.ONE_GOLDEN, (True, False)),
        (delete_record, laws.ONE_GOLDEN, (True, False)),
        (move_all, laws.NO_EMPTY, (True, False)),
        (empty_golden, laws.NO_EMPTY, (True,)),
        (retire_golden, laws.NO_EMPTY, (True,)),
    ],
)
def test_a_broken_store_is_noticed(
    hub: Hub, store_url: str, damage: Callable[[sa.Connection], None], law: str, scopes: tuple[bool, ...]
) -> None:
    run, _ = direct(hub, store_url)
    with open_run(run.config) as later:
        with later.store.database.write() as connection:
            damage(connection)
        for full in scopes:
            found = laws.after_publishing(later.store, run.folder, ("organization", "person"), full=full)
            assert [v.law for v in found if not v.passed] == [law], (full, found)


def test_a_gap_in_the_events_is_noticed(hub: Hub, store_url: str) -> None:
    run, _ = direct(hub, store_url)
    with open_run(run.config) as later:
        store = later.store
        assert laws.last_event(store) == 3
        assert laws.events_without_gap(store, 0, 3).passed
        assert not laws.events_without_gap(store, 0, 4).passed
        with store.database.write() as connection:
            connection.execute(sa.text("DELETE FROM event WHERE seq = 2"))
        assert "of the numbers 1 to 3, 2 are there" in laws.events_without_gap(store, 0, 3).words
        assert laws.events_without_gap(store, 2, 1).passed
        with store.database.write() as connection:
            connection.execute(sa.text("DELETE FROM event WHERE seq = 1"))
        assert not laws.events_without_gap(store, 2, 1).passed  # the first one is gone
