"""Consent, subject access and erasure over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from serving.api import shapes
from serving.api.calling import Call, Needs
from serving.api.problems import refusals
from serving.api.repeating import Repeatable
from serving.privacy.consent import ANY, consent_of, record_consent
from serving.privacy.subject import person_of, request_erasure, subject_access

router = APIRouter(prefix="/v1", tags=["privacy"], route_class=Repeatable)

Manages = Annotated[Call, Depends(Needs("privacy.manage"))]


class ConsentNow(BaseModel):
    """What holds for a purpose and a channel."""

    purpose: str
    channel: str
    given: bool
    since: shapes.Time


class ConsentEntry(BaseModel):
    """An entry of the log."""

    purpose: str
    channel: str
    given: bool
    at: shapes.Time
    by: str
    evidence: str | None


class Consent(BaseModel):
    """A person's consent: what the sources deliver, what holds, and every entry."""

    golden_id: str
    delivered: Any
    now: list[ConsentNow]
    history: list[ConsentEntry]


class ConsentBody(BaseModel):
    """That a person agreed, or took it back."""

    purpose: str = Field(min_length=1, max_length=63, pattern=r"^[a-z0-9][a-z0-9_-]*$", examples=["marketing"])
    channel: str = Field(ANY, min_length=1, max_length=63, pattern=r"^(\*|[a-z0-9][a-z0-9_-]*)$", examples=["email"])
    given: bool
    evidence: str | None = Field(None, max_length=1000, examples=["form 117, scanned"])


class ErasureBody(BaseModel):
    """Why; kept in the audit log, so name nobody in it."""

    reason: str = Field(min_length=1, max_length=500)


class ErasureAnswer(BaseModel):
    """The person answers 410 from now on, and is in no list, feed or export."""

    erasure: str
    golden_id: str
    records: int
    removed: bool = Field(description="Everything is gone; `false`: a run is under way, at whose end it goes")


@router.get(
    "/customers/{golden_id}/consent",
    response_model=Consent,
    responses=refusals(),
    summary="What a person has agreed to",
)
def consent(golden_id: shapes.GoldenId, call: Manages) -> Response:
    """What a person has agreed to, per purpose and channel, with the history."""
    asker = call.asker()
    with call.snapshot():
        found = consent_of(call.store, person_of(call.store, call.config, golden_id))
    asker.saw(golden_id, ["consent"])
    return call.answer(found, asker=asker)


@router.post(
    "/customers/{golden_id}/consent",
    response_model=Consent,
    status_code=201,
    responses=refusals(),
    summary="Note that a person agreed, or took it back",
)
def note_consent(golden_id: shapes.GoldenId, body: ConsentBody, call: Manages) -> Response:
    """Adds an entry to the log of consent, and an event `consent` to the feed."""
    person = person_of(call.store, call.config, golden_id)
    record_consent(
        call.store,
        person,
        body.purpose,
        given=body.given,
        by=call.who.name,
        channel=body.channel,
        evidence=body.evidence,
    )
    return call.answer(consent_of(call.store, person), status=201)


@router.get(
    "/customers/{golden_id}/subject",
    response_model=dict[str, Any],
    responses=refusals(),
    summary="Everything the hub holds of a person",
)
def subject(golden_id: shapes.GoldenId, call: Manages) -> Response:
    """One document for the person who asked: nothing is masked, since it is their own. It is on record who made it."""
    return call.answer(subject_access(call.store, call.config, golden_id, by=call.who.name))


@router.delete(
    "/customers/{golden_id}",
    response_model=ErasureAnswer,
    status_code=202,
    responses=refusals(),
    summary="Forget a person",
)
def erase(golden_id: shapes.GoldenId, body: ErasureBody, call: Manages) -> Response:
    """Removes everything that the hub holds of them, at once or at the end of the run that is under way.

    Their records are kept out from now on, and the id answers 410.
    """
    done = request_erasure(call.store, call.config, golden_id, by=call.who.name, reason=body.reason)
    told = {
        "erasure": done.erasure,
        "golden_id": done.golden_id,
        "records": len(done.records),
        "removed": done.removed,
    }
    return call.answer(told, status=202)
