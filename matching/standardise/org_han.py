"""Chinese organisation names: region, trade name (字号), industry words, legal form, branch, status note.

A dictionary parser for names as registered (行政区划 + 字号 + 行业 + 组织形式), as listed on an exchange, and as people
type them. It does not look anything up outside the name: aliases belong to matching.
"""

from __future__ import annotations

import re

from matching.standardise.divisions import DISTRICT, Place, division, read_place
from matching.standardise.org_names import OrgName
from matching.standardise.text import HAN, ascii_key, has_han, script_of
from matching.standardise.trade_words import INSTITUTION_TAILS, SHOP_TAILS, trade_words

# Longest first. Canonical codes: equal statutory forms share one.
_FORMS: tuple[tuple[str, str], ...] = (
    ("有限责任股份公司", "joint_stock"), ("股份有限责任公司", "joint_stock"), ("股份有限公司", "joint_stock"),
    ("股份合作公司", "cooperative"), ("有限责任公司", "limited"), ("有限公司", "limited"), ("股份公司", "joint_stock"),
    ("有限合伙企业", "limited_partnership"), ("普通合伙企业", "partnership"), ("合伙企业", "partnership"),
    ("有限合伙", "limited_partnership"), ("个人独资企业", "sole_proprietorship"), ("个体工商户", "sole_trader"),
    ("农民专业合作社联合社", "cooperative"), ("农民专业合作社", "cooperative"), ("专业合作社", "cooperative"),
    ("股份经济合作社", "cooperative"), ("股份合作社", "cooperative"), ("合作联社", "cooperative"),
    ("合作社", "cooperative"), ("集团总公司", "company"), ("集团公司", "company"), ("总公司", "company"),
    ("有限责任", "limited"), ("股份有限", "joint_stock"), ("子公司", "company"), ("公司", "company"), ("股份", "joint_stock"),
    ("有限", "limited"),
)  # fmt: skip
_CANONICAL_FORM = {
    "joint_stock": "股份有限公司", "limited": "有限公司", "limited_partnership": "有限合伙企业", "partnership": "合伙企业",
    "sole_proprietorship": "个人独资企业", "sole_trader": "", "cooperative": "合作社", "company": "公司",
}  # fmt: skip
_STATUS_WORDS = (
    ("注销", "deregistered"), ("吊销", "revoked"), ("撤销", "revoked"), ("停业", "closed"), ("歇业", "closed"),
    ("倒闭", "closed"), ("关闭", "closed"), ("已关", "closed"), ("破产", "insolvent"), ("清算", "insolvent"),
    ("迁出", "moved"), ("搬迁", "moved"), ("停用", "disabled"), ("作废", "disabled"), ("勿用", "disabled"),
    ("不用", "disabled"), ("禁用", "disabled"), ("冻结", "disabled"), ("失效", "disabled"), ("黑名单", "blocked"),
    ("重复", "duplicate"), ("存续", "active"), ("在业", "active"), ("开业", "active"),
)  # fmt: skip
_STATUS_RE = re.compile(
    r"[(\[{【<《-]\s*(?:状态[::])?(?:该企业|该公司|企业)?(?:目前|现)?(?:已经?|被|请|正在)*("
    + "|".join(w for w, _ in _STATUS_WORDS)
    + r")[^)\]}】>》]*[)\]}】>》]?|(?:[-_/ ]+|(?<=公司))(?:已|被)*(已?注销|已?吊销|停用|作废|已?停业|重复|请?勿用)$"
)
_FORMER_RE = re.compile(r"[(\[【](?:原名?|曾用名|旧名|前身|更名前)[::为是]?([^)\]】]+)[)\]】]")
_ALIAS_RE = re.compile(r"[(\[【](?:简称|又名|别名|下称)[::为是]?\"?([^)\]】\"]+)\"?[)\]】]")
_BRACKET_RE = re.compile(r"[(\[{【<《「『]([^()\[\]{}【】<>《》「」『』]*)[)\]}】>》」』]?")
_GAP_RE = re.compile(rf"(?<=[{HAN}])[\s·.・•,、'\"]+(?=[{HAN}A-Za-z0-9])|(?<=[A-Za-z0-9])\s+(?=[{HAN}])")
_EDGE = " .,、;:。!?'\"-_/*#&+|~^·"
_LISTED_RE = re.compile(r"^(?:\*?S\*?ST|\*?ST|N|XD|XR|DR)(?=[一-鿿])|(?<=[一-鿿])(?:-?[ABHUW]{1,2})$|^(?:退市)|退$")
_BRANCH_KIND = (
    "分公司|支公司|子公司|分行|支行|分理处|分店|分厂|分院|分所|分校|分部|分社|分中心|分销处|分局|分站|分库|办事处|代表处|联络处|事务处|营业部|营业厅|营业所|项目部|项目经理部|"
    "经理部|工程处|直营店|门店|旗舰店|加盟店|专卖店|工厂|基地|总店|区域公司|事业部|销售公司"
)
_BRANCH_TAIL_RE = re.compile(
    rf"(?:第[一二三四五六七八九十\d]+)?(?:分公司|支公司|分行|支行|分理处|分店|分厂|分院|分所|分校|分社|分部|办事处|代表处|联络处|项目部)$"
)
_BRANCH_PLACE_RE = re.compile(rf"[{HAN}]{{0,8}}$")
_AFTER_FORM_RE = re.compile(r"(?:有限责任公司|股份有限公司|有限公司|股份公司|总公司|集团公司|公司)")
_SOLE_RE = re.compile(r"个体工商户|个体户|个体经营|\(个体\)|个体$")
_FORM_BRACKETS = {
    "有限合伙": "limited_partnership", "普通合伙": "partnership", "特殊普通合伙": "partnership", "合伙": "partnership",
    "个人独资": "sole_proprietorship", "个体工商户": "sole_trader", "个体": "sole_trader", "个体户": "sole_trader",
}  # fmt: skip
_COUNTRY_WORDS = ("中国", "中华", "全国", "国家")
_GROUP_RE = re.compile(r"(?:集团|控股)+$")
_AREAS = ("自由贸易试验区", "经济技术开发区", "高新技术产业开发区", "经济开发区", "高新技术开发区", "开发区", "高新区", "经开区", "工业园区", "保税区", "新区", "工业园", "产业园")


