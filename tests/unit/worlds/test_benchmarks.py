"""The benchmarks' own arithmetic and set-up: scores, memory of a child, configurations of the sets, bare Splink."""

import sys
from pathlib import Path

import duckdb
import pytest
import yaml

from benchmarks.incremental_base import copied, deliver, questions
from benchmarks.measure import Watch, call
from benchmarks.scale import size_of
from benchmarks.score import score
from benchmarks.sets import FEBRL, REAL, SETS, USUAL
from benchmarks.splink_bare import bare_splink
from benchmarks.table import table
from models.vocabulary import attributes
from worlds import easy


def test_score_counts_pairs_and_whole_clusters() -> None:
    truth = {"a": "1", "b": "1", "c": "1", "d": "2", "e": "3"}
    got = score({"a": "x", "b": "x", "c": "y", "d": "y", "e": "z", "f": "z"}, truth)
    assert got.pairs.precision == pytest.approx(1 / 2)  # ab right, cd wrong; f has no truth
    assert got.pairs.recall == pytest.approx(1 / 3)
    assert got.clusters.precision == got.clusters.recall == pytest.approx(1 / 3)  # e alone is whole
    assert got.missing == 0


def test_a_record_without_golden_id_costs_recall() -> None:
    got = score({"a": "x", "b": "x"}, {"a": "1", "b": "1", "c": "1"})
    assert got.missing == 1
    assert got.pairs.precision == 1 and got.pairs.recall == pytest.approx(1 / 3)
    assert got.clusters.f1 == 0


def test_perfect_and_empty() -> None:
    truth = {"a": "1", "b": "1", "c": "2"}
    assert score(truth, truth).pairs.f1 == score(truth, truth).clusters.f1 == 1
    assert score({}, truth).pairs.f1 == 0


def test_memory_is_the_childs_own(tmp_path: Path) -> None:
    big = call([sys.executable, "-c", "x = bytearray(120_000_000); print(len(x))"], tmp_path)
    small = call([sys.executable, "-c", "raise SystemExit(3)"], tmp_path)
    assert big.out.strip() == "120000000" and big.code == 0 and small.code == 3
    assert big.peak_mb > 110 > small.peak_mb


def test_watch_sees_memory() -> None:
    with Watch() as watch:
        block = bytearray(60_000_000)
        assert sum(block[::1_000_000]) == 0
    assert watch.seconds > 0 and watch.peak_mb > 60


@pytest.mark.parametrize(("text", "size"), [("10k", 10_000), ("1M", 1_000_000), ("500", 500)])
def test_sizes(text: str, size: int) -> None:
    assert size_of(text) == size


def test_table_aligns() -> None:
    lines = table(("set", "F1"), [("a", 0.5), ("long", None)]).splitlines()
    assert lines == ["set       F1", "----  ------", "a     0.5000", "long"]


@pytest.mark.parametrize("name", ["febrl1", "febrl4", "hard_persons_10k"])
def test_sets_have_a_configuration_and_a_truth(name: str, tmp_path: Path) -> None:
    made = SETS[name](tmp_path, None)
    sources = yaml.safe_load(made.config.read_text(encoding="utf-8"))["sources"]
    assert {s["name"] for s in sources} == set(made.entity_of)
    assert {s for s, _ in made.truth} == set(made.entity_of)
    assert len(set(made.truth.values())) < len(made.truth)


def test_sets_that_are_not_here_say_so(tmp_path: Path) -> None:
    for name in REAL:
        with pytest.raises(FileNotFoundError, match="--data"):
            SETS[name](tmp_path, None)
    assert set(USUAL) <= set(SETS) and set(FEBRL) <= set(USUAL)


def test_bare_splink_predicts_and_clusters() -> None:
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE people AS SELECT i AS record_id, 'n' || (i // 2) AS name, ['k' || (i // 2)] AS keys"
        " FROM range(40) r(i)"
    )
    level = {
        "sql_condition": '"name_l" = "name_r"',
        "label_for_charts": "same",
        "m_probability": 0.9,
        "u_probability": 0.01,
    }
    other = {"sql_condition": "ELSE", "label_for_charts": "else", "m_probability": 0.1, "u_probability": 0.99}
    settings = {
        "link_type": "dedupe_only",
        "unique_id_column_name": "record_id",
        "probability_two_random_records_match": 0.5,
        "comparisons": [{"output_column_name": "name", "comparison_levels": [level, other]}],
    }
    rules: list[str | dict[str, object]] = [{"blocking_rule": "l.keys = r.keys", "arrays_to_explode": ["keys"]}]
    result = bare_splink(connection, "people", settings, rules, 2.0)
    assert (result.pairs, result.clusters) == (20, 20)
    assert set(result.seconds) == {"register", "predict", "cluster"} and result.total > 0 and result.peak_mb > 0


def test_a_delivery_for_a_base_is_half_changed_and_half_new(tmp_path: Path) -> None:
    found = easy.generate(tmp_path / "easy-300", 300, seed=1).folder
    (found / "hub.db").touch()
    easy.generate(tmp_path / "new-20k", 60, seed=9)
    config = copied(found, tmp_path / "copy")
    assert deliver(found, config, 36, seed=3) == 36
    streams = [(s, t) for s in yaml.safe_load(config.read_text(encoding="utf-8"))["sources"] for t in s["streams"]]
    assert all(stream["mode"] == "delta" for _, stream in streams)
    for source, stream in streams:
        path = source["connector"]["path"].format(stream=stream["name"])
        rows, held = (duckdb.sql(f"SELECT * FROM '{f / path}'").to_arrow_table() for f in (config.parent, found))
        assert rows is not None and held is not None
        old = set(held[stream["key"]].to_pylist())
        keys = [str(key) for key in rows[stream["key"]].to_pylist()]
        assert sum(key in {str(k) for k in old} for key in keys) == 3 and sum(k.startswith("N3-") for k in keys) == 3


def test_questions_are_records_of_both_entity_types(tmp_path: Path) -> None:
    found = easy.generate(tmp_path / "easy-300", 300, seed=1).folder
    easy.generate(tmp_path / "new-20k", 60, seed=9)
    asked = questions(found, 24)
    assert len(asked) == 24 and {entity for entity, _ in asked} == {"organization", "person"}
    assert all(set(record) <= set(attributes(entity)) and record for entity, record in asked)
