from __future__ import annotations

import pytest

from matching.keys import block_cap, build_keys, candidate_pairs, count_blocks, record_keys
from models.match_model import BlockingRule, Comparison, Declaration, Else, Exact, KeyPart, Level, Missing
from tests.unit.matching.sample import connect, declaration, records_of

ANY = Comparison(
    name="x",
    columns=["x"],
    levels=[
        Level(label="missing", when=Missing(columns=["surname_ascii"])),
        Level(label="equal", when=Exact(column="surname_ascii")),
        Level(label="else", when=Else()),
    ],
)


def small(cap: int) -> Declaration:
    rule = BlockingRule(name="surname", parts=[KeyPart(column="surname_ascii", first=3)])
    return Declaration(entity_type="person", comparisons=[ANY], blocking=[rule], auto=1, review=0, block_cap=cap)


@pytest.mark.parametrize("entity", ["person", "organization"])
def test_duckdb_and_python_build_the_same_keys(entity: str) -> None:
    con = connect(entity, 60, 3)
    build_keys(con, declaration(entity), "features")
    batch = set(con.execute("SELECT record_id, rule, key FROM keys").fetchall())
    records = records_of(con)
    single = {(r["record_id"], rule, key) for r in records for rule, key, _ in record_keys(declaration(entity), r)}
    assert batch == single and len(batch) > 200
    assert len({rule for _, rule, _ in batch}) >= len(declaration(entity).blocking) - 2


def test_two_rules_give_two_keys_for_one_value() -> None:
    rules = [BlockingRule(name=name, parts=[KeyPart(column="x")]) for name in ("one", "other")]
    declared = Declaration(entity_type="person", comparisons=[ANY], blocking=rules, auto=1, review=0)
    assert len({found.key for found in record_keys(declared, {"x": "v"})}) == 2


def test_a_short_or_absent_value_gives_no_key() -> None:
    assert list(record_keys(small(9), {"surname_ascii": "li"})) == []
    assert list(record_keys(small(9), {"surname_ascii": None})) == list(record_keys(small(9), {})) == []
    assert len(list(record_keys(small(9), {"surname_ascii": "lin"}))) == 1


def test_a_list_gives_a_key_per_value_and_none_twice() -> None:
    rule = BlockingRule(name="r", parts=[KeyPart(column="items", first=2), KeyPart(column="x")])
    declared = Declaration(entity_type="person", comparisons=[ANY], blocking=[rule], auto=1, review=0)
    assert len(list(record_keys(declared, {"items": ["abc", "abd", "cde", None], "x": "v"}))) == 2
    assert list(record_keys(declared, {"items": [], "x": "v"})) == []


def test_pairs_come_from_shared_keys_and_each_once() -> None:
    con = connect("person", 40, 5)
    declared = small(cap=100)
    build_keys(con, declared, "features")
    (count,) = count_blocks(con, declared)
    n = candidate_pairs(con)
    heads = {r["record_id"]: (r["surname_ascii"] or "")[:3] for r in records_of(con)}
    want = {(a, b) for a in heads for b in heads if a < b and len(heads[a]) == 3 and heads[a] == heads[b]}
    assert set(con.execute("SELECT left_id, right_id FROM pairs").fetchall()) == want
    assert n == len(want) == count.pairs and count.pairs_cut == 0


def test_a_block_above_the_cap_is_cut_and_counted() -> None:
    con = connect("person", 40, 5)
    declared = small(cap=5)
    build_keys(con, declared, "features")
    (count,) = count_blocks(con, declared)
    sizes = [n for (n,) in con.execute("SELECT count(*) FROM keys GROUP BY key HAVING count(*) > 1").fetchall()]
    cut, kept = [n for n in sizes if n > 5], [n for n in sizes if n <= 5]
    assert cut and kept
    assert (count.blocks_cut, count.largest) == (len(cut), max(cut))
    assert count.pairs_cut == sum(n * (n - 1) // 2 for n in cut)
    assert candidate_pairs(con) == count.pairs == sum(n * (n - 1) // 2 for n in kept)


def test_a_rule_s_own_cap_outranks_the_declaration_s() -> None:
    rule = BlockingRule(name="r", parts=[KeyPart(column="x")], cap=7)
    assert block_cap(small(3), rule) == 7 and block_cap(small(3), small(3).blocking[0]) == 3


def test_delta_gives_only_pairs_that_touch_it() -> None:
    con = connect("person", 40, 5)
    declared = small(cap=100)
    build_keys(con, declared, "features")
    count_blocks(con, declared)
    con.execute("CREATE TABLE delta AS SELECT record_id FROM features ORDER BY record_id LIMIT 3")
    candidate_pairs(con, "touching", delta="delta")
    candidate_pairs(con, "whole")
    ids = {r[0] for r in con.execute("SELECT record_id FROM delta").fetchall()}
    every = set(con.execute("SELECT left_id, right_id FROM whole").fetchall())
    some = set(con.execute("SELECT left_id, right_id FROM touching").fetchall())
    assert some == {p for p in every if ids & set(p)} and some < every
