"""Attributes that a configuration adds, from the delivered column to weights and golden values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matching.added import BLOCK_CAP, untrained, with_added
from matching.declared import declared
from matching.defaults import DEFAULTS
from models.config import Config
from models.match_model import Declaration
from orchestration import steps
from tests.unit.matching.hub import Hub

CODE = {"standardiser": "identifier", "comparison": "exact"}
ADDED: dict[str, Any] = {
    "dealer_code": CODE,
    "axles": {"type": "number", "comparison": "similar", "survivorship": "most_frequent"},
    "depots": {"multi": True, "comparison": "exact"},
    "note": {},
}


def config(**attributes: Any) -> Config:
    return Config.model_validate({"attributes": {"person": attributes}})


def names(declaration: Declaration) -> tuple[list[str], list[str]]:
    """The comparisons and blocking rules of added attributes."""
    comparisons = [c.name for c in declaration.comparisons if c.name.startswith("x_")]
    return comparisons, [r.name for r in declaration.blocking if r.name.startswith("x_")]


def test_each_compared_attribute_has_a_comparison_and_each_identifier_a_blocking_rule() -> None:
    found = with_added(config(**ADDED), "person", DEFAULTS["person"], trained=False)
    assert names(found) == (["x_dealer_code", "x_axles", "x_depots"], ["x_dealer_code"])
    assert found.blocking[-1].cap == BLOCK_CAP
    kept = len(DEFAULTS["person"].comparisons)
    assert found.comparisons[:kept] == DEFAULTS["person"].comparisons
    labels = {c.name: [level.label for level in c.levels] for c in found.comparisons[kept:]}
    assert labels == {
        "x_dealer_code": ["missing", "equal", "different"],
        "x_axles": ["missing", "equal", "similar", "different"],
        "x_depots": ["missing", "a value in common", "different"],
    }


def test_a_trained_declaration_takes_up_nothing_that_it_was_not_trained_with() -> None:
    trained = with_added(
        config(dealer_code=CODE, size={"comparison": "exact"}), "person", DEFAULTS["person"], trained=False
    )
    now = config(dealer_code=CODE, size={"comparison": "similar"}, axles={"comparison": "exact"})
    found = declared(now, "person", trained)
    assert names(found) == (["x_dealer_code"], ["x_dealer_code"])
    assert untrained(now, "person", found) == ["size", "axles"]
    assert names(declared(config(), "person", trained)) == ([], [])
    assert names(declared(now, "person")) == (["x_dealer_code", "x_size", "x_axles"], ["x_dealer_code"])


SURNAMES, GIVEN = (
    "王李张刘陈杨赵黄周吴",
    "建国 建军 志强 秀英 海燕 丽华 文杰 晓明 国庆 玉兰 小龙 春生 桂英 德胜 永福 红梅 少华 思远 浩然 子涵".split(),
)


def base(customers: int = 200) -> dict[str, dict[str, str]]:
    """Two records of each customer, who share a name with no one and a dealer's code in two spellings."""
    found = {}
    for i in range(customers):
        name = SURNAMES[i % 10] + GIVEN[i // 10]
        for side, written in enumerate(("d-{:04d}", "D {:04d}")):
            found[f"{i}{'ab'[side]}"] = {"full_name": name, "dealer_code": written.format(i * 37), "axles": "1,200"}
    return found


def hub_with(make_hub: Callable[..., Hub], added: dict[str, Any]) -> Hub:
    columns = "full_name dealer_code axles depots note"
    hub = make_hub("person", columns, model=False, attributes={"person": added})
    hub.put(base())
    return hub


def test_an_added_attribute_is_compared_survives_and_is_resolved_incrementally(make_hub: Callable[..., Hub]) -> None:
    hub = hub_with(make_hub, ADDED)
    assert hub.run()["trained"]
    together = [group for group in hub.groups() if group.count(" ") == 1]
    assert len(together) > 190
    assert hub.standard_of("1a")["x_dealer_code"] == "D0037"
    assert hub.values_of("1a")["dealer_code"] == "D0037" and hub.values_of("1a")["axles"] == "1200"
    # Found by the code alone: no other blocking rule finds a pair for this record.
    hub.put({"new": {"full_name": "Xavier Quillfeather", "dealer_code": "D-0037", "note": "n/a", "axles": "many"}})
    later = hub.run()
    assert not later["full"] and later["pairs_scored"] == 2
    assert hub.standard_of("new")["reasons"] == {"axles": "not a number"}
    assert "note" not in hub.values_of("new")
    hub.put({"new": {"dealer_code": "-"}})
    assert hub.run()["pairs_scored"] == 0
    assert "dealer_code" not in hub.values_of("new")


def test_an_attribute_that_comes_to_be_compared_waits_for_training(make_hub: Callable[..., Hub]) -> None:
    hub = hub_with(make_hub, {name: {} for name in ADDED})
    hub.run()
    apart = len(hub.groups())
    hub.configure(attributes={"person": {**{name: {} for name in ADDED}, "dealer_code": CODE}})
    found = hub.run()
    assert found["full"] and len(hub.groups()) == apart
    assert "compared from the next 'kehu train' on: dealer_code" in found["messages"]
    assert hub.standard_of("1a")["x_dealer_code"] == "D0037"
    with hub.opened() as run:
        steps.train(run, "person")
    found = hub.run()
    assert found["reason"] == "another match model of person was published" and found["messages"] == []
    assert len(hub.groups()) < apart
    # The model was trained with it; without it in the configuration it is left out again.
    hub.configure(attributes={"person": {name: {} for name in ADDED}})
    assert hub.run()["full"] and "x_dealer_code" not in hub.standard_of("1a")
    assert hub.verify() == []
