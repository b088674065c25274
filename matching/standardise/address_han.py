"""Chinese addresses: divisions, town, road, number, building and room.

Divisions become codes of today's GB/T 2260; the rest is split by the words that end its parts (路, 号, 座, 室).
"""

from __future__ import annotations

import re
from functools import lru_cache

from matching.standardise.divisions import Place, division, read_place
from matching.standardise.text import HAN, ascii_key
from matching.standardise.values import Address

_ZONE_PREFIX_RE = re.compile(rf"^(?:中国)?\(([{HAN}]{{2,8}})\)自由贸易试验区")
_COUNTRY_RE = re.compile(r"^(?:中华人民共和国|中国)[\s,，]*")
_BLANK_RE = re.compile(
    rf"(?<=[{HAN}])[\s,、;·]+(?=[{HAN}\dA-Za-z])|(?<=[\dA-Za-z])\s+(?=[{HAN}])|(?<=[{HAN}\d])\s+(?=[\dA-Za-z])"
)
_NOTE_RE = re.compile(r"\([^()]*\)?|【[^】]*】?")
# Characters of a prefix that is no road: a zone or town must not swallow the road and number before it.
_PLAIN = f"(?:(?![路街巷0-9])[{HAN}A-Za-z])"
_TOWN_RE = re.compile(rf"^({_PLAIN}{{1,7}}?(?:街道办事处|街道办|街道|镇|乡|苏木|民族乡))(?=[{HAN}A-Za-z0-9])")
_ZONE_RE = re.compile(
    rf"^({_PLAIN}{{0,12}}?(?:经济技术开发区|高新技术产业开发区|高新技术产业园区|高新技术开发区|经济开发区|"
    rf"高新技术区|自由贸易试验区|"
    rf"开发区|高新区|经开区|保税区|保税港区|工业园区|工业园|产业园区|产业园|科技园区|工业集中区|工业区|园区|"
    rf"新区|示范区|试验区|合作区|"
    rf"商务区|片区)(?!区))(?=[{HAN}A-Za-z0-9])"
)
_VILLAGE_RE = re.compile(rf"^({_PLAIN}{{1,8}}?(?:社区居委会|社区|居委会|村委会|行政村))(?=[{HAN}A-Za-z0-9])")
_TRADE_ZONE_RE = re.compile(rf"^(?:[{HAN}]{{2,3}})?(?:自由贸易试验区|自贸试验区|自贸区)")
# What may stand before the road, with the characters without which there is none, and whether it is kept.
_BEFORE_ROAD = (
    (_ZONE_RE, re.compile("[区园]"), False),
    (_TOWN_RE, re.compile("[道镇乡木]"), True),
    (_VILLAGE_RE, re.compile("[区会村]"), False),
)
_ROAD_END = (
    r"(?:大道|大街|公路|国道|省道|环路|路|街|巷|胡同|弄堂|里弄|道|里(?=\d)|弄(?=\d)|线(?=\d))"
    r"(?:[东西南北中](?:[一二三四五六七八九十]?[路街段]|段)|[一二三四五六七八九十\d]+段)?"
)
_ROAD_END_RE = re.compile(_ROAD_END)
_ROAD_RE = re.compile(rf"(?:[{HAN}]|[A-Za-z0-9](?=[{HAN}A-Za-z0-9])){{1,10}}?{_ROAD_END}")
_HAN_RUN_RE = re.compile(rf"[{HAN}]+")
_PLACE_END_RE = re.compile("[村园区城组镇]")
_ROAD_PREFIX_RE = re.compile(
    rf"^.*(?:村|园|区|城|组|镇)(?=[{HAN}]{{2,}}(?:大道|大街|路|街|道|巷)(?:[东西南北中]?段)?$)"
)
_NUMBER_RE = re.compile(
    r"^\s*(?:第)?([0-9一二三四五六七八九十百零〇]+(?:[-之~至][0-9]+)*[A-Za-z]?(?:[、,][0-9]+)*)\s*(号院|号楼|"
    r"号|弄|支弄)"
)
_LANE_RE = re.compile(r"^\s*([0-9]+(?:-[0-9]+)?)\s*(?:号楼|号|支弄)")
_ANY_NUMBER_RE = re.compile(r"([0-9]+(?:-[0-9]+)*[A-Za-z]?)\s*号(?!楼)")
_UNIT_PART_RE = re.compile(
    r"([A-Za-z0-9]+(?:-[A-Za-z0-9]+)*|[一二三四五六七八九十百]+)\s*(号楼|座|栋|幢|楼|单元|层|"
    r"室|房|号|区|门)"
)
_NUMERALS = frozenset("一二三四五六七八九十百零〇")
_POST_RE = re.compile(r"(?:邮编|邮政编码)[::\s]*(\d{6})|\b(\d{6})$")
_BARE_NUMBER_RE = re.compile(r"^\s*(\d+(?:-\d+)?)\s*$")
_LISTING_RE = re.compile("[、,;及和]")
_ROOM_TAIL_RE = re.compile(r"([A-Za-z]?\d{2,5}[A-Za-z]?)\s*$")
_ROOM_AFTER_RE = re.compile(r"[栋幢座楼层元]\s*([A-Za-z]?\d{3,5})\s*$")
_DIGIT_WORDS = {c: i for i, c in enumerate("零一二三四五六七八九")}
_ROAD_SUFFIX_RE = re.compile(
    r"(?:大道|大街|公路|环路|路|街|巷|胡同|道)(?:[东西南北中]?[一二三四五六七八九十]?[段路街])?$"
)


