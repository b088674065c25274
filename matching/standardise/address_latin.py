"""Addresses in Latin letters: house number, street with its suffix and directions, unit, city, state, postal code.

Written for North American, British and Australian lines; continental ones ("Hardenbergstraße 87") are read by the
number behind the street. Gazetteers are not used: a city inside the line is found by punctuation, state or suffix.
"""

from __future__ import annotations

import re
from functools import lru_cache

from matching.standardise.address_tail import Tail, city_name, state_name, street_suffixes
from matching.standardise.divisions import division, romanised_code
from matching.standardise.text import squeeze, to_ascii
from matching.standardise.values import Address

_DIRECTIONS = {
    "n": "n", "north": "n", "s": "s", "south": "s", "so": "s", "e": "e", "east": "e", "w": "w", "west": "w",
    "ne": "ne",
    "northeast": "ne", "nw": "nw", "northwest": "nw", "se": "se", "southeast": "se", "sw": "sw", "southwest": "sw",
    "no": "n",
}  # fmt: skip
_ORDINALS = {
    "first": "1st", "second": "2nd", "third": "3rd", "fourth": "4th", "fifth": "5th", "sixth": "6th", "seventh": "7th",
    "eighth": "8th", "ninth": "9th", "tenth": "10th", "eleventh": "11th", "twelfth": "12th", "thirteenth": "13th",
    "fourteenth": "14th", "fifteenth": "15th", "sixteenth": "16th", "twentieth": "20th",
}  # fmt: skip
_UNIT_RE = re.compile(
    r"(?:^|[\s,(])(?:(unit|flat|apartment|apt|suite|ste|room|rm|shop|lot|no unit|unit no|office|ofc|"
    r"#)(?!s\b)\s*[#.:]*\s*(?:no\.?\s*)?([a-z]?\d+[a-z]?(?:[-/]\d+[a-z]?)?|[a-z]\d*)|"
    r"(floor|fl|level|lvl)\.?\s*(\d{1,2}|[a-z])|(\d+)(?:st|nd|rd|th)\s+(?:floor|fl)|(building|bldg|bld|block|"
    r"tower)\.?\s*(\d+[a-z]?|[a-z]\d*))(?=[\s,).]|$)"
)
_BOX_RE = re.compile(
    r"\bp\.?\s*o\.?\s*box\s*#?\s*(\d+)|\bpost office box\s*(\d+)|\bgpo box\s*(\d+)|\blocked bag\s*(\d+)"
)
_NOISE_RE = re.compile(
    r"\s+(?:between|btwn\.?|betw\.?|bet\.|b/t|btw|near|nr\.?|off(?: of)?|opposite|opp\.?|across from|next to|"
    r"corner of|cor\.?|cnr\.?|adjacent to|in front of|behind|at|in the|inside|@)\s+[^,]*"
)
# The words that _NOISE_RE may begin with, as they stand between blanks.
_NOISE_WORDS = frozenset(
    "between btwn btwn. betw betw. bet. b/t btw near nr nr. off opposite opp opp. across next corner cor cor. cnr cnr. "
    "adjacent in behind at inside @".split()
)
# One of these is in every text in which _UNIT_RE finds something.
_UNIT_HINT_RE = re.compile(
    "unit|flat|ap(?:artment|t)|s(?:ui)?te|r(?:oo)?m|shop|lot|of(?:fi)?c|#|fl|l(?:e)?v(?:e)?l|b(?:ui)?ld|block|tower"
)
_WORD_RE = re.compile(r"[a-z0-9]+")
# Behind a number in front: the street, and no number of a house.
_NO_HOUSE_RE = re.compile(r"[\s,]*(?!no\b|nr\b)[a-z]")
_NUMBERED_RE = re.compile(r"(street|str|st|road|rd|avenue|ave|lane) (\d+[a-z]?)\b(.*)")
_DASH_RE = re.compile(r"\s*-\s*")
_DIGIT_RE = re.compile(r"\d")
_STRASSE_RE = re.compile(r"(\w{3,})str(?:asse|\.|$|(?=\s))")
_SLASH_NUMBER_RE = re.compile(r"^(\d+[a-z]?)/(?=\d+[a-z]?[ ,])")
_NUMBER_RE = re.compile(r"^(?:no\.?\s*|nr\.?\s*|#\s*)?(\d+(?:\s?-\s?\d+)?[a-z]?(?:\s+\d/\d)?)(?=[\s,]|$)[\s,]*")
_BUILDING_RE = re.compile(r"^([a-z][a-z' .&-]{4,}?)\s+(\d+[a-z]?)\s+([a-z].+)$")
_NO_BUILDING = frozenset(
    "road rd street st avenue ave highway hwy route rt rte county state us interstate mile km exit lot unit box apt "
    "suite floor level no number mailbox rr fm cr sr".split()
)
_TRAIL_NUMBER_RE = re.compile(r"^(\D{3,}?)[\s,]+(\d+\s?[a-z]?(?:\s?-\s?\d+\s?[a-z]?)?)$")


