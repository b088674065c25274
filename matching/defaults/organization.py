"""How organizations are compared by default."""

from __future__ import annotations

from matching.defaults.shared import ADDRESS, PHONE, differ, missing, otherwise
from matching.defaults.shared import blocking_rule as _rule
from models.match_model import (
    All,
    AnyOf,
    Comparison,
    ContactKind,
    Contained,
    Declaration,
    Exact,
    Jaccard,
    JaroWinkler,
    KeyPart,
    Level,
    Levenshtein,
    Overlap,
)

NAME = Comparison(
    name="name",
    columns=["name_norm", "name_core", "alt_cores", "alt_ascii", "name_ascii", "name_tokens"],
    levels=[
        missing("name_norm"),
        Level(label="equal", when=Exact(column="name_norm"), term_frequency="name_norm", m=0.35),
        Level(
            label="same trade name and trade",
            when=All(of=[Exact(column="name_core"), Exact(column="name_industry")]),
            term_frequency="name_core",
            m=0.15,
        ),
        Level(label="same trade name", when=Exact(column="name_core"), term_frequency="name_core", m=0.1),
        Level(label="one of their names equal", when=Overlap(column="alt_cores"), m=0.08),
        Level(label="same sound", when=Overlap(column="alt_ascii"), m=0.03),
        Level(
            label="words contained",
            when=AnyOf(of=[Contained(column="name_tokens", at_least=2), Jaccard(column="name_tokens", at_least=0.66)]),
            m=0.08,
        ),
        Level(
            label="nearly equal",
            when=AnyOf(
                of=[
                    JaroWinkler(column="name_ascii", above=0.9195),
                    All(
                        of=[Levenshtein(column="name_ascii", at_most=2), JaroWinkler(column="name_ascii", above=0.8595)]
                    ),
                ]
            ),
            m=0.06,
        ),
        Level(
            label="some words",
            when=AnyOf(of=[Jaccard(column="name_tokens", at_least=0.39), Contained(column="name_tokens", at_least=1)]),
            m=0.05,
        ),
        Level(label="alike", when=JaroWinkler(column="name_ascii", above=0.8195), m=0.03),
        otherwise(0.07),
    ],
)

TAX_ID = Comparison(
    name="tax_id",
    columns=["tax_id", "org_code9"],
    levels=[
        missing("tax_id"),
        Level(label="equal", when=Exact(column="tax_id"), m=0.93),
        Level(label="same organisation code", when=Exact(column="org_code9"), m=0.01),
        Level(label="one character off", when=Levenshtein(column="tax_id", at_most=1), m=0.03),
        otherwise(0.03),
    ],
)

REGISTRATION = Comparison(
    name="registration_id",
    columns=["registration_id"],
    levels=[
        missing("registration_id"),
        Level(label="equal", when=Exact(column="registration_id"), m=0.93),
        otherwise(0.07),
    ],
)

DOMAIN = Comparison(
    name="domain",
    columns=["web_domain", "domains_own", "emails_own"],
    levels=[
        missing("domains_own", "emails_own"),
        Level(label="same mailbox", when=Overlap(column="emails_own"), m=0.2),
        Level(label="same web domain", when=Exact(column="web_domain"), m=0.5),
        Level(label="same mail domain", when=Overlap(column="domains_own"), m=0.1),
        otherwise(0.2),
    ],
)

REGION = Comparison(
    name="name_region",
    columns=["name_region"],
    levels=[missing("name_region"), Level(label="equal", when=Exact(column="name_region"), m=0.97), otherwise(0.03)],
)

TRADE = Comparison(
    name="name_industry",
    columns=["name_industry"],
    levels=[missing("name_industry"), Level(label="equal", when=Exact(column="name_industry"), m=0.9), otherwise(0.1)],
)

FORM = Comparison(
    name="org_form",
    columns=["org_form"],
    levels=[missing("org_form"), Level(label="equal", when=Exact(column="org_form"), m=0.9), otherwise(0.1)],
)


ORGANIZATION = Declaration(
    entity_type="organization",
    comparisons=[NAME, TAX_ID, REGISTRATION, PHONE, DOMAIN, ADDRESS, REGION, FORM],
    blocking=[
        _rule("name", "name_norm"),
        _rule("core", "alt_cores"),
        _rule("core_city", "alt_cores", "city_norm", train=False),
        _rule("sound", "alt_ascii", train=False),
        _rule("tax_id", "tax_id"),
        _rule("org_code", "org_code9", train=False),
        _rule("registration_id", "registration_id"),
        _rule("phone", "phones_own"),
        _rule("domain", "domains_own"),
        _rule("web_domain", "web_domain", train=False),
        _rule("email", "emails_own", train=False),
        _rule("street", "road", "road_no"),
        _rule("token_street", "name_tokens", "road", train=False),
        _rule("token_city", "name_tokens", "city_norm", train=False, cap=60),
        _rule("token_postal", "name_tokens", "postal_code", train=False, cap=60),
        _rule("token", "name_tokens", train=False, cap=40),
        _rule("sound_head", KeyPart(column="name_ascii", first=6), train=False, cap=60),
    ],
    contacts=[
        ContactKind(column="phones", owner="name_ascii", personal=3, shared=10),
        ContactKind(column="emails", owner="name_ascii", personal=3, shared=10),
        ContactKind(column="domains", owner="name_ascii", personal=3, shared=10),
    ],
    cannot_link=[
        differ("two valid tax ids", "valid_tax_id"),
        differ("a branch and its company", "branch_mark"),
        differ("a sole trader and a company", "owner_kind"),
    ],
    auto=4.0,
    review=-1.0,
)
