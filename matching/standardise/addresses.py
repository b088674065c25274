"""Addresses of any script: one entry point over the address line and the attributes beside it.

A Chinese line is read by `address_han`, others by `address_latin`. The line and the attributes complete each other;
where they contradict, the line wins because it is written as one thing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from matching.standardise.countries import country_code
from matching.standardise.junk import folded_junk, junk_reason
from matching.standardise.text import fold, has_han, plain_latin


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed address; every part is null when absent, `reason` says why a line gave nothing.

    Codes are GB/T 2260 (Chinese divisions only). road_key is the road without direction and suffix ('58th', '建国').
    """

    country: str | None = None
    province_code: str | None = None
    city_code: str | None = None
    district_code: str | None = None
    province: str | None = None
    city: str | None = None
    district: str | None = None
    postal_code: str | None = None
    road: str | None = None
    road_key: str | None = None
    road_no: str | None = None
    unit: str | None = None
    norm: str | None = None
    ascii: str | None = None
    tokens: tuple[str, ...] = ()
    reason: str | None = None


def parse_address(
    line: str | None,
    district: str | None = None,
    city: str | None = None,
    province: str | None = None,
    postal_code: str | None = None,
    country: str | None = None,
) -> Address:
    """Parses an address line together with the attributes beside it; never raises."""
    from matching.standardise.address_han import parse_han
    from matching.standardise.address_latin import parse_latin

    parts = [None if p is None else fold(p) for p in (line, district, city, province)]
    reason = folded_junk(parts[0]) if parts[0] is not None else None
    parts = [None if p is None or folded_junk(p) else p for p in parts]
    text, district_, city_, province_ = parts
    code = parse_country(country) if country else None
    zip_ = normal_postcode(postal_code, code) if postal_code else None
    if not any((text, district_, city_, province_, zip_, code)):
        return Address(reason=reason)
    han = any(p and has_han(p) for p in parts)
    if text and not has_han(text) and code not in (None, "CN", "HK", "TW", "MO"):
        han = False
    if han:
        return parse_han(text, district_, city_, province_, zip_, code, reason)
    return parse_latin(text, district_, city_, province_, zip_, code, reason)


def parse_country(raw: str) -> str | None:
    """ISO 3166-1 alpha-2 code of a country as typed, null when it is not recognised."""
    if junk_reason(raw):
        return None
    text = fold(raw)
    if not has_han(text):
        text = re.sub(r"[^a-z]+", " ", plain_latin(text).lower()).strip()
    return country_code(text)


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
