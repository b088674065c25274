"""Latin-script vocabulary of the generated worlds: names with their nicknames, company words and legal forms, streets.

What is built from the words is in `organizations` and `persons`; the words themselves are in `words/latin.txt`.
"""

from itertools import accumulate

from worlds.words import rows, words


def _given(section: str) -> dict[str, tuple[str, ...]]:
    pairs = (w.split(":") for w in words("latin", section))
    return {name: tuple(n for n in nick.split(",") if n) for name, nick in pairs}


SURNAMES = words("latin", "surnames")
MALE, FEMALE = _given("male"), _given("female")
MALE_NAMES, FEMALE_NAMES = tuple(MALE), tuple(FEMALE)
NICKNAMES = {**MALE, **FEMALE}
FIRST_WORDS, SECOND_WORDS = words("latin", "first_words"), words("latin", "second_words")
TRADES = tuple((name, industry) for name, industry, _ in rows("latin", "trades"))
TRADE_CUM = tuple(accumulate(int(r[2]) for r in rows("latin", "trades")))
STREETS, STREETS_DE = words("latin", "streets"), words("latin", "streets_de")
TITLES = words("latin", "titles")
# Legal forms of a country and their cumulated frequency in per cent.
FORMS = {
    "GB": (("Ltd", "Limited", "PLC", "LLP"), (60, 88, 94, 100)),
    "US": (("Inc.", "LLC", "Corp.", "Co."), (42, 82, 92, 100)),
    "DE": (("GmbH", "AG", "GmbH & Co. KG", "KG"), (64, 72, 94, 100)),
}
SAME_FORM = {
    "Ltd": ("Limited", "Ltd.", "LTD"),
    "Limited": ("Ltd", "Ltd."),
    "PLC": ("plc", "P.L.C."),
    "LLP": ("L.L.P.",),
    "Inc.": ("Inc", "Incorporated", "INC"),
    "LLC": ("L.L.C.", "llc"),
    "Corp.": ("Corporation", "Corp"),
    "Co.": ("Company", "Co"),
    "GmbH": ("Gmbh", "G.m.b.H."),
    "AG": ("Aktiengesellschaft",),
    "GmbH & Co. KG": ("GmbH und Co. KG", "GmbH & Co KG"),
    "KG": ("Kommanditgesellschaft",),
}
STREET_TYPES = {
    "GB": (("Street", "St"), ("Road", "Rd"), ("Lane", "Ln"), ("Avenue", "Ave"), ("Close", "Cl"), ("Drive", "Dr")),
    "US": (("Street", "St"), ("Avenue", "Ave"), ("Road", "Rd"), ("Drive", "Dr"), ("Boulevard", "Blvd"), ("Lane", "Ln")),
}
