"""How persons are compared by default.

A household is what makes persons hard: its members share surname, address and telephone. So what a household shares
counts once, and beyond a name and a place there must be something of the person's own before two records are merged.
"""

from __future__ import annotations

from matching.defaults.shared import (
    NEARLY_ONE_LINE,
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
    Condition,
    ContactKind,
    Contained,
    Crossed,
    Declaration,
    Exact,
    JaroWinkler,
    KeyPart,
    Level,
    Levenshtein,
    Missing,
    Not,
    Overlap,
    Prefix,
    StartsWith,
)

_ONE_HOUSEHOLD = either(
    SAME_DOOR, Exact(column="address_norm"), Overlap(column="phone_tails_shared"), Overlap(column="emails_shared")
)

_ONE_BIRTH = either(Levenshtein(column="born", at_most=2), Crossed(column="birth_date", other="birth_date_swapped"))
_ONE_ID = Levenshtein(column="national_id", at_most=2)
# A passport and a driving licence of one person have nothing in common.
_ONE_KIND_OF_ID = both(present("national_id"), either(Exact(column="id_shape"), _ONE_ID))
_NAMESAKE = both(
    either(Exact(column="given_ascii"), Exact(column="given_root")),
    _ONE_HOUSEHOLD,
    present("born"),
    Not(of=either(_ONE_BIRTH, _ONE_ID, Overlap(column="emails_own"), Overlap(column="phone_tails_own"))),
)
_OTHER_SIBLING = both(Exact(column="born"), Exact(column="surname_ascii"), Not(of=_ONE_ID))
_TWIN = both(_OTHER_SIBLING, either(SAME_DOOR, Overlap(column="phone_tails_shared"), Overlap(column="emails_shared")))
_ONE_DAY = both(_OTHER_SIBLING, Not(of=either(Overlap(column="emails_own"), Overlap(column="phone_tails_own"))))
_INITIAL = either(
    both(Prefix(column="given_ascii", length=1), Missing(columns=["given_long"])),
    StartsWith(column="given_han", at_least=1),
)

_CROSSED = Crossed(column="surname_ascii", other="given_ascii")
# The surname of one is the given name of the other, and not by chance: the other words agree, too.
_EXCHANGED = both(
    _CROSSED,
    either(Contained(column="name_words", at_least=2), Levenshtein(column="name_ascii", at_most=2)),
)


def _nearly(name: str) -> Condition:
    """A typing error or two, or the same consonants, as in two transcriptions of one name."""
    latin, bones = f"{name}_latin", f"{name}_bones"
    return either(
        both(JaroWinkler(column=latin, above=0.9195), Levenshtein(column=latin, at_most=2)),
        both(Levenshtein(column=latin, at_most=1), JaroWinkler(column=latin, above=0.8)),
        both(Exact(column=bones), Prefix(column=bones, length=3)),
    )


def _alike(name: str) -> Condition:
    """Likeness that may be chance: letters, a short form, or few consonants."""
    latin = f"{name}_latin"
    return either(
        both(JaroWinkler(column=latin, above=0.8195), Levenshtein(column=latin, at_most=3)),
        StartsWith(column=latin, at_least=3),
        Exact(column=f"{name}_bones"),
    )


SURNAME = Comparison(
    name="surname",
    columns=["surname", "surname_ascii", "surname_latin", "surname_bones"],
    levels=[
        missing("surname_ascii"),
        # Of two persons in one household about half bear one surname, however rare it is.
        Level(label="equal, in one household", when=both(Exact(column="surname_ascii"), _ONE_HOUSEHOLD), m=0.9, u=0.4),
        Level(
            label="equal",
            when=Exact(column="surname_ascii"),
            term_frequency="surname_ascii",
            m=0.85,
            chance=0.005,
            rare=1e-4,
            shares="surnames",
        ),
        Level(label="exchanged with the given name", when=_EXCHANGED, m=0.02),
        # So it is with one that is mistyped.
        Level(label="nearly equal, in one household", when=both(_nearly("surname"), _ONE_HOUSEHOLD), m=0.06, u=0.025),
        Level(
            label="nearly equal",
            when=_nearly("surname"),
            tie=True,
            m=0.06,
            chance=5e-4,
        ),
        # The surname stands where the given name does, and what the given name is nobody says.
        Level(
            label="in the given name's place, in one household",
            when=both(_CROSSED, _ONE_HOUSEHOLD),
            m=0.02,
            u=0.012,
            tie=True,
        ),
        Level(label="in the given name's place", when=_CROSSED, m=0.02, chance=1e-3, tie=True),
        # Meyer, and Meyer Thomas: a name kept beside that of a marriage, or one of a father's and a mother's.
        Level(label="one of two surnames", when=Overlap(column="surnames"), m=0.01, chance=2e-3),
        Level(label="alike", when=_alike("surname"), m=0.02, chance=2e-3, tie=True),
        otherwise(0.05),
    ],
)

