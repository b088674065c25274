"""Expectation maximisation of m probabilities and the prior, without labels, on counted comparison vectors.

The model is Fellegi and Sunter's (1969) with conditionally independent comparisons, estimated as in Winkler (1988). Two
things differ from the textbook: m has a Dirichlet prior from the declaration, so that little data cannot make a level
absurd, and u is given (random pairs, value counts), so that what is learned is the excess of agreement over chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matching.model.patterns import Patterns

Floats = npt.NDArray[np.float64]


@dataclass
class Estimate:
    """m per comparison (an array per level, 0 for `missing`), expected matches per level, and the share of matches."""

    m: list[Floats]
    matches: list[Floats]
    share: float
    posterior: Floats


def log_ratios(
    levels: npt.NDArray[np.int16], m: list[Floats], u: list[Floats], used: list[int], declared: list[Floats]
) -> Floats:
    """log(P(vector | match) / P(vector | no match)) per pattern over the comparisons `used`; `missing` counts nothing.

    `declared` holds the natural logarithm of ratios that are not learned, NaN elsewhere.
    """
    total = np.zeros(len(levels))
    for k in used:
        learned = np.log(np.maximum(m[k], 1e-12)) - np.log(np.maximum(u[k], 1e-15))
        weight = np.where(np.isnan(declared[k]), learned, declared[k])
        weight[0] = 0.0
        total += weight[levels[:, k]]
    return total


def fit(
    patterns: Patterns,
    u: list[Floats],
    start: list[Floats],
    used: list[int],
    declared: list[Floats],
    *,
    strength: list[float],
    share: float,
    total_pairs: float | None = None,
    rounds: int = 60,
    learn_m: bool = True,
) -> Estimate:
    """Fits m of the comparisons `used` and the share of matches.

    `start` is both the first guess and the mean of the Dirichlet prior, `strength` its weight in pairs per comparison.
    With `total_pairs` the patterns are all that can match out of so many pairs, and `share` is the share among those.
    """
    m = [s.copy() for s in start]
    pairs = total_pairs or patterns.pairs
    posterior = np.zeros(len(patterns.counts))
    counts: list[Floats] = [np.zeros_like(s) for s in start]
    for _ in range(rounds):
        odds = np.log(share) - np.log1p(-share) + log_ratios(patterns.levels, m, u, used, declared)
        posterior = 1.0 / (1.0 + np.exp(-np.clip(odds, -700, 700)))
        weight = posterior * patterns.counts
        counts = [
            np.bincount(patterns.levels[:, k], weights=weight, minlength=len(first)).astype(np.float64)
            for k, first in enumerate(start)
        ]
        before = share
        share = float(np.clip((weight.sum() + 0.5) / (pairs + 1.0), 1e-12, 0.99))
        change = abs(np.log(share / before))
        if learn_m:
            for k in used:
                seen = counts[k][1:]
                new = (seen + strength[k] * start[k][1:]) / (seen.sum() + strength[k])
                change = max(change, float(np.abs(new - m[k][1:]).max()))
                m[k][1:] = new
        if change < 1e-4:
            break
    return Estimate(m, counts, share, posterior)
