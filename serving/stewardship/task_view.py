"""Everything that the page of a task shows, in one published state."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from models.config import Config
from models.store import Store
from serving.access import Principal
from serving.stewardship.bench import bench_of
from serving.stewardship.compare import AttributeRow, RecordView, Waterfall, attribute_rows, record_views, waterfall
from serving.stewardship.contradictions import Contradiction, contradictions
from serving.stewardship.errors import Unknown
from serving.stewardship.graph import Graph, graph_of
from serving.stewardship.log import decision_view, decisions_about
from serving.stewardship.preview import MergePreview, merge_preview

MOST_RECORDS = 12


@dataclass(frozen=True)
class TaskView:
    """A task. `seen` is to be given back with the decision, so that an older page cannot overrule a newer word.

    `task`: its row. `records`: the columns of the comparison (of a pair, the two; else up to twelve of its records),
    `attributes` its rows, `waterfall` how the weight of a pair comes about, `preview` what a merge would make, `graph`
    the neighbourhood. `against`: the hard rules that keep the two golden records apart; `leaves`: how many records
    each of the two would leave behind if it went over alone. `decisions`: earlier ones about these records; `asks`: the
    decision that waits for approval.
    """

    task: dict[str, Any]
    seen: int
    records: list[RecordView]
    attributes: list[AttributeRow]
    waterfall: Waterfall | None
    preview: MergePreview | None
    graph: Graph
    against: list[Contradiction]
    leaves: list[int]
    decisions: list[dict[str, Any]]
    asks: dict[str, Any] | None
    comments: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """As plain dictionaries and lists."""
        return asdict(self)


def task_view(store: Store, config: Config, who: Principal, task_key: str) -> TaskView:
    """A task with everything around it, closed ones too. Raises NotAllowed, Unknown."""
    who.require("tasks.read")
    bench = bench_of(store, config)
    with store.snapshot():
        task = store.task(task_key)
        if task is None:
            raise Unknown(f"there is no task '{task_key}'")
        seen = store.last_decision()
        pair = [number for number in (task["left_id"], task["right_id"]) if number is not None]
        named = pair if len(pair) == 2 else [int(number) for number in task["records"]] or pair
        columns = named[:MOST_RECORDS]
        views = record_views(bench, columns)
        homes = list(dict.fromkeys(view.golden_id for view in views if view.golden_id))
        apart = len(pair) == 2 and len(homes) > 1
        asks = None
        if task["kind"] in ("approval", "change_request") and task["decision_id"] is not None:
            asks = decision_view(store, config, who, task["decision_id"])
        return TaskView(
            task,
            seen,
            views,
            attribute_rows(bench, task["entity_type"], columns) if views else [],
            waterfall(bench, task["entity_type"], *pair) if len(pair) == 2 else None,
            merge_preview(store, config, homes[:2]) if apart else None,
            graph_of(store, config, task["entity_type"], columns),
            contradictions(bench, task["entity_type"], *pair) if apart else [],
            [_others(store, view) for view in views] if apart else [],
            decisions_about(store, config, who, named),
            asks,
            store.comments(task_key),
        )


def _others(store: Store, view: RecordView) -> int:
    return 0 if view.golden_id is None else len(store.members_of([view.golden_id])) - 1
