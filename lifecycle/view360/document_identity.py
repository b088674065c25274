"""Parts of the 360 document: who the customer is, its group and people, the team, how good its data are."""

from __future__ import annotations

from typing import Literal

from lifecycle.view360.document_part import Part


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


class StageStep(Part):
    """A stage that the customer was in."""

    stage: str
    entered: str
    exited: str | None


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


class Closeness(Part):
    """How close the relationship is, from contacts and what they think."""

    level: Literal["close", "known", "distant"]
    contacts: int
    supporters: int
    critics: int
    contacts_12_months: int


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
