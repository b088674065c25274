"""A run from a shell that Dagster records: the assets of the hub, executed in this process."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from models.config import Config
from models.errors import KehuError
from orchestration.build import build_definitions
from orchestration.hub_run import HubRun
from orchestration.names import source_job
from orchestration.triggers import FULL, RESOLVE

_NO_LOG = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""Failures come back as exceptions and progress through `progress`; Dagster's account of both would be a second one."""


def execute(run: HubRun, config: Config, *, full: bool, source: str | None, trigger: str) -> None:
    """Execute the job of a run that holds the hub; `trigger` is a tag of Dagster's run. Raises KehuError.

    A source that fails is left out.
    """
    job = source_job(config.source(source)) if source is not None else FULL if full else RESOLVE
    tags = {"kehu/trigger": trigger, "kehu/run": run.run_id}
    with _quiet(), _instance() as instance:
        # What programs created has no assets of its own: it comes and goes without a change of the configuration.
        chosen = build_definitions(config, run).resolve_job_def(job)
        try:
            chosen.execute_in_process(_NO_LOG, instance=instance, tags=tags)
        except dg.DagsterExecutionInterruptedError:
            raise KeyboardInterrupt from None
        except dg.DagsterError as error:
            # What a step raises comes back as it is; a broken law comes as an error of Dagster's.
            if run.error is None or run.ended:
                raise
            raise KehuError(f"nothing was published: {run.error}") from error


@contextmanager
def _instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.get() as instance:
        yield instance


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dagster's remarks about its own young interfaces off stderr."""
    with warnings.catch_warnings():
        for kind in (dg.BetaWarning, dg.PreviewWarning, dg.SupersessionWarning):
            warnings.simplefilter("ignore", kind)
        yield
