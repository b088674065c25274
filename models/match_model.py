"""The matching declaration of an entity type, and the published model that training makes of it.

One declaration gives Splink's settings, the key builder and the compiled scorer. This module only says what can be
declared; the SQL and Python of a condition are in `matching.model`, default declarations in `matching.defaults`.
"""

from __future__ import annotations

from math import log2
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Base(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Exact(_Base):
    """Both values are present and equal."""

    kind: Literal["exact"] = "exact"
    column: str


class Crossed(_Base):
    """The left value of `column` equals the right value of `other`, or the other way round."""

    kind: Literal["crossed"] = "crossed"
    column: str
    other: str


class Overlap(_Base):
    """Two lists share at least one value."""

    kind: Literal["overlap"] = "overlap"
    column: str


class Jaccard(_Base):
    """Shared values of two lists over all their distinct values, at least `at_least` (0 to 1)."""

    kind: Literal["jaccard"] = "jaccard"
    column: str
    at_least: float


class Contained(_Base):
    """Every value of the shorter list stands in the longer one, and the shorter has at least `at_least` values."""

    kind: Literal["contained"] = "contained"
    column: str
    at_least: int = 1


class JaroWinkler(_Base):
    """Jaro-Winkler similarity of two ASCII strings, above `above` (put it off the grid of likely values: 0.9195)."""

    kind: Literal["jaro_winkler"] = "jaro_winkler"
    column: str
    above: float


class Levenshtein(_Base):
    """Edit distance of two ASCII strings, at most `at_most`."""

    kind: Literal["levenshtein"] = "levenshtein"
    column: str
    at_most: int


class Prefix(_Base):
    """The first `length` characters are equal, and both strings have that many."""

    kind: Literal["prefix"] = "prefix"
    column: str
    length: int


class StartsWith(_Base):
    """One of two strings, at least `at_least` characters long, begins the other."""

    kind: Literal["starts_with"] = "starts_with"
    column: str
    at_least: int = 1


class Missing(_Base):
    """One of the two records has none of `columns`."""

    kind: Literal["missing"] = "missing"
    columns: list[str]


class All(_Base):
    """Every condition holds."""

    kind: Literal["all"] = "all"
    of: list[Condition]


class AnyOf(_Base):
    """At least one condition holds."""

    kind: Literal["any"] = "any"
    of: list[Condition]


class Not(_Base):
    """The condition does not hold (an absent value makes a condition not hold)."""

    kind: Literal["not"] = "not"
    of: Condition


class Else(_Base):
    """What no earlier level caught."""

    kind: Literal["else"] = "else"


Condition = Annotated[
    Exact
    | Crossed
    | Overlap
    | Jaccard
    | Contained
    | JaroWinkler
    | Levenshtein
    | Prefix
    | StartsWith
    | Missing
    | All
    | AnyOf
    | Not
    | Else,
    Field(discriminator="kind"),
]

for _model in (All, AnyOf, Not):
    _model.model_rebuild()


class Level(_Base):
    """One level of a comparison, tried in order.

    `m` is the share of matches expected at this level before any data were seen (a prior for training, not a result).
    With `u` given too, the level's weight is declared and not learned: for agreement that says little because another
    comparison has said it already (one household's surname), and for disagreement that few data show (two birth dates).
    `chance` is how often two different customers agree so, before any data were seen; few data hardly move it.
    `term_frequency` names a column whose rarer values count for more when this level holds; `rare` is
    the share of a value that is not common, before any data were seen. `shares` names a list of how common values are
    in the world: what a small base cannot know, since it may hold a common name once.
    `tie` marks a level whose weight need not lie below the level before it.
    """

    label: str
    when: Condition
    m: float | None = None
    u: float | None = None
    chance: float | None = None
    term_frequency: str | None = None
    rare: float | None = None
    shares: Literal["surnames"] | None = None
    tie: bool = False

    @property
    def declared_weight(self) -> float | None:
        """The match weight in bits of a level that is not learned."""
        return None if self.m is None or self.u is None else log2(self.m) - log2(self.u)


class Comparison(_Base):
    """Levels from strongest to weakest agreement; the first says when a pair cannot be compared, the last is `else`.

    `columns` are the standard columns that it reads (training leaves the comparison out where a rule blocks on one);
    `strength` is the weight of its prior in pairs, instead of the declaration's.
    """

    name: str
    levels: list[Level]
    columns: list[str]
    strength: float | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Comparison:
        if self.levels[-1].when.kind != "else":
            raise ValueError(f"comparison {self.name}: the last level must be 'else'")
        return self


class KeyPart(_Base):
    """A column of a blocking rule; a list column gives one key per value; `first` takes its first characters."""

    column: str
    first: int | None = None


class BlockingRule(_Base):
    """Records which agree on all parts are compared, unless the block has more than the cap's records."""

    name: str
    parts: list[KeyPart]
    train: bool = True
    cap: int | None = Field(default=None, description="overrides the declaration's block_cap")


class CannotLink(_Base):
    """A hard rule: two records for which `when` holds never share a golden record unless a steward says so."""

    name: str
    when: Condition


class ContactKind(_Base):
    """A contact column whose values are profiled before matching.

    `owner` is the column that tells the owners of a value apart; `family` one that members of a household share.
    A value used by more than `personal` owners is shared, by more than `shared` it identifies nobody. Owners that are
    `persons` are one where every word of the shorter name stands in the longer one, give or take a typing error.
    """

    column: str
    owner: str
    persons: bool = False
    family: str | None = None
    personal: int = 3
    shared: int = 10


class Declaration(_Base):
    """How records of one entity type are compared, blocked, merged. Weights are in bits (log2)."""

    entity_type: str
    comparisons: list[Comparison]
    blocking: list[BlockingRule]
    training: list[BlockingRule] = Field(default=[], description="rules that only training looks at")
    contacts: list[ContactKind] = []
    cannot_link: list[CannotLink] = []
    auto: float = Field(description="match weight from which a pair is merged without a person")
    review: float = Field(description="match weight from which a pair is shown to a steward")
    cohesion: float = Field(default=6.0, description="bits that all pairs between two clusters say on average to merge")
    block_cap: int = 200
    max_cluster: int = 200
    prior_strength: float = 40.0

    @model_validator(mode="after")
    def _contacts_are_blocked(self) -> Declaration:
        for kind in self.contacts:
            self.contact_rule(kind)
        return self

    def contact_rule(self, kind: ContactKind) -> int:
        """The number of the blocking rule that finds every record with a contact value. Raises ValueError."""
        for number, rule in enumerate(self.blocking):
            if [part.column for part in rule.parts] == [kind.column] and rule.parts[0].first is None:
                return number
        raise ValueError(f"no blocking rule consists of the contact column {kind.column}")

    def columns(self) -> list[str]:
        """Every standard column that comparisons, blocking and hard rules read, in a stable order."""
        seen: dict[str, None] = {}
        for comparison in self.comparisons:
            for level in comparison.levels:
                for name in condition_columns(level.when):
                    seen.setdefault(name)
                if level.term_frequency:
                    seen.setdefault(level.term_frequency)
        for rule in (*self.blocking, *self.training):
            for part in rule.parts:
                seen.setdefault(part.column)
        for hard in self.cannot_link:
            for name in condition_columns(hard.when):
                seen.setdefault(name)
        return list(seen)

    def term_frequency_columns(self) -> list[str]:
        """Columns whose term frequencies the model needs."""
        return [*dict.fromkeys(at.term_frequency for c in self.comparisons for at in c.levels if at.term_frequency)]


def condition_columns(condition: Any) -> list[str]:
    """The standard columns that a condition reads."""
    if condition.kind in ("all", "any"):
        return [name for part in condition.of for name in condition_columns(part)]
    if condition.kind == "not":
        return condition_columns(condition.of)
    if condition.kind == "missing":
        return list(condition.columns)
    if condition.kind == "crossed":
        return [condition.column, condition.other]
    return [condition.column] if hasattr(condition, "column") else []


def listed_columns(declaration: Declaration) -> set[str]:
    """The columns that a declaration compares as lists."""

    def inside(condition: Any) -> set[str]:
        if condition.kind in ("overlap", "jaccard", "contained"):
            return {condition.column}
        parts = condition.of if condition.kind in ("all", "any") else [condition.of] if condition.kind == "not" else []
        return {name for part in parts for name in inside(part)}

    conditions = [level.when for comparison in declaration.comparisons for level in comparison.levels]
    conditions += [rule.when for rule in declaration.cannot_link]
    kinds = {
        name for kind in declaration.contacts for name in (kind.column, kind.column + "_own", kind.column + "_shared")
    }
    return kinds.union(*(inside(condition) for condition in conditions))


class TrainedLevel(_Base):
    """m and u of one level, and where they come from.

    `data`, `prior` (too few pairs: mostly the declaration's m), `pooled` (made monotonic) or `declared` (not learned).
    """

    m: float
    u: float
    origin: Literal["data", "prior", "pooled", "declared"]


class PublishedModel(_Base):
    """A declaration with everything training found: immutable once published.

    `prior` is the probability that two records drawn at random match. `term_frequencies` holds, per column, the shares
    of values seen more than once; a value not listed has the share `rare[column]`.
    """

    model_id: str
    entity_type: str
    declaration: Declaration
    parser_version: str
    versions: dict[str, str]
    records: int
    prior: float
    levels: dict[str, list[TrainedLevel | None]]
    term_frequencies: dict[str, dict[str, float]]
    rare: dict[str, float]
    created_at: str
    evaluation: dict[str, Any] = {}
