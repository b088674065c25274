"""Chinese person names: compound surnames, forms of address (王总), readings of surnames, blanks inside.

Foreign names in Chinese characters (约翰·史密斯) are recognised by the dot and keep their order.
"""

from __future__ import annotations

import re
from functools import cache

from matching.standardise.text import HAN, has_han, pinyin, script_of, to_ascii
from matching.standardise.values import PersonName
from matching.standardise.wordlists import list_words


@cache
def _surname_list() -> frozenset[str]:
    return frozenset(list_words("surnames_han"))


@cache
def compound_surnames() -> frozenset[str]:
    """Surnames of two and more characters."""
    return frozenset(word for word in _surname_list() if len(word) > 1)


_TITLE_WORDS = (
    "董事长|副董事长|总经理|副总经理|副总|总监|副总监|总裁|副总裁|经理|副经理|主任|副主任|主管|厂长|副厂长|"
    "站长|店长|队长|车队长|班长|组长|科长|副科长|处长|副处长|局长|副局长|部长|副部长|所长|院长|校长|书记|主席|"
    "会长|秘书长|秘书|"
    "老板娘|老板|掌柜|师傅|司机|总工程师|工程师|高工|总工|会计|出纳|采购|文员|助理|老师|教授|医生|大夫|护士|"
    "律师|博士|院士|先生|女士|小姐|太太|夫人|同志|阿姨|大姐|大哥|叔叔|"
    "董事|法人|负责人|联系人|总|董|工|哥|姐|叔|姨|嫂|导|局|处|科|厂|队|老|姓"
)
_TITLE_RE = re.compile(rf"^([{HAN}]{{1,5}}?)[\s·]*(?:[(]?)({_TITLE_WORDS})(?:[)]?)$")
_STRONG_TITLE_RE = re.compile(
    "(?:董事长|总经理|副总|总监|总裁|经理|主任|主管|厂长|站长|店长|队长|科长|处长|局长|部长|所长|院长|校长|"
    "书记|老板娘?|师傅|司机|工程师|先生|女士|小姐|太太|夫人|老师|教授|医生|律师|会计|联系人|负责人)$"
)
_PREFIX_RE = re.compile(r"^(?:尊敬的|联系人[::]?|法人[::]?|收件人[::]?|先生|女士|姓名[::]?)\s*")
_YOUNG_OLD_RE = re.compile(rf"^(?:[小老阿大])([{HAN}])$")
_NOTE_RE = re.compile(r"[(\[【<《][^)\]】>》]*[)\]】>》]?|[\d#*+_/\\,;:。!?\"~^=|@.-]+")
_TITLE_ONLY_RE = re.compile(rf"总|工|董|{_STRONG_TITLE_RE.pattern.removesuffix('$')}")
_TITLE_NOTE_RE = re.compile(rf"[(\[]({_TITLE_WORDS})[)\]]")
_DOTTED_RE = re.compile(rf"[{HAN}A-Za-z][·.•・‧]\s?[{HAN}]")
_DOT_RE = re.compile(r"[·.•・‧]")
_SURNAME_READINGS = {
    "单": "shan", "区": "ou", "查": "zha", "仇": "qiu", "曾": "zeng", "解": "xie", "朴": "piao", "盖": "ge",
    "任": "ren",
    "覃": "qin", "冼": "xian", "翟": "zhai", "缪": "miao", "乐": "yue", "尉": "wei", "员": "yun", "折": "she",
    "黑": "he",
    "牟": "mou", "召": "shao", "种": "chong", "秘": "bi", "逄": "pang", "乜": "nie", "仉": "zhang", "谌": "chen",
    "隗": "wei",
    "褚": "chu", "繁": "po", "过": "guo", "葛": "ge", "宁": "ning", "华": "hua", "洗": "xian", "燕": "yan",
    "万俟": "moqi",
    "尉迟": "yuchi", "长孙": "zhangsun", "澹台": "tantai", "令狐": "linghu", "郗": "xi", "郄": "qie", "瞿": "qu",
    "郇": "xun",
    "撒": "sa", "纪": "ji", "祭": "zhai", "车": "che", "卜": "bu", "佴": "nai", "靳": "jin", "应": "ying", "於": "yu",
    "强": "qiang",
    "叶": "ye", "沈": "shen", "石": "shi", "贾": "jia", "薄": "bo", "藏": "zang", "柏": "bai", "句": "gou",
    "那": "na", "哈": "ha",
    "长": "chang", "阚": "kan", "阙": "que", "盛": "sheng", "俞": "yu", "宓": "mi", "幺": "yao", "么": "yao",
    "冯": "feng",
}  # fmt: skip


