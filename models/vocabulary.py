"""The canonical model: entity types, their attributes, and the stable number of a source record.

Says what things are called and how sensitive they are; how values are standardised, compared or chosen is said where
that is done (matching), with this module's names.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import xxhash

PARTY_TYPES = ("organization", "person")
ENTITY_TYPES = (*PARTY_TYPES, "vehicle", "touchpoint", "relation")
FAMILIES = ("sales", "service", "marketing")

Sensitivity = Literal["public", "personal", "secret"]
Rule = Literal["source_priority", "trust", "most_recent", "most_frequent", "longest", "most_complete"]


@dataclass(frozen=True)
class Attribute:
    """A canonical attribute of an entity type.

    `multi` attributes hold a list of values; attributes of one `block` win survivorship together, from one record;
    `rule` is the survivorship rule when the configuration names none.
    """

    name: str
    type: Literal["text", "number", "date", "bool"] = "text"
    multi: bool = False
    block: str | None = None
    sensitivity: Sensitivity = "public"
    rule: Rule = "source_priority"


def _block(sensitivity: Sensitivity) -> tuple[Attribute, ...]:
    names = ("address_line", "district", "city", "province", "postal_code", "country")
    return tuple(Attribute(n, block="address", sensitivity=sensitivity, rule="most_complete") for n in names)


_ORGANIZATION = (
    Attribute("name"),
    Attribute("name_en"),
    Attribute("short_name"),
    Attribute("tax_id"),
    Attribute("registration_id"),
    Attribute("phone", multi=True),
    Attribute("email", multi=True),
    Attribute("website"),
    *_block("public"),
    Attribute("industry"),
    Attribute("employees", type="number", rule="most_recent"),
    Attribute("fleet_size", type="number", rule="most_recent"),
    Attribute("status", rule="most_recent"),
    Attribute("parent_key"),
    Attribute("account_owner", rule="most_recent"),
    Attribute("segment"),
)

_PERSON = (
    Attribute("full_name", block="name", sensitivity="personal"),
    Attribute("given_name", block="name", sensitivity="personal"),
    Attribute("family_name", block="name", sensitivity="personal"),
    Attribute("gender", sensitivity="personal"),
    Attribute("birth_date", type="date", sensitivity="personal", rule="most_frequent"),
    Attribute("national_id", sensitivity="secret", rule="most_frequent"),
    Attribute("phone", multi=True, sensitivity="personal"),
    Attribute("email", multi=True, sensitivity="personal"),
    *_block("personal"),
    Attribute("job_title", rule="most_recent"),
    Attribute("organization_key", rule="most_recent"),
    Attribute("buying_role", rule="most_recent"),
    Attribute("influence", rule="most_recent"),
    Attribute("affinity", rule="most_recent"),
    Attribute("consent", rule="most_recent", sensitivity="personal"),
)

_VEHICLE = (
    Attribute("vin"),
    Attribute("model"),
    Attribute("plate", sensitivity="personal"),
    Attribute("produced_on", type="date"),
    Attribute("delivered_on", type="date"),
    Attribute("mileage", type="number", rule="most_recent"),
    Attribute("party_key"),
    Attribute("role"),
    Attribute("valid_from", type="date"),
    Attribute("valid_to", type="date"),
)

_TOUCHPOINT = (
    Attribute("type"),
    Attribute("stage"),
    Attribute("occurred_at", type="date"),
    Attribute("party_key"),
    Attribute("contact_key"),
    Attribute("vin"),
    Attribute("refers_to", multi=True),
    Attribute("owner"),
    Attribute("amount", type="number"),
    Attribute("status"),
    Attribute("due_at", type="date"),
    Attribute("closed_at", type="date"),
    Attribute("valid_from", type="date"),
    Attribute("valid_to", type="date"),
    Attribute("subject"),
    Attribute("product"),
    Attribute("quantity", type="number"),
    Attribute("reason"),
    Attribute("competitor"),
    Attribute("channel"),
    Attribute("mileage", type="number"),
)

_RELATION = (
    Attribute("type"),
    Attribute("from_key"),
    Attribute("to_key"),
    Attribute("role"),
    Attribute("valid_from", type="date"),
    Attribute("valid_to", type="date"),
)

_BY_ENTITY = {
    "organization": _ORGANIZATION,
    "person": _PERSON,
    "vehicle": _VEHICLE,
    "touchpoint": _TOUCHPOINT,
    "relation": _RELATION,
}


REFERENCES: dict[str, dict[str, tuple[str, ...]]] = {
    "organization": {"parent_key": ("organization",)},
    "person": {"organization_key": ("organization",)},
    "vehicle": {"party_key": PARTY_TYPES},
    "touchpoint": {"party_key": PARTY_TYPES, "contact_key": ("person",), "refers_to": ("touchpoint",)},
    "relation": {"from_key": PARTY_TYPES, "to_key": PARTY_TYPES},
}
"""Entity type → attribute that holds keys of other records → the entity types that these may be of."""


def attributes(entity_type: str) -> dict[str, Attribute]:
    """The canonical attributes of an entity type, by name, in the order in which they are shown.

    Raises KeyError for an unknown entity type.
    """
    return {a.name: a for a in _BY_ENTITY[entity_type]}


def added_column(name: str) -> str:
    """The standard column of an attribute that a configuration adds."""
    return f"x_{name}"


_MASK63 = (1 << 63) - 1


def record_id(source: str, stream: str, source_key: str) -> int:
    """The stable number of a source record: 63 bits of XXH3 over source, stream and key.

    It does not depend on the order of arrival, so ties that are broken by it are broken the same way in every run.
    Two keys with one number (odds of 5e-8 at a million records) are noticed when changes are detected.
    """
    return xxhash.xxh3_64_intdigest(f"{source}\x1f{stream}\x1f{source_key}".encode()) & _MASK63


def record_ids(source: str, stream: str, source_keys: Iterable[str]) -> npt.NDArray[np.int64]:
    """`record_id` for many keys of one stream, as an int64 array in the order given."""
    digest, prefix = xxhash.xxh3_64_intdigest, f"{source}\x1f{stream}\x1f".encode()
    return np.fromiter((digest(prefix + key.encode()) & _MASK63 for key in source_keys), dtype=np.int64)
