"""Trees of companies and people: nested lists, however wide and deep, and also where the data go in a circle."""

from __future__ import annotations

import re
from typing import Any

import pytest

from serving.web.drawings import Leaf, group, people
from serving.web.rendering import _environment


def company(golden_id: str, level: int, revenue: float, here: bool = False) -> dict[str, Any]:
    return {
        "golden_id": golden_id,
        "name": f"{golden_id}有限公司",
        "level": level,
        "is_self": here,
        "rolled_up": {"revenue": revenue},
    }


def contact(golden_id: str, boss: str | None, **more: Any) -> dict[str, Any]:
    given = {"name": golden_id, "job_title": None, "buying_role": None, "influence": None, "affinity": None}
    return {"golden_id": golden_id, "reports_to": boss, **given, **more}


def test_a_company_is_as_large_as_its_revenue_with_everything_below() -> None:
    nodes = [company("a", 0, 400.0), company("b", 1, 100.0, here=True), company("c", 1, 0.0)]
    head, here, empty = group(nodes, lambda v: f"{v:g} CNY")
    assert (head.radius, here.radius, empty.radius) == (14, 9, 4)
    assert (here.name, here.told, here.here, here.tone) == ("b有限公司", "100 CNY", True, "person")
    assert here.href == "/customers/b/hierarchy" and head.tone == "accent"
    assert [leaf.radius for leaf in group([company("a", 0, 0.0)], str)] == [4]


def test_people_hang_below_whom_they_report_to_each_once() -> None:
    contacts = [
        contact("boss", None, affinity="Supporter", influence="9", job_title="总经理", buying_role="decision_maker"),
        contact("x", "boss", affinity="critic", influence="?"),
        contact("y", "x"),
        contact("stranger", "nobody known"),
        contact("round", "about"),
        contact("about", "round"),
    ]
    found = people("顺丰", contacts, str.upper)
    assert [(leaf.name, leaf.level) for leaf in found] == [
        ("顺丰", 0),
        ("boss", 1),
        ("x", 2),
        ("y", 3),
        ("stranger", 1),
        ("round", 1),
        ("about", 2),
    ]
    boss, x, y = found[1:4]
    assert (boss.tone, boss.told, boss.radius) == ("agree", "总经理 · DECISION_MAKER", pytest.approx(13.6))
    assert (x.tone, x.radius, y.tone) == ("differ", pytest.approx(5.6), "missing")


@pytest.mark.parametrize(
    "levels", [[0], [0, 1, 2, 3, 1, 2, 1], [0, *[1] * 150], list(range(1_500)), [0, 1, 2, 3, 4, 1]]
)
def test_rows_become_lists_within_lists(levels: list[int]) -> None:
    leaves = [Leaf(level, f"<{n}>", "", 4, "accent", f"/{n}", n == 0) for n, level in enumerate(levels)]
    macros = _environment("zh", "UTC").get_template("customers/view_parts.html").make_module({"visit": None})
    text = str(macros.tree(leaves, "集团"))
    tags, depth, seen = re.findall(r"<(/?)(ul|li)\b", text), 0, []
    open_tags: list[str] = []
    for closing, name in tags:
        if closing:
            assert open_tags.pop() == name
            depth -= name == "ul"
        else:
            assert name == "ul" or open_tags[-1] == "ul"
            open_tags.append(name)
            depth += name == "ul"
            if name == "li":
                seen.append(depth - 1)
    assert open_tags == [] and seen == levels
    assert "&lt;0&gt;" in text and text.count('aria-current="true"') == 1
