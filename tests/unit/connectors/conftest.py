"""Fixtures of the connectors' tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.store import Store, open_store
from tests.unit.connectors.hub import Hub


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """A hub without a store: what is only landed."""
    return Hub(tmp_path)


@pytest.fixture
def sqlite_hub(tmp_path: Path, sqlite_template: Path) -> Iterator[Hub]:
    """A hub with a store on SQLite, for what does not depend on the dialect."""
    shutil.copy(sqlite_template, tmp_path / "hub.db")
    with open_store(f"sqlite:///{tmp_path / 'hub.db'}") as store:
        yield Hub(tmp_path, store)


@pytest.fixture
def full_hub(tmp_path: Path, store: Store) -> Hub:
    """A hub with a store, once per dialect."""
    return Hub(tmp_path, store)
