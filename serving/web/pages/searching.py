"""Search: one box for everything, its suggestions, and the list of customers."""

from __future__ import annotations

from typing import Any

import orjson
import sqlalchemy as sa
from fastapi import APIRouter
from fastapi.responses import Response

from models.store import tables as t
from models.vocabulary import PARTY_TYPES
from serving.asking import shown_name
from serving.search import Hit, search
from serving.web.customers import customer
from serving.web.languages import N_
from serving.web.registry import Entry
from serving.web.rendering import go, page
from serving.web.visits import SignedIn, Visit

NAVIGATION = (Entry("customers", N_("Customers"), "/customers", 20, "building-2", "customers.read"),)
router = APIRouter()
_SUGGESTED, _PAGE = 8, 50


@router.get("/search")
def results(visit: SignedIn) -> Response:
    """What fits, the best first; one that fits exactly is opened at once."""
    text = visit.asked("q")
    hits = _find(visit, text, 50)
    beside = customer(visit, visit.asked("with")) if visit.asked("with") else None
    if beside is not None:  # somebody looks for whom to compare a customer with
        hits = [h for h in hits if h.golden_id != beside.golden_id and h.entity_type == beside.entity_type]
        _record(visit, [(beside.golden_id, beside.entity_type)], "list")
    elif len(hits) == 1 and hits[0].why in ("id", "source key", "identifier"):
        return go(visit, f"/customers/{hits[0].golden_id}")
    return page(
        visit,
        "customers/search.html",
        title=visit.speech("Search"),
        here="customers",
        q=text,
        hits=hits,
        listed=[],
        beside=beside,
    )


@router.get("/search/suggest")
def suggestions(visit: SignedIn) -> Response:
    """The first few, under the box."""
    text = visit.asked("q")
    hits = _find(visit, text, _SUGGESTED) if len(text) > 1 else []
    return page(visit, "customers/suggestions.html", title="", q=text, hits=hits)


@router.get("/customers")
def customers(visit: SignedIn) -> Response:
    """Customers, those that the hub has known for the shortest time first."""
    visit.require("customers.read")
    entity = visit.asked("type", PARTY_TYPES[0])
    before = visit.asked("before")
    g = t.golden_record.c
    query = sa.select(t.golden_record).where(g.entity_type == entity, g.status == "active")
    query = query.where(g.golden_id < before) if before else query
    with visit.store.database.read() as connection:
        found = connection.execute(query.order_by(g.golden_id.desc()).limit(_PAGE + 1)).mappings()
        rows = [_listed(visit, dict(row)) for row in found]
    _record(visit, [(row["golden_id"], row["entity_type"]) for row in rows[:_PAGE]], "list")
    return page(
        visit,
        "customers/list.html",
        title=visit.speech("Customers"),
        here="customers",
        rows=rows[:_PAGE],
        more=len(rows) > _PAGE,
        entity=entity,
        types=PARTY_TYPES,
    )


def _find(visit: Visit, text: str, limit: int) -> list[Hit]:
    hits = search(visit.store, visit.config, visit.masking, visit.reader, text, limit=limit)
    _record(visit, [(hit.golden_id, hit.entity_type) for hit in hits], "search")
    return hits


def _listed(visit: Visit, row: dict[str, Any]) -> dict[str, Any]:
    values, _, _ = visit.masking.split(visit.reader, row["entity_type"], orjson.loads(row["values"]))
    return {**row, "values": values, "name": shown_name(values) or visit.speech("(name not shown)")}


def _record(visit: Visit, shown: list[tuple[str, str]], how: str) -> None:
    """Whose names and contacts were shown; not what was looked for, which may be somebody's name or number."""
    persons = sorted(golden_id for golden_id, entity in shown if entity == "person")
    if persons and visit.sees("personal"):
        names = ["full_name", "phone", "email"]
        visit.reads.read(visit.reader, f"customer.{how}", attributes=names, customers=persons)
