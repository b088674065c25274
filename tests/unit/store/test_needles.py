"""Texts that are looked for at once are found wherever they stand, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from models.store import needles
from models.store.needles import Needles


def test_each_text_is_found_as_it_is_and_as_json_writes_it() -> None:
    wanted = Needles(['王"芳"', "1.5*(x", "+86138", "", "nowhere"])
    column = pa.array(['{"a": "王\\"芳\\""}', None, 'x 王"芳" y', "1.5*(x)", "1x5", "86138", "王", "芳"])
    assert len(wanted) == 4 and wanted.among(column) == {'王"芳"', "1.5*(x"}
    assert len(wanted.rows(column)) == 3
    assert wanted.among(column.slice(3, 3)) == {"1.5*(x"} and not wanted.among(column.slice(4))
    assert not Needles([]).among(column) and not wanted.among(pa.array([], pa.string()))
    assert not wanted.among(pa.array([None, None], pa.string())) and not wanted.among(pa.nulls(2))


def test_what_ends_in_one_text_and_goes_on_in_the_next_is_not_there() -> None:
    assert not len(Needles(["ab"]).rows(pa.array(["a", "b"])))


def test_more_texts_than_one_pattern_takes() -> None:
    wanted = Needles([f"{n}!" for n in range(1000)])
    assert wanted.among(pa.array(["a 7!", "b 998!", "7"])) == {"7!", "8!", "98!", "998!"}


def test_a_text_that_lies_across_two_pieces_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needles, "_CHUNK", 10)
    path = tmp_path / "file"
    for before in range(25):
        path.write_bytes(b"\xff" * before + "王芳".encode() + b"\x00" * 9)
        assert Needles(["王芳"]).in_file(path) and not Needles(["王方"]).in_file(path)
    path.write_bytes(b"")
    assert not Needles(["王芳"]).in_file(path) and not Needles([]).in_file(path)
