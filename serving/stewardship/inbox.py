"""The inbox: tasks that wait, filtered, ordered by value times doubt, a page at a time, with what a row shows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, get_args

import orjson

from models.config import Config
from models.stewardship import OPEN_STATES, TASK_KINDS
from models.store import Store
from models.store.tasks import TaskFilter, TaskSort
from serving.access import Principal
from serving.asking import shown_name
from serving.stewardship.bench import bench_of
from serving.stewardship.errors import Refused
from serving.stewardship.raw import raw_values

PAGE = 50
SORTS: tuple[str, ...] = get_args(TaskSort)


@dataclass(frozen=True)
class InboxRow:
    """A task as the inbox shows it: `task` is its row, `names` what its records call themselves, in their order.

    `sources` are their source systems, `golden_ids` the golden records they are in, `overdue`: its date has passed.
    """

    task: dict[str, Any]
    names: list[str]
    sources: list[str]
    golden_ids: list[str]
    overdue: bool


@dataclass(frozen=True)
class Inbox:
    """A page of the inbox. `total` counts what the filter finds; `kinds` and `segments` count it by value.

    `mine`, `open` and `overdue` count waiting tasks whatever the filter says.
    """

    rows: list[InboxRow]
    total: int
    page: int
    pages: int
    kinds: dict[str, int]
    segments: dict[str, int]
    mine: int
    open: int
    overdue: int

    def as_dict(self) -> dict[str, Any]:
        """As plain dictionaries and lists."""
        return asdict(self)


def inbox(
    store: Store,
    config: Config,
    who: Principal,
    wanted: TaskFilter | None = None,
    *,
    sort: TaskSort = "priority",
    page: int = 1,
    size: int = PAGE,
) -> Inbox:
    """One page of the tasks that a filter finds. Raises NotAllowed."""
    who.require("tasks.read")
    wanted = wanted or TaskFilter()
    now = dt.datetime.now(dt.UTC)
    with store.snapshot():
        counts = store.overview_tasks(wanted, who.name, now)
        pages = max(1, -(-counts.total // size))
        page = min(max(1, page), pages)
        tasks = store.find_tasks(wanted, limit=size, offset=(page - 1) * size, sort=sort)
        rows = _rows(store, config, tasks, now)
        counted = (counts.kinds, counts.segments, counts.mine, counts.open, counts.overdue)
        return Inbox(rows, counts.total, page, pages, *counted)


def next_task(
    store: Store, config: Config, who: Principal, wanted: TaskFilter | None = None, *, after: str | None = None
) -> str | None:
    """The key of the task to look at next: the most pressing one that nobody else has, behind `after` in the order."""
    who.require("tasks.read")
    found = store.find_tasks(wanted or TaskFilter(), limit=500)
    keys = [task["task_key"] for task in found if task["claimed_by"] in (None, who.name)]
    if after in keys:
        place = keys.index(after)
        keys = keys[place + 1 :] + keys[:place]
    return keys[0] if keys else None


def read_filter(who: Principal, words: Mapping[str, str]) -> tuple[TaskFilter, TaskSort, int]:
    """Filter, order and page out of the words of an address (`status`, `kind`, `type`, `segment`, `holder`, `free`,
    `source`, `golden`, `due`, `min`, `sort`, `page`); several values are joined by commas, `me` is who asks.

    Raises Refused naming a word or value that does not exist.
    """
    known = {*("status", "kind", "type", "segment", "holder", "free", "source", "golden", "due", "min", "sort", "page")}
    if unknown := set(words) - known:
        raise Refused(f"there is no filter '{sorted(unknown)[0]}'; there are {', '.join(sorted(known))}")
    given = {name: value.strip() for name, value in words.items() if value.strip()}
    kinds = _several(given.get("kind"), TASK_KINDS, "kind")
    states = _several(given.get("status"), (*OPEN_STATES, "closed"), "status")
    sort = given.get("sort", "priority")
    if sort not in SORTS:
        raise Refused(f"there is no order '{sort}'; there are {', '.join(SORTS)}")
    holder = given.get("holder")
    now = dt.datetime.now(dt.UTC)
    try:
        due = now if given.get("due") == "over" else dt.datetime.fromisoformat(given["due"]) if "due" in given else None
        least, page = float(given["min"]) if "min" in given else None, int(given.get("page", "1"))
    except ValueError as error:
        raise Refused(f"not a date or number: {error}") from None
    wanted = TaskFilter(
        status=states or OPEN_STATES,
        kinds=kinds,
        entity_type=given.get("type"),
        segments=tuple(one.strip() for one in given.get("segment", "").split(",") if one.strip()),
        holder=who.name if holder == "me" else holder,
        free=given.get("free") in ("1", "true", "yes"),
        source=given.get("source"),
        due_before=due if due is None or due.tzinfo else due.replace(tzinfo=dt.UTC),
        golden_id=given.get("golden"),
        min_value=least,
    )
    return wanted, sort, page  # type: ignore[return-value]


def _several(text: str | None, valid: tuple[str, ...], what: str) -> tuple[str, ...]:
    found = tuple(one.strip() for one in (text or "").split(",") if one.strip())
    for one in found:
        if one not in valid:
            raise Refused(f"there is no {what} '{one}'; there are {', '.join(valid)}")
    return found


def _rows(store: Store, config: Config, tasks: list[dict[str, Any]], now: dt.datetime) -> list[InboxRow]:
    bench = bench_of(store, config)
    shown = {number: None for task in tasks for number in _shown(task)}
    held = bench.records(list(shown))
    raw = raw_values(bench, list(held))
    golden = {row["golden_id"] for row in held.values()} - {None}
    values = {row["golden_id"]: orjson.loads(row["values"]) for row in store.golden_by_id(sorted(golden)).to_pylist()}
    rows = []
    for task in tasks:
        mine = [held[number] for number in _shown(task) if number in held]
        names = [
            shown_name(raw.get(row["record_id"], {})) or shown_name(values.get(row["golden_id"], {})) or row["name"]
            for row in mine
        ]
        sources = list(dict.fromkeys(row["source"] for row in mine))
        homes = list(dict.fromkeys(row["golden_id"] for row in mine if row["golden_id"]))
        overdue = task["due_at"] is not None and task["due_at"] < now
        rows.append(InboxRow(task, names, sources, homes, overdue))
    return rows


def _shown(task: Mapping[str, Any]) -> list[int]:
    pair = [number for number in (task["left_id"], task["right_id"]) if number is not None]
    return pair or [int(number) for number in task["records"][:4]]
