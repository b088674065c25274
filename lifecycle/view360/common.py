"""Small things that all parts of the view need: kinds of touchpoints and what is over, open, current."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

from lifecycle.contracts import PHASES
from lifecycle.contracts.kinds import Kind
from lifecycle.view360.gather import Facts
from models.store.customer_lookup import Record

PHASE_OF: dict[str, str] = {stage: phase for phase, stages in PHASES.items() for stage in stages}


def text(record: Record, name: str) -> str | None:
    """A value as text."""
    value = record.standard.get(name)
    return None if value in (None, "") else str(value)


def number(record: Record, name: str) -> float | None:
    """A value as a number."""
    value = record.standard.get(name)
    return float(value) if isinstance(value, int | float) else None


def kind_of(facts: Facts, record: Record) -> Kind | None:
    """What the contracts say of a touchpoint's kind."""
    return facts.contracts.touchpoints.get(str(record.standard.get("type")))


def touchpoints(facts: Facts, wanted: Callable[[str, Kind], bool]) -> Iterator[tuple[Record, Kind]]:
    """The customer's touchpoints of the kinds that are wanted, in the order of their days."""
    for record in facts.touchpoints:
        kind = kind_of(facts, record)
        if kind is not None and wanted(str(record.standard.get("type")), kind):
            yield record, kind


def entering(facts: Facts, stage: str) -> list[tuple[Record, Kind]]:
    """The customer's touchpoints that lead into a stage."""
    return list(touchpoints(facts, lambda _, kind: kind.enters == stage))


def happened(facts: Facts, record: Record) -> bool:
    """Whether it has happened: dated, and not in the future."""
    day = text(record, "occurred_at")
    return day is not None and day <= facts.today.isoformat()


def is_open(record: Record, kind: Kind) -> bool:
    """Whether it is not closed."""
    return bool(kind.closed) and (text(record, "status") or "").lower() not in kind.closed


def failed(record: Record, kind: Kind) -> bool:
    """Whether it ended badly."""
    return (text(record, "status") or "").lower() in kind.lost


def current(record: Record, today: dt.date) -> bool:
    """Whether its period holds today."""
    begin, end, day = text(record, "valid_from"), text(record, "valid_to"), today.isoformat()
    return (begin is None or begin <= day) and (end is None or end >= day)


def covers(kind: Kind) -> bool:
    """Whether a kind covers a vehicle for a period, as a contract of service does."""
    return "vin" in kind.required and "valid_to" in kind.required


def latest(facts: Facts, wanted: Callable[[str, Kind], bool]) -> str | None:
    """The day of the latest touchpoint of the kinds that are wanted, as ISO text."""
    days = [text(r, "occurred_at") for r, _ in touchpoints(facts, wanted) if happened(facts, r)]
    return max((day for day in days if day), default=None)


def in_days(day: str, days: int) -> str:
    """The day so many days after a day."""
    return (dt.date.fromisoformat(day) + dt.timedelta(days=days)).isoformat()
