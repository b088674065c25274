"""EM and comparison vectors: what was put into a mixture comes out again."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from matching.model.em import Floats, fit, log_ratios
from matching.model.patterns import Patterns, count_patterns, level_sql
from models import match_model as mm
from tests.unit.matching.sample import connect, declaration

# Level 0 is `missing`.
M = [np.array([0, 0.8, 0.15, 0.05]), np.array([0, 0.7, 0.3]), np.array([0, 0.9, 0.1]), np.array([0, 0.6, 0.4])]
U = [np.array([0, 0.01, 0.04, 0.95]), np.array([0, 0.05, 0.95]), np.array([0, 0.02, 0.98]), np.array([0, 0.1, 0.9])]
FLAT = [np.array([0.0, *np.full(len(m) - 1, 1 / (len(m) - 1))]) for m in M]
LEARNED = [np.full(len(m), np.nan) for m in M]
USED = [0, 1, 2, 3]


def mixture(
    pairs: int, share: float, missing: float, seed: int = 7
) -> tuple[Patterns, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Counted vectors of pairs drawn from M (a share of them) and U, and which of them were mostly matches."""
    rng = np.random.default_rng(seed)
    match = rng.random(pairs) < share
    columns = []
    for m, u in zip(M, U, strict=True):
        level = np.where(match, rng.choice(len(m), pairs, p=m), rng.choice(len(u), pairs, p=u))
        columns.append(np.where(rng.random(pairs) < missing, 0, level))
    codes = np.ravel_multi_index(columns, [len(m) for m in M])
    seen, which, counts = np.unique(codes, return_inverse=True, return_counts=True)
    vectors = np.stack(np.unravel_index(seen, [len(m) for m in M]), axis=1)
    mostly = np.bincount(which, weights=match) > counts / 2
    return Patterns(vectors.astype(np.int16), counts.astype(np.float64)), mostly


def fitted(patterns: Patterns, **more: object) -> tuple[list[Floats], float]:
    given = {"strength": [1.0] * 4, "share": 0.3, "rounds": 500, **more}
    found = fit(patterns, U, FLAT, USED, LEARNED, **given)  # type: ignore[arg-type]
    return found.m, found.share


@pytest.mark.parametrize("share", [0.02, 0.2, 0.6])
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_a_mixture_with_known_parameters_is_recovered(share: float, missing: float) -> None:
    patterns, _ = mixture(150_000, share, missing)
    m, found = fitted(patterns)
    assert found == pytest.approx(share, rel=0.1)
    for got, want in zip(m, M, strict=True):
        assert got == pytest.approx(want, abs=0.05)


def test_pairs_are_told_apart_by_what_was_learned() -> None:
    patterns, mostly = mixture(200_000, 0.1, 0.1)
    found = fit(patterns, U, FLAT, USED, LEARNED, strength=[1.0] * 4, share=0.3, rounds=500)
    right = (found.posterior > 0.5) == mostly
    assert patterns.counts[right].sum() / patterns.pairs > 0.99
    assert sum(found.matches[0]) == pytest.approx(found.share * patterns.pairs, rel=0.01)


def test_a_strong_prior_holds_m_where_it_was_declared() -> None:
    patterns, _ = mixture(1_000, 0.2, 0.0)
    near, _ = fitted(patterns, strength=[1e9] * 4)
    assert near[0] == pytest.approx(FLAT[0], abs=1e-4)
    far, _ = fitted(patterns, strength=[1.0] * 4)
    assert np.abs(far[0] - FLAT[0]).max() > 0.2


def test_comparisons_that_are_not_used_keep_their_m_and_change_nothing() -> None:
    patterns, _ = mixture(50_000, 0.2, 0.0)
    some = fit(patterns, U, FLAT, [0, 1], LEARNED, strength=[1.0] * 4, share=0.3)
    assert (some.m[2] == FLAT[2]).all() and (some.m[3] == FLAT[3]).all()
    blurred = Patterns(patterns.levels.copy(), patterns.counts)
    blurred.levels[:, 2:] = 1
    assert fit(blurred, U, FLAT, [0, 1], LEARNED, strength=[1.0] * 4, share=0.3).share == some.share


def test_of_pairs_that_are_all_that_can_match_the_share_is_of_all_pairs() -> None:
    patterns, _ = mixture(100_000, 0.2, 0.0)
    inside = fit(patterns, U, M, USED, LEARNED, strength=[1.0] * 4, share=0.002, total_pairs=1e7, learn_m=False)
    # Somewhat less than there are: against all pairs the doubtful ones of four weak comparisons count for less.
    assert 0.7 * 0.002 < inside.share < 0.002
    assert all((a == b).all() for a, b in zip(inside.m, M, strict=True))


def test_a_declared_weight_counts_as_declared_and_a_missing_value_as_nothing() -> None:
    levels = np.array([[1, 1, 0, 0], [0, 0, 0, 0], [3, 0, 0, 0]], dtype=np.int16)
    declared = [row.copy() for row in LEARNED]
    declared[0][1] = 5.0
    got = log_ratios(levels, M, U, USED, declared)
    assert got == pytest.approx([5.0 + np.log(0.7 / 0.05), 0.0, np.log(0.05 / 0.95)])


def test_the_counts_do_not_hang_on_how_often_a_pattern_is_listed() -> None:
    patterns, _ = mixture(20_000, 0.2, 0.1)
    twice = Patterns(np.concatenate([patterns.levels] * 2), np.concatenate([patterns.counts / 2] * 2))
    one, other = fitted(patterns), fitted(twice)
    assert one[1] == pytest.approx(other[1])
    assert np.concatenate(one[0]) == pytest.approx(np.concatenate(other[0]))


def test_patterns_count_every_pair_once() -> None:
    con = connect("person", 60, 3)
    con.execute(
        "CREATE TABLE every AS SELECT a.record_id AS left_id, b.record_id AS right_id FROM features a "
        "JOIN features b ON a.record_id < b.record_id"
    )
    patterns = count_patterns(con, declaration("person"), "every", "features")
    assert patterns.pairs == 60 * 59 / 2
    assert len(np.unique(patterns.levels, axis=0)) == len(patterns.levels) > 50
    assert patterns.levels.shape[1] == len(declaration("person").comparisons)
    assert count_patterns(con, declaration("person"), "(SELECT * FROM every LIMIT 0)", "features").pairs == 0


def test_the_first_level_that_holds_is_the_level() -> None:
    con = duckdb.connect()
    con.register("pairs", pa.table({"x_l": ["abc", "abc", "abc", None], "x_r": ["abc", "abd", "z", "z"]}))
    levels = [
        mm.Level(label="missing", when=mm.Missing(columns=["x"])),
        mm.Level(label="equal", when=mm.Exact(column="x")),
        mm.Level(label="alike", when=mm.Prefix(column="x", length=1)),
        mm.Level(label="else", when=mm.Else()),
    ]
    sql = level_sql(mm.Comparison(name="c", columns=["x"], levels=levels))
    assert [row[0] for row in con.execute(f"SELECT {sql} FROM pairs").fetchall()] == [1, 2, 3, 0]
