"""What survivorship is told: one rule per attribute, one rank per source.

Only declarations and their reading from the configuration; the rules are carried out in `candidates`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from models.config import Config, Trust
from models.errors import ConfigError
from models.vocabulary import Rule, added_column

DEFAULT_PRIORITY = 50
FULL_TRUST = Trust(max=100, min=100)
# As names and websites are: their standard form is for comparing.
_AS_DELIVERED = ("text", "domain")


@dataclass(frozen=True)
class Form:
    """The standard columns behind an attribute: the form compared, the check, and whether the form is also shown."""

    compared: str
    checked: str | None = None
    shown: bool = False


@dataclass(frozen=True)
class FieldRule:
    """How the golden value of one attribute is found.

    Attributes of one `block` win together, from one record, and share the rule. `priorities` and `trust` (by source)
    replace, for this attribute, those of the source itself. `downgrade` is the percentage by which the rule `trust`
    lowers an invalid value: trust − trust × downgrade / 100. `form` is that of an attribute that a configuration adds
    (the canonical ones have theirs in `fields`).
    """

    attribute: str
    rule: Rule = "source_priority"
    multi: bool = False
    block: str | None = None
    priorities: Mapping[str, int] = field(default_factory=dict)
    trust: Mapping[str, Trust] = field(default_factory=dict)
    downgrade: float = 50.0
    form: Form | None = None


@dataclass(frozen=True)
class SourceRank:
    """A source's standing: `priority` (lower wins) and, for the rule `trust`, how far it is trusted as values age."""

    priority: int = DEFAULT_PRIORITY
    trust: Trust | None = None


@dataclass(frozen=True)
class Unit:
    """What wins as a whole: an attribute, or the attributes of a block. `number` is its place in the golden record."""

    number: int
    name: str
    fields: tuple[FieldRule, ...]
    is_block: bool

    @property
    def rule(self) -> FieldRule:
        """The rule that decides (a block's attributes share it)."""
        return self.fields[0]


def rules_for(config: Config, entity_type: str) -> list[FieldRule]:
    """The rules of an entity type, in the order of its attributes. Raises KeyError for an unknown entity type."""
    given = config.rules(entity_type)
    forms = {
        name: Form(added_column(name), shown=spec.read_by not in _AS_DELIVERED)
        for name, spec in config.added(entity_type).items()
        if spec.read_by
    }
    return [
        FieldRule(
            name, given[name].rule, attribute.multi, attribute.block, trust=given[name].trust, form=forms.get(name)
        )
        for name, attribute in config.attributes_of(entity_type).items()
    ]


def ranks_for(config: Config) -> dict[str, SourceRank]:
    """The rank of every source, by name."""
    return {source.name: SourceRank(source.priority, source.trust) for source in config.sources}


def units_of(rules: Sequence[FieldRule]) -> list[Unit]:
    """The units in the order of the rules; a block stands where its first attribute stands.

    Raises ConfigError where attributes of a block have different rules, or an attribute has two.
    """
    groups: dict[tuple[bool, str], list[FieldRule]] = {}
    for rule in rules:
        groups.setdefault((rule.block is not None, rule.block or rule.attribute), []).append(rule)
    units = []
    for number, ((is_block, name), fields) in enumerate(groups.items()):
        if len({f.attribute for f in fields}) != len(fields):
            raise ConfigError(f"attribute '{name}' has two survivorship rules")
        if is_block and len({(f.rule, f.downgrade, *map(_frozen, (f.priorities, f.trust))) for f in fields}) > 1:
            raise ConfigError(f"the attributes of block '{name}' have different survivorship rules; they win together")
        if is_block and any(f.multi for f in fields):
            raise ConfigError(f"block '{name}' holds an attribute with several values")
        units.append(Unit(number, name, tuple(fields), is_block))
    return units


def _frozen(mapping: Mapping[str, object]) -> str:
    return repr(sorted((name, repr(value)) for name, value in mapping.items()))
