"""What the 360 document of a customer says: pydantic models, and with them its versioned JSON schema.

Dates are ISO texts, amounts are in the currency of the contracts, shares lie between 0 and 1.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = "1.0"
"""Raised in its second part when something is added, in its first when something changes its meaning or goes."""


class Part(BaseModel):
    """A part of the document; what is not known is null or empty, never left out."""

    model_config = ConfigDict(extra="forbid")


class SourceRecord(Part):
    """A source record in this golden record."""

    source: str
    stream: str
    source_key: str
    source_time: str | None


class Value(Part):
    """A golden value, who won it by which rule, and how many records said something else."""

    attribute: str
    value: str | list[str] | None
    source: str | None
    source_key: str | None
    rule: str | None
    others: int


class Identity(Part):
    """Who the customer is."""

    golden_id: str
    entity_type: Literal["organization", "person"]
    name: str | None
    version: int
    recorded_at: str
    values: list[Value]
    records: list[SourceRecord]


class Standing(Part):
    """Where the customer stands."""

    stage: str | None
    stage_since: str | None
    kind: str | None
    """new or existing."""
    existing_since: str | None
    account_owner: str | None
    last_contact: str | None
    days_since_contact: int | None
    history: list[StageStep]


class StageStep(Part):
    """A stage that the customer was in."""

    stage: str
    entered: str
    exited: str | None


class Totals(Part):
    """What the customer adds up to."""

    revenue: float
    orders: int
    pipeline: float
    opportunities: int
    vehicles: int
    findings: int


class Node(Part):
    """A company in the hierarchy, its own totals and those with everything below it."""

    golden_id: str
    name: str | None
    parent: str | None
    level: int
    stage: str | None
    segment: str | None
    is_self: bool
    other_parents: list[str]
    own: Totals
    rolled_up: Totals


class Hierarchy(Part):
    """The whole group that the customer belongs to, from its head down."""

    head: str
    nodes: list[Node]
    cycle: bool
    """Some systems say that a company belongs to one of its own companies; the chain was cut there."""
    cut: bool
    """The group is larger than what is shown."""


class Contact(Part):
    """A person of the customer."""

    golden_id: str
    name: str | None
    job_title: str | None
    buying_role: str | None
    influence: str | None
    affinity: str | None
    phone: list[str]
    email: list[str]
    reports_to: str | None
    last_contact: str | None
    missing: list[str]


class BuyingCentre(Part):
    """The people who decide, how complete the picture is, and what is missing in it."""

    contacts: list[Contact]
    completeness: float | None
    roles_missing: list[str]
    single_contact: bool


class Member(Part):
    """Somebody of the account team."""

    name: str
    role: str | None
    valid_from: str | None
    valid_to: str | None
    current: bool


class Team(Part):
    """Who covers the account, and, apart from them, who runs the open opportunities."""

    account_owner: str | None
    members: list[Member]
    opportunity_owners: list[str]


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


class Holder(Part):
    """A role of a party towards a vehicle, and its period."""

    role: str | None
    golden_id: str | None
    name: str | None
    person: bool
    """A person, not a company."""
    is_self: bool
    valid_from: str | None
    valid_to: str | None
    current: bool


class Vehicle(Part):
    """A vehicle of the customer."""

    vin: str
    model: str | None
    plate: str | None
    delivered_on: str | None
    mileage: float | None
    roles: list[str]
    """The customer's own, current ones."""
    holders: list[Holder]
    last_service: str | None
    contract_until: str | None
    replacement_due: str | None
    replacement_because: Literal["age", "mileage"] | None


class ServiceContract(Part):
    """A contract of service for a vehicle."""

    source_key: str
    vin: str | None
    package: str | None
    valid_from: str | None
    valid_to: str | None
    amount: float | None
    active: bool


class Service(Part):
    """Service contracts and how many vehicles they cover."""

    contracts: list[ServiceContract]
    vehicles: int
    covered: int
    attach_rate: float | None
    last_visit: str | None


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
    """The health score at the end of a month."""

    date: str
    score: float


class Health(Part):
    """The health score, its parts, and what it would have been at the ends of months past."""

    score: float | None
    parts: list[HealthPart]
    history: list[HealthPoint]


class Closeness(Part):
    """How close the relationship is, from contacts and what they think."""

    level: Literal["close", "known", "distant"]
    contacts: int
    supporters: int
    critics: int
    contacts_12_months: int


class Replacement(Part):
    """Vehicles that are due for replacement in a half-year."""

    half_year: str
    vehicles: int


class Dimensions(Part):
    """By which the customer is counted."""

    province: str | None
    city: str | None
    city_tier: str | None
    industry: str | None
    products: list[str]


class Quality(Part):
    """How good the data of this customer are."""

    records: int
    sources: list[str]
    duplicates: int
    """Records beyond the first of a source."""
    completeness: float
    missing: list[str]
    conflicts: list[str]
    """Attributes on which the systems do not agree."""


class Finding(Part):
    """An open finding of the customer."""

    finding_id: str
    rule: str
    words: dict[str, str] | None
    dimension: str
    severity: str
    about: str
    stage: str | None
    source: str | None
    stream: str | None
    source_key: str | None
    field: str | None
    value: str | None
    owner: str | None
    owner_role: str | None
    stake: float | None
    since: str | None
    opened_on: str
    reopened: int
    waived: bool
    waived_until: str | None


class Customer360(Part):
    """Everything that is known of a customer."""

    schema_version: str = SCHEMA_VERSION
    golden_id: str
    asked_for: str
    """The id that was asked for; another one than `golden_id` when that went on under this."""
    run_id: str | None
    today: str
    currency: str
    identity: Identity
    standing: Standing
    totals: Totals
    dimensions: Dimensions
    segment: SegmentView
    hierarchy: Hierarchy
    buying_centre: BuyingCentre
    team: Team
    closeness: Closeness
    plan: Plan | None
    needs: list[Need]
    phases: list[Phase]
    timeline: list[Event]
    timeline_total: int
    vehicles: list[Vehicle]
    service: Service
    competitors: list[Competition]
    tenders: list[Tender]
    pipeline: Pipeline
    replacements: list[Replacement]
    health: Health
    quality: Quality
    findings: list[Finding] = Field(default_factory=list)


Standing.model_rebuild()
