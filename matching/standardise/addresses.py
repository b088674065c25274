"""Addresses of any script: one entry point over the address line and the attributes beside it.

A Chinese line is read by `address_han`, others by `address_latin`. The line and the attributes complete each other;
where they contradict, the line wins because it is written as one thing.
"""

from __future__ import annotations

from functools import lru_cache

from matching.standardise.address_han import parse_han
from matching.standardise.address_latin import parse_latin
from matching.standardise.countries import normal_postcode, parse_country
from matching.standardise.junk import folded_junk
from matching.standardise.text import fold, has_han
from matching.standardise.values import Address


def parse_address(
    line: str | None,
    district: str | None = None,
    city: str | None = None,
    province: str | None = None,
    postal_code: str | None = None,
    country: str | None = None,
) -> Address:
    """Parses an address line together with the attributes beside it; never raises."""
    text = None if line is None else fold(line)
    reason = None if text is None else folded_junk(text)
    if reason:
        text = None
    district_, city_, province_ = _attribute(district), _attribute(city), _attribute(province)
    code = parse_country(country) if country else None
    zip_ = normal_postcode(postal_code, code) if postal_code else None
    if not any((text, district_, city_, province_, zip_, code)):
        return Address(reason=reason)
    han = has_han(text) if text else False
    if not han and (text is None or code in (None, "CN", "HK", "TW", "MO")):
        han = any(p and has_han(p) for p in (district_, city_, province_))
    if han:
        return parse_han(text, district_, city_, province_, zip_, code, reason)
    return parse_latin(text, district_, city_, province_, zip_, code, reason)


@lru_cache(maxsize=50_000)
def _attribute(value: str | None) -> str | None:
    """An attribute beside the line, folded, null for a filler; few values come again and again."""
    if value is None:
        return None
    text = fold(value)
    return None if folded_junk(text) else text
