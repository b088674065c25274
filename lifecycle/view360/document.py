"""What the 360 document of a customer says: pydantic models, and with them its versioned JSON schema.

Dates are ISO texts, amounts are in the currency of the contracts, shares lie between 0 and 1.
"""

from __future__ import annotations

from pydantic import Field

from lifecycle.view360.document_identity import (
    BuyingCentre,
    Closeness,
    Contact,
    Dimensions,
    Finding,
    Hierarchy,
    Identity,
    Member,
    Node,
    Quality,
    SourceRecord,
    StageStep,
    Standing,
    Team,
    Totals,
    Value,
)
from lifecycle.view360.document_part import Part
from lifecycle.view360.document_sales import (
    Competition,
    Event,
    Health,
    HealthPart,
    HealthPoint,
    Need,
    Phase,
    Pipeline,
    Plan,
    PlanAction,
    Quarter,
    Rhythm,
    SegmentView,
    Tender,
)
from lifecycle.view360.document_vehicles import (
    Holder,
    Replacement,
    Service,
    ServiceContract,
    Vehicle,
)

SCHEMA_VERSION = "1.1"
"""Raised in its second part when something is added, in its first when something changes its meaning or goes."""


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


__all__ = [
    "SCHEMA_VERSION",
    "BuyingCentre",
    "Closeness",
    "Competition",
    "Contact",
    "Customer360",
    "Dimensions",
    "Event",
    "Finding",
    "Health",
    "HealthPart",
    "HealthPoint",
    "Hierarchy",
    "Holder",
    "Identity",
    "Member",
    "Need",
    "Node",
    "Part",
    "Phase",
    "Pipeline",
    "Plan",
    "PlanAction",
    "Quality",
    "Quarter",
    "Replacement",
    "Rhythm",
    "SegmentView",
    "Service",
    "ServiceContract",
    "SourceRecord",
    "StageStep",
    "Standing",
    "Team",
    "Tender",
    "Totals",
    "Value",
    "Vehicle",
]
