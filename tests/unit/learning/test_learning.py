"""Verdicts teach a model; what publishing it would change is known before; going back is one step."""

from __future__ import annotations

import json
from typing import Any

import pytest

from matching.compare import labelled_pairs
from matching.model.verdicts import agreement, taught, wilson
from matching.realtime.rules import rules_of
from models.store import Store
from orchestration import steps
from orchestration.hub_run import open_run
from serving.access import NotAllowed, Principal
from serving.learning import match_quality, model_comparison, models_of, publish_model, roll_back
from serving.stewardship import Refused, Unknown
from tests.unit.matching.conftest import MakeHub, make_hub, quick
from tests.unit.matching.hub import Hub

__all__ = ["make_hub", "quick"]

LEAD, ENGINEER = Principal.of_account("li", "lead_steward"), Principal.of_account("eva", "engineer")


def test_the_interval_is_wilson_s() -> None:
    rate = wilson(8, 10)
    assert (rate.value, rate.of) == (0.8, 10)
    assert rate.low == pytest.approx(0.4902, abs=1e-4) and rate.high == pytest.approx(0.9433, abs=1e-4)
    assert wilson(0, 0).low is None and wilson(0, 5).low == 0.0 and wilson(5, 5).high == 1.0


def test_precision_and_recall_at_a_threshold() -> None:
    found = agreement([(9.0, True), (8.0, False), (3.0, True), (1.0, False)], 5.0)
    assert (found.precision.value, found.recall.value, found.matches, found.no_matches) == (0.5, 0.5, 2, 2)


@pytest.fixture
def hub(make_hub: MakeHub) -> Hub:
    """Twelve pairs of persons who share name and birth date and nothing else; stewards say that they are two."""
    hub = make_hub("person", matching={"person": {"review": -30.0}})
    names = "王建国 李秀英 张伟 刘洋 陈静 杨帆 赵磊 黄丽 周涛 吴敏 徐强 孙燕".split()
    for i, name in enumerate(names):
        one = {"full_name": name, "birth_date": f"19{60 + i}-04-03"}
        hub.put({f"a{i}": {**one, "phone": f"138001380{i:02}"}, f"b{i}": {**one, "phone": f"139001390{i:02}"}})
    hub.run()
    for i in range(12):
        hub.decide("no-match", f"a{i}", f"b{i}")
    hub.run()
    return hub


def weights(hub: Hub, store: Store, document: dict[str, Any]) -> list[float]:
    rules = rules_of(hub.config, hub.entity, document)
    return [rules.compiled.weight(one.left, one.right) for one in labelled_pairs(store, rules, hub.entity)]


def test_a_taught_model_is_compared_published_and_rolled_back(hub: Hub) -> None:
    with hub.store() as store:
        used = store.load_published_model("person")
        assert used is not None
        rules = rules_of(hub.config, "person", used["document"])
        labelled = labelled_pairs(store, rules, "person")
        assert len(labelled) == 12 and not any(one.match for one in labelled)
        model = taught(rules.model, labelled, model_id="person-taught")
        assert taught(rules.model, labelled[:3], model_id="x").levels == rules.model.levels
        store.save_model(model.model_id, "person", json.loads(model.model_dump_json()), publish=False)
        before, after = (weights(hub, store, d) for d in (used["document"], model.model_dump()))
        assert all(b < a - 1 for a, b in zip(before, after, strict=True))
        with pytest.raises(Refused, match="was not compared"):
            publish_model(store, ENGINEER, model.model_id)
        with pytest.raises(Unknown, match="did you mean"):
            publish_model(store, ENGINEER, "person-tauht")
        with pytest.raises(NotAllowed):
            publish_model(store, LEAD, model.model_id)
    with open_run(hub.config) as run:
        found = steps.compare(run, model.model_id, used["model_id"])
    assert found["verdicts"]["before"]["auto"]["no_matches"] == 12 and found["ids"]["moved"] == 0
    with hub.store() as store:
        kept = model_comparison(store, LEAD, model.model_id)
        assert kept["document"]["verdicts"] == found["verdicts"]
        assert [row["compared"] for row in models_of(store, LEAD) if row["model_id"] == model.model_id] == [True]
        publish_model(store, ENGINEER, model.model_id)
    assert hub.run()["full"]
    with hub.store() as store:
        quality = match_quality(store, hub.config, LEAD, "person")
        assert quality is not None and quality.model_id == model.model_id
        assert sum(one.verdicts for one in quality.bins) == 12 and quality.days[-1].decisions == 12
        last = store.last_run()
        assert last is not None and quality.blocking_run == last["run_id"]
        assert {row["rule"] for row in quality.blocking} == {r.name for r in model.declaration.blocking}
        assert sum(row["pairs"] for row in quality.blocking) > 0 == sum(row["blocks_cut"] for row in quality.blocking)
        assert roll_back(store, ENGINEER, "person")["model_id"] == used["model_id"]
        published = store.load_published_model("person")
        assert published is not None and published["model_id"] == used["model_id"]
