"""What a decision rested on, kept with it: standard values of the records, what each comparison said, weight and model.

A later run compares them with what the records say then (`matching.reopen`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matching.model.compiled import DIGITS
from serving.stewardship.bench import Bench


def evidence_of(bench: Bench, entity: str, records: Sequence[int]) -> tuple[dict[str, Any] | None, str | None]:
    """Evidence about some records and the model that it rests on; None where the hub has no model yet.

    `records`: record → its standard values. Of a pair also its `weight`, prior included, and the level of each
    comparison.
    """
    rules = bench.rules(entity)
    if rules is None:
        return None, None
    held = bench.records(records)
    kept = {
        str(record): {name: value for name, value in held[record]["standard"].items() if name != "reasons"}
        for record in sorted(held)
        if not held[record]["deleted"]
    }
    features = bench.features(entity, records) if len(kept) == 2 else {}
    evidence: dict[str, Any] = {"records": kept}
    if len(features) == 2:
        left, right = sorted(features)
        weight, reasons = rules.compiled.explain(features[left], features[right])
        evidence["weight"] = round(weight, DIGITS)
        evidence["levels"] = {reason.comparison: reason.level for reason in reasons}
    return evidence, rules.model.model_id
