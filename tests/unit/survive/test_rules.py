"""Each rule with a row that breaks it: the winner must change when the rule's own criterion does."""

from __future__ import annotations

import pytest

from matching.survive import FieldRule, SourceRank, ranks_for, rules_for, survive
from matching.survive.fields import JUNK
from matching.survive.rules import units_of
from models.config import Config, Trust
from models.errors import ConfigError, KehuError
from models.vocabulary import attributes
from tests.unit.survive.tables import SOURCES, day, golden, members, overrides, standard, values


def test_source_priority_wins_over_time() -> None:
    rows = members({"source": "dms", "at": 9, "name": "New"}, {"source": "crm", "at": 1, "name": "Old"})
    assert values(rows, [FieldRule("name")]) == {"name": "Old"}
    other = {"crm": SourceRank(30), "dms": SourceRank(20)}
    assert values(rows, [FieldRule("name")], sources=other) == {"name": "New"}


def test_an_attribute_may_have_priorities_of_its_own() -> None:
    rows = members({"source": "dms", "name": "D", "status": "D"}, {"source": "crm", "name": "C", "status": "C"})
    rules = [FieldRule("name"), FieldRule("status", priorities={"dms": 1})]
    assert values(rows, rules) == {"name": "C", "status": "D"}


def test_most_recent_goes_by_the_sources_own_time_and_unknown_times_come_last() -> None:
    rule = [FieldRule("status", "most_recent")]
    assert values(members({"at": 1, "status": "a"}, {"source": "web", "at": 2, "status": "b"}), rule) == {"status": "b"}
    assert values(members({"at": 3, "status": "a"}, {"source": "web", "at": 2, "status": "b"}), rule) == {"status": "a"}
    assert values(members({"at": None, "status": "a"}, {"source": "web", "at": 2, "status": "b"}), rule) == {
        "status": "b"
    }


def test_most_frequent_counts_standard_values() -> None:
    rule = [FieldRule("name", "most_frequent")]
    rows = members({"name": "Foo"}, {"source": "dms", "name": "Bar Ltd"}, {"source": "web", "name": "BAR limited"})
    same = standard(rows, name_norm=["foo", "bar", "bar"])
    assert values(rows, rule, standard=same) == {"name": "Bar Ltd"}
    assert values(rows, rule) == {"name": "Foo"}  # without a standard form these are three names
    assert values(rows, rule, standard=standard(rows, name_norm=["foo", "foo", "bar"])) == {"name": "Foo"}


def test_longest_counts_characters_not_bytes() -> None:
    rule = [FieldRule("industry", "longest")]
    assert values(members({"industry": "物流"}, {"source": "dms", "industry": "abc"}), rule) == {"industry": "abc"}
    assert values(members({"industry": "物流运输"}, {"source": "dms", "industry": "abc"}), rule) == {
        "industry": "物流运输"
    }


def test_most_complete_takes_the_record_that_has_most() -> None:
    rules = [FieldRule("name", "most_complete"), FieldRule("status"), FieldRule("segment")]
    rows = members({"name": "Bare"}, {"source": "web", "name": "Full", "status": "a", "segment": "b"})
    assert values(rows, rules)["name"] == "Full"


def _trust(**by_source: Trust) -> list[FieldRule]:
    return [FieldRule("status", "trust", trust=by_source)]


def test_trust_falls_with_age() -> None:
    rule = _trust(crm=Trust(max=90, min=10, decay_days=100), web=Trust(max=60, min=60))
    rows = members({"at": 0, "status": "crm"}, {"source": "web", "at": 30, "status": "web"})
    assert values(rows, rule) == {"status": "crm"}  # 90 − 80·30/100 = 66 > 60
    rows = members({"at": 0, "status": "crm"}, {"source": "web", "at": 40, "status": "web"})
    assert values(rows, rule) == {"status": "web"}  # 58 < 60
    rows = members({"at": 39, "status": "crm"}, {"source": "web", "at": 40, "status": "web"})
    assert values(rows, rule) == {"status": "crm"}


@pytest.mark.parametrize(
    ("curve", "left"), [("linear", 50), ("slow_initial_rapid_later", 75), ("rapid_initial_slow_later", 25)]
)
def test_the_curve_says_how_trust_falls(curve: str, left: float) -> None:
    half = Trust(max=100, min=0, decay_days=10, curve=curve)
    rows = members({"at": 0, "status": "old"}, {"source": "web", "at": 5, "status": "new"})
    for other, winner in ((left - 1, "old"), (left + 1, "new")):
        assert values(rows, _trust(crm=half, web=Trust(max=other, min=other))) == {"status": winner}


def test_unknown_age_counts_as_old() -> None:
    rule = _trust(crm=Trust(max=90, min=10), web=Trust(max=60, min=60))
    assert values(members({"status": "crm"}, {"source": "web", "at": 1, "status": "web"}), rule) == {"status": "web"}


