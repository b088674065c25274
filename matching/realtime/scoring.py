"""One record scored against many: those that can no longer reach the weight that is asked for are given up early.

Most records share no contact value with the one asked about, which their match keys tell beforehand. For these it is
not even looked up whom their contact values stand for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log2
from typing import Any

from matching.model.compiled import TF_FLOOR, CompiledComparison, CompiledModel
from matching.model.conditions import Record
from models.match_model import condition_columns

_COST = {"jaro_winkler": 8.0, "levenshtein": 8.0, "jaccard": 4.0, "contained": 4.0, "overlap": 2.0}
_SLACK = 1e-6  # sums in another order differ far behind it

Test = Callable[[Record], bool]
"""Whether another record's match weight may be as much as is asked for; where this says no, it is not."""


@dataclass(frozen=True)
class _Step:
    """A comparison as it is before any record is seen: what looking at it costs, and whether it can be looked at."""

    compared: CompiledComparison
    cost: float
    blind: bool


class Pruning:
    """What is known of a model's comparisons before any record is seen. Safe to use from several threads."""

    def __init__(self, model: CompiledModel):
        self.model = model
        self._whole = [_Step(c, _cost_of(c), False) for c in model.comparisons]
        self._apart: dict[frozenset[str], list[_Step]] = {}

    def against(self, record: Record, at_least: float) -> Test:
        """Tells which records may have a match weight of `at_least` bits with `record`."""
        return _test(self.model, self._whole, record, at_least)

    def apart(self, record: Record, at_least: float, columns: frozenset[str]) -> Test:
        """`against`, for records that share no value of the contact columns `columns` with `record`.

        Whom the contact values of the other record stand for is not asked.
        """
        steps = self._apart.get(columns)
        if steps is None:
            lists = {name + end for name in columns for end in ("", "_own", "_shared")}
            contacts = self.model.model.declaration.contacts
            hidden = {kind.column + end for kind in contacts for end in ("_own", "_shared")}
            # A comparison that asks whether there are contact values at all stays at the most that it can give.
            steps = self._apart[columns] = [
                _Step(c, _cost_of(c), bool(_read(c, lists) & hidden)) for c in self.model.knowing(lists)
            ]
        return _test(self.model, steps, record, at_least)


def _test(model: CompiledModel, steps: list[_Step], record: Record, at_least: float) -> Test:
    rarity, floor, start = model.rarity, at_least - _SLACK, model.prior_weight
    looked: list[tuple[float, CompiledComparison, list[float]]] = []
    for step in steps:
        compared = step.compared
        levels = compared.levels(record)
        most = max(_most(model, compared, level, record) for level in levels)
        start += most
        if len(levels) > 1 and not step.blind:
            gain = most - min(compared.weights[level] for level in levels)
            looked.append((gain / step.cost, compared, [weight - most for weight in compared.weights]))
    if start < floor:
        return lambda other: False
    # What may tell much and costs little comes first, so that what costs much is seldom looked at.
    looked.sort(key=lambda one: -one[0])
    order = [(compared.level, losses, compared.columns, compared.u) for _, compared, losses in looked]

    def may_reach(other: Record) -> bool:
        reach = start
        for level_of, losses, columns, u in order:
            level = level_of(record, other)
            reach += losses[level]
            if (column := columns[level]) is not None:
                reach += rarity(column, u[level], record, other)
            if reach < floor:
                return False
        return True

    return may_reach


def _most(model: CompiledModel, compared: CompiledComparison, level: int, record: Record) -> float:
    """The most that a level can weigh for `record` and any other, in bits."""
    weight, column = compared.weights[level], compared.columns[level]
    if column is None:
        return weight
    # The more common of two values counts; with none on this side the other's may be the rarest there is.
    share = model.term_frequency(column, record[column])
    rarity = log2(compared.u[level]) - log2(max(share or 0.0, TF_FLOOR))
    return weight + (rarity if share is not None else max(rarity, 0.0))


def _read(compared: CompiledComparison, apart: set[str]) -> set[str]:
    """The columns that a comparison still reads where the lists `apart` are known to share nothing."""

    def inside(condition: Any) -> set[str]:
        if condition.kind in ("all", "any"):
            return {name for one in condition.of for name in inside(one)}
        if condition.kind == "not":
            return inside(condition.of)
        return set() if condition.kind == "overlap" and condition.column in apart else {*condition_columns(condition)}

    return {name for level in compared.declared.levels for name in inside(level.when)}


def _cost_of(compared: CompiledComparison) -> float:
    return 2.0 + sum(_cost(level.when) for level in compared.declared.levels)


def _cost(condition: Any) -> float:
    if condition.kind in ("all", "any"):
        return sum(_cost(part) for part in condition.of)
    return _cost(condition.of) if condition.kind == "not" else _COST.get(condition.kind, 1.0)
