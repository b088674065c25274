"""One record scored against many: those that can no longer reach the weight that is asked for are given up early."""

from __future__ import annotations

from math import log2
from typing import Any

from matching.model.compiled import TF_FLOOR, CompiledComparison, CompiledModel
from matching.model.conditions import Record

_COST = {"jaro_winkler": 8.0, "levenshtein": 8.0, "jaccard": 4.0, "contained": 4.0, "overlap": 2.0}
_SLACK = 1e-6  # sums in another order differ far behind it


class Pruning:
    """What is known of a model's comparisons before any record is seen: how much looking at each costs."""

    def __init__(self, model: CompiledModel):
        self.model = model
        self.costs = [2.0 + sum(_cost(at.when) for at in c.declared.levels) for c in model.comparisons]

    def against(self, record: Record, at_least: float) -> Against:
        """Tells which records may have a match weight of `at_least` bits with `record`."""
        return Against(self, record, at_least)


class Against:
    """Tells of others whether their match weight with one record may be as much as is asked for."""

    def __init__(self, pruning: Pruning, record: Record, at_least: float):
        model = pruning.model
        self._part, self._record, self._floor = model.part, record, at_least - _SLACK
        self._start = model.prior_weight
        steps = []
        for compared, cost in zip(model.comparisons, pruning.costs, strict=True):
            levels = compared.levels(record)
            most = max(_most(model, compared, level, record) for level in levels)
            self._start += most
            if len(levels) > 1:
                gain = most - min(compared.weights[level] for level in levels)
                steps.append((gain / cost, compared, most))
        # What may tell much and costs little comes first, so that what costs much is seldom looked at.
        steps.sort(key=lambda step: -step[0])
        self._steps = [step[1:] for step in steps]

    def may_reach(self, other: Record) -> bool:
        """Whether the weight may be as much; where this says no, it is not."""
        part, record, floor, reach = self._part, self._record, self._floor, self._start
        for compared, most in self._steps:
            reach += part(compared, record, other)[1] - most
            if reach < floor:
                return False
        return True


def _most(model: CompiledModel, compared: CompiledComparison, level: int, record: Record) -> float:
    """The most that a level can weigh for `record` and any other, in bits."""
    weight, column = compared.weights[level], compared.columns[level]
    if column is None:
        return weight
    # The more common of two values counts; with none on this side the other's may be the rarest there is.
    share = model.term_frequency(column, record[column])
    rarity = log2(compared.u[level]) - log2(max(share or 0.0, TF_FLOOR))
    return weight + (rarity if share is not None else max(rarity, 0.0))


def _cost(condition: Any) -> float:
    if condition.kind in ("all", "any"):
        return sum(_cost(part) for part in condition.of)
    return _cost(condition.of) if condition.kind == "not" else _COST.get(condition.kind, 1.0)
