"""Fixtures of the connectors' tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.store import Store
from tests.unit.connectors.hub import Hub


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """A hub without a store: what is only landed."""
    return Hub(tmp_path)


@pytest.fixture
def full_hub(tmp_path: Path, store: Store) -> Hub:
    """A hub with a store, once per dialect."""
    return Hub(tmp_path, store)
