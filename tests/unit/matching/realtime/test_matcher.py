"""What `Matcher` answers, and how it refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from matching.realtime import Matcher
from matching.standardise import PARSER_VERSION
from models.errors import ConfigError, ModelError
from models.store import Store
from tests.unit.matching.conftest import COLUMNS
from tests.unit.matching.hub import Hub, trained_model

MakeHub = Callable[..., Hub]

NAME = "青岛海川货运有限公司"
ROWS = {
    "a": {"name": NAME, "phone": "0532-85671234", "city": "青岛市", "tax_id": "91370202MA3C0XQ06W"},
    "b": {"name": "青岛海川货运", "phone": "0532-85671234", "city": "青岛市"},
    "x": {"name": "上海盛龙商贸有限公司", "phone": "021-62345678", "city": "上海市"},
}


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a hub with a published state, to be copied."""
    folder = tmp_path_factory.mktemp("standing")
    hub = Hub(folder, "sqlite:///hub.db", "organization", COLUMNS["organization"])
    hub.put(ROWS)
    hub.run()
    assert hub.groups() == {"a b", "x"}
    return folder


@pytest.fixture
def hub(standing: Path, tmp_path: Path, quick: None) -> Hub:
    folder = tmp_path / "copy"
    shutil.copytree(standing, folder)
    hub = Hub(folder, "sqlite:///hub.db", "organization", COLUMNS["organization"], model=False)
    hub.put(ROWS)
    return hub


@pytest.fixture
def store(hub: Hub) -> Iterator[Store]:
    with hub.store() as opened:
        yield opened


@pytest.fixture
def matcher(hub: Hub, store: Store) -> Matcher:
    return Matcher(store, hub.config)


def test_a_known_customer_is_found_with_weight_probability_and_reasons(hub: Hub, matcher: Matcher) -> None:
    answer = matcher.match("organization", {"name": "海川货运", "phone": ["+86 532 8567 1234"], "city": "青岛"})
    (found,) = answer.matches
    assert found.golden_id == hub.golden_of("a") and found.members == 2 and not found.own
    assert found.outcome == "match" and found.why is None and found.probability > 0.9
    assert found.values["name"] == NAME
    assert (found.best.source, found.best.stream) == ("crm", "rows") and found.best.source_key in "ab"
    by = {reason.comparison: reason for reason in found.reasons}
    assert by["name"].weight > 0 and by["name"].given["han_core"] == by["name"].held["han_core"] == "海川"
    assert by["phone"].weight > 0 and "phone_tails" not in by["name"].given
    prior = matcher.match("organization", {"name": "海川货运"}).matches[0].weight
    assert prior < found.weight
    assert [abs(r.weight) for r in found.reasons] == sorted((abs(r.weight) for r in found.reasons), reverse=True)
    assert json.loads(json.dumps(answer.as_dict()))["matches"][0]["golden_id"] == found.golden_id


def test_the_reasons_and_the_prior_add_up_to_the_weight(matcher: Matcher) -> None:
    for match in matcher.match("organization", ROWS["a"]).matches:
        prior = match.weight - sum(reason.weight for reason in match.reasons)
        model = trained_model("organization")
        assert 2**prior / (1 + 2**prior) == pytest.approx(model.prior, rel=1e-6)


def test_nobody_is_found_for_somebody_new(matcher: Matcher) -> None:
    answer = matcher.match("organization", {"name": "成都天府酒店管理有限公司"})
    assert answer.matches == [] and answer.candidates == 0


def test_two_valid_tax_ids_are_refused_though_all_else_agrees(matcher: Matcher) -> None:
    answer = matcher.match("organization", {**ROWS["a"], "tax_id": "91110000802100433B"}, at_least=-50)
    assert (answer.matches[0].outcome, answer.matches[0].why) == ("refused", "two valid tax ids")


def test_a_value_that_cannot_be_used_is_named(matcher: Matcher) -> None:
    answer = matcher.match("organization", {"name": NAME, "email": "nobody", "phone": "n/a"})
    assert set(answer.problems) == {"email", "phone"} and answer.matches


