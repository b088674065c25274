from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import current_process
from pathlib import Path

import pyarrow as pa
import pytest

from matching.standardise import PARSER_VERSION, standard_schema, standardise, workers
from matching.standardise.single import standardise_one
from matching.standardise.subjects import LIST_SEPARATOR, build


def organizations() -> pa.Table:
    return pa.table(
        {
            "record_id": [7, 3, 9, 4],
            "name": ["青岛海川货运有限公司", "Seariver Freight Ltd", None, "测试"],
            "name_en": ["Seariver Freight Ltd", None, None, None],
            "phone": [["0532-85671234", "无"], ["312/555-1846"], None, []],
            "email": ["info@haichuan.cn;eva@qq.com", "eva@seariver.com", "", "n/a"],
            "website": ["www.haichuan.cn", None, None, None],
            "tax_id": [None, "DE136695976", None, "000000"],
            "address_line": ["青岛市市南区香港中路66号", "742 Evergreen Terrace, Springfield, OR 97403", None, None],
            "unmapped": [1, 2, 3, 4],
        }
    )


@pytest.mark.parametrize("entity", ["organization", "person"])
def test_every_column_is_there_whatever_comes_in(entity):
    out = standardise(entity, pa.table({"record_id": pa.array([5, 1], pa.int64())}))
    assert out.schema == standard_schema(entity)
    assert out.column("record_id").to_pylist() == [5, 1]
    assert all(out.column(n).null_count == 2 for n in out.column_names if n != "record_id")


def test_organizations_keep_their_order_and_columns():
    out = standardise("organization", organizations())
    assert out.schema == standard_schema("organization")
    rows = out.to_pylist()
    assert [r["record_id"] for r in rows] == [7, 3, 9, 4]
    first, second, third, fourth = rows
    assert first["name_core"] == "海川" and "seariver freight" in first["alt_cores"]
    assert set(first["alt_ascii"]) & set(second["alt_ascii"])
    assert first["phones"] == ["+8653285671234"] and second["phones"] == ["+13125551846"]
    assert first["emails"] == ["info@haichuan.cn", "eva@qq.com"] and first["role_emails"] == ["info@haichuan.cn"]
    assert first["email_domains"] == ["haichuan.cn"] and first["web_domain"] == "haichuan.cn"
    assert first["district_code"] == "370202" and second["city_norm"] == "springfield"
    assert (second["tax_id"], second["tax_id_ok"], second["tax_id_kind"]) == ("DE136695976", True, "vat")
    assert third["name_norm"] is None and third["reasons"] is None
    assert json.loads(fourth["reasons"]) == {"email": "placeholder", "name": "test value", "tax_id": "filler digits"}


def test_reasons_beside_values():
    reasons = standardise("organization", organizations()).column("reasons").to_pylist()[0]
    assert json.loads(reasons) == {"phone": "placeholder"}


def test_persons():
    table = pa.table(
        {
            "record_id": [1, 2],
            "given_name": ["Bob", None],
            "family_name": ["Stone", None],
            "full_name": [None, "陈静"],
            "gender": ["Male", "女"],
            "birth_date": ["3/4/1981", "1981年2月30日"],
            "national_id": ["294-61-7788", None],
            "phone": ["5551846", "13705321234"],
            "job_title": ["VP Sales", "采购 经理"],
            "organization_key": ["acc-1", "n/a"],
        }
    )
    first, second = standardise("person", table).to_pylist()
    assert (first["given_root"], first["name_ascii"], first["gender"]) == ("robert", "bob stone", "m")
    assert (first["birth_date"], first["birth_date_swapped"], first["birth_year"]) == ("1981-03-04", "1981-04-03", 1981)
    assert first["phones"] == ["local:5551846"] and first["job_title_norm"] == "vice president sales"
    assert (second["surname"], second["given"], second["gender"]) == ("陈", "静", "f")
    assert (second["birth_date"], second["birth_digits"]) == (None, "19810230")
    assert second["phones"] == ["+8613705321234"] and second["organization_key"] is None


def test_the_record_says_of_which_country_a_number_is():
    table = pa.table(
        {
            "record_id": [1, 2],
            "name": ["海川货运", "Seariver"],
            "phone": ["85671234", "85671234"],
            "country": ["CN", "DE"],
        }
    )
    found = [r["phones"] for r in standardise("organization", table).to_pylist()]
    assert found == [["local:85671234"], ["local:85671234"]] or found[0] == ["local:85671234"]


def test_domains_and_vat_numbers_say_how_to_read_a_number():
    table = pa.table(
        {
            "record_id": [1, 2, 3, 4],
            "name": ["Seariver"] * 4,
            "phone": ["(0113) 3216847"] * 4,
            "email": ["eva@seariver.co.uk", None, None, None],
            "website": [None, "seariver.de", None, None],
            "tax_id": [None, None, "GB980780684", None],
        }
    )
    found = [r["phones"] for r in standardise("organization", table).to_pylist()]
    assert found == [["+441133216847"], ["+491133216847"], ["+441133216847"], ["local:1133216847"]]


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ({"name": "Thames Freight", "city": "London"}, "+442079460958"),
        ({"name": "Thames Freight", "city": "Guangzhou"}, "+862079460958"),
        ({"name": "Thames Freight"}, "+862079460958"),
        # A city that cannot be one of China, and is not listed: no country is invented.
        ({"name": "Thames Freight", "city": "Little Snoring"}, "local:2079460958"),
        ({"name": "广州泰晤士货运有限公司", "city": "广州"}, "+862079460958"),
    ],
)
def test_the_city_says_of_which_country_a_number_is(raw, value):
    row = {**raw, "phone": "020 7946 0958"}
    found = standardise("organization", pa.Table.from_pylist([{"record_id": 1, **row}])).to_pylist()[0]
    assert found["phones"] == [value]
    assert standardise_one("organization", row)[0]["phones"] == [value]


