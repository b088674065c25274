"""Files as they come from the field: nothing dies, everything is told in words, nothing vanishes."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.landing import MOST_COLUMNS
from tests.unit.connectors.hub import Hub

TEXT = "id,name\n1,北京顺丰运输有限公司\n2,上海德邦物流有限公司\n"


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return Hub(tmp_path, fields={"name": "name"})


def test_utf16_without_its_mark(hub: Hub) -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        landed = hub.land(TEXT.encode(encoding))
        assert [row["name"] for row in hub.rows(landed)] == ["北京顺丰运输有限公司", "上海德邦物流有限公司"]
        told = json.loads((hub.batch(landed) / "manifest.json").read_text("utf-8"))
        assert told["files"][0]["encoding"] == encoding


def test_lines_of_another_encoding_among_those_of_utf8_are_set_aside(hub: Hub) -> None:
    """Half of one and half of the other is no Western text, though every byte would be a letter of it."""
    landed = hub.land("id,name\n1,北京\n".encode() + "2,上海\n".encode("gbk"))
    assert [row["name"] for row in hub.rows(landed)] == ["北京"]
    assert [(bad["source_key"], bad["field"]) for bad in hub.bad(landed)] == [("2", "name")]


def test_nul_characters_are_told_and_left_out(hub: Hub) -> None:
    landed = hub.land("id,name\n1,北京\0顺丰\n2\0,\0\n3,c\n")
    assert hub.usable(landed) == ["1", "2", "3"] and landed.bad_rows == 3
    bad = [(row["source_key"], row["field"], row["value"]) for row in hub.bad(landed)]
    assert bad == [("1", "name", r"北京\x00顺丰"), ("2", "id", r"2\x00"), ("2", "name", r"\x00")]


def test_a_file_without_rows_still_tells_its_columns(hub: Hub) -> None:
    right, wrong, nothing = hub.land("id,name\n"), hub.land("nr,name\n"), hub.land("")
    assert (right.status, right.rows, right.drift) == ("landed", 0, ["accounts.csv holds no row below its header"])
    assert wrong.status == "refused" and "column 'id' (key) is not delivered" in str(wrong.error)
    assert (nothing.status, nothing.drift) == ("landed", ["accounts.csv is empty"])
    hub.connector["path"] = "accounts.parquet"
    pq.write_table(pa.table({"nr": pa.array([], pa.int64())}), hub.folder / "accounts.parquet")
    assert hub.land().status == "refused"


def test_bytes_that_are_no_table_are_refused(hub: Hub) -> None:
    landed = hub.land(bytes(range(256)) * 20)
    assert landed.status == "refused" and "column 'id' (key) is not delivered" in str(landed.error)


def test_too_many_columns_are_some_other_file(hub: Hub) -> None:
    landed = hub.land("id,name," + ",".join(f"c{i}" for i in range(MOST_COLUMNS)) + "\n1,a\n")
    assert landed.status == "failed" and "10,002 columns" in str(landed.error)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.csv.gz", b"no gzip", "x.csv.gz: "),
        ("x.csv.gz", gzip.compress(TEXT.encode() * 5_000)[:-400], "x.csv.gz: "),
        ("x.parquet", b"PAR1xxxxPAR1", "x.parquet: "),
        ("x.xlsx", b"<html>", "x.xlsx: no spreadsheet"),
        ("x.xlsx", bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600) + "EncryptedPackage".encode("utf-16-le"), "password"),
    ],
)
def test_what_cannot_be_opened_is_named(hub: Hub, name: str, content: bytes, words: str) -> None:
    hub.write(content, name)
    hub.connector["path"] = name
    landed = hub.land()
    assert landed.status == "failed" and words in str(landed.error)


def test_an_archive_may_hide_the_kind_of_its_file_and_hold_shadows(hub: Hub) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("accounts.csv", TEXT)
        archive.writestr("__MACOSX/._accounts.csv", b"\0")
    hub.write(packed.getvalue(), "delivery.zip")
    hub.connector["path"] = "delivery.zip"
    assert hub.land().rows == 2
