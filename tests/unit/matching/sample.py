"""Small bases of feature records that the matching tests share, made the way a run makes them.

Raw values are drawn from small pools, so that agreement of every sort is common; everything after that is what a run
does (standardise, prepare, profile, build features), so that the columns are always those that declarations read.
"""

from __future__ import annotations

import csv
import random
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from matching.defaults import DEFAULTS
from matching.features import build_features, prepare
from matching.profile import Profile, profile_contacts
from matching.standardise import standardise
from models.match_model import Declaration
from worlds import easy, hard

Row = dict[str, Any]
Pools = Mapping[str, Sequence[str]]

PERSONS: Pools = {
    "family_name": ["Zhang", "Smith", "Smyth", "Smithson", "Ouyang", "王", "欧阳", "Wei"],
    "given_name": ["Wei", "Robert", "Bob", "Roberto", "Robret", "R", "伟", "玮", "娜娜", "娜", "Smith"],
    "birth_date": ["1980-01-01", "1980-01-10", "1991-03-05", "1991-05-03", "1991-11-28", "2001-07-14"],
    "national_id": ["110101198001011237", "110101198001011210", "110101199103050110", "A1234567", "A1234568"],
    "phone": [
        "13800138000",
        "13900139001",
        "010-62345678",
        "010-62345678 ext 12",
        *(f"139001390{n}" for n in range(10, 30)),
    ],
    "email": ["wei@haichuan.cn", "bob@seariver.com", "nana@qq.com", *(f"mail{n}@qq.com" for n in range(20))],
    "address_line": [
        "12 Main St Apt 4",
        "12 Main Street",
        "12 Mian Street",
        "88 Jianguo Road",
        "建国路88号3单元",
        "建国路90号",
    ],
    "city": ["Chicago", "北京市", "上海市"],
    "postal_code": ["60628", "100020", "200001"],
    "gender": ["m", "f"],
    "job_title": ["driver", "manager"],
    "organization_key": ["K1", "K2"],
}
ORGANIZATIONS: Pools = {
    "name": [
        "青岛海川货运有限公司",
        "青岛海川物流有限公司",
        "青岛海川货运有限公司市北分公司",
        "上海海川贸易有限公司",
        "上海海穿贸易有限公司",
        "青岛市南区海川货运部",
        "青岛市北区海川货运部",
        "青岛海川国际物流有限公司",
        "上海海天川贸易有限公司",
        "北京盛世龙腾科技有限公司",
        "北京盛世龙科技有限公司",
        "海川",
        "Haichuan Freight Co., Ltd",
        "Haichuan Freight and Storage Inc",
        "Sea River Freight Ltd",
        "Haichuan Brothers Trading GmbH",
        "Kuehne Logistics AG",
        "Kühne Logistik Aktiengesellschaft",
    ],
    "tax_id": ["91110000802100433B", "91110000802100433C", "92110101802100433U", "91370202MA3C0XQ06W", "DE136695976"],
    "registration_id": ["HRB 12345", "HRB 99999"],
    "phone": ["0532-85671234", "0532-85671235", "010-62345678", *(f"+49 40 30317{n}" for n in range(100, 130))],
    "email": ["info@haichuan.cn", "x@qq.com", *(f"eva{n}@sea{n}.com" for n in range(30))],
    "website": ["www.haichuan.cn", *(f"www.river{n}.com" for n in range(30))],
    "address_line": [
        "香港中路66号",
        "香港中路68号3楼",
        "Hafenstr. 12",
        "Hafenstraße 12",
        *(f"海川路{n}号{u}" for n in range(12) for u in ("", "2楼")),
    ],
    "city": ["青岛市", "上海市", "北京市", "Hamburg"],
    "province": ["山东省", "Hamburg"],
    "postal_code": ["266071", "20457"],
}
POOLS = {"person": PERSONS, "organization": ORGANIZATIONS}
ALWAYS = ("name", "family_name")


