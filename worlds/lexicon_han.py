"""Chinese vocabulary of the generated worlds, and other ways to write a word: pinyin, traditional, mistyped.

What is built from the words is in `organizations` and `persons`; the words themselves are in `words/han.txt`.
"""

from functools import cache
from itertools import accumulate

from opencc import OpenCC
from pypinyin import Style, lazy_pinyin

from worlds.words import rows, text, words

MALE, FEMALE = text("han", "male"), text("han", "female")
TRADE, POPULAR = text("han", "trade"), words("han", "popular")
TRADES = tuple((name, english, industry) for name, english, industry, _ in rows("han", "trades"))
TRADE_CUM = tuple(accumulate(int(r[3]) for r in rows("han", "trades")))
SOLE_TRADES = words("han", "sole_trades")
FORMS = ("有限公司", "有限责任公司", "股份有限公司", "集团有限公司")
ROAD_STEMS, SITES = words("han", "roads"), words("han", "sites")
ROAD_TAILS = ("路", "路", "路", "大街", "大道", "街", "东路", "西路", "南路", "北路", "中路")
TITLES, SALUTATIONS = words("han", "titles"), words("han", "salutations")


@cache
def surnames() -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Surnames and their cumulated weights by population; the compound ones together about 2 ‰."""
    single, compound = words("han", "surnames"), words("han", "compound_surnames")
    weights = [int(w[1:]) for w in single] + [0.25] * len(compound)
    return (*(w[0] for w in single), *compound), tuple(accumulate(weights))


@cache
def falling(n: int, flat: int = 15) -> tuple[float, ...]:
    """Cumulated weights 1/(rank + flat): the first of a list often, the last seldom."""
    return tuple(accumulate(1.0 / (i + flat) for i in range(n)))


@cache
def confused() -> dict[str, str]:
    """Character → the characters it is mistaken for."""
    out: dict[str, str] = {}
    for group in words("han", "confused"):
        for char in group:
            out[char] = out.get(char, "") + group.replace(char, "")
    return out


@cache
def syllable(char: str) -> str:
    """The usual pinyin of one character, without tone."""
    return str(lazy_pinyin(char, style=Style.NORMAL)[0])


def pinyin(word: str) -> list[str]:
    """Syllables, character by character (the generator's words hold no readings that depend on context)."""
    return [syllable(c) for c in word]


@cache
def _to_traditional() -> OpenCC:
    return OpenCC("s2t")


def traditional(word: str) -> str:
    """The word in traditional characters."""
    return str(_to_traditional().convert(word))
