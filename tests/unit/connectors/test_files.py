from __future__ import annotations

import datetime as dt
import gzip
import json
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.registry import check_source, connector_for
from tests.unit.connectors.hub import Hub

ROWS = [
    {"id": "1", "name": "江苏顺丰物流有限公司", "tel": "010-1", "mobile": None, "city": "苏州市"},
    {"id": "2", "name": 'Société "Müller"', "tel": None, "mobile": "139", "city": "Évry"},
]


def delivered(hub: Hub, **more: Any) -> list[dict[str, Any]]:
    landed = hub.land(**more)
    assert landed.status == "landed", landed.error
    return [{name: value for name, value in row.items() if name != "_row"} for row in hub.rows(landed)]


def manifest(hub: Hub) -> dict[str, Any]:
    return dict(json.loads((hub.batch(hub.land()) / "manifest.json").read_text()))


def as_csv(rows: list[dict[str, Any]], delimiter: str = ",") -> str:
    quoted = [['"' + str(v).replace('"', '""') + '"' if v else "" for v in row.values()] for row in rows]
    return "\n".join(delimiter.join(cells) for cells in [list(rows[0]), *quoted]) + "\n"


CHINESE = [ROWS[0], {**ROWS[0], "id": "2", "name": "北京东方汽车运输集团有限公司"}]


@pytest.mark.parametrize(
    ("codec", "told"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("gb18030", "gb18030"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
    ],
)
def test_csv_in_any_encoding(hub: Hub, codec: str, told: str) -> None:
    hub.write(as_csv(CHINESE).encode(codec))
    assert delivered(hub) == CHINESE
    assert manifest(hub)["files"][0]["encoding"] == told


@pytest.mark.parametrize("codec", ["gb18030", "big5", "cp1252", "shift-jis"])
def test_a_given_encoding(hub: Hub, codec: str) -> None:
    row = {
        **ROWS[0],
        "name": {"cp1252": "Müller", "shift-jis": "日本通運", "big5": "台積電"}.get(codec, "顺丰"),
        "city": "X",
    }
    hub.stream["encoding"] = codec
    hub.write(as_csv([row]).encode(codec))
    assert delivered(hub) == [row]


def test_bad_bytes_in_a_given_encoding(hub: Hub) -> None:
    hub.stream["encoding"] = "gb18030"
    hub.write(as_csv(CHINESE).encode("gb18030") + b"3,\xff\xff,,,\n4,ok,,,\n")
    landed = hub.land()
    assert hub.usable(landed) == ["1", "2", "4"]
    assert [(b["source_key"], b["field"]) for b in hub.bad(landed)] == [("3", "name")]


@pytest.mark.parametrize(("ending", "delimiter"), [("csv", ";"), ("csv", "|"), ("tsv", "\t"), ("txt", ",")])
def test_delimited_text(hub: Hub, ending: str, delimiter: str) -> None:
    hub.connector["path"] = f"{{stream}}.{ending}"
    hub.write(as_csv(ROWS, delimiter), f"accounts.{ending}")
    assert delivered(hub) == ROWS


def test_a_given_delimiter_quote_and_lines_to_skip(hub: Hub) -> None:
    hub.connector |= {"delimiter": "tab", "quote": "'", "skip_lines": 2}
    hub.write("Report, of\n2026\nid\tname\ttel\tmobile\tcity\n1\t'a\tb'\t\t\t\n")
    assert delivered(hub)[0]["name"] == "a\tb"


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_compressed_files(hub: Hub, ending: str) -> None:
    hub.connector["path"] = f"{{stream}}.csv.{ending}"
    raw = as_csv(ROWS).encode()
    packed = gzip.compress(raw) if ending == "gz" else pa.compress(raw, codec="zstd", asbytes=True)
    hub.write(packed, f"accounts.csv.{ending}")
    assert delivered(hub) == ROWS
    assert hub.land(state=hub.land().new_state).status == "unchanged"


def test_a_compressed_file_that_is_cut_off(hub: Hub) -> None:
    hub.connector["path"] = "{stream}.csv.gz"
    hub.write(gzip.compress(as_csv(ROWS * 500).encode())[:-20], "accounts.csv.gz")
    assert hub.land().status == "failed"


def test_parquet_keeps_its_types(hub: Hub) -> None:
    hub.connector["path"] = "{stream}.parquet"
    table = pa.table(
        {
            "id": [1, 2],
            "name": ["a", None],
            "tel": [13800138000.0, None],
            "mobile": pa.array([["1", "2"], None]),
            "city": pa.array(["x", "y"]).dictionary_encode(),
            "at": [dt.datetime(2026, 1, 2, tzinfo=dt.UTC), None],
        }
    )
    pq.write_table(table, hub.folder / "accounts.parquet")
    landed = hub.land()
    assert hub.usable(landed) == ["1", "2"]
    assert hub.rows(landed)[0]["tel"] == 13800138000.0
    assert landed.new_state["schema"]["at"] == "timestamp[us, tz=UTC]"
    pq.write_table(table.set_column(0, "id", [pa.array(["1", "2"])]), hub.folder / "accounts.parquet")
    assert hub.land(state=landed.new_state).drift == ["column 'id' was int64 and is string now"]


def workbook(path: Path, **sheets: list[list[Any]]) -> None:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)


