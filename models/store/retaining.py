"""What is no longer any source's present state, and older than its source's retention allows: counted, or removed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from models.config import Config, Source
from models.store import tables as t
from models.store.database import Database

_PARTS = 500
_OF_RECORDS = ("source_record_version", "match_key", "search_word", "membership_history", "record_link", "consent")


class Retaining:
    """The half of a store that lets old states go."""

    database: Database

    def retain(self, config: Config, *, dry: bool = False, now: dt.datetime | None = None) -> list[dict[str, Any]]:
        """Remove, or with `dry` only count, what retention rules do not keep: source, what, before, rows.

        Records are removed some hundred at a time, each time in a transaction of its own: others may write in between,
        and what was removed when it is broken off stays removed.

        Ages go by the run that replaced a version or brought a deletion; ids of runs begin with their time.
        """
        at, found = now or dt.datetime.now(dt.UTC), list[dict[str, Any]]()
        for source in config.sources:
            for what, days in source.retention.model_dump().items():
                if days is None:
                    continue
                before = at - dt.timedelta(days=days)
                step, rows = _STEPS[what], 0
                after: int | None = _FIRST
                while after is not None:
                    with self.database.read() if dry else self.database.write() as connection:
                        count, after = step(connection, source, before, dry, after)
                    rows += count
                found.append({"source": source.name, "what": what, "before": before, "rows": rows})
        return found


_FIRST = -(2**63)
"""Below every number of a record."""

Step = tuple[int, int | None]
"""How many rows were removed, or are to be, and the number of the record to go on behind; None at the end."""


def _versions(connection: sa.Connection, source: Source, before: dt.datetime, dry: bool, after: int) -> Step:
    v = t.source_record_version.c
    where = sa.and_(v.source == source.name, v.superseded_run < _run(before))
    return _gone(connection, t.source_record_version, where, dry), None


def _quarantine(connection: sa.Connection, source: Source, before: dt.datetime, dry: bool, after: int) -> Step:
    q = t.quarantine.c
    return _gone(connection, t.quarantine, sa.and_(q.source == source.name, q.at < before), dry), None


def _deleted(connection: sa.Connection, source: Source, before: dt.datetime, dry: bool, after: int) -> Step:
    r, m = t.source_record.c, t.membership.c
    where = sa.and_(r.source == source.name, r.deleted.is_(True), r.last_run < _run(before))
    # One that goes on under another key, or about which somebody decided, is still needed.
    needed = sa.or_(
        sa.exists().where(m.record_id == r.record_id),
        sa.exists().where(t.record_rekey.c.old_id == r.record_id),
        sa.exists().where(t.decision_record.c.record_id == r.record_id),
    )
    if dry:
        counted = sa.select(sa.func.count()).select_from(t.source_record).where(where, ~needed)
        return int(connection.scalar(counted) or 0), None
    page = sa.select(r.record_id).where(r.record_id > after, where, ~needed).order_by(r.record_id).limit(_PARTS)
    some = connection.scalars(page).all()
    if not some:
        return 0, None
    h = t.membership_history.c
    homes = set(connection.scalars(sa.select(h.golden_id).where(h.record_id.in_(some))))
    for name in _OF_RECORDS:
        table = t.metadata.tables[name]
        connection.execute(sa.delete(table).where(table.c.record_id.in_(some)))
    _empty(connection, sorted(homes))
    connection.execute(sa.delete(t.edge).where(sa.or_(t.edge.c.left_id.in_(some), t.edge.c.right_id.in_(some))))
    connection.execute(sa.delete(t.source_record).where(r.record_id.in_(some)))
    return len(some), some[-1] if len(some) == _PARTS else None


def _empty(connection: sa.Connection, golden_ids: Sequence[str]) -> None:
    """Take the values out of golden records that ended, and of which no record is left."""
    g, e = t.golden_record.c, t.event.c
    alone = [
        sa.not_(sa.exists().where(table.c.golden_id == g.golden_id)) for table in (t.membership, t.membership_history)
    ]
    where = sa.and_(g.golden_id.in_(golden_ids), g.status == "retired", *alone)
    ended = list(connection.scalars(sa.select(g.golden_id).where(where)))
    empty = {"values": "{}", "provenance": "{}"}
    connection.execute(sa.update(t.golden_record).where(g.golden_id.in_(ended)).values(**empty))
    connection.execute(sa.delete(t.golden_version).where(t.golden_version.c.golden_id.in_(ended)))
    for side in (e.before, e.after):
        told = sa.and_(e.golden_id.in_(ended), side.startswith("{"))
        connection.execute(sa.update(t.event).where(told).values({side.name: "{}"}))


def _gone(connection: sa.Connection, table: sa.Table, where: sa.ColumnElement[bool], dry: bool) -> int:
    if dry:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(table).where(where)) or 0)
    return connection.execute(sa.delete(table).where(where)).rowcount


def _run(moment: dt.datetime) -> str:
    """What ids of runs of a moment begin with."""
    return f"{moment.astimezone(dt.UTC):%Y%m%dT%H%M%S}"


_STEPS = {"former_versions": _versions, "deleted_records": _deleted, "quarantine": _quarantine}
