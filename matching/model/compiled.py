"""A published model compiled to plain Python: one pair's match weight with the reason per attribute.

Equal to Splink's weight for the same two records (tested to 1e-9); no DuckDB, so it answers in microseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log2
from typing import Any

from matching.model.conditions import Test, to_python
from matching.model.splink_model import TF_FLOOR
from models.match_model import PublishedModel

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Reason:
    """What one comparison adds to a match weight, in bits: its level's label, and how much of it rarity gave."""

    comparison: str
    level: str
    weight: float
    rarity: float


@dataclass(frozen=True)
class _Level:
    label: str
    test: Test
    weight: float
    column: str | None
    u: float


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
        self._comparisons: list[tuple[str, list[_Level]]] = []
        for comparison in model.declaration.comparisons:
            levels = []
            for level, trained in zip(comparison.levels, model.levels[comparison.name], strict=True):
                weight = log2(trained.m) - log2(trained.u) if trained else 0.0
                column = level.term_frequency if trained and level.when.kind != "else" else None
                levels.append(_Level(level.label, to_python(level.when), weight, column, trained.u if trained else 1.0))
            self._comparisons.append((comparison.name, levels))

    def term_frequency(self, column: str, value: Any) -> float | None:
        """The share of a value of a term-frequency column; None for an absent value."""
        if value is None:
            return None
        return self.model.term_frequencies[column].get(str(value), self.model.rare[column])

    def _rarity(self, level: _Level, a: Record, b: Record) -> float:
        if level.column is None:
            return 0.0
        shares = [s for s in (self.term_frequency(level.column, r.get(level.column)) for r in (a, b)) if s is not None]
        return log2(level.u) - log2(max(*shares, TF_FLOOR)) if shares else 0.0

    def weight(self, a: Record, b: Record) -> float:
        """The match weight of two records in bits, prior included."""
        total = self.prior_weight
        for _, levels in self._comparisons:
            for level in levels:
                if level.test(a, b):
                    total += level.weight + (self._rarity(level, a, b) if level.column else 0.0)
                    break
        return total

    def explain(self, a: Record, b: Record) -> tuple[float, list[Reason]]:
        """The match weight and what each comparison gave to it, in the order of the declaration."""
        total, reasons = self.prior_weight, []
        for name, levels in self._comparisons:
            level = next(candidate for candidate in levels if candidate.test(a, b))
            rarity = self._rarity(level, a, b)
            total += level.weight + rarity
            reasons.append(Reason(name, level.label, level.weight + rarity, rarity))
        return total, reasons


Scorer = Callable[[Record, Record], float]
