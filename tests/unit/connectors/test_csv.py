from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import csv_quick
from connectors.csv_careful import read_carefully
from connectors.csv_reader import CsvFile, header_of, read_csv, sniff_delimiter, unique_names
from connectors.encoding import scan
from connectors.protocol import BadRow


def opened(content: bytes, **more: Any) -> CsvFile:
    return CsvFile(lambda: io.BytesIO(content), "f.csv", scan(io.BytesIO(content)), **{"delimiter": ",", **more})


def read(content: str | bytes, **more: Any) -> tuple[list[list[str | None]], list[BadRow]]:
    rows: list[list[str | None]] = []
    bad: list[BadRow] = []
    for item in read_csv(opened(content.encode() if isinstance(content, str) else content, **more)):
        if isinstance(item, BadRow):
            bad.append(item)
        else:
            rows += [list(row.values()) for row in item.to_pylist()]
    return rows, bad


def test_all_columns_are_text_and_empty_cells_null() -> None:
    assert read('id,zip,born\n001,02134,2020-01-01\n2,"",\n') == (
        [["001", "02134", "2020-01-01"], ["2", None, None]],
        [],
    )


def test_line_ends_and_delimiters_inside_quotes() -> None:
    rows, bad = read('id,name\r\n1,"a\r\nb, ""c"""\r\n2,d\r\n')
    assert (rows, bad) == ([["1", 'a\r\nb, "c"'], ["2", "d"]], [])


def test_a_row_with_too_few_or_too_many_columns_is_set_aside_and_reading_goes_on() -> None:
    rows, bad = read("id,name,city\n1,a,x\n2,b\n3,c,y,z\n\n4,d,w\n")
    assert rows == [["1", "a", "x"], ["4", "d", "w"]]
    assert [b.reason for b in bad] == [
        "2 columns where the header has 3 (f.csv, row 2)",
        "4 columns where the header has 3 (f.csv, row 3)",
    ]
    assert [b.value for b in bad] == ["2,b", "3,c,y,z"]
    assert bad[0].cells == {"id": "2", "name": "b"}


def test_delimiters_at_the_end_of_a_line_are_no_columns() -> None:
    assert read("id,name\n1,a,,\n2,b\n") == ([["1", "a"], ["2", "b"]], [])


def test_bytes_that_do_not_decode_set_their_row_aside() -> None:
    rows, bad = read("id,name\n1,客户\n".encode() + b"2,Bad \xff\xfe Ltd\n" + "3,公司\n".encode())
    assert rows == [["1", "客户"], ["3", "公司"]]
    assert [(b.field, b.value, b.cells) for b in bad] == [("name", "2,Bad \\xff\\xfe Ltd", {"id": "2"})]
    assert bad[0].reason == "bytes that are not utf-8 (f.csv, row 2)"


def test_a_long_cell_in_quotes_is_whole_with_both_readers() -> None:
    long = "x, y" * 60_000
    file = opened(f'id,note\n1,"{long}"\n2,b\n'.encode())
    for items in (read_csv(file), read_carefully(file, ["id", "note"], 0)):
        rows = [list(row.values()) for batch in items if isinstance(batch, pa.RecordBatch) for row in batch.to_pylist()]
        assert rows == [["1", long], ["2", "b"]]


def test_a_quote_left_open_costs_its_own_line_alone() -> None:
    rows, bad = read('id,name\n1,a\n2,"open\n3,c\n4,d\n')
    assert rows == [["1", "a"], ["3", "c"], ["4", "d"]]
    assert [(b.value, b.reason) for b in bad] == [('2,"open', "a quote that is not closed (f.csv, line 3)")]


def test_a_quote_that_closes_rows_later_does_not_swallow_them() -> None:
    rows, bad = read('id,name,city\n1,"a,x\n2,b,y\n3,"c,z\n4,d,w\n')
    assert [row[0] for row in rows] == ["2", "4"]
    assert [b.cells["id"] for b in bad] == ["1", "3"]


def test_bad_rows_stand_in_their_places_whatever_the_size_of_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """The quick reader's parser is ahead of its batches; every position is taken once, and in order."""
    monkeypatch.setattr(csv_quick, "BLOCK", 1 << 10)
    bad = {0, 1, 99, 250, 251, 498, 499}
    lines = [f"{i},a,b" if i in bad and i % 2 else str(i) if i in bad else f"{i},name {i}" for i in range(500)]
    order: list[int] = []
    for item in read_csv(opened(("id,name\n" + "\n".join(lines)).encode())):
        if isinstance(item, BadRow):
            order.append(int(item.cells["id"]))
            assert f"(f.csv, row {order[-1] + 1})" in item.reason
        else:
            order += [int(row["id"]) for row in item.to_pylist()]
    assert order == list(range(500))


