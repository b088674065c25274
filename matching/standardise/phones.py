"""Telephone numbers: E.164 with extension, or `local:` and the digits when the area code is missing.

Chinese patterns first (they are unambiguous and fast), then North American ones, then the phonenumbers library for
the region the record speaks of. A number nothing recognises keeps its digits as a local number.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from matching.standardise.junk import filler_digits, folded_junk
from matching.standardise.text import fold, has_han


class Phone(NamedTuple):
    """A parsed number. `value` is '+861062345678;ext=801', 'local:62345678' or null with a `reason`.

    kind: mobile, landline, service (400/800 numbers), local (no area code), other. base: value without extension.
    """

    raw: str
    value: str | None = None
    base: str | None = None
    ext: str | None = None
    kind: str | None = None
    region: str | None = None
    reason: str | None = None


_NOT_DIGIT_RE = re.compile(r"[^0-9]+")
_SCIENTIFIC_RE = re.compile(r"\d(?:\.\d+)?[eE]\+?\d+$")
_LOOSE_LANDLINE_RE = re.compile(r"0(10|2[0-57-9]|[3-9][1-9]\d)(\d{7,8})(\d{0,4})")
_EXT_RE = re.compile(
    r"(?:(?:[转轉#]|分机号?[::]?|内线|extension|ext\.?|extn\.?|ext:|x)\s*[:.]?\s*(\d{1,6}))\s*\)?$|"
    r"(?<=\d{7})\s*[-–/]\s*(\d{1,5})$",
    re.IGNORECASE,
)
_SPLIT_RE = re.compile(r"[;,、\uff1b\uff0c|\n]|\s/\s|\s+(?:or|and|或|及)\s+|(?<=\d{7})/(?=\d{7})")
_LABEL_RE = re.compile(r"^[^\d+(]*?(?=[\d+(])")
_MOBILE_RE = re.compile(r"1[3-9]\d{9}")
_AREA_2 = "10|2[0-57-9]"
_AREA_3 = "[3-9][1-9]\\d"
_LANDLINE_RE = re.compile(rf"0({_AREA_2})([2-8]\d{{7}})$|0({_AREA_3})([2-9]\d{{6,7}})$")
_LANDLINE_NO_ZERO_RE = re.compile(rf"({_AREA_2})([2-8]\d{{7}})$|({_AREA_3})([2-9]\d{{6,7}})$")
_APART = frozenset(" -(")
_PLAIN_SIGNS_RE = re.compile(r"[0-9 ()+-]*")
_LOOKS = str.maketrans("", "", " -()")
_PLAIN_CHINESE_RE = re.compile(
    r"(?:(?:\+|00)86)?(1[3-9][0-9]{9})|(?:0|(?:\+|00)86)((?:10|2[0-57-9])[2-8][0-9]{7}|[3-9][1-9][0-9][2-9][0-9]{6,7})"
)
_SERVICE_RE = re.compile(r"[48]00\d{7}$")
_SHORT_SERVICE_RE = re.compile(r"9[56]\d{3,6}$|1[02]\d{3}$")
_NANP_RE = re.compile(r"1?([2-9]\d{2}[2-9]\d{6})$")
# Written the American way (3-3-4 with a leading 1), which no Chinese mobile number is.
_NANP_WRITTEN_RE = re.compile(r"1?[-. (]*(?!400)[2-9]\d{2}[)]?[-. /]+\s*\d{3}[-. ]+\d{4}")
_TRUNK_ZERO = {
    "GB": "44", "DE": "49", "FR": "33", "AT": "43", "CH": "41", "NL": "31", "BE": "32", "SE": "46", "AU": "61",
    "NZ": "64", "JP": "81", "KR": "82", "IE": "353", "FI": "358", "ZA": "27", "TR": "90", "TH": "66", "MY": "60",
    "IN": "91", "PK": "92",
}  # fmt: skip
# A region hint: the record is not Chinese, its country is unknown.
NOT_CHINA = "XX"


def split_phones(raw: str) -> list[str]:
    """Parts of a field that holds several numbers ('010-1; 010-2', '… 或 …')."""
    if _SPLIT_RE.search(raw) is None:
        return [raw]
    parts = [p.strip() for p in _SPLIT_RE.split(raw) if sum(c.isdigit() for c in p) >= 5]
    return parts if len(parts) > 1 else [raw]


def parse_phone(raw: str, region: str | None = None, area: str | None = None) -> Phone:
    """Parses one number.

    `region` is the ISO country of the record if known (CN, US …); `area` an area code of its city ('010'), which
    completes a local Chinese number.
    """
    plain = _plain(raw, region)
    if plain is not None:
        return plain
    text = fold(raw)
    reason = folded_junk(text)
    if reason:
        return Phone(raw, reason=reason)
    digits = _NOT_DIGIT_RE.sub("", text)
    if not digits:
        return Phone(raw, reason="no digits")
    if len(digits) < 5:
        return Phone(raw, reason="too short")
    if filler_digits(digits.lstrip("0") or digits) or (len(digits) <= 12 and len(set(digits[-8:])) == 1):
        return Phone(raw, reason="filler digits")
    if _SCIENTIFIC_RE.search(text):
        return Phone(raw, reason="number damaged by a spreadsheet")
    chinese_text = has_han(text)
    text = _LABEL_RE.sub("", text)
    if text.endswith(".0") and text[:-2].isdigit():
        text = text[:-2]
    text, ext = _take_extension(text)
    digits = _NOT_DIGIT_RE.sub("", text)
    plus = text.lstrip("( ").startswith("+")
    if region in (None, NOT_CHINA) and _NANP_WRITTEN_RE.fullmatch(text.strip()):
        region = "US"
    if region in (None, "CN") or chinese_text or digits.startswith(("0086", "86")):
        found = _chinese(raw, digits, plus, ext, region or ("CN" if chinese_text else None), area)
        if found is not None:
            return found
    if region in (None, NOT_CHINA, "US", "CA") and not plus:
        found = _american(raw, digits, ext, region)
        if found is not None:
            return found
    return _anywhere(raw, text, digits, plus, ext, region)


def is_plain(raw: str) -> bool:
    """Whether a field holds digits, blanks, dashes and brackets only: one number without remarks."""
    return _PLAIN_SIGNS_RE.fullmatch(raw) is not None


def _plain(raw: str, region: str | None) -> Phone | None:
    """A number written plainly, as most are; null for whatever needs the long way, which gives the same."""
    digits = raw.translate(_LOOKS)
    # Doubtful as fillers, and 1-312-555-1846, which has the digits of a Chinese mobile number.
    if len(set(raw[-8:])) <= 2 or raw[1:2] in _APART:
        return None
    if region in (None, "CN"):
        found = _PLAIN_CHINESE_RE.fullmatch(digits)
        if found:
            number = found.group(1) or found.group(2)
            return Phone(raw, "+86" + number, "+86" + number, None, "mobile" if found.group(1) else "landline", "CN")
        return None
    if filler_digits(digits.lstrip("0")) or len(set(digits[-8:])) < 3 or not digits.isascii():
        return None
    if region in ("US", "CA"):
        found = _NANP_RE.fullmatch(digits)
        return _phone(raw, "+1" + found.group(1), None, "landline", region) if found else None
    code = _TRUNK_ZERO.get(region)
    if code and digits[:1] == "0" and digits[1:2] != "0" and 8 <= len(digits) <= 12 and "-" not in raw:
        return _phone(raw, f"+{code}{digits[1:]}", None, "other", region) if digits.isdigit() else None
    return None


def _take_extension(text: str) -> tuple[str, str | None]:
    found = _EXT_RE.search(text)
    if found is None:
        return text, None
    head = text[: found.start()]
    digits = _NOT_DIGIT_RE.sub("", head)
    if len(digits) < 7:
        return text, None
    if found.group(1):
        return head, found.group(1)
    # Digits behind a dash are an extension only where the number before it is whole: 0532-85671234-601.
    whole = digits.startswith(("0", "86", "400", "800")) and len(digits) >= 10
    return (head, found.group(2)) if whole else (text, None)


def _phone(raw: str, base: str, ext: str | None, kind: str, region: str | None) -> Phone:
    return Phone(raw, f"{base};ext={ext}" if ext else base, base, ext, kind, region)


def _chinese(raw: str, digits: str, plus: bool, ext: str | None, region: str | None, area: str | None) -> Phone | None:
    number = digits
    foreign = plus
    for prefix in ("0086", "086", "86"):
        if number.startswith(prefix) and len(number) - len(prefix) >= 9:
            number, foreign, region = number[len(prefix) :], False, "CN"
            break
    if foreign:
        return None
    bare = number.lstrip("0")
    if _MOBILE_RE.fullmatch(bare) and len(number) - len(bare) <= 1:
        return _phone(raw, "+86" + bare, ext, "mobile", "CN")
    if _SERVICE_RE.fullmatch(number) and (region == "CN" or number.startswith("400")):
        return _phone(raw, "+86" + number, ext, "service", "CN")
    found = _LANDLINE_RE.fullmatch(number)
    if not found and region == "CN" and not number.startswith("0"):
        found = _LANDLINE_NO_ZERO_RE.fullmatch(number)
    if found:
        code, local = found.group(1) or found.group(3), found.group(2) or found.group(4)
        return _phone(raw, f"+86{code}{local}", ext, "landline", "CN")
    if region == "CN":
        loose = _LOOSE_LANDLINE_RE.fullmatch(number)
        if loose:
            return _phone(raw, f"+86{loose.group(1)}{loose.group(2)}", ext or loose.group(3) or None, "landline", "CN")
        if len(number) in (7, 8) and not number.startswith("0"):
            if area:
                return _phone(raw, f"+86{area.lstrip('0')}{number}", ext, "landline", "CN")
            return _phone(raw, "local:" + number, ext, "local", "CN")
        if _SHORT_SERVICE_RE.fullmatch(number):
            return _phone(raw, "local:" + number, ext, "service", "CN")
        if plus or digits != number:
            return _phone(raw, "+86" + bare, ext, "other", "CN")
        return None
    loose = _LOOSE_LANDLINE_RE.fullmatch(number)
    if loose and region is None and len(loose.group(2)) == 8 and not loose.group(3):
        return _phone(raw, f"+86{loose.group(1)}{loose.group(2)}", ext, "landline", "CN")
    return None


def _american(raw: str, digits: str, ext: str | None, region: str | None) -> Phone | None:
    found = _NANP_RE.fullmatch(digits)
    if found:
        return _phone(raw, "+1" + found.group(1), ext, "landline", region if region in ("US", "CA") else "US")
    if len(digits) in (10, 11) and region in ("US", "CA"):
        ten = digits[-10:]
        if len(digits) == 10 or digits[0] == "1":
            return _phone(raw, "+1" + ten, ext, "other", region)
    if len(digits) == 7 and not digits.startswith("0"):
        return _phone(raw, "local:" + digits, ext, "local", region)
    if len(digits) == 8 and region is None and not digits.startswith("0"):
        return _phone(raw, "local:" + digits, ext, "local", None)
    return None


def _anywhere(raw: str, text: str, digits: str, plus: bool, ext: str | None, region: str | None) -> Phone:
    region = None if region == NOT_CHINA else region
    if digits.startswith("00") and len(digits) > 9:
        digits, plus = digits[2:], True
        text = "+" + digits
    base = _by_trunk_zero(digits, plus, region)
    if base is not None:
        return _phone(raw, base, ext, "other", region)
    found = _by_library(raw, text, plus, ext, region)
    if found is not None:
        return found
    if len(digits) < 6:
        return Phone(raw, reason="too short")
    if len(digits) > 17:
        return Phone(raw, reason="too long")
    if plus:
        return _phone(raw, "+" + digits, ext, "other", region)
    return _phone(raw, "local:" + digits.lstrip("0"), ext, "local", region)


def _by_trunk_zero(digits: str, plus: bool, region: str | None) -> str | None:
    """Number of a country where a trunk zero stands before the area code at home and nowhere else."""
    if plus:
        code = next((c for c in _TRUNK_ZERO.values() if digits.startswith(c)), None)
        national = digits[len(code) :] if code else ""
    else:
        code = _TRUNK_ZERO.get(region or "")
        national = digits if digits.startswith("0") else ""
    national = national.removeprefix("0")
    return f"+{code}{national}" if code and 7 <= len(national) <= 11 and national[0] != "0" else None


def _by_library(raw: str, text: str, plus: bool, ext: str | None, region: str | None) -> Phone | None:
    """What the phonenumbers library makes of a number with a country, null when it is not possible there."""
    if not plus and region is None:
        return None
    import phonenumbers

    try:
        number = phonenumbers.parse(text, None if plus else region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number) or not (plus or phonenumbers.is_valid_number(number)):
        return None
    base = f"+{number.country_code}{phonenumbers.national_significant_number(number)}"
    return _phone(raw, base, ext or number.extension, "other", region)
