"""What `kehu run` does when the machine fails it: a full disk, a lost database, another run that holds the hub.

Each ends with exit code 1 and one sentence, leaves what was published as it was, and the next run goes on from there.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from matching import batch
from matching.scoring import score_known
from models.store import open_store
from orchestration.hub_run import HubRun, open_run
from serving.cli import main
from tests.crash.test_kills import change, fingerprint
from tests.laws.hub import Hub
from tests.support import postgres

Act = Callable[[], None]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "score_pairs", score_known)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)


@pytest.fixture
def hub(tmp_path: Path, make_url: Callable[[Path], str]) -> Hub:
    """A hub with something published, and something new to be read."""
    return filled(tmp_path, make_url(tmp_path))


def filled(folder: Path, url: str) -> Hub:
    found = Hub(folder, url, "organization", {})
    found.publish_model(0)
    change(found, 1)
    found.deliver()
    found.run()
    change(found, 2)
    found.deliver()
    return found


def fails(hub: Hub, capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """`kehu run` ends with 1 and says in one sentence what is wrong; nothing changes. Returns the sentence."""
    with hub.store() as store:
        before = fingerprint(store)
    capfd.readouterr()
    code = main(["run", *arguments, "--json", "--config", str(hub.folder / "kehu.yaml")])
    out, err = capfd.readouterr()
    said = json.loads(out.splitlines()[-1])
    assert (code, said["exit_code"]) == (1, 1)
    assert "Traceback" not in err and "unexpected" not in err, err
    assert err.splitlines()[-1] == f"kehu: {said['error']}"
    with hub.store() as store:
        assert fingerprint(store) == before
        last = store.last_run(None)
    assert last is not None and last["status"] in ("failed", "running", "published")
    return str(said["error"])


def goes_on(hub: Hub) -> None:
    """The next run publishes what was to be published, as one run over everything would."""
    seq = hub.consumer.seq
    hub.run()
    assert hub.consumer.seq > seq
    assert hub.verify() == []


@contextmanager
def when(phase: str, act: Act, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Something happens once, in a phase of the run."""
    real, done = HubRun.phase, []

    @contextmanager
    def watched(self: HubRun, name: str, message: str = "", *, timed: bool = True) -> Iterator[None]:
        with real(self, name, message, timed=timed):
            if name == phase and not done:
                done.append(name)
                act()
            yield

    with monkeypatch.context() as patched:
        patched.setattr(HubRun, "phase", watched)
        yield
    assert done, f"the run had no phase {phase}"


def test_a_second_run_is_refused_and_told_who_holds_the_hub(hub: Hub, capfd: pytest.CaptureFixture[str]) -> None:
    with open_run(hub.config) as first:
        assert f"another run holds the hub: run {first.run_id}, process " in fails(hub, capfd)
        assert "another run holds the hub" in fails(hub, capfd, "--verify")
    goes_on(hub)


@pytest.mark.parametrize("writes", [0, 9])
def test_the_disk_of_the_workspace_is_full(
    tmp_path: Path,
    sqlite_template: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    writes: int,
) -> None:
    (tmp_path / "hub.db").write_bytes(sqlite_template.read_bytes())
    hub = filled(tmp_path, f"sqlite:///{tmp_path / 'hub.db'}")
    real, left = pq.ParquetWriter.write_table, [writes]

    def write(self: Any, *arguments: Any, **options: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "Error writing bytes to file. Detail: No space left on device")
        return real(self, *arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(pq.ParquetWriter, "write_table", write)
        words = fails(hub, capfd)
    assert words == f"the disk of the workspace {hub.config.workspace} is full; nothing of this run was published"
    goes_on(hub)


def test_the_work_tables_find_no_room(
    tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hub.db").write_bytes(sqlite_template.read_bytes())
    hub = filled(tmp_path, f"sqlite:///{tmp_path / 'hub.db'}")

    def act() -> None:  # the words of DuckDB, whose end says what happened
        raise duckdb.IOException(
            'IO Error: Async write failed for range [offset=8069, size=26513]: {"exception_type":"IO","exception_'
            f'message":"Could not write file \\"{"/a/long/path" * 9}/keys.parquet\\": No space left on device"}}'
        )

    with when("resolve", act, monkeypatch):
        assert "the disk of the workspace" in fails(hub, capfd)
    goes_on(hub)


def test_the_disk_of_the_database_is_full(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with no_room(hub):
        assert "the disk of the hub store is full; nothing of this run was published" in fails(hub, capfd)
    goes_on(hub)


@contextmanager
def no_room(hub: Hub) -> Iterator[None]:
    """The database itself says that its disk is full: SQLite by its largest size, PostgreSQL by its error of that."""
    with open_store(hub.config.store) as store, store.engine.begin() as connection:
        if store.dialect == "postgresql":
            connection.execute(
                sa.text(
                    "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
                    "'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$"
                )
            )
            connection.execute(sa.text("CREATE TRIGGER full_disk BEFORE INSERT ON event EXECUTE FUNCTION full_disk()"))
            pages = None
        else:
            pages = int(connection.scalar(sa.text("PRAGMA page_count")) or 0) + 4

    def small(connection: Any, record: Any) -> None:
        if pages is not None:
            connection.execute(f"PRAGMA max_page_count = {pages}")

    sa.event.listen(sa.Engine, "connect", small)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "connect", small)
    if pages is None:
        with open_store(hub.config.store) as store, store.engine.begin() as connection:
            connection.execute(sa.text("DROP TRIGGER full_disk ON event"))
            connection.execute(sa.text("DROP FUNCTION full_disk"))


@pytest.fixture
def served(tmp_path: Path, postgres_server: postgres.Server, postgres_template: str) -> Iterator[Hub]:
    """A filled hub on PostgreSQL."""
    name = postgres_server.fresh_database(postgres_template)
    yield filled(tmp_path, postgres_server.url(name))
    postgres_server.drop(name)


@pytest.mark.postgres
@pytest.mark.parametrize("phase", ["land", "resolve", "publish"])
def test_the_server_ends_every_connection(
    served: Hub,
    postgres_server: postgres.Server,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    phase: str,
) -> None:
    def end() -> None:
        with psycopg.connect(f"user=postgres dbname=postgres host={postgres_server.folder}", autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                "AND backend_type = 'client backend'"
            )

    with when(phase, end, monkeypatch):
        words = fails(served, capfd)
    assert "the connection to the hub store failed" in words or "the connection that held the hub was lost" in words
    goes_on(served)


@pytest.mark.postgres
@pytest.mark.parametrize("phase", ["publish"])
def test_the_server_is_restarted(
    served: Hub,
    postgres_server: postgres.Server,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    phase: str,
) -> None:
    with when(phase, postgres_server.restart, monkeypatch):
        words = fails(served, capfd)
    assert "the connection to the hub store failed" in words or "the connection that held the hub was lost" in words
    goes_on(served)
