"""The steps of a run one after the other, as the assets of Dagster take them, for runs that Dagster does not record.

Of a small run Dagster's account of itself, which ends with the process, would be the larger part.
"""

from __future__ import annotations

import dataclasses
import gc
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from models.config import Source
from models.errors import KehuError
from orchestration import lifecycle, steps
from orchestration.hub_run import HubRun

MANY_CHANGES, MOST_CHANGES = 2_000, 100_000
"""Entity types with so many changed records are resolved at the same time: fewer take no time, more much memory."""


def take_steps(run: HubRun, source: Source | None = None) -> None:
    """Read the sources (or the one given), resolve what changed, publish.

    A source that fails is left out. Raises KehuError when a law is broken or a blocking rule has new findings.
    """
    with _interruptible(), _collecting_less():
        for each in run.config.sources if source is None else [source]:
            for stream in each.streams:
                steps.land_stream(run, each, stream)
        steps.detect(run)
        steps.plan(run)
        _resolve_types(run)
        lifecycle.take_touchpoints_in(run)
        _refuse(run, lifecycle.evaluate_lifecycle(run).get("blocking") or [])
        steps.publish(run)
        steps.check_after(run)


def _resolve_types(run: HubRun) -> None:
    """Resolve the entity types, those at the same time whose work is large enough to be worth a thread each.

    What databases do, which is most of it then, goes on beside the other's; a full run has the memory to itself.
    """
    types = steps.party_types(run)
    busy = [entity for entity in types if MANY_CHANGES <= steps.rows(run, "changes", entity) <= MOST_CHANGES]
    if run.full or len(busy) < 2 or run.config.threads == 1:
        for entity in types:
            _resolve(run, entity)
        return
    telling = threading.Lock()

    def tell(*args: Any, **named: Any) -> None:
        with telling:
            run.tell(*args, **named)

    parts = {entity: dataclasses.replace(run, seconds={}, tell=tell) for entity in types}
    began = time.perf_counter()
    try:
        with ThreadPoolExecutor(len(busy), thread_name_prefix="resolve") as pool:
            waiting = [pool.submit(_resolve, parts[entity], entity) for entity in busy]
            for one in waiting:
                one.result()
    finally:
        run.error = run.error or next((part.error for part in parts.values() if part.error), None)
        # Phases add up to the time that passed: two seconds of two at once are one.
        spent = sum(sum(part.seconds.values()) for part in parts.values())
        share = min(1.0, (time.perf_counter() - began) / spent) if spent else 1.0
        for part in parts.values():
            run.add_seconds({phase: seconds * share for phase, seconds in part.seconds.items()})
    for entity in types:
        if entity not in busy:
            _resolve(run, entity)


def _resolve(run: HubRun, entity: str) -> None:
    """Standardise and resolve one entity type, and see that no law is broken by it."""
    steps.standardise(run, entity)
    limit = int(steps.resolve(run, entity).get("max_cluster", 0))
    verdicts = steps.check_before(run, entity, max_cluster=limit)
    _refuse(run, [v.words for v in verdicts if not v.passed and v.severity == "ERROR"])


def _refuse(run: HubRun, reasons: list[str]) -> None:
    if reasons:
        run.error = "; ".join(reasons)
        raise KehuError(f"nothing was published: {run.error}")


@contextmanager
def _collecting_less() -> Iterator[None]:
    """Look for cycles of unused objects less often: rows by the hundred thousand have none, and looking takes long."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)


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
