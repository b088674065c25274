"""The lifecycle follows a decision between two runs: stages, findings and totals of whom it touched, and nobody else.

Evaluating takes longer than a decision may, so it is done after it, on a snapshot, and published only if nothing else
happened meanwhile. Whoever is interrupted loses nothing: what was not followed yet is found again, and the next run
evaluates every customer that decisions touched in any case.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from lifecycle.contracts import load_contracts
from lifecycle.engine import Result, evaluate, plan_lifecycle
from lifecycle.work import Forms
from models.config import Config
from models.store import RunOutcome, Store

ATTEMPTS = 5


@dataclass(frozen=True)
class Followed:
    """Which decisions (rows of `run`) the lifecycle follows now, what the evaluation found, and what it rests on.

    `since` is the last run that evaluated the lifecycle, `newest` the newest row of `run` at that moment.
    """

    decisions: list[str]
    since: str
    newest: str | None
    folder: Path
    result: Result


def follow_decisions(store: Store, config: Config, forms: Forms) -> Followed | None:
    """Let the lifecycle follow every decision that took effect since; None where there is nothing to follow.

    Nothing is done while a run is under way, which evaluates whom decisions touched itself, nor where the next run
    evaluates everybody anyway. Raises StoreError, ConfigErrors.
    """
    for _ in range(ATTEMPTS):
        with tempfile.TemporaryDirectory(prefix="kehu-follow-") as folder:
            found = _evaluated(store, config, forms, Path(folder))
            if found is None or _published(store, found):
                return found
    return None


def _evaluated(store: Store, config: Config, forms: Forms, folder: Path) -> Followed | None:
    with store.snapshot():
        since = store.lifecycle_run()
        rows, golden, records = store.to_follow(since) if since else ([], set(), set())
        if not rows or since is None or store.is_running():
            return None
        newest = store.newest_run_id()
        contracts = load_contracts(config)
        # The day is that of the last run, so that time passes with runs alone.
        plan = plan_lifecycle(store, config, contracts, dt.date.max)
        if plan.full:
            return None
        today = dt.date.fromisoformat(str(plan.standing["today"]))
        # More threads than one cost more than they gain for a few customers.
        config = config.model_copy(update={"threads": 1})
        plan = replace(plan, decided=(golden, records))
        found = evaluate(store, config, contracts, folder, run_id=rows[-1], today=today, forms=forms, plan=plan)
        return Followed(rows, since, newest, folder, found)


def _published(store: Store, found: Followed) -> bool:
    """Publish, unless something else was decided or a run began while it was evaluated."""
    outcome = found.result.outcome
    with store.deciding():
        if store.newest_run_id() != found.newest:
            return False
        run = None if outcome is None else RunOutcome(found.decisions[-1], found.folder, (), lifecycle=outcome)
        store.follow(found.decisions, found.since, run)
    return True
