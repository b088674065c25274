"""Chinese organisation names: region, trade name (字号), industry words, legal form, branch, status note.

A dictionary parser for names as registered (行政区划 + 字号 + 行业 + 组织形式), as listed on an exchange, and as people
type them. It does not look anything up outside the name: aliases belong to matching.
"""

from __future__ import annotations

import re
from functools import cache

from matching.standardise.divisions import Place, all_divisions, division, read_place
from matching.standardise.org_latin import parse_latin
from matching.standardise.text import HAN, ascii_key, has_han, pinyin, script_of
from matching.standardise.trade_words import institution_tails, shop_tails, trade_words
from matching.standardise.values import OrgName

# Longest first. Canonical codes: equal statutory forms share one.
_FORMS: tuple[tuple[str, str], ...] = (
    ("有限责任股份公司", "joint_stock"), ("股份有限责任公司", "joint_stock"), ("股份有限公司", "joint_stock"),
    ("股份合作公司", "cooperative"), ("有限责任公司", "limited"), ("有限公司", "limited"), ("股份公司", "joint_stock"),
    ("有限合伙企业", "limited_partnership"), ("普通合伙企业", "partnership"), ("合伙企业", "partnership"),
    ("有限合伙", "limited_partnership"), ("个人独资企业", "sole_proprietorship"), ("个体工商户", "sole_trader"),
    ("农民专业合作社联合社", "cooperative"), ("农民专业合作社", "cooperative"), ("专业合作社", "cooperative"),
    ("股份经济合作社", "cooperative"), ("股份合作社", "cooperative"), ("合作联社", "cooperative"),
    ("合作社", "cooperative"), ("集团总公司", "company"), ("集团公司", "company"), ("总公司", "company"),
    ("有限责任", "limited"), ("股份有限", "joint_stock"), ("子公司", "company"), ("公司", "company"),
    ("股份", "joint_stock"),
    ("股份有限公", "joint_stock"), ("有限责任公", "limited"), ("有限公", "limited"), ("有限", "limited"),
)  # fmt: skip
_CANONICAL_FORM = {
    "joint_stock": "股份有限公司", "limited": "有限公司", "limited_partnership": "有限合伙企业",
    "partnership": "合伙企业",
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
_OPENING = frozenset("([{【<《「『")
_STATUS_HINT_RE = re.compile("注销|吊销|停用|作废|停业|重复|勿用")
_FORMER_RE = re.compile(r"[(\[【](?:原名?|曾用名|旧名|前身|更名前)[::为是]?([^)\]】]+)[)\]】]")
_ALIAS_RE = re.compile(r"[(\[【](?:简称|又名|别名|下称)[::为是]?\"?([^)\]】\"]+)\"?[)\]】]")
_BRACKET_RE = re.compile(r"[(\[{【<《「『]([^()\[\]{}【】<>《》「」『』]*)[)\]}】>》」』]?")
_GAP_RE = re.compile(rf"(?<=[{HAN}])[\s·.・•,、'\"]+(?=[{HAN}A-Za-z0-9])|(?<=[A-Za-z0-9])\s+(?=[{HAN}])")
_LATIN_TAIL_RE = re.compile(
    rf"^(?P<han>[^A-Za-z]*[{HAN})][^A-Za-z]*?)[\s(/|"
    rf",-]*(?P<latin>[A-Za-z][A-Za-z&'’.-]*(?:[\s,&/-]+[A-Za-z&'’().-]+)+[.]?)\s*[)]?$"
)
_LATIN_HEAD_RE = re.compile(
    rf"^(?P<latin>[A-Za-z][A-Za-z&'’.-]*(?:[\s,&/-]+[A-Za-z&'’.-]+)+[.]?)[\s(/|,-]+(?P<han>[{HAN}][{HAN}()]{{3,}})[)]?$"
)
_NO_BRACKETS = str.maketrans("", "", "()[]{}【】<>《》「」『』")
_EDGE = " .,、;:。!?'\"-_/*#&+|~^·"
_LISTED_RE = re.compile(r"^(?:\*?S\*?ST|\*?ST|N|XD|XR|DR)(?=[一-鿿])|(?<=[一-鿿])(?:-?[ABHUW]{1,2})$|^(?:退市)|退$")
_BRANCH_KIND = (
    "分公司|支公司|子公司|分行|支行|分理处|分店|分厂|分院|分所|分校|分部|分社|分中心|分销处|分局|分站|分库|"
    "办事处|代表处|联络处|事务处|营业部|营业厅|营业所|项目部|项目经理部|"
    "经理部|工程处|直营店|门店|旗舰店|加盟店|专卖店|工厂|基地|总店|区域公司|事业部|销售公司"
)
_BRANCH_ONLY_RE = re.compile(f"[{HAN}]*(?:{_BRANCH_KIND})")
_BRANCH_TAIL_RE = re.compile(
    r"(?:第[一二三四五六七八九十\d]+)?(?:分公司|支公司|分行|支行|分理处|分店|分厂|分院|分所|分校|分社|分部|"
    r"办事处|代表处|联络处|项目部)$"
)
# What may follow a company's full name: a kind of branch, or a dependent works, shop or site.
_DEPENDENT_RE = re.compile(
    rf"(?:{_BRANCH_KIND})$|(?<=[{HAN}]{{2}})(?:公司|管理局|供电局|厂|站|店|院|所|部|处|队|矿|校|库|场|分?中心|"
    rf"酒店|宾馆|招待所|油田|管理处|大队|工会|党委)$"
)
_AFTER_FORM_RE = re.compile(r"(?:有限责任公司|股份有限公司|有限公司|股份公司|总公司|集团公司|公司)")
_SOLE_RE = re.compile(r"个体工商户|个体户|个体经营|\(个体\)|个体$")
_SOLE_PREFIX_RE = re.compile(rf"^(?:个体工商户|个体户|个体)[::\s-]*(?=[{HAN}]{{2}})")
_FORM_BRACKETS = {
    "有限合伙": "limited_partnership", "普通合伙": "partnership", "特殊普通合伙": "partnership", "合伙": "partnership",
    "个人独资": "sole_proprietorship", "个体工商户": "sole_trader", "个体": "sole_trader", "个体户": "sole_trader",
}  # fmt: skip
# A branch written in brackets behind the name: 永辉超市(万达店).
_BRANCH_NOTE_RE = re.compile(
    rf"^[{HAN}A-Za-z0-9]{{1,14}}(?:分公司|分店|店|分行|支行|办事处|营业部|门市|校区|院区|分院|分校|仓|站)$"
)
_TOWN_RE = re.compile(rf"^[{HAN}]{{2,5}}?(?:街道办事处|街道办|街道|镇|乡)(?=[{HAN}]{{4,}})")
_GROUP_REGION_RE = re.compile(rf"^([{HAN}A-Za-z0-9]{{2,}}?)集团([{HAN}]{{2,8}})$")
# A university bears the name of its place: 山东大学 is no 大学 in 山东.
_UNIVERSITY_RE = re.compile(rf"^[{HAN}]{{2,4}}?(?:大学|师范|理工|医科|财经|工业大学|农业大学|科技大学|交通大学)")
_BARE_FORM_RE = re.compile(r"^(?:股份|集团|有限|责任|总|分|子)*公司$")
_SUFFIXES_RE = re.compile(rf"(?<=[{HAN}]{{2}})(?:自治区|自治州|自治县|省|市|区|县)")
_GROUP_RE = re.compile(r"(?:集团|控股)+$")
_AREAS = (
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


def parse_han(raw: str, text: str) -> OrgName:
    """Parses a folded Chinese name."""
    script = script_of(text)
    text = text.strip(_EDGE)
    sole = False
    status = latin = branch = bracket_form = None
    aliases: list[str] = []
    notes: list[str] = []
    places: list[Place] = []
    if "个体" in text:
        sole = _SOLE_RE.search(text) is not None or _SOLE_PREFIX_RE.match(text) is not None
        text = _SOLE_PREFIX_RE.sub("", text)
    bracketed = not _OPENING.isdisjoint(text)
    if bracketed or _STATUS_HINT_RE.search(text):
        aliases = [m.group(1) for m in (*_FORMER_RE.finditer(text), *_ALIAS_RE.finditer(text))]
        text = _ALIAS_RE.sub("", _FORMER_RE.sub("", text))
        text, status = _take_status(text)
    if script == "mixed":
        text, latin = _take_latin(text)
    if not text.isalnum():
        text = _GAP_RE.sub("", text).strip(_EDGE)
    text = _LISTED_RE.sub("", text)
    if bracketed:
        text, places, bracket_form, notes = _take_brackets(text)
    text, branch = _take_branch(text)
    if notes and branch is None:
        inner = next((n for n in notes if _BRANCH_NOTE_RE.search(n)), None)
        branch = _branch_name(inner) if inner is not None else None
        notes = [n for n in notes if n != inner]
    if _BARE_FORM_RE.match(text):
        return OrgName(raw, script=script, status=status, reason="a legal form without a name")
    body, form = _take_form(text)
    form = bracket_form or form
    if form in ("company", None) and not sole:
        sole = form is None and _is_shop(body)
    if sole:
        form = "sole_trader"
    place, body = _take_region(body, places)
    town, body = _take_town(body.strip(_EDGE), place)
    core, industry, place = _split_core(body, place)
    if not core:
        return OrgName(raw, script=script, status=status, reason="no name left after removing notes")
    core = core.lower()
    region, region_code = _region_words(place)
    head = "" if region and core.startswith(region) else region
    norm = "".join([p for p in (head, town, core, industry, _CANONICAL_FORM.get(form or "", ""), branch) if p])
    alt = [alias for alias in map(parse_core, aliases) if alias and alias != core]
    alt += [n.lower() for n in notes if n.isascii() and len(n) >= 3 and n.lower() != core]
    alt_keys = [k for k in map(ascii_key, alt) if k]
    if latin is not None:
        other = parse_latin(latin, latin)
        alt += [c for c in (other.core, *other.alt_cores) if c]
        alt_keys += [k for k in (other.ascii, *other.alt_ascii) if k]
    return OrgName(
        raw, norm, core, region, region_code, industry or None, form, branch, sole, status, script, ascii_key(core),
        tuple(dict.fromkeys([core, *_industry_words(industry)])), tuple(dict.fromkeys(alt)),
        tuple(dict.fromkeys(alt_keys)),
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


def _take_latin(text: str) -> tuple[str, str | None]:
    """Separates an English name written behind (or before) the Chinese one."""
    for pattern in (_LATIN_TAIL_RE, _LATIN_HEAD_RE):
        found = pattern.match(text)
        if found:
            return found.group("han").strip(_EDGE), found.group("latin").strip(_EDGE)
    return text, None


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
        if _BRANCH_ONLY_RE.fullmatch(inner):
            return inner
        if "公司" in inner:
            return ""
        notes.append(inner)
        return "" if match.end() >= len(text) - 1 or match.start() > 0 and not has_han(inner) else inner

    for _ in range(2):
        text = _BRACKET_RE.sub(replace, text)
    return text.translate(_NO_BRACKETS).strip(_EDGE), places, form, notes


def _take_branch(text: str) -> tuple[str, str | None]:
    if text[-1:] == "司" and text.count("司") == 1 and text[-3:-2] not in ("分", "支"):
        return text, None
    for form in _AFTER_FORM_RE.finditer(text) if "公司" in text else ():
        rest = text[form.end() :]
        if not rest:
            break
        if text[max(0, form.start() - 1) : form.start()] in ("分", "支", "子") or form.start() < 2:
            continue
        if _DEPENDENT_RE.search(rest):
            return text[: form.end()], _branch_name(rest)
        # Whatever else stands behind the form (a contact, a remark) is not part of the name.
        return text[: form.end()], None
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
        # Only what is written, without suffixes: 天河区分公司 and 天河分公司 are one.
        return _SUFFIXES_RE.sub("", text[: place.end]) + text[place.end :]
    return text


@cache
def _forms_by_tail() -> dict[str, tuple[tuple[str, str], ...]]:
    tails = {word[-1] for word, _ in _FORMS}
    return {tail: tuple(form for form in _FORMS if form[0][-1] == tail) for tail in tails}


def _take_form(text: str) -> tuple[str, str | None]:
    for word, code in _forms_by_tail().get(text[-1:], ()):
        if len(text) > len(word) + 1 and text.endswith(word):
            return text[: -len(word)], code
    return text, None


def _is_shop(body: str) -> bool:
    return body.endswith(shop_tails()) and not body.endswith(institution_tails()) and len(body) > 2


def _take_region(body: str, places: list[Place]) -> tuple[Place, str]:
    """Region at the start of the name, completed by bracketed ones."""
    country = body.startswith("中国") and len(body) >= 4
    if country:
        body = body[2:]
    elif body.endswith("中国") and len(body) >= 4:
        body, country = body[:-2], True
    group = _GROUP_REGION_RE.match(body)
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
    if place.end and not place.suffixed and re.match(r"[市省县区](?!场)", rest) and len(rest) > 3:
        rest = rest[1:]
    for area in _AREAS:
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
    words, _ = trade_words()
    plain = _GROUP_RE.sub("", rest)
    brand = not place.suffixed and (place.county_stem or body[: place.end] in _BRANDLIKE)
    if place.end == 0 or (len(rest) >= 2 and not (brand and _all_trade(plain, words))):
        return place
    if place.county_stem:
        found = division(place.district or "")
        size = len(found.stem) if found is not None else 2
        shorter = read_place(body[: place.end - size], in_name=True)
        if shorter.end == place.end - size:
            return shorter
    return Place()


@cache
def _province_sounds() -> dict[str, str]:
    return {pinyin(d.stem): d.stem for d in all_divisions() if d.level == 1 and len(d.stem) == 2}


def _misspelt_region(body: str) -> tuple[Place, str]:
    """A province typed as a homophone that shares a character (山冬 for 山东), when a name of some length follows."""
    stem = _province_sounds().get(pinyin(body[:2])) if len(body) >= 6 and has_han(body[:2]) else None
    if stem is None or (stem[0] != body[0] and stem[1] != body[1]):
        return Place(), body
    fixed = stem + body[2:]
    place = _believed_place(fixed)
    return place, fixed[place.end :]


def _take_town(body: str, place: Place) -> tuple[str, str]:
    """A town behind the county belongs to the region, not to the trade name."""
    found = _TOWN_RE.match(body) if place.district else None
    return (found.group(), body[found.end() :]) if found else ("", body)


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
    if place.end != 0 and core in words:
        # Region and one trade word only (青岛啤酒): together they are the name by which it is known.
        found = division(place.district or place.city or place.province or "")
        stem = found.stem if found is not None else "中国" if place.end == -1 else ""
        if stem:
            return stem + core, "", place
    end = len(core)
    fixed = ""
    while True:
        for size in range(min(longest, end - 2), 1, -1):
            if core[end - size : end] in words:
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
