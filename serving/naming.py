"""Names in a question that the hub has to know: one that is misspelt is refused, instead of finding nothing for ever.

Names of filters alone; what values they have is not looked at.
"""

from __future__ import annotations

import sqlalchemy as sa

from models.config import Config, nearest
from models.config.created import PREFIX
from models.errors import ConfigError
from models.store import Store
from models.store.serving_tables import api_record
from models.store.tables import source_record
from models.vocabulary import ENTITY_TYPES, PARTY_TYPES
from serving.access import Masking, Principal


def known_source(config: Config, store: Store, name: str) -> str:
    """The name of a source that is configured, was once, or is a program's own. Raises ConfigError for another."""
    names = [source.name for source in config.sources]
    if name not in names and ("\x00" in name or not _has_records(store, name)):
        raise ConfigError(f"there is no source '{name}'; there are {', '.join(names)}", nearest=nearest(name, names))
    return name


def seen_attribute(masking: Masking, who: Principal, name: str) -> str:
    """The name of an attribute of customers that somebody sees. Raises ConfigError for another, hidden or not there."""
    seen = {one for entity in PARTY_TYPES for one in masking.visible(who, entity)}
    if name not in seen:
        raise ConfigError(f"there is no attribute '{name}' that you see", nearest=nearest(name, sorted(seen)))
    return name


def _has_records(store: Store, name: str) -> bool:
    """Whether a source has records, or is a program that created some which no run has read yet."""
    r, a = source_record.c, api_record.c
    program = name.removeprefix(PREFIX) if name.startswith(PREFIX) else None
    with store.database.read() as connection:
        for entity in ENTITY_TYPES:  # with which the index begins
            query = sa.select(r.record_id).where(r.entity_type == entity, r.source == name).limit(1)
            if connection.scalar(query) is not None:
                return True
        created = sa.select(a.consumer).where(a.consumer == program).limit(1)
        return program is not None and connection.scalar(created) is not None
