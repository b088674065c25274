"""The rules that a stage contract may hold, a class per kind of rule; how each is checked is said in `lifecycle.rules`.

`about` names what is checked: a kind of touchpoint, `vehicle`, `relation`, `contact` or `customer`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from models.config.base import Strict

Severity = Literal["info", "warning", "error"]
Format = Literal["vin", "plate", "phone", "email", "tax_id"]
Period = Literal["week", "month", "quarter", "year"]
Stake = Literal["amount", "pipeline", "revenue"] | float | None


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Listed = Annotated[list[str], BeforeValidator(_listed)]
"""One name, or a list of names."""


class Base(Strict):
    """What every rule has."""

    about: str
    """What is checked: a kind of touchpoint, `vehicle`, `relation`, `contact` or `customer`."""
    when: dict[str, Listed] = Field(default_factory=dict)
    """Only where these attributes have one of these values; `customer.NAME` is an attribute of the customer."""
    unless: dict[str, Listed] = Field(default_factory=dict)
    """Not where these attributes have one of these values."""
    stages: list[str] = Field(default_factory=list)
    """For rules on customers and contacts: the stages they hold in; by default the one of the contract."""
    severity: Severity | None = None
    """By default that of the stage."""
    stake: Stake = None
    """The money at stake: the touchpoint's amount, the customer's open pipeline or revenue, or a fixed sum."""
    gate: str | None = None
    """The stage that must not be entered before this is in order."""
    blocking: bool = False
    """Nothing is published while a new violation is found."""


class Presence(Base):
    """Every one of the fields has a value."""

    kind: Literal["presence"]
    fields: Listed = Field(min_length=1)
    """Attributes that must be there."""
    after_days: int = Field(default=0, ge=0)
    """Days of grace after the touchpoint, or after the customer came into the stage."""


class FormatRule(Base):
    """The value, where there is one, has a form: one that the standardisers check, a pattern, or one of a list."""

    kind: Literal["format"]
    field: str
    """The attribute."""
    form: Format | None = Field(default=None, alias="is")
    """A form with check digits or a numbering plan."""
    pattern: str | None = None
    """A regular expression that the whole value fits."""
    one_of: Listed = Field(default_factory=list)
    """The only values that may stand there."""

    @model_validator(mode="after")
    def _one(self) -> FormatRule:
        if sum(map(bool, (self.form, self.pattern, self.one_of))) != 1:
            raise PydanticCustomError("kehu", "give exactly one of is, pattern, one_of")
        return self


class Range(Base):
    """The value, where there is one, lies between two bounds."""

    kind: Literal["range"]
    field: str
    """A number or a date."""
    min: float | None = None
    """Smallest number."""
    max: float | None = None
    """Largest number."""
    not_after: str | None = None
    """An attribute that holds a date, or `recorded`: the time at which the source wrote the record."""
    not_before: str | None = None
    """An attribute that holds a date, or `recorded`."""

    @model_validator(mode="after")
    def _some(self) -> Range:
        numbers, dates = (self.min, self.max), (self.not_after, self.not_before)
        if (numbers == (None, None)) == (dates == (None, None)):
            raise PydanticCustomError("kehu", "give min and max for a number, not_after and not_before for a date")
        return self


class Reference(Base):
    """It refers to something that is known: an earlier touchpoint, its customer, a person, a vehicle."""

    kind: Literal["reference"]
    to: Listed = Field(min_length=1)
    """Kinds of touchpoints, or one of `customer`, `contact`, `vehicle`, `delivered_vehicle`."""
    same_customer: bool = True
    """What it refers to must be of the same customer."""
    optional: bool = False
    """To name nothing is allowed; to name something unknown is not."""


class Sequence(Base):
    """It does not happen before what it refers to."""

    kind: Literal["sequence"]
    not_before: Listed = Field(min_length=1)
    """Kinds of touchpoints that it refers to."""
    tolerance_days: int = Field(default=0, ge=0)
    """Days that it may be earlier."""


class Followed(Base):
    """Something happens within some days of it. Late is better than never: then the finding closes."""

    kind: Literal["followed"]
    by: Listed = Field(min_length=1)
    """Kinds of touchpoints, any of which will do."""
    within_days: int = Field(ge=0)
    """Days until it is missed."""
    since: Literal["occurred_at", "due_at", "closed_at"] = "occurred_at"
    """From which date the days count."""
    match: Literal["refers", "vehicle", "customer"] = "customer"
    """What joins the two: a reference, the VIN, or only the customer."""


class Count(Base):
    """There are at least, or at most, so many."""

    kind: Literal["count"]
    of: Listed = Field(min_length=1)
    """Kinds of touchpoints, or `contact` for the people of a customer."""
    at_least: int | None = Field(default=None, ge=1)
    """The fewest."""
    at_most: int | None = Field(default=None, ge=0)
    """The most."""
    per: Period | None = None
    """With at_most: in every calendar period; in all time when absent."""
    after_days: int = Field(default=0, ge=0)
    """Days of grace after the customer came into the stage, or after the touchpoint."""

    @model_validator(mode="after")
    def _bounded(self) -> Count:
        if self.at_least is None and self.at_most is None:
            raise PydanticCustomError("kehu", "give at_least or at_most")
        if self.per and self.at_least is not None:
            raise PydanticCustomError("kehu", "per belongs to at_most; 'recent' asks for one within the last days")
        return self


class Recent(Base):
    """The latest one is not older than some days."""

    kind: Literal["recent"]
    of: Listed = Field(min_length=1)
    """Kinds of touchpoints, any of which will do."""
    days: int = Field(ge=1)
    """Age at which it is missed; counted from the entry into the stage where there is none."""


class Consistent(Base):
    """Records of several systems on the same thing agree."""

    kind: Literal["consistent"]
    field: str
    """The attribute that must agree."""
    by: str = "vin"
    """The attribute by which records are of the same thing."""
    tolerance: float = Field(default=0, ge=0)
    """By how much they may differ: days of dates, share (0.05 is 5 %) of numbers."""


class Sql(Base):
    """An expression over the attributes that is true where the rule is violated, for what other kinds cannot say."""

    kind: Literal["sql"]
    violated: str
    """A boolean expression of DuckDB; `today` is the day of the run, `customer.NAME` an attribute of the customer."""
    field: str | None = None
    """The attribute that is shown with the finding."""
    words: dict[Literal["en", "zh"], str]
    """What the rule says, in both languages, as a sentence."""

    @model_validator(mode="after")
    def _both(self) -> Sql:
        if set(self.words) != {"en", "zh"}:
            raise PydanticCustomError("kehu", "words needs en and zh: an expression cannot explain itself")
        return self


Rule = Annotated[
    Presence | FormatRule | Range | Reference | Sequence | Followed | Count | Recent | Consistent | Sql,
    Field(discriminator="kind"),
]

KINDS: dict[str, type[Base]] = {
    "presence": Presence,
    "format": FormatRule,
    "range": Range,
    "reference": Reference,
    "sequence": Sequence,
    "followed": Followed,
    "count": Count,
    "recent": Recent,
    "consistent": Consistent,
    "sql": Sql,
}
"""The classes by their `kind`."""

DIMENSIONS = {
    "presence": "complete",
    "format": "valid",
    "range": "valid",
    "reference": "valid",
    "sequence": "valid",
    "consistent": "valid",
    "sql": "valid",
    "followed": "timely",
    "count": "timely",
    "recent": "timely",
    "stuck": "timely",
}
"""What a kind of rule speaks of: whether data are complete, valid, or things happen in time."""