GIVEN = Comparison(
    name="given_name",
    strength=1000,
    columns=["given", "given_ascii", "given_root", "given_latin", "given_bones"],
    levels=[
        missing("given_ascii"),
        # Sons are named after fathers: in one household another date of birth takes the name's weight away.
        Level(label="equal, but of another age in one household", when=_NAMESAKE, m=0.5, u=0.12, tie=True),
        Level(label="equal", when=Exact(column="given"), term_frequency="given_ascii", m=0.7, chance=0.006),
        Level(label="exchanged with the surname", when=_EXCHANGED, m=0.02),
        Level(
            label="same sound or nickname",
            term_frequency="given_root",
            when=either(Exact(column="given_ascii"), Exact(column="given_root")),
            m=0.1,
        ),
        Level(
            label="nearly equal",
            when=_nearly("given"),
            m=0.08,
            chance=1e-3,
        ),
        # One of a dozen letters begins the names of a whole household.
        Level(label="initial, in one household", when=both(_INITIAL, _ONE_HOUSEHOLD), m=0.05, u=0.03, tie=True),
        Level(label="initial, or one character of two", when=_INITIAL, m=0.05, chance=4e-3, tie=True),
        # Twins have surname, date of birth and home in common, and names that begin alike.
        Level(label="another one, of one age in one household", when=_TWIN, m=0.0003, u=0.95, tie=True),
        Level(label="another one, of one surname and age", when=_ONE_DAY, m=0.005, u=0.9, tie=True),
        # Families give names that begin alike: Anna and Annabelle. Keeley and Kaylee are one name.
        Level(
            label="alike, in one household",
            when=both(_alike("given"), Not(of=Exact(column="given_bones")), _ONE_HOUSEHOLD),
            m=0.02,
            u=0.04,
            tie=True,
        ),
        Level(label="alike", when=_alike("given"), m=0.02, chance=4e-3, tie=True),
        otherwise(0.03),
    ],
)

BIRTH = Comparison(
    name="birth_date",
    strength=1000,
    columns=["birth_date", "birth_digits", "birth_date_swapped", "birth_year", "born"],
    levels=[
        missing("born", "birth_year"),
        Level(label="equal", when=Exact(column="born"), m=0.88, chance=6e-5),
        Level(
            label="day and month exchanged",
            when=Crossed(column="birth_date", other="birth_date_swapped"),
            m=0.02,
            chance=3e-5,
        ),
        Level(label="one digit off", when=Levenshtein(column="born", at_most=1), m=0.05, chance=1.5e-3),
        Level(label="two digits off", when=Levenshtein(column="born", at_most=2), m=0.02),
        Level(label="same year", when=Exact(column="birth_year"), m=0.01),
        otherwise(0.01),
    ],
)

NATIONAL_ID = Comparison(
    name="national_id",
    columns=["national_id"],
    levels=[
        missing("national_id"),
        Level(label="equal", when=Exact(column="national_id"), m=0.9, chance=2e-6),
        Level(label="one character off", when=Levenshtein(column="national_id", at_most=1), m=0.05, chance=2e-5),
        Level(label="two valid ids", when=both(present("valid_id"), Not(of=Exact(column="valid_id"))), m=0.001, u=0.99),
        Level(label="two characters off", when=Levenshtein(column="national_id", at_most=2), m=0.01, chance=3e-4),
        otherwise(0.03),
    ],
)

PHONE = Comparison(
    name="phone",
    columns=["phone_tails_own", "phone_tails_shared", "phone_tails"],
    levels=[
        missing("phone_tails_own", "phone_tails_shared"),
        Level(label="number of their own", when=Overlap(column="phone_tails_own"), m=0.6, chance=5e-6),
        # At one address a shared telephone adds nothing.
        Level(
            label="number of one household",
            when=both(Overlap(column="phone_tails_shared"), either(SAME_DOOR, Exact(column="address_norm"))),
            m=0.6,
            u=0.4,
        ),
        Level(label="number of a household or office", when=Overlap(column="phone_tails_shared"), m=0.1, chance=2e-5),
        otherwise(0.3),
    ],
)

EMAIL = Comparison(
    name="email",
    columns=["emails", "emails_own", "emails_shared"],
    levels=[
        missing("emails_own", "emails_shared"),
        Level(label="mailbox of their own", when=Overlap(column="emails_own"), m=0.6, chance=3e-6),
        Level(
            label="mailbox of one household",
            when=both(Overlap(column="emails_shared"), either(SAME_DOOR, Overlap(column="phone_tails_shared"))),
            m=0.6,
            u=0.4,
        ),
        Level(label="mailbox of a household or office", when=Overlap(column="emails_shared"), m=0.1, chance=1e-5),
        otherwise(0.3),
    ],
)

