"""Decisions about pairs of records, moves and splits, approvals, and taking any of them back.

Each is checked, written into the log with its evidence and into the audit log, and applied, in one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from models.config import Config
from models.stewardship import APPROVAL, PAIR, SPLIT, PairVerdict
from models.store import Store
from serving.access import NotAllowed, Principal
from serving.stewardship.bench import Bench, bench_of
from serving.stewardship.contradictions import Contradicts, contradictions, refuse
from serving.stewardship.done import Done
from serving.stewardship.errors import Claimed, Overtaken, Refused, Unknown
from serving.stewardship.evidence import evidence_of
from serving.stewardship.recording import record
from serving.stewardship.waiting import open_task

WORK, LEAD = "tasks.work", "tasks.lead"
Side = Literal["left", "right"]


def decide_pair(
    store: Store,
    config: Config,
    who: Principal,
    verdict: PairVerdict,
    left: int,
    right: int,
    *,
    reason: str,
    seen: int | None = None,
    task_key: str | None = None,
    despite: bool = False,
    only: Side | None = None,
) -> Done:
    """Say that two source records are one customer (`match`), are not (`no_match`), or that one cannot tell (`unsure`).

    A match joins the golden records of the two, whole. Where a hard rule keeps these apart, Contradicts is raised
    unless `despite` says that this is known. With `only`, that record alone goes over to the other's golden record;
    what it leaves behind is another customer then.

    `seen` is the last decision (`TaskView.seen`) that who decides could know of: a newer one about both records raises
    Overtaken. `task_key` closes that task with it (with `unsure`: leaves it open as such).

    Raises NotAllowed, Unknown, Refused, Overtaken, Contradicts.
    """
    who.require(WORK)
    bench = bench_of(store, config)
    low, high = min(left, right), max(left, right)
    if low == high:
        raise Refused("a record cannot be decided against itself")
    if verdict not in ("match", "no_match", "unsure"):
        raise Refused(f"there is no verdict '{verdict}'; there are match, no_match, unsure")
    rows = bench.records([low, high])
    for number in (low, high):
        if number not in rows:
            raise Unknown(f"the hub holds no record {number}")
    types = {row["entity_type"] for row in rows.values()}
    if len(types) > 1:
        raise Refused(f"{rows[low]['name']} is of type {rows[low]['entity_type']}, {rows[high]['name']} is not")
    entity = types.pop()
    if seen is not None:
        _not_overtaken(store, (low, high), seen, who)
    if only is not None and verdict != "match":
        raise Refused("only with a match one record goes over alone")
    homes = [row["golden_id"] for row in rows.values() if row["golden_id"]]
    mover, host = (right, left) if only == "right" else (left, right)
    moves = only is not None and len(set(homes)) == 2 and len(_members(store, rows[mover]["golden_id"])) > 1
    rules: list[str] = []
    if verdict == "match":
        found = contradictions(bench, entity, mover, host, alone=moves)
        if not despite:
            refuse(found, homes)
        rules = [one.rule for one in found]
    if moves:
        entry = _move(bench, who, rows[mover], rows[host], reason)
    else:
        entry = _entry(bench, who, PAIR, verdict, entity, [low, high], reason) | {"left_id": low, "right_id": high}
    if rules:
        entry["detail"] = {**entry.get("detail", {}), "despite": rules}
    return record(bench, who, entry, task_key=task_key)


def decide_task(
    store: Store,
    config: Config,
    who: Principal,
    task_key: str,
    verdict: PairVerdict,
    *,
    reason: str = "",
    seen: int | None = None,
    despite: bool = False,
    only: Side | None = None,
) -> Done:
    """Decide about the pair that a task asks about, and close it (with `unsure` it waits for somebody who knows more).
    `despite` and `only` as of `decide_pair`, the left record being that with the smaller number.

    Raises Unknown, Overtaken where it was decided already (`by`, `at`, `verdict` in its detail), Claimed where it is
    somebody else's, Refused where the task is not about a pair, Contradicts.
    """
    who.require(WORK)
    task = open_task(store, who, task_key)
    if task["left_id"] is None or task["right_id"] is None:
        raise Refused(f"a task of kind {task['kind']} is not about a pair of records")
    left, right = task["left_id"], task["right_id"]
    said = reason or f"decided in task {task_key}"
    more: dict[str, Any] = {"seen": seen, "task_key": task_key, "despite": despite, "only": only}
    return decide_pair(store, config, who, verdict, left, right, reason=said, **more)


def decide_tasks(
    store: Store, config: Config, who: Principal, task_keys: Sequence[str], verdict: PairVerdict, *, reason: str = ""
) -> dict[str, Done | Exception]:
    """`decide_task` for several; each by itself, so that one that fails (its error stands in the answer) stops none."""
    who.require(LEAD)
    answers: dict[str, Done | Exception] = {}
    for key in dict.fromkeys(task_keys):
        try:
            answers[key] = decide_task(store, config, who, key, verdict, reason=reason)
        except (Unknown, Refused, Overtaken, Claimed, Contradicts) as error:
            answers[key] = error
    return answers


def split(
    store: Store,
    config: Config,
    who: Principal,
    golden_id: str,
    parts: Sequence[Sequence[int]],
    *,
    reason: str,
    version: int | None = None,
    task_key: str | None = None,
) -> Done:
    """Distribute the source records of a golden record over several: each part becomes one of its own.

    Every record of the golden record stands in exactly one part. The part with the larger overlap keeps the id. With
    `version`, Overtaken is raised where the golden record has another one by now.

    Raises NotAllowed, Unknown, Refused, Overtaken.
    """
    who.require(LEAD)
    bench = bench_of(store, config)
    golden = _golden(store, golden_id)
    if version is not None and golden["version"] != version:
        raise Overtaken(f"the golden record changed meanwhile (version {golden['version']}, you saw {version})")
    members = sorted(store.members_of([golden["golden_id"]])["record_id"].to_pylist())
    named = [number for part in parts for number in part]
    if len(parts) < 2 or not all(parts):
        raise Refused("a split needs at least two parts with a record each")
    if len(set(named)) != len(named):
        raise Refused("a record stands in two parts")
    if sorted(named) != members:
        raise Refused("the parts must hold exactly the records of the golden record", members=members)
    ordered = sorted((sorted(part) for part in parts), key=lambda part: part[0])
    entry = _entry(bench, who, SPLIT, "split", golden["entity_type"], members, reason)
    entry["detail"] = {"parts": ordered, "golden_id": golden["golden_id"]}
    return record(bench, who, entry, task_key=task_key)


def undo(store: Store, config: Config, who: Principal, decision_id: int, *, reason: str) -> Done:
    """Take a decision back; the golden ids of before come back with it. It stays in the log, with this entry after it.

    Whoever may only `tasks.work` undoes their own decisions. Raises NotAllowed, Unknown, Overtaken where it was undone.
    """
    who.require(WORK)
    said = _decision(store, decision_id)
    if said["by"] != who.name and not who.may(LEAD):
        raise NotAllowed(LEAD)
    if said["undoes"] is not None or said["kind"] == APPROVAL:
        raise Refused(f"entry {decision_id} is no decision that can be undone; decide again instead")
    if said["undone_by"] is not None:
        later = _decision(store, said["undone_by"])
        words = f"decision {decision_id} was undone already, by {later['by']}"
        raise Overtaken(words, by=later["by"], at=later["at"], decision=later["id"])
    about = {name: said[name] for name in ("kind", "verdict", "entity_type", "left_id", "right_id")}
    entry = {**about, "by": who.name, "reason": reason, "undoes": decision_id, "records": _records(store, decision_id)}
    return record(bench_of(store, config), who, entry)


def approve(
    store: Store,
    config: Config,
    who: Principal,
    decision_id: int,
    *,
    reason: str = "",
    verdict: Literal["approve", "reject"] = "approve",
) -> Done:
    """Approve (or reject) what somebody else decided and four eyes are asked for; from then on it holds.

    Raises NotAllowed (also for one's own decision), Unknown, Overtaken where it was settled or undone.
    """
    who.require(LEAD)
    said = _decision(store, decision_id)
    if said["approval"] is None:
        raise Refused(f"decision {decision_id} needs no approval")
    if said["by"] == who.name:
        raise Refused("four eyes: a second person must approve what you decided")
    if said["settled"] is not None or said["undone_by"] is not None:
        later = _decision(store, said["settled_by"] or said["undone_by"])
        words = f"decision {decision_id} was settled already, by {later['by']}"
        raise Overtaken(words, by=later["by"], at=later["at"], verdict=later["verdict"], decision=later["id"])
    entry = {
        "kind": APPROVAL,
        "verdict": verdict,
        "entity_type": said["entity_type"],
        "by": who.name,
        "reason": reason,
        "approves": decision_id,
        "records": _records(store, decision_id),
    }
    return record(bench_of(store, config), who, entry, about=said)


def reject(store: Store, config: Config, who: Principal, decision_id: int, *, reason: str) -> Done:
    """Reject what somebody decided: it never takes effect. Raises as `approve`."""
    return approve(store, config, who, decision_id, reason=reason, verdict="reject")


def _move(
    bench: Bench, who: Principal, mover: Mapping[str, Any], host: Mapping[str, Any], reason: str
) -> dict[str, Any]:
    """The entry by which a record goes over to another's golden record: of whom it leaves it is told apart."""
    number = mover["record_id"]
    left = [one for one in _members(bench.store, mover["golden_id"]) if one != number]
    gained = sorted([*_members(bench.store, host["golden_id"]), number])
    entry = _entry(bench, who, SPLIT, "move", mover["entity_type"], sorted([*left, *gained]), reason)
    parts = sorted((left, gained), key=lambda part: part[0])
    entry["detail"] = {"parts": parts, "record": number, "golden_id": mover["golden_id"], "to": host["golden_id"]}
    return entry


def _members(store: Store, golden_id: str) -> list[int]:
    return sorted(store.members_of([golden_id])["record_id"].to_pylist())


def _entry(
    bench: Bench, who: Principal, kind: str, verdict: str, entity: str, records: Sequence[int], reason: str
) -> dict[str, Any]:
    evidence, model_id = evidence_of(bench, entity, records)
    return {
        "kind": kind,
        "verdict": verdict,
        "entity_type": entity,
        "by": who.name,
        "reason": reason,
        "evidence": evidence,
        "model_id": model_id,
        "records": list(records),
    }


def _not_overtaken(store: Store, pair: tuple[int, int], seen: int, who: Principal) -> None:
    for row in store.decisions_about(list(pair), active_only=False).to_pylist():
        about = row["kind"] == SPLIT or {row["left_id"], row["right_id"]} == set(pair)
        if row["id"] > seen and about and row["by"] != who.name:
            words = f"{row['by']} decided this meanwhile: {row['verdict'].replace('_', ' ')}"
            raise Overtaken(words, by=row["by"], at=row["at"], verdict=row["verdict"], decision=row["id"])


def _golden(store: Store, golden_id: str) -> Mapping[str, Any]:
    found = store.resolve_id(golden_id)
    if found is None:
        raise Unknown(f"there is no golden record {golden_id}")
    (row,) = store.golden_by_id([found]).to_pylist()
    if row["status"] != "active":
        raise Refused(f"golden record {golden_id} is retired")
    return dict(row)


def _decision(store: Store, number: int) -> dict[str, Any]:
    found = store.decision(number)
    if found is None:
        raise Unknown(f"there is no decision {number}")
    return found


def _records(store: Store, number: int) -> list[int]:
    return store.records_of_decision(number)
