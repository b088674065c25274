"""What all pages of one customer share: the golden record that an id leads to, its heading and its tabs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from fastapi.exceptions import HTTPException
from fastapi.responses import RedirectResponse, Response

from serving.asking import shown_name
from serving.web.registry import Tab, tabs
from serving.web.visits import Visit


@dataclass(frozen=True)
class Customer:
    """The golden record that a page is about. `asked` is the id in the address, an alias perhaps."""

    golden_id: str
    asked: str
    entity_type: str
    name: str
    status: str
    version: int
    records: int
    values: dict[str, Any]
    tabs: tuple[Tab, ...]


def customer(visit: Visit, golden_id: str) -> Customer:
    """The golden record behind an id or an alias. Raises HTTPException 404, NotAllowed."""
    visit.require("customers.read")
    with visit.store.snapshot():
        found = visit.store.resolve_id(golden_id)
        rows = visit.store.golden_by_id([found]).to_pylist() if found else []
    if not rows:
        raise HTTPException(404, visit.speech("There is no golden record %(name)s.", name=golden_id))
    row: dict[str, Any] = rows[0]
    entity = row["entity_type"]
    shown, _, _ = visit.masking.split(visit.reader, entity, orjson.loads(row["values"]))
    return Customer(
        row["golden_id"],
        golden_id,
        entity,
        shown_name(shown) or visit.speech("(name not shown)"),
        row["status"],
        row["version"],
        row["records"],
        shown,
        tuple(tab for tab in tabs(entity) if visit.may(tab.right)),
    )


def survivor(visit: Visit, found: Customer, tab: str) -> Response | None:
    """Where an alias leads: to the golden record that survived, whose page says which alias was asked for."""
    if found.golden_id == found.asked:
        return None
    return RedirectResponse(f"/customers/{found.golden_id}{'/' + tab if tab else ''}?alias={found.asked}", 307)
