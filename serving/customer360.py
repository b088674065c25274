"""The 360 view for whoever asks: found by id or source key, with the contracts in force, masked by sensitivity."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lifecycle.contracts import Contracts, load_contracts
from lifecycle.view360 import Customer360, customer_360, find_customer
from matching.survive import expand_provenance
from models.config import Config
from models.errors import KehuError
from models.store import Store
from models.vocabulary import PARTY_TYPES
from serving.access import Masking, Principal
from serving.access.masking import MASK

_CONTACT = {"name": "full_name", "job_title": "job_title", "phone": "phone", "email": "email"}
"""Fields of a contact → the attribute of a person that they show."""
_loaded: dict[str, tuple[float, Contracts]] = {}


class UnknownCustomer(KehuError):
    """No golden record has this id, or no party record this key."""


def contracts_of(config: Config) -> Contracts:
    """The contracts in force; read again only when their file changed. Raises ConfigErrors."""
    path = config.lifecycle.contracts
    changed = Path(path).stat().st_mtime if path is not None and Path(path).exists() else 0.0
    at = f"{path}|{config.file}"
    if at not in _loaded or _loaded[at][0] != changed:
        _loaded[at] = changed, load_contracts(config)
    return _loaded[at][1]


def view(store: Store, config: Config, golden_id: str) -> Customer360 | None:
    """The 360 view of a golden record, or of the one that the id leads to today; None for an unknown id."""
    return customer_360(store, config, contracts_of(config), golden_id, expand_provenance)


def resolve(store: Store, config: Config, given: str) -> str:
    """The golden id that is meant by an id, `SOURCE:KEY` or `SOURCE.STREAM:KEY`. Raises UnknownCustomer."""
    place, colon, key = given.partition(":")
    source, _, stream = place.partition(".")
    if not colon:
        if store.resolve_id(given) is None:
            raise UnknownCustomer(f"no golden record has the id '{given}', now or before")
        return given
    if source not in {s.name for s in config.sources}:
        raise UnknownCustomer(f"no source is named '{source}'; there are {', '.join(s.name for s in config.sources)}")
    found = [row for row in find_customer(store, source, key) if not stream or row[2] == stream]
    ids = sorted({row[0] for row in found})
    if not ids:
        raise UnknownCustomer(f"no customer or person has the key '{key}' in {place}")
    if len(ids) > 1:
        streams = ", ".join(f"{source}.{row[2]}:{key}" for row in found)
        raise UnknownCustomer(f"'{given}' may be several: say {streams}")
    return ids[0]


def masked(document: Customer360, masking: Masking, who: Principal) -> tuple[dict[str, Any], list[str]]:
    """The document as somebody may see it, and the names of the personal attributes that it still shows."""
    told = document.model_dump()
    seen: set[str] = set()
    entity = told["identity"]["entity_type"]
    _values(told["identity"], masking, who, entity, seen)
    if not _sees(masking, who, entity, "full_name" if entity == "person" else "name", seen, told["identity"]["name"]):
        told["identity"]["name"] = MASK
    for node in told["hierarchy"]["nodes"]:
        person = entity == "person" and node["is_self"] and node["name"]
        if person and not _sees(masking, who, "person", "full_name", seen, node["name"]):
            node["name"] = MASK
    for contact in told["buying_centre"]["contacts"]:
        for field, attribute in _CONTACT.items():
            value = contact[field]
            if not _sees(masking, who, "person", attribute, seen, value) and value not in (None, []):
                contact[field] = [MASK] if isinstance(value, list) else MASK
    for vehicle in told["vehicles"]:
        if vehicle["plate"] and not _sees(masking, who, "vehicle", "plate", seen, vehicle["plate"]):
            vehicle["plate"] = MASK
        for holder in vehicle["holders"]:
            if holder["person"] and not _sees(masking, who, "person", "full_name", seen, holder["name"]):
                holder["name"] = MASK if holder["name"] else None
    for event in told["timeline"]:
        if event["contact"] and not _sees(masking, who, "person", "full_name", seen, event["contact"]):
            event["contact"] = MASK
    plan = told["plan"]
    if plan and plan["sponsor"] and not _sees(masking, who, "person", "full_name", seen, plan["sponsor"]):
        plan["sponsor"] = MASK
    for finding in told["findings"]:
        about = {"customer": entity, "contact": "person"}.get(finding["about"], finding["about"])
        known = about if about in (*PARTY_TYPES, "vehicle", "relation") else "touchpoint"
        if finding["value"] and finding["field"]:
            if not _sees(masking, who, known, finding["field"], seen, finding["value"]):
                finding["value"] = MASK
    return told, sorted(seen)


def _values(identity: dict[str, Any], masking: Masking, who: Principal, entity: str, seen: set[str]) -> None:
    for value in identity["values"]:
        if not _sees(masking, who, entity, value["attribute"], seen, value["value"]):
            value["value"] = [MASK] if isinstance(value["value"], list) else MASK


def _sees(masking: Masking, who: Principal, entity: str, attribute: str, seen: set[str], value: object) -> bool:
    sensitivity = masking.sensitivity(entity, attribute)
    if sensitivity not in who.sees:
        return False
    if sensitivity != "public" and value not in (None, "", []):
        seen.add(attribute)
    return True


def json_schema() -> dict[str, Any]:
    """JSON Schema of the document."""
    return Customer360.model_json_schema() | {"title": "Customer 360"}
