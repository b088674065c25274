"""The body of a Chinese organisation name, form and branch taken off: region, town, trade name and trade words.

The order of beliefs is here: what begins a name is a region only if a trade name is left behind it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache, lru_cache

from matching.standardise.divisions import Place, all_divisions, division, is_division, read_place
from matching.standardise.text import HAN, has_han, pinyin
from matching.standardise.trade_words import trade_tails, trade_words

_TOWN_RE = re.compile(rf"^[{HAN}]{{2,5}}?(?:街道办事处|街道办|街道|镇|乡)(?=[{HAN}]{{4,}})")
_GROUP_REGION_RE = re.compile(rf"^([{HAN}A-Za-z0-9]{{2,}}?)集团([{HAN}]{{2,8}})$")
# A university bears the name of its place: 山东大学 is no 大学 in 山东.
_UNIVERSITY_RE = re.compile(rf"^[{HAN}]{{2,4}}?(?:大学|师范|理工|医科|财经|工业大学|农业大学|科技大学|交通大学)")
AREAS = (
    "自由贸易试验区",
    "经济技术开发区",
    "高新技术产业开发区",
    "经济开发区",
    "高新技术开发区",
    "开发区",
    "高新区",
    "经开区",
    "工业园区",
    "保税区",
    "新区",
    "工业园",
    "产业园",
)
_GROUP_RE = re.compile(r"(?:集团|控股)+$")
_GROUP_TAILS = ("集团", "控股")
_SUFFIXES = frozenset("市省县区")


def take_region(body: str, places: list[Place]) -> tuple[Place, str]:
    """Region at the start of the name, completed by bracketed ones."""
    country = body.startswith("中国") and len(body) >= 4
    if country:
        body = body[2:]
    elif body.endswith("中国") and len(body) >= 4:
        body, country = body[:-2], True
    group = _GROUP_REGION_RE.match(body) if "集团" in body else None
    if group:
        # 中国移动通信集团北京有限公司: the region stands behind the group's name.
        inner = read_place(group.group(2))
        if inner.end == len(group.group(2)):
            body = group.group(1)
            places = [inner, *places]
    place = _believed_place(body)
    rest = body[place.end :]
    if place.end == 0 and not country:
        place, rest = _misspelt_region(body)
    if place.end and not place.suffixed and rest[:1] in _SUFFIXES and rest[1:2] != "场" and len(rest) > 3:
        rest = rest[1:]
    for area in AREAS if rest.startswith(AREAS) else ():
        if (place.end or places or country) and rest.startswith(area) and len(rest) >= len(area) + 2:
            rest = rest[len(area) :]
            break
    for extra in places:
        if extra.end == -1:
            country = True
        elif not place.province and not place.loose_district:
            place = Place(extra.province, extra.city, extra.district, -2, extra.loose_district, True)
    if country and not place.province:
        place = Place(end=-1)
    return place, rest


def _believed_place(body: str) -> Place:
    """The region that begins a name; a bare county stem that leaves no trade name behind is the trade name itself."""
    if _UNIVERSITY_RE.match(body):
        return Place()
    place = read_place(body, in_name=True)
    rest = body[place.end :]
    if place.end == 0:
        return place
    brand = not place.suffixed and (place.county_stem or body[: place.end] in _BRANDLIKE)
    if len(rest) >= 2 and not (brand and all_trade(_GROUP_RE.sub("", rest), trade_words()[0])):
        return place
    if place.county_stem:
        found = division(place.district or "")
        size = len(found.stem) if found is not None else 2
        shorter = read_place(body[: place.end - size], in_name=True)
        if shorter.end == place.end - size:
            return shorter
    return Place()


# Characters of a province's name that are read otherwise elsewhere.
_PROVINCE_READINGS = {"重庆": ("chong", "qing"), "西藏": ("xi", "zang")}
# Read hui, but typed for 海, which it looks like.
_LOOKALIKES = {"诲": "hai"}


@cache
def _province_sounds() -> dict[tuple[str, str], list[tuple[str, str]]]:
    """A province's name with one character left out, before and behind the gap → that character's reading, the name."""
    table: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for stem in [d.stem for d in all_divisions() if d.level == 1]:
        readings = _PROVINCE_READINGS.get(stem) or tuple(map(pinyin, stem))
        for i, reading in enumerate(readings):
            table[stem[:i], stem[i + 1 :]].append((reading, stem))
    return dict(table)


@cache
def _province_edges() -> tuple[frozenset[str], frozenset[str]]:
    """First and second characters of the provinces' names: one of the two is as it should be in a misspelt name."""
    stems = [d.stem for d in all_divisions() if d.level == 1]
    return frozenset(stem[0] for stem in stems), frozenset(stem[1] for stem in stems)


@lru_cache(maxsize=20_000)
def _province_meant(typed: str) -> str | None:
    """The province typed with one character replaced by a homophone, null for a place's name or where two fit."""
    if not has_han(typed) or is_division(typed):
        return None
    table = _province_sounds()
    meant = {
        stem
        for i, char in enumerate(typed)
        for reading, stem in table.get((typed[:i], typed[i + 1 :]), ())
        if _LOOKALIKES.get(char, pinyin(char)) == reading
    }
    return meant.pop() if len(meant) == 1 else None


