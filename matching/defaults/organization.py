"""How organizations are compared by default."""

from __future__ import annotations

from matching.defaults.shared import STREET, differ, missing, otherwise, present
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
    Missing,
    Overlap,
    StartsWith,
)

HAN_NAME = Comparison(
    name="name",
    columns=["han_core", "alt_cores", "alt_ascii", "name_ascii", "name_tokens", "name_chars", "name_norm"],
    levels=[
        missing("han_core"),
        Level(label="same trade name", when=Exact(column="han_core"), term_frequency="han_core", m=0.7),
        Level(
            label="a character missing or wrong",
            when=AnyOf(
                of=[
                    All(of=[Contained(column="name_chars", at_least=3), Jaccard(column="name_chars", at_least=0.74)]),
                    Jaccard(column="name_chars", at_least=0.79),
                ]
            ),
            m=0.1,
        ),
        Level(label="same sound", when=Overlap(column="alt_ascii"), m=0.04),
        Level(label="one contains the other", when=Contained(column="name_chars", at_least=2), m=0.06),
        Level(label="alike", when=Jaccard(column="name_chars", at_least=0.49), m=0.05),
        otherwise(0.05),
    ],
)

LATIN_NAME = Comparison(
    name="latin_name",
    columns=["latin_core", "alt_cores", "alt_ascii", "name_ascii", "name_tokens", "words", "name_norm"],
    levels=[
        missing("latin_core"),
        Level(label="equal", when=Exact(column="latin_core"), term_frequency="latin_core", m=0.5),
        Level(
            label="nearly equal",
            when=AnyOf(
                of=[
                    Jaccard(column="words", at_least=0.74),
                    All(of=[present("words"), JaroWinkler(column="name_ascii", above=0.9395)]),
                ]
            ),
            m=0.15,
        ),
        Level(
            label="most words",
            when=AnyOf(of=[Jaccard(column="words", at_least=0.59), Contained(column="words", at_least=2)]),
            m=0.12,
        ),
        Level(
            label="some words",
            when=AnyOf(
                of=[
                    Jaccard(column="words", at_least=0.32),
                    Contained(column="words", at_least=1),
                    All(of=[present("words"), JaroWinkler(column="name_ascii", above=0.8595)]),
                ]
            ),
            m=0.12,
        ),
        otherwise(0.11),
    ],
)

SOUND = Comparison(
    name="sound",
    columns=["han_core", "latin_core", "alt_cores", "alt_ascii", "name_ascii", "name_tokens"],
    levels=[
        Level(
            label="comparable in one script",
            when=AnyOf(of=[present("han_core"), present("latin_core"), Missing(columns=["alt_ascii"])]),
        ),
        Level(label="Latin name is the pinyin", when=Overlap(column="alt_ascii"), m=0.35),
        otherwise(0.65),
    ],
)

TRADE = Comparison(
    name="trade",
    columns=["trade"],
    strength=400,
    levels=[
        missing("trade"),
        Level(label="equal", when=Exact(column="trade"), m=0.9),
        Level(label="shorter form", when=StartsWith(column="trade", at_least=2), m=0.06),
        otherwise(0.04),
    ],
)

PLACE = Comparison(
    name="place",
    columns=["cities", "provinces", "city_norm", "name_region", "name_region_code"],
    strength=400,
    levels=[
        missing("provinces", "cities"),
        Level(label="same city", when=Overlap(column="cities"), m=0.85),
        Level(label="same province", when=All(of=[Overlap(column="provinces"), Missing(columns=["cities"])]), m=0.08),
        Level(label="another city of the province", when=Overlap(column="provinces"), m=0.03),
        otherwise(0.04),
    ],
)

PHONE = Comparison(
    name="phone",
    columns=["phone_bases_own", "phone_bases_shared", "phone_bases"],
    levels=[
        missing("phone_bases_own", "phone_bases_shared"),
        Level(label="number of their own", when=Overlap(column="phone_bases_own"), m=0.65),
        Level(label="number of an office or agent", when=Overlap(column="phone_bases_shared"), m=0.1),
        otherwise(0.25),
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

ORGANIZATION = Declaration(
    entity_type="organization",
    comparisons=[HAN_NAME, LATIN_NAME, SOUND, TRADE, PLACE, TAX_ID, REGISTRATION, PHONE, DOMAIN, STREET],
    blocking=[
        _rule("name", "name_norm"),
        _rule("core", "alt_cores"),
        _rule("core_city", "alt_cores", "city_norm", train=False),
        _rule("sound", "alt_ascii", train=False),
        _rule("tax_id", "tax_id"),
        _rule("org_code", "org_code9", train=False),
        _rule("registration_id", "registration_id"),
        _rule("phone", "phone_bases_own"),
        _rule("domain", "domains_own"),
        _rule("web_domain", "web_domain", train=False),
        _rule("email", "emails_own", train=False),
        _rule("street", "road_key", "road_no"),
        _rule("token_street", "name_tokens", "road_key", train=False),
        _rule("token_city", "name_tokens", "city_norm", train=False, cap=60),
        _rule("token_postal", "name_tokens", "postal_code", train=False, cap=60),
        _rule("token", "name_tokens", train=False, cap=40),
        _rule("sound_head", KeyPart(column="name_ascii", first=6), train=False, cap=60),
    ],
    contacts=[
        ContactKind(column="phone_bases", owner="name_ascii", personal=3, shared=10),
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
