"""The tasks of a store: who works on which, until when, what was said about them. Runs open and close most of them.

A task keeps its row from run to run, and with it whoever claimed it and what was said about it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import orjson
import pyarrow as pa
import sqlalchemy as sa

from models.stewardship import OPEN_STATES
from models.store import bulk
from models.store import tables as t
from models.store.database import Database


@dataclass(frozen=True)
class TaskFilter:
    """Which tasks are asked for; what is not given does not matter.

    `status`: of these (default: those that wait). `holder`: claimed by or assigned to this person; `free`: claimed by
    nobody. `source`: about a record of this source. `due_before`: due earlier than this moment. `golden_id`: about a
    record in it. `record_id`: about this record.
    """

    status: Sequence[str] = OPEN_STATES
    kinds: Sequence[str] = ()
    entity_type: str | None = None
    segments: Sequence[str] = ()
    holder: str | None = None
    free: bool = False
    source: str | None = None
    due_before: dt.datetime | None = None
    golden_id: str | None = None
    record_id: int | None = None
    min_value: float | None = None
    keys: Sequence[str] | None = None


@dataclass
class TaskOverview:
    """How many tasks a filter finds: in all, by kind (whatever kinds it asks for), by segment (the same).

    `open`, `mine` and `overdue` count waiting tasks whatever the filter says.
    """

    total: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    segments: dict[str, int] = field(default_factory=dict)
    open: int = 0
    mine: int = 0
    overdue: int = 0


TaskSort = Literal["priority", "oldest", "newest", "due", "weight", "value"]
_c = t.task.c
_ORDERS: dict[TaskSort, tuple[sa.ColumnElement[Any], ...]] = {
    "priority": (sa.func.coalesce(_c.priority, 0.0).desc(), _c.opened_at),
    "oldest": (_c.opened_at,),
    "newest": (_c.opened_at.desc(),),
    "due": (_c.due_at.is_(None), _c.due_at, sa.func.coalesce(_c.priority, 0.0).desc()),
    "weight": (sa.func.coalesce(_c.weight, -1e9).desc(),),
    "value": (sa.func.coalesce(_c.value, 0.0).desc(), _c.opened_at),
}


class Tasks:
    """The half of a store that keeps what waits for stewards."""

    database: Database

    def tasks(
        self, *, status: str | None = "open", kind: str | None = None, entity_type: str | None = None
    ) -> pa.Table:
        """Tasks for stewards, all columns, in the order of their keys; None asks for any."""
        query = sa.select(t.task).order_by(t.task.c.task_key)
        for column, value in ((t.task.c.status, status), (t.task.c.kind, kind), (t.task.c.entity_type, entity_type)):
            query = query if value is None else query.where(column == value)
        with self.database.read() as connection:
            return pa.Table.from_batches(list(bulk.fetch(connection, query)))

    def find_tasks(
        self, wanted: TaskFilter, *, limit: int = 50, offset: int = 0, sort: TaskSort = "priority"
    ) -> list[dict[str, Any]]:
        """Tasks as dictionaries, by default the most pressing first: by priority, then the oldest."""
        order = (*_ORDERS[sort], t.task.c.task_key)
        # The index orders the keys; only the rows of one page are read whole.
        keys = sa.select(t.task.c.task_key).where(*_conditions(wanted)).order_by(*order).limit(limit).offset(offset)
        chosen = keys.subquery()
        query = sa.select(t.task).join(chosen, chosen.c.task_key == t.task.c.task_key).order_by(*order)
        return self._tasks(query)

    def overview_tasks(self, wanted: TaskFilter, who: str, now: dt.datetime) -> TaskOverview:
        """Counts of what a filter finds and of what waits whatever it says, in one look."""
        c = t.task.c
        plain = replace(wanted, kinds=(), segments=())
        inside = sa.and_(*_conditions(plain)) if plain != TaskFilter() else sa.true()
        waits = c.status.in_(OPEN_STATES)
        mine = sa.and_(waits, sa.or_(c.claimed_by == who, c.assigned_to == who))
        marks = {"inside": inside, "waits": waits, "mine": mine, "late": sa.and_(waits, c.due_at < now)}
        flags = [sa.case((mark, 1), else_=0).label(name) for name, mark in marks.items()]
        each = sa.select(c.kind, c.segment, *flags).where(c.status.in_({*OPEN_STATES, *wanted.status})).subquery().c
        sums = [sa.func.sum(each[name]) for name in ("waits", "mine", "late")]
        groups = (each.kind, each.segment, each.inside)
        query = sa.select(*groups, sa.func.count(), *sums).group_by(*groups)
        found = TaskOverview()
        with self.database.read() as connection:
            for kind, segment, fits, n, open_, own, late in connection.execute(query):
                segment = segment or ""
                found.open += open_
                found.mine += own
                found.overdue += late
                in_kind = not wanted.kinds or kind in wanted.kinds
                in_segment = not wanted.segments or segment in wanted.segments
                if fits and in_segment:
                    found.kinds[kind] = found.kinds.get(kind, 0) + n
                if fits and in_kind:
                    found.segments[segment] = found.segments.get(segment, 0) + n
                if fits and in_kind and in_segment:
                    found.total += n
        return found

    def task(self, task_key: str) -> dict[str, Any] | None:
        """One task as a dictionary; None if there is none of this key."""
        return next(iter(self._tasks(sa.select(t.task).where(t.task.c.task_key == task_key))), None)

    def claim_task(self, task_key: str, who: str) -> str | None:
        """Give a waiting task that nobody has to somebody. Returns who has it now; None when it waits no more.

        Of two who claim it at once one gets it, and the other is told his name.
        """
        c = t.task.c
        with self.database.write() as connection:
            free = sa.and_(c.task_key == task_key, c.status.in_(OPEN_STATES), c.claimed_by.is_(None))
            now = dt.datetime.now(dt.UTC)
            connection.execute(sa.update(t.task).where(free).values(claimed_by=who, claimed_at=now))
            has = sa.select(c.claimed_by).where(c.task_key == task_key, c.status.in_(OPEN_STATES))
            return connection.scalar(has)

    def release_task(self, task_key: str, who: str | None = None) -> bool:
        """Let go of a task; with `who` only if it is theirs. Returns whether it was let go."""
        c = t.task.c
        where = [c.task_key == task_key, c.claimed_by.is_not(None) if who is None else c.claimed_by == who]
        return self.change_task(where, claimed_by=None, claimed_at=None)

    def change_task(self, where: str | Sequence[sa.ColumnElement[bool]], **values: Any) -> bool:
        """Set columns of one task (by its key, or by conditions). Returns whether there was one."""
        conditions = [t.task.c.task_key == where] if isinstance(where, str) else where
        with self.database.write() as connection:
            return bool(connection.execute(sa.update(t.task).where(*conditions).values(**values)).rowcount)

    def open_task(self, task: Mapping[str, Any], records: Sequence[int] = ()) -> None:
        """Open a task that no run found; one of its key that is there is opened again, with what is given."""
        row = {
            "entity_type": "",
            "opened_run": "",
            "records": orjson.dumps(sorted(records)).decode(),
            "status": "open",
            "opened_at": dt.datetime.now(dt.UTC),
            **task,
        }
        if row.get("detail") is not None:
            row["detail"] = orjson.dumps(row["detail"], default=str).decode()
        with self.database.write() as connection:
            key = t.task.c.task_key == row["task_key"]
            again = {**row, "closed_run": None, "closed_at": None}
            if not connection.execute(sa.update(t.task).where(key).values(**again)).rowcount:
                connection.execute(sa.insert(t.task).values(**row))
            here = t.task_record.c.task_key == row["task_key"]
            connection.execute(sa.delete(t.task_record).where(here))
            if records:
                links = [{"record_id": record, "task_key": row["task_key"]} for record in sorted(set(records))]
                connection.execute(sa.insert(t.task_record), links)

    def close_task(self, task_key: str, *, decision_id: int | None = None) -> bool:
        """Close a waiting task, and say which decision did it. Returns whether it was waiting."""
        where = [t.task.c.task_key == task_key, t.task.c.status.in_(OPEN_STATES)]
        changed: dict[str, Any] = {"status": "closed", "closed_at": dt.datetime.now(dt.UTC)}
        if decision_id is not None:
            changed["decision_id"] = decision_id
        return self.change_task(where, **changed)

    def tasks_about(self, records: Sequence[int], *, status: Sequence[str] = OPEN_STATES) -> list[dict[str, Any]]:
        """Tasks about any of these records, each once."""
        if not records:
            return []
        named = sa.select(t.task_record.c.task_key).where(t.task_record.c.record_id.in_(records))
        return self._tasks(sa.select(t.task).where(t.task.c.task_key.in_(named), t.task.c.status.in_(status)))

    def add_comment(self, task_key: str, by: str, text: str) -> int:
        """Say something about a task; returns the number of the comment."""
        row = {"task_key": task_key, "at": dt.datetime.now(dt.UTC), "by": by, "text": text}
        with self.database.write() as connection:
            key = connection.execute(sa.insert(t.task_comment).values(**row)).inserted_primary_key
        assert key is not None
        return int(key[0])

    def comments(self, task_key: str) -> list[dict[str, Any]]:
        """What was said about a task, in order: id, task_key, at, by, text."""
        query = sa.select(t.task_comment).where(t.task_comment.c.task_key == task_key).order_by(t.task_comment.c.id)
        with self.database.read() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def _tasks(self, query: sa.Select[Any]) -> list[dict[str, Any]]:
        with self.database.read() as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
        for row in rows:
            row["records"] = orjson.loads(row["records"])
            row["detail"] = None if row["detail"] is None else orjson.loads(row["detail"])
        return rows


def _conditions(wanted: TaskFilter) -> list[sa.ColumnElement[bool]]:
    c = t.task.c
    found: list[sa.ColumnElement[bool]] = []
    for column, several in ((c.status, wanted.status), (c.kind, wanted.kinds), (c.segment, wanted.segments)):
        if several:
            found.append(column.in_(list(several)))
    if wanted.keys is not None:
        found.append(c.task_key.in_(list(wanted.keys)))
    if wanted.entity_type is not None:
        found.append(c.entity_type == wanted.entity_type)
    if wanted.holder is not None:
        found.append(sa.or_(c.claimed_by == wanted.holder, c.assigned_to == wanted.holder))
    if wanted.free:
        found.append(c.claimed_by.is_(None))
    if wanted.due_before is not None:
        found.append(c.due_at < wanted.due_before)
    if wanted.min_value is not None:
        found.append(c.value >= wanted.min_value)
    about = t.task_record.c
    if wanted.record_id is not None:
        found.append(c.task_key.in_(sa.select(about.task_key).where(about.record_id == wanted.record_id)))
    if wanted.source is not None:
        r = t.source_record.c
        of_it = sa.exists().where(
            about.task_key == c.task_key, about.record_id == r.record_id, r.source == wanted.source
        )
        known = c.sources.contains(f",{wanted.source},", autoescape=True)
        found.append(sa.or_(known, sa.and_(c.sources.is_(None), of_it)))  # a task that was not ranked yet
    if wanted.golden_id is not None:
        m = t.membership.c
        named = sa.select(about.task_key).join(t.membership, m.record_id == about.record_id)
        found.append(c.task_key.in_(named.where(m.golden_id == wanted.golden_id)))
    return found
