"""Scores of a partition against the truth: over pairs of records and over whole clusters."""

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Rates:
    """Precision, recall and their harmonic mean, each from 0 to 1."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """2PR / (P + R), 0 when both are 0."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


@dataclass(frozen=True, slots=True)
class Score:
    """Pairwise and cluster rates over `records` records with truth, of which `missing` have no golden id."""

    records: int
    missing: int
    pairs: Rates
    clusters: Rates


def score(found: Mapping[K, str], truth: Mapping[K, str]) -> Score:
    """Compare golden ids with entity ids, both by record; records without truth are left out.

    Pairwise: a pair of records is right when both partitions have it together; a record without a golden id is in no
    pair. Cluster: a golden record is right when its members with truth are exactly the records of one entity.
    """
    known = [(found[k], entity) for k, entity in truth.items() if k in found]
    both, mine, true = Counter(known), Counter(g for g, _ in known), Counter(truth.values())
    right = _pairs(both)
    exact = sum(n == mine[g] == true[e] for (g, e), n in both.items())
    pairs = Rates(_share(right, _pairs(mine)), _share(right, _pairs(true)))
    clusters = Rates(_share(exact, len(mine)), _share(exact, len(true)))
    return Score(len(truth), len(truth) - len(known), pairs, clusters)


def _pairs(sizes: Counter[str] | Counter[tuple[str, str]]) -> int:
    return sum(n * (n - 1) // 2 for n in sizes.values())


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
