"""The outcome that `Matcher` foretells is what a run that brings the record does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from matching.cluster import BETWEEN, STEWARD
from matching.realtime import Matcher
from matching.realtime.answer import MatchAnswer
from tests.unit.matching.hub import Hub, Row

MakeHub = Callable[..., Hub]

NAME = "青岛海川货运有限公司"
ONE: Row = {"name": NAME, "phone": "0532-85671234", "city": "青岛市", "tax_id": "91370202MA3C0XQ06W"}
OTHER: Row = {**ONE, "tax_id": "91110000802100433B"}
NEITHER: Row = {"name": NAME, "phone": "0532-85671234", "city": "青岛市"}


def ask(hub: Hub, record: Row | str) -> MatchAnswer:
    with hub.store() as store:
        matcher = Matcher(store, hub.config)
        if isinstance(record, str):
            return matcher.match_source("crm", record)
        return matcher.match("organization", record)


def foretold(hub: Hub, record: Row, key: str = "new") -> MatchAnswer:
    """The answer about a record, after a run that brought it did what the answer says."""
    answer = ask(hub, record)
    before = {golden: hub.golden_of(golden) for golden in hub.rows}
    hub.put({key: record})
    hub.run()
    home = hub.golden_of(key)
    joins = {found.golden_id for found in answer.matches if found.outcome == "match"}
    assert {golden for golden in before.values() if golden in joins} == joins
    assert {before[other] for other in before if hub.golden_of(other) == home} == joins
    return answer


def test_a_record_between_two_customers_joins_neither(make_hub: MakeHub) -> None:
    hub = make_hub("organization")
    hub.put({"a": ONE, "c": OTHER})
    hub.run()
    answer = foretold(hub, NEITHER)
    assert [(m.outcome, m.why) for m in answer.matches] == [("refused", BETWEEN)] * 2
    assert hub.groups() == {"a", "c", "new"}
    # It is in the hub now, and the answer about it is the same.
    assert {(m.outcome, m.why) for m in ask(hub, "new").matches} == {("refused", BETWEEN)}


def test_a_record_that_fits_one_of_two_clearly_better_joins_it(make_hub: MakeHub) -> None:
    hub = make_hub("organization")
    hub.put({"a": ONE, "c": {**OTHER, "phone": "0532-83339999", "address_line": "香港中路8号"}})
    hub.run()
    answer = foretold(hub, {**NEITHER, "tax_id": ONE["tax_id"]})
    assert [m.outcome for m in answer.matches][0] == "match"
    assert hub.groups() == {"a new", "c"}


def test_a_record_joins_one_of_two_that_a_steward_told_apart(make_hub: MakeHub) -> None:
    hub = make_hub("organization")
    hub.put({"a": ONE, "b": NEITHER})
    hub.run()
    hub.decide("no-match", "a", "b")
    hub.run()
    assert hub.groups() == {"a", "b"}
    answer = foretold(hub, {**NEITHER, "address_line": "香港中路8号"})
    outcomes = {m.outcome: m.why for m in answer.matches}
    assert len(answer.matches) == 2 and outcomes["refused"] == STEWARD and "match" in outcomes


@pytest.mark.parametrize(("table", "outcome"), [("always_match", "match"), ("never_match", "refused")])
def test_tables_of_overrides_count(make_hub: MakeHub, table: str, outcome: str) -> None:
    hub = make_hub("organization")
    (hub.folder / "said.csv").write_text("left,right\ncrm:a,crm:b\n", encoding="utf-8")
    hub.put({"a": ONE, "b": NEITHER if table == "never_match" else OTHER})
    hub.configure(stewardship={"overrides": {table: "said.csv"}})
    hub.run()
    assert hub.groups() == ({"a b"} if outcome == "match" else {"a", "b"})
    (found,) = ask(hub, "b").matches
    assert found.outcome == outcome
    assert found.why == (STEWARD if outcome == "refused" else None)


def test_ignored_values_and_aliases_count(make_hub: MakeHub) -> None:
    hub = make_hub("organization")
    (hub.folder / "ignore.csv").write_text(
        "entity_type,attribute,value\norganization,phone,0532-85671234\n", encoding="utf-8"
    )
    (hub.folder / "alias.csv").write_text(f"alias,name\n海川老店,{NAME}\n", encoding="utf-8")
    hub.put({"a": ONE})
    hub.configure(stewardship={"overrides": {"ignore_values": "ignore.csv", "aliases": "alias.csv"}})
    hub.run()
    answer = ask(hub, {"name": "别的公司", "phone": "0532-85671234"})
    assert answer.matches == [] and answer.problems["phone"] == "is in the table of ignored values"
    (found,) = ask(hub, {"name": "海川老店", "city": "青岛市"}).matches
    assert found.golden_id == hub.golden_of("a")
    foretold(hub, {"name": "海川老店", "city": "青岛市", "phone": "0532-85671234"})


def test_a_split_keeps_its_parts_apart(make_hub: MakeHub) -> None:
    hub = make_hub("organization")
    hub.put({"a": ONE, "b": NEITHER})
    hub.run()
    with hub.store() as store:
        parts = [[hub.id("a")], [hub.id("b")]]
        about = {"kind": "split", "entity_type": "organization", "by": "li", "reason": "two", "verdict": "split"}
        store.add_decisions([{**about, "detail": {"parts": parts}, "records": [hub.id("a"), hub.id("b")]}])
    hub.run()
    assert hub.groups() == {"a", "b"}
    (found,) = ask(hub, "b").matches
    assert (found.outcome, found.why) == ("refused", STEWARD)