def parse_han(raw: str, text: str) -> OrgName:
    """Parses a folded Chinese name."""
    script = script_of(text)
    text = text.strip(_EDGE)
    aliases = [m.group(1) for m in (*_FORMER_RE.finditer(text), *_ALIAS_RE.finditer(text))]
    text = _ALIAS_RE.sub("", _FORMER_RE.sub("", text))
    text, status = _take_status(text)
    text = _LISTED_RE.sub("", _GAP_RE.sub("", text)).strip(_EDGE)
    sole = _SOLE_RE.search(text) is not None
    text, places, bracket_form, notes = _take_brackets(text)
    text, branch = _take_branch(text)
    body, form = _take_form(text)
    form = bracket_form or form
    if form in ("company", None) and not sole:
        sole = form is None and _is_shop(body)
    if sole:
        form = "sole_trader"
    place, body = _take_region(body, places)
    body = body.strip(_EDGE)
    core, industry, place = _split_core(body, place)
    if not core:
        return OrgName(raw, script=script, status=status, reason="no name left after removing notes")
    core = core.lower()
    region, region_code = _region_words(place)
    norm = "".join(part for part in (region, core, industry, _CANONICAL_FORM.get(form or "", ""), branch) if part)
    key = ascii_key(core)
    alt = [alias for alias in (parse_core(a) for a in aliases) if alias and alias != core]
    alt += [n.lower() for n in notes if n.isascii() and len(n) >= 3 and n.lower() != core]
    alt_keys = [k for k in (ascii_key(a) for a in alt) if k]
    tokens = tuple(dict.fromkeys(t for t in (core, *_industry_words(industry)) if t))
    return OrgName(
        raw, norm, core, region, region_code, industry or None, form, branch, sole, status, script, key, tokens,
        tuple(dict.fromkeys(alt)), tuple(dict.fromkeys(alt_keys)),
    )  # fmt: skip


