"""How many living source records and golden records the hub holds, kept as numbers: counting costs with the hub.

Each transaction that changes how many there are moves the numbers on (`move`), before it takes a number for an event,
so that two that wait for each other cannot meet. Where that is not worth its while it says that they are not known
(`forget`), and the next question counts.
"""

from __future__ import annotations

from typing import Literal

import sqlalchemy as sa

from models.store import tables as t
from models.store.database import Database

Total = Literal["records", "golden"]
_UNKNOWN = -1
_COUNTED: dict[Total, sa.Select[int]] = {
    "records": sa.select(sa.func.count()).where(
        t.source_record.c.entity_type.is_not(None), t.source_record.c.deleted.is_(False)
    ),
    "golden": sa.select(sa.func.count()).where(t.golden_record.c.status == "active"),
}


def total(database: Database, name: Total) -> int:
    """Living source records (`records`) or golden records that have members (`golden`), of the whole hub."""
    row, value = _row(name), t.counter.c.value
    with database.read() as connection:
        known = connection.scalar(sa.select(value).where(row))
    if known is not None and known >= 0:
        return int(known)
    with database.write() as connection:
        if known is None:
            _write(connection, name, "counter.value + :by", 0)
        # Whoever changes the number meanwhile waits for this row, and what is counted next sees all that went before.
        known = connection.scalar(sa.select(value).where(row).with_for_update())
        if known is None or known < 0:
            known = connection.scalar(_COUNTED[name]) or 0
            connection.execute(sa.update(t.counter).where(row).values(value=known))
    return int(known)


def move(connection: sa.Connection, name: Total, by: int) -> None:
    """Say that there are so many more, or fewer; part of the transaction that makes it so."""
    if by:
        _write(connection, name, "CASE WHEN counter.value >= 0 THEN counter.value + :by ELSE counter.value END", by)


def forget(connection: sa.Connection) -> None:
    """Say that the numbers are not known any more; part of the transaction that changes them."""
    for name in _COUNTED:
        _write(connection, name, ":by", _UNKNOWN)


def count(database: Database, name: Total) -> int:
    """The number as it is counted, whatever is kept."""
    with database.read() as connection:
        return int(connection.scalar(_COUNTED[name]) or 0)


def _row(name: Total) -> sa.ColumnElement[bool]:
    return t.counter.c.name == f"total:{name}"


def _write(connection: sa.Connection, name: Total, value: str, by: int) -> None:
    # The row is made and locked even when the number is not known: who counts meanwhile must wait for this transaction.
    text = f"INSERT INTO counter (name, value) VALUES (:name, {_UNKNOWN}) ON CONFLICT (name)"
    text += f" DO UPDATE SET value = {value}"
    connection.execute(sa.text(text), {"name": f"total:{name}", "by": by})
