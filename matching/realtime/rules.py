"""A published model made ready for single records: compiled once, used until another one takes its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from matching.declared import declared
from matching.keys import RecordKey, block_cap, record_keys
from matching.model.compiled import CompiledModel
from matching.model.conditions import Test, to_python
from matching.realtime.features import Features, Maker, Roles, makers_of
from matching.realtime.scoring import Pruning
from models.config import Config
from models.match_model import ContactKind, Declaration, PublishedModel


@dataclass(frozen=True)
class Rules:
    """A model with everything that can be known before a record is seen.

    `caps` holds the block cap of each blocking rule; `contacts` each contact kind with the number of the blocking rule
    that finds its holders, `hard` the rules that keep two records apart.
    """

    model: PublishedModel
    declaration: Declaration
    compiled: CompiledModel
    pruning: Pruning
    makers: dict[str, Maker]
    caps: tuple[int, ...]
    contacts: tuple[tuple[ContactKind, int], ...]
    hard: tuple[tuple[str, Test], ...]

    def features(self, standard: Mapping[str, Any], roles: Roles) -> Features:
        """The feature columns of a record of these standard values."""
        return Features(standard, self.makers, roles)

    def keys(self, features: Features) -> Iterator[RecordKey]:
        """The match keys of a record."""
        return record_keys(self.declaration, features)

    def forbids(self, one: Features, other: Features) -> str | None:
        """The name of a hard rule that keeps two records apart, if there is one."""
        return next((name for name, test in self.hard if test(one, other)), None)


def rules_of(config: Config, entity: str, document: Mapping[str, Any]) -> Rules:
    """The rules of a published model, with what the configuration changes about them."""
    model = PublishedModel.model_validate(document)
    return compiled_rules(model.model_copy(update={"declaration": declared(config, entity, model.declaration)}))


def compiled_rules(model: PublishedModel) -> Rules:
    """The rules of a model whose declaration is the one that holds for the hub."""
    declaration, compiled = model.declaration, CompiledModel(model)
    return Rules(
        model,
        declaration,
        compiled,
        Pruning(compiled),
        makers_of(declaration),
        tuple(block_cap(declaration, rule) for rule in declaration.blocking),
        tuple((kind, declaration.contact_rule(kind)) for kind in declaration.contacts),
        tuple((rule.name, to_python(rule.when)) for rule in declaration.cannot_link),
    )