def raw(entity: str, count: int, seed: int) -> list[Row]:
    """Random raw records; about a third of the values are absent."""
    rng = random.Random(seed)
    out: list[Row] = []
    for i in range(count):
        row: Row = {"record_id": i * 7 + 1}
        for column, values in POOLS[entity].items():
            given = column in ALWAYS or rng.random() > 0.35
            row[column] = rng.choice(values) if given else None
        out.append(row)
    return out


def declaration(entity: str) -> Declaration:
    """The default declaration of an entity type."""
    return DEFAULTS[entity]


def load(
    entity: str, records: Sequence[Row], con: duckdb.DuckDBPyConnection | None = None
) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection with the table `features` of raw records, and `profile` of their contacts."""
    con = con or duckdb.connect()
    columns = list(dict.fromkeys(name for record in records for name in record))
    table = pa.table({c: [record.get(c) for record in records] for c in columns})
    con.register("standard", standardise(entity, table, threads=1))
    prepare(con, entity, "standard")
    con.unregister("standard")
    found: Profile = profile_contacts(con, declaration(entity), "prepared")
    build_features(con, declaration(entity), "prepared", found)
    con.register("profile_in", found.table)
    con.execute("CREATE OR REPLACE TABLE profile AS SELECT * FROM profile_in")
    con.unregister("profile_in")
    return con


def records_of(con: duckdb.DuckDBPyConnection, table: str = "features") -> list[Row]:
    """The rows of a table as dictionaries, by record_id."""
    rows: list[Row] = con.sql(f"SELECT * FROM {table} ORDER BY record_id").to_arrow_table().to_pylist()
    return rows


@cache
def _standing(entity: str, count: int, seed: int) -> pa.Table:
    return load(entity, raw(entity, count, seed)).sql("SELECT * FROM features").to_arrow_table()


def connect(entity: str, count: int, seed: int) -> duckdb.DuckDBPyConnection:
    """A fresh DuckDB connection with the table `features` of random records."""
    con = duckdb.connect()
    con.register("features_in", _standing(entity, count, seed))
    con.execute("CREATE TABLE features AS SELECT * FROM features_in")
    con.unregister("features_in")
    return con


def features(entity: str, record: Row) -> Row:
    """The features of one raw record alone."""
    (found,) = records_of(load(entity, [{"record_id": 1, **record}]))
    return found


@cache
def world(name: str, entity: str, size: int, seed: int = 1) -> tuple[tuple[Row, ...], dict[int, str]]:
    """Canonical raw records of a generated world (`easy` or `hard`), and the entity that each record is of."""
    make = {"easy": easy.generate, "hard": hard.generate}[name]
    with tempfile.TemporaryDirectory() as temporary:
        files = make(Path(temporary), size, seed, entity)
        out: list[Row] = []
        keys: list[tuple[str, str]] = []
        for source in yaml.safe_load(files.config.read_text(encoding="utf-8"))["sources"]:
            for stream in source["streams"]:
                for row in _delivered(files.folder / source["connector"]["path"].format(stream=stream["name"])):
                    record: Row = {"record_id": len(out) * 11 + 5}
                    for attribute, columns in stream["fields"].items():
                        names = columns if isinstance(columns, list) else [columns]
                        values = [row[column] for column in names if row[column]]
                        record[attribute] = (values if attribute in ("phone", "email") else " ".join(values)) or None
                    out.append(record)
                    keys.append((source["name"], row[stream["key"]]))
        truth = {(r["source"], r["source_key"]): r["entity_id"] for r in _delivered(files.truth)}
    return tuple(out), {record["record_id"]: truth[key] for record, key in zip(out, keys, strict=True)}


def _delivered(path: Path) -> list[dict[str, str]]:
    if path.suffix == ".parquet":
        return [{k: str(v) if v else "" for k, v in row.items()} for row in pq.read_table(path).to_pylist()]
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
