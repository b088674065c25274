"""How good matching is, judged by what stewards said, and how much work it makes.

Estimates are of what a steward would say: of each band of weights a share of pairs was looked at, and what was found
there is taken for the whole band. Intervals are Wilson's, for 95 %.
"""

from __future__ import annotations

import datetime as dt
import math
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa

from models.store import tables as t
from serving.stewardship.bench import bench_of

if TYPE_CHECKING:
    from models.config import Config
    from models.store import Store

BIN = 1.0
"""Bits of match weight that one bar of the histogram stands for."""

LOWEST, HIGHEST = -30, 60
_Z = 1.96


@dataclass(frozen=True)
class Share:
    """A share with its interval; None where nothing was looked at."""

    value: float | None
    low: float | None
    high: float | None
    looked_at: int


@dataclass(frozen=True)
class Band:
    """Pairs between two weights: how many there are, and what stewards said of those that they saw."""

    name: str
    pairs: int
    match: int
    no_match: int

    @property
    def share(self) -> Share:
        """The share of matches among what was looked at."""
        return share(self.match, self.match + self.no_match)


@dataclass(frozen=True)
class Quality:
    """Matching of one entity type. `histogram` is (lower edge of the bin in bits, pairs)."""

    entity_type: str
    model_id: str | None
    auto: float
    review: float
    histogram: list[tuple[float, int]]
    bands: list[Band]
    precision: Share
    recall: Share


@dataclass(frozen=True)
class Day:
    """What was decided and opened on a day."""

    day: dt.date
    decided: int
    opened: int
    closed: int


def share(part: int, whole: int) -> Share:
    """A share with its interval by Wilson, which holds for few and for extreme shares as well."""
    if whole == 0:
        return Share(None, None, None, 0)
    p = part / whole
    middle = (p + _Z**2 / (2 * whole)) / (1 + _Z**2 / whole)
    half = _Z / (1 + _Z**2 / whole) * math.sqrt(p * (1 - p) / whole + _Z**2 / (4 * whole**2))
    return Share(p, max(0.0, middle - half), min(1.0, middle + half), whole)


def quality(store: Store, config: Config, entity: str) -> Quality | None:
    """Matching of an entity type; None before it has a model."""
    rules = bench_of(store, config).rules(entity)
    if rules is None:
        return None
    auto, review = rules.declaration.auto, rules.declaration.review
    histogram = _histogram(store, entity)
    said = _verdicts(store, entity)
    bands = []
    for name, low, high in (("merged", auto, math.inf), ("review", review, auto), ("apart", -math.inf, review)):
        pairs = sum(n for weight, n in histogram if low <= weight + BIN / 2 < high)
        seen = [verdict for weight, verdict in said if low <= weight < high]
        bands.append(Band(name, pairs, seen.count("match"), seen.count("no_match")))
    return Quality(
        entity, rules.model.model_id, auto, review, histogram, bands, bands[0].share, _recall(bands[0], bands[1])
    )


def workload(store: Store, days: int = 30, today: dt.date | None = None) -> list[Day]:
    """Decisions, tasks opened and tasks closed on each of the last days, the oldest first (days in UTC)."""
    today = today or dt.datetime.now(dt.UTC).date()
    first = dt.datetime.combine(today - dt.timedelta(days=days - 1), dt.time(), dt.UTC)
    counts: dict[str, dict[dt.date, int]] = {}
    with store.database.read() as connection:
        moments = {"decided": t.decision.c.at, "opened": t.task.c.opened_at, "closed": t.task.c.closed_at}
        for name, column in moments.items():
            day: sa.ColumnElement[Any] = sa.func.date(column)
            if store.dialect == "postgresql":
                day = sa.cast(sa.func.timezone("UTC", column), sa.Date)
            rows = connection.execute(sa.select(day, sa.func.count()).where(column >= first).group_by(day))
            counts[name] = {d if isinstance(d, dt.date) else dt.date.fromisoformat(d): int(n) for d, n in rows}
    every = [today - dt.timedelta(days=n) for n in reversed(range(days))]
    return [Day(d, *(counts[name].get(d, 0) for name in ("decided", "opened", "closed"))) for d in every]


def _recall(merged: Band, review: Band) -> Share:
    """Of all matches with a weight worth a look, the share above the threshold for merging.

    Matches below `review` are not counted: nobody looks at them, and blocking may keep pairs from being scored at all.
    """
    above, below = merged.share, review.share
    if below.value is None or below.low is None or below.high is None:
        return Share(None, None, None, 0)
    found = merged.pairs * (above.value if above.value is not None else 1.0)
    missed, least, most = (review.pairs * x for x in (below.value, below.low, below.high))
    if found + missed == 0:
        return Share(None, None, None, below.looked_at)
    return Share(found / (found + missed), found / (found + most), found / (found + least), below.looked_at)


_CACHE: dict[tuple[str, str, str], list[tuple[float, int]]] = {}
_COUNTING = threading.Lock()


def _histogram(store: Store, entity: str) -> list[tuple[float, int]]:
    """Stored pairs by weight; counted once per published run, since it reads them all."""
    last = store.last_run()
    key = (store.url, entity, last["run_id"] if last else "")
    with _COUNTING:
        if key not in _CACHE:
            for old in [k for k in _CACHE if k[:2] == key[:2]]:
                del _CACHE[old]
            e = t.edge.c
            place: sa.ColumnElement[int] = sa.cast(sa.func.floor(e.weight / BIN), sa.Integer)
            if store.dialect == "sqlite":
                # SQLite's cast cuts towards zero: moved up, so that all are above it.
                place = sa.cast(e.weight / BIN + 1000, sa.Integer) - 1000
            with store.database.read() as connection:
                query = sa.select(place, sa.func.count()).where(e.entity_type == entity).group_by(place).order_by(place)
                counted: dict[int, int] = {}
                for n, pairs in connection.execute(query):
                    at = min(max(int(n), LOWEST), HIGHEST)
                    counted[at] = counted.get(at, 0) + int(pairs)
            every = range(min(counted), max(counted) + 1) if counted else []
            _CACHE[key] = [(n * BIN, counted.get(n, 0)) for n in every]
        return _CACHE[key]


def _verdicts(store: Store, entity: str) -> list[tuple[float, str]]:
    """(weight, verdict) of the decisions on pairs that hold, the weight as it was when they were taken."""
    found = []
    for row in store.decisions(active_only=True).to_pylist():
        if row["kind"] == "pair" and row["entity_type"] == entity and row["verdict"] in ("match", "no_match"):
            evidence: dict[str, Any] = orjson.loads(row["evidence"]) if row["evidence"] else {}
            if isinstance(evidence.get("weight"), int | float):
                found.append((float(evidence["weight"]), str(row["verdict"])))
    return found
