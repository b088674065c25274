"""A hub store with content, on each database."""

from __future__ import annotations

import pytest

from models.store import Store
from tests.unit.serving.filled import fill


@pytest.fixture
def hub(store: Store) -> Store:
    fill(store)
    return store
