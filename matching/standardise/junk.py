"""Values that identify nobody: placeholders, tests and fillers typed to get past a mandatory field.

A junk value is kept as delivered in the source record; here it only gets a reason instead of a standard value.
Values that are real but shared by many (a switchboard) are found by frequency in matching, not here.
"""

from __future__ import annotations

import re

from matching.standardise.text import fold

PLACEHOLDER, TEST, FILLER = "placeholder", "test value", "filler digits"

_PLACEHOLDERS = frozenset(
    """
    - -- --- . .. / \\ * ? ?? ??? n/a na n.a. n.a #n/a nan null nil none no non not nobody unknown unk undefined blank
    empty void missing tbd tba tbc notavailable notapplicable notknown notprovided notgiven nodata noinfo noemail
    nomail
    nophone noaddress noname xx xxx xxxx xxxxx yy zz zzz 0 00 000 (null) (none) <null> [null] keine unbekannt
    inconnu sansobjet desconocido ninguno sconosciuto onbekend withheld refused declined anonymous
    无 暂无 没有 未知 不详 未提供 未填 未填写 待定 待补充 待补 空 空白 无名 无名氏 匿名 无地址 无电话 无邮箱 不清楚
    不知道 不明 无数据
    其他 其它 保密 未登记 未录入 暂缺 不便透露 散客 零散客户 临时客户 无名客户 现金客户 个人 个人客户 客户 先生 女士
    小姐 同上
    """.split()
)
_TESTS = frozenset(
    """
    test tests testing tester test1 test2 test123 testuser testcompany testcustomer testaccount dummy sample example
    asdf asdfg asdfgh asd qwe qwer qwerty qwertyuiop abc123 foo bar foobar lorem loremipsum johndoe janedoe demo
    donotuse delete deleteme todelete 测试 测试数据 测试客户 测试公司 测试用户 测试账号 测试一 测试1 测试2 试用 演示
    样例 示例 请勿使用
    作废 删除 待删除 123测试 啊啊 啊啊啊 某某 某某某 某公司 某某公司 某某有限公司
    """.split()
)
# Fillers that are also real given or family names (No Hyun, Nan Li, Mr Blank).
_NAME_LIKE = frozenset(
    "no na nan non null none blank void sample demo not empty foo bar xx yy anonymous test1 先生 女士 小姐".split()
)
_LONGEST, _LONGEST_HAN = 20, 8
_STRIP = re.compile(r"[\s_'\"]+")
_PUNCT = re.compile(r"[\W_]+")
_ASCENDING, _DESCENDING = "01234567890123456789", "98765432109876543210"


def junk_reason(value: str, *, name_part: bool = False) -> str | None:
    """Why a text identifies nobody, or null when it may.

    `name_part`: the text is a given or family name, where some fillers are real names.
    """
    return folded_junk(fold(value), name_part=name_part)


def folded_junk(text: str, *, name_part: bool = False) -> str | None:
    """`junk_reason` of a text that `fold` has already been applied to."""
    if len(text) > (_LONGEST if text.isascii() else _LONGEST_HAN):
        # No filler is that long, except one character repeated.
        return PLACEHOLDER if text[0] == text[1] and len(set(text)) == 1 else None
    text = text.casefold()
    if not text.isalnum():
        text = _STRIP.sub("", text)
    bare = text if text.isalnum() else _PUNCT.sub("", text)
    if not bare:
        return PLACEHOLDER
    if name_part and text in _NAME_LIKE:
        return None
    for candidate in (text, bare) if bare is not text else (bare,):
        if candidate in _PLACEHOLDERS:
            return PLACEHOLDER
        if candidate in _TESTS:
            return TEST
    if len(bare) >= 3 and len(set(bare)) == 1:
        return FILLER if bare.isdigit() else PLACEHOLDER
    return None


def filler_digits(digits: str) -> bool:
    """Whether a run of digits is a filler: all equal, or counting up or down from end to end."""
    if len(digits) < 4:
        return False
    if len(set(digits)) == 1:
        return True
    return len(digits) >= 6 and (digits in _ASCENDING or digits in _DESCENDING)
