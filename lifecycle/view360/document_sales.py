"""Parts of the 360 document: what happened with the customer, and what is planned."""

from __future__ import annotations

from typing import Literal

from lifecycle.view360.document_part import Part


class Event(Part):
    """A touchpoint."""

    record_id: str
    kind: str
    stage: str | None
    phase: str | None
    date: str | None
    planned: bool
    source: str
    stream: str
    source_key: str
    status: str | None
    subject: str | None
    owner: str | None
    amount: float | None
    product: str | None
    quantity: float | None
    vin: str | None
    competitor: str | None
    reason: str | None
    channel: str | None
    due_at: str | None
    closed_at: str | None
    contact: str | None
    refers_to: list[str]


class Phase(Part):
    """Before, during or after the order: which expected touchpoints are there, which are missing."""

    phase: Literal["before_order", "during_order", "after_order"]
    reached: bool
    present: list[str]
    missing: list[str]
    last: str | None


class PlanAction(Part):
    """An action of an account plan."""

    subject: str | None
    owner: str | None
    due_at: str | None
    status: str | None
    overdue: bool


class Plan(Part):
    """The account plan that is in force, or the latest."""

    source_key: str
    goal: str | None
    owner: str | None
    sponsor: str | None
    valid_from: str | None
    valid_to: str | None
    in_force: bool
    target: float | None
    achieved: float
    actions: list[PlanAction]


class Need(Part):
    """What the customer needs, and the opportunity that grew from it."""

    subject: str | None
    status: str | None
    since: str | None
    product: str | None
    quantity: float | None
    opportunity: str | None


class Rhythm(Part):
    """How often something is due to customers of a segment, and when it was last."""

    kind: str
    days: int
    last: str | None
    due: str | None
    late: bool


class SegmentView(Part):
    """The customer's segment and what differs in it."""

    name: str | None
    since: str | None
    key_account: bool
    service_level: dict[str, str] | None
    rhythm: list[Rhythm]


class Competition(Part):
    """A competitor's position with the customer."""

    competitor: str
    mentions: int
    last: str | None
    products: list[str]
    won_against: int
    lost_to: int


class Tender(Part):
    """A tender of the customer."""

    source_key: str
    published: str | None
    deadline: str | None
    status: str | None
    amount: float | None
    competitor: str | None


class Quarter(Part):
    """Open opportunities that are expected in a quarter."""

    quarter: str
    number: int
    amount: float


class Pipeline(Part):
    """Open opportunities within the months that the contracts look ahead."""

    months: int
    number: int
    amount: float
    undated: int
    quarters: list[Quarter]


class HealthPart(Part):
    """A part of the health score: 1 is good, 0 is bad, null cannot be measured."""

    measure: str
    weight: float
    share: float | None
    value: float | None


class HealthPoint(Part):
    """The health score on a day."""

    date: str
    score: float
    recorded: bool
    """The score as a run found it; else as what is known today says that it was."""


class Health(Part):
    """The health score, its parts, and its past: as recorded by runs, and before them at the ends of months."""

    score: float | None
    parts: list[HealthPart]
    history: list[HealthPoint]