def test_a_source_without_trust_of_its_own_is_fully_trusted_or_as_its_rank_says() -> None:
    rows = members({"source": "crm", "status": "crm"}, {"source": "web", "status": "web"})
    assert values(rows, [FieldRule("status", "trust")]) == {"status": "crm"}
    ranks = {"crm": SourceRank(10, Trust(max=40, min=40)), "web": SourceRank(20)}
    assert values(rows, [FieldRule("status", "trust")], sources=ranks) == {"status": "web"}


def test_age_counts_from_the_golden_records_newest_time_or_from_the_moment_given() -> None:
    rule = _trust(crm=Trust(max=90, min=10, decay_days=100), web=Trust(max=60, min=0, decay_days=1000))
    rows = members({"at": 0, "status": "crm"}, {"source": "web", "at": 0, "status": "web"})
    assert values(rows, rule) == {"status": "crm"}
    assert values(rows, rule, as_of=day(90)) == {"status": "web"}


def test_an_invalid_value_is_downgraded_among_invalid_ones() -> None:
    rows = members({"tax_id": "BAD1"}, {"source": "web", "tax_id": "BAD2"})
    checks = standard(rows, tax_id=["BAD1", "BAD2"], tax_id_ok=[False, False])
    rules = [FieldRule("tax_id", "trust", trust={"crm": Trust(max=90, min=90), "web": Trust(max=50, min=50)})]
    assert values(rows, rules, standard=checks) == {"tax_id": "BAD1"}


def test_an_invalid_value_loses_to_any_valid_one_and_says_why() -> None:
    rows = members({"tax_id": "BAD"}, {"source": "web", "tax_id": "good"})
    by_check = standard(rows, tax_id=["BAD", "GOOD"], tax_id_ok=[False, True])
    found = golden(rows, [FieldRule("tax_id")], standard=by_check)["g"]
    assert found["values"] == {"tax_id": "GOOD"}
    assert found["provenance"]["fields"]["tax_id"]["lost"] == [[0, "BAD", "check failed"]]
    by_reason = standard(rows, tax_id=["BAD", "GOOD"], reasons=['{"tax_id": "wrong check digit"}', None])
    assert values(rows, [FieldRule("tax_id")], standard=by_reason) == {"tax_id": "GOOD"}
    assert values(rows, [FieldRule("tax_id")]) == {"tax_id": "BAD"}


def test_an_invalid_value_is_shown_when_there_is_no_other() -> None:
    rows = members({"tax_id": "BAD"}, {"source": "web", "name": "x"})
    assert values(rows, [FieldRule("tax_id")], standard=standard(rows, tax_id=[None, None])) == {"tax_id": "BAD"}


@pytest.mark.parametrize("reason", JUNK)
def test_a_value_that_identifies_nobody_is_never_shown(reason: str) -> None:
    rows = members({"name": "n/a", "phone": ["000"]}, {"source": "web", "status": "x"}, {"golden": "h", "name": "n/a"})
    told = f'{{"name": "{reason}", "phone": "{reason}; placeholder"}}'
    known = standard(rows, name_norm=[None] * 3, phones=[None, None, None], reasons=[told, None, told])
    rules = [FieldRule("name"), FieldRule("phone", multi=True), FieldRule("status")]
    found = golden(rows, rules, standard=known)
    assert found["g"]["values"] == {"status": "x"}
    assert found["h"]["values"] == {}
    assert found["g"]["provenance"]["fields"]["name"] == {"rule": "source_priority", "lost": [[0, "n/a", reason]]}


def test_placeholders_are_recognised_where_no_standardiser_reads() -> None:
    assert values(members({"segment": "n/a"}, {"source": "web", "segment": "A"}), [FieldRule("segment")]) == {
        "segment": "A"
    }


def test_the_words_for_junk_are_the_standardisers() -> None:
    from matching.standardise import junk

    assert set(JUNK) == {junk.PLACEHOLDER, junk.TEST, junk.FILLER}


def test_identifiers_and_dates_are_shown_in_standard_form_names_as_delivered() -> None:
    rows = members({"name": "Foo  GmbH", "tax_id": "de 123", "birth_date": "1.2.1980", "phone": ["0755 1"]})
    known = standard(rows, name_norm=["foo gmbh"], tax_id=["DE123"], birth_date=["1980-02-01"], phones=[["+867551"]])
    rules = [FieldRule("name"), FieldRule("tax_id"), FieldRule("birth_date"), FieldRule("phone", multi=True)]
    assert values(rows, rules, standard=known) == {
        "name": "Foo  GmbH",
        "tax_id": "DE123",
        "birth_date": "1980-02-01",
        "phone": ["+867551"],
    }


