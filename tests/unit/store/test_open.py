"""Opening: a new store is built by migrations, one of another version is refused, faults are named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import models.store
from models.errors import StoreError
from models.store import open_store
from models.store.tables import SCHEMA_REVISION, metadata

ROOT = Path(__file__).resolve().parents[3]


def test_the_newest_migration_is_the_one_that_the_program_needs() -> None:
    scripts = ScriptDirectory(str(Path(models.store.__file__).parent / "migrations"))
    assert scripts.get_current_head() == SCHEMA_REVISION


def test_migrations_build_exactly_the_declared_tables(empty_url: str) -> None:
    with open_store(empty_url) as store, store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_store_opened_again_keeps_its_rows(empty_url: str) -> None:
    with open_store(empty_url) as store:
        store.start_run("r1")
    with open_store(empty_url, migrate=False) as store:
        assert store.counts()["run"] == 1


def test_a_store_of_a_newer_program_is_refused(store_url: str) -> None:
    with open_store(store_url) as store, store.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"has schema 9999, this program knows up to \d+; it was written by a newer"):
        open_store(store_url)


def test_an_empty_database_is_refused_where_migrating_is_not_wanted(empty_url: str) -> None:
    with pytest.raises(StoreError, match="schema is not the one"):
        open_store(empty_url, migrate=False)


OPEN = "import sys; from models.store import open_store; print(open_store(sys.argv[1]).counts()['run'])"


def test_processes_that_open_an_empty_store_at_once_all_find_it_built(empty_url: str) -> None:
    command = [sys.executable, "-c", OPEN, empty_url]
    opening = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0] for process in opening] == ["0\n", "0\n"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://host/db", "a hub lives in sqlite or postgresql, not in mysql"),
        ("hub.db", "'hub.db' is no URL of a hub store"),
        ("sqlite://", "needs a file"),
        ("sqlite:////nowhere/at/all/hub.db", "the folder /nowhere/at/all does not exist"),
        ("postgresql://u:p@secret@127.0.0.1/hub", "127.0.0.1/hub': a password with @ is written with %40 in its place"),
        ("postgresql://u:secret@/hub?host=/nowhere", "connection to the hub store failed"),
    ],
)
def test_a_store_that_cannot_be_there_is_named(url: str, said: str) -> None:
    with pytest.raises(StoreError) as caught:
        open_store(url)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    path.write_text("this is not a database, but it is long enough to be read as one " * 20)
    with pytest.raises(StoreError, match="is damaged or is no SQLite database"):
        open_store(f"sqlite:///{path}")
