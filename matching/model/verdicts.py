"""What stewards' verdicts teach a model, and how well a model agrees with them.

The weights that were learned without labels are the prior; verdicts move them as far as they speak against it. Verdicts
are about doubtful pairs mostly: they say which agreement decides doubt, not how common matches are. The model's own
prior stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import log, log2, sqrt
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from matching.model.compiled import CompiledModel
from matching.model.conditions import Record
from matching.model.train import monotonic
from models.match_model import PublishedModel, TrainedLevel

Floats = npt.NDArray[np.float64]
SPREAD = 1.5
"""How far from what was learned without labels a level's weight may well lie, in bits (standard deviation)."""
FEWEST = 10
"""With fewer verdicts nothing is learned from them."""
_Z = 1.959964


class Labelled(NamedTuple):
    """Two records, and whether a steward said that they are one customer."""

    left: Record
    right: Record
    match: bool


@dataclass(frozen=True)
class Rate:
    """A share `of` so many, with the ends of its 95 % interval (Wilson); all None of nothing."""

    value: float | None
    low: float | None
    high: float | None
    of: int


@dataclass(frozen=True)
class Agreement:
    """How a model's weights agree with verdicts, when pairs of at least `threshold` bits count as matches."""

    threshold: float
    precision: Rate
    recall: Rate
    matches: int
    no_matches: int

    def as_dict(self) -> dict[str, Any]:
        """As plain dictionaries."""
        return asdict(self)


def wilson(hits: int, of: int) -> Rate:
    """A share with its 95 % interval (Wilson 1927)."""
    if not of:
        return Rate(None, None, None, 0)
    share = hits / of
    centre = share + _Z * _Z / (2 * of)
    spread = _Z * sqrt(share * (1 - share) / of + _Z * _Z / (4 * of * of))
    scale = 1 + _Z * _Z / of
    return Rate(share, max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale), of)


def agreement(weighed: Sequence[tuple[float, bool]], threshold: float) -> Agreement:
    """Precision and recall of (match weight, verdict) at a threshold."""
    taken = [match for weight, match in weighed if weight >= threshold]
    matches = sum(match for _, match in weighed)
    return Agreement(
        threshold, wilson(sum(taken), len(taken)), wilson(sum(taken), matches), matches, len(weighed) - matches
    )


def taught(model: PublishedModel, labelled: Sequence[Labelled], *, model_id: str) -> PublishedModel:
    """The model with the weights that are most likely given what it learned and what stewards said.

    Weights that are declared stay, and so does the order of the levels. With fewer than `FEWEST` verdicts the weights
    stay all the same.
    """
    told = {"verdicts": len(labelled), "matches": sum(one.match for one in labelled)}
    if len(labelled) < FEWEST:
        return model.model_copy(update={"model_id": model_id, "evaluation": {**model.evaluation, **told}})
    compiled = CompiledModel(model)
    places = _places(model)
    start = np.array([compiled.comparisons[k].weights[level] for k, level in places])
    number = {place: i for i, place in enumerate(places)}
    design = np.zeros((len(labelled), len(places)))
    offset = np.full(len(labelled), compiled.prior_weight)
    for row, (left, right, _) in enumerate(labelled):
        for k, compared in enumerate(compiled.comparisons):
            level, weight, rarity = compiled.part(compared, left, right)
            if (k, level) in number:
                design[row, number[k, level]] = 1.0
                offset[row] += rarity
            else:
                offset[row] += weight
    found = _fit(start, design, offset, np.array([one.match for one in labelled], np.float64))
    levels = _with_weights(model, {place: float(found[i]) for place, i in number.items()})
    return model.model_copy(update={"model_id": model_id, "levels": levels, "evaluation": {**model.evaluation, **told}})


def _places(model: PublishedModel) -> list[tuple[int, int]]:
    """Comparison and level of every weight that is learned."""
    return [
        (k, i)
        for k, comparison in enumerate(model.declaration.comparisons)
        for i, trained in enumerate(model.levels[comparison.name])
        if trained is not None and trained.origin != "declared"
    ]


def _fit(start: Floats, design: Floats, offset: Floats, match: Floats) -> Floats:
    """Maximum a posteriori of a logistic regression whose coefficients are weights in bits."""
    sign = 2.0 * match - 1.0

    def loss(weights: Floats) -> tuple[float, Floats]:
        odds = log(2.0) * (offset + design @ weights) * sign
        away = (weights - start) / SPREAD
        value = float(np.logaddexp(0.0, -odds).sum() + 0.5 * (away @ away))
        wrong = 1.0 / (1.0 + np.exp(np.clip(odds, -500, 500)))
        return value, -log(2.0) * (design.T @ (wrong * sign)) + away / SPREAD

    found: Floats = minimize(loss, start, jac=True, method="L-BFGS-B").x
    return found


def _with_weights(model: PublishedModel, weights: dict[tuple[int, int], float]) -> dict[str, list[TrainedLevel | None]]:
    out: dict[str, list[TrainedLevel | None]] = {}
    for k, comparison in enumerate(model.declaration.comparisons):
        trained = list(model.levels[comparison.name])
        mine = [i for i in range(len(trained)) if (k, i) in weights]
        if mine:
            sizes = np.array([level.m for i in mine if (level := trained[i]) is not None])
            straight = monotonic(np.array([weights[k, i] for i in mine]), sizes)
            for i, weight in zip(mine, straight.tolist(), strict=True):
                level = trained[i]
                assert level is not None
                if abs(weight - log2(level.m / level.u)) > 1e-9:
                    # Neither share may leave 0 to 1; only their ratio counts.
                    m = min(level.m, 2.0**weight)
                    trained[i] = level.model_copy(update={"m": m, "u": m / 2.0**weight})
        out[comparison.name] = trained
    return out