def parse_core(text: str) -> str | None:
    """The trade name of a Chinese name given in passing (a former name, a short name)."""
    body, _ = _take_form(_BRACKET_RE.sub("", text).strip(_EDGE))
    place, body = _take_region(body, [])
    return _split_core(body, place)[0].lower() or None


def _take_status(text: str) -> tuple[str, str | None]:
    found = _STATUS_RE.search(text)
    if not found:
        return text, None
    word = found.group(1) or found.group(2)
    status = next((code for key, code in _STATUS_WORDS if key in word), None)
    return _STATUS_RE.sub("", text), status


def _take_brackets(text: str) -> tuple[str, list[Place], str | None, list[str]]:
    """Removes bracketed parts: regions and forms are used, 集团 dropped, the rest returned as notes."""
    places: list[Place] = []
    notes: list[str] = []
    form: str | None = None

    def replace(match: re.Match[str]) -> str:
        nonlocal form
        inner = match.group(1).strip(_EDGE)
        if inner in _FORM_BRACKETS:
            form = _FORM_BRACKETS[inner]
            return ""
        if inner in ("集团", "控股", "股份", "总部", "总公司", "本部", "中国", "全国", "国际", "") or inner.isdigit():
            if inner == "中国":
                places.append(Place(end=-1))
            return inner if inner in ("集团", "控股", "国际") else ""
        place = read_place(inner, in_name=False)
        rest = inner[place.end :]
        if place.end and (not rest or rest in _AREAS or rest.endswith(_AREAS)):
            places.append(place)
            return ""
        if place.end == 0 and inner.endswith(_AREAS):
            return ""
        if _AFTER_FORM_RE.search(inner) or re.fullmatch(f"[{HAN}]*(?:{_BRANCH_KIND})", inner):
            return inner if re.fullmatch(f"[{HAN}]*(?:{_BRANCH_KIND})", inner) else ""
        notes.append(inner)
        return "" if match.end() >= len(text) - 1 or match.start() > 0 and not has_han(inner) else inner

    for _ in range(2):
        text = _BRACKET_RE.sub(replace, text)
    return re.sub(r"[()\[\]{}【】<>《》「」『』]", "", text).strip(_EDGE), places, form, notes


def _take_branch(text: str) -> tuple[str, str | None]:
    forms = list(_AFTER_FORM_RE.finditer(text))
    for form in forms:
        rest = text[form.end() :]
        if text[max(0, form.start() - 1) : form.start()] in ("分", "支", "子") or form.start() < 2:
            continue
        if len(rest) >= 2:
            return text[: form.end()], _branch_name(rest)
        return text, None
    tail = _BRANCH_TAIL_RE.search(text)
    if not tail or tail.start() < 2:
        return text, None
    head = text[: tail.start()]
    # The branch's own place stands right before the kind: the longest division name that ends there.
    for size in range(min(9, len(head) - 2), 1, -1):
        place = read_place(head[-size:])
        if place.end == size:
            return head[:-size], _branch_name(head[-size:] + tail.group())
    words, longest = trade_words()
    for size in range(1, min(6, len(head) - 2)):
        known = any(head[-size - n : -size] in words for n in range(min(longest, len(head) - size), 1, -1))
        if known and 2 <= size <= 4 and head[-size:] not in words:
            return head[:-size], _branch_name(head[-size:] + tail.group())
    return head, tail.group()


def _branch_name(text: str) -> str:
    place = read_place(text)
    if place.end and place.end < len(text):
        code = place.district or place.city or place.province
        found = division(code) if code else None
        if found is not None:
            return found.stem + text[place.end :]
    return text


