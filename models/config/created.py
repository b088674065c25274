"""The source of what programs create through the interface: one per program, read by runs like any other.

Says what such a source looks like; who writes its files is orchestration's work, who fills the table serving's.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast

from models.config.root import Config
from models.config.source import Entity, Source, Stream

PREFIX = "api-"
KEY, CHANGED_AT = "source_key", "at"
FOLDER = "created"


def created_source(config: Config, consumer: str, entities: Iterable[str]) -> Source:
    """The source `api-<consumer>` with a stream per entity type, whose columns are called as the attributes are."""
    streams = [
        Stream(
            name=entity,
            entity=cast(Entity, entity),
            key=KEY,
            updated_at=CHANGED_AT,
            fields={name: name for name in config.attributes_of(entity)},
            mode="snapshot",
            volume_floor=0,
        )
        for entity in entities
    ]
    path = folder_of(config.workspace, consumer) / "{stream}.ndjson"
    return Source(
        name=PREFIX + consumer,
        family="sales",
        connector={"type": "files", "path": str(path)},
        streams=streams,
        priority=config.serving.api_priority,
    )


def folder_of(workspace: Path, consumer: str) -> Path:
    """Where the files of a program's source are written before a run reads them."""
    return workspace / FOLDER / consumer


def with_created(config: Config, created: Iterable[tuple[str, str]]) -> Config:
    """The configuration with the sources of what programs created: (consumer, entity type) of each.

    A source of the file that has the same name goes before.
    """
    names = {source.name for source in config.sources}
    streams: dict[str, list[str]] = {}
    for consumer, entity in sorted(created):
        if PREFIX + consumer not in names and entity in config.entities():
            streams.setdefault(consumer, []).append(entity)
    if not streams:
        return config
    sources = [*config.sources, *(created_source(config, c, entities) for c, entities in streams.items())]
    found = config.model_copy(update={"sources": sources})
    found._file = config.file
    return found
