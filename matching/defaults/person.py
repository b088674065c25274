"""How persons are compared by default."""

from __future__ import annotations

from matching.defaults.shared import ADDRESS, EMAIL, PHONE, differ, missing, otherwise
from matching.defaults.shared import blocking_rule as _rule
from models.match_model import (
    All,
    AnyOf,
    Comparison,
    ContactKind,
    Crossed,
    Declaration,
    Exact,
    JaroWinkler,
    KeyPart,
    Level,
    Levenshtein,
    StartsWith,
)

SURNAME = Comparison(
    name="surname",
    columns=["surname", "surname_ascii"],
    levels=[
        missing("surname_ascii"),
        Level(label="equal", when=Exact(column="surname_ascii"), term_frequency="surname_ascii", m=0.8),
        Level(label="exchanged with the given name", when=Crossed(column="surname_ascii", other="given_ascii"), m=0.02),
        Level(
            label="nearly equal",
            when=AnyOf(
                of=[
                    JaroWinkler(column="surname_ascii", above=0.9195),
                    All(
                        of=[
                            Levenshtein(column="surname_ascii", at_most=1),
                            JaroWinkler(column="surname_ascii", above=0.8),
                        ]
                    ),
                ]
            ),
            m=0.08,
        ),
        Level(label="alike", when=JaroWinkler(column="surname_ascii", above=0.8195), m=0.03),
        otherwise(0.07),
    ],
)

GIVEN = Comparison(
    name="given_name",
    columns=["given", "given_ascii", "given_root"],
    levels=[
        missing("given_ascii"),
        Level(label="equal", when=Exact(column="given"), term_frequency="given_ascii", m=0.65),
        Level(label="exchanged with the surname", when=Crossed(column="given_ascii", other="surname_ascii"), m=0.02),
        Level(
            label="same sound or nickname",
            when=AnyOf(of=[Exact(column="given_ascii"), Exact(column="given_root")]),
            m=0.1,
        ),
        Level(
            label="nearly equal",
            when=AnyOf(
                of=[
                    JaroWinkler(column="given_ascii", above=0.9195),
                    All(
                        of=[Levenshtein(column="given_ascii", at_most=1), JaroWinkler(column="given_ascii", above=0.8)]
                    ),
                ]
            ),
            m=0.08,
        ),
        Level(label="initial", when=StartsWith(column="given_ascii", at_least=1), m=0.04),
        Level(label="alike", when=JaroWinkler(column="given_ascii", above=0.8195), m=0.03),
        otherwise(0.08),
    ],
)

BIRTH = Comparison(
    name="birth_date",
    columns=["birth_date", "birth_digits", "birth_date_swapped", "birth_year"],
    levels=[
        missing("birth_digits", "birth_year"),
        Level(label="equal", when=Exact(column="birth_digits"), m=0.85),
        Level(label="day and month exchanged", when=Crossed(column="birth_date", other="birth_date_swapped"), m=0.02),
        Level(label="one digit off", when=Levenshtein(column="birth_digits", at_most=1), m=0.06),
        Level(label="two digits off", when=Levenshtein(column="birth_digits", at_most=2), m=0.02),
        Level(label="same year", when=Exact(column="birth_year"), m=0.02),
        otherwise(0.03),
    ],
)

NATIONAL_ID = Comparison(
    name="national_id",
    columns=["national_id"],
    levels=[
        missing("national_id"),
        Level(label="equal", when=Exact(column="national_id"), m=0.9),
        Level(label="one character off", when=Levenshtein(column="national_id", at_most=1), m=0.05),
        otherwise(0.05),
    ],
)

GENDER = Comparison(
    name="gender",
    columns=["gender"],
    levels=[missing("gender"), Level(label="equal", when=Exact(column="gender"), m=0.97), otherwise(0.03)],
)

SUFFIX = Comparison(
    name="suffix",
    columns=["name_suffix"],
    levels=[missing("name_suffix"), Level(label="equal", when=Exact(column="name_suffix"), m=0.97), otherwise(0.03)],
)

EMPLOYER = Comparison(
    name="employer",
    columns=["organization_key", "job_title_norm"],
    levels=[
        missing("organization_key", "job_title_norm"),
        Level(label="same organization", when=Exact(column="organization_key"), m=0.3),
        Level(label="same job", when=Exact(column="job_title_norm"), term_frequency="job_title_norm", m=0.4),
        otherwise(0.3),
    ],
)

PERSON = Declaration(
    entity_type="person",
    comparisons=[SURNAME, GIVEN, BIRTH, NATIONAL_ID, PHONE, EMAIL, ADDRESS, GENDER, SUFFIX, EMPLOYER],
    blocking=[
        _rule("name", "surname_ascii", "given_ascii"),
        _rule("name_tokens", "name_ascii", train=False),
        _rule("surname_root", "surname_ascii", KeyPart(column="given_root", first=2), train=False),
        _rule("birth", "birth_digits"),
        _rule("birth_surname", "birth_digits", KeyPart(column="surname_ascii", first=2), train=False),
        _rule("birth_given", "birth_digits", KeyPart(column="given_ascii", first=2), train=False),
        _rule("year_surname", "birth_year", "surname_ascii", train=False),
        _rule("year_given", "birth_year", "given_ascii", KeyPart(column="surname_ascii", first=1), train=False),
        _rule("national_id", "national_id"),
        _rule("phone", "phones_own"),
        _rule("phone_surname", "phones_shared", KeyPart(column="given_ascii", first=1), train=False),
        _rule("email", "emails_own"),
        _rule("street", "road_key", "road_no"),
        _rule("street_given", "road_key", "road_no", KeyPart(column="given_ascii", first=1), train=False),
        _rule("postal_surname", "postal_code", "surname_ascii", train=False),
        _rule("postal_given", "postal_code", "given_ascii", train=False),
        _rule(
            "city_name",
            "city_norm",
            KeyPart(column="surname_ascii", first=3),
            KeyPart(column="given_ascii", first=1),
            train=False,
        ),
    ],
    contacts=[
        ContactKind(column="phones", owner="name_ascii", personal=4, shared=12),
        ContactKind(column="emails", owner="name_ascii", personal=3, shared=8),
    ],
    cannot_link=[differ("two suffixes, as of father and son", "name_suffix")],
    auto=4.0,
    review=-1.0,
)
