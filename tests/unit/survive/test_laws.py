"""The laws of survivorship on generated golden records, and that its two ways of working say the same."""

from __future__ import annotations

import json
import random
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.survive import FieldRule, SourceRank, expand_provenance, survive
from models.config import Trust
from tests.unit.survive.tables import TIME, day, members, overrides

RULES = ("source_priority", "trust", "most_recent", "most_frequent", "longest", "most_complete")
BLOCK = ("address_line", "city", "postal_code")
TEXTS = st.sampled_from(["a", "b", "Aa", "n/a", "物流", '"q\\"', "İx", "line\nbreak\x1f", "Zz zz"])
DAYS = st.none() | st.integers(0, 400)
REASONS = st.sampled_from(["bad", "placeholder", "filler digits; bad"])
RANKS = {
    "crm": SourceRank(10, Trust(max=90, min=5, decay_days=200)),
    "dms": SourceRank(10, Trust(max=70, min=40, decay_days=30, curve="rapid_initial_slow_later")),
    "web": SourceRank(90),
}


@st.composite
def cases(draw: st.DrawFn) -> tuple[pa.Table, pa.Table, list[FieldRule]]:
    """Members of a few golden records, standard values for some of them, and a rule for each attribute."""
    rows, known = [], []
    for number in range(draw(st.integers(1, 9))):
        row: dict[str, Any] = {
            "golden": draw(st.sampled_from("gggh")),
            "source": draw(st.sampled_from(["crm", "dms", "web", "new"])),
            "at": draw(DAYS),
            "key": draw(st.sampled_from("xyz")) + str(number),
        }
        for name in ("name", "tax_id", "segment", *BLOCK):
            row[name] = draw(st.none() | TEXTS)
        row["phone"] = draw(st.none() | st.lists(st.sampled_from(["1", "2", "333", "no"]), max_size=4))
        reasons = draw(
            st.dictionaries(st.sampled_from(["name", "phone", *BLOCK[:1]]), st.sampled_from(["bad", "placeholder"]))
        )
        known.append(
            {
                "name_norm": draw(st.none() | st.sampled_from(["a", "b"])),
                "tax_id": draw(st.none() | st.sampled_from(["T1", "T2"])),
                "tax_id_ok": draw(st.none() | st.booleans()),
                "phones": draw(st.none() | st.lists(st.sampled_from(["+1", "+2", "+333"]), unique=True, max_size=3)),
                "reasons": json.dumps(reasons) if reasons else None,
            }
        )
        rows.append(row)
    found = members(*rows)
    kinds = {"tax_id_ok": pa.bool_(), "phones": pa.list_(pa.string())}
    table = {n: pa.array([k[n] for k in known], kinds.get(n, pa.string())) for n in known[0]}
    rules = [FieldRule(name, draw(st.sampled_from(RULES))) for name in ("name", "tax_id", "segment")]
    rules.append(FieldRule("phone", draw(st.sampled_from(RULES)), multi=True))
    block = draw(st.sampled_from(RULES))
    rules += [FieldRule(name, block, block="address") for name in BLOCK]
    return found, pa.table({"record_id": found["record_id"], **table}), rules


STEERING = st.lists(
    st.fixed_dictionaries(
        {
            "record_id": st.none() | st.integers(1, 5),
            "golden_id": st.none() | st.sampled_from("gh"),
            "attribute": st.sampled_from(["name", "phone", "city", "tax_id"]),
            "value": st.none() | st.sampled_from(["a", "+1", "T1", "1"]),
            "action": st.sampled_from(["pin", "ignore"]),
            "at": st.none() | st.integers(0, 3).map(day),
        }
    ),
    max_size=4,
)


def worked(case: tuple[pa.Table, pa.Table, list[FieldRule]], **options: Any) -> list[dict[str, Any]]:
    found, known, rules = case
    listed: list[dict[str, Any]] = survive(found, known, rules, RANKS, **options).sort_by("golden_id").to_pylist()
    return listed


