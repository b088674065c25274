"""The record that is asked about: its canonical attributes checked, and brought into standard form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matching.overriding import overridden_texts
from matching.standardise.added import standardise_added_one
from matching.standardise.single import standardise_one
from models.config import Config, nearest
from models.errors import ConfigError
from models.vocabulary import PARTY_TYPES


def checked_entity(entity: str) -> str:
    """The entity type, where records of it become golden records. Raises ConfigError."""
    if entity not in PARTY_TYPES:
        said = f"'{entity}' is no entity type that is matched; there are {', '.join(PARTY_TYPES)}"
        raise ConfigError(said, nearest=nearest(entity, PARTY_TYPES))
    return entity


def texts_of(config: Config, entity: str, record: Mapping[str, Any]) -> dict[str, list[str]]:
    """The values of a record's attributes as texts, trimmed, empty ones left out.

    Raises ConfigError for an attribute that the entity type does not have, or a value that is no text, number, truth
    value or (where the attribute holds several) a list of these.
    """
    known = config.attributes_of(entity)
    out: dict[str, list[str]] = {}
    for name, value in record.items():
        if name not in known:
            raise ConfigError(f"{entity} has no attribute '{name}'", nearest=nearest(str(name), known))
        values = list(value) if isinstance(value, list | tuple) else [value]
        if len(values) > 1 and not known[name].multi:
            raise ConfigError(f"attribute '{name}' takes one value, {len(values)} were given")
        for one in values:
            if one is not None and not isinstance(one, str | int | float):
                raise ConfigError(f"attribute '{name}' takes text{' or a list of texts' if known[name].multi else ''}")
        texts = [_text(one) for one in values if one is not None]
        if texts := [text for text in texts if text]:
            out[name] = texts
    return out


def standard_of(config: Config, entity: str, texts: Mapping[str, list[str]]) -> tuple[dict[str, Any], dict[str, str]]:
    """The standard columns that have a value, as a run gives them, and attribute → why it has no usable value."""
    multi = {name for name, attribute in config.attributes_of(entity).items() if attribute.multi}
    texts, passed = overridden_texts(config, entity, texts)
    raw = {name: values if name in multi else values[0] for name, values in texts.items()}
    standard, problems = standardise_one(entity, raw)
    added, more = standardise_added_one(config, entity, texts)
    return {**standard, **added}, {**problems, **more, **passed}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value).strip()
