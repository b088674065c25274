"""A small base of feature records and a trained model that the matching tests share."""

from __future__ import annotations

import random
from typing import Any

import duckdb
import pyarrow as pa

from matching.defaults import DEFAULTS
from models.match_model import Declaration

SCALARS = {
    "surname_ascii": ["zhang", "wang", "smith", "smyth", "ouyang"],
    "given_ascii": ["wei", "bob", "robert", "nana", "wen", "li"],
    "given": ["伟", "玮", "bob", "robert", "娜娜"],
    "given_root": ["wei", "robert", "nana"],
    "birth_digits": ["19800101", "19800110", "19910305", "19910503"],
    "birth_date": ["1980-01-01", "1991-03-05", "1991-05-03"],
    "birth_date_swapped": ["1991-05-03", "1991-03-05"],
    "birth_year": ["1980", "1991"],
    "national_id": ["110101198001011234", "110101198001011235", "x1"],
    "address_norm": ["12 main st", "jianguo road 88"],
    "postal_code": ["100020", "60628"],
    "city_norm": ["beijing", "chicago"],
    "road": ["main st", "jianguo road"],
    "road_no": ["12", "88"],
    "unit": ["a", "b"],
    "address_ascii": ["12 main st", "12 main street", "jianguo road 88"],
    "district_code": ["110105", "211302"],
    "gender": ["m", "f"],
    "name_suffix": ["jr", "sr"],
    "organization_key": ["k1", "k2"],
    "job_title_norm": ["driver", "manager"],
    "name_ascii": ["wei zhang", "bob smith"],
}
LISTS = {
    "phones_own": ["+8613800000001", "+8613800000002"],
    "phones_shared": ["+861062345678"],
    "phone_bases": ["+8613800000001", "+861062345678"],
    "emails_own": ["a@x.cn", "b@x.cn"],
    "emails_shared": ["info@x.cn"],
    "address_tokens": ["12", "main", "st", "jianguo", "road", "88"],
}


def rows(count: int, seed: int) -> list[dict[str, Any]]:
    """Random person features; about a third of the values are absent."""
    rng = random.Random(seed)
    out: list[dict[str, Any]] = []
    for i in range(count):
        row: dict[str, Any] = {"record_id": i * 7 + 1}
        for column, values in SCALARS.items():
            row[column] = rng.choice(values) if rng.random() > 0.3 else None
        for column, values in LISTS.items():
            row[column] = sorted(rng.sample(values, rng.randint(1, len(values)))) if rng.random() > 0.3 else None
        out.append(row)
    return out


def table(records: list[dict[str, Any]]) -> pa.Table:
    """The records with fixed types, also where a column is all null."""
    types = [("record_id", pa.int64())]
    types += [(c, pa.string()) for c in SCALARS] + [(c, pa.list_(pa.string())) for c in LISTS]
    return pa.Table.from_pylist(records, schema=pa.schema(types))


def person_declaration() -> Declaration:
    """The default declaration for persons."""
    return DEFAULTS["person"]


def connect(records: list[dict[str, Any]]) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection with the table `features`."""
    con = duckdb.connect()
    con.register("rows_in", table(records))
    con.execute("CREATE TABLE features AS SELECT * FROM rows_in")
    return con