@pytest.mark.parametrize(
    ("entity", "record", "said"),
    [
        ("organisation", {}, "did you mean 'organization'"),
        ("vehicle", {}, "no entity type that is matched"),
        ("organization", {"nmae": "x"}, "did you mean 'name'"),
        ("organization", {"name": ["x", "y"]}, "takes one value"),
        ("organization", {"phone": [{"number": "1"}]}, "a list of texts"),
    ],
)
def test_a_wrong_question_is_refused_in_words(matcher: Matcher, entity: str, record: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        matcher.match(entity, record)


def test_an_empty_record_is_nobody(matcher: Matcher) -> None:
    assert matcher.match("organization", {"name": "", "phone": [None, " "]}).matches == []


def test_a_record_of_the_hub_finds_its_own_and_other_golden_records(hub: Hub, matcher: Matcher) -> None:
    (found,) = matcher.match_source("crm", "a").matches
    assert found.own and found.golden_id == hub.golden_of("a") and found.best.source_key == "b"
    assert matcher.match_source("crm", "x", stream="rows").matches == []


@pytest.mark.parametrize(
    ("source", "key", "stream", "said"),
    [
        ("crm", "nobody", None, "crm:nobody is not in the hub"),
        ("erp", "a", None, "no stream of 'erp'"),
        ("crm", "a", "other", "no stream of 'crm.other'"),
    ],
)
def test_a_record_that_is_not_there(matcher: Matcher, source: str, key: str, stream: str | None, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        matcher.match_source(source, key, stream=stream)


def test_a_deleted_record_is_no_question_and_no_answer(hub: Hub, matcher: Matcher) -> None:
    hub.drop("a")
    hub.run()
    with pytest.raises(ConfigError, match="is deleted"):
        matcher.match_source("crm", "a")
    (found,) = matcher.match("organization", ROWS["a"]).matches
    assert found.members == 1 and found.best.source_key == "b"


def test_what_a_steward_said_goes_before_the_weight(hub: Hub, matcher: Matcher) -> None:
    hub.decide("no-match", "a", "b")
    hub.run()
    (refused,) = matcher.match_source("crm", "b").matches
    assert (refused.outcome, refused.why, refused.own) == ("refused", "a steward said: no match", False)
    hub.undo_last()
    hub.run()
    assert matcher.match_source("crm", "b").matches[0].outcome == "match"


def test_the_next_question_sees_the_state_that_was_published_meanwhile(hub: Hub, matcher: Matcher) -> None:
    asked = {"name": "成都天府酒店管理有限公司", "phone": "028-85551234"}
    before = matcher.match("organization", asked)
    hub.put({"z": asked})
    hub.run()
    after = matcher.match("organization", asked)
    assert not before.matches and after.matches and before.run_id < after.run_id


def test_another_model_counts_from_the_run_that_applies_it(hub: Hub, store: Store, matcher: Matcher) -> None:
    first = matcher.match("organization", ROWS["a"])
    model = trained_model("organization")
    other = model.model_copy(update={"model_id": "second", "prior": model.prior / 4})
    with hub.store() as opened:
        opened.save_model("second", "organization", json.loads(other.model_dump_json()))
    assert matcher.match("organization", ROWS["a"]).model_id == first.model_id
    ids = {key: hub.golden_of(key) for key in ROWS}
    found = hub.run()
    # Every record was scored again, and no golden id changed.
    assert found["full"] and "another match model" in found["reason"] and found["records"] == len(ROWS)
    assert found["created"] == found["retired"] == 0 and {key: hub.golden_of(key) for key in ROWS} == ids
    second = matcher.match("organization", ROWS["a"])
    assert second.model_id == "second" and second.matches[0].weight < first.matches[0].weight - 1.9


def test_blocks_above_the_cap_are_named(make_hub: MakeHub) -> None:
    hub = make_hub("organization", matching={"organization": {"block_cap": 3}})
    hub.put({str(i): {"name": NAME, "address_line": f"香港中路{i}号"} for i in range(3)})
    hub.run()
    with hub.store() as store:
        matcher = Matcher(store, hub.config)
        held = matcher.match_source("crm", "0")
        fresh = matcher.match("organization", {"name": NAME})
    # Three records share a key, which is within the cap; a fourth would be one too many.
    assert held.candidates == 2 and held.cut == []
    assert {"core", "stem"} <= {block.rule for block in fresh.cut} and all(block.cap == 3 for block in fresh.cut)
    assert ("海川",) in {block.values for block in fresh.cut}


def test_a_number_that_the_record_makes_an_office_s_is_one(make_hub: MakeHub) -> None:
    hub = make_hub("organization")
    hub.put({"a": ROWS["a"]})
    hub.run()
    with hub.store() as store:
        matcher = Matcher(store, hub.config)
        same = matcher.match("organization", ROWS["b"]).matches[0]
        other = matcher.match("organization", {**ROWS["x"], "phone": ROWS["a"]["phone"]}, at_least=-60).matches[0]
    levels = [next(r.level for r in m.reasons if r.comparison == "phone") for m in (same, other)]
    assert levels == ["number of their own", "number of an office or agent"]


def test_attributes_that_the_configuration_adds_are_compared(tmp_path: Path, sqlite_template: Path) -> None:
    added = {"person": {"dealer_code": {"standardiser": "identifier", "comparison": "exact"}, "note": {}}}
    hub = Hub(
        tmp_path, f"sqlite:///{tmp_path / 'hub.db'}", "person", "full_name dealer_code", model=False, attributes=added
    )
    given = "建国 建军 志强 秀英 海燕 丽华 文杰 晓明 国庆 玉兰".split()
    rows = {f"{s}{g}{n}": {"full_name": s + g, "dealer_code": f"d-{i:04d}"} for n in "ab"
            for i, (s, g) in enumerate((s, g) for s in "王李张刘陈" for g in given)}  # fmt: skip
    hub.put(rows)
    hub.run()
    with hub.store() as store:
        matcher = Matcher(store, hub.config)
        answer = matcher.match("person", {"full_name": "欧阳娜娜", "dealer_code": "D 0007", "note": "x"}, at_least=-60)
        assert {r.comparison for r in answer.matches[0].reasons if r.weight > 3} == {"x_dealer_code"}
        assert matcher.match("person", {"dealer_code": "n/a"}).problems == {"dealer_code": "placeholder"}
        with pytest.raises(ConfigError, match="did you mean 'dealer_code'"):
            matcher.match("person", {"dealer_cod": 7})


def test_a_hub_without_a_state_or_a_model_says_so(make_hub: MakeHub) -> None:
    hub = make_hub("organization")
    with hub.store() as store:
        matcher = Matcher(store, hub.config)
        with pytest.raises(ModelError, match="nothing is published yet"):
            matcher.match("organization", ROWS["a"])
        hub.put(ROWS)
        hub.run()
        with pytest.raises(ModelError, match="no match model for person"):
            matcher.match("person", {"full_name": "王伟"})
        assert matcher.match("organization", ROWS["a"]).matches


def test_records_of_older_parsers_are_noted(hub: Hub, matcher: Matcher, monkeypatch: pytest.MonkeyPatch) -> None:
    assert matcher.match("organization", ROWS["a"]).notes == []
    monkeypatch.setattr("matching.realtime.matcher.PARSER_VERSION", PARSER_VERSION + "x")
    (note,) = matcher.match("organization", ROWS["a"]).notes
    assert "another version" in note


def test_one_matcher_serves_many_threads(hub: Hub, matcher: Matcher) -> None:
    expected = {key: matcher.match("organization", row) for key, row in ROWS.items()}
    with ThreadPoolExecutor(8) as pool:
        asked = list(ROWS) * 30
        answers = list(pool.map(lambda key: matcher.match("organization", ROWS[key]), asked))
    assert all(answer == expected[key] for key, answer in zip(asked, answers, strict=True))
