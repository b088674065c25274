"""Dates of birth and other calendar dates in the many forms people type them.

Only dates, no times of day. Day and month that could be exchanged are reported, because systems and people exchange
them; a date that cannot exist keeps its digits.
"""

from __future__ import annotations

import re
from datetime import date
from typing import NamedTuple

from matching.standardise.junk import folded_junk
from matching.standardise.text import fold

_MONTHS = {
    name[:3]: number
    for number, name in enumerate(
        "january february march april may june july august september october november december".split(), 1
    )
} | {"sept": 9, "mär": 3, "mai": 5, "okt": 10, "dez": 12, "ene": 1, "fév": 2, "avr": 4, "aoû": 8, "déc": 12}
_Y_FIRST_RE = re.compile(r"(\d{4})\s*[-/.年 ]\s*(\d{1,2})\s*[-/.月 ]\s*(\d{1,2})\s*[日号]?(?:[t\s].*)?$")
_Y_LAST_RE = re.compile(r"(\d{1,2})\s*[-/. ]\s*(\d{1,2})\s*[-/. ]\s*(\d{4}|\d{2})(?:[t\s].*)?$")
_NAMED_RE = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[-/.,\s]*(?:of\s+)?([a-zäéû]{3,9})\.?[-/.,\s]*(\d{4}|\d{2})$")
_NAMED_FIRST_RE = re.compile(r"([a-zäéû]{3,9})\.?[-/.,\s]*(\d{1,2})(?:st|nd|rd|th)?[-/.,\s]+(\d{4}|\d{2})$")
_YEAR_MONTH_RE = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*月?$")
_DAY_FIRST_COUNTRIES = frozenset(
    "GB DE FR IT ES AU NZ IE NL BE AT CH DK SE NO FI PT BR IN RU PL CZ HK SG MY ZA".split()
)


class DateValue(NamedTuple):
    """A parsed date. iso: 'YYYY-MM-DD' when it exists; swapped: day and month exchanged when that exists too.

    digits: eight digits year first as written, even for a date that does not exist; year: when known.
    """

    raw: str
    iso: str | None = None
    swapped: str | None = None
    digits: str | None = None
    year: int | None = None
    reason: str | None = None


def parse_date(raw: str, country: str | None = None, *, latest: int = 2100) -> DateValue:
    """Parses one date. Month first (US) when the order is open, unless the country writes the day first.

    Two-digit years up to 30 are read as 20xx, later ones as 19xx.
    """
    text = fold(raw)
    reason = folded_junk(text)
    if reason:
        return DateValue(raw, reason=reason)
    text = text.lower().strip(" .,;")
    if len(text) == 10 and text.endswith(".0"):
        text = text[:-2]
    if len(text) == 8 and text.isascii() and text.isdigit():
        return _eight(raw, text)
    found = _Y_FIRST_RE.match(text)
    if found:
        return _make(raw, int(found[1]), int(found[2]), int(found[3]), latest)
    found = _Y_LAST_RE.match(text)
    if found:
        first, second, year = int(found[1]), int(found[2]), _year(found[3])
        day_first = "." in text or country in _DAY_FIRST_COUNTRIES
        month, day = (second, first) if day_first else (first, second)
        if month > 12 >= day:
            month, day = day, month
        return _make(raw, year, month, day, latest)
    found = _NAMED_RE.match(text)
    if found and _month(found[2]):
        return _make(raw, _year(found[3]), _month(found[2]), int(found[1]), latest, swap=False)
    found = _NAMED_FIRST_RE.match(text)
    if found and _month(found[1]):
        return _make(raw, _year(found[3]), _month(found[1]), int(found[2]), latest, swap=False)
    found = _YEAR_MONTH_RE.match(text)
    if found:
        return DateValue(raw, None, None, None, int(found[1]), "day missing")
    if re.fullmatch(r"(?:18|19|20)\d{2}年?", text):
        return DateValue(raw, None, None, None, int(text[:4]), "day and month missing")
    return DateValue(raw, reason="not a date")


def _month(word: str) -> int:
    return _MONTHS.get(word[:4], 0) or _MONTHS.get(word[:3], 0)


def _year(text: str) -> int:
    year = int(text)
    if len(text) == 2:
        return 2000 + year if year <= 30 else 1900 + year
    return year


def _eight(raw: str, digits: str) -> DateValue:
    year, month, day = int(digits[:4]), int(digits[4:6]), int(digits[6:])
    if not 1000 <= year <= 2100 and 1800 <= int(digits[4:]) <= 2100:
        # MMDDYYYY or DDMMYYYY typed without separators.
        first, second, year = int(digits[:2]), int(digits[2:4]), int(digits[4:])
        month, day = (first, second) if first <= 12 else (second, first)
    return _make(raw, year, month, day, 2100)


def _make(raw: str, year: int, month: int, day: int, latest: int, *, swap: bool = True) -> DateValue:
    digits = f"{year:04d}{month:02d}{day:02d}"
    iso = _iso(year, month, day)
    if iso is None and day <= 12 < month <= 31:
        month, day = day, month
        iso, swap = _iso(year, month, day), False
    swapped = _iso(year, day, month) if swap and iso and day <= 12 and day != month else None
    if digits[4:] in ("0000",) or len(digits) != 8:
        return DateValue(raw, None, None, None, year if 1000 < year < latest else None, "day and month missing")
    if (year, month, day) in ((1900, 1, 1), (1899, 12, 30), (1970, 1, 1), (9999, 12, 31), (1901, 1, 1), (1, 1, 1)):
        return DateValue(raw, None, None, None, None, "default date of a system")
    if iso is None:
        return DateValue(raw, None, None, digits, year if 1000 < year < latest else None, "date does not exist")
    if not 1000 < year < latest:
        return DateValue(raw, None, None, digits, None, "year out of range")
    return DateValue(raw, iso, swapped, digits, year)


def _iso(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None
