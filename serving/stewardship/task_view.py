"""Everything that the page of a task shows, in one published state; and of two customers that nobody asked about."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import Any

from models.config import Config
from models.store import Store
from serving.access import Principal
from serving.stewardship.bench import Bench, bench_of
from serving.stewardship.compare import AttributeRow, RecordView, Waterfall, attribute_rows, record_views, waterfall
from serving.stewardship.contradictions import Contradiction, contradictions
from serving.stewardship.errors import Refused, Unknown
from serving.stewardship.graph import Graph, graph_of
from serving.stewardship.log import decision_view, decisions_about
from serving.stewardship.preview import MergePreview, merge_preview

MOST_RECORDS = 12
MOST_WEIGHED = 20
"""Of a customer with more records, so many are weighed to find those that speak most for being another one's."""


@dataclass(frozen=True)
class Beside:
    """Records side by side. `seen` is to be given back with the decision, so that an older page cannot overrule a newer
    word.

    `records`: the columns of the comparison (of a pair, the two; else up to twelve of its records), `attributes` its
    rows, `waterfall` how the weight of a pair comes about, `preview` what a merge would make, `graph` the
    neighbourhood. `against`: the hard rules that keep the two golden records apart; `leaves`: how many records each of
    the two would leave behind if it went over alone. `decisions`: earlier ones about these records.
    """

    seen: int
    records: list[RecordView]
    attributes: list[AttributeRow]
    waterfall: Waterfall | None
    preview: MergePreview | None
    graph: Graph
    against: list[Contradiction]
    leaves: list[int]
    decisions: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """As plain dictionaries and lists."""
        return asdict(self)


@dataclass(frozen=True)
class TaskView(Beside):
    """A task: its row, and what is known around it. `asks`: the decision that waits for approval."""

    task: dict[str, Any]
    asks: dict[str, Any] | None
    comments: list[dict[str, Any]]


def task_view(store: Store, config: Config, who: Principal, task_key: str) -> TaskView:
    """A task with everything around it, closed ones too. Raises NotAllowed, Unknown."""
    who.require("tasks.read")
    with store.snapshot():
        task = store.task(task_key)
        if task is None:
            raise Unknown(f"there is no task '{task_key}'")
        pair = [number for number in (task["left_id"], task["right_id"]) if number is not None]
        named = pair if len(pair) == 2 else [int(number) for number in task["records"]] or pair
        found = _beside(store, config, who, task["entity_type"], named, pair)
        asks = None
        if task["kind"] in ("approval", "change_request") and task["decision_id"] is not None:
            asks = decision_view(store, config, who, task["decision_id"])
        return TaskView(**found, task=task, asks=asks, comments=store.comments(task_key))


def customers_beside(store: Store, config: Config, who: Principal, left: str, right: str) -> Beside:
    """Two golden records (or their aliases), by the records of theirs that speak most for being one customer's.

    Raises NotAllowed, Unknown, Refused where there are not two of one entity type.
    """
    who.require("tasks.read")
    bench = bench_of(store, config)
    with store.snapshot():
        homes = [store.resolve_id(one) for one in (left, right)]
        for asked, home in zip((left, right), homes, strict=True):
            if home is None:
                raise Unknown(f"there is no golden record {asked}")
        rows = {row["golden_id"]: row for row in store.golden_by_id([str(home) for home in homes]).to_pylist()}
        for golden_id, row in rows.items():
            if row["status"] != "active":
                raise Refused(f"golden record {golden_id} is retired")
        if len(rows) < 2:
            raise Refused("the two ids are of one golden record")
        if len({row["entity_type"] for row in rows.values()}) > 1:
            raise Refused("a person and an organization are never one customer")
        pair = _speaking_most(bench, rows[str(homes[0])]["entity_type"], str(homes[0]), str(homes[1]))
        return Beside(**_beside(store, config, who, rows[str(homes[0])]["entity_type"], pair, pair))


def _beside(
    store: Store, config: Config, who: Principal, entity: str, named: list[int], pair: list[int]
) -> dict[str, Any]:
    bench = bench_of(store, config)
    columns = named[:MOST_RECORDS]
    views = record_views(bench, columns)
    homes = list(dict.fromkeys(view.golden_id for view in views if view.golden_id))
    apart = len(pair) == 2 and len(homes) > 1
    return {
        "seen": store.last_decision(),
        "records": views,
        "attributes": attribute_rows(bench, entity, columns) if views else [],
        "waterfall": waterfall(bench, entity, pair[0], pair[1]) if len(pair) == 2 else None,
        "preview": merge_preview(store, config, homes[:2]) if apart else None,
        "graph": graph_of(store, config, entity, columns),
        "against": contradictions(bench, entity, pair[0], pair[1]) if apart else [],
        "leaves": [_others(store, view) for view in views] if apart else [],
        "decisions": decisions_about(store, config, who, named),
    }


def _speaking_most(bench: Bench, entity: str, left: str, right: str) -> list[int]:
    """The record of each golden record that weigh most together; the first of each where nothing is weighed yet."""
    sides = [sorted(bench.store.members_of([one])["record_id"].to_pylist())[:MOST_WEIGHED] for one in (left, right)]
    rules = bench.rules(entity)
    features = bench.features(entity, [number for side in sides for number in side])
    pairs = [p for p in itertools.product(*sides) if p[0] in features and p[1] in features]
    if rules is None or not pairs:
        return [side[0] for side in sides]
    weigh = rules.compiled.weight
    best = max(pairs, key=lambda pair: (weigh(features[pair[0]], features[pair[1]]), -pair[0], -pair[1]))
    return list(best)


def _others(store: Store, view: RecordView) -> int:
    return 0 if view.golden_id is None else len(store.members_of([view.golden_id])) - 1
