"""Privacy of persons: consent, everything the hub holds of them, forgetting them, and the proof of that."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter
from fastapi.exceptions import HTTPException
from fastapi.responses import Response

from models.errors import ConfigError
from serving.privacy.consent import ANY, consent_of, record_consent
from serving.privacy.proof import erasure_of, erasures, look_again, prove_soon
from serving.privacy.subject import request_erasure, subject_access
from serving.web.customers import Customer, customer, survivor
from serving.web.languages import N_
from serving.web.notices import notice_of
from serving.web.registry import Entry, Tab
from serving.web.rendering import go, page
from serving.web.told import told
from serving.web.visits import SignedIn, Visit

RIGHT = "privacy.manage"
NAVIGATION = (Entry("erasures", N_("Erasures"), "/erasures", 75, "shield-check", RIGHT),)
TABS = (Tab("privacy", N_("Privacy"), 90, RIGHT, ("person",)),)
router = APIRouter()
_TEXTS = 50


@router.get("/customers/{golden_id}/privacy")
def privacy(visit: SignedIn, golden_id: str) -> Response:
    """What a person agreed to, and what they may ask for."""
    found = _person(visit, golden_id)
    return survivor(visit, found, "privacy") or _page(visit, found, notice_of(visit))


@router.post("/customers/{golden_id}/privacy/consent")
def consent(visit: SignedIn, golden_id: str) -> Response:
    """Note that a person agreed, or took it back."""
    found = _person(visit, golden_id)
    try:
        record_consent(
            visit.store,
            found.golden_id,
            visit.sent("purpose"),
            given=visit.sent("given") == "1",
            by=visit.who,
            channel=visit.sent("channel") or ANY,
            evidence=visit.sent("evidence")[:1000] or None,
        )
    except ConfigError as refused:
        return _page(visit, found, {"kind": "wrong", "text": told(visit.speech, str(refused))}, 422)
    return go(visit, f"/customers/{found.golden_id}/privacy")


@router.post("/customers/{golden_id}/privacy/subject")
def subject(visit: SignedIn, golden_id: str) -> Response:
    """Everything the hub holds of a person, as a file for them. It is on record who made it."""
    found = _person(visit, golden_id)
    document = subject_access(visit.store, visit.config, found.golden_id, by=visit.who)
    content = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS, default=str)
    named = {"Content-Disposition": f'attachment; filename="subject-{found.golden_id}.json"'}
    return Response(content, headers=named, media_type="application/json")


@router.post("/customers/{golden_id}/privacy/erase")
def erase(visit: SignedIn, golden_id: str) -> Response:
    """Forget a person, and look for what was left."""
    found = _person(visit, golden_id)
    reason = visit.sent("reason")
    if not reason or visit.sent("certain") != "1":
        text = visit.speech("Say why, and that you are certain: it cannot be undone.")
        return _page(visit, found, {"kind": "wrong", "text": text}, 422)
    done = request_erasure(visit.store, visit.config, found.golden_id, by=visit.who, reason=reason[:500])
    prove_soon(visit.store, visit.config, done, by=visit.who)
    return go(visit, f"/erasures/{done.erasure}")


@router.get("/erasures")
def every(visit: SignedIn) -> Response:
    """Erasures, by number alone."""
    visit.require(RIGHT)
    return page(
        visit,
        "privacy/erasures.html",
        title=visit.speech("Erasures"),
        here="erasures",
        erasures=erasures(visit.store),
    )


@router.get("/erasures/{erasure}")
def one(visit: SignedIn, erasure: str) -> Response:
    """One erasure and its proof."""
    visit.require(RIGHT)
    found = erasure_of(visit.store, erasure)
    if found is None:
        raise HTTPException(404, visit.speech("There is no erasure %(number)s.", number=erasure))
    title = visit.speech("Erasure %(number)s", number=erasure)
    return page(visit, "privacy/erasure.html", title=title, here="erasures", erased=found)


@router.post("/erasures/{erasure}/proof")
def again(visit: SignedIn, erasure: str) -> Response:
    """Look once more, also for texts that whoever asks knows: one a line."""
    visit.require(RIGHT)
    texts = [line.strip() for line in visit.sent("texts").splitlines() if len(line.strip()) > 1][:_TEXTS]
    looking = look_again(visit.store, visit.config, erasure, texts, by=visit.who)
    if looking is None:
        raise HTTPException(404, visit.speech("There is no erasure %(number)s.", number=erasure))
    looking.join(timeout=20)  # as a rule it has ended by then
    return go(visit, f"/erasures/{erasure}")


def _person(visit: Visit, golden_id: str) -> Customer:
    visit.require(RIGHT)
    found = customer(visit, golden_id)
    if found.entity_type != "person":
        raise HTTPException(404, visit.speech("Only persons have a page of their privacy."))
    return found


def _page(visit: Visit, found: Customer, notice: dict[str, Any] | None, status: int = 200) -> Response:
    visit.reads.read(visit.reader, "customer.view", object_id=found.golden_id, attributes=["consent"])
    return page(
        visit,
        "privacy/person.html",
        title=found.name,
        here="customers",
        tab="privacy",
        status=status,
        notice=notice,
        customer=found,
        consent=consent_of(visit.store, found.golden_id),
        any_channel=ANY,
    )
