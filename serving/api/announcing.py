"""Where source systems announce that they hold something new."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel

from connectors.announced import announce
from serving.api.calling import Call, Needs
from serving.api.problems import Problem, refusals

router = APIRouter(prefix="/v1", tags=["operations"])


class Announced(BaseModel):
    """An announcement that was noted."""

    source: str
    mark: str


@router.post(
    "/sources/{source}/changed",
    response_model=Announced,
    status_code=202,
    responses=refusals("not_found"),
    summary="Announce that a source changed",
)
def changed(
    source: Annotated[str, Path(max_length=63, examples=["sales_crm"])],
    call: Annotated[Call, Depends(Needs("runs.start"))],
) -> Response:
    """Notes it; a source with `sensor: {announced: true}` is read soon after. A body is not looked at.

    Many announcements before one reading lead to one reading.
    """
    if source not in {one.name for one in call.service.config.sources}:
        raise Problem("not_found", f"there is no source '{source}'")
    mark = announce(call.service.config.workspace, source)
    call.note("source.announce", object_type="source", object_id=source)
    return call.answer({"source": source, "mark": mark}, status=202)
