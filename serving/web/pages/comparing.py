"""Two customers side by side that nobody asked about: found by whoever looks, decided here as on the page of a task."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode

from fastapi import APIRouter
from fastapi.responses import Response

from models.stewardship import PairVerdict
from serving import stewardship
from serving.web.customers import customer
from serving.web.notices import notice_of
from serving.web.pages.tasks import ONLY, beside, record_reading
from serving.web.rendering import go, page
from serving.web.told import told
from serving.web.visits import SignedIn, Visit

router = APIRouter()


@router.get("/compare")
def compare(visit: SignedIn) -> Response:
    """Two golden records, by the records of theirs that speak most for one customer."""
    return _page(visit, visit.asked("left"), visit.asked("right"), notice_of(visit))


@router.post("/compare/decide")
def decide(visit: SignedIn) -> Response:
    """Match, no match or unsure; then the customer, with word of what was done and a way back."""
    sides = [visit.sent(name) for name in ("left_id", "right_id")]
    if not all(side.isdecimal() for side in sides):
        raise stewardship.Unknown("name two records")
    left, right = map(int, sides)
    try:
        done = stewardship.decide_pair(
            visit.store,
            visit.config,
            visit.reader,
            cast(PairVerdict, visit.sent("verdict")),
            left,
            right,
            reason=visit.sent("reason") or "compared on the pages",
            seen=int(visit.sent("seen")) if visit.sent("seen").isdecimal() else None,
            despite=visit.sent("despite") == "1",
            only=ONLY.get(visit.sent("only")),
        )
    except stewardship.Contradicts as refused:
        return _page(visit, visit.sent("left"), visit.sent("right"), None, refused.status, choosing=True)
    except (stewardship.Overtaken, stewardship.Claimed, stewardship.Refused) as refused:
        notice = {"kind": "wrong", "text": told(visit.speech, str(refused))}
        return _page(visit, visit.sent("left"), visit.sent("right"), notice, refused.status)
    home = visit.store.memberships([left])["golden_id"].to_pylist()
    return go(visit, f"/customers/{home[0]}/data?said={done.decision_id}" if home else "/customers")


def _page(
    visit: Visit,
    left: str,
    right: str,
    notice: dict[str, Any] | None,
    status: int = 200,
    choosing: bool = False,
) -> Response:
    one, other = customer(visit, left), customer(visit, right)
    if one.golden_id == other.golden_id:
        return go(visit, f"/customers/{one.golden_id}/data")
    found = stewardship.customers_beside(visit.store, visit.config, visit.reader, one.golden_id, other.golden_id)
    record_reading(visit, found, "customer.compare", "customer", one.golden_id)
    sides = {"left": one.golden_id, "right": other.golden_id}
    numbers = {f"{side}_id": found.records[at].record_id for at, side in enumerate(sides)}
    return page(
        visit,
        "tasks/compare.html",
        title=visit.speech("Are these one customer?"),
        here="customers",
        status=status,
        notice=notice,
        names=(one.name, other.name),
        choosing=choosing,
        reason=visit.sent("reason"),
        act_at="/compare/decide",
        sent={**sides, **numbers},
        back=f"/compare?{urlencode(sides)}",
        deciding=visit.may("tasks.work"),
        **beside(visit, found, one.entity_type, [found.records[0].record_id, found.records[1].record_id]),
    )
