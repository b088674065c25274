"""The answers of the read interface as pydantic models, which the OpenAPI document shows; and cursors."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Path, Query
from pydantic import BaseModel, Field

from serving.api.problems import Problem

T = TypeVar("T")

_ID = "01a22348-bb33-77c4-855a-27b458876343"
_NOW = "2026-03-01T06:30:00Z"

GoldenId = Annotated[str, Path(max_length=64, pattern=r"^[^\x00/]+$", description="Golden id", examples=[_ID])]
Cursor = Annotated[str | None, Query(max_length=500, description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=500, description="Most entries of a page")]

Time = dt.datetime


class Page(BaseModel, Generic[T]):
    """A page of a list; `next` is the cursor of the page after it, null at the end."""

    items: list[T]
    next: str | None = Field(examples=["eyJhIjoiMDE5MCJ9"])


class SourceKey(BaseModel):
    """A source record by its names."""

    source: str = Field(examples=["sales_crm"])
    stream: str = Field(examples=["accounts"])
    source_key: str = Field(examples=["ACC-719613"])


class CustomerSummary(BaseModel):
    """A golden record as lists show it."""

    golden_id: str = Field(examples=[_ID])
    entity_type: str = Field(examples=["organization"])
    status: str = Field(examples=["active"], description="`active`, or `retired`: no source has it any more")
    version: int = Field(examples=[3])
    records: int = Field(examples=[4], description="How many source records it is made of")
    recorded_at: Time = Field(examples=[_NOW])
    values: dict[str, Any] = Field(
        examples=[{"name": "广东通通运输有限公司", "city": "广州市", "phone": ["+8613200167579"]}],
        description="Attribute → golden value; a list where an attribute has several",
    )
    masked: list[str] = Field(examples=[["national_id"]], description="Attributes that are there but not for you")


class Customer(CustomerSummary):
    """A golden record."""

    valid_from: Time | None = Field(examples=[_NOW], description="Since when, by the sources' time")
    run_id: str = Field(examples=["20260301T063000000-a1b2c3"])
    recorded_to: Time | None = Field(None, description="Of a former version: when it was superseded")
    former_ids: list[str] = Field(examples=[[]], description="Ids that lead here since they were merged")
    sources: list[SourceKey]


class Redirected(BaseModel):
    """The answer to an id that has become another's: go to `location`, and remember `golden_id` instead."""

    alias: str
    golden_id: str = Field(examples=[_ID])
    location: str = Field(examples=[f"/v1/customers/{_ID}"])
    detail: str = Field(examples=["merged into another customer"])


class SourceRecordBody(SourceKey):
    """A source record of a golden record, as delivered."""

    version: int
    source_time: Time | None
    first_run: str
    last_run: str
    member_since: str
    payload: dict[str, Any]
    masked: list[str]


class Crossing(SourceKey):
    """Where a source's key leads."""

    entity_type: str = Field(examples=["organization"])
    deleted: bool
    golden_id: str | None = Field(examples=[_ID], description="Null for a deleted record")


class Crosswalk(BaseModel):
    """Where a source's key leads; several entries where several streams of the source have it."""

    golden_id: str | None = Field(examples=[_ID], description="The golden record, where there is one alone")
    records: list[Crossing]


class Version(BaseModel):
    """A version of a golden record; `changed` names the attributes that differ from the version before."""

    version: int
    status: str
    valid_from: Time | None
    recorded_at: Time
    recorded_to: Time | None
    run_id: str
    records: int
    changed: list[str]
    values: dict[str, Any]
    masked: list[str]


class LeftRecord(SourceKey):
    """A source record that once was part of a golden record."""

    from_run: str
    to_run: str


class Lineage(BaseModel):
    """A merge or split."""

    kind: str
    parent: str
    child: str
    run_id: str


class History(BaseModel):
    """How a golden record came to be what it is, the newest version first."""

    golden_id: str
    versions: list[Version]
    left: list[LeftRecord]
    lineage: list[Lineage]


class FieldProvenance(BaseModel, extra="allow"):
    """Where a value comes from: the rule, the winner (`source, stream, key`) or `values`, and `losers`."""

    value: Any
    rule: str


class Provenance(BaseModel):
    """Where each value of a golden record comes from."""

    golden_id: str
    version: int
    fields: dict[str, FieldProvenance]
    masked: list[str]


class Related(BaseModel):
    """Another golden record."""

    golden_id: str
    entity_type: str
    name: str | None = Field(description="Null where you may not see it")


class OtherRelation(BaseModel, extra="allow"):
    """A relation that a source delivers as a record: its type, roles and period, and the other end."""

    golden_id: str
    direction: str
    type: str | None


class Relations(BaseModel):
    """Whom a customer belongs to and who belongs to it."""

    golden_id: str
    parents: list[Related]
    subsidiaries: list[Related]
    employers: list[Related]
    contacts: list[Related]
    other: list[OtherRelation]
    cut: list[str]


class Totals(BaseModel):
    """Sums over golden records."""

    customers: int
    revenue: float
    pipeline: float
    findings: int


class RollUp(BaseModel):
    """What a customer amounts to alone, and with everything below it."""

    golden_id: str
    own: Totals
    with_subsidiaries: Totals
    depth: int
    cut: bool


class Asked(BaseModel, extra="forbid"):
    """A body that somebody sends. A field that nobody knows is refused: a misspelt one must not go unheard."""


class KeyBody(Asked):
    """A record as a source names it; without a stream, in any of its streams."""

    source: str = Field(max_length=200, examples=["sales_crm"])
    source_key: str = Field(max_length=500, examples=["ACC-719613"])
    stream: str | None = Field(None, max_length=200)


class BatchBody(Asked):
    """Which golden records are wanted: by id, by key, or both; at most 500 together."""

    ids: list[Annotated[str, Field(max_length=64)]] = Field(default_factory=list, max_length=500, examples=[[_ID]])
    keys: list[KeyBody] = Field(default_factory=list, max_length=500)


class BatchItem(CustomerSummary):
    """A golden record with what it was asked by: ids (former ones too) and keys."""

    asked_as: list[str]


class Batch(BaseModel):
    """Golden records that were found, and the ids and keys that lead nowhere."""

    items: list[BatchItem]
    missing: list[str]


def encode_cursor(**values: Any) -> str:
    """A place in a list as an opaque word."""
    return base64.urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")


def decode_cursor(cursor: str | None, *names: str) -> dict[str, Any]:
    """What `encode_cursor` put in, or nothing without one. Raises Problem for any other word."""
    if not cursor:
        return {}
    try:
        found = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        found = None
    if not isinstance(found, dict) or set(found) != set(names):
        raise Problem("invalid_request", "the cursor is none that this list gave")
    return found