def test_types_other_than_text_are_read_as_text():
    table = pa.table(
        {
            "record_id": pa.array([1], pa.int32()),
            "name": pa.array(["Blue Door Ltd"]).dictionary_encode(),
            "postal_code": [60614],
            "phone": pa.array([[3125551846]]),
        }
    )
    row = standardise("organization", table).to_pylist()[0]
    assert row["postal_code"] == "60614" and row["phones"] == ["+13125551846"]


def test_wrong_calls_say_what_is_wrong():
    with pytest.raises(ValueError, match="vehicle"):
        standardise("vehicle", organizations())
    with pytest.raises(ValueError, match="record_id"):
        standardise("person", pa.table({"full_name": ["x"]}))


def test_repeated_values_are_parsed_once(monkeypatch):
    seen: list[int] = []

    def counting(subject: str, keys: list[tuple[str | None, ...]], *, remember: bool) -> pa.RecordBatch:
        seen.append(len(keys))
        return build(subject, keys, remember=remember)

    monkeypatch.setattr(workers, "build", counting)
    table = pa.table({"record_id": list(range(1000)), "name": ["青岛海川货运有限公司", "Blue Door Ltd"] * 500})
    out = standardise("organization", table, threads=1)
    assert max(seen) == 2 and out.num_rows == 1000
    assert out.column("name_core").to_pylist()[:2] == ["海川", "blue door"]


def few_to_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_POOL_THRESHOLD", 3)
    monkeypatch.setattr(workers, "_CHUNK", 2)


def many() -> pa.Table:
    return pa.concat_tables([organizations()] * 3).set_column(0, "record_id", pa.array(range(12)))


def test_worker_processes_give_the_same(monkeypatch):
    few_to_a_chunk(monkeypatch)
    assert standardise("organization", many(), threads=2).equals(standardise("organization", many(), threads=1))


@pytest.mark.parametrize("step", ["ProcessPoolExecutor", "_importable_main"])
def test_without_worker_processes_it_is_done_here(monkeypatch, step):
    def refuse(*_: object, **__: object) -> bool:
        if step == "_importable_main":
            return False
        raise OSError("no processes here")

    alone = standardise("organization", many(), threads=1)
    few_to_a_chunk(monkeypatch)
    monkeypatch.setattr(workers, step, refuse)
    assert standardise("organization", many()).equals(alone)


def test_a_daemonic_process_does_it_alone(monkeypatch):
    alone = standardise("organization", many(), threads=1)
    few_to_a_chunk(monkeypatch)
    monkeypatch.setitem(current_process()._config, "daemon", True)
    assert standardise("organization", many()).equals(alone)


class Dying(ProcessPoolExecutor):
    def submit(self, fn: object, /, *args: object, **kwargs: object) -> Future[object]:
        return super().submit(os._exit, 1)


def test_a_worker_that_dies_is_done_without(monkeypatch):
    alone = standardise("organization", many(), threads=1)
    few_to_a_chunk(monkeypatch)
    monkeypatch.setattr(workers, "ProcessPoolExecutor", Dying)
    assert standardise("organization", many()).equals(alone)


def test_a_script_without_a_main_guard_still_gets_its_result(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import pyarrow as pa\n"
        "from matching.standardise import standardise, workers\n"
        "workers._POOL_THRESHOLD = 1\n"
        "table = pa.table({'record_id': [1, 2], 'name': ['海川货运', 'Blue Door']})\n"
        "print(standardise('organization', table).column('name_core').to_pylist())\n",
        encoding="utf-8",
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.stdout == "['海川', 'blue door']\n"


def test_the_order_of_records_does_not_matter():
    table = organizations()
    forward = {r["record_id"]: r for r in standardise("organization", table).to_pylist()}
    backward = {r["record_id"]: r for r in standardise("organization", table.take([3, 2, 1, 0])).to_pylist()}
    assert forward == backward


def test_lists_travel_through_encoding():
    batch = build("phone", [(LIST_SEPARATOR.join(("13705321234", "0532-85671234")), None)])
    assert batch.column(0).to_pylist() == [["+8613705321234", "+8653285671234"]]


def test_every_column_is_explained():
    text = (Path(__file__).parents[3] / "docs" / "standardisation.md").read_text(encoding="utf-8")
    names = {n for entity in ("organization", "person") for n in standard_schema(entity).names}
    assert names - set(re.findall(r"`(\w+)`", text)) == set()


def test_the_version_is_text():
    assert PARSER_VERSION and isinstance(PARSER_VERSION, str)