def parse_latin(
    line: str | None,
    district: str | None,
    city: str | None,
    province: str | None,
    postal: str | None,
    country: str | None,
    reason: str | None,
) -> Address:
    """Parses a folded line without Chinese characters and the folded attributes beside it."""
    state, state_country = state_name(province) if province else (None, None)
    if state == "wa" and postal:
        state_country = "AU" if len(postal) == 4 else "US"
    country = country or state_country
    city_norm = city_name(city) if city else None
    district_norm = city_name(district) if district else None
    parts = Tail(state, city_norm, postal, country)
    road = key = number = unit = None
    if line:
        text = to_ascii(line)
        box = _BOX_RE.search(text) if "box" in text or "bag" in text else None
        if box:
            road = key = "po box"
            number = next(g for g in box.groups() if g)
            text = squeeze(text[: box.start()] + text[box.end() :]).strip(" ,")
        # Before the state is looked for: "1st Fl" is no Florida.
        text, units = _take_units(text)
        slash = _SLASH_NUMBER_RE.match(text)
        if slash:
            # 12/34 King St: unit 12 of number 34.
            units.append(slash.group(1))
            text = text[slash.end() :]
        parts.read(text)
        streets: list[str] = []
        for part in parts.rest:
            if not _NOISE_WORDS.isdisjoint(part.split()):
                part = _NOISE_RE.sub("", part)
            part = squeeze(part).strip(" ,.-")
            if part:
                streets.append(part)
        if road is None:
            road, key, number, streets, loose_city = _street(streets, bare_tail=parts.bare)
            if loose_city and not parts.city:
                parts.city = city_name(loose_city)
        unit = " ".join(dict.fromkeys(units)) or None
        if not parts.city and len(streets) > 0 and road and not _DIGIT_RE.search(streets[-1]):
            parts.city = city_name(streets[-1])
            streets = streets[:-1]
        if not parts.city and city_norm is None and road is None and streets and not _DIGIT_RE.search(streets[-1]):
            parts.city = city_name(streets[-1])
    norm = None
    if line:
        where = " ".join(p for p in (parts.city, parts.state) if p)
        norm = squeeze(" ".join(p for p in (number, road, f"unit {unit}" if unit else None, where) if p)) or None
        if road is None and number is None:
            norm = " ".join(_WORD_RE.findall(to_ascii(line))) or None
    tokens = tuple(sorted(set((norm or "").split())))
    code = romanised_code(parts.city) if parts.country == "CN" and parts.city else None
    place = division(code) if code else None
    if place is not None:
        parts.city = place.stem
    return Address(
        parts.country, place.province if place else None, code, None, parts.state, parts.city, district_norm,
        parts.postal, road, key, number, unit,
        norm, norm, tokens, reason,
    )  # fmt: skip


def _take_units(part: str) -> tuple[str, list[str]]:
    units: list[str] = []
    if _UNIT_HINT_RE.search(part) is None:
        return squeeze(part), units

    def replace(match: re.Match[str]) -> str:
        word, value, _, floor, nth, build, block = match.groups()
        if word == "#" and not match.start() and "-" not in value and _NO_HOUSE_RE.match(part, match.end()):
            # "#321, Street 128": the number of the house, not of a unit in it.
            return " " + value
        if word:
            units.append(value)
        elif floor or nth:
            units.append("fl" + (floor or nth))
        elif build and block:
            units.append("bldg" + block)
        else:
            return match.group()
        return " "

    return squeeze(_UNIT_RE.sub(replace, part)), units


