"""The audit log of a store: who did or read what. Appended to and read, never changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from models.store.database import Database
from models.store.tables import audit


@dataclass(frozen=True)
class AuditFilter:
    """Which entries are asked for; what is not given does not matter. `text` is looked for in ids and details."""

    actor: str | None = None
    action: str | None = None
    object_type: str | None = None
    object_id: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    text: str | None = None


class Audits:
    """The half of a store that keeps who did what."""

    database: Database

    def add_audit(
        self, actor: str, action: str, *, object_type: str = "", object_id: str = "", detail: Any = None
    ) -> None:
        """Append to the audit log."""
        self.add_audits([audit_entry(actor, action, object_type=object_type, object_id=object_id, detail=detail)])

    def add_audits(self, entries: Sequence[Mapping[str, Any]], *, wait: bool = True) -> None:
        """Append entries as `audit_entry` makes them. Without `wait`, raises BusyError while another writes."""
        if not entries:
            return
        rows = [{**entry, "at": _moment(entry["at"])} for entry in entries]
        with self.database.write(wait=wait) as connection:
            connection.execute(sa.insert(audit), rows)

    def find_audit(
        self, wanted: AuditFilter, *, limit: int = 100, before: int | None = None, oldest_first: bool = False
    ) -> list[dict[str, Any]]:
        """Entries with `detail` as an object, the newest first; `before` is the id that the page before ended with."""
        query = sa.select(audit).where(*_conditions(wanted)).limit(limit)
        if before is not None:
            query = query.where(audit.c.id > before if oldest_first else audit.c.id < before)
        with self.database.read() as connection:
            order = audit.c.id if oldest_first else audit.c.id.desc()
            rows = [dict(row) for row in connection.execute(query.order_by(order)).mappings()]
        return [{**row, "detail": None if row["detail"] is None else orjson.loads(row["detail"])} for row in rows]

    def audit_words(self) -> dict[str, list[str]]:
        """Which actors, actions and types of objects there are, for filters."""
        with self.database.read() as connection:
            return {name: _distinct(connection, audit.c[name]) for name in ("actor", "action")}


def audit_entry(
    actor: str, action: str, *, object_type: str = "", object_id: str = "", detail: Any = None
) -> dict[str, Any]:
    """An entry of the audit log, of this moment."""
    return {
        "at": dt.datetime.now(dt.UTC),
        "actor": actor,
        "action": action,
        "object_type": object_type,
        "object_id": object_id,
        "detail": None if detail is None else orjson.dumps(detail, default=str).decode(),
    }


def _distinct(connection: sa.Connection, column: sa.ColumnElement[str]) -> list[str]:
    """The values of an indexed column, from one to the next, which does not read the whole index."""
    found: list[str] = []
    while len(found) < _WORDS:
        query = sa.select(sa.func.min(column))
        value = connection.scalar(query.where(column > found[-1]) if found else query)
        if value is None:
            break
        found.append(value)
    return found


_WORDS = 200


def _conditions(wanted: AuditFilter) -> list[sa.ColumnElement[bool]]:
    c = audit.c
    found: list[sa.ColumnElement[bool]] = [
        column == value
        for column, value in (
            (c.actor, wanted.actor),
            (c.action, wanted.action),
            (c.object_type, wanted.object_type),
            (c.object_id, wanted.object_id),
        )
        if value
    ]
    if wanted.since is not None:
        found.append(c.at >= wanted.since)
    if wanted.until is not None:
        found.append(c.at < wanted.until)
    if wanted.text:
        found.append(sa.or_(*(x.contains(wanted.text, autoescape=True) for x in (c.object_id, c.detail))))
    return found


def _moment(value: dt.datetime | str) -> dt.datetime:
    return dt.datetime.fromisoformat(value) if isinstance(value, str) else value
