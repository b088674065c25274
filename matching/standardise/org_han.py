"""Chinese organisation names: region, trade name (字号), industry words, legal form, branch, status note.

A dictionary parser for names as registered (行政区划 + 字号 + 行业 + 组织形式), as listed on an exchange, and as people
type them. It does not look anything up outside the name: aliases belong to matching.
"""

from __future__ import annotations

import re
from functools import cache

from matching.standardise.divisions import Place, read_place
from matching.standardise.org_body import AREAS, industry_words, region_words, split_core, take_region, take_town
from matching.standardise.org_latin import parse_latin
from matching.standardise.text import HAN, ascii_key, has_han, script_of
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
_NOTE_TAILS = ("注销", "吊销", "停用", "作废", "停业", "重复", "勿用", "退")
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
_BARE_FORM_RE = re.compile(r"^(?:股份|集团|有限|责任|总|分|子)*公司$")
_SUFFIXES_RE = re.compile(rf"(?<=[{HAN}]{{2}})(?:自治区|自治州|自治县|省|市|区|县)")


def parse_han(raw: str, text: str) -> OrgName:
    """Parses a folded Chinese name."""
    script = script_of(text)
    sole = bracketed = False
    status = latin = bracket_form = None
    aliases: list[str] = []
    notes: list[str] = []
    places: list[Place] = []
    if "个体" in text:
        text = text.strip(_EDGE)
        sole = _SOLE_RE.search(text) is not None or _SOLE_PREFIX_RE.match(text) is not None
        text = _SOLE_PREFIX_RE.sub("", text)
    # Most names are Chinese characters only: then there is nothing to take apart but what stands at the ends.
    if script == "mixed" or not text.isalpha() or text.endswith(_NOTE_TAILS) or text.startswith("退市"):
        text = text.strip(_EDGE)
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
    place, body = take_region(body, places)
    town, body = take_town(body.strip(_EDGE), place)
    core, industry, place = split_core(body, place)
    if not core:
        return OrgName(raw, script=script, status=status, reason="no name left after removing notes")
    core = core.lower()
    region, region_code = region_words(place)
    head = "" if region and core.startswith(region) else region
    norm = f"{head or ''}{town}{core}{industry}{_CANONICAL_FORM.get(form, '') if form else ''}{branch or ''}"
    key = ascii_key(core)
    stem = ascii_key(f"{head or ''}{core}{industry}") if head or industry else key
    words = industry_words(industry) if industry else ()
    tokens = tuple(dict.fromkeys((core, *words))) if core in words else (core, *words)
    alt: tuple[str, ...] = ()
    alt_keys: tuple[str, ...] = ()
    if aliases or notes or latin is not None:
        alt, alt_keys = _others(core, aliases, notes, latin)
    return OrgName(
        raw, norm, core, region, region_code, industry or None, form, branch, sole, status, script, key, stem, tokens,
        alt, alt_keys,
    )  # fmt: skip


def _others(
    core: str, aliases: list[str], notes: list[str], latin: str | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Cores of the other names given with a name, and their ASCII forms."""
    alt = [alias for alias in map(parse_core, aliases) if alias and alias != core]
    alt += [n.lower() for n in notes if n.isascii() and len(n) >= 3 and n.lower() != core]
    keys = [k for k in map(ascii_key, alt) if k]
    if latin is not None:
        other = parse_latin(latin, latin)
        alt += [c for c in (other.core, *other.alt_cores) if c]
        keys += [k for k in (other.ascii, *other.alt_ascii) if k]
    return tuple(dict.fromkeys(alt)), tuple(dict.fromkeys(keys))


def parse_core(text: str) -> str | None:
    """The trade name of a Chinese name given in passing (a former name, a short name)."""
    body, _ = _take_form(_BRACKET_RE.sub("", text).strip(_EDGE))
    place, body = take_region(body, [])
    return split_core(body, place)[0].lower() or None


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
        if place.end and (not rest or rest in AREAS or rest.endswith(AREAS)):
            places.append(place)
            return ""
        if place.end == 0 and inner.endswith(AREAS):
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
def _forms() -> tuple[dict[str, str], dict[str, tuple[int, ...]]]:
    """Legal form → code, and for the last character of a text the lengths of the forms that end so, longest first."""
    lengths: dict[str, set[int]] = {}
    for word, _ in _FORMS:
        lengths.setdefault(word[-1], set()).add(len(word))
    return dict(_FORMS), {tail: tuple(sorted(sizes, reverse=True)) for tail, sizes in lengths.items()}


def _take_form(text: str) -> tuple[str, str | None]:
    codes, lengths = _forms()
    for size in lengths.get(text[-1:], ()):
        code = codes.get(text[-size:])
        if code is not None and len(text) > size + 1:
            return text[:-size], code
    return text, None


def _is_shop(body: str) -> bool:
    return body.endswith(shop_tails()) and not body.endswith(institution_tails()) and len(body) > 2
