from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigError
from serving.evaluate import Rates, compare_labels, evaluate_tables, read_truth


def numbers(labels: list[int]) -> np.ndarray:
    return np.array(labels, dtype=np.int64)


def brute_pairs(labels: list[int]) -> set[tuple[int, int]]:
    return {(a, b) for a, b in combinations(range(len(labels)), 2) if labels[a] == labels[b] >= 0}


def brute_groups(labels: list[int]) -> set[frozenset[int]]:
    return {frozenset(i for i, x in enumerate(labels) if x == label) for label in labels if label >= 0}


@given(st.lists(st.tuples(st.integers(-1, 6), st.integers(0, 6)), max_size=30))
def test_rates_equal_counting_every_pair_and_every_group_by_hand(rows: list[tuple[int, int]]) -> None:
    found, truth = [r[0] for r in rows], [r[1] for r in rows]
    got = compare_labels(numbers(found), numbers(truth))
    mine, theirs = brute_pairs(found), brute_pairs(truth)
    assert got.pairwise == Rates.of(len(mine & theirs), len(mine), len(theirs))
    groups, entities = brute_groups(found), brute_groups(truth)
    assert got.cluster == Rates.of(len(groups & entities), len(groups), len(entities))
    assert got.missing == found.count(-1)
    assert got.records == len(rows)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=20), st.permutations(range(6)))
def test_the_names_of_the_groups_do_not_matter(labels: list[int], renamed: list[int]) -> None:
    got = compare_labels(numbers([renamed[x] for x in labels]), numbers(labels))
    assert got.cluster.f1 == 1.0
    assert got.pairwise.correct == got.pairwise.expected == got.pairwise.found


def test_large_groups_do_not_overflow() -> None:
    got = compare_labels(np.zeros(300_000, dtype=np.int64), np.zeros(300_000, dtype=np.int64))
    assert got.pairwise.expected == 300_000 * 299_999 // 2


TRUTH = "source,source_key,entity_id\ncrm,001,a\ncrm,002,a\ndms,9,a\ndms,8,b\n"


def crosswalk(*rows: tuple[str, str, str, str, str]) -> pa.Table:
    names = ["entity_type", "source", "stream", "source_key", "golden_id"]
    return pa.table({n: pa.array([r[i] for r in rows], pa.string()) for i, n in enumerate(names)})


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "truth.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_truth_file_is_compared_with_the_crosswalk(tmp_path: Path) -> None:
    got = evaluate_tables(
        read_truth(write(tmp_path, TRUTH)),
        crosswalk(
            ("organization", "crm", "accounts", "001", "g1"),
            ("organization", "crm", "accounts", "002", "g1"),
            ("organization", "dms", "customers", "8", "g1"),
            ("organization", "other", "x", "1", "g9"),
        ),
    )
    assert (got.records, got.missing) == (4, 1)
    assert got.pairwise == Rates.of(1, 3, 3)
    assert got.cluster == Rates.of(0, 1, 2)


def test_keys_stay_text_and_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    truth = read_truth(write(tmp_path, b"\xef\xbb\xbf" + TRUTH.encode()))
    assert truth["source_key"].to_pylist() == ["001", "002", "9", "8"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("source,key,entity_id\na,1,x\n", "source_key"),
        ("source,source_key,entity_id\n", "no records"),
        ("source,source_key,entity_id\na,1,x\na,1,y\n", "more than once"),
        ("source,source_key,entity_id\na,1\n", "not readable"),
        (b"source,source_key,entity_id\na,\xff\xfe,x\n", "not readable"),
        ("", "not readable"),
    ],
)
def test_a_broken_truth_file_is_wrong_usage(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_truth(write(tmp_path, text))


def test_an_absent_truth_file_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such"):
        read_truth(tmp_path / "none.csv")


def test_one_key_in_two_streams_needs_the_stream(tmp_path: Path) -> None:
    both = crosswalk(
        ("organization", "crm", "accounts", "1", "g1"),
        ("person", "crm", "contacts", "1", "g2"),
        ("person", "dms", "drivers", "7", "g2"),
    )
    with pytest.raises(ConfigError, match="column 'stream'"):
        evaluate_tables(read_truth(write(tmp_path, "source,source_key,entity_id\ncrm,1,a\n")), both)
    named = "source,stream,source_key,entity_id\ncrm,contacts,1,p\ncrm,accounts,1,o\ndms,drivers,7,p\n"
    assert evaluate_tables(read_truth(write(tmp_path, named)), both).pairwise == Rates.of(1, 1, 1)
