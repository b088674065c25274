"""`kehu run` and `kehu train` without Dagster's pages: the same assets, executed in this process.

The run is recorded by Dagster only when DAGSTER_HOME is set; otherwise its records live as long as the call.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg

from models.config import Config
from models.errors import KehuError
from orchestration.assets.out import REPORTS
from orchestration.build import build_definitions
from orchestration.hub_run import HubRun, Tell, open_run
from orchestration.names import source_job
from orchestration.steps import compare, party_types, peak_rss_mb, train, verify
from orchestration.summary import summary
from orchestration.triggers import FULL, RESOLVE

_NO_LOG = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""Failures come back as exceptions and progress through `progress`; Dagster's account of both would be a second one."""


def run_hub(
    config: Config, *, full: bool = False, source: str | None = None, progress: Tell | None = None, trigger: str = "cli"
) -> dict[str, Any]:
    """Read the sources (or the one named), resolve what changed (or everything), publish; returns the summary.

    A source that fails is in `failed_sources`, and the others are published without it. `trigger` is a tag of the run.
    Raises KehuError with a message for the user: LockError when another run holds the hub, StoreError when the disk is
    full or the database lost; nothing of the run is published then. Raises KeyError for an unknown source.
    """
    job = source_job(config.source(source)) if source is not None else FULL if full else RESOLVE
    with open_run(config, full=full, keep_going=True, tell=progress) as run:
        tags = {"kehu/trigger": trigger, "kehu/run": run.run_id}
        _execute(run, config, job, tags)
        return summary(run)


def train_hub(
    config: Config, *, entity: str | None = None, progress: Tell | None = None, with_decisions: bool = False
) -> dict[str, Any]:
    """Train and publish the match models of all entity types, or of one, on the records in the hub.

    `with_decisions`: stewards' verdicts take part, and the models are kept as drafts, to be compared before they are
    published.

    Returns `run_id`, `models` (entity_type, model_id, records of each) and `seconds`. Raises ModelError when a model
    would make no sense; those trained before it stay published. Needs nothing of Dagster.
    """
    with open_run(config, full=True, tell=progress) as run:
        models = [
            train(run, e, with_decisions=with_decisions) for e in party_types(run) if entity is None or e == entity
        ]
        run.store.finish_run(run.run_id, "trained", metrics={"models": models}, phases=run.seconds)
        run.ended = True
        seconds = {phase: round(value, 3) for phase, value in run.seconds.items()}
        return {"run_id": run.run_id, "models": models, "seconds": seconds, "peak_rss_mb": peak_rss_mb()}


def compare_models(config: Config, model_id: str, against: str, *, progress: Tell | None = None) -> dict[str, Any]:
    """What publishing a match model would change against another; kept in the store, publishes nothing.

    Raises ModelError for an unknown model, LockError when another run holds the hub.
    """
    with open_run(config, full=True, tell=progress) as run:
        return compare(run, model_id, against)


def verify_hub(config: Config, *, progress: Tell | None = None) -> dict[str, Any]:
    """Compare the published state with one resolution of all records; publishes nothing.

    Returns `run_id`, `differences` (entity, what, count, examples), `seconds` and `peak_rss_mb`. Raises LockError when
    another run holds the hub. Needs nothing of Dagster.
    """
    with open_run(config, full=True, tell=progress) as run:
        differences = verify(run)
        seconds = {phase: round(value, 3) for phase, value in run.seconds.items()}
        return {
            "run_id": run.run_id,
            "differences": differences,
            "seconds": seconds,
            "peak_rss_mb": peak_rss_mb(),
        }


def _execute(run: HubRun, config: Config, job: str, tags: dict[str, str]) -> None:
    with _quiet(), _instance() as instance:
        # What programs created has no assets of its own: it comes and goes without a change of the configuration.
        definitions = build_definitions(config, run)
        # Nobody sees the reports of a run that Dagster does not keep.
        chosen = definitions.resolve_job_def(job)
        keys = None
        if instance.is_ephemeral:
            keys = [key for key in chosen.asset_layer.executable_asset_keys if key.path[-1] not in REPORTS]
        try:
            chosen.execute_in_process(_NO_LOG, instance=instance, tags=tags, asset_selection=keys)
        except dg.DagsterExecutionInterruptedError:
            raise KeyboardInterrupt from None
        except dg.DagsterError as error:
            # What a step raises comes back as it is; a broken law comes as an error of Dagster's.
            if run.error is None or run.ended:
                raise
            raise KehuError(f"nothing was published: {run.error}") from error


@contextmanager
def _instance() -> Iterator[dg.DagsterInstance]:
    if os.environ.get("DAGSTER_HOME"):
        with dg.DagsterInstance.get() as instance:
            yield instance
    else:
        with dg.DagsterInstance.ephemeral() as instance:
            yield instance


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dagster's remarks about its own young interfaces off stderr."""
    with warnings.catch_warnings():
        for kind in (dg.BetaWarning, dg.PreviewWarning, dg.SupersessionWarning):
            warnings.simplefilter("ignore", kind)
        yield
