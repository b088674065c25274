"""Which decisions take effect only when a second person approves them, as the configuration says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from models.stewardship import PAIR, SPLIT, VALUE
from serving.stewardship.bench import Bench


def approval_needed(bench: Bench, entry: Mapping[str, Any]) -> str | None:
    """Why an entry of the log needs a second person; None where it does not. Undoing and approving never do."""
    if entry.get("undoes") or entry.get("approves"):
        return None
    if entry.get("approval"):
        return str(entry["approval"])
    rules = bench.config.stewardship.four_eyes
    if entry["kind"] == PAIR and entry["verdict"] == "match":
        return _merge(bench, entry)
    if entry["kind"] == SPLIT and rules.splits:
        return "a split"
    if entry["kind"] == VALUE and (name := entry["detail"]["attribute"]):
        if "*" in rules.edits or name in rules.edits:
            return f"a decision about {name}"
    return None


def _merge(bench: Bench, entry: Mapping[str, Any]) -> str | None:
    rules, store = bench.config.stewardship.four_eyes, bench.store
    if not rules.merge_segments and rules.merge_records is None:
        return None
    homes = sorted(set(store.memberships([entry["left_id"], entry["right_id"]])["golden_id"].to_pylist()))
    if len(homes) < 2:
        return None
    rows = store.golden_by_id(homes).to_pylist()
    segments = [str(orjson.loads(row["values"]).get("segment")) for row in rows]
    if above := sorted(set(segments) & set(rules.merge_segments)):
        return f"a merge in segment {above[0]}"
    together = sum(row["records"] for row in rows)
    if rules.merge_records is not None and together >= rules.merge_records:
        return f"a merge of {together} records"
    return None
