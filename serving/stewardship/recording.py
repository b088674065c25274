"""Writing a decision down: the log, the audit log, the tasks that it closes or opens, its effect; all or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from connectors.mapping import remap
from matching.effect import Effect, take_effect
from matching.inputs import Raw
from models.stewardship import APPROVAL, PAIR
from serving.access import Principal
from serving.stewardship.bench import Bench
from serving.stewardship.done import Done
from serving.stewardship.following import tell
from serving.stewardship.four_eyes import approval_needed
from serving.stewardship.waiting import open_task


def record(
    bench: Bench,
    who: Principal,
    entry: Mapping[str, Any],
    *,
    task_key: str | None = None,
    about: Mapping[str, Any] | None = None,
) -> Done:
    """Append an entry and carry out what follows from it. `about` is the decision that an approval settles."""
    store = bench.store
    opened: list[str] = []
    closed: list[str] = []
    effect: Effect | None = None
    with store.deciding():
        if task_key is not None:
            open_task(store, who, task_key)  # nobody decided it since it was looked at
        entry = {**entry, "approval": approval_needed(bench, entry)}
        (number,) = store.add_decisions([entry])
        store.add_audit(
            who.name,
            f"decision.{'undo' if entry.get('undoes') else entry['verdict']}",
            object_type="decision",
            object_id=str(number),
            detail={
                name: entry[name]
                for name in ("kind", "entity_type", "left_id", "right_id", "reason", "undoes", "approves", "detail")
                if entry.get(name) is not None
            },
        )
        waiting = entry.get("approval") is not None
        if waiting:
            opened.append(_ask(bench, entry, number))
        if about is not None:
            key = _key(about)
            if store.close_task(key, decision_id=number):
                closed.append(key)
        if task_key is not None and not waiting:
            if entry["kind"] == PAIR and entry["verdict"] == "unsure":
                store.change_task(task_key, status="unsure", decision_id=number)
            elif store.close_task(task_key, decision_id=number):
                closed.append(task_key)
        if not waiting:
            effect = take_effect(store, bench.config, partial(_raw, bench))
    if effect is not None:
        tell(store)
    return _told(bench, entry, number, effect, waiting, opened, closed)


def _raw(bench: Bench, entity: str) -> Raw:
    return partial(remap, bench.config, entity=entity)


def _told(
    bench: Bench,
    entry: Mapping[str, Any],
    number: int,
    effect: Effect | None,
    waiting: bool,
    opened: list[str],
    closed: list[str],
) -> Done:
    if waiting:
        return Done(number, "waiting", _words(entry, None, waiting), opened=opened, closed=closed, task_key=opened[0])
    if effect is None:
        under_way = bench.store.run_under_way() is not None
        words = _words(entry, None, waiting, under_way)
        return Done(number, "recorded", words, opened=opened, closed=closed)
    return Done(
        number,
        "applied",
        _words(entry, effect, waiting),
        effect.before,
        effect.golden,
        effect.events,
        [*opened, *effect.opened],
        list(dict.fromkeys([*closed, *effect.closed])),
    )


def _key(said: Mapping[str, Any], number: int | None = None) -> str:
    kind = "change_request" if said["approval"] == "change_request" else "approval"
    return f"{kind}:{number or said['id']}"


def _ask(bench: Bench, entry: Mapping[str, Any], number: int) -> str:
    """Open the task that asks a second person."""
    key = _key(entry, number)
    task = {
        "task_key": key,
        "kind": key.partition(":")[0],
        "entity_type": entry["entity_type"],
        "left_id": entry.get("left_id"),
        "right_id": entry.get("right_id"),
        "reason": entry.get("reason"),
        "decision_id": number,
        "detail": {"by": entry["by"], "verdict": entry["verdict"], **(entry.get("detail") or {})},
    }
    bench.store.open_task(task, entry.get("records") or [])
    return key


_LATER = {True: "when the run that is under way has ended", False: "with the next run"}


def _words(entry: Mapping[str, Any], effect: Effect | None, waiting: bool, under_way: bool = False) -> str:
    """What happened, for people."""
    if waiting:
        return "Saved. It takes effect when a second person approves it."
    if entry["kind"] == APPROVAL:
        head = "Approved." if entry["verdict"] == "approve" else "Rejected."
    else:
        head = f"Decision {entry['undoes']} is undone." if entry.get("undoes") else "Saved."
    if effect is None:
        return f"{head} It takes effect {_LATER[under_way]}."
    about = [record for record in entry.get("records") or () if record in effect.golden]
    homes = {effect.golden[record] for record in about}
    if homes == {effect.before.get(record) for record in about}:
        return head
    records = "1 record has" if len(about) == 1 else f"{len(about)} records now have"
    return f"{head} {records} {len(homes)} golden record{'' if len(homes) == 1 else 's'}."