def number_of(text: str) -> str:
    """Digits of a Chinese numeral up to 999 (八十八 → 88); other text unchanged."""
    if not text or not _NUMERALS.issuperset(text):
        return text
    text = text.replace("〇", "零")
    if "十" not in text and "百" not in text:
        return "".join(str(_DIGIT_WORDS[c]) for c in text)
    total, digit = 0, 0
    for char in text:
        if char == "百":
            total, digit = total + (digit or 1) * 100, 0
        elif char == "十":
            total, digit = total + (digit or 1) * 10, 0
        else:
            digit = _DIGIT_WORDS[char]
    return str(total + digit)


def parse_han(
    line: str | None,
    district: str | None,
    city: str | None,
    province: str | None,
    postal: str | None,
    country: str | None,
    reason: str | None,
) -> Address:
    """Parses a folded Chinese line and the folded attributes beside it."""
    known = _attributes(province, city, district)
    rest = line or ""
    if rest:
        zone = _ZONE_PREFIX_RE.match(rest) if "(" in rest[:3] else None
        if zone:
            inner = read_place(zone.group(1))
            known = inner if inner.province and not known.province else known
            rest = rest[zone.end() :]
        if rest[:1] == "中":
            rest = _COUNTRY_RE.sub("", rest)
        if postal is None:
            found = _POST_RE.search(rest) if "邮" in rest or rest[-6:].isdigit() else None
            if found and found.start() > 0:
                postal = found.group(1) or found.group(2)
                rest = rest[: found.start()].rstrip(" ,(;")
        place = read_place(rest, known=known)
        rest = rest[place.end :]
        place = _complete(place, known)
        trade_zone = _TRADE_ZONE_RE.match(rest) if "自" in rest[:4] else None
        if trade_zone:
            rest = rest[trade_zone.end() :]
            inner = read_place(rest, known=place)
            rest = rest[inner.end :]
            place = _complete(inner, place)
    else:
        place = known
    if not rest.isalnum():
        rest = _BLANK_RE.sub("", rest).strip(" ,.、;:-")
        rest = _NOTE_RE.sub("", rest) or rest.replace("(", "").replace(")", "")
    town, road, number, unit, plain = _street(rest)
    province_stem, city_stem, district_stem = _stems(place.province, place.city, place.district)
    district_stem = district_stem or place.loose_district
    if country is None and (place.province or place.loose_district or road or line):
        country = {"810000": "HK", "820000": "MO", "710000": "TW"}.get(place.province or "", "CN")
    key = _road_key(road) if road else None
    norm = None
    if line:
        head = (city_stem or province_stem or "") + (
            district_stem if district_stem and district_stem != city_stem else ""
        )
        street = f"{road}{number or ''}{unit or ''}" if road else plain.lower()
        norm = head + (town or "") + street
    words = [city_stem, district_stem, town, road, number, unit, None if road else plain.lower()]
    tokens = tuple(dict.fromkeys([word for word in words if word])) if line else ()
    return Address(
        country, place.province, place.city, place.district, province_stem, city_stem, district_stem, postal, road,
        key,
        number, unit, norm, ascii_key(norm) if norm else None, tokens, reason,
    )  # fmt: skip


@lru_cache(maxsize=50_000)
def _road_key(road: str) -> str:
    return _ROAD_SUFFIX_RE.sub("", road) or road


