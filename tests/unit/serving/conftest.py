"""A hub store with content, on each database; passwords whose hashes cost next to nothing."""

from __future__ import annotations

import argon2
import pytest

from models.store import Store
from serving.accounts import passwords
from tests.unit.serving.filled import fill


@pytest.fixture
def hub(store: Store) -> Store:
    fill(store)
    return store


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """How dear the real ones are is no question of these tests."""
    monkeypatch.setattr(passwords, "_hasher", argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
