"""Identifiers with check digits: credit code, resident id, VIN, VAT, LEI, and others by normalisation only.

Every check is written out here because millions of values pass through it; tests compare it with python-stdnum and
vininfo. A check says whether the characters are consistent, never whether the identifier was issued.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from operator import mul
from typing import NamedTuple

from matching.standardise.junk import junk_reason
from matching.standardise.text import fold

_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_VALUE = {c: i for i, c in enumerate(_USCC_ALPHABET)}
_USCC_WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
_ORG_VALUE = {c: i for i, c in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")}
_ORG_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_ID_WEIGHTS = tuple(pow(2, 17 - i, 11) for i in range(17))
_VIN_VALUE = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", map(int, "123456781234579234567890123456789"), strict=True))
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_MISREAD = str.maketrans("OIZSV", "0125U")
_SEPARATOR_RE = re.compile(r"[\W_]+")
_USCC_RE = re.compile(r"[0-9A-Z]{18}")
_VAT_PREFIXES = frozenset(
    "AT BE BG CY CZ DE DK EE EL ES EU FI FR GB GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK XI NO CH".split()
)
_PROVINCES = frozenset(
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83 "
    "91".split()
)


class IdCheck(NamedTuple):
    """An identifier: normalised value (null when unusable), whether its check passes, why not, and its kind.

    kind: uscc, org_code, resident, vin, vat, lei, other. repaired: letters misread for digits were put right.
    """

    value: str | None
    ok: bool = False
    reason: str | None = None
    kind: str = "other"
    repaired: bool = False


def compact(raw: str) -> str:
    """Upper case without separators."""
    text = fold(raw).upper()
    return text if text.isalnum() else _SEPARATOR_RE.sub("", text)


def _unusable(raw: str, text: str, kind: str) -> IdCheck | None:
    reason = junk_reason(raw)
    if reason:
        return IdCheck(None, False, reason, kind)
    if not text:
        return IdCheck(None, False, "placeholder", kind)
    if (
        len(set(text)) == 1
        or set(text) <= {"0", "X"}
        or len(text) >= 5
        and text in "0123456789012345678909876543210987654321"
    ):
        return IdCheck(None, False, "filler digits", kind)
    return None


def uscc_check_char(first17: str) -> str | None:
    """Check character of a credit code (GB 32100-2015), null when a character is outside its alphabet."""
    try:
        total = sum(map(mul, map(_USCC_VALUE.__getitem__, first17), _USCC_WEIGHTS))
    except KeyError:
        return None
    return _USCC_ALPHABET[(31 - total % 31) % 31]


def org_code_check_char(first8: str) -> str | None:
    """Check character of an organisation code (GB 11714-1997)."""
    try:
        total = sum(map(mul, map(_ORG_VALUE.__getitem__, first8), _ORG_WEIGHTS))
    except KeyError:
        return None
    rest = 11 - total % 11
    return "X" if rest == 10 else "0" if rest == 11 else str(rest)


def check_uscc(raw: str) -> IdCheck:
    """Unified social credit code: 18 characters, check character; O, I, Z, S misread for digits are repaired."""
    text = compact(raw)
    bad = _unusable(raw, text, "uscc")
    if bad:
        return bad
    if len(text) != 18:
        return IdCheck(text, False, f"{len(text)} characters instead of 18", "uscc")
    if uscc_check_char(text[:17]) == text[17]:
        if not (text[2:4].isdigit() and text[2:8].isdigit()):
            return IdCheck(text, False, "region is not numeric", "uscc")
        return IdCheck(text, True, None, "uscc")
    fixed = text.translate(_MISREAD)
    if fixed != text and uscc_check_char(fixed[:17]) == fixed[17]:
        return IdCheck(fixed, True, None, "uscc", repaired=True)
    if any(c not in _USCC_VALUE for c in text):
        return IdCheck(text, False, "character outside the alphabet", "uscc")
    return IdCheck(text, False, "check character does not fit", "uscc")


def uscc_org_code(uscc: str) -> str | None:
    """The organisation code inside a credit code (positions 9–17) when its own check character fits."""
    inner = uscc[8:17]
    return inner if len(inner) == 9 and org_code_check_char(inner[:8]) == inner[8] else None


def check_org_code(raw: str) -> IdCheck:
    """Organisation code of nine characters (the predecessor of the credit code)."""
    text = compact(raw)
    bad = _unusable(raw, text, "org_code")
    if bad:
        return bad
    if len(text) != 9:
        return IdCheck(text, False, f"{len(text)} characters instead of 9", "org_code")
    if org_code_check_char(text[:8]) == text[8]:
        return IdCheck(text, True, None, "org_code")
    return IdCheck(text, False, "check character does not fit", "org_code")


def resident_check_char(first17: str) -> str:
    """Check character of a resident id (GB 11643-1999)."""
    total = sum(map(mul, map(int, first17), _ID_WEIGHTS))
    return "10X98765432"[total % 11]


def check_resident_id(raw: str) -> IdCheck:
    """Resident identity number, 18 characters or the old 15 digits (widened to 18)."""
    text = compact(raw)
    bad = _unusable(raw, text, "resident")
    if bad:
        return bad
    if len(text) == 15 and text.isascii() and text.isdigit():
        widened = text[:6] + "19" + text[6:]
        text = widened + resident_check_char(widened)
    if len(text) != 18 or not (text[:17].isascii() and text[:17].isdigit()):
        return IdCheck(text, False, "not 18 digits", "resident")
    if text[:2] not in _PROVINCES:
        return IdCheck(text, False, "unknown province", "resident")
    try:
        born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return IdCheck(text, False, "date of birth does not exist", "resident")
    if born.year < 1850:
        return IdCheck(text, False, "date of birth out of range", "resident")
    if resident_check_char(text[:17]) != text[17]:
        return IdCheck(text, False, "check character does not fit", "resident")
    return IdCheck(text, True, None, "resident")


_WHOLE_VIN = re.compile("[A-HJ-NPR-Z0-9]{17}")


def vin_check_char(vin: str) -> str | None:
    """Check character of a vehicle identification number (ISO 3779 annex as used in 49 CFR 565 and GB 16735)."""
    try:
        total = sum(map(mul, map(_VIN_VALUE.__getitem__, vin), _VIN_WEIGHTS))
    except KeyError:
        return None
    return "0123456789X"[total % 11]


def check_vin(raw: str) -> IdCheck:
    """Vehicle identification number; the check digit binds only North America (1–5) and China (L)."""
    if _WHOLE_VIN.fullmatch(raw) and len(set(raw)) > 5 and not raw.isdigit() and vin_check_char(raw) == raw[8]:
        return IdCheck(raw, True, None, "vin")  # nearly all of them; no filler can look so
    text = compact(raw)
    bad = _unusable(raw, text, "vin")
    if bad:
        return bad
    if len(text) != 17:
        return IdCheck(text, False, f"{len(text)} characters instead of 17", "vin")
    fixed = text.translate(str.maketrans("OQI", "001"))
    repaired = fixed != text
    if not all(c in _VIN_VALUE for c in fixed):
        return IdCheck(text, False, "character outside the alphabet", "vin")
    fits = vin_check_char(fixed) == fixed[8]
    if fixed[0] in "12345L":
        if fits:
            return IdCheck(fixed, True, None, "vin", repaired)
        return IdCheck(text, False, "check digit does not fit", "vin")
    if repaired and not fits:
        return IdCheck(text, False, "character outside the alphabet", "vin")
    return IdCheck(fixed, True, None, "vin", repaired)


def check_lei(raw: str) -> IdCheck:
    """Legal entity identifier (ISO 17442): 20 characters, ISO 7064 mod 97-10."""
    text = compact(raw)
    bad = _unusable(raw, text, "lei")
    if bad:
        return bad
    if len(text) != 20 or not re.fullmatch(r"[0-9A-Z]{18}\d{2}", text):
        return IdCheck(text, False, "not 18 letters or digits and two digits", "lei")
    if int("".join(str(int(c, 36)) for c in text)) % 97 != 1:
        return IdCheck(text, False, "check digits do not fit", "lei")
    return IdCheck(text, True, None, "lei")


@cache
def _vat_module(country: str) -> object | None:
    from stdnum import get_cc_module

    found: object | None = get_cc_module("gr" if country == "EL" else country.lower(), "vat")
    return found


def check_vat(raw: str) -> IdCheck:
    """European VAT number with its country prefix, checked by the rules of the country."""
    text = compact(raw)
    bad = _unusable(raw, text, "vat")
    if bad:
        return bad
    prefix = text[:2]
    if prefix not in _VAT_PREFIXES or len(text) < 6:
        return IdCheck(text, False, "no European country prefix", "vat")
    module = _vat_module(prefix)
    if module is None:
        return IdCheck(text, False, "no rule for this country", "vat")
    is_valid = getattr(module, "is_valid")  # noqa: B009  (a module found by its name has no declared contents)
    number = text if prefix in ("EU", "CH") else text[2:]
    if is_valid(number) or is_valid(text):
        return IdCheck(text, True, None, "vat")
    return IdCheck(text, False, "check digits do not fit", "vat")


def check_tax_id(raw: str) -> IdCheck:
    """A tax number of unknown kind: credit code, VAT, LEI, organisation code, or other (normalised only)."""
    text = compact(raw)
    if len(text) == 18 and text[0] in "159ANY" and uscc_check_char(text[:17]) == text[17] and len(set(text)) > 2:
        # By far the most frequent case first; a resident id may fit by chance, but not with these heads.
        if text[2:8].isdigit() and (text[0] == "9" or not text[:17].isdigit() or not check_resident_id(text).ok):
            return IdCheck(text, True, None, "uscc")
    bad = _unusable(raw, text, "other")
    if bad:
        return bad
    if len(text) == 18 and _USCC_RE.fullmatch(text):
        if text[:17].isdigit() and text[0] != "9":
            resident = check_resident_id(text)
            if resident.ok:
                # Before 2015 sole traders were registered for tax under the owner's resident id.
                return IdCheck(text, True, None, "other")
        return check_uscc(raw)
    if len(text) == 20:
        lei = check_lei(raw)
        if lei.ok:
            return lei
    if text[:2] in _VAT_PREFIXES and 8 <= len(text) <= 14 and sum(c.isdigit() for c in text) >= 7:
        return check_vat(raw)
    if len(text) == 15 and text[:6].isdigit() and text[:2] in _PROVINCES and check_org_code(text[6:]).ok:
        # The tax number before 2015: region and organisation code.
        return IdCheck(text, True, None, "other")
    if len(text) in (16, 17, 19) and text[:2] in ("91", "92", "93", "11", "12", "51", "52"):
        return check_uscc(raw)
    if len(text) < 4:
        return IdCheck(None, False, "too short", "other")
    return IdCheck(text, False, "no known check", "other")


def check_national_id(raw: str) -> IdCheck:
    """A personal identifier: resident id where it has that form, otherwise normalised only."""
    text = compact(raw)
    bad = _unusable(raw, text, "other")
    if bad:
        return bad
    if len(text) == 18 and text[:17].isascii() and text[:17].isdigit():
        return check_resident_id(raw)
    if len(text) == 15 and text.isascii() and text.isdigit() and text[:2] in _PROVINCES:
        widened = check_resident_id(raw)
        if widened.ok:
            return widened
    if len(text) < 4:
        return IdCheck(None, False, "too short", "other")
    return IdCheck(text, False, "no known check", "other")


def normal_plate(raw: str) -> str | None:
    """A number plate without blanks and separators, upper case (鲁B·1234挂 → 鲁B1234挂); null for fillers."""
    text = compact(raw)
    return None if _unusable(raw, text, "other") or len(text) < 4 else text