def test_ties_go_by_priority_then_time_then_source_then_key() -> None:
    rule = [FieldRule("status", "longest")]
    assert values(members({"source": "web", "at": 9, "status": "a"}, {"at": 1, "status": "b"}), rule) == {"status": "b"}
    assert values(members({"at": 1, "status": "a"}, {"at": 2, "status": "b"}), rule) == {"status": "b"}
    equal = {"crm": SourceRank(5), "dms": SourceRank(5)}
    rows = members({"source": "dms", "status": "a"}, {"source": "crm", "status": "b"})
    assert values(rows, rule, sources=equal) == {"status": "b"}
    assert values(members({"key": "z", "status": "a"}, {"key": "y", "status": "b"}), rule) == {"status": "b"}


def test_several_values_are_united_ordered_and_counted() -> None:
    rows = members(
        {"source": "dms", "phone": ["2", "3"]},
        {"source": "crm", "phone": ["1", "2"]},
        {"source": "web", "phone": ["bad"]},
    )
    known = standard(rows, phones=[["+2", "+3"], ["+1", "+2"], None])
    found = golden(rows, [FieldRule("phone", multi=True)], standard=known)["g"]
    assert found["values"] == {"phone": ["+1", "+2", "+3"]}
    field = found["provenance"]["fields"]["phone"]
    assert field["values"] == [[0, 1], [0, 2], [1, 1]]
    assert field["lost"] == [[2, "bad", "not recognised"]]
    frequent = golden(rows, [FieldRule("phone", "most_frequent", multi=True)], standard=known)["g"]
    assert frequent["values"]["phone"][0] == "+2"
    longest = members({"phone": ["1", "22", "333"]})
    assert values(longest, [FieldRule("phone", "longest", multi=True)]) == {"phone": ["333", "22", "1"]}


def test_of_several_values_only_invalid_ones_are_shown_where_there_is_no_valid_one() -> None:
    rows = members({"phone": ["bad", "worse", "bad"]})
    assert values(rows, [FieldRule("phone", multi=True)], standard=standard(rows, phones=[None])) == {
        "phone": ["bad", "worse"]
    }


def test_at_most_twenty_values_and_losers_are_kept_and_the_rest_counted() -> None:
    rows = members(*({"key": f"{i:02}", "name": f"n{i}", "phone": [f"{i:02}"]} for i in range(30)))
    found = golden(rows, [FieldRule("name"), FieldRule("phone", multi=True)])["g"]
    assert found["values"]["phone"] == [f"{i:02}" for i in range(20)]
    fields = found["provenance"]["fields"]
    assert len(fields["name"]["lost"]) == 20 and fields["name"]["more"] == 9
    assert len(fields["phone"]["lost"]) == 10 and "more" not in fields["phone"]


ADDRESS = [FieldRule(n, "most_complete", block="address") for n in ("address_line", "city", "postal_code")]


def test_a_block_wins_whole_from_one_record() -> None:
    rows = members(
        {"city": "A", "address_line": "a 1"}, {"source": "web", "city": "B", "postal_code": "2", "address_line": "b"}
    )
    assert values(rows, ADDRESS) == {"address_line": "b", "city": "B", "postal_code": "2"}
    by_priority = [FieldRule(f.attribute, block="address") for f in ADDRESS]
    assert values(rows, by_priority) == {"address_line": "a 1", "city": "A"}


def test_a_blocks_invalid_field_loses_to_another_records_valid_one() -> None:
    rows = members({"city": "A", "address_line": "??"}, {"source": "web", "city": "B", "address_line": "b 1"})
    wrong = standard(rows, reasons=['{"address_line": "no address recognised"}', None])
    by_priority = [FieldRule(f.attribute, block="address") for f in ADDRESS]
    assert values(rows, by_priority, standard=wrong) == {"address_line": "b 1", "city": "B"}
    # … but one that nobody has better stays with its record.
    rows = members({"city": "A", "address_line": "??"}, {"source": "web", "city": "B"})
    assert values(rows, by_priority, standard=standard(rows, reasons=['{"address_line": "x"}', None])) == {
        "address_line": "??",
        "city": "A",
    }


def test_most_frequent_block() -> None:
    rows = members({"city": "A"}, {"source": "dms", "city": "b"}, {"source": "web", "city": "B"})
    rules = [FieldRule(f.attribute, "most_frequent", block="address") for f in ADDRESS]
    assert values(rows, rules) == {"city": "b"}


