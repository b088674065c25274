"""How organizations are compared by default.

Groups are what makes organizations hard: a group's companies share trade name, web domain and switchboard, and differ
in place and trade. So what a group shares counts once, and another place or another trade weighs heavily.
"""

from __future__ import annotations

from matching.defaults.shared import (
    SAME_DOOR,
    STREET_COLUMNS,
    STREET_LEVELS,
    both,
    differ,
    either,
    missing,
    otherwise,
    present,
)
from matching.defaults.shared import blocking_rule as _rule
from models.match_model import (
    CannotLink,
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
    Not,
    Overlap,
    StartsWith,
)

_ONE_DOMAIN = either(Overlap(column="domains_own"), Overlap(column="domains_shared"))
_ONE_GROUP = either(_ONE_DOMAIN, Overlap(column="base_tails_own"), Overlap(column="base_tails_shared"))
_ONE_CHARACTER = either(
    both(Contained(column="stem_chars", at_least=4), Jaccard(column="stem_chars", at_least=0.79)),
    both(Contained(column="core_chars", at_least=3), Jaccard(column="core_chars", at_least=0.74)),
    Jaccard(column="core_chars", at_least=0.79),
)
_SHORTER = either(
    StartsWith(column="han_core", at_least=2),
    Contained(column="core_chars", at_least=2),
    Jaccard(column="core_chars", at_least=0.49),
)

_TWO_VALID_IDS = both(present("valid_tax_id"), Exact(column="tax_id_kind"), Not(of=Exact(column="valid_tax_id")))

_OTHER_TRADE = both(
    present("trade"),
    Not(of=either(StartsWith(column="trade", at_least=2), Jaccard(column="trade_chars", at_least=0.49))),
)
_OTHER_LATIN_TRADE = both(present("latin_trade"), Not(of=Exact(column="latin_trade")))
_SISTER = both(Exact(column="han_core"), _OTHER_TRADE, either(_ONE_GROUP, SAME_DOOR))
# Companies of one name or sound and of two trades, in one house or group: what they share, they share as sisters.
_SISTERS = both(either(Exact(column="han_core"), Overlap(column="alt_ascii")), _OTHER_TRADE)
_WORDS = either(
    Jaccard(column="words", at_least=0.59),
    Contained(column="words", at_least=2),
    Jaccard(column="core_words", at_least=0.32),
    Contained(column="core_words", at_least=1),
    both(present("words"), JaroWinkler(column="name_ascii", above=0.8595)),
)
_LATIN_SISTER = both(_WORDS, _OTHER_LATIN_TRADE, either(_ONE_GROUP, SAME_DOOR))

HAN_NAME = Comparison(
    name="name",
    strength=1000,
    columns=[
        "han_core",
        "core_chars",
        "alt_cores",
        "alt_ascii",
        "name_ascii",
        "name_tokens",
        "name_norm",
        "stem_ascii",
    ],
    levels=[
        missing("han_core"),
        # In one group it is the trade that tells companies apart.
        Level(label="same trade name, other trade, in one group", when=_SISTER, m=0.05, u=0.6),
        # The companies of a group share name, domain and switchboard: one says little once another has said it.
        Level(label="same trade name, in one group", when=both(Exact(column="han_core"), _ONE_GROUP), m=0.8, u=0.2),
        Level(
            label="same trade name",
            when=Exact(column="han_core"),
            term_frequency="han_core",
            m=0.75,
            chance=5e-5,
            rare=5e-5,
        ),
        # 鑫盛 and 鑫晟 may be two companies: the sound of a name is no more than a hint.
        Level(label="whole name of the same sound", when=Exact(column="stem_ascii"), m=0.05, u=5e-4),
        Level(label="a character missing or wrong", when=_ONE_CHARACTER, m=0.04, chance=2e-5),
        Level(label="same sound", when=Overlap(column="alt_ascii"), m=0.04, chance=1e-4),
        Level(label="shorter form or alike, in one group", when=both(_SHORTER, _ONE_GROUP), m=0.1, u=0.2, tie=True),
        Level(label="shorter form", when=StartsWith(column="han_core", at_least=2), m=0.05, chance=1e-4),
        Level(label="alike", when=_SHORTER, m=0.03, chance=1e-3),
        otherwise(0.02),
    ],
)

