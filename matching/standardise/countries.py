"""Country names and codes as they are typed, mapped to ISO 3166-1 alpha-2; states; postal codes."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from matching.standardise.junk import junk_reason
from matching.standardise.text import fold, has_han, plain_latin
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


@lru_cache(maxsize=5_000)
def parse_country(raw: str) -> str | None:
    """ISO 3166-1 alpha-2 code of a country as typed, null when it is not recognised."""
    if junk_reason(raw):
        return None
    text = fold(raw)
    if not has_han(text):
        text = re.sub(r"[^a-z]+", " ", plain_latin(text).lower()).strip()
    return country_code(text)


@lru_cache(maxsize=50_000)
def normal_postcode(raw: str, country: str | None = None) -> str | None:
    """Postal code without separators, upper case; the five digits of a zip+4; null for fillers."""
    text = re.sub(r"\.0$", "", fold(raw).upper())
    found = re.fullmatch(r"\s*(\d{5})-?\d{4}\s*", text)
    if found:
        return found.group(1)
    text = re.sub(r"[\s-]+", "", text)
    if not re.fullmatch(r"[A-Z0-9]{3,10}", text) or len(set(text)) == 1 or not any(c.isdigit() for c in text):
        return None
    if country == "US" and re.fullmatch(r"\d{4}", text):
        return "0" + text
    return text
