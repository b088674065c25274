"""Every rule of a set of contracts, those that are written out and those that follow from kinds, stages and segments.

A bound rule knows its stage, who is in charge, its severity and its dimension; how it is checked is said in
`lifecycle.rules`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import orjson
import xxhash

from lifecycle.contracts.document import Contracts
from lifecycle.contracts.kinds import ASIDE, STAGES, Kind, StageContract
from lifecycle.contracts.rules import (
    DIMENSIONS,
    Base,
    FormatRule,
    Presence,
    Recent,
    Reference,
    Severity,
    Stake,
)


class Readable(Base):
    """Dates and numbers that were delivered can be read as such."""

    kind: Literal["readable"] = "readable"


class Unclosed(Base):
    """It is closed within some days: of its time, or of the date it is due."""

    kind: Literal["unclosed"] = "unclosed"
    since: Literal["occurred_at", "due_at"] = "occurred_at"
    days: int = 0
    closed: tuple[str, ...] = ()


class Stuck(Base):
    """A customer leaves the stage within some days."""

    kind: Literal["stuck"] = "stuck"
    days: int = 0


@dataclass(frozen=True)
class BoundRule:
    """A rule with everything that follows from where it stands.

    `stage` is None for rules of segments, whose findings carry the stage that the customer is in. `dimension` is
    complete, valid or timely.
    """

    id: str
    rule: Base
    stage: str | None
    stages: tuple[str, ...]
    severity: Severity
    stake: Stake
    implied: bool = False

    @property
    def kind(self) -> str:
        """The kind of rule."""
        return str(getattr(self.rule, "kind"))  # noqa: B009  (each kind of rule declares it, their common class does not)

    @property
    def dimension(self) -> str:
        """Whether data are complete, valid, or things happen in time."""
        return {"readable": "valid", "unclosed": "timely"}.get(self.kind) or DIMENSIONS[self.kind]

    @property
    def hash(self) -> str:
        """A hash of what the rule says, by which a changed rule is told from the one before."""
        said = self.rule.model_dump(mode="json", by_alias=True), self.stages, self.severity, self.stake
        return xxhash.xxh3_64_hexdigest(orjson.dumps(said, option=orjson.OPT_SORT_KEYS))


def bound_rules(contracts: Contracts) -> list[BoundRule]:
    """All rules, in the order of the stages; their ids are unique."""
    found = [rule for name, kind in contracts.touchpoints.items() for rule in _of_kind(name, kind, contracts)]
    for stage, contract in contracts.stages.items():
        found += _of_stage(stage, contract, contracts)
    found += _of_segments(contracts)
    order: dict[str, int] = {stage: i for i, stage in enumerate((*STAGES, *ASIDE))}
    return sorted(found, key=lambda bound: order.get(bound.stage or "", len(order)))


def stage_of_kind(name: str, contracts: Contracts) -> str | None:
    """The stage whose contract speaks of a kind of touchpoint: its own, or the first that expects it."""
    kind = contracts.touchpoints[name]
    expecting = (stage for stage, contract in contracts.stages.items() if name in contract.expects)
    return kind.enters or kind.stage or next(expecting, None)


def _of_kind(name: str, kind: Kind, contracts: Contracts) -> Iterator[BoundRule]:
    stage = stage_of_kind(name, contracts)

    def bound(part: str, rule: Base) -> BoundRule:
        return BoundRule(f"{name}.{part}", rule, stage, (), kind.severity, kind.stake, implied=True)

    yield bound("customer", Reference(kind="reference", about=name, to=["customer"]))
    yield bound("readable", Readable(about=name))
    if kind.required:
        yield bound("required", Presence(kind="presence", about=name, fields=kind.required))
    if kind.statuses:
        yield bound("status", FormatRule(kind="format", about=name, field="status", one_of=kind.statuses))
    closed = tuple(kind.closed)
    if kind.open_days is not None:
        yield bound("open", Unclosed(about=name, days=kind.open_days, closed=closed))
    if kind.overdue_days is not None:
        yield bound("overdue", Unclosed(about=name, since="due_at", days=kind.overdue_days, closed=closed))


def _of_stage(stage: str, contract: StageContract, contracts: Contracts) -> Iterator[BoundRule]:
    if contract.requires:
        rule = Presence(kind="presence", about="customer", fields=contract.requires)
        yield BoundRule(f"{stage}.data", rule, stage, (stage,), contract.severity, None, implied=True)
    if contract.max_days is not None:
        stuck = Stuck(about="customer", days=contract.max_days)
        yield BoundRule(f"{stage}.stuck", stuck, stage, (stage,), contract.severity, "pipeline", implied=True)
    for name, written in contract.rules.items():
        stages = tuple(written.stages) if written.about in ("customer", "contact") else ()
        if written.about in ("customer", "contact") and not stages:
            stages = (stage,)
        kind = contracts.touchpoints.get(written.about)
        stake = written.stake if written.stake is not None or kind is None else kind.stake
        yield BoundRule(name, written, stage, stages, written.severity or contract.severity, stake)


def _of_segments(contracts: Contracts) -> Iterator[BoundRule]:
    for name, segment in contracts.segments.items():
        for kind, days in segment.rhythm.items():
            rule = Recent(kind="recent", about="customer", of=[kind], days=days, when={"segment": [name]})
            stages = tuple(stage for stage in STAGES if stage != "prospect")
            yield BoundRule(f"{name}.{kind}", rule, None, stages, segment.severity, "revenue", implied=True)