LATIN_NAME = Comparison(
    name="latin_name",
    strength=1000,
    columns=["latin_core", "alt_cores", "alt_ascii", "name_ascii", "name_tokens", "words", "name_norm", "stem_ascii"],
    levels=[
        missing("latin_core"),
        Level(label="words in common, other trade, in one group", when=_LATIN_SISTER, m=0.05, u=0.6),
        # It holds the trade too: more than the trade name alone, which all companies of a group bear.
        Level(label="equal, in one group", when=both(Exact(column="latin_core"), _ONE_GROUP), m=0.8, u=0.08),
        Level(
            label="equal", when=Exact(column="latin_core"), term_frequency="latin_core", m=0.55, chance=2e-5, rare=2e-5
        ),
        Level(
            label="nearly equal",
            when=either(
                Jaccard(column="words", at_least=0.74),
                both(present("words"), JaroWinkler(column="name_ascii", above=0.9395)),
            ),
            m=0.15,
            chance=2e-4,
        ),
        Level(
            label="most words",
            when=either(Jaccard(column="words", at_least=0.59), Contained(column="words", at_least=2)),
            m=0.12,
            chance=3e-4,
        ),
        Level(label="words in common, in one group", when=both(_WORDS, _ONE_GROUP), m=0.1, u=0.2, tie=True),
        Level(
            label="some words",
            when=_WORDS,
            m=0.1,
            chance=5e-3,
        ),
        otherwise(0.03),
    ],
)

SOUND = Comparison(
    name="sound",
    columns=["han_core", "latin_core", "alt_cores", "alt_ascii", "name_ascii", "name_tokens", "sound_key"],
    levels=[
        Level(
            label="comparable in one script",
            when=either(present("han_core"), present("latin_core"), Missing(columns=["alt_ascii"])),
        ),
        Level(
            label="Latin name is the pinyin, in one group",
            when=both(Overlap(column="alt_ascii"), _ONE_GROUP),
            m=0.7,
            u=0.25,
        ),
        Level(
            label="Latin name is the pinyin",
            when=Exact(column="sound_key"),
            term_frequency="sound_key",
            m=0.4,
            chance=1e-4,
            rare=5e-5,
        ),
        Level(label="pinyin in the Latin name", when=Overlap(column="alt_ascii"), m=0.1, chance=1e-3),
        otherwise(0.5),
    ],
)

TRADE = Comparison(
    name="trade",
    columns=["trade", "latin_trade"],
    levels=[
        Level(label="missing", when=Not(of=either(present("trade"), present("latin_trade")))),
        # The trade is a word of the Latin name: where the names are equal, it is no second evidence.
        Level(label="equal, in equal names", when=Exact(column="latin_core"), m=0.9, u=0.1),
        Level(
            label="equal",
            when=either(Exact(column="trade"), Exact(column="latin_trade")),
            m=0.9,
            chance=0.1,
            tie=True,
        ),
        Level(
            label="shorter form, or alike",
            when=either(StartsWith(column="trade", at_least=2), Jaccard(column="trade_chars", at_least=0.49)),
            m=0.06,
            chance=0.02,
        ),
        otherwise(0.01, 0.9),
    ],
)

_OTHER_NAME_DISTRICT = both(present("name_district"), Not(of=Exact(column="name_district")))
_OTHER_PROVINCE = both(present("provinces"), Not(of=Overlap(column="provinces")))

PLACE = Comparison(
    name="place",
    columns=["cities", "provinces", "city_norm", "name_region", "name_region_code"],
    strength=200,
    levels=[
        missing("provinces", "cities"),
        # One address is one city.
        Level(label="same address", when=both(SAME_DOOR, Overlap(column="cities")), m=0.5, u=0.5, tie=True),
        # Sole traders are registered by district, and bear it in their names.
        Level(label="another district in the name", when=_OTHER_NAME_DISTRICT, m=0.02, u=0.9),
        Level(label="same city", when=Overlap(column="cities"), m=0.85, chance=0.03),
        Level(label="another province", when=_OTHER_PROVINCE, m=0.02, u=0.9),
        Level(
            label="same province", when=both(Overlap(column="provinces"), Missing(columns=["cities"])), m=0.08, tie=True
        ),
        Level(label="another city of the province", when=Overlap(column="provinces"), m=0.03, u=0.9),
        otherwise(0.05, 0.9),
    ],
)

PHONE = Comparison(
    name="phone",
    columns=["base_tails_own", "base_tails_shared", "base_tails"],
    levels=[
        missing("base_tails_own", "base_tails_shared"),
        Level(
            label="number of sister companies",
            when=both(_SISTERS, either(Overlap(column="base_tails_own"), Overlap(column="base_tails_shared"))),
            m=0.5,
            u=0.2,
            tie=True,
        ),
        Level(label="number of their own", when=Overlap(column="base_tails_own"), m=0.65, chance=5e-6),
        # In one house, or in one group, a shared number adds nothing.
        Level(
            label="number of one house or group",
            when=both(Overlap(column="base_tails_shared"), either(SAME_DOOR, _ONE_DOMAIN)),
            m=0.6,
            u=0.1,
        ),
        Level(label="number of an office or agent", when=Overlap(column="base_tails_shared"), m=0.1, chance=2e-5),
        otherwise(0.25),
    ],
)