ADDRESS = Comparison(
    name="address",
    columns=[*STREET_COLUMNS, "postal_code", "city_norm", "district_code"],
    levels=[
        missing("address_norm", "postal_code", "city_norm"),
        *STREET_LEVELS,
        Level(label="same district", when=either(Exact(column="postal_code"), Exact(column="district_code")), m=0.05),
        Level(label="same city", when=Exact(column="city_norm"), m=0.05),
        otherwise(0.05),
    ],
)

GENDER = Comparison(
    name="gender",
    columns=["gender"],
    levels=[
        missing("gender"),
        Level(label="equal", when=Exact(column="gender"), m=0.98, chance=0.55),
        otherwise(0.01, 0.5),
    ],
)

SUFFIX = Comparison(
    name="suffix",
    columns=["generation"],
    levels=[
        missing("generation"),
        Level(label="equal", when=Exact(column="generation"), m=0.97, chance=0.4),
        otherwise(0.03),
    ],
)

EMPLOYER = Comparison(
    name="employer",
    columns=["organization_key", "job_title_norm"],
    strength=200,
    levels=[
        missing("organization_key", "job_title_norm"),
        Level(label="same organization", when=Exact(column="organization_key"), m=0.3, chance=1e-3),
        Level(label="same job", when=Exact(column="job_title_norm"), term_frequency="job_title_norm", m=0.4),
        otherwise(0.3),
    ],
)

_COMPARABLE = either(
    present("born"),
    _ONE_KIND_OF_ID,
    present("phone_tails"),
    present("emails"),
    present("road_key", "address_norm"),
    present("organization_key"),
)

# Two persons of one name live in most cities. Without anything of a person's own in common a steward looks at them.
OWN = Comparison(
    name="something of their own",
    columns=[],
    levels=[
        Level(
            label="in common",
            when=either(
                Exact(column="born"),
                Crossed(column="birth_date", other="birth_date_swapped"),
                Levenshtein(column="born", at_most=1),
                Exact(column="national_id"),
                Levenshtein(column="national_id", at_most=1),
                Overlap(column="phone_tails_own"),
                Overlap(column="emails_own"),
                SAME_DOOR,
                NEARLY_ONE_LINE,
                Overlap(column="phone_tails_shared"),
                Exact(column="organization_key"),
            ),
        ),
        Level(label="a postal code", when=Exact(column="postal_code"), m=0.2, u=0.8),
        # Namesakes in one city are many: a name and a place are no more than a name.
        Level(
            label="nothing but a place to compare",
            when=both(Exact(column="city_norm"), Not(of=either(_COMPARABLE, Exact(column="job_title_norm")))),
            m=0.005,
            u=0.99,
            tie=True,
        ),
        Level(label="nothing to compare", when=Not(of=_COMPARABLE), m=0.03, u=0.95, tie=True),
        otherwise(0.015, 0.985, "nothing in common"),
    ],
)

PERSON = Declaration(
    entity_type="person",
    comparisons=[SURNAME, GIVEN, BIRTH, NATIONAL_ID, PHONE, EMAIL, ADDRESS, GENDER, SUFFIX, EMPLOYER, OWN],
    blocking=[
        _rule("name", "surname_ascii", "given_ascii"),
        _rule("name_tokens", "name_ascii", train=False),
        _rule("surname_root", "surname_ascii", KeyPart(column="given_root", first=2), train=False),
        _rule("birth", "born"),
        _rule("birth_surname", "born", KeyPart(column="surname_ascii", first=2), train=False),
        _rule("birth_given", "born", KeyPart(column="given_ascii", first=2), train=False),
        _rule("year_surname", "birth_year", "surname_ascii", train=False),
        _rule("year_given", "birth_year", "given_ascii", KeyPart(column="surname_ascii", first=1), train=False),
        _rule("national_id", "national_id"),
        _rule("phone", "phone_tails", train=False, cap=40),
        _rule("email", "emails", train=False, cap=40),
        _rule("street", "road_key", "road_no"),
        _rule("street_given", "road_key", "road_no", KeyPart(column="given_ascii", first=1), train=False),
        _rule("street_postal", "street_latin", "postal_code", train=False),
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
    training=[_rule("own phone", "phone_tails_own"), _rule("own email", "emails_own")],
    contacts=[
        ContactKind(column="phone_tails", owner="owner_name", persons=True, personal=1, shared=10),
        ContactKind(column="emails", owner="owner_name", persons=True, personal=1, shared=8),
    ],
    cannot_link=[
        CannotLink(name="two dates of birth in one household", when=_NAMESAKE),
        differ("two suffixes, as of father and son", "generation"),
        differ("two valid ids", "valid_id"),
    ],
    auto=2.0,
    review=-1.0,
    # Records of one person often have little to compare with each other, which speaks for nothing.
    cohesion=4.0,
)
