"""The three laws on generated histories, over both databases. `make laws` runs thousands of them."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seed_of
from hypothesis.stateful import run_state_machine_as_test

from matching import batch
from matching.scoring import score_known
from tests.laws.machine import SHRINK, Histories

SEQUENCES = int(os.environ.get("KEHU_LAWS", "50"))
"""How many histories are run per database at least; a hub carries many of them at once."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pairs are weighed by the compiled model, which gives Splink's weights; what was imported is no garbage."""
    monkeypatch.setattr(batch, "score_pairs", score_known)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_any_history(make_url: Callable[[Path], str]) -> None:
    machine = type("Machine", (Histories,), {"make_url": staticmethod(make_url)})
    seed = int(os.environ.get("KEHU_LAWS_SEED", "0"))
    while machine.sequences < SEQUENCES:
        seed += 1
        run_state_machine_as_test(
            seed_of(seed)(machine),
            settings=settings(
                max_examples=3,
                stateful_step_count=5,
                deadline=None,
                database=None,
                phases=[Phase.generate, *([Phase.shrink] if SHRINK else [])],
                suppress_health_check=list(HealthCheck),
                print_blob=False,
            ),
        )
        print(f"{machine.sequences} histories, {machine.runs} runs", file=sys.stderr)
