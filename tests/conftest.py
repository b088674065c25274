"""Fixtures that any test may use: a hub store on each database, fresh for every test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from models.store import Store, open_store
from tests.support import mariadb, postgres

DIALECTS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A PostgreSQL server of this test process; fails where none can be started."""
    server = postgres.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[mariadb.Server]:
    """A MariaDB server of this test process; fails where none can be started."""
    server = mariadb.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty hub store, to be copied."""
    path = tmp_path_factory.mktemp("template") / "hub.db"
    open_store(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: postgres.Server) -> str:
    """The database of an empty hub store, to be copied."""
    name = postgres_server.fresh_database()
    open_store(postgres_server.url(name)).close()
    return name


@pytest.fixture(params=DIALECTS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without any table, once per dialect."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'hub.db'}"
        return
    server: postgres.Server = request.getfixturevalue("postgres_server")
    name = server.fresh_database()
    yield server.url(name)
    server.drop(name)


@pytest.fixture(params=DIALECTS)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty hub store, once per dialect."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "hub.db")
        yield f"sqlite:///{tmp_path / 'hub.db'}"
        return
    server: postgres.Server = request.getfixturevalue("postgres_server")
    name = server.fresh_database(request.getfixturevalue("postgres_template"))
    yield server.url(name)
    server.drop(name)


@pytest.fixture(params=DIALECTS)
def make_url(request: pytest.FixtureRequest) -> Iterator[Callable[[Path], str]]:
    """Makes empty hub stores, once per dialect: `make_url(folder)` is a URL; on SQLite the file is in the folder."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")

        def copied(folder: Path) -> str:
            shutil.copy(template, folder / "hub.db")
            return f"sqlite:///{folder / 'hub.db'}"

        yield copied
        return
    server: postgres.Server = request.getfixturevalue("postgres_server")
    empty: str = request.getfixturevalue("postgres_template")
    names: list[str] = []

    def made(folder: Path) -> str:
        names.append(server.fresh_database(empty))
        return server.url(names[-1])

    yield made
    for name in names:
        server.drop(name)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An open, empty hub store, once per dialect."""
    with open_store(store_url) as opened:
        yield opened


@pytest.fixture
def postgres_store(postgres_server: postgres.Server, postgres_template: str) -> Iterator[Store]:
    """An open, empty hub store on PostgreSQL."""
    name = postgres_server.fresh_database(postgres_template)
    with open_store(postgres_server.url(name)) as opened:
        yield opened
    postgres_server.drop(name)
