"""A backup holds one state while others write, and comes back on either database."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import sqlalchemy as sa

from models.errors import KehuError
from models.store import Store, open_store
from models.store import tables as t
from models.store.tables import metadata
from serving.access.keys import authenticate, issue
from serving.operating.backup import _NOT_KEPT, backup, restore
from tests.unit.api.hub import fill


def content(store: Store) -> dict[str, list[tuple[object, ...]]]:
    with store.database.read() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(sa.select(table))), key=repr)
            for table in metadata.sorted_tables
            if table.name not in _NOT_KEPT
        }


@pytest.fixture
def full(store: Store) -> Store:
    fill(store)
    return store


def test_it_comes_back_as_it_was_on_both_databases(full: Store, empty_url: str, tmp_path: Path) -> None:
    token = issue(full, "erp", by="test").token
    before = content(full)
    rows = backup(full, tmp_path / "hub.backup")
    assert rows["golden_record"] == 7 and (tmp_path / "hub.backup").stat().st_mode & 0o077 == 0
    (tmp_path / "other").mkdir()
    url = empty_url.replace("hub.db", "other/hub.db")
    with open_store(url) as other:
        assert restore(other, tmp_path / "hub.backup") == rows
        assert content(other) == before
        assert authenticate(other, token).consumer == "erp"
        other.add_audit("test", "after")  # numbers go on above those that were restored
        other.add_comment("pair", "li", "after")
        with pytest.raises(KehuError, match="not empty"):
            restore(other, tmp_path / "hub.backup")


def test_what_is_written_meanwhile_is_not_in_it(full: Store, tmp_path: Path) -> None:
    names = [table.name for table in metadata.sorted_tables if table.name not in _NOT_KEPT]
    other = open_store(full.database.url.render_as_string(hide_password=False))
    plain = full.fetch_batches

    def and_somebody_writes(*args: object, **more: object) -> object:
        with other.database.write() as connection:
            connection.execute(sa.update(t.counter).values(value=t.counter.c.value + 1))
        return plain(*args, **more)  # type: ignore[arg-type]

    full.fetch_batches = and_somebody_writes  # type: ignore[method-assign,assignment]
    backup(full, tmp_path / "hub.backup")
    other.close()
    with zipfile.ZipFile(tmp_path / "hub.backup") as archive:
        import io

        import pyarrow.parquet as pq

        held = pq.read_table(io.BytesIO(archive.read("counter.parquet"))).to_pylist()
    assert held == [{"name": "event", "value": 4}] and len(names) > 30


def test_what_is_no_backup_is_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("no zip")
    with zipfile.ZipFile(tmp_path / "old", "w") as archive:
        archive.writestr("manifest.json", '{"format": 1, "schema": "0001", "rows": {}}')
    for name, said in (("x", "no backup"), ("nowhere", "no backup"), ("old", "schema 0001")):
        with pytest.raises(KehuError, match=said):
            restore(store, tmp_path / name)
