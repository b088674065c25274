"""A published model compiled to plain Python: one pair's match weight with the reason per attribute.

Equal to Splink's weight for the same two records (tested to 1e-9); no DuckDB, so it answers in microseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from math import log2
from typing import Any

from matching.model.conditions import Record, as_record, evaluated, to_bound, to_expression
from models.match_model import Comparison, PublishedModel

TF_FLOOR = 1e-7
"""No value counts as rarer than this."""
DIGITS = 9
"""Weights are rounded to so many decimal places: sums in another order differ behind them."""


@dataclass(frozen=True)
class Reason:
    """What one comparison adds to a match weight, in bits: its level's label, and how much of it rarity gave."""

    comparison: str
    level: str
    weight: float
    rarity: float


@dataclass(frozen=True)
class CompiledComparison:
    """A comparison: `level` gives the number of the level that two records fall on, `levels` those that a record may
    fall on with any other.

    Per level: its weight in bits; its u, and the column whose rare values count for more, if it has one.
    """

    declared: Comparison
    level: Callable[[Record, Record], int]
    levels: Callable[[Record], list[int]]
    weights: tuple[float, ...]
    columns: tuple[str | None, ...]
    u: tuple[float, ...]


def probability(weight: float) -> float:
    """The match probability of a match weight in bits: 2^w / (1 + 2^w)."""
    if weight < -1000:
        return 0.0
    if weight > 60:
        return 1.0
    odds: float = 2.0**weight
    return odds / (1.0 + odds)


class CompiledModel:
    """Scores pairs of feature records (mappings of the declaration's columns; absent keys are absent values)."""

    def __init__(self, model: PublishedModel):
        self.model = model
        self.prior_weight = log2(model.prior / (1.0 - model.prior))
        self.comparisons = [self._compiled(comparison) for comparison in model.declaration.comparisons]

    def knowing(self, apart: Collection[str]) -> list[CompiledComparison]:
        """The comparisons for pairs that share no value in the list columns `apart`, as is known beforehand."""
        return [self._compiled(comparison, apart) for comparison in self.model.declaration.comparisons]

    def _compiled(self, comparison: Comparison, apart: Collection[str] = ()) -> CompiledComparison:
        weights, columns, u = [], [], []
        for level, trained in zip(comparison.levels, self.model.levels[comparison.name], strict=True):
            weights.append(log2(trained.m) - log2(trained.u) if trained else 0.0)
            columns.append(level.term_frequency if trained and level.when.kind != "else" else None)
            u.append(trained.u if trained else 1.0)
        names = evaluated(_source_of(comparison, apart))
        return CompiledComparison(comparison, names["level"], names["levels"], tuple(weights), tuple(columns), tuple(u))

    def term_frequency(self, column: str, value: Any) -> float | None:
        """The share of a value of a term-frequency column; None for an absent value."""
        if value is None:
            return None
        return self.model.term_frequencies[column].get(str(value), self.model.rare[column])

    def rarity(self, column: str, u: float, a: Record, b: Record) -> float:
        """What the more common of two values of a term-frequency column adds to a level of this u, in bits."""
        shares = [s for s in (self.term_frequency(column, r[column]) for r in (a, b)) if s is not None]
        return log2(u) - log2(max(*shares, TF_FLOOR)) if shares else 0.0

    def part(self, compared: CompiledComparison, a: Record, b: Record) -> tuple[int, float, float]:
        """(number of the level, its weight with rarity, rarity) of one comparison of two records."""
        level = compared.level(a, b)
        column = compared.columns[level]
        rarity = self.rarity(column, compared.u[level], a, b) if column else 0.0
        return level, compared.weights[level] + rarity, rarity

    def weight(self, a: Mapping[str, Any], b: Mapping[str, Any]) -> float:
        """The match weight of two records in bits, prior included."""
        left, right = as_record(a), as_record(b)
        total = self.prior_weight
        for compared in self.comparisons:
            total += self.part(compared, left, right)[1]
        return total

    def explain(self, a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[float, list[Reason]]:
        """The match weight and what each comparison gave to it, in the order of the declaration."""
        left, right = as_record(a), as_record(b)
        total, reasons = self.prior_weight, []
        for compared in self.comparisons:
            level, weight, rarity = self.part(compared, left, right)
            total += weight
            reasons.append(Reason(compared.declared.name, compared.declared.levels[level].label, weight, rarity))
        return total, reasons


def _source_of(comparison: Comparison, apart: Collection[str]) -> str:
    """Two functions that go through the levels in their order; the last one is `else`."""
    *tried, _ = comparison.levels
    last = len(tried)
    level, levels = ["def level(a, b):"], ["def levels(a):", "    found = []"]
    for i, one in enumerate(tried):
        level += [f"    if {to_expression(one.when, apart)}:", f"        return {i}"]
        levels += [f"    if {to_bound(one.when, sure=False, apart=apart)}:", f"        found.append({i})"]
        levels += [f"        if {to_bound(one.when, sure=True, apart=apart)}:", "            return found"]
    level.append(f"    return {last}")
    levels.append(f"    return [*found, {last}]")
    return "\n".join([*level, *levels, ""])
