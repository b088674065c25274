"""Undo, approve and reject: what is done to a decision, wherever it is shown."""

from __future__ import annotations

import re

from fastapi import APIRouter
from fastapi.responses import Response

from serving import stewardship
from serving.web.rendering import go
from serving.web.visits import SignedIn

router = APIRouter()
_NOTICE = re.compile(r"[?&](said|done)=[^&]*")


@router.post("/decisions/{number}/{action}")
def act(visit: SignedIn, number: int, action: str) -> Response:
    """Take a decision back, or settle one that asks for a second person."""
    given = (visit.store, visit.config, visit.reader, number)
    reason = visit.sent("reason")
    match action:
        case "undo":
            done = stewardship.undo(*given, reason=reason or "undone on the pages")
        case "approve":
            done = stewardship.approve(*given, reason=reason)
        case "reject":
            done = stewardship.reject(*given, reason=reason)
        case _:
            raise stewardship.Unknown(f"nothing is called '{action}' that is done to a decision")
    onward = _NOTICE.sub("", visit.sent("next", "/inbox")).rstrip("?&")
    return go(visit, f"{onward}{'&' if '?' in onward else '?'}said={done.decision_id}")
