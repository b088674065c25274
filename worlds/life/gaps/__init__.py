"""The gaps that are planted into otherwise clean histories, one kind per rule of the contracts that can be broken.

Each takes, spoils or adds something and says which findings must follow; nothing here evaluates a rule.
"""

from __future__ import annotations

from worlds.life.gaps import references, timing, values
from worlds.life.gaps.base import GAPS, Gap
from worlds.life.ledger import Customer, Ledger

__all__ = ["GAPS", "Gap", "fits", "plant", "references", "timing", "values"]


def plant(life: Ledger, c: Customer, name: str, day: int) -> None:
    """Plant a gap into the history of a customer on a day of the world."""
    c.gap, c.gap_day = name, day
    GAPS[name].plant(life, c)
    assert c.expected, name


def fits(c: Customer, name: str) -> bool:
    """Whether a gap can be planted into the history of a customer."""
    gap = GAPS[name]
    return not c.gap and c.story == gap.story and c.segment == gap.segment
