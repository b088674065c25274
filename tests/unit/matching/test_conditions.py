from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.model.conditions import to_python, to_sql
from models import match_model as mm
from tests.unit.matching.sample import Row

WORDS = st.one_of(st.none(), st.text(alphabet="abc1", max_size=5).map(lambda s: s or None))
LIST = st.one_of(st.none(), st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=4, unique=True))
RECORD = st.fixed_dictionaries({"x": WORDS, "y": WORDS, "items": LIST})
SCHEMA = pa.schema([("x", pa.string()), ("y", pa.string()), ("items", pa.list_(pa.string()))])

CON = duckdb.connect()
CONDITIONS: list[Any] = [
    mm.Exact(column="x"),
    mm.Crossed(column="x", other="y"),
    mm.Overlap(column="items"),
    mm.Jaccard(column="items", at_least=0.5),
    mm.Contained(column="items", at_least=2),
    mm.JaroWinkler(column="x", above=0.8195),
    mm.Levenshtein(column="x", at_most=1),
    mm.Prefix(column="x", length=2),
    mm.StartsWith(column="x", at_least=1),
    mm.Missing(columns=["x", "items"]),
    mm.All(of=[mm.Exact(column="x"), mm.Not(of=mm.Exact(column="y"))]),
    mm.AnyOf(of=[mm.Exact(column="y"), mm.Overlap(column="items")]),
    mm.Not(of=mm.Missing(columns=["y"])),
    mm.All(of=[mm.AnyOf(of=[mm.Exact(column="x"), mm.Exact(column="y")]), mm.Overlap(column="items")]),
    mm.AnyOf(of=[mm.All(of=[mm.Exact(column="x"), mm.Not(of=mm.Exact(column="y"))]), mm.Not(of=mm.Exact(column="x"))]),
    mm.Not(of=mm.All(of=[mm.Exact(column="x"), mm.Exact(column="y")])),
    mm.Else(),
]


@pytest.mark.parametrize("condition", CONDITIONS, ids=lambda c: str(c.kind))
@settings(max_examples=40, deadline=None)
@given(pairs=st.lists(st.tuples(RECORD, RECORD), min_size=1, max_size=30))
def test_sql_and_python_say_the_same(condition: Any, pairs: list[tuple[Row, Row]]) -> None:
    left = pa.Table.from_pylist([a for a, _ in pairs], schema=SCHEMA).rename_columns([f"{n}_l" for n in SCHEMA.names])
    right = pa.Table.from_pylist([b for _, b in pairs], schema=SCHEMA).rename_columns([f"{n}_r" for n in SCHEMA.names])
    both = left
    for name in right.column_names:
        both = both.append_column(name, right[name])
    both = both.append_column("n", pa.array(range(len(pairs))))
    CON.register("pairs", both)
    answers = CON.execute(f"SELECT coalesce({to_sql(condition)}, FALSE) FROM pairs ORDER BY n").fetchall()
    sql = [row[0] for row in answers]
    test = to_python(condition)
    assert sql == [bool(test(a, b)) for a, b in pairs]


def test_a_column_name_with_a_quote_stays_a_name() -> None:
    assert to_sql(mm.Exact(column='a"b')) == '"a""b_l" = "a""b_r"'
