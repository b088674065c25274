"""What programs created through the interface, as rows: the delivered state of their sources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import sqlalchemy as sa

from models.store.database import Database
from models.store.serving_tables import api_record


class Created:
    """The half of a store that keeps what programs created."""

    database: Database

    def created_streams(self) -> list[tuple[str, str]]:
        """(consumer, entity type) of everything that programs created."""
        c = api_record.c
        with self.database.read() as connection:
            rows = connection.execute(
                sa.select(c.consumer, c.entity_type).distinct().order_by(c.consumer, c.entity_type)
            )
            return [(row.consumer, row.entity_type) for row in rows]

    def created_rows(self, consumer: str, entity_type: str) -> Iterator[dict[str, Any]]:
        """source_key, at, values (as an object) of each living record of a program, by its key."""
        c = api_record.c
        query = sa.select(c.source_key, c.at, c["values"])
        query = query.where(c.consumer == consumer, c.entity_type == entity_type, c.deleted.is_(False))
        with self.database.read() as connection:
            for row in connection.execute(query.order_by(c.source_key)).mappings():
                yield {**row, "values": orjson.loads(row["values"])}

    def created_record(self, record_id: int) -> dict[str, Any] | None:
        """One record by its number; None if there is none."""
        with self.database.read() as connection:
            row = (
                connection.execute(sa.select(api_record).where(api_record.c.record_id == record_id)).mappings().first()
            )
        return None if row is None else {**row, "values": orjson.loads(row["values"])}
