"""What the published state rests on: the parts of the configuration, the parsers and the models that shaped it.

When one of them is another than last time, resolving only what changed would leave old and new side by side, so
everything is resolved again. Decides nothing about what a changed part means.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson
import xxhash

from matching.standardise import PARSER_VERSION
from models.config import Config, Source, Stream
from models.store import Store
from models.vocabulary import PARTY_TYPES

_OF_STREAM = {"entity", "key", "updated_at", "deleted", "fields", "date_format", "constants", "codes"}
_OF_SOURCE = {"family", "priority", "trust"}

Standing = dict[str, dict[str, str]]
"""`streams`: source.stream → hash; `rules`, `models`: entity type → hash, model id; `parser`: the parsers' version."""


def standing(config: Config, store: Store) -> Standing:
    """What a run under this configuration rests on, with the models that are published now."""
    models = {m["entity_type"]: m["model_id"] for m in store.list_models() if m["status"] == "published"}
    return {
        "streams": {f"{s.name}.{t.name}": _stream_hash(s, t) for s, t in config.streams() if t.entity in PARTY_TYPES},
        "rules": {e: _rules_hash(config, e) for e in PARTY_TYPES if e in config.entities()},
        "models": {entity: models[entity] for entity in PARTY_TYPES if entity in models},
        "parser": {"version": PARSER_VERSION},
    }


def why_full(before: Standing | None, now: Standing, held: Collection[str] = ()) -> str | None:
    """Why everything must be resolved again, in words for the user; None when what changed is enough.

    What is new (a stream, an entity type) needs no reason: all its records are changes. Of a stream that was configured
    earlier, and is again, they are not: `held` are the streams (source.stream) that the hub knows already.
    """
    if before is None:
        return "the hub is new"
    if before.get("parser") != now["parser"]:
        return "this version standardises differently"
    told = {
        "streams": "the configuration of {} changed",
        "rules": "matching or survivorship of {} changed",
        "models": "another match model of {} was published",
    }
    for part, words in told.items():
        for name, value in before.get(part, {}).items():
            if name not in now[part]:
                return f"{name} is no longer configured"
            if now[part][name] != value:
                return words.format(name)
    for name in now["streams"]:
        if name in held and name not in before.get("streams", {}):
            return f"{name} is configured again"
    return None


def _stream_hash(source: Source, stream: Stream) -> str:
    return _hash(source.model_dump(mode="json", include=_OF_SOURCE), stream.model_dump(mode="json", include=_OF_STREAM))


def _rules_hash(config: Config, entity: str) -> str:
    rules = {name: rule.model_dump(mode="json") for name, rule in config.rules(entity).items()}
    options = getattr(config.matching, entity).model_dump(mode="json")
    added = {name: repr(attribute) for name, attribute in config.attributes_of(entity).items()}
    declared = {n: s.model_dump(mode="json") for n, s in config.added(entity).items()}
    return _hash(rules, options, added, declared, config.overrides().digest)


def _hash(*values: Any) -> str:
    return xxhash.xxh3_64_hexdigest(orjson.dumps(values, option=orjson.OPT_SORT_KEYS))
