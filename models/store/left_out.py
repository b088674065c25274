"""Streams whose records the hub holds though the configuration has them no longer."""

from __future__ import annotations

import sqlalchemy as sa

from models.config import Config
from models.config.created import PREFIX
from models.store.tables import source_record, stream_state


def left_out(connection: sa.Connection, config: Config) -> list[str]:
    """A sentence for each of them that has living records: without its mapping these have no values any more."""
    configured = {(source.name, stream.name) for source, stream in config.streams()}
    s, r = stream_state.c, source_record.c
    known = connection.execute(sa.select(s.source, s.stream, s.entity_type).order_by(s.source, s.stream)).all()
    found = []
    for source, stream, entity in known:
        if (source, stream) in configured or source.startswith(PREFIX):
            continue
        of_stream = (r.entity_type == entity, r.source == source, r.stream == stream, r.deleted.is_(False))
        number = connection.scalar(sa.select(sa.func.count()).where(*of_stream)) or 0
        if number:
            found.append(
                f"the hub holds {number:,} record{'' if number == 1 else 's'} of {source}.{stream}, which is not "
                "configured any more: without it they have no values and part from their customers; put it back, "
                "under this name, to undo that"
            )
    return found