def test_excel(hub: Hub) -> None:
    hub.connector["path"] = "{stream}.xlsx"
    moment = dt.datetime(2026, 3, 4, 5, 6)
    rows = [
        ["id", "name", "tel", "mobile", "city", "at", None],
        [1001, "ACME", 13800138000, 0.5, True, dt.datetime(2026, 3, 4), None],
        [None, None, None, None, None, None, None],
        ["1002", "Beta", None, None, None, moment, "beyond the header"],
    ]
    workbook(hub.folder / "accounts.xlsx", First=rows, Second=[["note"], ["id", "name"], ["7", "C"]])
    first = {"id": "1001", "name": "ACME", "tel": "13800138000", "mobile": "0.5", "city": "true", "at": "2026-03-04"}
    second = {"id": "1002", "name": "Beta", "tel": None, "mobile": None, "city": None, "at": "2026-03-04T05:06:00"}
    assert delivered(hub) == [first, second]
    hub.stream["fields"] = {"name": "name"}
    for sheet in ("Second", 2):
        hub.connector |= {"sheet": sheet, "skip_lines": 1}
        assert delivered(hub) == [{"id": "7", "name": "C"}]


@pytest.mark.parametrize(
    ("sheet", "words"),
    [("Third", "there is no sheet 'Third', but First"), (3, "there is no sheet 3; the file has 1: First")],
)
def test_an_excel_sheet_that_is_not_there(hub: Hub, sheet: str | int, words: str) -> None:
    hub.connector |= {"path": "{stream}.xlsx", "sheet": sheet}
    workbook(hub.folder / "accounts.xlsx", First=[["id"]])
    assert words in (hub.land().error or "")
    assert words in str(check_source(hub.config.sources[0], hub.folder)[0])


def test_a_spreadsheet_that_is_none(hub: Hub) -> None:
    hub.connector["path"] = "{stream}.xlsx"
    hub.write("id,name\n", "accounts.xlsx")
    assert "no spreadsheet that can be read" in (hub.land().error or "")


def lines(*rows: Any) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def test_json_lines(hub: Hub) -> None:
    hub.connector["path"] = "{stream}.ndjson"
    hub.stream["fields"] = {"name": "name"}
    hub.write(
        b"\xef\xbb\xbf"
        + lines({"id": 1, "name": "顺丰"}, {"id": "2", "name": None, "tags": ["a", {"b": 1}], "x": 1.0, "ok": True})
        + b"\r\n"
        + lines({"id": 3, "name": "c", "x": 1.25, "obj": {"z": "中"}}),
        "accounts.ndjson",
    )
    assert delivered(hub) == [
        {"id": "1", "name": "顺丰", "tags": None, "x": None, "ok": None, "obj": None},
        {"id": "2", "name": None, "tags": '["a",{"b":1}]', "x": "1", "ok": "true", "obj": None},
        {"id": "3", "name": "c", "tags": None, "x": "1.25", "ok": None, "obj": '{"z":"中"}'},
    ]


def test_json_members_that_come_late_widen_the_batch(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from connectors import json_reader

    monkeypatch.setattr(json_reader, "_BATCH", 2)
    hub.connector["path"] = "{stream}.jsonl"
    hub.stream["fields"] = {"name": "name"}
    hub.write(lines({"id": 1, "name": "a"}, {"id": 2}, {"id": 3, "more": "x"}, {"id": 4}, {"id": 5}), "accounts.jsonl")
    landed = hub.land()
    assert [row.get("more") for row in hub.rows(landed)] == [None, None, "x", None, None]
    assert len(list(hub.batch(landed).glob("part-*"))) == 2


def test_a_broken_json_line_is_set_aside_with_its_key(hub: Hub) -> None:
    hub.connector["path"] = "{stream}.ndjson"
    hub.stream["fields"] = {"name": "name"}
    content = (
        lines({"id": "1", "name": "a"}) + b'{"id": "2", "name": "b\n' + b"[1, 2]\n" + b'{"id": 4, "name": "\xff"}\n'
    )
    hub.write(content + lines({"id": "5", "name": "e"}), "accounts.ndjson")
    landed = hub.land()
    assert hub.usable(landed) == ["1", "5"]
    found = [(b["row"], b["source_key"], b["value"], b["reason"]) for b in hub.bad(landed)]
    assert [f[:3] for f in found] == [
        (2, "2", '{"id": "2", "name": "b'),
        (3, None, "[1, 2]"),
        (4, "4", '{"id": 4, "name": "\\xff"}'),
    ]
    assert found[0][3].startswith("no JSON: ") and found[0][3].endswith("(accounts.ndjson, line 2)")


@pytest.mark.parametrize("pretty", [None, 1])
def test_one_json_list(hub: Hub, pretty: int | None) -> None:
    hub.connector["path"] = "{stream}.json"
    hub.write(json.dumps(ROWS, indent=pretty, ensure_ascii=False), "accounts.json")
    assert delivered(hub) == ROWS


@pytest.mark.parametrize("codec", ["gb18030", "utf-16"])
def test_json_lines_in_other_encodings(hub: Hub, codec: str) -> None:
    hub.connector["path"] = "{stream}.ndjson"
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in CHINESE)
    hub.write(text.encode(codec), "accounts.ndjson")
    assert delivered(hub) == CHINESE


