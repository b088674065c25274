"""What stewards see: the inbox, the page of a task, the page of a golden record."""

from __future__ import annotations

import pytest

from serving.access import NotAllowed, Principal
from serving.stewardship import Refused, Unknown, golden_view, inbox, next_task, read_filter, task_view
from tests.unit.matching.hub import Hub
from tests.unit.stewardship.conftest import MakeHub
from tests.unit.stewardship.world import GREY, grey_hub


@pytest.fixture
def hub(make_hub: MakeHub) -> Hub:
    return grey_hub(make_hub)


def test_the_inbox_names_the_records_of_a_task(hub: Hub, wang: Principal) -> None:
    with hub.store() as store:
        page = inbox(store, hub.config, wang)
    assert (page.total, page.open, page.mine, page.overdue, page.pages) == (1, 1, 0, 0, 1)
    (row,) = page.rows
    assert sorted(row.names) == sorted(values["full_name"] for values in GREY.values())
    assert row.sources == ["crm"] and len(row.golden_ids) == 2 and page.kinds == {"grey_pair": 1}


def test_filters_come_from_an_address_and_what_does_not_exist_is_told(wang: Principal) -> None:
    wanted, sort, page = read_filter(wang, {"kind": "grey_pair", "holder": "me", "sort": "due", "page": "2"})
    assert (wanted.kinds, wanted.holder, sort, page) == (("grey_pair",), "wang", "due", 2)
    for words in ({"kynd": "x"}, {"kind": "x"}, {"sort": "x"}, {"min": "x"}, {"status": "x"}):
        with pytest.raises(Refused):
            read_filter(wang, words)


def test_a_task_page_has_everything_that_speaks_for_and_against(hub: Hub, wang: Principal) -> None:
    with hub.store() as store:
        key = next_task(store, hub.config, wang)
        assert key is not None
        view = task_view(store, hub.config, wang, key)
        with pytest.raises(Unknown):
            task_view(store, hub.config, wang, "grey_pair:0-0")
        with pytest.raises(NotAllowed):
            task_view(store, hub.config, Principal.of_account("v", "viewer"), key)
    assert {record.source_key for record in view.records} == set(GREY)
    rows = {row.attribute: row for row in view.attributes}
    assert rows["full_name"].agreement == "same" and rows["full_name"].cells[0].standard["surname"]
    waterfall = view.waterfall
    assert waterfall is not None and waterfall.weight == pytest.approx(view.task["weight"])
    assert waterfall.prior + sum(bar.weight for bar in waterfall.bars) == pytest.approx(waterfall.weight)
    assert waterfall.review <= waterfall.weight < waterfall.auto
    assert view.preview is not None and view.preview.survivor == min(view.preview.golden_ids)
    assert view.preview.records == 2
    assert len(view.graph.nodes) == 2 and [edge.kind for edge in view.graph.edges] == ["doubtful"]
    assert view.as_dict()["task"]["task_key"] == key


def test_a_golden_record_shows_where_its_values_come_from(hub: Hub, wang: Principal) -> None:
    golden_id = hub.golden_of("a")
    with hub.store() as store:
        view = golden_view(store, hub.config, wang, golden_id)
        with pytest.raises(Unknown):
            golden_view(store, hub.config, wang, "nobody")
        with pytest.raises(Unknown, match="is known since"):
            golden_view(store, hub.config, wang, golden_id, as_of=view.recorded_at.replace(year=2000))
        then = golden_view(store, hub.config, wang, golden_id, as_of=view.recorded_at.replace(year=2100))
    values = {row.attribute: row for row in view.values}
    assert values["full_name"].why["key"] == "a" and view.name == values["full_name"].value
    assert [version.version for version in view.versions] == [1] and len(view.tasks) == 1
    assert [record.source_key for record in then.records] == ["a"]
