"""Fixtures of the stewardship tests: the small hubs of the matching tests, and people."""

from __future__ import annotations

import pytest

from serving.access import Principal
from tests.unit.matching.conftest import MakeHub, make_hub, quick

__all__ = ["MakeHub", "make_hub", "quick"]


@pytest.fixture
def wang() -> Principal:
    """A steward."""
    return Principal.of_account("wang", "steward")


@pytest.fixture
def li() -> Principal:
    """A lead steward."""
    return Principal.of_account("li", "lead_steward")
