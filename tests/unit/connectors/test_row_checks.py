from __future__ import annotations

from typing import Any

import pytest

from connectors import landing
from connectors.protocol import BadRow, Delivery, State
from tests.unit.connectors.hub import Hub


def deliver(hub: Hub, header: str, *rows: str) -> tuple[list[str], list[dict[str, Any]]]:
    """Keys of the usable rows, and the quarantine."""
    landed = hub.land("\n".join([header, *rows]) + "\n")
    assert landed.status == "landed", landed.error
    assert landed.rows == len(hub.usable(landed)) and landed.bad_rows == len(hub.bad(landed))
    return hub.usable(landed), hub.bad(landed)


@pytest.fixture(autouse=True)
def small(hub: Hub) -> None:
    hub.stream["fields"] = {"name": "name"}


def test_a_row_without_key(hub: Hub) -> None:
    keys, bad = deliver(hub, "id,name", "1,a", ",b", "\u3000 ,c", "4,d")
    assert keys == ["1", "4"]
    expected = {"source": "crm", "stream": "accounts", "source_key": None, "field": "id", "value": None}
    assert bad == [{**expected, "row": row, "reason": "no key: id is empty"} for row in (2, 3)]


def test_a_key_of_two_columns_needs_both(hub: Hub) -> None:
    hub.stream["key"] = ["site", "id"]
    keys, bad = deliver(hub, "site,id,name", "A,1,a", "B,1,b", "A,,c", ",2,d")
    assert keys == ["A|1", "B|1"]
    assert {b["reason"] for b in bad} == {"no key: site + id is empty"}


def test_rows_of_a_file_without_the_key_column(hub: Hub) -> None:
    hub.connector["path"] = "in/*.csv"
    hub.write("id,name\n1,a\n", "in/a.csv")
    hub.write("name\nb\n", "in/b.csv")
    landed = hub.land()
    assert hub.usable(landed) == ["1"]
    assert [(b["row"], b["reason"]) for b in hub.bad(landed)] == [(2, "no key: id is empty")]


def test_a_key_twice_with_the_same_content_is_counted(hub: Hub) -> None:
    landed = hub.land("id,name\n1,a\n2,b\n1,a\n")
    assert (hub.usable(landed), landed.repeated, landed.bad_rows) == (["1", "2"], 1, 0)


def test_a_key_twice_with_different_content_keeps_the_first(hub: Hub) -> None:
    keys, bad = deliver(hub, "id,name", "1,a", "2,b", "1,c", " 1 ,d")
    assert keys == ["1", "2"]
    assert [(b["row"], b["source_key"], b["field"], b["value"]) for b in bad] == [
        (3, "1", "id", '{"id":"1","name":"c"}'),
        (4, "1", "id", '{"id":" 1 ","name":"d"}'),
    ]
    assert bad[0]["reason"] == "key twice in one delivery with different content; row 1 is kept"


def test_a_key_twice_keeps_the_newest_where_the_source_tells_time(hub: Hub) -> None:
    hub.stream["updated_at"] = "at"
    landed = hub.land("id,name,at\n1,a,2026-01-01\n1,b,2026-01-03\n1,c,2026-01-02\n1,d,\n2,x,\n2,y,\n")
    rows = {row["id"]: row["name"] for row in hub.rows(landed) if row["_row"] in {2, 5}}
    assert rows == {"1": "b", "2": "x"} and hub.usable(landed) == ["1", "2"]
    reasons = [b["reason"].partition("; ")[2] for b in hub.bad(landed)]
    assert reasons == ["row 2, which is newer, is kept"] * 3 + ["row 5 is kept"]


def test_rows_of_the_same_key_in_different_parts_meet(hub: Hub) -> None:
    hub.connector["path"] = "in/*.csv"
    hub.write("id,name\n1,a\n2,b\n", "in/a.csv")
    hub.write("id,name,more\n2,c,x\n1,a,\n", "in/b.csv")
    landed = hub.land()
    assert hub.usable(landed) == ["1", "2"]
    assert (landed.repeated, [b["row"] for b in hub.bad(landed)]) == (1, [3])


def test_a_time_that_is_none_is_set_aside_and_its_row_kept(hub: Hub) -> None:
    hub.stream["updated_at"] = "at"
    keys, bad = deliver(hub, "id,name,at", "1,a,2026-02-30", "2,b,2026-02-28", "3,c,")
    assert keys == ["1", "2", "3"]
    assert [(b["source_key"], b["row"], b["field"], b["value"], b["reason"]) for b in bad] == [
        ("1", 1, "at", "2026-02-30", "a time that is none; the row is kept without it")
    ]


def test_a_date_that_is_none_is_set_aside_and_its_row_kept(hub: Hub) -> None:
    hub.stream |= {"entity": "person", "fields": {"full_name": "name", "birth_date": "born"}}
    keys, bad = deliver(hub, "id,name,born", "1,a,1980-02-31", "2,b,1980", "3,c,unknown", "4,d,31/3/1980", ",e,x")
    assert keys == ["1", "2", "3", "4"]
    found = [(b["source_key"], b["field"], b["value"]) for b in bad]
    assert found == [("1", "born", "1980-02-31"), ("3", "born", "unknown"), (None, "id", None)]


def test_dates_in_the_sources_own_format(hub: Hub) -> None:
    hub.stream |= {"entity": "person", "fields": {"full_name": "name", "birth_date": "born"}, "date_format": "%d%m%y"}
    keys, bad = deliver(hub, "id,name,born", "1,a,311280", "2,b,321280")
    assert [b["source_key"] for b in bad] == ["2"]


def test_attributes_that_a_configuration_adds_may_hold_dates(hub: Hub) -> None:
    landed = hub.land("id,name\n1,2026-02-30\n", dates=frozenset({"name"}))
    assert [b["value"] for b in hub.bad(landed)] == ["2026-02-30"]


def test_a_row_that_was_not_readable_keeps_its_key_where_it_can(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __init__(self, *_: Any) -> None: ...

        def read(self, *_: Any, **__: Any) -> Any:
            yield Delivery()
            yield BadRow("garbled", "x" * 5000, "name", {"id": " 7 "})
            yield BadRow("garbled", "???", cells={"name": "a"})
            yield State({})

    monkeypatch.setattr(landing, "connector_for", Broken)
    landed = hub.land()
    assert [(b["row"], b["source_key"], b["field"], len(b["value"])) for b in hub.bad(landed)] == [
        (1, "7", "name", 1000),
        (2, None, None, 3),
    ]
