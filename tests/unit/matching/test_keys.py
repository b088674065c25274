from __future__ import annotations

from matching.keys import block_cap, build_keys, candidate_pairs, count_blocks, record_keys
from models.match_model import BlockingRule, Declaration, Else, Exact, KeyPart, Level, Missing
from models.match_model import Comparison
from tests.unit.matching.sample import connect, person_declaration, rows

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


def test_duckdb_and_python_build_the_same_keys():
    declaration, records = person_declaration(), rows(60, 3)
    con = connect(records)
    build_keys(con, declaration, "features")
    batch = set(con.execute("SELECT record_id, rule, key FROM keys").fetchall())
    single = {(r["record_id"], rule, key) for r in records for rule, key in record_keys(declaration, r)}
    assert batch == single and len(batch) > 200


def test_pairs_come_from_shared_keys_and_each_once():
    records = rows(40, 5)
    con = connect(records)
    declaration = small(cap=100)
    build_keys(con, declaration, "features")
    (count,) = count_blocks(con, declaration)
    n = candidate_pairs(con)
    heads = {r["record_id"]: (r["surname_ascii"] or "")[:3] for r in records}
    want = {(a, b) for a in heads for b in heads if a < b and heads[a] and heads[a] == heads[b]}
    assert set(con.execute("SELECT left_id, right_id FROM pairs").fetchall()) == want
    assert n == len(want) == count.pairs and count.pairs_cut == 0


def test_a_block_above_the_cap_is_cut_and_counted():
    con = connect(rows(40, 5))
    declaration = small(cap=3)
    build_keys(con, declaration, "features")
    (count,) = count_blocks(con, declaration)
    assert count.blocks_cut > 0 and count.pairs_cut > 0 and count.largest > 3
    sizes = con.execute("SELECT max(n) FROM (SELECT count(*) n FROM keys GROUP BY key HAVING count(*) <= 3)").fetchall()
    assert candidate_pairs(con) == count.pairs and sizes[0][0] <= block_cap(declaration, declaration.blocking[0])


def test_delta_gives_only_pairs_that_touch_it():
    con = connect(rows(40, 5))
    declaration = small(cap=100)
    build_keys(con, declaration, "features")
    count_blocks(con, declaration)
    con.execute("CREATE TABLE delta AS SELECT record_id FROM features ORDER BY record_id LIMIT 3")
    candidate_pairs(con, "touching", delta="delta")
    candidate_pairs(con, "whole")
    ids = {r[0] for r in con.execute("SELECT record_id FROM delta").fetchall()}
    every = set(con.execute("SELECT left_id, right_id FROM whole").fetchall())
    some = set(con.execute("SELECT left_id, right_id FROM touching").fetchall())
    assert some == {p for p in every if ids & set(p)} and some < every
