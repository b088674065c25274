"""Which value of a golden record wins, and the attributes that a configuration adds; matching carries both out."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from models.config.base import Strict
from models.vocabulary import Attribute, Rule, Sensitivity

Standardiser = Literal["text", "identifier", "number", "date", "phone", "email", "domain"]
Curve = Literal["linear", "slow_initial_rapid_later", "rapid_initial_slow_later"]


class Trust(Strict):
    """How far a value of a source is trusted (0 to 100), falling from `max` to `min` as it ages."""

    max: float = Field(default=100, ge=0, le=100)
    """Trust in a value on the day the source recorded it."""
    min: float = Field(default=0, ge=0, le=100)
    """Trust that is left when `decay_days` have passed."""
    decay_days: float = Field(default=365, gt=0)
    """Days from `max` to `min`."""
    curve: Curve = "linear"
    """The way down: even, slow at first, or rapid at first."""

    @model_validator(mode="after")
    def _ordered(self) -> Trust:
        if self.min > self.max:
            raise PydanticCustomError("kehu", "min must not be above max")
        return self


class AttributeRule(Strict):
    """The survivorship rule of one attribute or block; the name of a rule alone is short for `{rule: …}`."""

    rule: Rule
    """How the winner is found."""
    trust: dict[str, Trust] = Field(default_factory=dict)
    """For the rule `trust`: source name → trust; a source without an entry uses its own `trust`, or full trust."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"rule": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _trust_is_used(self) -> AttributeRule:
        if self.trust and self.rule != "trust":
            raise PydanticCustomError("kehu", "trust is given, but the rule is not 'trust'")
        return self


class AttributeSpec(Strict):
    """An attribute that the configuration adds to an entity type."""

    type: Literal["text", "number", "date", "bool"] = "text"
    """Type of the golden value."""
    multi: bool = False
    """A list of values instead of one."""
    standardiser: Standardiser | None = None
    """How values are brought to one form before they are compared; by default after the type."""
    comparison: Literal["none", "exact", "similar"] = "none"
    """Whether equal (or similar) values speak for a match; `none` keeps the attribute out of matching."""
    survivorship: Rule = "source_priority"
    """The rule that picks the golden value."""
    sensitivity: Sensitivity = "public"
    """Who may read it: everybody, those with a reason (`personal`), or almost nobody (`secret`)."""

    @model_validator(mode="after")
    def _comparable(self) -> AttributeSpec:
        if self.comparison == "similar" and (self.multi or self.type == "bool"):
            words = "lists" if self.multi else "true and false"
            raise PydanticCustomError("kehu", "{words} are compared by equality only; say exact", {"words": words})
        return self

    @property
    def read_by(self) -> Standardiser | None:
        """The standardiser named, or that of the type; None where no standard value is asked for."""
        if self.standardiser or self.comparison == "none":
            return self.standardiser
        return self.type if self.type in ("number", "date") else "text"

    def attribute(self, name: str) -> Attribute:
        """The attribute in the vocabulary's terms."""
        return Attribute(name, self.type, self.multi, None, self.sensitivity, self.survivorship)
