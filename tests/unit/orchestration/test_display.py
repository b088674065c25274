"""Tables and pictures."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.display import filled, filled_table, size_histogram, table, weight_histogram


def test_a_table_has_its_numbers_to_the_right() -> None:
    shown = table(("name", "rows"), [("a|b", 1234), ("c", 5)])
    assert shown.splitlines() == ["| name | rows |", "| --- | ---: |", "| a\\|b | 1,234 |", "| c | 5 |"]
    assert table(("a", "b"), [(None, True), (0.5, "x\ny")]).splitlines()[2:] == ["|  | yes |", "| 0.5 | x y |"]
    assert table(("a",), []).splitlines() == ["| a |", "| --- |"]


def test_how_far_columns_are_filled(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": ["x", None, "y", None], "b": [[1], None, [], [2]], "c": [1, 2, 3, 4]}), path)
    assert filled(path) == [("a", 0.5), ("c", 1.0)]
    assert "| a | 50 |" in filled_table(path)
    pq.write_table(pa.table({"a": pa.array([], pa.string())}), path)
    assert filled(path) == []


@pytest.mark.parametrize("weights", [[3.0], [0.0, 0.0], [-40.2, 12.5, 55.0], list(np.linspace(-300, 300, 1000))])
def test_the_histogram_counts_every_pair(weights: list[float]) -> None:
    picture, rows = weight_histogram(np.array(weights), {"auto": 7.5, "review": -500}, "pairs & weights")
    assert sum(count for _, count in rows) == len(weights) and len(rows) <= 41
    encoded = picture.split("base64,")[1].rstrip(")")
    svg = ET.fromstring(base64.b64decode(encoded))
    texts = [node.text for node in svg.iter() if node.text]
    assert "pairs & weights" in texts
    assert "review -500" not in texts


def test_a_threshold_is_drawn() -> None:
    picture, _ = weight_histogram(np.array([0.0, 10.0]), {"auto": 7.5}, "t")
    assert "auto 7.5" in base64.b64decode(picture.split("base64,")[1].rstrip(")")).decode()


def test_no_pairs() -> None:
    assert weight_histogram(np.array([]), {"auto": 1.0}, "t") == ("t: no pairs", [])


def test_sizes_add_up() -> None:
    shown = size_histogram({1: 100, 2: 10, 7: 3, 300: 1}, "title")
    assert shown.splitlines()[-4:] == [
        "| 1 | 100 | 100 |", "| 2 | 10 | 20 |", "| 5 to 9 | 3 | 21 |", "| 200 and more | 1 | 300 |",
    ]  # fmt: skip
