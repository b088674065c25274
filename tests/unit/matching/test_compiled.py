from __future__ import annotations

import itertools
from typing import Any, get_args

import duckdb
import pyarrow as pa
import pytest

from matching.model.compiled import TF_FLOOR, CompiledModel, probability
from matching.model.conditions import Record, quoted
from matching.model.splink_model import add_term_frequencies, score_pairs
from matching.model.train import train
from matching.realtime.scoring import Pruning
from matching.screen import Screen
from models import match_model as mm
from tests.unit.matching.sample import Row, connect, declaration, records_of

TOLERANCE = 1e-9
SIZES = {"person": (80, 11), "organization": (100, 5)}  # records, seed
EVERY = (
    "CREATE OR REPLACE TABLE every AS SELECT a.record_id left_id, b.record_id right_id "
    "FROM features a JOIN features b ON a.record_id < b.record_id"
)


def worst_difference(con: duckdb.DuckDBPyConnection, model: mm.PublishedModel, records: list[Row]) -> float:
    """The largest difference between Splink's weight and the compiled one, over every pair of records."""
    add_term_frequencies(con, model, "features", "scorable")
    con.execute(EVERY)
    score_pairs(con, model, "scorable", "every", "scored")
    scored = {(a, b): w for a, b, w in con.execute("SELECT * FROM scored").fetchall()}
    compiled = CompiledModel(model)
    pairs = list(itertools.combinations(sorted(records, key=lambda r: r["record_id"]), 2))
    assert len(scored) == len(pairs)
    worst = 0.0
    for number, (a, b) in enumerate(pairs):
        weights = [compiled.weight(a, b)]
        if number % 10 == 0:
            weights += [compiled.weight(b, a), compiled.explain(a, b)[0]]
        worst = max(worst, *(abs(weight - scored[a["record_id"], b["record_id"]]) for weight in weights))
    return worst


@pytest.fixture(scope="module", params=["person", "organization"])
def trained(request: pytest.FixtureRequest) -> tuple[duckdb.DuckDBPyConnection, mm.PublishedModel, list[Row]]:
    con = connect(request.param, *SIZES[request.param])
    model, _ = train(con, declaration(request.param), "features", model_id="m", parser_version="1", versions={})
    return con, model, records_of(con)


def test_the_default_models_score_as_splink_does(trained: Any) -> None:
    con, model, records = trained
    assert worst_difference(con, model, records) < TOLERANCE


def test_nearly_every_level_was_met_by_that(trained: Any) -> None:
    _, model, records = trained
    compiled = CompiledModel(model)
    met = {(r.comparison, r.level) for a, b in itertools.combinations(records, 2) for r in compiled.explain(a, b)[1]}
    every = {(c.name, level.label) for c in model.declaration.comparisons for level in c.levels}
    assert len(met) >= 0.8 * len(every), sorted(every - met)


def test_the_reasons_add_up_to_the_weight(trained: Any) -> None:
    _, model, records = trained
    compiled = CompiledModel(model)
    for a, b in itertools.combinations(records[:12], 2):
        weight, reasons = compiled.explain(a, b)
        assert weight == pytest.approx(compiled.prior_weight + sum(r.weight for r in reasons))
        assert [r.comparison for r in reasons] == [c.name for c in model.declaration.comparisons]


ELSE = mm.Else()
KINDS: dict[str, Any] = {
    "exact": mm.Exact(column="x"),
    "exact number": mm.Exact(column="number"),
    "crossed": mm.Crossed(column="x", other="y"),
    "overlap": mm.Overlap(column="items"),
    "jaccard": mm.Jaccard(column="items", at_least=0.5),
    "contained": mm.Contained(column="items", at_least=2),
    "jaro_winkler": mm.JaroWinkler(column="x", above=0.8195),
    "levenshtein": mm.Levenshtein(column="x", at_most=1),
    "prefix": mm.Prefix(column="x", length=2),
    "starts_with": mm.StartsWith(column="x", at_least=2),
    "missing": mm.Missing(columns=["y", "items"]),
    "all": mm.All(of=[mm.Exact(column="x"), mm.Exact(column="y")]),
    "any": mm.AnyOf(of=[mm.Exact(column="y"), mm.Overlap(column="items")]),
    "not": mm.Not(of=mm.Exact(column="y")),
    "not of all": mm.Not(of=mm.All(of=[mm.Prefix(column="x", length=1), mm.Not(of=mm.Missing(columns=["y"]))])),
}


def kinds_in(condition: Any) -> set[str]:
    parts = condition.of if condition.kind in ("all", "any") else [condition.of] if condition.kind == "not" else []
    return {condition.kind}.union(*(kinds_in(part) for part in parts))


