"""Events that no run publishes: consent that changed, persons who were erased. Numbered as all others are."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from models.store.tables import counter, event


def add_event(connection: sa.Connection, kind: str, entity_type: str, golden_id: str) -> int:
    """Append an event inside a write transaction; returns its number. The counter's row stays locked until its end."""
    name = counter.c.name == "event"
    moved = sa.update(counter).where(name).values(value=counter.c.value + 1)
    if not connection.execute(moved).rowcount:
        connection.execute(sa.insert(counter).values(name="event", value=1))
    seq = int(connection.scalar(sa.select(counter.c.value).where(name)) or 0)
    row = {"seq": seq, "type": kind, "entity_type": entity_type, "golden_id": golden_id, "run_id": ""}
    connection.execute(sa.insert(event).values(**row, at=dt.datetime.now(dt.UTC)))
    return seq
