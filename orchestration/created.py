"""Brings what programs created through the interface into a run, as sources like any other."""

from __future__ import annotations

import os
from pathlib import Path

import orjson

from models.config import Config
from models.config.created import CHANGED_AT, KEY, PREFIX, folder_of, with_created
from models.store import Store


def with_created_sources(config: Config, store: Store) -> Config:
    """The configuration with a source per program that created something, whose files hold what it created so far."""
    with store.snapshot():
        streams = store.created_streams()
        full = with_created(config, streams)
        known = {(s.name.removeprefix(PREFIX), t.name) for s in full.sources[len(config.sources) :] for t in s.streams}
        for consumer, entity in streams:
            if (consumer, entity) in known:
                _write(store, full, consumer, entity)
    return full


def _write(store: Store, config: Config, consumer: str, entity: str) -> None:
    folder = folder_of(config.workspace, consumer)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = list(config.attributes_of(entity))
    path, fresh = folder / f"{entity}.ndjson", folder / f".{entity}.ndjson"
    with open(fresh, "wb") as file:
        for row in store.created_rows(consumer, entity):
            values = {name: _text(row["values"].get(name)) for name in names}
            file.write(orjson.dumps({KEY: row["source_key"], CHANGED_AT: row["at"], **values}) + b"\n")
    if _same(fresh, path):
        os.unlink(fresh)  # an untouched file tells the run without reading that nothing changed
    else:
        os.replace(fresh, path)


def _text(value: object) -> object:
    """A list as JSON text: what a cell of any source looks like that holds several values."""
    return orjson.dumps(value).decode() if isinstance(value, list) else value


def _same(one: Path, other: Path) -> bool:
    return other.exists() and one.stat().st_size == other.stat().st_size and one.read_bytes() == other.read_bytes()