def test_every_kind_that_can_be_declared_is_among_them() -> None:
    declared = {model.model_fields["kind"].default for model in get_args(get_args(mm.Condition)[0])}
    assert declared == set().union(*(kinds_in(condition) for condition in KINDS.values())) | {"else"}


TEXTS = [None, "abc", "abd", "ab", "abcd", "cba", "b", "北京"]
SCHEMA = pa.schema(
    [
        ("record_id", pa.int64()),
        ("x", pa.string()),
        ("y", pa.string()),
        ("number", pa.int64()),
        ("items", pa.list_(pa.string())),
    ]
)


def plain_records() -> list[Row]:
    lists = [None, ["a"], ["a", "b"], ["b", "c", "d"], ["d"]]
    rows = itertools.product(TEXTS, ["abc", None, "b"], [None, 3], lists)
    drawn = list(rows)[::7]
    return [{"record_id": i, "x": x, "y": y, "number": n, "items": v} for i, (x, y, n, v) in enumerate(drawn)]


def plain_base(records: list[Row]) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.register("rows_in", pa.Table.from_pylist(records, schema=SCHEMA))
    con.execute("CREATE TABLE features AS SELECT * FROM rows_in")
    return con


def published(
    levels: list[mm.Level],
    shares: list[tuple[float, float] | None],
    frequencies: dict[str, dict[str, float]] | None = None,
    rare: float = 0.01,
) -> mm.PublishedModel:
    """A model of one comparison with these levels and these (m, u), as if it had been trained."""
    comparison = mm.Comparison(name="c", columns=["x"], levels=levels)
    declared = mm.Declaration(entity_type="person", comparisons=[comparison], blocking=[], auto=1, review=0)
    trained = [None if s is None else mm.TrainedLevel(m=s[0], u=s[1], origin="data") for s in shares]
    columns = declared.term_frequency_columns()
    return mm.PublishedModel(
        model_id="m",
        entity_type="person",
        declaration=declared,
        parser_version="1",
        versions={},
        records=9,
        prior=0.003,
        levels={"c": trained},
        term_frequencies={c: (frequencies or {}).get(c, {}) for c in columns},
        rare=dict.fromkeys(columns, rare),
        created_at="2025-01-01",
    )


MISSING_X = mm.Level(label="missing", when=mm.Missing(columns=["x"]))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_condition_scores_as_splink_does(kind: str) -> None:
    records = plain_records()
    levels = [MISSING_X, mm.Level(label=kind, when=KINDS[kind]), mm.Level(label="else", when=ELSE)]
    model = published(levels, [None, (0.83, 0.0171), (0.17, 0.9829)])
    compiled = CompiledModel(model)
    met = {compiled.explain(a, b)[1][0].level for a, b in itertools.combinations(records, 2)}
    assert met == {"missing", kind, "else"}
    assert worst_difference(plain_base(records), model, records) < TOLERANCE


@pytest.mark.parametrize("kind", KINDS)
def test_records_that_share_no_listed_value_are_told_so_without_looking(kind: str) -> None:
    """What is known beforehand changes no level, and what is given up could not have reached the weight."""
    levels = [MISSING_X, mm.Level(label=kind, when=KINDS[kind]), mm.Level(label="else", when=ELSE)]
    compiled = CompiledModel(published(levels, [None, (0.83, 0.0171), (0.17, 0.9829)]))
    (known,), pruning = compiled.knowing(["items"]), Pruning(compiled)
    for a, b in itertools.product([Record(r) for r in plain_records()], repeat=2):
        if set(a["items"] or ()).isdisjoint(b["items"] or ()):
            assert known.level(a, b) == compiled.comparisons[0].level(a, b)
            assert known.level(a, b) in known.levels(a)
        weight = compiled.weight(a, b)
        assert pruning.against(a, weight)(b) and not pruning.against(a, 60.0)(b)


def bounds(con: duckdb.DuckDBPyConnection, screen: Screen, table: str) -> dict[tuple[int, int], float]:
    """What a screen says of all pairs of a table, both ways round."""
    names = [row[0] for row in con.execute(f"DESCRIBE {table}").fetchall()]
    sides = ", ".join(f"{s}.{quoted(n)} AS {quoted(n, '_' + s)}" for n in names for s in "lr")
    total = " + ".join(screen.bound(c) for c in screen.model.model.declaration.comparisons)
    rows = con.execute(
        f"SELECT record_id_l, record_id_r, {screen.model.prior_weight!r} + {total} FROM "
        f"(SELECT {sides} FROM {table} l JOIN {table} r ON l.record_id <> r.record_id)"
    ).fetchall()
    return {(a, b): bound for a, b, bound in rows}


