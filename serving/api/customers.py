"""Reading customers: by id, former id and source key, several at once, with history, provenance and relations."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from models.store import Store
from models.store.looks import Ask
from serving.api import shapes
from serving.api.calling import Ahead, Call, Needs
from serving.api.problems import Problem, refusals
from serving.customers import Asker, Golden, find, many, version_at
from serving.customers.golden import Standing, members, standing, standing_ask, standing_of, survivor_of
from serving.customers.history import history as history_of
from serving.customers.keys import Key
from serving.customers.keys import crosswalk as crosswalk_of
from serving.customers.provenance import provenance as provenance_of
from serving.customers.relations import relations as relations_of
from serving.customers.relations import roll_up as roll_up_of
from serving.customers.search import summary

router = APIRouter(prefix="/v1", tags=["customers"])

Reader = Annotated[Call, Depends(Needs("customers.read"))]
Moment = Annotated[dt.datetime | None, Query()]

_MOVED: dict[int | str, dict[str, Any]] = {
    308: {"model": shapes.Redirected, "description": "The id has become another's; Location leads to the survivor"}
}
_UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "Unchanged since the ETag in If-None-Match"}}


def _asks(request: Request, store: Store) -> Ask | None:
    """For the golden record that is asked for, where it is plainly one and asked for as it stands."""
    golden_id = request.path_params["golden_id"]
    plain = golden_id.isascii() and golden_id.isprintable() and not request.query_params
    return standing_ask(store, golden_id) if plain else None


def _told_of(request: Request, row: tuple[Any, ...] | None) -> Standing | None:
    return standing_of(request.path_params["golden_id"], row)


@router.get(
    "/customers/{golden_id}",
    response_model=shapes.Customer,
    responses={**refusals("not_found", "gone"), **_MOVED, **_UNCHANGED},
    summary="A customer",
)
async def customer(
    golden_id: shapes.GoldenId,
    call: Annotated[Call, Depends(Needs("customers.read", Ahead(_asks, _told_of)))],
    known_at: Moment = None,
    valid_at: Moment = None,
) -> Response:
    """The golden record of an id. A former id answers 308 with the survivor.

    `known_at`: what the hub believed at that moment. `valid_at`: what was true then, by the sources' own time. Both may
    be given. With either, a former id answers with its own past instead of leading on.
    """
    if known_at is not None or valid_at is not None:
        return await run_in_threadpool(_then, call, golden_id, _utc(known_at), _utc(valid_at))
    found: Standing | None = call.ahead
    if found is not None and not found.erased:
        asker = call.asker()
        return call.answer(_told(asker, found), asker=asker, etag=True)
    return await run_in_threadpool(_now, call, golden_id)


def _now(call: Call, golden_id: str) -> Response:
    asker = call.asker()
    with call.snapshot():
        moved_to = found_or_moved(call, golden_id)
        if isinstance(moved_to, Response):
            return moved_to
        return call.answer(body_of(asker, moved_to), asker=asker, etag=True)


def _then(call: Call, golden_id: str, known_at: dt.datetime | None, valid_at: dt.datetime | None) -> Response:
    asker = call.asker()
    with call.snapshot():
        golden = version_at(call.store, golden_id, known_at=known_at, valid_at=valid_at)
        if call.store.is_erased(golden_id):
            raise gone()
        if golden is None:
            raise Problem("not_found", f"nothing was known of {golden_id} then")
        return call.answer(_past(asker, golden), asker=asker, etag=True)


@router.get(
    "/customers/{golden_id}/history",
    response_model=shapes.History,
    responses=refusals("not_found", "gone"),
    summary="How a customer came to be what it is",
)
def history(golden_id: shapes.GoldenId, call: Reader) -> Response:
    """All versions, the newest first, with what changed in each; records that left; merges and splits."""
    asker = call.asker()
    with call.snapshot():
        if call.store.is_erased(golden_id):
            raise gone()
        found = history_of(asker, golden_id)
    if found is None:
        raise unknown(golden_id)
    return call.answer(found, asker=asker, etag=True)


@router.get(
    "/customers/{golden_id}/provenance",
    response_model=shapes.Provenance,
    responses={**refusals("not_found"), **_MOVED, **_UNCHANGED},
    summary="Where each value comes from",
)
def provenance(golden_id: shapes.GoldenId, call: Reader) -> Response:
    """Per attribute the value, the rule that chose it, the record that won, and those that lost."""
    asker = call.asker()
    with call.snapshot():
        found = found_or_moved(call, golden_id, "/provenance")
        if isinstance(found, Response):
            return found
        return call.answer(provenance_of(asker, found), asker=asker, etag=True)


@router.get(
    "/customers/{golden_id}/sources",
    response_model=shapes.Page[shapes.SourceRecordBody],
    responses={**refusals("not_found"), **_MOVED, **_UNCHANGED},
    summary="The source records of a customer",
)
def sources(golden_id: shapes.GoldenId, call: Reader) -> Response:
    """The source records that the customer is made of, as delivered."""
    asker = call.asker()
    with call.snapshot():
        found = found_or_moved(call, golden_id, "/sources")
        if isinstance(found, Response):
            return found
        items = []
        for row in members(call.store, golden_id):
            entity, payload = row.pop("entity_type"), row.pop("payload")
            row.pop("record_id")
            shown, masked = asker.row(golden_id, entity, row["source"], row["stream"], payload)
            items.append({**row, "payload": shown, "masked": masked})
        return call.answer({"items": items, "next": None}, asker=asker, etag=True)


@router.get(
    "/customers/{golden_id}/relations",
    response_model=shapes.Relations,
    responses={**refusals("not_found"), **_MOVED, **_UNCHANGED},
    summary="Whom a customer belongs to, and who belongs to it",
)
def relations(golden_id: shapes.GoldenId, call: Reader) -> Response:
    """Parents, subsidiaries, employers, contacts, and relations that sources deliver as records."""
    asker = call.asker()
    with call.snapshot():
        found = found_or_moved(call, golden_id, "/relations")
        if isinstance(found, Response):
            return found
        return call.answer(relations_of(asker, golden_id), asker=asker, etag=True)


@router.get(
    "/customers/{golden_id}/rollup",
    response_model=shapes.RollUp,
    responses={**refusals("not_found"), **_MOVED, **_UNCHANGED},
    summary="What a customer amounts to with its subsidiaries",
)
def roll_up(golden_id: shapes.GoldenId, call: Reader) -> Response:
    """Revenue, pipeline and open findings: of the customer itself, and with everything below."""
    asker = call.asker()
    with call.snapshot():
        found = found_or_moved(call, golden_id, "/rollup")
        if isinstance(found, Response):
            return found
        return call.answer(roll_up_of(asker, golden_id), asker=asker, etag=True)


@router.get(
    "/crosswalk/{source}/{source_key:path}",
    response_model=shapes.Crosswalk,
    responses=refusals("not_found"),
    summary="The customer of a source's key",
)
def crosswalk(
    source: Annotated[str, Path(max_length=200, examples=["sales_crm"])],
    source_key: Annotated[str, Path(max_length=500, examples=["ACC-719613"])],
    call: Reader,
    stream: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """The golden record that a source's record is in. Without `stream`, all streams of the source are looked at."""
    asked = Key(source, source_key, stream)
    with call.snapshot():
        records = crosswalk_of(call.store, call.config, [asked])[asked]
    if not records:
        raise Problem("not_found", f"source '{source}' never delivered the key '{source_key}'")
    homes = {r["golden_id"] for r in records if r["golden_id"] is not None}
    return call.answer({"golden_id": homes.pop() if len(homes) == 1 else None, "records": records})