TAX_ID = Comparison(
    name="tax_id",
    columns=["tax_id", "org_code9"],
    strength=300,
    levels=[
        missing("tax_id"),
        Level(label="equal", when=Exact(column="tax_id"), m=0.93, chance=2e-6),
        Level(label="same organisation code", when=Exact(column="org_code9"), m=0.01, chance=1e-6),
        Level(label="one character off", when=Levenshtein(column="tax_id", at_most=1), m=0.03, chance=1e-5),
        Level(
            label="two valid ids",
            when=_TWO_VALID_IDS,
            m=0.001,
            u=0.99,
        ),
        otherwise(0.015),
    ],
)

REGISTRATION = Comparison(
    name="registration_id",
    columns=["registration_id"],
    levels=[
        missing("registration_id"),
        Level(label="equal", when=Exact(column="registration_id"), m=0.93, chance=2e-6),
        otherwise(0.07),
    ],
)

DOMAIN = Comparison(
    name="domain",
    columns=["web_domain", "domains", "domains_own", "domains_shared", "emails", "emails_own"],
    levels=[
        missing("domains_own", "domains_shared", "emails_own"),
        Level(label="same mailbox", when=Overlap(column="emails_own"), m=0.2, chance=3e-6),
        Level(label="same web domain", when=Overlap(column="domains_own"), m=0.6, chance=1e-5),
        Level(label="domain of a group", when=Overlap(column="domains_shared"), m=0.1, chance=5e-5),
        otherwise(0.15),
    ],
)

# Many companies have their seat in one house: then the address tells little.
ADDRESS = Comparison(
    name="address",
    columns=[*STREET_COLUMNS, "doors", "doors_own", "doors_shared"],
    levels=[
        missing("address_norm"),
        Level(label="house of several companies", when=Overlap(column="doors_shared"), m=0.1, chance=2e-4, tie=True),
        Level(
            label="house of many",
            when=both(SAME_DOOR, Missing(columns=["doors_own", "doors_shared"])),
            m=0.5,
            u=0.3,
            tie=True,
        ),
        *STREET_LEVELS,
        otherwise(0.15),
    ],
)

# Two companies of one name in two cities: a record without a place may be of either, and joins neither.
_TWO_CITIES = both(
    present("cities"),
    Not(of=Overlap(column="cities")),
    Not(
        of=either(
            Exact(column="tax_id"),
            Exact(column="org_code9"),
            Exact(column="registration_id"),
            Overlap(column="base_tails"),
            Overlap(column="domains"),
            Overlap(column="emails"),
            SAME_DOOR,
        )
    ),
)

ORGANIZATION = Declaration(
    entity_type="organization",
    comparisons=[HAN_NAME, LATIN_NAME, SOUND, TRADE, PLACE, TAX_ID, REGISTRATION, PHONE, DOMAIN, ADDRESS],
    blocking=[
        _rule("core", "alt_cores"),
        _rule("core_city", "alt_cores", "city_norm", train=False),
        _rule("sound", "alt_ascii", train=False),
        _rule("stem", "stem_ascii", train=False),
        _rule("stem_gap", "stem_gaps", train=False),
        _rule("tax_id", "tax_id"),
        _rule("org_code", "org_code9", train=False),
        _rule("registration_id", "registration_id"),
        _rule("phone", "base_tails", train=False, cap=40),
        _rule("domain", "domains", train=False, cap=40),
        _rule("email", "emails", train=False, cap=40),
        _rule("door", "doors", train=False, cap=40),
        _rule("street", "road_key", "road_no"),
        _rule("token_street", "key_tokens", "road_key", train=False),
        _rule("token_city", "key_tokens", "city_norm", train=False, cap=60),
        _rule("token_postal", "key_tokens", "postal_code", train=False, cap=60),
        _rule("token", "key_tokens", train=False, cap=40),
        _rule("sound_head", KeyPart(column="name_ascii", first=6), train=False, cap=40),
    ],
    # A contact value of one owner tells matches apart from sister companies.
    training=[_rule("name", "name_norm"), _rule("own phone", "base_tails_own"), _rule("own domain", "domains_own")],
    contacts=[
        ContactKind(column="base_tails", owner="owner_name", personal=1, shared=10),
        ContactKind(column="emails", owner="owner_name", personal=1, shared=10),
        ContactKind(column="domains", owner="owner_name", personal=2, shared=10),
        ContactKind(column="doors", owner="owner_name", personal=2, shared=30),
    ],
    cannot_link=[
        CannotLink(name="two valid tax ids", when=_TWO_VALID_IDS),
        CannotLink(name="two cities, and nothing but a name in common", when=_TWO_CITIES),
        differ("a branch and its company", "branch_mark"),
        differ("a sole trader and a company", "owner_kind"),
    ],
    auto=2.0,
    review=-1.0,
    cohesion=5.0,
)
