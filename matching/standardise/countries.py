"""Country names and codes as they are typed, mapped to ISO 3166-1 alpha-2, and states of countries that have them."""

from __future__ import annotations

from functools import cache

from matching.standardise.wordlists import list_lines


@cache
def _countries() -> dict[str, str]:
    table: dict[str, str] = {}
    for line in list_lines("countries"):
        code, _, names = line.partition(" ")
        table[code.lower()] = code
        for name in names.split("|"):
            table[name] = code
    return table


@cache
def us_states() -> dict[str, str]:
    """US state names and codes (lower case) → code in lower case."""
    table: dict[str, str] = {}
    for line in list_lines("states"):
        country, code, name = line.split(" ", 2)
        if country == "US":
            table[code] = table[name] = code
    return table


@cache
def other_states() -> dict[str, tuple[str, str]]:
    """Australian and Canadian state names and codes → (country, code)."""
    table: dict[str, tuple[str, str]] = {}
    for line in list_lines("states"):
        country, code, name = line.split(" ", 2)
        if country != "US":
            table.setdefault(code, (country, code))
            table[name] = (country, code)
    return table


def country_code(name: str) -> str | None:
    """ISO code of a country as typed (folded lower-case ASCII or Chinese), null when unknown."""
    return _countries().get(name)
