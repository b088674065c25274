"""Working on tasks: claim, release, assign, due date, comment. Whoever decides about one is in `deciding`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from models.config import Config
from models.stewardship import OPEN_STATES
from models.store import Store
from serving.access import Principal
from serving.stewardship.deciding import LEAD, WORK
from serving.stewardship.errors import Claimed, Overtaken, Refused, StewardError, Unknown
from serving.stewardship.waiting import open_task


def claim(store: Store, config: Config, who: Principal, task_key: str) -> dict[str, Any]:
    """Take a waiting task; returns it. Raises Unknown, Overtaken (closed), Claimed (`by` has it)."""
    who.require(WORK)
    open_task(store, who, task_key)
    has = store.claim_task(task_key, who.name)
    if has is None:
        raise Overtaken("this task is closed already")
    if has != who.name:
        raise Claimed(f"{has} is working on this task", by=has)
    store.add_audit(who.name, "task.claim", object_type="task", object_id=task_key)
    return _task(store, task_key)


def release(store: Store, config: Config, who: Principal, task_key: str) -> dict[str, Any]:
    """Let go of one's task (a lead: of anybody's); returns it. Raises Unknown, Claimed."""
    who.require(WORK)
    task = _task(store, task_key)
    if task["claimed_by"] not in (None, who.name) and not who.may(LEAD):
        raise Claimed(f"{task['claimed_by']} is working on this task", by=task["claimed_by"])
    store.release_task(task_key)
    store.add_audit(who.name, "task.release", object_type="task", object_id=task_key)
    return _task(store, task_key)


def assign(store: Store, config: Config, who: Principal, task_key: str, to: str | None) -> dict[str, Any]:
    """Give a task to somebody (None: to nobody); returns it. Raises NotAllowed, Unknown, Overtaken."""
    who.require(LEAD)
    open_task(store, who, task_key)
    store.change_task(task_key, assigned_to=to)
    store.add_audit(who.name, "task.assign", object_type="task", object_id=task_key, detail={"to": to})
    return _task(store, task_key)


def set_due(store: Store, config: Config, who: Principal, task_key: str, due_at: dt.datetime | None) -> dict[str, Any]:
    """Say until when a task is to be done (None: whenever); returns it. Raises NotAllowed, Unknown, Overtaken."""
    who.require(LEAD)
    open_task(store, who, task_key)
    store.change_task(task_key, due_at=due_at)
    store.add_audit(who.name, "task.due", object_type="task", object_id=task_key, detail={"due_at": due_at})
    return _task(store, task_key)


def comment(store: Store, config: Config, who: Principal, task_key: str, text: str) -> list[dict[str, Any]]:
    """Say something about a task; returns all comments (id, at, by, text). Raises NotAllowed, Unknown, Refused."""
    who.require(WORK)
    _task(store, task_key)
    if not text.strip():
        raise Refused("the comment is empty")
    store.add_comment(task_key, who.name, text.strip())
    store.add_audit(who.name, "task.comment", object_type="task", object_id=task_key)
    return store.comments(task_key)


def for_each(
    act: Callable[..., Any], store: Store, config: Config, who: Principal, task_keys: Sequence[str], *args: Any
) -> dict[str, Any]:
    """One of the actions above for several tasks; what one raises (StewardError) stands in its place of the answer."""
    answers: dict[str, Any] = {}
    for key in dict.fromkeys(task_keys):
        try:
            answers[key] = act(store, config, who, key, *args)
        except StewardError as error:
            answers[key] = error
    return answers


def _task(store: Store, task_key: str) -> dict[str, Any]:
    found = store.task(task_key)
    if found is None:
        raise Unknown(f"there is no task '{task_key}'")
    return found | {"waits": found["status"] in OPEN_STATES}