@router.post(
    "/customers/batch", response_model=shapes.Batch, responses=refusals("too_large"), summary="Many customers at once"
)
def batch(body: shapes.BatchBody, call: Reader) -> Response:
    """Golden records by ids and keys, each once, with what they were asked by. Former ids are followed."""
    if len(body.ids) + len(body.keys) > 500:
        raise Problem("invalid_request", "at most 500 ids and keys together")
    asker = call.asker()
    asked: dict[str, list[str]] = {}
    missing = []
    with call.snapshot():
        keys = {Key(k.source, k.source_key, k.stream) for k in body.keys}
        for key, records in sorted(crosswalk_of(call.store, call.config, sorted(keys, key=str)).items(), key=str):
            homes = sorted({r["golden_id"] for r in records if r["golden_id"] is not None})
            for home in homes:
                asked.setdefault(home, []).append(_said(key))
            if not homes:
                missing.append(_said(key))
        for golden_id in dict.fromkeys(body.ids):
            asked.setdefault(survivor_of(call.store, golden_id) or golden_id, []).append(golden_id)
        found = many(call.store, list(asked))
        items = [{**summary(asker, golden), "asked_as": asked[i]} for i, golden in sorted(found.items())]
    missing += [name for i, names in asked.items() if i not in found for name in names]
    return call.answer({"items": items, "missing": missing}, asker=asker)


def body_of(asker: Asker, golden: Golden) -> dict[str, Any]:
    """A golden record as the interface gives it."""
    found = standing(asker.store, golden.golden_id)
    return _past(asker, golden) if found is None else _told(asker, found)


def _told(asker: Asker, found: Standing) -> dict[str, Any]:
    names = [{"source": s, "stream": t, "source_key": k} for s, t, k in found.sources]
    return {**_past(asker, found.golden), "former_ids": found.former_ids, "sources": names}


def _past(asker: Asker, golden: Golden) -> dict[str, Any]:
    more = {"valid_from": golden.valid_from, "run_id": golden.run_id, "recorded_to": golden.recorded_to}
    return {**summary(asker, golden), **more, "former_ids": [], "sources": []}


def found_or_moved(call: Call, golden_id: str, below: str = "") -> Golden | Response:
    """The golden record, or the answer that leads to the survivor. Raises Problem for an id that never was."""
    golden, survivor = find(call.store, golden_id)
    if (golden is None or golden.entity_type == "person") and call.store.is_erased(golden_id):
        raise gone()
    if survivor is not None:
        return moved(call.request, golden_id, survivor, below)
    if golden is None:
        raise unknown(golden_id)
    return golden


def moved(request: Request, alias: str, survivor: str, below: str = "") -> Response:
    """308 to the survivor. It is not to be kept: when a merge is undone the id is its own again."""
    from fastapi.responses import JSONResponse

    location = f"/v1/customers/{survivor}{below}"
    body = {
        "alias": alias,
        "golden_id": survivor,
        "location": location,
        "detail": "this customer was merged into another, whose id goes on",
    }
    return JSONResponse(body, 308, {"Location": location, "Cache-Control": "no-store"})


def gone() -> Problem:
    """The answer to an id of somebody who was erased."""
    return Problem("gone", "this person was erased; remove what you hold under the id")


def unknown(golden_id: str) -> Problem:
    """The answer to an id that never was."""
    return Problem("not_found", f"there is no customer with the id {golden_id}")


def _said(key: Key) -> str:
    return f"{key.source}{'.' + key.stream if key.stream else ''}:{key.source_key}"


def _utc(moment: dt.datetime | None) -> dt.datetime | None:
    """A moment without a zone is meant in UTC."""
    return moment.replace(tzinfo=dt.UTC) if moment is not None and moment.tzinfo is None else moment
