"""The list of gaps, and how one gets onto it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from worlds.life.ledger import Customer, Ledger

Plant = Callable[[Ledger, Customer], None]


@dataclass(frozen=True)
class Gap:
    """A kind of gap, and the customers into whose history it fits."""

    plant: Plant
    story: str
    segment: str = "ordinary"


GAPS: dict[str, Gap] = {}


def gap(name: str, story: str, segment: str = "ordinary") -> Callable[[Plant], Plant]:
    """Put what is defined below onto the list."""

    def add(plant: Plant) -> Plant:
        GAPS[name] = Gap(plant, story, segment)
        return plant

    return add


def open_lead(life: Ledger, c: Customer, ago: int) -> dict[str, str]:
    """What every lead has, without its status."""
    return {"party_key": c.accounts[0], "occurred_at": life.ago(ago), "owner": c.seller, "channel": "电话"}
