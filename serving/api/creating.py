"""Search before create over HTTP: which customers a description may be, and creating one that is not there."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable
from typing import Annotated, Any

import orjson
import sqlalchemy as sa
from fastapi import APIRouter, Depends, Header, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from matching.realtime import GoldenMatch, Matcher
from models.config import Config
from models.errors import KehuError
from models.store import Store
from models.store.serving_tables import idempotency
from serving.api import shapes
from serving.api.calling import Call, Needs, dumps
from serving.api.problems import Problem, refusals
from serving.api.stewarding import check_if_match
from serving.creating import Doubtful, Wanted, create
from serving.customers import Asker
from serving.customers.keys import Key

router = APIRouter(prefix="/v1", tags=["search before create"])

KEPT = dt.timedelta(hours=24)
"""How long the answer to a request with an Idempotency-Key is kept."""

_EXAMPLE = {"name": "广东通通运输有限公司", "tax_id": "91440103MAN4N4Y056", "phone": ["020-8765 4321"], "city": "广州"}
EntityType = Annotated[str, Field(pattern="^(organization|person)$", examples=["organization"])]
Values = Annotated[
    dict[str, str | int | float | bool | list[str] | None],
    Field(max_length=200, examples=[_EXAMPLE], description="Attribute → value, or values where it may have several"),
]


class MatchBody(shapes.Asked):
    """A description of a customer, as good as it is known."""

    entity_type: EntityType
    values: Values
    limit: int = Field(10, ge=1, le=50)
    at_least: float | None = Field(None, ge=-1000, le=1000, description="Bits of match weight below which none is told")


class Reason(BaseModel):
    """What one comparison adds to the match weight, in bits; values only of attributes that you see."""

    comparison: str
    level: str
    weight: float
    rarity: float
    given: dict[str, Any]
    held: dict[str, Any]


class Candidate(BaseModel):
    """A golden record that it may be. `outcome` is what a run would do: match, review, refused or unlikely."""

    golden_id: str
    outcome: str = Field(examples=["match"])
    weight: float = Field(examples=[23.4])
    probability: float = Field(examples=[0.9999])
    why: str | None
    records: int
    values: dict[str, Any]
    masked: list[str]
    reasons: list[Reason]


class MatchResult(BaseModel):
    """Golden records, the best first; `problems` names attributes whose value cannot be used."""

    entity_type: str
    run_id: str
    model_id: str
    matches: list[Candidate]
    problems: dict[str, str]
    notes: list[str]


class CreateBody(shapes.Asked):
    """A customer that you have."""

    entity_type: EntityType
    values: Values
    source_key: str | None = Field(
        None, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$", description="Your own key; made up without one"
    )
    known_as: shapes.KeyBody | None = Field(None, description="A key of another source that this customer has")
    on_doubt: str = Field(
        "refuse", pattern="^(refuse|create)$", description="`create`: a new one even where one may be there already"
    )


class Creation(BaseModel):
    """What came of it."""

    outcome: str = Field(examples=["created"], description="created, attached, or updated")
    golden_id: str
    source: str = Field(examples=["api-erp"])
    stream: str
    source_key: str
    problems: dict[str, str] = Field(description="Attributes whose value cannot be used, and why")


def _within(call: Call, body: bytes) -> Response | None:
    """The answer to a body that holds; None where FastAPI is to say what is wrong with it, or how it is meant."""
    if call.request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        return None
    try:
        asked = MatchBody.model_validate(json.loads(body))
    except ValueError:
        return None
    return _matched(call, asked)


@router.post("/match", response_model=MatchResult, responses=refusals("not_ready"), summary="Who may this be?")
async def match(body: MatchBody, call: Annotated[Call, Depends(Needs("match", within=_within))]) -> Response:
    """The golden records that a description may be, ranked, each with its match weight and the reasons for it.

    It is what a run would find that brought the record.
    """
    found: Response | None = call.ahead
    return found if found is not None else await run_in_threadpool(_matched, call, body)


def _matched(call: Call, body: MatchBody) -> Response:
    asker = call.asker()
    found = matcher_of(call).match(body.entity_type, body.values, limit=body.limit, at_least=body.at_least)
    answer = {
        "entity_type": found.entity_type,
        "run_id": found.run_id,
        "model_id": found.model_id,
        "matches": [candidate(asker, found.entity_type, m) for m in found.matches],
        "problems": found.problems,
        "notes": found.notes,
    }
    return call.answer(answer, asker=asker)


@router.post(
    "/customers",
    response_model=Creation,
    status_code=201,
    responses={
        **refusals("not_ready", "doubtful", "idempotency_conflict", "precondition_failed", "gone"),
        200: {"model": Creation, "description": "Attached to a customer that is there, or updated"},
    },
    summary="Create a customer, or attach to one that is there",
)
def create_customer(
    body: CreateBody,
    call: Annotated[Call, Depends(Needs("customers.create"))],
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
    if_match: Annotated[str | None, Header(max_length=500)] = None,
) -> Response:
    """Searches before it creates. Your own key, or `known_as`, decides; else the hub is searched: one certain match is
    attached to, none makes a new customer, anything between is 409 `doubtful` with the candidates.

    With `Idempotency-Key` a request that is sent again gets the same answer and does nothing a second time.
    """
    asker = call.asker()
    known_as = Key(body.known_as.source, body.known_as.source_key, body.known_as.stream) if body.known_as else None
    wanted = Wanted(body.entity_type, body.values, body.source_key, known_as, body.on_doubt == "create")
    matcher = matcher_of(call)

    def make() -> tuple[int, dict[str, Any]]:
        if if_match is not None and body.source_key is not None:
            _check_own(call, wanted, if_match)
        made = create(call.store, call.config, matcher, call.who, wanted)
        call.store.add_audit(
            call.who.name,
            f"customer.{made.outcome}",
            object_type="customer",
            object_id=made.golden_id,
            detail={"source": made.source, "source_key": made.source_key, "attributes": sorted(body.values)},
        )
        told = {n: getattr(made, n) for n in ("outcome", "golden_id", "source", "stream", "source_key", "problems")}
        return (201 if made.outcome == "created" else 200), told

    try:
        status, answer, again = once(call, idempotency_key, body, make)
    except Doubtful as doubt:
        candidates = [candidate(asker, body.entity_type, m) for m in doubt.matches]
        asker.account_for("POST /v1/customers")
        raise Problem("doubtful", str(doubt), candidates=candidates) from None
    headers = {"Location": f"/v1/customers/{answer['golden_id']}"}
    return call.answer(answer, status=status, headers=headers | ({"Idempotent-Replayed": "true"} if again else {}))


def once(
    call: Call, key: str | None, body: BaseModel, do: Callable[[], tuple[int, dict[str, Any]]]
) -> tuple[int, dict[str, Any], bool]:
    """Do something in one transaction; with a key only once: a second request gets the first one's answer.

    Raises Problem where the key was used with another request.
    """
    store = call.store
    request = hashlib.sha256(f"{call.request.url.path}\n".encode() + dumps(body.model_dump())).hexdigest()
    c = idempotency.c
    with store.transaction() as connection:
        if key is None:
            return (*do(), False)
        mine = sa.and_(c.who == (call.who.consumer or call.who.name), c.key == key)
        if store.dialect == "postgresql":  # two at once wait for each other; on SQLite all writers do
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(:k))"), {"k": f"{call.who.name}/{key}"})
        held = connection.execute(sa.select(idempotency).where(mine)).mappings().first()
        now = dt.datetime.now(dt.UTC)
        if held is not None and held["at"] > now - KEPT:
            if held["request"] != request:
                raise Problem("idempotency_conflict", "the Idempotency-Key was used before with another request")
            return int(held["status"]), orjson.loads(held["body"]), True
        status, answer = do()
        connection.execute(sa.delete(idempotency).where(sa.or_(mine, c.at < now - KEPT)))
        connection.execute(
            sa.insert(idempotency).values(
                who=call.who.consumer or call.who.name,
                key=key,
                request=request,
                status=status,
                body=orjson.dumps(answer).decode(),
                at=now,
            )
        )
        return status, answer, False


def candidate(asker: Asker, entity_type: str, found: GoldenMatch) -> dict[str, Any]:
    """A golden record that may be meant, masked."""
    values, masked = asker.shown(found.golden_id, entity_type, found.values)
    sees = asker.masking.sees

    def seen(held: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in held.items() if sees(asker.who, entity_type, name)}

    return {
        "golden_id": found.golden_id,
        "outcome": found.outcome,
        "weight": found.weight,
        "probability": found.probability,
        "why": found.why,
        "records": found.members,
        "values": values,
        "masked": masked,
        "reasons": [
            {
                "comparison": r.comparison,
                "level": r.level,
                "weight": r.weight,
                "rarity": r.rarity,
                "given": seen(r.given),
                "held": seen(r.held),
            }
            for r in found.reasons
        ],
    }


def warm_matcher(store: Store, config: Config) -> None:
    """Read and compile the match models, so that the first who asks need not wait for it."""
    matcher = Matcher(store, config)
    for entity, values in (("organization", {"name": "某某物流有限公司"}), ("person", {"full_name": "王芳"})):
        try:
            matcher.match(entity, values)
        except KehuError:
            pass  # no model yet, or no store: whoever asks is told


def matcher_of(call: Call) -> Matcher:
    """The application's matcher, which keeps the compiled model from one request to the next."""
    state = call.request.app.state
    found: Matcher | None = getattr(state, "api_matcher", None)
    if found is None:
        found = state.api_matcher = Matcher(call.store, call.config)
    return found


def _check_own(call: Call, wanted: Wanted, given: str) -> None:
    from models.config.created import PREFIX
    from serving.creating.creating import PEOPLE
    from serving.customers.keys import crosswalk

    key = Key(PREFIX + (call.who.consumer or PEOPLE), str(wanted.source_key), wanted.entity_type)
    rows = crosswalk(call.store, call.config, [key])[key]
    if not rows or rows[0]["golden_id"] is None:
        raise Problem("precondition_failed", "there is no customer under this key yet")
    check_if_match(call, given, rows[0]["golden_id"])
