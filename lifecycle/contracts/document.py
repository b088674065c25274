"""The whole of `lifecycle.yaml` as one object, and the mistakes that need more than one place of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import orjson
import xxhash
from pydantic import Field, PrivateAttr

from lifecycle.contracts.kinds import (
    ASIDE,
    STAGES,
    Cost,
    HealthPart,
    Kind,
    Replacement,
    Segment,
    Stage,
    StageContract,
    Word,
    Words,
)
from models.config.base import Strict
from models.config.mistakes import Mistake, unknown

Attributes = Mapping[str, Collection[str]]
"""The names of the attributes of each entity type."""
SUBJECTS = ("customer", "contact", "vehicle", "relation")
"""What a rule may be on, besides kinds of touchpoints."""
ENTITY_OF = {"contact": "person", "vehicle": "vehicle", "relation": "relation", "customer": "organization"}
TARGETS = ("customer", "contact", "vehicle", "delivered_vehicle")
"""What a reference may lead to, besides kinds of touchpoints."""
OF_CUSTOMER = ("segment", "stage", "kind")
"""What is derived of a customer and may stand in conditions: segment, stage, and `new` or `existing`."""


class Contracts(Strict):
    """Contracts for all stages of the lifecycle."""

    name: str
    """What these contracts are called."""
    version: str
    """Their version; raise it with every change, since findings carry it."""
    currency: str = "CNY"
    """Currency of all amounts."""
    dormant_days: int | None = Field(default=540, ge=1)
    """Days without contact after which a customer is dormant."""
    touchpoints: dict[Word, Kind] = Field(min_length=1)
    """Kinds of touchpoints."""
    stages: dict[Stage, StageContract] = Field(min_length=1)
    """One contract per stage."""
    segments: dict[Word, Segment] = Field(default_factory=dict)
    """Segments in the order in which they are tried."""
    health: list[HealthPart] = Field(default_factory=list)
    """Parts of the health score."""
    replacement: Replacement = Replacement()
    """When vehicles are due for replacement."""
    buying_roles: dict[Word, Words] = Field(default_factory=dict)
    """Roles in a buying centre that should be known of a customer."""
    team_roles: dict[Word, Words] = Field(default_factory=dict)
    """Roles in an account team."""
    city_tiers: dict[str, list[str]] = Field(default_factory=dict)
    """Tier → cities in it, without 市."""
    pipeline_months: int = Field(default=24, ge=1)
    """How far the pipeline looks ahead."""
    cost: Cost = Cost()
    """What gaps cost."""

    _hash: str = PrivateAttr(default="")

    @property
    def hash(self) -> str:
        """A hash of everything that stands in the contracts."""
        if not self._hash:
            self._hash = xxhash.xxh3_64_hexdigest(
                orjson.dumps(self.model_dump(mode="json", by_alias=True), option=orjson.OPT_SORT_KEYS)
            )
        return self._hash

    def entering(self, stage: str) -> list[str]:
        """The kinds of touchpoints that take a customer into a stage."""
        return [name for name, kind in self.touchpoints.items() if kind.enters == stage]

    def label(self, name: str, language: str) -> str:
        """What people call a stage, a kind, a segment or a role; the name itself where nothing is said."""
        for part in (self.touchpoints, self.stages, self.segments):
            if name in part:
                return str(getattr(part[name].label, language))  # type: ignore[index]  # keys are of a Literal type, any text may be asked
        words = self.buying_roles.get(name) or self.team_roles.get(name)
        return name if words is None else str(getattr(words, language))


def cross_checks(document: dict[str, Any], attributes: Attributes) -> Iterator[Mistake]:
    """Names that do not exist: kinds, stages, attributes. `attributes` are those of each entity type."""
    kinds = list(_mapping(document, "touchpoints"))
    touchpoint = list(attributes["touchpoint"])
    for name, kind in _mapping(document, "touchpoints").items():
        if name in (*SUBJECTS, *TARGETS):
            yield Mistake(("touchpoints", name), "is a reserved name")
        for part in ("required", "optional"):
            yield from _among(_items(kind, part), touchpoint, "attribute", ("touchpoints", name, part))
    seen: dict[str, str] = {}
    for stage, contract in _mapping(document, "stages").items():
        place = ("stages", stage)
        customer = [*attributes["organization"], *(a for a in attributes["person"])]
        for part in ("requires", "optional"):
            yield from _among(_items(contract, part), customer, "attribute", (*place, part))
        yield from _among(_items(contract, "expects"), kinds, "kind of touchpoint", (*place, "expects"))
        for name, rule in _mapping(contract, "rules").items():
            where = (*place, "rules", name)
            if name in seen:
                yield Mistake(where, f"a rule of stage {seen[name]} has the same name")
            seen.setdefault(name, str(stage))
            if not all(c.isascii() and (c.isalnum() or c in "-_") for c in str(name)):
                yield Mistake(where, "a rule's name is made of a-z, digits, '-' and '_'")
            if isinstance(rule, dict):
                yield from _rule(rule, kinds, attributes, where)
    for name, segment in _mapping(document, "segments").items():
        yield from _among(_items(segment, "rhythm"), kinds, "kind of touchpoint", ("segments", name, "rhythm"))


def _rule(rule: dict[str, Any], kinds: list[str], attributes: Attributes, where: tuple[str, ...]) -> Iterator[Mistake]:
    subject = rule.get("about")
    if subject not in kinds and subject not in SUBJECTS:
        if isinstance(subject, str):
            yield Mistake((*where, "about"), *_unknown("subject", subject, [*kinds, *SUBJECTS]))
        return
    yield from _fitting(rule, str(subject), kinds, where)
    own = list(attributes[ENTITY_OF.get(str(subject), "touchpoint")])
    if subject == "customer":
        own += [name for name in attributes["person"] if name not in own]
    for part in ("fields", "field"):
        yield from _among(_items(rule, part), own, "attribute", (*where, part))
    if "by" in rule and rule.get("kind") == "followed":
        yield from _among(_items(rule, "by"), kinds, "kind of touchpoint", (*where, "by"))
    for part in ("not_after", "not_before"):
        valid = ["recorded", *own] if rule.get("kind") == "range" else kinds
        yield from _among(_items(rule, part), valid, "name", (*where, part))
    yield from _among(_items(rule, "to"), [*kinds, *TARGETS], "kind of touchpoint", (*where, "to"))
    yield from _among(_items(rule, "of"), [*kinds, "contact"], "kind of touchpoint", (*where, "of"))
    yield from _among(_items(rule, "stages"), [*STAGES, *ASIDE], "stage", (*where, "stages"))
    yield from _among(_items(rule, "gate"), STAGES, "stage", (*where, "gate"))
    of_customer = [*OF_CUSTOMER, *attributes["organization"]]
    valid = [*own, *(OF_CUSTOMER if subject == "customer" else [f"customer.{name}" for name in of_customer])]
    for part in ("when", "unless"):
        yield from _among(list(_mapping(rule, part)), valid, "attribute", (*where, part))


def _fitting(rule: dict[str, Any], subject: str, kinds: list[str], where: tuple[str, ...]) -> Iterator[Mistake]:
    """A kind of rule about something that it cannot be about, and what can be compared or referred to by what."""
    kind, targets = str(rule.get("kind")), _items(rule, "to")
    can: dict[str, list[str]] = {
        "sequence": kinds,
        "followed": kinds,
        "recent": ["customer"],
        "consistent": [*kinds, "vehicle"],
        "reference": [*kinds, "vehicle", *(["relation"] if targets == ["customer"] else [])],
    }
    if subject not in can.get(kind, [subject]):
        yield Mistake((*where, "about"), *unknown(f"subject of '{kind}'", subject, can[kind]))
    elif kind == "reference" and subject == "vehicle" and targets != ["customer"]:
        yield from _among(targets, ["customer"], "target of a vehicle", (*where, "to"))
    elif kind == "reference" and len(targets) > 1:
        yield from _among(targets, kinds, "kind of touchpoint", (*where, "to"))
    if kind == "consistent":  # what else two records could have in common does not lead from one to the other
        yield from _among(_items(rule, "by"), ["vin"], "attribute to compare by", (*where, "by"))


def _among(names: list[str], valid: Collection[str], noun: str, where: tuple[str, ...]) -> Iterator[Mistake]:
    for name in names:
        if name not in valid:
            yield Mistake(where, *_unknown(noun, name, valid))


def _unknown(noun: str, name: str, valid: Collection[str]) -> tuple[str, str | None]:
    message, close = unknown(noun, name, valid)
    head, _, tail = message.partition(";")
    return f"{head} '{name}'{';' + tail if tail else ''}", close


def _mapping(value: Any, key: str) -> dict[str, Any]:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _items(value: Any, key: str) -> list[str]:
    """The texts at a key, whether it holds one, a list or the keys of a mapping."""
    found = value.get(key) if isinstance(value, dict) else None
    if isinstance(found, str):
        return [found]
    return [item for item in found if isinstance(item, str)] if isinstance(found, list | dict) else []
