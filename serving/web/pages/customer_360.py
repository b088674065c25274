"""The 360 view of a customer, a tab per question: overview, timeline, people, fleet, group, plan."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.exceptions import HTTPException
from fastapi.responses import Response

from lifecycle.contracts import Contracts
from serving import customer360
from serving.web import drawings
from serving.web.customers import customer, survivor
from serving.web.languages import N_
from serving.web.notices import notice_of
from serving.web.registry import Tab
from serving.web.rendering import page
from serving.web.visits import SignedIn, Visit

TABS = (
    Tab("overview", N_("Overview"), 10),
    Tab("timeline", N_("Timeline"), 20),
    Tab("people", N_("Buying centre"), 30, entity_types=("organization",)),
    Tab("fleet", N_("Fleet"), 40),
    Tab("hierarchy", N_("Hierarchy"), 50, entity_types=("organization",)),
    Tab("plan", N_("Plan & pipeline"), 60),
)
router = APIRouter()
_SHOWN = 200


@router.get("/customers/{golden_id}/overview")
def overview(visit: SignedIn, golden_id: str) -> Response:
    """Where the customer stands, what is due, what is wrong."""

    def more(d: dict[str, Any], contracts: Contracts) -> dict[str, Any]:
        health = [(p["date"][:7], p["score"]) for p in d["health"]["history"]]
        quarters = d["pipeline"]["quarters"]
        return {
            "health_chart": drawings.line(health, most=100) if len(health) > 1 else None,
            "pipeline_chart": drawings.bars([q["quarter"] for q in quarters], [q["amount"] for q in quarters]),
        }

    return _tab(visit, golden_id, "overview", more)


@router.get("/customers/{golden_id}/timeline")
def timeline(visit: SignedIn, golden_id: str) -> Response:
    """Everything that happened, drawn and listed, by kind and system."""

    def more(d: dict[str, Any], contracts: Contracts) -> dict[str, Any]:
        kind, source = visit.asked("kind"), visit.asked("source")
        events = d["timeline"]
        chosen = [e for e in events if kind in ("", e["kind"]) and source in ("", e["source"])]
        name = {"before_order": N_("before the order"), "during_order": N_("during the order"),
                "after_order": N_("after the order")}  # fmt: skip
        return {
            "events": chosen[:_SHOWN],
            "chosen": len(chosen),
            "kinds": list(dict.fromkeys(e["kind"] for e in events)),
            "sources": sorted({e["source"] for e in events}),
            "kind": kind,
            "source": source,
            "lanes": len({e["kind"] for e in chosen}),
            "drawing": drawings.timeline(
                chosen, lambda n: contracts.label(n, visit.language), lambda p: visit.speech(name.get(p, p))
            ),
        }

    return _tab(visit, golden_id, "timeline", more)


@router.get("/customers/{golden_id}/people")
def people(visit: SignedIn, golden_id: str) -> Response:
    """Who decides at the customer, and who covers it."""

    def more(d: dict[str, Any], contracts: Contracts) -> dict[str, Any]:
        contacts = d["buying_centre"]["contacts"]
        label = {"": ""} | {role: contracts.label(role, visit.language) for role in contracts.buying_roles}
        drawing = drawings.people(d["identity"]["name"] or "", contacts, lambda r: label.get(r, r))
        return {"drawing": drawing, "names": {c["golden_id"]: c["name"] for c in contacts}}

    return _tab(visit, golden_id, "people", more)


@router.get("/customers/{golden_id}/fleet")
def fleet(visit: SignedIn, golden_id: str) -> Response:
    """The vehicles, who holds them as what, service contracts, replacement."""

    def more(d: dict[str, Any], contracts: Contracts) -> dict[str, Any]:
        halves = [r["half_year"] for r in d["replacements"]]
        say = visit.speech
        return {
            "vehicles": d["vehicles"][:_SHOWN],
            "due_chart": drawings.replacements(d["vehicles"], halves) if halves else None,
            "mileage_chart": drawings.mileages(
                d["vehicles"], say(N_("with a service contract")), say(N_("without a service contract"))
            ),
        }

    return _tab(visit, golden_id, "fleet", more)


@router.get("/customers/{golden_id}/hierarchy")
def hierarchy(visit: SignedIn, golden_id: str) -> Response:
    """The group, own totals and those with everything below."""

    def more(d: dict[str, Any], contracts: Contracts) -> dict[str, Any]:
        nodes = d["hierarchy"]["nodes"][:_SHOWN]
        money = f"{{}} {d['currency']}"
        drawing = drawings.group(nodes, lambda v: money.format(visit.speech.number(v, 0)))
        return {"drawing": drawing, "nodes": nodes}

    return _tab(visit, golden_id, "hierarchy", more)


@router.get("/customers/{golden_id}/plan")
def plan(visit: SignedIn, golden_id: str) -> Response:
    """Account plan, needs, pipeline, tenders, competitors."""

    def more(d: dict[str, Any], contracts: Contracts) -> dict[str, Any]:
        quarters = d["pipeline"]["quarters"]
        return {"pipeline_chart": drawings.bars([q["quarter"] for q in quarters], [q["amount"] for q in quarters])}

    return _tab(visit, golden_id, "plan", more)


def _tab(visit: Visit, golden_id: str, tab: str, more: Any) -> Response:
    found = customer(visit, golden_id)
    if (onward := survivor(visit, found, tab)) is not None:
        return onward
    document = customer360.view(visit.store, visit.config, found.golden_id)
    if document is None:
        raise HTTPException(404, visit.speech("There is no golden record %(name)s.", name=golden_id))
    told, personal = customer360.masked(document, visit.masking, visit.reader)
    visit.reads.read(visit.reader, "customer.view", object_id=found.golden_id, attributes=personal)
    contracts = customer360.contracts_of(visit.config)
    return page(
        visit,
        f"customers/view_{tab}.html",
        title=found.name,
        here="customers",
        tab=tab,
        notice=notice_of(visit) or _alias(visit),
        customer=found,
        d=told,
        label=lambda name: contracts.label(name, visit.language) if name else "—",
        words=lambda pair: (pair or {}).get(visit.language, ""),
        **more(told, contracts),
    )


def _alias(visit: Visit) -> dict[str, Any] | None:
    """What is said when an id led here that went on under another one."""
    asked = visit.asked("alias")
    if not asked:
        return None
    return {"kind": "done", "text": visit.speech("%(alias)s went on under this id.", alias=asked)}
