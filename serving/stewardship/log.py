"""Earlier decisions, told for people: about records, about a golden record, or the newest of all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from models.config import Config
from models.store import Store
from serving.access import Principal
from serving.stewardship.bench import bench_of
from serving.stewardship.errors import Unknown


def decisions_about(store: Store, config: Config, who: Principal, records: Sequence[int]) -> list[dict[str, Any]]:
    """Every entry of the log about any of these records, the newest first, those that hold no more too.

    Each has what the log keeps (evidence and detail as objects), `holds`, `undone_by`, `left` and `right` as names.
    """
    who.require("tasks.read")
    rows = store.decisions_about(list(records), active_only=False).to_pylist()
    return _told(store, config, rows)


def decision_view(store: Store, config: Config, who: Principal, number: int) -> dict[str, Any]:
    """One entry of the log as `decisions_about` gives it, with the `records` it is about by name. Raises Unknown."""
    who.require("tasks.read")
    found = store.decision(number)
    if found is None:
        raise Unknown(f"there is no decision {number}")
    about = store.records_of_decision(number)
    held = bench_of(store, config).records(about)
    names = {n: held[n]["name"] if n in held else f"record {n}" for n in about}
    sides = {s: names.get(found[f"{s}_id"]) for s in ("left", "right")}
    return found | sides | {"records": names}


def _told(store: Store, config: Config, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = list(rows)
    sides = sorted({row[side] for row in rows for side in ("left_id", "right_id")} - {None})
    sides += [orjson.loads(row["detail"])["record"] for row in rows if row["verdict"] == "move" and row["detail"]]
    held = bench_of(store, config).records(sides)
    undone = {row["undoes"]: row["id"] for row in rows if row["undoes"] is not None}
    settled = {row["approves"]: row["verdict"] for row in rows if row["approves"] is not None}
    told = []
    for row in sorted(rows, key=lambda one: -one["id"]):
        for name in ("evidence", "detail"):
            row[name] = None if row[name] is None else orjson.loads(row[name])
        for side in ("left", "right"):
            number = row[f"{side}_id"]
            row[side] = None if number is None else held[number]["name"] if number in held else f"record {number}"
        if row["verdict"] == "move" and row["detail"]:
            number = row["detail"]["record"]
            row["left"] = held[number]["name"] if number in held else f"record {number}"
            row["right"] = row["detail"]["to"]
        row["undone_by"] = undone.get(row["id"])
        waits = row["approval"] is not None and settled.get(row["id"]) != "approve"
        row["holds"] = row["undoes"] is None and row["approves"] is None and row["undone_by"] is None and not waits
        told.append(row)
    return told