def test_the_careful_reader_goes_on_where_the_quick_one_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_quick, "BLOCK", 1 << 10)
    lines = [f"{i},name {i}" for i in range(500)]
    lines[100], lines[400], lines[420] = "100", '400,"open', '420,"open'
    rows, bad = read("id,name\n" + "\n".join(lines))
    assert [row[0] for row in rows] == [str(i) for i in range(500) if i not in (100, 400, 420)]
    assert [(b.cells["id"], b.reason.partition("(")[2]) for b in bad] == [
        ("100", "f.csv, row 101)"),
        ("400", "f.csv, line 402)"),
        ("420", "f.csv, line 422)"),
    ]


def test_damaged_bytes_in_several_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_quick, "BLOCK", 1 << 10)
    lines = [f"{i},客户 {i}".encode() for i in range(300)]
    lines[7], lines[8], lines[250] = b"7,\xff", b"8", b"250,\xff\xfe,x"
    lines[299] = b"\xff,a"
    rows, bad = read(b"id,name\n" + b"\n".join(lines))
    assert [row[0] for row in rows] == [str(i) for i in range(299) if i not in (7, 8, 250)]
    assert [b.field for b in bad] == ["name", None, None, "id"]


@pytest.mark.parametrize("text", ["", "\n\n", "id,name\n", "id,name"])
def test_a_file_without_rows(text: str) -> None:
    assert read(text) == ([], [])


def test_lines_before_the_header_are_skipped() -> None:
    assert read("Report of today\n\nid,name\n1,a\n", skip=1) == ([["1", "a"]], [])
    rows, bad = read("Report of today\nid,name\n1,a\n2\n", skip=1)
    assert rows == [["1", "a"]] and "row 2" in bad[0].reason


def test_names_of_columns() -> None:
    assert unique_names([" id ", "", "Name", "name", "name_2", "\ufeffx"]) == [
        "id",
        "column_2",
        "Name",
        "name_2",
        "name_2_2",
        "x",
    ]
    assert header_of(opened(b'"a\nb",c\n1,2\n')) == ["a\nb", "c"]
    assert read('"a\nb",c\n1,2\n') == ([["1", "2"]], [])


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b;c\n1,5;2;3\n2,5;3;4\n", ";"),
        ("a\tb\n1,2\t3\n", "\t"),
        ("a|b|c\n1|2|3\n", "|"),
        ('"x;y",b\n"1;2",3\n', ","),
        ("alone\n1\n", ","),
    ],
)
def test_the_delimiter_is_found(text: str, delimiter: str) -> None:
    assert sniff_delimiter(text) == delimiter


def test_other_quotes() -> None:
    assert read("id;name\n1;'a;b'\n", delimiter=";", quote="'") == ([["1", "a;b"]], [])


# Private characters stand for damaged bytes while a file is read.
CELLS = st.text(st.characters(exclude_categories=["Cs", "Co"], exclude_characters="\0"), max_size=8)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=8),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_what_was_written_is_read(rows: list[tuple[str, ...]], delimiter: str, end: str, careful: bool) -> None:
    """Both readers, and any text: what Python's writer wrote comes back, an empty cell as null."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(["a", "b", "c"])
    writer.writerows(rows)
    file = opened(text.getvalue().encode(), delimiter=delimiter)
    items = read_carefully(file, ["a", "b", "c"], 0) if careful else read_csv(file)
    got: list[tuple[str | None, ...]] = []
    for batch in items:
        assert isinstance(batch, pa.RecordBatch), batch
        got += [tuple(row.values()) for row in batch.to_pylist()]
    assert got == [tuple(cell or None for cell in row) for row in rows]


CELL = st.sampled_from(["a", "", "客户", '"b"', '""', '"c,d"', '"e""f"', '"g\nh"', "i j", 'k"l'])
LINE = st.lists(CELL, min_size=1, max_size=4).map(",".join)


@settings(max_examples=200, deadline=None)
@given(st.lists(LINE, max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_both_readers_agree(lines: list[str], end: str) -> None:
    """As far as it goes, the quick reader gives what the careful one would, bad rows included."""
    file = opened(end.join(["x,y", *lines]).encode())
    quick: list[Any] = []
    with contextlib.suppress(csv_quick.GiveUp):
        quick = told(csv_quick.read_quickly(file, ["x", "y"], 0))
    assert quick in ([], told(read_carefully(file, ["x", "y"], 0)))


def told(items: Iterable[pa.RecordBatch | BadRow]) -> list[Any]:
    """Rows as tuples, bad ones as the columns they are about."""
    found: list[Any] = []
    for item in items:
        found += [item.cells] if isinstance(item, BadRow) else [tuple(row.values()) for row in item.to_pylist()]
    return found


def test_a_large_file_is_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("w") as file:
        file.write("id,name\n")
        file.writelines(f"{i},{'x' * 200}\n" for i in range(60_000))
    with path.open("rb") as stream:
        found = scan(stream)
    before = pa.total_allocated_bytes()
    pool_peak = 0
    count = 0
    for batch in read_csv(CsvFile(lambda: path.open("rb"), "large.csv", found, ",")):
        assert isinstance(batch, pa.RecordBatch)
        count += batch.num_rows
        pool_peak = max(pool_peak, pa.total_allocated_bytes() - before)
        del batch
    assert count == 60_000
    assert pool_peak < path.stat().st_size * 3  # blocks, not the file several times over