def _take_form(text: str) -> tuple[str, str | None]:
    for word, code in _FORMS:
        if text.endswith(word) and len(text) > len(word) + 1:
            body = text[: -len(word)]
            if code == "company" and body.endswith("股份有限"):
                continue
            return body, code
    return text, None


def _is_shop(body: str) -> bool:
    return body.endswith(SHOP_TAILS) and not body.endswith(INSTITUTION_TAILS) and len(body) > 2


def _take_region(body: str, places: list[Place]) -> tuple[Place, str]:
    """Region at the start of the name, completed by bracketed ones."""
    country = False
    for word in _COUNTRY_WORDS[:1]:
        if body.startswith(word) and len(body) >= len(word) + 2:
            body, country = body[len(word) :], True
    place = read_place(body, in_name=True)
    if place.end >= len(body) or (len(body) - place.end < 2):
        place = Place()
    rest = body[place.end :]
    if place.end and place.suffixed is False and re.match(r"[市省县区]", rest):
        rest = rest[1:] if len(rest) > 3 else rest
    for area in _AREAS:
        if place.end and rest.startswith(area) and len(rest) >= len(area) + 2:
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


def _region_words(place: Place) -> tuple[str | None, str | None]:
    if place.end == -1:
        return "中国", None
    words: list[str] = []
    code = place.district or place.city or place.province
    city = division(place.city) if place.city else None
    district = division(place.district) if place.district else None
    if city is not None:
        words.append(city.stem)
    elif place.province and district is None:
        province = division(place.province)
        words += [province.stem] if province else []
    if district is not None and (city is None or district.code != city.code):
        words.append(district.stem)
    if place.loose_district:
        words.append(place.loose_district)
    return ("".join(words) or None), code


def _split_core(body: str, place: Place) -> tuple[str, str, Place]:
    """Splits a name without region and form into trade name and industry words."""
    if not body:
        return "", "", place
    core = _GROUP_RE.sub("", body) if len(_GROUP_RE.sub("", body)) >= 2 else body
    words, longest = trade_words()
    end = len(core)
    while True:
        for size in range(min(longest, end - 2), 1, -1):
            if core[end - size : end] in words:
                end -= size
                break
        else:
            if end > 3 and core[end - 1] in _SINGLE_TAILS and core[end - 1 : end] in words:
                end -= 1
                continue
            break
    industry = core[end:]
    core = core[:end]
    if not industry and len(core) >= 2 and place.end > 0:
        if place.county_stem and not place.suffixed and (core in words or _all_trade(core, words)):
            stem = division(place.district) if place.district else None
            if stem is not None:
                return stem.stem, core, Place()
        if core in words or _all_trade(core, words):
            # Region and trade only (青岛啤酒): together they are the name by which it is known.
            found = division(place.district or place.city or place.province or "")
            if found is not None and found.level < DISTRICT:
                return found.stem + core, "", place
    if industry.startswith("集团") and len(industry) > 2:
        industry = industry[2:]
    for tail in ("集团", "控股集团", "控股"):
        if industry.endswith(tail) and len(industry) > len(tail):
            industry = industry[: -len(tail)]
    return core, industry, place


_SINGLE_TAILS = frozenset("店馆行坊厂场部社院站屋铺")


def _all_trade(text: str, words: frozenset[str]) -> bool:
    """Whether a text consists of trade words only."""
    if not text:
        return True
    return any(text[:size] in words and _all_trade(text[size:], words) for size in range(len(text), 1, -1))


def _industry_words(industry: str) -> list[str]:
    """Industry words of a run of them, longest first from the end."""
    words, longest = trade_words()
    out: list[str] = []
    end = len(industry)
    while end > 0:
        for size in range(min(longest, end), 0, -1):
            if industry[end - size : end] in words or size == 1:
                out.append(industry[end - size : end])
                end -= size
                break
    return [w for w in reversed(out) if len(w) >= 2]
