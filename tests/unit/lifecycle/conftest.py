"""Runs the tests that publish once per database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.lifecycle import hub


@pytest.fixture
def every_database(make_url: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Hubs of the test have their stores on SQLite, and once more on PostgreSQL."""
    monkeypatch.setattr(hub, "new_store", make_url)