def _street(streets: list[str], *, bare_tail: bool) -> tuple[str | None, str | None, str | None, list[str], str | None]:
    """Road, its key and number from the first part that has a number; the parts left over; a city found behind it."""
    for index, part in enumerate(streets):
        found = _NUMBER_RE.match(part)
        if found and found.end() < len(part):
            number = _DASH_RE.sub("-", squeeze(found.group(1)))
            road, key, city = _road(part[found.end() :], bare_tail=bare_tail)
            if road:
                return road, key, number, streets[:index] + streets[index + 1 :], city
        if found and found.end() == len(part) and index + 1 < len(streets):
            road, key, city = _road(streets[index + 1], bare_tail=bare_tail)
            return road, key, squeeze(found.group(1)), streets[:index] + streets[index + 2 :], city
    for index, part in enumerate(streets):
        # A building's name before the number: "Adventura Apartments 638 Downey St".
        behind = _BUILDING_RE.match(part)
        if behind and not _NO_BUILDING.intersection(behind.group(1).split()):
            road, key, city = _road(behind.group(3), bare_tail=bare_tail)
            if road and any(w in street_suffixes() for w in _WORD_RE.findall(behind.group(3))[1:]):
                return road, key, behind.group(2), streets[:index] + streets[index + 1 :], city
    for index, part in enumerate(streets):
        trailing = _TRAIL_NUMBER_RE.match(part)
        if trailing:
            road, key, city = _road(trailing.group(1), bare_tail=False)
            return road, key, re.sub(r"\s+", "", trailing.group(2)), streets[:index] + streets[index + 1 :], city
    for index, part in enumerate(streets):
        words = _WORD_RE.findall(part)
        if len(words) >= 2 and any(w in street_suffixes() for w in words[1:]):
            road, key, city = _road(part, bare_tail=bare_tail)
            return road, key, None, streets[:index] + streets[index + 1 :], city
    return None, None, None, streets, None


@lru_cache(maxsize=50_000)
def _road(text: str, *, bare_tail: bool) -> tuple[str | None, str | None, str | None]:
    text = text.replace("'", "")
    if "str" in text:
        text = _STRASSE_RE.sub(r"\1strasse", text)
    words = _WORD_RE.findall(text)
    if not words:
        return None, None, None
    numbered = _NUMBERED_RE.fullmatch(" ".join(words))
    if numbered:
        # Street 128, as streets are named in Phnom Penh.
        road = f"{street_suffixes()[numbered.group(1)]} {numbered.group(2)}"
        return road, road, numbered.group(3).strip() or None
    words = [_ORDINALS.get(w, w) for w in words]
    for i, word in enumerate(words[:-1]):
        if word.isdigit() and words[i + 1] in street_suffixes() and len(word) <= 3:
            words[i] = word + _ordinal(int(word))
    head: str | None = None
    lettered = len(words) == 3 and words[1] == "st" and words[2] in _DIRECTIONS
    named = len(words) > 1 and words[1] in street_suffixes() and (len(words) == 2 or words[1] != "st" or lettered)
    if len(words) > 1 and words[0] in _DIRECTIONS and not named:
        head = _DIRECTIONS[words[0]]
        words = words[1:]
    # The last suffix word that is not the first word ends the street; what follows is a direction or the city.
    end = None
    for i in range(len(words) - 1, 0, -1):
        if words[i] in street_suffixes() and not (words[i] in ("la", "way", "view", "row") and i < len(words) - 1):
            end = i
            break
    city: str | None = None
    suffix: str | None = None
    tail: str | None = None
    if end is not None:
        suffix = street_suffixes()[words[end]]
        after = words[end + 1 :]
        name = words[:end]
        if after and after[0] in _DIRECTIONS and (len(after) == 1 or len(after[0]) <= 2):
            tail, after = _DIRECTIONS[after[0]], after[1:]
        if after:
            city = " ".join(after)
    else:
        name = words
        if len(name) > 1 and name[-1] in _DIRECTIONS:
            tail, name = _DIRECTIONS[name[-1]], name[:-1]
        if bare_tail and len(name) > 1:
            name, city = name[:1], " ".join(name[1:])
    if name and name[-1].endswith("strasse") and len(name[-1]) > 9:
        suffix = None
    key_words = ["saint" if w == "st" else w for w in name]
    key = " ".join(key_words)
    road = " ".join(p for p in (head, key, suffix, tail) if p)
    return road or None, key or None, city


def _ordinal(number: int) -> str:
    if 10 <= number % 100 <= 20:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
