"""Building blocks of the default declarations, and the comparison of addresses that both party types share."""

from __future__ import annotations

from models.match_model import (
    All,
    AnyOf,
    BlockingRule,
    CannotLink,
    Condition,
    Contained,
    Else,
    Exact,
    Jaccard,
    JaroWinkler,
    KeyPart,
    Level,
    Missing,
    Not,
)


def missing(*columns: str) -> Level:
    """The level of pairs where one side has none of the columns."""
    return Level(label="missing", when=Missing(columns=list(columns)))


def otherwise(m: float | None = None, u: float | None = None, label: str = "different") -> Level:
    """The last level."""
    return Level(label=label, when=Else(), m=m, u=u)


def present(*columns: str) -> Condition:
    """Both sides have at least one of the columns."""
    return Not(of=Missing(columns=list(columns)))


def exactly(*columns: str) -> Condition:
    """Both sides have the same value in every column."""
    equal: list[Condition] = [Exact(column=column) for column in columns]
    return equal[0] if len(equal) == 1 else All(of=equal)


def both(*conditions: Condition) -> Condition:
    """Every condition holds."""
    return All(of=list(conditions))


def either(*conditions: Condition) -> Condition:
    """At least one condition holds."""
    return AnyOf(of=list(conditions))


def differ(name: str, column: str) -> CannotLink:
    """The hard rule that two records with different values of `column` are not one customer."""
    return CannotLink(name=name, when=All(of=[present(column), Not(of=Exact(column=column))]))


def blocking_rule(name: str, *parts: str | KeyPart, train: bool = True, cap: int | None = None) -> BlockingRule:
    """A blocking rule over columns; with `train` it also gives a training session."""
    keys = [part if isinstance(part, KeyPart) else KeyPart(column=part) for part in parts]
    return BlockingRule(name=name, parts=keys, train=train, cap=cap)


OTHER_PLACE = either(
    *(
        both(Not(of=Missing(columns=[code])), Not(of=Exact(column=code)))
        for code in ("province_code", "city_code", "district_code")
    )
)
SAME_DOOR = both(exactly("road_key", "road_no"), Not(of=OTHER_PLACE))
_OTHER_NUMBER = both(present("road_no"), Not(of=Exact(column="road_no")))
_ONE_UNIT = both(SAME_DOOR, either(Exact(column="unit"), Missing(columns=["unit"])))
NEARLY_ONE_LINE = both(
    Not(of=_OTHER_NUMBER),
    Not(of=OTHER_PLACE),
    either(
        JaroWinkler(column="address_ascii", above=0.9395),
        JaroWinkler(column="street_latin", above=0.9195),
        Jaccard(column="address_tokens", at_least=0.74),
    ),
)
_ALIKE = either(
    JaroWinkler(column="address_ascii", above=0.8595),
    Jaccard(column="address_tokens", at_least=0.49),
    Contained(column="address_tokens", at_least=2),
)
STREET_COLUMNS = [
    "address_norm",
    "address_ascii",
    "street_latin",
    "address_tokens",
    "road",
    "road_key",
    "road_no",
    "unit",
]
STREET_LEVELS = [
    Level(label="same street, number and unit", when=_ONE_UNIT, m=0.45, chance=1e-5),
    Level(label="same street and number", when=SAME_DOOR, m=0.06, chance=3e-6),
    Level(label="same line", when=Exact(column="address_norm"), m=0.1, chance=3e-6),
    Level(label="nearly the same line", when=NEARLY_ONE_LINE, m=0.1, chance=1e-4),
    Level(label="same street", when=Exact(column="road_key"), m=0.06, chance=1e-3),
    Level(label="lines alike", when=both(Not(of=_OTHER_NUMBER), _ALIKE), m=0.08),
]
