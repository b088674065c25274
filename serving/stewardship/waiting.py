"""Whether a task waits, and for whom: who comes second is told who was quicker."""

from __future__ import annotations

from typing import Any

from models.stewardship import OPEN_STATES
from models.store import Store
from serving.access import Principal
from serving.stewardship.errors import Claimed, Overtaken, Unknown

LEAD = "tasks.lead"


def open_task(store: Store, who: Principal, task_key: str) -> dict[str, Any]:
    """A task that waits and that `who` may work on. Raises Unknown, Overtaken, Claimed."""
    task = store.task(task_key)
    if task is None:
        raise Unknown(f"there is no task '{task_key}'")
    if task["status"] not in OPEN_STATES:
        said = store.decision(task["decision_id"]) if task["decision_id"] else None
        if said is None:
            raise Overtaken("this task is closed already: what it asked about has changed", at=task["closed_at"])
        words = f"{said['by']} decided this already: {said['verdict'].replace('_', ' ')}"
        raise Overtaken(words, by=said["by"], at=said["at"], verdict=said["verdict"], decision=said["id"])
    if task["claimed_by"] not in (None, who.name) and not who.may(LEAD):
        raise Claimed(f"{task['claimed_by']} is working on this task", by=task["claimed_by"])
    return task