def surname_pinyin(surname: str) -> str:
    """Reading of a Chinese surname, which may differ from that of the same character elsewhere (单 shan)."""
    return _SURNAME_READINGS.get(surname) or pinyin(surname)


def parse_han(raw: str, full: str | None, given: str | None, family: str | None) -> PersonName:
    """Parses a folded Chinese name from its full form or its parts."""
    script = script_of(full or f"{family or ''}{given or ''}")
    if family and given and has_han(family + given):
        surname, first = _clean(family), _clean(given)
        if first.startswith(surname) and len(first) > len(surname) and (full is None or _clean(full) == first):
            first = first[len(surname) :]
        if len(surname) > len(first) and surname.endswith(first) and len(surname) > 2 and surname[0] in _surname_list():
            surname = surname[: -len(first)]
        if (
            len(first) == 1
            and len(surname) in (1, 2, 3)
            and surname not in compound_surnames()
            and first in _surname_list()
            and surname[0] not in _surname_list()
        ):
            surname, first = first, surname
        if _TITLE_ONLY_RE.fullmatch(first):
            return _build(raw, surname or None, None, first, script)
        return _build(raw, surname or None, first or None, None, script)
    text = full or family or given or ""
    text = _PREFIX_RE.sub("", text)
    title_note = _TITLE_NOTE_RE.search(text) if "(" in text or "[" in text else None
    if not text.isalnum() and _DOTTED_RE.search(text):
        parts = [p for p in (_clean(p) for p in _DOT_RE.split(text)) if p]
        if len(parts) >= 2:
            return _foreign(raw, parts, script)
    latin = " ".join(re.findall(r"[A-Za-z][A-Za-z'-]*", text)) if script == "mixed" else ""
    text = _clean(re.sub(r"[A-Za-z'-]+", " ", text) if latin else text)
    if not text:
        return PersonName(raw, script=script)
    title: str | None = title_note.group(1) if title_note else None
    found = _TITLE_RE.match(text)
    if found and (_is_address(found.group(1), found.group(2))):
        return _build(raw, *_split(found.group(1)), found.group(2), script)
    young = _YOUNG_OLD_RE.match(text)
    if young and young.group(1) in _surname_list():
        return _build(raw, young.group(1), None, text[0], script)
    return _build(raw, *_split(text), title, script)


def _is_address(head: str, title: str) -> bool:
    """Whether a tail is a form of address (王总, 李经理, 张伟经理) and not the end of a given name (王建国, 李工)."""
    if head in compound_surnames() or (len(head) == 1 and head in _surname_list()):
        return True
    if _STRONG_TITLE_RE.search(title) and len(head) <= 4:
        return head[0] in _surname_list() or head[:2] in compound_surnames()
    return title in ("总", "工") and len(head) == 3 and head[0] in _surname_list()


def _clean(text: str) -> str:
    if text.isalpha():
        return text
    return "".join(_NOTE_RE.sub(" ", text).split()).strip("'·")


def _split(text: str) -> tuple[str | None, str | None]:
    if text[:4] in compound_surnames() and len(text) > 4:
        return text[:4], text[4:]
    if text[:2] in compound_surnames() and len(text) > 2:
        return text[:2], text[2:]
    if text in compound_surnames():
        return text, None
    if len(text) == 1:
        return text, None
    if len(text) == 4 and text[0] in _surname_list() and text[1] in _surname_list():
        return text[:2], text[2:]
    return text[0], text[1:]


def _foreign(raw: str, parts: list[str], script: str) -> PersonName:
    tokens = sorted(t for t in (to_ascii(p) for p in parts) if t)
    surname, given = (parts[0], parts[-1]) if parts[0] in compound_surnames() else (parts[-1], parts[0])
    return PersonName(
        raw, "·".join(parts), surname, given, " ".join(parts[1:-1]) or None, None, None, False, script,
        " ".join(tokens), to_ascii(surname), to_ascii(given), to_ascii(given),
    )  # fmt: skip


def _build(raw: str, surname: str | None, given: str | None, title: str | None, script: str) -> PersonName:
    surname_key = surname_pinyin(surname) if surname else None
    given_key = pinyin(given) if given else None
    if surname_key and not surname_key.isascii():
        surname_key = to_ascii(surname_key)
    if given_key and not given_key.isascii():
        given_key = to_ascii(given_key)
    surname_key = surname_key.replace(" ", "").lower() if surname_key else None
    given_key = given_key.replace(" ", "").lower() if given_key else None
    partial = not surname or not given
    tokens = sorted(t for t in (surname_key, given_key) if t)
    return PersonName(
        raw, (surname or "") + (given or "") or None, surname, given, None, None, title, partial, script,
        " ".join(tokens) or None, surname_key, given_key, given_key,
    )  # fmt: skip