@lru_cache(maxsize=10_000)
def _stems(*codes: str | None) -> tuple[str | None, ...]:
    """Names without suffix of some division codes."""
    found = [division(code) if code else None for code in codes]
    return tuple(None if one is None else one.stem for one in found)


@lru_cache(maxsize=50_000)
def _attributes(province: str | None, city: str | None, district: str | None) -> Place:
    """What the attributes beside the line say, whatever level each of them holds."""
    known = Place()
    for value in (province, city, district):
        if value:
            found = read_place(value, known=known)
            if found.end == 0 and not value.endswith(("省", "市", "区", "县")):
                continue
            known = _complete(found, known)
    return known


def _complete(place: Place, known: Place) -> Place:
    """The place a line says, completed by what is known where they agree."""
    province, city, district, loose = place.province, place.city, place.district, place.loose_district
    if province is None or (province == known.province):
        province = province or known.province
        if city is None or city == known.city:
            city = city or known.city
            if district is None and loose is None:
                district, loose = known.district, known.loose_district
    return Place(province, city, district, place.end, loose if district is None else None)


_Street = tuple[str | None, str | None, str | None, str | None, str]


def _street(text: str) -> _Street:
    """Town, road, number and unit of what follows the divisions, and what is left when there is no road."""
    towns: list[str] = []
    whole = text
    for _ in range(4):
        for pattern, ends, keep in _BEFORE_ROAD:
            found = pattern.match(text) if ends.search(text) else None
            if found:
                if keep:
                    whole = text[found.end() :]
                    towns.append(found.group(1).removesuffix("办事处").removesuffix("办"))
                text = text[found.end() :]
                break
        else:
            break
    town = towns[0] if towns else None
    road, end = _road(text)
    if road is None:
        number = _ANY_NUMBER_RE.search(text)
        if not number:
            return town, None, None, _unit(text), whole
        return town, None, number.group(1).lower(), _unit(text[number.end() :]), whole
    rest = text[end:]
    number_match = _NUMBER_RE.match(rest)
    if not number_match:
        bare = _BARE_NUMBER_RE.match(rest)
        if bare:
            return town, road, bare.group(1), None, text
        later = _ANY_NUMBER_RE.search(rest)
        if later and later.start() <= 12:
            return town, road, later.group(1).lower(), _unit(rest[later.end() :]), text
        return town, road, None, _unit(rest), text
    number_text = number_of(number_match.group(1)).lower().replace("之", "-").replace("~", "-").replace("至", "-")
    rest = rest[number_match.end() :]
    if number_match.group(2) in ("弄", "支弄"):
        lane = _LANE_RE.match(rest)
        if lane:
            number_text = f"{number_text}弄{lane.group(1)}"
            rest = rest[lane.end() :]
        else:
            number_text += "弄"
    return town, road, number_text, _unit(rest), text


def _road(text: str) -> tuple[str | None, int]:
    """The road in a text and where it ends."""
    # What _ROAD_RE finds in most lines, found sooner: nothing but Chinese characters before the first end of a road.
    end = _ROAD_END_RE.search(text, 1)
    if end and end.start() <= 10 and _HAN_RUN_RE.fullmatch(text, 0, end.start()):
        road, stop = text[: end.end()], end.end()
    else:
        found = _ROAD_RE.search(text)
        if found is None:
            return None, 0
        road, stop = found.group(), found.end()
    if _PLACE_END_RE.search(road):
        road = _ROAD_PREFIX_RE.sub("", road)
    return road.lower(), stop


def _unit(text: str) -> str | None:
    # Of several rooms the first one is enough to compare.
    if not text:
        return None
    listing = _LISTING_RE.search(text)
    if listing:
        text = text[: listing.start()]
    parts: list[str] = []
    for found in _UNIT_PART_RE.finditer(text):
        value = number_of(found.group(1)).lower()
        if not value:
            continue
        kind = {"幢": "栋", "号楼": "栋", "楼": "层", "房": "室", "号": "室"}.get(found.group(2), found.group(2))
        parts.append(value + ("座" if kind == "栋" and value.isalpha() else kind))
    if not parts:
        tail = _ROOM_TAIL_RE.search(text)
        return tail.group(1).lower() + "室" if tail else None
    tail = _ROOM_AFTER_RE.search(text)
    if tail:
        parts.append(tail.group(1).lower() + "室")
    return "".join(dict.fromkeys(parts))
