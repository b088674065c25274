"""Findings given to stewards: a task that stays until somebody says it is done, or a delivery closes the finding."""

from __future__ import annotations

import datetime as dt
from typing import Any

from models.config import Config
from models.store import Store
from models.store.ranking import rank_tasks
from serving.access import Principal
from serving.stewardship.deciding import WORK
from serving.stewardship.errors import Refused, Unknown
from serving.stewardship.waiting import open_task

ACT = "findings.act"
_TOLD = ("rule", "severity", "stage", "source", "stream", "source_key", "field", "golden_id", "record_id")


def give_finding(
    store: Store,
    config: Config,
    who: Principal,
    finding_id: int,
    *,
    to: str | None = None,
    due_at: dt.datetime | None = None,
    note: str = "",
) -> dict[str, Any]:
    """Open the task of a finding for somebody (None: for whoever takes it), or give the open one; returns the task.

    Raises NotAllowed, Unknown, Refused where the finding is closed.
    """
    who.require(ACT)
    found = store.findings_by_id([finding_id]).to_pylist()
    if not found:
        raise Unknown(f"there is no finding {finding_id}")
    (finding,) = found
    if finding["status"] != "open":
        raise Refused(f"finding {finding_id} is closed already")
    key = key_of(finding_id)
    members: list[int] = []
    entity = "organization"
    if finding["golden_id"] is not None:
        members = sorted(store.members_of([finding["golden_id"]])["record_id"].to_pylist())
        golden = store.golden_by_id([finding["golden_id"]]).to_pylist()
        entity = golden[0]["entity_type"] if golden else entity
    task = {
        "task_key": key,
        "kind": "finding",
        "entity_type": entity,
        "reason": note.strip() or None,
        "assigned_to": to,
        "due_at": due_at,
        "detail": {"finding_id": str(finding_id), "by": who.name, **{n: finding[n] for n in _TOLD}},
    }
    with store.deciding() as connection:
        store.open_task(task, members)
        rank_tasks(connection, config.ranking(), [key])
        detail = {"to": to, "due_at": due_at, "task": key}
        store.add_audit(who.name, "finding.give", object_type="finding", object_id=str(finding_id), detail=detail)
        if note.strip():
            store.add_comment(key, who.name, note.strip())
    given = store.task(key)
    assert given is not None
    return given


def finish(store: Store, config: Config, who: Principal, task_key: str, *, note: str = "") -> dict[str, Any]:
    """Say that what a finding asked for is done; closes the task, not the finding, which a delivery closes.

    Raises NotAllowed, Unknown, Overtaken, Claimed, Refused for a task of another kind.
    """
    who.require(WORK)
    task = open_task(store, who, task_key)
    if task["kind"] != "finding":
        raise Refused("this task asks for a decision; only one that came of a finding is simply done")
    with store.deciding():
        if note.strip():
            store.add_comment(task_key, who.name, note.strip())
        store.close_task(task_key)
        store.add_audit(
            who.name, "task.done", object_type="task", object_id=task_key, detail={"note": note} if note else None
        )
    closed = store.task(task_key)
    assert closed is not None
    return closed


def task_of_finding(store: Store, finding_id: int) -> dict[str, Any] | None:
    """The task of a finding, closed or not; None where it was never given to anybody."""
    return store.task(key_of(finding_id))


def key_of(finding_id: int) -> str:
    """The key of the task of a finding."""
    return f"finding:{finding_id}"