@settings(max_examples=40, deadline=None)
@given(case=cases(), said=STEERING, as_of=st.none() | st.integers(0, 500).map(day))
def test_both_ways_say_the_same(case: tuple[pa.Table, pa.Table, list[FieldRule]], said: list[Any], as_of: Any) -> None:
    table = overrides(*said)
    assert worked(case, overrides=table, as_of=as_of) == worked(case, overrides=table, as_of=as_of, few=0)


@settings(max_examples=80, deadline=None)
@given(case=cases(), seed=st.integers(0, 10**6))
def test_the_order_of_members_does_not_matter(case: tuple[pa.Table, pa.Table, list[FieldRule]], seed: int) -> None:
    found, known, rules = case
    mixed = list(range(len(found)))
    random.Random(seed).shuffle(mixed)
    assert worked(case) == worked((found.take(mixed), known.take(sorted(mixed, reverse=True)), rules))


@settings(max_examples=80, deadline=None)
@given(case=cases())
def test_golden_records_do_not_depend_on_each_other(case: tuple[pa.Table, pa.Table, list[FieldRule]]) -> None:
    found, known, rules = case
    apart = []
    for golden in ("g", "h"):
        mine = [i for i, one in enumerate(found["golden_id"].to_pylist()) if one == golden]
        apart += worked((found.take(mine), known, rules)) if mine else []
    assert apart == worked(case)


@settings(max_examples=80, deadline=None)
@given(case=cases())
def test_a_block_never_mixes_records_and_every_value_is_some_members(
    case: tuple[pa.Table, pa.Table, list[FieldRule]],
) -> None:
    found, known, _ = case
    delivered = {str(row["record_id"]): row for row in found.to_pylist()}
    standard = {str(row["record_id"]): row for row in known.to_pylist()}
    for golden in worked(case):
        chosen = json.loads(golden["values"])
        told = expand_provenance(golden["provenance"], golden["values"])
        assert set(chosen) <= set(told)
        assert len({told[name]["record"] for name in BLOCK if name in chosen}) <= 1
        for name, value in chosen.items():
            if name == "phone":
                for one in told[name]["values"]:
                    source = one["record"]
                    assert one["value"] in [*(standard[source]["phones"] or ()), *(delivered[source]["phone"] or ())]
                assert value == [one["value"] for one in told[name]["values"]]
                continue
            winner = told[name]["record"]
            wanted = {
                delivered[winner][name],
                standard[winner]["tax_id"] if name == "tax_id" else None,
            }
            assert value in wanted


@settings(max_examples=80, deadline=None)
@given(case=cases(), data=st.data())
def test_a_member_that_loses_everywhere_can_be_added_without_effect(
    case: tuple[pa.Table, pa.Table, list[FieldRule]], data: st.DataObject
) -> None:
    found, known, _ = case
    rules = [FieldRule(name) for name in ("name", "tax_id", "segment")] + [FieldRule(n, block="address") for n in BLOCK]
    before = {row["golden_id"]: row["values"] for row in worked((found, known, rules))}
    last = {"record_id": 99, "golden_id": "g", "source": "web", "stream": "s", "source_key": "zzz", "source_time": None}
    if "g" not in before:
        return
    has = set(json.loads(before["g"]))
    has = (has - set(BLOCK)) | ({"address_line"} if has & set(BLOCK) else set())
    added = {**last, **{name: data.draw(TEXTS) for name in sorted(has - {"phone"})}}
    row = pa.table({f.name: pa.array([added.get(f.name)], f.type) for f in found.schema})
    bad = {"record_id": 99, "reasons": json.dumps(dict.fromkeys(["name", "tax_id", "address_line"], "bad"))}
    unknown = pa.table({f.name: pa.array([bad.get(f.name)], f.type) for f in known.schema})
    after = worked((pa.concat_tables([found, row]), pa.concat_tables([known, unknown]), rules))
    assert {r["golden_id"]: r["values"] for r in after} == before


def test_generated_times_are_what_the_tables_hold() -> None:
    assert members({"at": 1})["source_time"].type == TIME
