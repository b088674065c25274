"""A faster random generator: the standard Mersenne Twister with draws made from one float each.

`Random.randrange` and its kin reject to stay free of any bias; a bias of 2⁻⁵³ does not matter here and the time does.
"""

from bisect import bisect
from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Dice(Random):
    """Reproducible draws; one seed text gives one world, wherever Python's `random()` is the same."""

    def below(self, n: int) -> int:
        """A whole number from 0 to n - 1."""
        return int(self.random() * n)

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high - 1."""
        return low + int(self.random() * (high - low))

    def pick(self, items: Sequence[T]) -> T:
        """One of the items, all alike."""
        return items[int(self.random() * len(items))]

    def weighted(self, items: Sequence[T], cumulated: Sequence[float]) -> T:
        """One of the items, by cumulated weights."""
        return items[bisect(cumulated, self.random() * cumulated[-1], 0, len(items) - 1)]

    def word(self, items: Sequence[str], cumulated: Sequence[float], length: int) -> str:
        """`length` of the items joined, each by cumulated weights."""
        return "".join([self.weighted(items, cumulated) for _ in range(length)])
