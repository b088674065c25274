"""Training without labels: what is learned, what stays as declared, and what is refused."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.model import train as training
from matching.model.compiled import CompiledModel
from matching.model.patterns import count_patterns
from matching.model.train import (
    TrainingReport,
    comparable_pairs,
    declared_ratios,
    default_m,
    monotonic,
    observed_u,
    random_pairs,
    strengths,
    term_frequencies,
    train,
    without_matches,
)
from matching.training import outgrown
from models import match_model as mm
from models.errors import ModelError
from tests.unit.matching.sample import connect, declaration, load, records_of, world

NOW = dt.datetime(2025, 1, 2, tzinfo=dt.UTC)
ELSE = mm.Level(label="else", when=mm.Else())
MISSING = mm.Level(label="missing", when=mm.Missing(columns=["x"]))


def comparison(*levels: mm.Level, **more: Any) -> mm.Comparison:
    return mm.Comparison(name="c", columns=["x"], levels=[MISSING, *levels, ELSE], **more)


def level(label: str = "equal", when: Any = None, **more: Any) -> mm.Level:
    return mm.Level(label=label, when=when or mm.Exact(column="x"), **more)


def one(*levels: mm.Level, **more: Any) -> mm.Declaration:
    rule = mm.BlockingRule(name="y", parts=[mm.KeyPart(column="y")])
    return mm.Declaration(
        entity_type="person", comparisons=[comparison(*levels, **more)], blocking=[rule], auto=1, review=0
    )


def base(values: list[str | None], others: list[str | None] | None = None) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    columns = {"record_id": list(range(len(values))), "x": pa.array(values, pa.string())}
    con.register("rows_in", pa.table({**columns, "y": pa.array(others or [None] * len(values), pa.string())}))
    con.execute("CREATE TABLE features AS SELECT * FROM rows_in")
    return con


def trained(con: duckdb.DuckDBPyConnection, declared: mm.Declaration) -> tuple[mm.PublishedModel, TrainingReport]:
    return train(con, declared, "features", model_id="m", parser_version="1", versions={"a": "1"}, now=NOW)


# What is declared


def test_the_prior_of_m_is_what_is_declared_and_the_rest_halves_from_level_to_level() -> None:
    m = default_m(comparison(level(m=0.5), level("b", mm.Prefix(column="x", length=1))))
    assert m == pytest.approx([0, 0.5, 0.5 * 2 / 3, 0.5 / 3])
    assert default_m(comparison(level(m=0.9), level("b", m=0.9)))[1:].sum() == pytest.approx(1)


def test_a_comparison_s_own_strength_outranks_the_declaration_s() -> None:
    assert strengths(one(level())) == [40.0] and strengths(one(level(), strength=7)) == [7.0]


def test_a_level_with_m_and_u_has_a_declared_ratio() -> None:
    (ratios,) = declared_ratios(one(level(m=0.8, u=0.1), level("b", m=0.1)))
    assert ratios[1] == pytest.approx(math.log(8)) and np.isnan(ratios[[0, 2, 3]]).all()


# u


def test_random_pairs_of_a_small_base_are_all_pairs() -> None:
    con = base(["a"] * 30)
    assert random_pairs(con, "features", "pairs") == 435
    assert con.execute("SELECT count(*), count(DISTINCT (left_id, right_id)) FROM pairs").fetchall() == [(435, 435)]


def test_random_pairs_of_a_large_base_are_drawn_the_same_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_RANDOM_PAIRS", 400)
    con = base(["a"] * 40)
    drawn = []
    for _ in range(2):
        assert random_pairs(con, "features", "pairs") == 780
        drawn.append(con.execute("SELECT left_id, right_id FROM pairs ORDER BY ALL").fetchall())
    assert drawn[0] == drawn[1] and 350 <= len(drawn[0]) <= 400
    assert all(a != b for a, b in drawn[0])


def shares(values: list[str | None], declared: mm.Declaration) -> list[float]:
    con = base(values)
    total = random_pairs(con, "features", "pairs")
    (u,) = observed_u(con, declared, count_patterns(con, declared, "pairs", "features"), "features", total)
    found: list[float] = u.tolist()
    return found


def test_u_of_equality_is_counted_from_values() -> None:
    values: list[str | None] = ["a"] * 4 + [f"v{i}" for i in range(36)] + [None] * 10
    u = shares(values, one(level()))
    assert u[0] == 0 and u[1] == pytest.approx(6 / 780, rel=0.01) and sum(u) == pytest.approx(1)


def test_a_level_that_was_never_seen_is_rare_but_possible() -> None:
    u = shares([f"v{i}" for i in range(40)], one(level()))
    assert 0 < u[1] < 1 / 780


def test_where_nothing_can_be_compared_agreement_is_taken_to_be_rare() -> None:
    assert shares([None] * 10, one(level())) == pytest.approx([0, 0.01, 0.99])


def test_matches_are_taken_off_u_but_never_all_of_it() -> None:
    declared = one(level())
    u, m = np.array([0.0, 0.01, 0.99]), np.array([0.0, 0.9, 0.1])
    (less,) = without_matches(declared, [u], [m], 0.005, [1e9])
    assert less[1] == pytest.approx((0.01 - 0.0045) / 0.995, rel=0.01) and less.sum() == pytest.approx(1)
    (least,) = without_matches(declared, [u], [m], 0.02, [1e9])
    assert least[1] == pytest.approx(0.03 * 0.01, rel=0.05)


@pytest.mark.parametrize(("pairs", "expected"), [(0, 1e-5), (1e5, (0.01 + 1e-5) / 2), (1e12, 0.01)])
def test_declared_chance_weighs_as_many_pairs_as_it_is_worth(pairs: float, expected: float) -> None:
    u, m = np.array([0.0, 0.01, 0.99]), np.array([0.0, 0.9, 0.1])
    (found,) = without_matches(one(level(chance=1e-5)), [u], [m], 0.0, [pairs])
    assert found[1] == pytest.approx(expected, rel=0.02)


def test_pairs_that_can_be_compared_are_those_with_both_values() -> None:
    declared = one(level())
    con = base(["a"] * 10 + [None] * 10)
    total = random_pairs(con, "features", "pairs")
    sample = count_patterns(con, declared, "pairs", "features")
    assert comparable_pairs(declared, sample, total) == [45.0]


# Monotonic weights


@pytest.mark.parametrize(
    ("weights", "sizes", "expected"),
    [
        ([3, 2, 1], [1, 1, 1], [3, 2, 1]),
        ([1, 3], [1, 1], [2, 2]),
        ([1, 3], [3, 1], [1.5, 1.5]),
        ([5, 1, 3, -2], [1, 1, 1, 1], [5, 2, 2, -2]),
        ([1, 2, 3], [1, 1, 1], [2, 2, 2]),
        ([3, 1, 2, 4], [1, 1, 1, 1], [3, 7 / 3, 7 / 3, 7 / 3]),
        ([], [], []),
    ],
)
def test_adjacent_violators_are_pooled(weights: list[float], sizes: list[float], expected: list[float]) -> None:
    assert monotonic(np.array(weights), np.array(sizes)) == pytest.approx(expected)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.floats(-20, 20), st.floats(0.1, 1000)), min_size=1, max_size=9))
def test_pooled_weights_never_increase_and_keep_their_mean(levels: list[tuple[float, float]]) -> None:
    weights, sizes = (np.array(column) for column in zip(*levels, strict=True))
    pooled = monotonic(weights, sizes)
    assert len(pooled) == len(weights) and (np.diff(pooled) <= 1e-9).all()
    assert (pooled * sizes).sum() == pytest.approx((weights * sizes).sum(), abs=1e-6)
    assert monotonic(pooled, sizes) == pytest.approx(pooled)


def opposite(**second: Any) -> tuple[mm.Declaration, duckdb.DuckDBPyConnection]:
    """A base where pairs of one customer agree on the head of x more telling than on the whole of it."""
    values: list[str | None] = []
    others: list[str | None] = []
    for i in range(200):
        head = f"{i:03d}"
        values += [f"{head}a", f"{head}b"]
        others += [f"k{i}", f"k{i}"]
    # The whole of x is equal for many who are not one customer.
    values += ["common"] * 60
    others += [f"n{i // 2}" for i in range(60)]
    return one(level(), level("head", mm.Prefix(column="x", length=3), **second)), base(values, others)


def test_weights_that_rise_from_one_level_to_the_next_are_pooled_and_said_to_be() -> None:
    declared, con = opposite()
    model, report = trained(con, declared)
    rows = by_label(model)
    assert weight(rows["c: equal"]) == pytest.approx(weight(rows["c: head"]))
    assert rows["c: equal"].origin == rows["c: head"].origin == "pooled"
    assert set(report.pooled) == {"c: equal", "c: head"}


def test_a_tie_may_weigh_more_than_the_level_before_it() -> None:
    declared, con = opposite(tie=True)
    model, report = trained(con, declared)
    rows = by_label(model)
    assert weight(rows["c: head"]) > weight(rows["c: equal"]) and rows["c: head"].origin != "pooled"
    assert "c: head" not in report.pooled


# Term frequencies


def test_the_customer_s_own_records_are_taken_off_a_value_s_count() -> None:
    con = base(["a"] * 40 + ["b"] * 5 + ["c"] * 4 + [f"v{i}" for i in range(51)] + [None] * 100)
    found, rare = term_frequencies(con, "x", "features", cluster_size=2.0)
    # Of 100 records with a value; what one customer may have alone (up to 2.5 times 2 records) says nothing.
    assert rare == pytest.approx(0.25 * 2 / 100)
    # A hundred records are few: half of what they say comes from what is usual.
    assert found == {"a": pytest.approx((38 + 100 * rare) / 200)}


def test_many_records_speak_for_themselves() -> None:
    con = base(["a"] * 4_000 + [f"v{i}" for i in range(6_000)])
    found, _ = term_frequencies(con, "x", "features", cluster_size=1.0)
    assert found == {"a": pytest.approx(0.4, rel=0.02)}


def test_a_small_base_learns_from_the_world_how_common_a_value_is() -> None:
    shares = {"b": 0.02, "z": 0.07}
    con = base(["a"] * 40 + ["b"] * 2 + [f"v{i}" for i in range(58)])
    found, rare = term_frequencies(con, "x", "features", 1.0, 1e-4, shares)
    # Once or twice in a hundred is no measure: what the world knows counts as twenty thousand records.
    assert rare == pytest.approx((0.25 + 20_000 * 1e-4) / 20_100)
    assert found["b"] == pytest.approx(0.02, rel=0.01) and found["z"] == pytest.approx(0.07, rel=0.01)
    assert found["a"] > 0.1
    # A large base knows by itself, and a value is never taken for more common than it is there.
    con = base([f"w{i}" for i in range(30_000)])
    _, rare = term_frequencies(con, "x", "features", 1.0, 1e-2, shares)
    assert rare == pytest.approx(0.25 / 30_000)


def test_the_declared_share_of_a_rare_value_counts_as_records_seen() -> None:
    con = base(["a"] * 40 + [f"v{i}" for i in range(60)])
    found, rare = term_frequencies(con, "x", "features", cluster_size=1.0, chance=5e-5)
    assert rare == pytest.approx((0.25 + 20_000 * 5e-5) / 20_100)
    assert found == {"a": pytest.approx((39 + 100 * rare) / 200)}
    _, common = term_frequencies(con, "x", "features", cluster_size=1.0, chance=0.5)
    assert common == pytest.approx(0.5, rel=0.01)


def test_no_listed_value_is_rarer_than_a_rare_one() -> None:
    con = base(["a"] * 3 + [f"v{i}" for i in range(60)])
    found, rare = term_frequencies(con, "x", "features", cluster_size=1.0, chance=0.2)
    assert found == {"a": rare}


def test_a_column_without_values_has_frequencies_all_the_same() -> None:
    found, rare = term_frequencies(base([None, None]), "x", "features", cluster_size=1.0)
    assert found == {} and 0 < rare < 1


# The whole


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_records_are_refused(count: int) -> None:
    with pytest.raises(ModelError, match=f"person: {count} records are too few"):
        trained(base(["a"] * count), one(level()))


def test_a_base_in_which_nothing_tells_records_apart_is_refused() -> None:
    # With nothing to learn from, agreement and disagreement are as likely of one customer as of two.
    declared = one(level(m=0.01), strength=1e9)
    with pytest.raises(ModelError, match="person: no attribute tells records apart; map more attributes"):
        trained(base([None] * 10), declared)


def test_two_records_give_a_model() -> None:
    con = load("person", [{"record_id": 1, "full_name": "Wei Zhang"}, {"record_id": 2, "full_name": "Bob Smith"}])
    model, report = trained(con, declaration("person"))
    assert model.records == report.records == 2 and 0 < model.prior < 1
    assert all(one.origin in ("prior", "pooled", "declared") for one in told(model))


def by_label(model: mm.PublishedModel) -> dict[str, mm.TrainedLevel]:
    return {
        f"{compared.name}: {level.label}": at
        for compared in model.declaration.comparisons
        for level, at in zip(compared.levels, model.levels[compared.name], strict=True)
        if at is not None
    }


def weight(at: mm.TrainedLevel) -> float:
    return float(np.log2(at.m / at.u))


def told(model: mm.PublishedModel) -> list[mm.TrainedLevel]:
    return [at for levels in model.levels.values() for at in levels if at is not None]


def test_the_share_of_matches_is_bounded_for_a_small_base() -> None:
    # One pair in six matches, but a handful of records is a sample of a larger world.
    con = base([f"v{i // 10}" for i in range(60)], [f"k{i // 10}" for i in range(60)])
    model, report = trained(con, one(level()))
    assert model.prior == training._MOST_PRIOR == pytest.approx(report.expected_matches / (60 * 59 / 2))


@pytest.fixture(scope="module", params=["person", "organization"])
def hard_world(request: pytest.FixtureRequest) -> Any:
    raw, truth = world("hard", request.param, 600)
    con = load(request.param, raw)
    model, report = trained(con, declaration(request.param))
    return con, model, report, truth


def test_agreement_is_likelier_of_one_customer_and_disagreement_of_two(hard_world: Any) -> None:
    _, model, _, _ = hard_world
    for compared in model.declaration.comparisons:
        levels = [x for x in zip(compared.levels, model.levels[compared.name], strict=True) if x[1] is not None]
        learned = [(a, b) for a, b in levels if a.declared_weight is None and not a.tie]
        weights = [math.log2(b.m / b.u) for _, b in learned]
        assert weights == sorted(weights, reverse=True), compared.name
        if len(learned) > 1:
            assert weights[0] > 0 > weights[-1], compared.name


def test_m_and_u_are_shares(hard_world: Any) -> None:
    _, model, report, _ = hard_world
    assert all(0 < at.m <= 1 and 0 < at.u <= 1 for at in told(model))
    assert 0 < model.prior <= training._MOST_PRIOR
    assert all(0 < share < 1 for table in model.term_frequencies.values() for share in table.values())
    assert all(0 < share < 1 for share in model.rare.values())
    assert report.expected_matches == pytest.approx(model.prior * 600 * 599 / 2)


def test_declared_levels_keep_their_weight_and_every_level_says_where_it_is_from(hard_world: Any) -> None:
    _, model, report, _ = hard_world
    for compared in model.declaration.comparisons:
        for declared, found in zip(compared.levels, model.levels[compared.name], strict=True):
            if found is not None and declared.declared_weight is not None:
                assert (found.m, found.u, found.origin) == (declared.m, declared.u, "declared")
            elif found is not None:
                assert found.origin in ("data", "prior", "pooled")
    origins = {at.origin for at in told(model)}
    assert {"data", "prior", "declared"} <= origins
    rows = by_label(model)
    assert len(rows) == len(told(model))
    assert {label for label, at in rows.items() if at.origin == "prior"} <= set(report.from_prior)


def test_what_was_trained_without_labels_tells_customers_apart(hard_world: Any) -> None:
    con, model, _, truth = hard_world
    compiled = CompiledModel(model)
    records = records_of(con)
    of: dict[str, list[Any]] = {}
    for record in records:
        of.setdefault(truth[record["record_id"]], []).append(record)
    same = [compiled.weight(a, b) for group in of.values() for a, b in itertools.combinations(group, 2)]
    rng = np.random.default_rng(3)
    drawn = [(records[i], records[j]) for i, j in rng.integers(0, len(records), (4000, 2)) if i != j]
    other = [compiled.weight(a, b) for a, b in drawn if truth[a["record_id"]] != truth[b["record_id"]]]
    auto = model.declaration.auto
    assert np.mean(np.array(same) >= auto) > 0.6
    assert np.mean(np.array(other) >= auto) < 0.002
    assert np.median(same) > 0 > np.median(other)


@pytest.mark.parametrize("entity", ["person", "organization"])
def test_the_same_records_give_the_same_model_in_any_order(entity: str) -> None:
    models = []
    for order in ("record_id", "hash(record_id)"):
        con = connect(entity, 80, 4)
        con.execute(f"CREATE OR REPLACE TABLE features AS SELECT * FROM features ORDER BY {order}")
        models.append(trained(con, declaration(entity))[0])
    first, *rest = (model.model_dump_json() for model in models)
    assert rest == [first]


def test_a_model_survives_being_stored() -> None:
    model, _ = trained(connect("person", 60, 4), declaration("person"))
    assert mm.PublishedModel.model_validate_json(model.model_dump_json()) == model
    assert model.created_at == NOW.isoformat() and model.versions == {"a": "1"}


def test_training_leaves_no_table_of_its_own_but_the_keys() -> None:
    con = connect("person", 60, 4)
    trained(con, declaration("person"))
    left = {row[0] for row in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    assert left <= {"features", "keys", "sizes_keys"}


def test_rules_for_training_alone_teach_but_find_no_pairs() -> None:
    declared = one(level())
    rule = mm.BlockingRule(name="only to learn", parts=[mm.KeyPart(column="y")])
    declared = declared.model_copy(
        update={"blocking": [mm.BlockingRule(name="x", parts=[mm.KeyPart(column="x")])], "training": [rule]}
    )
    con = base([f"v{i // 2}" for i in range(60)], [f"k{i // 2}" for i in range(60)])
    _, report = trained(con, declared)
    # The rule on x blocks on what the only comparison reads, so that it can teach nothing.
    assert set(report.sessions) == {"only to learn"} and [b.rule for b in report.blocks] == ["x"]


def test_a_hub_that_outgrew_its_model_is_told() -> None:
    assert outgrown(50_000, 100_000) == []
    (said,) = outgrown(50_000, 500_000)
    assert "50,000 records" in said and "500,000 now" in said and "'kehu train'" in said
    # A hub that began with a handful of records is not told at every step.
    assert outgrown(3, 60) == []
