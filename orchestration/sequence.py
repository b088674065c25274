"""The steps of a run one after the other, as the assets of Dagster take them, for runs that Dagster does not record.

Of a small run Dagster's account of itself, which ends with the process, would be the larger part.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from models.config import Source
from models.errors import KehuError
from orchestration import lifecycle, steps
from orchestration.hub_run import HubRun


def take_steps(run: HubRun, source: Source | None = None) -> None:
    """Read the sources (or the one given), resolve what changed, publish.

    A source that fails is left out. Raises KehuError when a law is broken or a blocking rule has new findings.
    """
    with _interruptible():
        for each in run.config.sources if source is None else [source]:
            for stream in each.streams:
                steps.land_stream(run, each, stream)
        steps.detect(run)
        steps.plan(run)
        for entity in steps.party_types(run):
            steps.standardise(run, entity)
            limit = int(steps.resolve(run, entity).get("max_cluster", 0))
            verdicts = steps.check_before(run, entity, max_cluster=limit)
            _refuse(run, [v.words for v in verdicts if not v.passed and v.severity == "ERROR"])
        lifecycle.take_touchpoints_in(run)
        _refuse(run, lifecycle.evaluate_lifecycle(run).get("blocking") or [])
        steps.publish(run)
        steps.check_after(run)


def _refuse(run: HubRun, reasons: list[str]) -> None:
    if reasons:
        run.error = "; ".join(reasons)
        raise KehuError(f"nothing was published: {run.error}")


@contextmanager
def _interruptible() -> Iterator[None]:
    """Who is asked to end lets go of the hub first, as at Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