def test_a_pin_beats_every_rule_and_the_newest_pin_the_older() -> None:
    rows = members({"name": "A"}, {"source": "dms", "name": "B"}, {"source": "web", "name": "C"})
    pin_b = {"record_id": 2, "attribute": "name", "action": "pin", "at": day(1)}
    pin_c = {"golden_id": "g", "attribute": "name", "value": "c", "action": "pin", "at": day(2)}
    assert values(rows, [FieldRule("name")], overrides=overrides(pin_b)) == {"name": "B"}
    assert values(rows, [FieldRule("name")], overrides=overrides(pin_b, pin_c)) == {"name": "C"}
    gone = {"record_id": 2, "attribute": "name", "value": "no more", "action": "pin"}
    assert values(rows, [FieldRule("name")], overrides=overrides(gone)) == {"name": "A"}
    other = {"record_id": 2, "golden_id": "h", "attribute": "name", "action": "pin"}
    assert values(rows, [FieldRule("name")], overrides=overrides(other)) == {"name": "A"}


def test_what_is_ignored_never_wins() -> None:
    rows = members({"name": "A"}, {"source": "dms", "name": "B"}, {"golden": "alone", "name": "a"})
    everywhere = {"attribute": "name", "value": "A", "action": "ignore"}
    found = golden(rows, [FieldRule("name")], overrides=overrides(everywhere))
    assert found["g"]["values"] == {"name": "B"}
    assert found["g"]["provenance"]["fields"]["name"]["lost"] == [[0, "A", "ignored"]]
    assert found["alone"]["values"] == {}
    pinned_too = {"record_id": 1, "attribute": "name", "action": "pin", "at": day(5)}
    assert values(rows.slice(0, 2), [FieldRule("name")], overrides=overrides(everywhere, pinned_too)) == {"name": "B"}


def test_pins_and_ignores_among_several_values_and_in_blocks() -> None:
    rows = members({"phone": ["1", "2"], "city": "A"}, {"source": "web", "phone": ["3"], "city": "B"})
    rules = [FieldRule("phone", multi=True), *ADDRESS]
    said = overrides(
        {"golden_id": "g", "attribute": "phone", "value": "3", "action": "pin"},
        {"record_id": 1, "attribute": "phone", "value": "1", "action": "ignore"},
        {"record_id": 2, "attribute": "city", "action": "pin"},
    )
    assert values(rows, rules, overrides=said) == {"phone": ["3", "2"], "city": "B"}


def test_valid_from_is_the_newest_time_of_a_winner() -> None:
    rows = members(
        {"at": 3, "name": "A"}, {"source": "web", "at": 9, "name": "B"}, {"golden": "h", "at": 4, "name": "C"}
    )
    found = golden(rows, [FieldRule("name")])
    assert found["g"]["valid_from"] == day(3)
    assert found["h"]["valid_from"] == day(4)
    assert golden(members({"at": 3}), [FieldRule("name")])["g"]["valid_from"] is None


def test_values_come_in_the_order_of_the_rules() -> None:
    rows = members({"segment": "s", "name": "n", "city": "c"})
    assert list(values(rows, [FieldRule("segment"), *ADDRESS, FieldRule("name")])) == ["segment", "city", "name"]


def test_content_hash_tells_values_apart_and_nothing_else() -> None:
    rows = members({"name": "A"}, {"golden": "h", "name": "A"}, {"golden": "i", "name": "B"})
    found = golden(rows, [FieldRule("name")])
    assert found["g"]["content_hash"] == found["h"]["content_hash"] != found["i"]["content_hash"]
    assert found["g"]["content_hash"] >= 0


def test_no_members_no_golden_records() -> None:
    assert golden(members({"name": "A"}).slice(0, 0), [FieldRule("name")]) == {}


def test_contradictory_rules_are_refused() -> None:
    for rules in (
        [FieldRule("city", block="address"), FieldRule("postal_code", "longest", block="address")],
        [FieldRule("name"), FieldRule("name", "longest")],
        [FieldRule("city", block="address", multi=True)],
    ):
        with pytest.raises(ConfigError):
            units_of(rules)


@pytest.mark.parametrize("few", [0, 10])
def test_a_member_without_golden_id_is_refused(few: int) -> None:
    with pytest.raises(KehuError):
        survive(members({"golden": None, "name": "A"}), None, [FieldRule("name")], SOURCES, few=few)


def test_rules_and_ranks_come_from_the_configuration() -> None:
    source = {
        "name": "crm",
        "family": "sales",
        "priority": 7,
        "connector": {"type": "files", "path": "x.csv"},
        "streams": [{"name": "a", "entity": "organization", "key": "id", "fields": {"name": "n"}}],
        "trust": {"max": 80, "min": 20},
    }
    text = {"sources": [source], "survivorship": {"organization": {"address": "longest", "name": "trust"}}}
    config = Config.model_validate(text)
    rules = {rule.attribute: rule for rule in rules_for(config, "organization")}
    assert list(rules) == list(attributes("organization"))
    assert (rules["city"].rule, rules["city"].block, rules["name"].rule) == ("longest", "address", "trust")
    assert rules["phone"].multi
    assert ranks_for(config)["crm"] == SourceRank(7, Trust(max=80, min=20))
