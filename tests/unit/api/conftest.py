"""A served hub for each test of the interface."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from models.store import Store
from tests.unit.api.hub import Hub


@pytest.fixture
def hub(store: Store, tmp_path: Path) -> Iterator[Hub]:
    """A served hub, once per database."""
    made = Hub(store, tmp_path)
    yield made
    made.app.state.hub.reads.close()
