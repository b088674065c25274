"""The closed loop over days: a gap closes with a delivery that mends it, others open, and the truth stays the truth."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.requirements.world import Hub, make, next_day

pytestmark = pytest.mark.slow


def test_gaps_close_by_deliveries_alone(tmp_path: Path) -> None:
    """R19: after another day what is open is what was planted; what closed, closed because of a delivery."""
    first = make(tmp_path, seed=11)
    before = first.found()
    assert before == first.expected()
    first.store.close()
    hub: Hub = next_day(tmp_path)
    after, expected = hub.found(), hub.expected()
    assert after - expected == set(), "precision"
    assert expected - after == set(), "recall"
    assert before - after and after - before
    closed = hub.rows("SELECT DISTINCT closed_because FROM finding WHERE status = 'closed'")
    assert closed == [("delivery",)]
    hub.store.close()
