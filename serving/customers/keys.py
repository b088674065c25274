"""From the key of a source to the golden record that it is in, by number and so by one look-up each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import sqlalchemy as sa

from models.config import Config
from models.config.created import PREFIX
from models.store import Store
from models.store.tables import membership, source_record, stream_state
from models.vocabulary import PARTY_TYPES, record_id

API_STREAMS = PARTY_TYPES
"""Streams of what programs create: one per entity type, in the source `api-<consumer>`."""


class Key(NamedTuple):
    """A record as a source names it; without a stream, in any of its streams."""

    source: str
    source_key: str
    stream: str | None = None


def streams_of(store: Store, config: Config, source: str) -> list[str]:
    """The streams that a source has or once had."""
    declared = [s.name for known in config.sources if known.name == source for s in known.streams]
    with store.database.read() as connection:
        query = sa.select(stream_state.c.stream).where(stream_state.c.source == source)
        delivered = list(connection.scalars(query))
    made = list(API_STREAMS) if source.startswith(PREFIX) else []
    return list(dict.fromkeys((*declared, *delivered, *made)))


def crosswalk(store: Store, config: Config, keys: Iterable[Key]) -> dict[Key, list[dict[str, Any]]]:
    """Per key its records: source, stream, source_key, entity_type, deleted, golden_id (None for a deleted one)."""
    asked = list(dict.fromkeys(keys))
    streams: dict[str, list[str]] = {}
    numbers: dict[int, list[Key]] = {}
    for key in asked:
        if key.stream is None and key.source not in streams:
            streams[key.source] = streams_of(store, config, key.source)
        for stream in streams[key.source] if key.stream is None else [key.stream]:
            numbers.setdefault(record_id(key.source, stream, key.source_key), []).append(key)
    r, m = source_record.c, membership.c
    query = sa.select(r.record_id, r.source, r.stream, r.source_key, r.entity_type, r.deleted, m.golden_id).join_from(
        source_record, membership, r.record_id == m.record_id, isouter=True
    )
    found: dict[Key, list[dict[str, Any]]] = {key: [] for key in asked}
    ids = sorted(numbers)
    with store.database.read() as connection:
        for start in range(0, len(ids), 500):
            some = ids[start : start + 500]
            for row in connection.execute(query.where(r.record_id.in_(some)).order_by(r.stream)).mappings():
                record = dict(row)
                number = record.pop("record_id")
                for key in numbers[number]:
                    # Two keys with one number are as rare as they can be, but the wrong customer is the worst answer.
                    if record["source"] == key.source and record["source_key"] == key.source_key:
                        found[key].append(record)
    return found