def test_a_member_that_is_left_out_of_a_json_delta(hub: Hub) -> None:
    hub.connector["path"] = "{stream}.ndjson"
    hub.stream["mode"] = "delta"
    hub.write(lines({"id": 1, "name": "a", "tel": "1", "mobile": "2", "city": "x"}), "accounts.ndjson")
    landed = hub.land()
    hub.state = landed.new_state
    hub.write(lines({"id": 2, "name": "b"}), "accounts.ndjson")
    second = hub.land()
    assert (second.status, second.drift) == ("landed", [])
    assert set(second.new_state["schema"]) == {"id", "name", "tel", "mobile", "city"}
    hub.stream["mode"] = "snapshot"
    assert sorted(hub.land().missing_columns) == ["city", "mobile", "tel"]


def test_a_column_left_out_of_a_json_delta_is_mapped_to_nothing(sqlite_hub: Hub) -> None:
    hub = sqlite_hub
    hub.connector["path"] = "{stream}.ndjson"
    hub.stream["mode"] = "delta"
    hub.write(lines({"id": 1, "name": "a", "tel": "1", "mobile": "2", "city": "x"}), "accounts.ndjson")
    landed = hub.land()
    hub.state = landed.new_state
    hub.run(landed)
    hub.write(lines({"id": 2, "name": "b"}), "accounts.ndjson")
    assert hub.run(hub.land()).inserted == 1
    assert (hub.changes()["2"]["name"], hub.changes()["2"]["city"], hub.changes()["2"]["phone"]) == ("b", None, None)


def test_several_files_of_a_glob_are_one_delivery(hub: Hub) -> None:
    hub.connector["path"] = "in/{stream}_*.csv"
    hub.write("id,name,tel,mobile,city\n2,b,,,\n", "in/accounts_2.csv")
    hub.write("id,name,tel,mobile,city\n1,a,,,\n", "in/accounts_1.csv")
    hub.write("nonsense", "in/.accounts_3.csv")
    hub.write("nonsense", "in/contacts_1.csv")
    assert [row["id"] for row in delivered(hub)] == ["1", "2"]
    assert [file["name"] for file in manifest(hub)["files"]] == ["in/accounts_1.csv", "in/accounts_2.csv"]
    state = hub.land().new_state
    assert hub.land(state=state).status == "unchanged"
    (hub.folder / "in/accounts_2.csv").unlink()
    assert hub.land(state=state).rows == 1


def test_a_path_with_magic_characters_is_a_path_when_it_is_there(hub: Hub) -> None:
    hub.connector["path"] = "data [1]/{stream}.csv"
    hub.write(as_csv(ROWS), "data [1]/accounts.csv")
    assert delivered(hub) == ROWS


def test_an_absolute_path(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "accounts.csv"
    elsewhere.write_text(as_csv(ROWS), encoding="utf-8")
    hub.connector["path"] = str(elsewhere)
    assert delivered(hub) == ROWS


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("{stream}.csv", "there is no file "),
        ("*.csv", "no file matches "),
    ],
)
def test_no_file(hub: Hub, path: str, words: str) -> None:
    hub.connector["path"] = path
    assert words in (hub.land().error or "")
    assert words in str(check_source(hub.config.sources[0], hub.folder)[0])


def test_a_kind_of_file_that_is_not_known(hub: Hub) -> None:
    hub.connector["path"] = "{stream}.dat"
    hub.write(as_csv(ROWS), "accounts.dat")
    assert "cannot tell the kind of file by '.dat'; give 'format'" in (hub.land().error or "")
    hub.connector["format"] = "csv"
    assert delivered(hub) == ROWS


def test_checking_names_columns_that_are_not_there(hub: Hub) -> None:
    hub.write("id,nmae,tel,mobile,city\n1,a,,,\n")
    found = check_source(hub.config.sources[0], hub.folder)
    assert [str(error) for error in found] == [
        "sources[crm].streams[accounts].fields.name: "
        "crm.accounts: column 'name' (fields.name) is not delivered (did you mean 'nmae'?)"
    ]
    hub.write(as_csv(ROWS))
    assert check_source(hub.config.sources[0], hub.folder) == []


def test_discovery_shows_what_the_files_hold(hub: Hub) -> None:
    hub.write(as_csv(ROWS))
    found = connector_for(hub.config.sources[0], hub.folder).discover()
    assert [(d.name, list(d.columns)) for d in found] == [("accounts", ["id", "name", "tel", "mobile", "city"])]
