"""How attributes that a configuration adds are compared: a comparison each, and a blocking rule for identifiers.

Nothing about them is known beforehand, so their weights come from the data: u from the counts of the values, the rarer
value counting for more, and m from training.
"""

from __future__ import annotations

from matching.defaults.shared import missing, otherwise
from matching.standardise.added import likeness_of, standardised
from models.config import AttributeSpec, Config
from models.match_model import (
    BlockingRule,
    Comparison,
    Condition,
    Declaration,
    Exact,
    JaroWinkler,
    KeyPart,
    Level,
    Levenshtein,
    Overlap,
)
from models.vocabulary import added_column

BLOCK_CAP = 10
"""Records that may share a value of an added identifier and still be compared for it."""
_IDENTIFYING = ("identifier", "phone", "email", "domain")
_PREFIX = "x_"


def comparison_of(name: str, spec: AttributeSpec) -> Comparison:
    """The comparison of an added attribute (`spec.comparison` is not `none`)."""
    column, alike = added_column(name), likeness_of(name)
    similar = spec.comparison == "similar"
    levels = [missing(column)]
    if spec.multi:
        levels.append(Level(label="a value in common", when=Overlap(column=column), m=0.9))
    else:
        levels.append(Level(label="equal", when=Exact(column=column), m=0.9, term_frequency=column))
    if similar:
        near: Condition = Levenshtein(column=alike, at_most=1)
        if spec.read_by in ("text", "email", "domain"):
            near = JaroWinkler(column=alike, above=0.9195)
        levels.append(Level(label="similar", when=near, m=0.05))
    levels.append(otherwise(0.05 if similar else 0.1))
    return Comparison(name=column, levels=levels, columns=[column, alike] if similar else [column])


def blocking_of(name: str, spec: AttributeSpec) -> list[BlockingRule]:
    """The rule that finds records by an added identifier, where it is one."""
    if spec.read_by not in _IDENTIFYING:
        return []
    return [
        BlockingRule(name=added_column(name), parts=[KeyPart(column=added_column(name))], train=False, cap=BLOCK_CAP)
    ]


def with_added(config: Config, entity: str, declaration: Declaration, *, trained: bool) -> Declaration:
    """The declaration with the added attributes as the configuration has them.

    A `trained` one takes up no comparison that it was not trained with, and loses those that are declared otherwise
    now: their weights would be another comparison's.
    """
    wanted = _compared(config, entity)
    comparisons = {name: comparison_of(name, spec) for name, spec in wanted.items()}
    if trained:
        have = {comparison.name: comparison for comparison in declaration.comparisons}
        comparisons = {n: c for n, c in comparisons.items() if have.get(c.name) == c}
    rules = [rule for name in comparisons for rule in blocking_of(name, wanted[name])]
    own = [c for c in declaration.comparisons if not c.name.startswith(_PREFIX)]
    blocking = [r for r in declaration.blocking if not r.name.startswith(_PREFIX)]
    return declaration.model_copy(
        update={"comparisons": [*own, *comparisons.values()], "blocking": [*blocking, *rules]}
    )


def untrained(config: Config, entity: str, declaration: Declaration) -> list[str]:
    """Added attributes that are to be compared, and are not in a declaration as the configuration has them."""
    have = {comparison.name for comparison in declaration.comparisons}
    return [name for name in _compared(config, entity) if added_column(name) not in have]


def _compared(config: Config, entity: str) -> dict[str, AttributeSpec]:
    return {name: spec for name, spec in standardised(config, entity).items() if spec.comparison != "none"}
