from __future__ import annotations

import itertools

import pytest

from matching.model.compiled import CompiledModel, probability
from matching.model.splink_model import add_term_frequencies, score_pairs
from matching.model.train import train
from tests.unit.matching.sample import connect, person_declaration, rows


@pytest.fixture(scope="module")
def trained():
    records = rows(80, 11)
    con = connect(records)
    model, _ = train(con, person_declaration(), "features", model_id="m", parser_version="1", versions={})
    add_term_frequencies(con, model, "features", "scorable")
    return con, model, records


def test_equal_to_splink_for_every_pair(trained):
    con, model, records = trained
    con.execute(
        "CREATE OR REPLACE TABLE every AS SELECT a.record_id left_id, b.record_id right_id FROM features a JOIN features b ON a.record_id < b.record_id"
    )
    score_pairs(con, model, "scorable", "every", "scored")
    scored = {(a, b): w for a, b, w in con.execute("SELECT * FROM scored").fetchall()}
    compiled = CompiledModel(model)
    pairs = list(itertools.combinations(sorted(records, key=lambda r: r["record_id"]), 2))
    assert len(scored) == len(pairs) > 3000
    worst = max(abs(compiled.weight(a, b) - scored[a["record_id"], b["record_id"]]) for a, b in pairs)
    assert worst < 1e-9


def test_every_level_that_a_person_model_has_was_met(trained):
    _, model, records = trained
    compiled = CompiledModel(model)
    met = {(r.comparison, r.level) for a, b in itertools.combinations(records, 2) for r in compiled.explain(a, b)[1]}
    every = {(c.name, level.label) for c in model.declaration.comparisons for level in c.levels}
    assert len(met) >= 0.8 * len(every)


def test_the_reasons_add_up_to_the_weight(trained):
    _, model, records = trained
    compiled = CompiledModel(model)
    weight, reasons = compiled.explain(records[0], records[1])
    assert weight == pytest.approx(compiled.prior_weight + sum(r.weight for r in reasons))
    assert weight == pytest.approx(compiled.weight(records[0], records[1]))


def test_probability_of_a_weight():
    assert probability(0.0) == 0.5 and probability(100.0) == 1.0 and probability(-2000.0) == 0.0
