"""Search over customers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from serving.api import shapes
from serving.api.calling import Call, Needs
from serving.api.problems import Problem, refusals
from serving.customers.search import Search, page_end, search, summary

router = APIRouter(prefix="/v1", tags=["customers"])

_Short = Annotated[str | None, Query(max_length=200)]


@router.get(
    "/customers",
    response_model=shapes.Page[shapes.CustomerSummary],
    responses=refusals(),
    summary="Search customers",
)
def find_customers(
    call: Annotated[Call, Depends(Needs("customers.read"))],
    q: Annotated[
        str, Query(max_length=200, description="A name or part of one, an id, SOURCE:KEY, a phone, e-mail or tax id")
    ] = "",
    entity_type: Annotated[str | None, Query(pattern="^(organization|person)$")] = None,
    status: Annotated[str, Query(pattern="^(active|retired|any)$")] = "active",
    where: Annotated[
        list[Annotated[str, Query(max_length=300)]],
        Query(max_length=10, description="ATTRIBUTE:VALUE; several must all hold", examples=["city:广州市"]),
    ] = [],  # noqa: B006 - FastAPI reads the default and never changes it
    stage: _Short = None,
    segment: _Short = None,
    owner: _Short = None,
    kind: Annotated[str | None, Query(pattern="^(new|existing)$")] = None,
    cursor: shapes.Cursor = None,
    limit: shapes.Limit = 50,
) -> Response:
    """Golden records in the order of their ids, page by page. Attributes that you do not see find nothing."""
    asker = call.asker()
    conditions = {}
    for text in where:
        name, colon, value = text.partition(":")
        if not colon or not name:
            raise Problem("invalid_request", f"'{text}' is not ATTRIBUTE:VALUE")
        conditions[name] = value
    state = {"stage": stage, "segment": segment, "owner": owner, "kind": kind}
    after = decode_after(cursor)
    wanted = Search(
        q.replace("\x00", ""),
        entity_type,
        status,
        conditions,
        {name: value for name, value in state.items() if value is not None},
        after,
        limit,
    )
    with call.snapshot():
        found = search(asker, wanted)
        items = [summary(asker, golden) for golden in found]
    end = page_end(found, limit)
    return call.answer({"items": items, "next": end and shapes.encode_cursor(after=end)}, asker=asker)


def decode_after(cursor: str | None) -> str:
    """The golden id in a cursor."""
    return str(shapes.decode_cursor(cursor, "after").get("after", ""))
