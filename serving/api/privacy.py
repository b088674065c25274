"""Consent, subject access and erasure over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, Field

from serving.api import shapes
from serving.api.calling import Call, Needs
from serving.api.customers import gone, unknown
from serving.api.problems import Problem, refusals
from serving.api.repeating import Repeatable
from serving.privacy.consent import ANY, consent_of, record_consent
from serving.privacy.proof import erasure_of, erasures, look_again, prove_soon
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


class ConsentBody(shapes.Asked):
    """That a person agreed, or took it back."""

    purpose: str = Field(min_length=1, max_length=63, pattern=r"^[a-z0-9][a-z0-9_-]*$", examples=["marketing"])
    channel: str = Field(ANY, min_length=1, max_length=63, pattern=r"^(\*|[a-z0-9][a-z0-9_-]*)$", examples=["email"])
    given: bool = Field(examples=[True])
    evidence: str | None = Field(None, max_length=1000, examples=["form 117, scanned"])


class ErasureBody(shapes.Asked):
    """Why; kept in the audit log, so name nobody in it."""

    reason: str = Field(min_length=1, max_length=500, examples=["request 2026-117"])


class ErasureAnswer(BaseModel):
    """The person answers 410 from now on, and is in no list, feed or export. `Location` leads to the proof."""

    erasure: str
    golden_id: str
    records: int
    removed: bool = Field(description="Everything is gone; `false`: a run is under way, at whose end it goes")


class ProofBody(BaseModel):
    """What a scan of the store, its file and the workspace found."""

    at: shapes.Time
    by: str
    looked_for: int = Field(description="Texts that only this person had, and numbers of their records")
    seconds: float
    left: list[dict[str, Any]] = Field(description="Where something was left; empty: nowhere", examples=[[]])


class ErasureState(BaseModel):
    """An erasure as it stands."""

    erasure: str = Field(examples=["5c0ffee5c0ff"])
    at: shapes.Time
    by: str
    golden_ids: list[str]
    records: int
    removed: bool = Field(description="Nothing of the records is in the store any more")
    proof: ProofBody | None = Field(description="The newest scan; null: not yet")


class LookBody(shapes.Asked):
    """Texts that the person had, as the one who asks knows them. They are looked for and kept nowhere."""

    texts: list[Annotated[str, Field(min_length=2, max_length=200)]] = Field(
        default_factory=list, max_length=50, examples=[["13800138000"]]
    )


def _person(call: Call, name: str) -> str:
    """The golden id of a person. Raises Problem for one who was erased and for nobody, ConfigError for no person."""
    if call.store.is_erased(name):
        raise gone()
    if ":" not in name and call.store.resolve_id(name) is None:
        raise unknown(name)
    return person_of(call.store, call.config, name)


ErasureId = Annotated[str, Path(max_length=64, pattern=r"^[0-9a-f]+$", examples=["5c0ffee5c0ff"])]


@router.get(
    "/customers/{golden_id}/consent",
    response_model=Consent,
    responses=refusals("not_found", "gone"),
    summary="What a person has agreed to",
)
def consent(golden_id: shapes.GoldenId, call: Manages) -> Response:
    """What a person has agreed to, per purpose and channel, with the history."""
    asker = call.asker()
    with call.snapshot():
        person = _person(call, golden_id)
        found = consent_of(call.store, person)
    asker.saw(person, ["consent"])
    return call.answer(found, asker=asker)


@router.post(
    "/customers/{golden_id}/consent",
    response_model=Consent,
    status_code=201,
    responses=refusals("not_found", "gone"),
    summary="Note that a person agreed, or took it back",
)
def note_consent(golden_id: shapes.GoldenId, body: ConsentBody, call: Manages) -> Response:
    """Adds an entry to the log of consent, and an event `consent` to the feed."""
    person = _person(call, golden_id)
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
    responses=refusals("not_found", "gone"),
    summary="Everything the hub holds of a person",
)
def subject(golden_id: shapes.GoldenId, call: Manages) -> Response:
    """One document for the person who asked: nothing is masked, since it is their own. It is on record who made it."""
    return call.answer(subject_access(call.store, call.config, _person(call, golden_id), by=call.who.name))


@router.delete(
    "/customers/{golden_id}",
    response_model=ErasureAnswer,
    status_code=202,
    responses=refusals("not_found", "gone"),
    summary="Forget a person",
)
def erase(golden_id: shapes.GoldenId, body: ErasureBody, call: Manages) -> Response:
    """Removes everything that the hub holds of them, at once or at the end of the run that is under way.

    Their records are kept out from now on, and the id answers 410. A scan follows: `Location` says what it found.
    """
    done = request_erasure(call.store, call.config, _person(call, golden_id), by=call.who.name, reason=body.reason)
    prove_soon(call.store, call.config, done, by=call.who.name)
    told = {
        "erasure": done.erasure,
        "golden_id": done.golden_id,
        "records": len(done.records),
        "removed": done.removed,
    }
    return call.answer(told, status=202, headers={"Location": f"/v1/erasures/{done.erasure}"})


@router.get("/erasures", response_model=shapes.Page[ErasureState], responses=refusals(), summary="Persons forgotten")
def list_erasures(call: Manages) -> Response:
    """The newest two hundred erasures, the newest first, by number alone: of whom they were nobody can tell."""
    with call.snapshot():
        return call.answer({"items": [asdict(one) for one in erasures(call.store)], "next": None})


@router.get(
    "/erasures/{erasure}",
    response_model=ErasureState,
    responses=refusals("not_found"),
    summary="Whether everything of a person is gone, and the proof",
)
def erasure(erasure: ErasureId, call: Manages) -> Response:
    """`removed` once nothing of the records is left; `proof` once a scan of everything has ended."""
    with call.snapshot():
        found = erasure_of(call.store, erasure)
    if found is None:
        raise Problem("not_found", f"there is no erasure {erasure}")
    return call.answer(asdict(found))


@router.post(
    "/erasures/{erasure}/proof",
    response_model=ErasureState,
    status_code=202,
    responses=refusals("not_found"),
    summary="Look once more for what an erasure left",
)
def look_once_more(erasure: ErasureId, body: LookBody, call: Manages) -> Response:
    """Looks for the numbers of the records, and for texts that you know; `proof` has what was found when it ends."""
    if look_again(call.store, call.config, erasure, body.texts, by=call.who.name) is None:
        raise Problem("not_found", f"there is no erasure {erasure}")
    found = erasure_of(call.store, erasure)
    assert found is not None
    return call.answer(asdict(found), status=202, headers={"Location": f"/v1/erasures/{erasure}"})
