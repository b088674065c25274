"""What hangs on source records of customers: touchpoints, vehicles, persons; it moves with them when they do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from models.store import lifecycle_tables as lt
from models.store import tables as t

if TYPE_CHECKING:
    from models.store import Store


def attached(store: Store, records: Sequence[int]) -> dict[int, dict[str, int]]:
    """Per record, how many current records of which entity type name it as theirs; records with none are left out."""
    link, r = lt.record_link.c, t.source_record.c
    query = (
        sa.select(link.target_id, r.entity_type, sa.func.count(sa.distinct(r.record_id)))
        .join_from(lt.record_link, t.source_record, r.record_id == link.record_id)
        .where(link.target_id.in_(list(records)), r.deleted.is_(False))
        .group_by(link.target_id, r.entity_type)
    )
    found: dict[int, dict[str, int]] = {}
    with store.database.read() as connection:
        for target, entity, n in connection.execute(query):
            found.setdefault(int(target), {})[str(entity)] = int(n)
    return found