@pytest.mark.parametrize("kind", KINDS)
def test_a_screen_never_says_less_than_a_weight(kind: str) -> None:
    levels = [
        MISSING_X,
        mm.Level(label=kind, when=KINDS[kind]),
        mm.Level(label="rare", when=KINDS["prefix"], term_frequency="y"),
        mm.Level(label="else", when=ELSE),
    ]
    shares = [None, (0.43, 0.0171), (0.4, 0.01), (0.17, 0.9729)]
    model, records = published(levels, shares, {"y": {"abc": 0.2, "b": 0.04}}), plain_records()
    con, compiled = plain_base(records), CompiledModel(model)
    add_term_frequencies(con, model, "features", "scorable")
    by_id = {record["record_id"]: Record(record) for record in records}
    weights = {(a, b): compiled.weight(by_id[a], by_id[b]) for a, b in itertools.permutations(by_id, 2)}
    columns = ("x", "y", "number", "items")
    for known in ((*columns, "tf_y"), columns, ("x", "number"), ("y", "items", "tf_y"), ()):
        found = bounds(con, Screen(compiled, known, ()), "scorable")
        assert all(found[pair] >= weight - TOLERANCE for pair, weight in weights.items()), known
    found = bounds(con, Screen(compiled, ("x", "y", "tf_y", "number"), ("items",)), "scorable")
    for (a, b), weight in weights.items():
        if set(by_id[a]["items"] or ()).isdisjoint(by_id[b]["items"] or ()):
            assert found[a, b] >= weight - TOLERANCE


def test_a_screen_leaves_out_most_pairs_of_the_default_models_and_none_that_counts(trained: Any) -> None:
    con, model, records = trained
    compiled, contacts = CompiledModel(model), [kind.column for kind in model.declaration.contacts]
    hidden = {column + end for column in contacts for end in ("", "_own", "_shared")}
    add_term_frequencies(con, model, "features", "scorable")
    known = {row[0] for row in con.execute("DESCRIBE scorable").fetchall()} - hidden
    found = bounds(con, Screen(compiled, known, hidden), "scorable")
    left_out = 0
    for a, b in itertools.combinations(records, 2):
        if all(set(a[c + end] or ()).isdisjoint(b[c + end] or ()) for c in contacts for end in ("_own", "_shared")):
            bound = found[a["record_id"], b["record_id"]]
            assert bound >= compiled.weight(a, b) - TOLERANCE
            left_out += bound < model.declaration.review
    assert left_out > 0.5 * len(found) / 2


def test_declared_levels_ties_and_rare_values_score_as_splink_does() -> None:
    records = plain_records()
    levels = [
        MISSING_X,
        mm.Level(label="declared", when=KINDS["all"], m=0.2, u=0.7),
        mm.Level(label="frequent or rare", when=KINDS["exact"], term_frequency="x", rare=0.02, chance=0.01),
        mm.Level(label="tie", when=KINDS["prefix"], m=0.1, tie=True),
        mm.Level(label="else", when=ELSE),
    ]
    shares = [None, (0.2, 0.7), (0.7, 0.001), (0.05, 0.0001), (0.05, 0.99)]
    # One value common, one below the floor of Splink's adjustment, all others rare.
    model = published(levels, shares, {"x": {"abc": 0.2, "abd": TF_FLOOR / 100}}, rare=0.004)
    assert worst_difference(plain_base(records), model, records) < TOLERANCE


def test_the_more_common_of_two_values_counts_and_an_absent_one_does_not() -> None:
    levels = [MISSING_X, mm.Level(label="a", when=KINDS["prefix"], term_frequency="y"), mm.Level(label="e", when=ELSE)]
    model = published(levels, [None, (0.9, 0.01), (0.1, 0.99)], {"y": {"abc": 0.2, "b": 0.04}})
    records = plain_records()
    assert worst_difference(plain_base(records), model, records) < TOLERANCE
    compiled = CompiledModel(model)

    def rarity(left: str | None, right: str | None) -> float:
        return compiled.explain({"x": "ab", "y": left}, {"x": "ab", "y": right})[1][0].rarity

    assert rarity("b", "abc") == rarity("abc", "b") == rarity("abc", "abc") < rarity("b", "b") < rarity("z", "z")
    assert rarity(None, "b") == rarity("b", "b")
    assert rarity(None, None) == 0.0


def test_an_absent_column_is_an_absent_value() -> None:
    levels = [MISSING_X, mm.Level(label="a", when=KINDS["exact"]), mm.Level(label="e", when=ELSE)]
    compiled = CompiledModel(published(levels, [None, (0.9, 0.01), (0.1, 0.99)]))
    empty = Record()
    assert compiled.weight(empty, {"x": "ab"}) == compiled.prior_weight == compiled.weight({"x": None}, empty)


def test_probability_of_a_weight() -> None:
    assert probability(0.0) == 0.5 and probability(100.0) == 1.0 and probability(-2000.0) == 0.0
    assert probability(3.0) == pytest.approx(8 / 9)
