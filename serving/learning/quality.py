"""How good matching is, as far as stewards' verdicts tell: histogram of weights, precision, recall, workload."""

from __future__ import annotations

import datetime as dt
import weakref
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from matching.model.verdicts import Agreement, Rate, agreement, wilson
from matching.said import said_of
from models.config import Config
from models.store import Store
from models.store import tables as t
from serving.access import Principal
from serving.stewardship.bench import bench_of

DAYS = 30


@dataclass(frozen=True)
class Bin:
    """Pairs of a match weight from `start` to one bit above; of those with a verdict, the share of matches."""

    start: int
    pairs: int
    verdicts: int
    matches: Rate


@dataclass(frozen=True)
class Day:
    """What came and went on a day (UTC)."""

    day: dt.date
    opened: int
    closed: int
    decisions: int


@dataclass(frozen=True)
class MatchQuality:
    """`bins`: pairs that the hub keeps, by match weight, ascending. `at_auto` and `at_review`: precision and recall on
    verdicts if pairs from that threshold on were merged. Verdicts are about doubtful pairs mostly, so precision at
    `auto` is a lower bound of that of all merges. `days`: the last thirty. `blocking`: per blocking rule `rule`,
    `keys`, `records`, `pairs`, `largest`, `blocks_cut` and `pairs_cut`, as the run `blocking_run` found them, the last
    one that resolved all records of the entity type.
    """

    entity_type: str
    model_id: str
    review: float
    auto: float
    bins: list[Bin]
    at_auto: Agreement
    at_review: Agreement
    days: list[Day]
    blocking: list[dict[str, Any]]
    blocking_run: str | None

    def as_dict(self) -> dict[str, Any]:
        """As plain dictionaries and lists."""
        return asdict(self)


def match_quality(store: Store, config: Config, who: Principal, entity: str) -> MatchQuality | None:
    """The quality of matching of an entity type; None before the first run. Raises NotAllowed."""
    who.require("models.read")
    bench = bench_of(store, config)
    rules = bench.rules(entity)
    if rules is None:
        return None
    with store.snapshot():
        weighed = weighed_verdicts(store, config, entity)
        counts = _histogram(store, entity)
        days = _days(store, entity)
        run_id, blocking = _blocking(store, entity)
    said: dict[int, list[bool]] = {}
    for weight, match in weighed:
        said.setdefault(int(weight // 1), []).append(match)
    bins = []
    for start in sorted({*counts, *said}):
        here = said.get(start, [])
        bins.append(Bin(start, counts.get(start, 0), len(here), wilson(sum(here), len(here))))
    review, auto = rules.declaration.review, rules.declaration.auto
    return MatchQuality(
        entity_type=entity,
        model_id=rules.model.model_id,
        review=review,
        auto=auto,
        bins=bins,
        at_auto=agreement(weighed, auto),
        at_review=agreement(weighed, review),
        days=days,
        blocking=sorted(blocking, key=lambda row: -row["pairs_cut"]),
        blocking_run=run_id,
    )


def _blocking(store: Store, entity: str) -> tuple[str | None, list[dict[str, Any]]]:
    """The last run that resolved all records of an entity type, and what its blocking rules yielded."""
    metrics = (store.last_run() or {}).get("metrics") or {}
    run_id = metrics.get("blocking", {}).get(entity)
    found = (store.run(run_id) or {}).get("metrics") if run_id else None
    rows = [row.get("blocks", []) for row in (found or {}).get("entities", []) if row["entity"] == entity]
    return run_id, [block for blocks in rows for block in blocks]


def weighed_verdicts(store: Store, config: Config, entity: str) -> list[tuple[float, bool]]:
    """Match weight under the model in use, and whether a steward said match, of every pair with a verdict."""
    bench = bench_of(store, config)
    rules = bench.rules(entity)
    rows = [r for r in store.decisions(active_only=True, evidence=False).to_pylist() if r["kind"] == "pair"]
    said = said_of(rows, entity)
    features = bench.features(entity, said.records())
    found = []
    for pairs, match in ((said.match, True), (said.no_match, False)):
        for left, right in sorted(pairs):
            if rules is not None and left in features and right in features:
                found.append((rules.compiled.weight(features[left], features[right]), match))
    return found


_HISTOGRAMS: weakref.WeakKeyDictionary[Store, dict[str, tuple[str | None, dict[int, int]]]] = (
    weakref.WeakKeyDictionary()
)


def _histogram(store: Store, entity: str) -> dict[int, int]:
    """Pairs per bit of weight. Counted once per run: edges change with runs alone."""
    last = (store.last_run() or {}).get("run_id")
    known = _HISTOGRAMS.setdefault(store, {})
    if entity not in known or known[entity][0] != last:
        e = t.edge.c
        whole = sa.cast(sa.func.floor(e.weight), sa.Integer)
        query = sa.select(whole, sa.func.count()).where(e.entity_type == entity).group_by(whole)
        with store.database.read() as connection:
            known[entity] = last, {int(start): int(n) for start, n in connection.execute(query)}
    return known[entity][1]


def _days(store: Store, entity: str) -> list[Day]:
    today = dt.datetime.now(dt.UTC).date()
    first = today - dt.timedelta(days=DAYS - 1)
    since = dt.datetime.combine(first, dt.time(), dt.UTC)
    task, d = t.task.c, t.decision.c
    queries = (
        sa.select(task.opened_at).where(task.entity_type == entity, task.opened_at >= since),
        sa.select(task.closed_at).where(task.entity_type == entity, task.closed_at >= since),
        sa.select(d.at).where(d.entity_type == entity, d.at >= since, d.undoes.is_(None)),
    )
    with store.database.read() as connection:
        opened, closed, decided = (Counter(at.date() for at in connection.scalars(query)) for query in queries)
    days = (first + dt.timedelta(days=i) for i in range(DAYS))
    return [Day(day, opened[day], closed[day], decided[day]) for day in days]
