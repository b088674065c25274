"""The provenance that is stored, written out for people."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa

from matching.survive import FieldRule, expand_provenance, survive
from tests.unit.survive.tables import SOURCES, TIME, members, standard

BLOCK = [FieldRule(n, "most_complete", block="address") for n in ("address_line", "city", "postal_code")]
RULES = [FieldRule("name"), FieldRule("phone", multi=True), *BLOCK]
CRM = {"record": "1", "source": "crm", "stream": "s", "key": "k1"}
WEB = {"record": "2", "source": "web", "stream": "s", "key": "k2"}


def told(*rows: dict[str, Any], **columns: list[Any]) -> dict[str, Any]:
    found = members(*rows)
    known = standard(found, **columns) if columns else None
    (row,) = survive(found, known, RULES, SOURCES).to_pylist()
    return expand_provenance(row["provenance"], row["values"])


def test_a_golden_record_of_one_member_names_it_for_every_value() -> None:
    found = told({"name": "A", "phone": ["1", "2"], "city": "C"})
    assert found["name"] == {"rule": "only", **CRM}
    assert found["city"] == {"rule": "only", **CRM}
    assert found["phone"]["values"] == [{"value": v, **CRM, "records": 1} for v in ("1", "2")]
    assert told({"status": "not asked for"}) == {}


def test_winner_and_losers_with_values_and_reasons() -> None:
    found = told({"name": "A", "phone": ["1"]}, {"source": "web", "name": "B", "phone": ["1", "2"]})
    assert found["name"] == {
        "rule": "source_priority",
        **CRM,
        "losers": [{**WEB, "value": "B"}],
        "lost": 1,
    }
    assert found["phone"] == {
        "rule": "source_priority",
        "values": [{"value": "1", **CRM, "records": 2}, {"value": "2", **WEB, "records": 1}],
    }


def test_a_loser_with_the_winners_value_has_it_written_out() -> None:
    found = told({"name": "A"}, {"source": "web", "name": "A"})
    assert found["name"]["losers"] == [{**WEB, "value": "A"}]
    invalid = told({"name": "A"}, {"source": "web", "name": "A"}, reasons=[None, '{"name": "too short"}'])
    assert invalid["name"]["losers"] == [{**WEB, "value": "A", "reason": "too short"}]


def test_only_losers() -> None:
    found = told({"name": "n/a"}, {"source": "web", "city": "C"}, reasons=['{"name": "placeholder"}', None])
    assert found["name"] == {
        "rule": "source_priority",
        "losers": [{**CRM, "value": "n/a", "reason": "placeholder"}],
        "lost": 1,
    }


def test_a_block_is_told_field_by_field() -> None:
    found = told({"city": "C", "postal_code": "9"}, {"source": "web", "city": "D", "address_line": "d 1"})
    assert found["city"] == {"rule": "most_complete", **CRM, "losers": [{**WEB, "value": "D"}], "lost": 1}
    assert found["postal_code"] == {"rule": "most_complete", **CRM}
    assert found["address_line"]["losers"] == [{**WEB, "value": "d 1"}]


def test_losers_beyond_the_twenty_kept_are_counted() -> None:
    found = told(*({"key": f"{i:02}", "name": f"n{i}"} for i in range(40)))
    assert len(found["name"]["losers"]) == 20
    assert found["name"]["lost"] == 39


def test_every_record_that_is_named_is_a_member_however_many_there_are() -> None:
    """Beyond some thousand rows DuckDB gives them in no particular order, unless it is asked for one."""
    count = 150_000
    place = np.random.default_rng(1).permutation(np.repeat(np.arange(count // 3), 3))
    found = pa.table(
        {
            "record_id": pa.array(np.arange(count)),
            "golden_id": pa.array([f"{g:06}" for g in place.tolist()]),
            "source": pa.array(np.array(["crm", "dms", "web"])[np.arange(count) % 3]),
            "stream": pa.array(["s"] * count),
            "source_key": pa.array([str(i) for i in range(count)]),
            "source_time": pa.nulls(count, TIME),
            "name": pa.array([f"n{i % 7}" for i in range(count)]),
        }
    )
    made = survive(found, None, [FieldRule("name")], SOURCES, threads=2)
    for golden_id, provenance in zip(made["golden_id"].to_pylist(), made["provenance"].to_pylist(), strict=True):
        named = json.loads(provenance)["records"].values()
        assert {place[int(record[0])] for record in named} == {int(golden_id)}
