"""Comparisons that organizations and persons share: telephone, mailbox, address."""

from __future__ import annotations

from models.match_model import (
    All,
    AnyOf,
    BlockingRule,
    CannotLink,
    Comparison,
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
    Overlap,
)


def missing(*columns: str) -> Level:
    """The level of pairs where one side has none of the columns."""
    return Level(label="missing", when=Missing(columns=list(columns)))


def otherwise(m: float | None = None, label: str = "different") -> Level:
    """The last level."""
    return Level(label=label, when=Else(), m=m)


def present(*columns: str) -> Condition:
    """Both sides have at least one of the columns."""
    return Not(of=Missing(columns=list(columns)))


def differ(name: str, column: str) -> CannotLink:
    """The hard rule that two records with different values of `column` are not one customer."""
    return CannotLink(name=name, when=All(of=[present(column), Not(of=Exact(column=column))]))


def blocking_rule(name: str, *parts: str | KeyPart, train: bool = True, cap: int | None = None) -> BlockingRule:
    """A blocking rule over columns; with `train` it also gives a training session."""
    keys = [part if isinstance(part, KeyPart) else KeyPart(column=part) for part in parts]
    return BlockingRule(name=name, parts=keys, train=train, cap=cap)


PHONE = Comparison(
    name="phone",
    columns=["phones_own", "phones_shared", "phone_bases"],
    levels=[
        missing("phones_own", "phones_shared"),
        Level(label="number of their own", when=Overlap(column="phones_own"), m=0.6),
        Level(label="number of a household or office", when=Overlap(column="phones_shared"), m=0.1),
        Level(label="same number, other extension", when=Overlap(column="phone_bases"), m=0.03),
        otherwise(0.27),
    ],
)

EMAIL = Comparison(
    name="email",
    columns=["emails_own", "emails_shared"],
    levels=[
        missing("emails_own", "emails_shared"),
        Level(label="mailbox of their own", when=Overlap(column="emails_own"), m=0.6),
        Level(label="mailbox of an office", when=Overlap(column="emails_shared"), m=0.1),
        otherwise(0.3),
    ],
)

_STREET_LEVELS = [
    Level(
        label="same street, number and unit",
        when=All(of=[Exact(column="road_key"), Exact(column="road_no"), AnyOf(of=[Exact(column="unit"), Missing(columns=["unit"])])]),
        m=0.45,
    ),
    Level(label="same street and number", when=All(of=[Exact(column="road_key"), Exact(column="road_no")]), m=0.06),
    Level(label="same line", when=Exact(column="address_norm"), m=0.1),
    Level(
        label="nearly the same line",
        when=AnyOf(of=[JaroWinkler(column="address_ascii", above=0.9395), Jaccard(column="address_tokens", at_least=0.74)]),
        m=0.1,
    ),
    Level(label="same street", when=Exact(column="road_key"), m=0.06),
    Level(
        label="lines alike",
        when=AnyOf(
            of=[
                JaroWinkler(column="address_ascii", above=0.8595),
                Jaccard(column="address_tokens", at_least=0.49),
                Contained(column="address_tokens", at_least=2),
            ]
        ),
        m=0.08,
    ),
]
_STREET_COLUMNS = ["address_norm", "address_ascii", "address_tokens", "road", "road_key", "road_no", "unit"]

# Where the place is a comparison of its own, the address says nothing more about the city.
STREET = Comparison(
    name="address",
    columns=_STREET_COLUMNS,
    levels=[missing("address_norm"), *_STREET_LEVELS, otherwise(0.15)],
)

ADDRESS = Comparison(
    name="address",
    columns=[*_STREET_COLUMNS, "postal_code", "city_norm", "district_code"],
    levels=[
        missing("address_norm", "postal_code", "city_norm"),
        *_STREET_LEVELS,
        Level(label="same district", when=AnyOf(of=[Exact(column="postal_code"), Exact(column="district_code")]), m=0.05),
        Level(label="same city", when=Exact(column="city_norm"), m=0.05),
        otherwise(0.05),
    ],
)
