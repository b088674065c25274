"""Questions about one record, for the command line: what was typed becomes a record, the answer plain dictionaries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from matching.realtime import Matcher
from models.config import Config, nearest
from models.errors import ConfigError
from models.store import Store
from models.vocabulary import PARTY_TYPES


class NamedRecord(NamedTuple):
    """A source record that the hub holds, by its names."""

    source: str
    stream: str | None
    source_key: str


def named_record(config: Config, text: str) -> NamedRecord | None:
    """The record that SOURCE:KEY or SOURCE.STREAM:KEY names; None for what is no such name."""
    place, colon, key = text.partition(":")
    source, _, stream = place.partition(".")
    if text.lstrip().startswith("{") or not colon or not key:
        return None
    names = [s.name for s in config.sources]
    if source not in names:
        raise ConfigError(f"no source is named '{source}'", nearest=nearest(source, names))
    return NamedRecord(source, stream or None, key)


def read_record(config: Config, text: str | None, given: Iterable[str]) -> dict[str, Any]:
    """A record from a JSON object and from `name=value` words, which go before it; a name given again adds a value.

    Raises ConfigError for what is no JSON object or no such word.
    """
    record: dict[str, Any] = {}
    if text is not None:
        try:
            record = json.loads(text)
        except json.JSONDecodeError as error:
            raise ConfigError(f"the record is no JSON object: {error}") from None
        if not isinstance(record, dict):
            raise ConfigError('the record is no JSON object: it must look like {"name": "…"}')
    typed: dict[str, list[str]] = {}
    for word in given:
        name, equal, value = word.partition("=")
        if not equal or not name.strip():
            raise ConfigError(f"'{word}' is not NAME=VALUE")
        typed.setdefault(name.strip(), []).append(value)
    return record | {name: values[0] if len(values) == 1 else values for name, values in typed.items()}


def entity_of(config: Config, record: Mapping[str, Any]) -> str:
    """The entity type whose attributes a record has. Raises ConfigError where none or both have them."""
    fitting = [entity for entity in PARTY_TYPES if set(record) <= set(config.attributes_of(entity))]
    delivered = [entity for entity in fitting if entity in config.entities()]
    for found in (fitting, delivered):
        if len(found) == 1:
            return found[0]
    if fitting:
        raise ConfigError(f"organizations and persons both have {', '.join(record)}; say which with --entity")
    known = {name for entity in PARTY_TYPES for name in config.attributes_of(entity)}
    for name in record:
        if name not in known:
            raise ConfigError(f"there is no attribute '{name}'", nearest=nearest(name, known))
    raise ConfigError(f"no entity type has all of {', '.join(record)}; say which is meant with --entity")


def ask(
    store: Store,
    config: Config,
    record: NamedRecord | Mapping[str, Any],
    *,
    entity: str | None = None,
    limit: int = 5,
    at_least: float | None = None,
) -> dict[str, Any]:
    """The matcher's answer as dictionaries; each golden record has `shown`, the name that people know it by.

    Raises what `Matcher` raises.
    """
    matcher = Matcher(store, config)
    if isinstance(record, NamedRecord):
        found = matcher.match_source(
            record.source, record.source_key, stream=record.stream, limit=limit, at_least=at_least
        )
    else:
        found = matcher.match(entity or entity_of(config, record), record, limit=limit, at_least=at_least)
    answer = found.as_dict()
    for match in answer["matches"]:
        match["shown"] = shown_name(match["values"])
    return answer


def shown_name(values: Mapping[str, Any]) -> str:
    """The name by which people know a golden record."""
    for name in ("name", "full_name", "name_en", "short_name"):
        if values.get(name):
            return str(values[name])
    parts = [str(values[name]) for name in ("family_name", "given_name") if values.get(name)]
    # Chinese names are written without a blank, the family name first.
    return "".join(parts) if any(ord(c) > 0x2E80 for part in parts for c in part) else " ".join(reversed(parts))
