"""Groups in the 360 view: own totals and those with everything below, two parents, companies in a circle."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from lifecycle.view360.company import hierarchy
from lifecycle.view360.document import Hierarchy
from lifecycle.view360.gather import Company, Facts


def company(name: str, revenue: float, *parents: str, vehicles: int = 0) -> Company:
    state = {"revenue": revenue, "findings": 1, "profile": {"vehicles": vehicles}}
    return Company(name, name.upper(), state, list(parents))


def drawn(me: str, *companies: Company, cut: bool = False) -> Hierarchy:
    golden: Any = SimpleNamespace(golden_id=me)
    facts: Any = SimpleNamespace(golden=golden, group=list(companies), group_cut=cut, names={}, state={})
    return hierarchy(cast(Facts, facts))


def sums(found: Hierarchy) -> dict[str, tuple[float, float]]:
    return {n.golden_id: (n.own.revenue, n.rolled_up.revenue) for n in found.nodes}


def test_totals_roll_up_over_all_levels() -> None:
    two = company("a", 1, vehicles=2), company("b", 10, "a", vehicles=3)
    found = drawn("b", *two, company("c", 100, "a"), company("d", 1000, "b"))
    assert sums(found) == {"a": (1, 1111), "b": (10, 1010), "d": (1000, 1000), "c": (100, 100)}
    assert [(n.golden_id, n.level, n.parent, n.is_self) for n in found.nodes] == [
        ("a", 0, None, False),
        ("b", 1, "a", True),
        ("d", 2, "b", False),
        ("c", 1, "a", False),
    ]
    assert found.nodes[0].rolled_up.vehicles == 5 and found.nodes[0].rolled_up.findings == 4
    assert found.head == "a" and not found.cycle and not found.cut


def test_a_company_with_two_parents_counts_once() -> None:
    found = drawn("d", company("a", 1), company("b", 10, "a"), company("c", 100, "a"), company("d", 1000, "b", "c"))
    assert sums(found)["a"] == (1, 1111) and sums(found)["b"] == (10, 1010) and sums(found)["c"] == (100, 100)
    shared = next(n for n in found.nodes if n.golden_id == "d")
    assert shared.parent == "b" and shared.other_parents == ["c"]


@pytest.mark.parametrize("me", ["a", "b", "c"])
def test_companies_that_own_each_other_in_a_circle_are_cut_at_the_first(me: str) -> None:
    found = drawn(me, company("a", 1, "c"), company("b", 10, "a"), company("c", 100, "b"))
    assert found.cycle and [n.golden_id for n in found.nodes] == ["a", "b", "c"]
    assert sums(found)["a"] == (1, 111)


def test_a_customer_alone_is_its_own_group() -> None:
    found = drawn("a")
    assert [n.golden_id for n in found.nodes] == ["a"] and found.nodes[0].is_self
