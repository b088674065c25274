"""The standard columns of each entity type, with their Arrow types.

Only names and types are here; how a column is computed is said in the module of its subject and in
`docs/standardisation.md`.
"""

from __future__ import annotations

import pyarrow as pa

# Raised whenever the same raw value may get another standard value, so that stored standard values are recomputed
# (tests/unit/standardise/test_version.py notices).
PARSER_VERSION = "5"

_TEXT: pa.DataType = pa.string()
_BOOL: pa.DataType = pa.bool_()
_INT: pa.DataType = pa.int64()
_LIST: pa.DataType = pa.list_(pa.string())

_ORGANIZATION: dict[str, pa.DataType] = {
    "name_norm": _TEXT, "name_core": _TEXT, "name_region": _TEXT, "name_region_code": _TEXT, "name_industry": _TEXT,
    "org_form": _TEXT, "branch": _TEXT, "is_sole_trader": _BOOL, "name_status": _TEXT, "name_script": _TEXT,
    "name_ascii": _TEXT, "stem_ascii": _TEXT, "name_tokens": _LIST, "alt_cores": _LIST, "alt_ascii": _LIST,
    "tax_id": _TEXT,
    "tax_id_ok": _BOOL, "tax_id_kind": _TEXT, "org_code9": _TEXT, "registration_id": _TEXT,
}  # fmt: skip
_PERSON: dict[str, pa.DataType] = {
    "full_norm": _TEXT, "surname": _TEXT, "given": _TEXT, "middle": _TEXT, "name_suffix": _TEXT, "title": _TEXT,
    "is_partial": _BOOL, "name_script": _TEXT, "name_ascii": _TEXT, "surname_ascii": _TEXT, "given_ascii": _TEXT,
    "given_root": _TEXT, "birth_date": _TEXT, "birth_date_swapped": _TEXT, "birth_digits": _TEXT, "birth_year": _INT,
    "gender": _TEXT, "national_id": _TEXT, "national_id_ok": _BOOL, "national_id_kind": _TEXT,
    "organization_key": _TEXT, "job_title_norm": _TEXT,
}  # fmt: skip
_CONTACT: dict[str, pa.DataType] = {
    "phones": _LIST, "phone_bases": _LIST, "emails": _LIST, "role_emails": _LIST, "email_domains": _LIST,
    "web_domain": _TEXT,
}  # fmt: skip
_ADDRESS: dict[str, pa.DataType] = {
    "country": _TEXT, "province_code": _TEXT, "city_code": _TEXT, "district_code": _TEXT, "province_norm": _TEXT,
    "city_norm": _TEXT, "district_norm": _TEXT, "postal_code": _TEXT, "road": _TEXT, "road_key": _TEXT,
    "road_no": _TEXT,
    "unit": _TEXT,
    "address_norm": _TEXT, "address_ascii": _TEXT, "address_tokens": _LIST,
}  # fmt: skip
_ENTITIES = {"organization": _ORGANIZATION, "person": _PERSON}


def standard_schema(entity_type: str) -> pa.Schema:
    """Arrow schema of the standard table of an entity type: record_id, the standard columns, reasons.

    Raises ValueError for an entity type that has no standard columns (only organization and person have).
    """
    if entity_type not in _ENTITIES:
        raise ValueError(f"no standard columns for entity type {entity_type!r}; known: {', '.join(_ENTITIES)}")
    columns = {**_ENTITIES[entity_type], **_CONTACT, **_ADDRESS}
    fields: list[tuple[str, pa.DataType]] = [*columns.items(), ("reasons", _TEXT)]
    return pa.schema([("record_id", _INT), *fields])
