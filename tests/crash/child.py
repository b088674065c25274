"""A run in a process of its own, which dies where it is told to. Forked from a server that has imported everything."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matching import batch
from matching.scoring import score_known
from models.config import load_config
from models.store import Store, publish
from models.store.outcome import RunOutcome
from orchestration.hub_run import HubRun, open_run
from tests.laws.hub import take_steps

AFTER = "after the commit"


@dataclass(frozen=True)
class Death:
    """Where a run dies: at a `step` of publishing, when a `phase` begins, or (neither) when somebody kills it."""

    step: str | None = None
    phase: str | None = None


def run(config: Path, death: Death, full: bool) -> None:
    """One run of the hub, as `kehu run` makes it."""
    batch.score_pairs = score_known
    if death.step is not None:
        _die_while_publishing(death.step)
    if death.phase is not None:
        _die_in_phase(death.phase)
    with open_run(load_config(config), full=full, wait=30) as hub_run:
        take_steps(hub_run)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_while_publishing(step: str) -> None:
    real, whole = publish.publish, Store.publish

    def watched(connection: Any, outcome: RunOutcome, on_step: Callable[[str], None]) -> dict[str, int]:
        def look(name: str) -> None:
            on_step(name)
            if name == step:
                _die()

        return real(connection, outcome, look)

    def published(self: Store, outcome: RunOutcome, on_step: Callable[[str], None] | None = None) -> dict[str, int]:
        counts = whole(self, outcome, on_step)
        if step == AFTER:
            _die()
        return counts

    publish.publish = watched
    Store.publish = published  # type: ignore[method-assign]


def _die_in_phase(phase: str) -> None:
    real = HubRun.phase

    @contextmanager
    def watched(self: HubRun, name: str, message: str = "", *, timed: bool = True) -> Iterator[None]:
        with real(self, name, message, timed=timed):
            if name == phase:
                _die()
            yield

    HubRun.phase = watched  # type: ignore[method-assign,assignment]