def _misspelt_region(body: str) -> tuple[Place, str]:
    """A province typed as a homophone that shares a character (广冬 for 广东), when a trade name follows.

    Most names that sound so are trade names (安辉物流): two characters that are no trade words must be left behind it.
    """
    firsts, seconds = _province_edges()
    if len(body) < 4 or not (body[0] in firsts or body[1] in seconds) or is_division(body[:3]):
        return Place(), body
    for size in (3, 2):
        stem = _province_meant(body[:size])
        if stem is None:
            continue
        fixed = stem + body[size:]
        place = _believed_place(fixed)
        rest = fixed[place.end :]
        words, _ = trade_words()
        # A suffix or a place inside the province leaves no doubt.
        placed = place.suffixed or place.district is not None or place.city not in (None, place.province)
        if place.end and len(rest) >= 2 and (placed or not (all_trade(rest, words) or all_trade(rest[1:], words))):
            return place, rest
    return Place(), body


def take_town(body: str, place: Place) -> tuple[str, str]:
    """A town behind the county belongs to the region, not to the trade name."""
    found = _TOWN_RE.match(body) if place.district else None
    return (found.group(), body[found.end() :]) if found else ("", body)


def region_words(place: Place) -> tuple[str | None, str | None]:
    """Region of a name: divisions without suffixes (the province only where nothing closer is known), and the code."""
    if place.end == -1:
        return "中国", None
    return _region_words(place.province, place.city, place.district, place.loose_district)


@lru_cache(maxsize=10_000)
def _region_words(
    in_province: str | None, in_city: str | None, in_district: str | None, loose: str | None
) -> tuple[str | None, str | None]:
    words: list[str] = []
    code = in_district or in_city or in_province
    city = division(in_city) if in_city else None
    district = division(in_district) if in_district else None
    if city is not None:
        words.append(city.stem)
    elif in_province and district is None:
        province = division(in_province)
        words += [province.stem] if province else []
    if district is not None and (city is None or district.code != city.code):
        words.append(district.stem)
    if loose:
        words.append(loose)
    return ("".join(words) or None), code


def split_core(body: str, place: Place) -> tuple[str, str, Place]:
    """Splits a name without region and form into trade name and industry words."""
    if not body:
        return "", "", place
    core = body
    if body.endswith(_GROUP_TAILS):
        bare = _GROUP_RE.sub("", body)
        core = bare if len(bare) >= 2 else body
    words, _ = trade_words()
    tails = trade_tails()
    if place.end != 0 and core in words:
        # Region and one trade word only (青岛啤酒): together they are the name by which it is known.
        found = division(place.district or place.city or place.province or "")
        stem = found.stem if found is not None else "中国" if place.end == -1 else ""
        if stem:
            return stem + core, "", place
    end = len(core)
    fixed = ""
    while True:
        for size in tails.get(core[end - 2 : end], ()) if end > 3 else ():
            if size <= end - 2 and core[end - size : end] in words:
                end -= size
                break
        else:
            if not fixed and end == len(core) and end >= 4:
                fixed = _misspelt(core[-2:])
                if fixed:
                    end -= 2
                    continue
            if end == len(core) and end > 3 and core[end - 1] in _SINGLE_TAILS:
                end -= 1
                continue
            break
    industry = core[end:-2] + fixed if fixed else core[end:]
    core = core[:end]
    if industry.startswith("集团") and len(industry) > 2:
        industry = industry[2:]
    for tail in ("控股集团", "集团", "控股"):
        if industry.endswith(tail) and len(industry) > len(tail):
            industry = industry[: -len(tail)]
    return core, industry, place


# Frequent trade words whose homophones are no words of a name: 棵技 for 科技 is a slip of the input method.
_FREQUENT = (
    "科技 物流 商贸 实业 运输 汽车 技术 药业 建筑 工程 机械 制造 电子 信息 网络 智能 环保 能源 材料 股份 电气 "
    "电器 医药 化工 建设 投资 装饰 园林 贸易 餐饮 "
    "服务 销售 传媒 教育 咨询 管理 控股"
).split()


@cache
def _sounds() -> dict[str, str]:
    return {pinyin(word): word for word in _FREQUENT}


@lru_cache(maxsize=20_000)
def _misspelt(tail: str) -> str:
    """The frequent trade word a tail sounds like, when it shares a character with it; otherwise empty."""
    if not has_han(tail):
        return ""
    word = _sounds().get(pinyin(tail), "")
    return word if word and (tail[0] == word[0] or tail[1] == word[1]) else ""


# Prefectures and cities whose names are common trade names: before nothing but trade words they are one.
_BRANDLIKE = frozenset(
    "安顺 大同 安康 吉安 泰安 广安 金华 中山 朝阳 长治 丽水 黄山 百色 怀化 兴安 昌都 三明 平凉 海东 宜春 六安 "
    "东方 天门 大庆 新星 双河 文昌 万宁 "
    "保定 常德 永州 德阳 德州 运城 荣昌 新余 鹰潭 通化 白山 松原 本溪 鸡西 伊春 阿里 日照".split()
)
_SINGLE_TAILS = frozenset("店馆行坊厂场部社院站屋铺")


def all_trade(text: str, words: frozenset[str]) -> bool:
    """Whether a text consists of trade words only."""
    if not text:
        return True
    return any(text[:size] in words and all_trade(text[size:], words) for size in range(len(text), 1, -1))


@lru_cache(maxsize=20_000)
def industry_words(industry: str) -> tuple[str, ...]:
    """Distinct industry words of a run of them, longest first from the end."""
    words, longest = trade_words()
    out: list[str] = []
    end = len(industry)
    while end > 0:
        for size in range(min(longest, end), 0, -1):
            if industry[end - size : end] in words or size == 1:
                out.append(industry[end - size : end])
                end -= size
                break
    return tuple(dict.fromkeys(w for w in reversed(out) if len(w) >= 2))
