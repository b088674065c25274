"""Kinds of touchpoints, stage contracts, segments and measures as `lifecycle.yaml` declares them. Rules: `rules`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from lifecycle.contracts.rules import Rule, Severity
from models.config.base import Strict
from models.config.source import Family

Stage = Literal[
    "prospect", "lead", "opportunity", "quote", "order", "delivery", "in_service", "renewal", "lost", "dormant"
]
STAGES: tuple[Stage, ...] = ("prospect", "lead", "opportunity", "quote", "order", "delivery", "in_service", "renewal")
"""The stages that follow each other."""
ASIDE: tuple[Stage, ...] = ("lost", "dormant")
PHASES: dict[str, tuple[Stage, ...]] = {
    "before_order": ("prospect", "lead", "opportunity", "quote"),
    "during_order": ("order", "delivery"),
    "after_order": ("in_service", "renewal"),
}


def _identifier(value: str) -> str:
    if not (value.isidentifier() and value.isascii() and value == value.lower()):
        raise PydanticCustomError("kehu", "a name is made of a-z, digits and '_', and starts with a letter")
    return value


Word = Annotated[str, AfterValidator(_identifier)]


class Words(Strict):
    """A text in both languages."""

    en: str
    """English."""
    zh: str
    """Chinese."""


class Kind(Strict):
    """A kind of touchpoint: what it does to the stage, what must be known of it, who delivers it."""

    label: Words
    """What people call it."""
    enters: Stage | None = None
    """The stage into which it takes its customer."""
    stage: Stage | None = None
    """The stage under which the matrix counts it; by default `enters`, or else the customer's stage at its time."""
    families: list[Family] = Field(default_factory=list)
    """Families of systems that should deliver it."""
    required: list[str] = Field(default_factory=list)
    """Attributes that every touchpoint of the kind must have."""
    optional: list[str] = Field(default_factory=list)
    """Attributes that are wanted, but not missed."""
    statuses: list[str] = Field(default_factory=list)
    """The values that `status` may have; any when empty."""
    closed: list[str] = Field(default_factory=list)
    """Statuses that end it; without any it has no end."""
    won: list[str] = Field(default_factory=list)
    """Statuses among `closed` that mean success."""
    lost: list[str] = Field(default_factory=list)
    """Statuses among `closed` that mean failure."""
    planned: bool = False
    """It is an intention: it does not count as contact, and its time may lie in the future."""
    contact: bool = True
    """Whether it is a contact with the customer, which keeps the customer from becoming dormant."""
    open_days: int | None = Field(default=None, ge=1)
    """Days after which one that is not closed is a finding."""
    overdue_days: int | None = Field(default=None, ge=0)
    """Days after its `due_at` after which one that is not closed is a finding."""
    fresh_days: int | None = Field(default=None, ge=1)
    """Days after which the latest one of a customer counts as stale."""
    severity: Severity = "warning"
    """Severity of findings on what is required of it."""
    stake: Literal["amount", "pipeline", "revenue"] | float | None = None
    """The money at stake when something is wrong with it."""

    @model_validator(mode="after")
    def _statuses_are_known(self) -> Kind:
        for name in ("closed", "won", "lost"):
            for status in getattr(self, name):
                if self.statuses and status not in self.statuses:
                    raise PydanticCustomError("kehu", f"{name} names '{status}', which is not among the statuses")
        return self


class StageContract(Strict):
    """What holds in one stage: who is in charge, what must be known, what must happen, how it is done."""

    label: Words
    """What people call the stage."""
    owner: Word
    """The role that is in charge of the stage."""
    affects: list[Word] = Field(default_factory=list)
    """Roles that suffer when something is missing."""
    procedure: Words
    """How the stage is worked."""
    requires: list[str] = Field(default_factory=list)
    """Attributes of the golden record that a customer in this stage must have."""
    optional: list[str] = Field(default_factory=list)
    """Attributes that are wanted, but not missed."""
    expects: list[Word] = Field(default_factory=list)
    """Kinds of touchpoints that a customer in this stage should have, in their order."""
    max_days: int | None = Field(default=None, ge=1)
    """Days after which a customer that is still in this stage is stuck."""
    severity: Severity = "warning"
    """Severity of findings where the rule names none."""
    rules: dict[str, Rule] = Field(default_factory=dict)
    """The rules of the stage, by their names."""


class Segment(Strict):
    """A segment of customers: who belongs to it, and what is done differently. The first that fits counts."""

    label: Words
    """What people call it."""
    named: list[str] = Field(default_factory=list)
    """Values of the golden attribute `segment` that put a customer here."""
    revenue: float | None = Field(default=None, gt=0)
    """Ordered amount, all orders together, from which a customer belongs here."""
    vehicles: int | None = Field(default=None, ge=1)
    """Delivered vehicles from which a customer belongs here."""
    key: bool = False
    """Customers here are key accounts."""
    service_level: Words | None = None
    """What customers of this segment are promised."""
    rhythm: dict[str, int] = Field(default_factory=dict)
    """Kind of touchpoint → days within which a customer of this segment has one."""
    severity: Severity = "warning"
    """Severity of findings on the rhythm."""

    @property
    def conditional(self) -> bool:
        """Whether it asks for anything."""
        return bool(self.named or self.revenue or self.vehicles)


class HealthPart(Strict):
    """One part of the health score: full points up to `good`, none from `bad` on, half of them between."""

    measure: Literal["days_since_contact", "open_complaints", "days_since_service", "days_since_order", "coverage"]
    """What is measured; `coverage` is the share of vehicles in service without a service contract, in per cent."""
    weight: float = Field(gt=0)
    """Points out of the sum of all weights."""
    good: float = Field(ge=0)
    """Up to here all points."""
    bad: float = Field(gt=0)
    """From here on none."""

    @model_validator(mode="after")
    def _ordered(self) -> HealthPart:
        if self.bad <= self.good:
            raise PydanticCustomError("kehu", "bad must be above good")
        return self


class Replacement(Strict):
    """When a vehicle is due for replacement: whichever comes first."""

    years: float = Field(default=6, gt=0)
    """Years after its delivery."""
    mileage: float | None = Field(default=800_000, gt=0)
    """Kilometres, reached at the pace so far."""


class Cost(Strict):
    """What gaps cost, in the currency of the contracts."""

    duplicate: float = Field(default=0, ge=0)
    """Per source record beyond the first of a golden record in the same source."""
    finding: dict[Severity, float] = Field(default_factory=dict)
    """Per open finding, by severity."""
    stake_share: float = Field(default=0, ge=0, le=1)
    """Share of the money at stake that is lost as long as a finding is open."""
