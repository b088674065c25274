"""What a decision rested on, kept with it: standard values of the records, what each comparison said, weight and model.

A later run compares them with what the records say then (`matching.reopen`).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from matching.model.compiled import DIGITS
from serving.stewardship.bench import Bench

MOST_PAIRS = 300
"""So many pairs of a golden record are explained with a split; the records' values are kept of all."""


def evidence_of(bench: Bench, entity: str, records: Sequence[int]) -> tuple[dict[str, Any] | None, str | None]:
    """Evidence about some records and the model that it rests on; None where the hub has no model yet.

    `records`: record → the standard values that comparisons read. `weight` of a pair, prior included.
    """
    rules = bench.rules(entity)
    if rules is None:
        return None, None
    columns = sorted({c for comparison in rules.declaration.comparisons for c in comparison.columns})
    features = bench.features(entity, records)
    kept = {
        str(record): {c: found for c in columns if (found := one.get(c)) is not None}
        for record, one in sorted(features.items())
    }
    evidence: dict[str, Any] = {"records": kept}
    pairs = [pair for pair in itertools.combinations(sorted(features), 2)][:MOST_PAIRS]
    if len(features) == 2:
        left, right = pairs[0]
        weight, reasons = rules.compiled.explain(features[left], features[right])
        evidence["weight"] = round(weight, DIGITS)
        evidence["levels"] = {reason.comparison: reason.level for reason in reasons}
    return evidence, rules.model.model_id
