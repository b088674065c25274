"""What of a customer somebody sees: attributes by their sensitivity, those that a configuration adds included.

What is masked is left out altogether and named, so that neither its length nor its presence in part tells anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from models.config import Config
from models.vocabulary import ENTITY_TYPES, PARTY_TYPES, Sensitivity
from serving.access.principal import Principal

MASK = "•••"
"""What stands on pages and in files in place of a value that is not shown."""

_ADDED = re.compile("^x_")


class Masking:
    """The sensitivity of every attribute of a configuration, and what follows from it."""

    def __init__(self, config: Config):
        self._config = config
        self._known: dict[str, dict[str, Sensitivity]] = {
            entity: {name: a.sensitivity for name, a in config.attributes_of(entity).items()} for entity in ENTITY_TYPES
        }

    def sensitivity(self, entity_type: str, attribute: str) -> Sensitivity:
        """How sensitive an attribute is. One that nobody declared may hold anything about a person.

        A standard column counts as the attribute that it comes from: `phone_e164` as `phone`, `x_code` as `code`.
        """
        known = self._known.get(entity_type, {})
        name = _ADDED.sub("", attribute)
        if name in known:
            return known[name]
        parts = name.split("_")
        for length in range(len(parts) - 1, 0, -1):
            if (start := "_".join(parts[:length])) in known:
                return known[start]
        return "public" if entity_type == "organization" else "personal"

    def sees(self, who: Principal, entity_type: str, attribute: str) -> bool:
        """Whether somebody sees the values of an attribute."""
        return self.sensitivity(entity_type, attribute) in who.sees

    def visible(self, who: Principal, entity_type: str) -> list[str]:
        """The attributes of an entity type that somebody sees, in the vocabulary's order."""
        return [name for name, s in self._known[entity_type].items() if s in who.sees]

    def hidden(self, who: Principal, entity_type: str) -> list[str]:
        """The attributes of an entity type that somebody does not see."""
        return [name for name, s in self._known[entity_type].items() if s not in who.sees]

    def split(
        self, who: Principal, entity_type: str, values: Mapping[str, Any]
    ) -> tuple[dict[str, Any], list[str], list[str]]:
        """Values by attribute: what somebody sees, the names of what is masked, and of what is shown but not public.

        The third is what the audit log wants to know.
        """
        shown: dict[str, Any] = {}
        masked: list[str] = []
        personal: list[str] = []
        for name, value in values.items():
            sensitivity = self.sensitivity(entity_type, name)
            if sensitivity not in who.sees:
                masked.append(name)
                continue
            shown[name] = value
            if sensitivity != "public" and value not in (None, "", []):
                personal.append(name)
        return shown, masked, personal

    def columns(self, source: str, stream: str) -> dict[str, str]:
        """Delivered column → canonical attribute of a stream; empty where the configuration no longer has it."""
        try:
            declared = self._config.source(source).stream(stream)
        except KeyError:
            return {}
        return {c: name for name, columns in declared.field_columns.items() for c in columns}

    def entity_types(self, source: str, stream: str) -> tuple[str, ...]:
        """What a stream delivers; both kinds of parties where the configuration no longer has it."""
        try:
            return (self._config.source(source).stream(stream).entity,)
        except KeyError:
            return PARTY_TYPES

    def payload(
        self, who: Principal, entity_type: str, source: str, stream: str, payload: Mapping[str, Any]
    ) -> tuple[dict[str, Any], list[str], list[str]]:
        """`split` for a row as delivered, by the mapping of its stream.

        A column that no attribute is mapped to may hold anything: it is as sensitive as the most sensitive attribute.
        The source's key, its time of change and its tombstone flag are public.
        """
        mapped = self.columns(source, stream)
        plain = self._of_the_source(source, stream)
        shown: dict[str, Any] = {}
        masked: list[str] = []
        personal: list[str] = []
        for column, value in payload.items():
            if column in mapped:
                sensitivity = self.sensitivity(entity_type, mapped[column])
            elif column in plain:
                sensitivity = "public"
            elif column in self._known.get(entity_type, {}):
                sensitivity = self.sensitivity(entity_type, column)
            else:
                sensitivity = "secret" if entity_type in PARTY_TYPES else "personal"
            if sensitivity not in who.sees:
                masked.append(column)
                continue
            shown[column] = value
            if sensitivity != "public" and value not in (None, "", []):
                personal.append(column)
        return shown, masked, personal

    def _of_the_source(self, source: str, stream: str) -> set[str]:
        try:
            declared = self._config.source(source).stream(stream)
        except KeyError:
            return set()
        return {*declared.key_columns, *(c for c in (declared.updated_at, declared.deleted) if c)}

    @cached_property
    def secrets(self) -> frozenset[str]:
        """Names of attributes that are secret in any entity type."""
        return frozenset(n for known in self._known.values() for n, s in known.items() if s == "secret")


def masked_text(names: Iterable[str]) -> dict[str, str]:
    """What stands in place of masked values, for pages."""
    return dict.fromkeys(names, MASK)
