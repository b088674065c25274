"""`kehu run` and `kehu train` without Dagster's pages.

A run is recorded by Dagster, as assets that were materialised, when DAGSTER_HOME is set; otherwise the same steps are
taken without it.
"""

from __future__ import annotations

import os
from typing import Any

from connectors.period import Period
from models.config import Config
from orchestration.hub_run import Tell, open_run
from orchestration.sequence import take_steps
from orchestration.steps import compare, party_types, peak_rss_mb, train, verify
from orchestration.summary import summary


def run_hub(
    config: Config,
    *,
    full: bool = False,
    source: str | None = None,
    progress: Tell | None = None,
    trigger: str = "cli",
    period: Period | None = None,
    replay: tuple[str, str] | None = None,
) -> dict[str, Any]:
    """Read the sources (or the one named), resolve what changed (or everything), publish; returns the summary.

    A source that fails is in `failed_sources`, and the others are published without it. `trigger` is a tag of the run.
    `period` reads what the named source changed in it; `replay`, a (stream, batch), takes a landed batch of it again.
    Raises KehuError with a message for the user: LockError when another run holds the hub, StoreError when the disk is
    full or the database lost; nothing of the run is published then. Raises KeyError for an unknown source.
    """
    named = None if source is None else config.source(source)
    with open_run(config, full=full, keep_going=True, tell=progress) as run:
        run.period, run.replay = period, replay
        if os.environ.get("DAGSTER_HOME"):
            from orchestration.recorded import execute

            execute(run, config, full=full, source=source, trigger=trigger)
        else:
            take_steps(run, named)
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
