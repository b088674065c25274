"""Folding of written text: width, case, script, transliteration and pinyin.

Every other module of this package builds on these functions. They know characters, not subjects: what a company
form or a street is belongs to the modules of those subjects.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"
_HAN_RE = re.compile(f"[{HAN}]")
_LATIN_RE = re.compile(r"[A-Za-z\u00c0-\u024f]")
# Control and formatting characters and lone surrogates: nobody typed them on purpose.
_INVISIBLE = (
    (0x00, 0x08), (0x0E, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x2064),
    (0xD800, 0xDFFF), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFFE, 0xFFFF),
)  # fmt: skip
_TONE_RE = re.compile(r"[\u0300-\u036f]")

# German and Nordic orthography writes these out when the letter is missing; plain decomposition would lose it.
_NOT_KEY_RE = re.compile(r"[^a-z0-9]+")
_LETTERS = {
    "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "å": "a", "ł": "l", "đ": "d", "ð": "d",
    "þ": "th", "ı": "i", "ŋ": "n", "ħ": "h", "ŧ": "t", "ĸ": "k", "ə": "e",
}  # fmt: skip
_LETTER_TABLE = str.maketrans(
    {**_LETTERS, **{k.upper(): v.capitalize() for k, v in _LETTERS.items() if len(k.upper()) == 1}}
)
_QUOTES = str.maketrans(dict.fromkeys("‘’‚‛`´ʼʹ＇", "'") | dict.fromkeys("“”„‟«»", '"') | dict.fromkeys("‐‑‒–—―−", "-"))

# Characters that opencc maps one way although both are in use as simplified characters.
_KEEP_TRADITIONAL = "乾著藉瞭"

# First readings of the character table that are wrong in names of firms and places.
_READINGS = {
    "长": "chang", "重": "zhong", "行": "xing", "厦": "xia", "曾": "zeng", "区": "qu", "单": "dan", "朴": "pu",
    "盖": "gai",
    "诲": "hai",  # never meant in a firm's name: typed for 海, which it looks like
    "覃": "qin", "贾": "jia", "藏": "cang", "大": "da", "石": "shi", "沈": "shen", "解": "jie", "薄": "bo", "卜": "bu",
    "都": "du", "和": "he", "得": "de", "了": "le", "地": "di", "车": "che", "省": "sheng", "万": "wan", "的": "de",
    "合": "he", "会": "hui", "佛": "fo", "柏": "bai", "番": "fan", "六": "liu", "浦": "pu", "什": "shi", "奇": "qi",
    "圈": "quan", "阿": "a", "传": "chuan", "调": "tiao", "弹": "tan", "度": "du", "朝": "chao", "降": "jiang",
    "角": "jiao",
    "参": "can", "盛": "sheng", "召": "zhao", "翟": "zhai", "尉": "wei", "宿": "su", "俞": "yu", "缪": "miao",
    "秘": "mi",
    "乐": "le", "数": "shu", "兴": "xing", "强": "qiang", "种": "zhong", "率": "lv", "食": "shi", "创": "chuang",
    "相": "xiang", "应": "ying", "荣": "rong", "亨": "heng", "蚌": "beng", "亳": "bo", "茄": "qie", "筠": "yun",
    "晟": "sheng", "叶": "ye",
}  # fmt: skip
# Words whose reading differs from that of their characters.
_PHRASES = {
    "重庆": "chongqing", "长大": "zhangda", "成都": "chengdu", "都匀": "duyun", "音乐": "yinyue", "银行": "yinhang",
    "商行": "shanghang", "行业": "hangye", "车行": "chehang", "支行": "zhihang", "分行": "fenhang",
    "行星": "xingxing", "西藏": "xizang", "六安": "luan", "番禺": "panyu", "东莞": "dongguan", "大厦": "dasha",
    "会计": "kuaiji", "重叠": "chongdie", "歙县": "shexian", "乐清": "yueqing", "浚县": "xunxian", "单县": "shanxian",
    "铅山": "yanshan", "丽水": "lishui", "台州": "taizhou", "重阳": "chongyang", "旅行": "lvxing", "步行": "buxing",
    "行政": "xingzheng", "飞行": "feixing", "行动": "xingdong", "自行车": "zixingche", "乐山": "leshan",
    "朝阳": "chaoyang",
}  # fmt: skip
_PHRASE_RE = re.compile("|".join(sorted(_PHRASES, key=len, reverse=True)))


@cache
def _fold_table() -> dict[int, str | None]:
    """One character map: traditional → simplified (exported once from opencc), quotes, dashes, invisible dropped."""
    from opencc import OpenCC

    convert = OpenCC("t2s").convert
    table: dict[int, str | None] = {}
    for char in map(chr, (*range(0x3400, 0x4DC0), *range(0x4E00, 0xA000))):
        simple = convert(char)
        if simple != char and len(simple) == 1 and char not in _KEEP_TRADITIONAL:
            table[ord(char)] = simple
    table.update(_QUOTES)
    for first, last in _INVISIBLE:
        table.update(dict.fromkeys(range(first, last + 1)))
    return table


@cache
def _pinyin_table() -> dict[int, str]:
    """Character → toneless pinyin (ü written u, as on passports after n and l without tone: 吕 → lu)."""
    from pypinyin import pinyin_dict

    table: dict[int, str] = {}
    for code, readings in pinyin_dict.pinyin_dict.items():
        first = readings.split(",", 1)[0].replace("ɡ", "g")
        plain = _TONE_RE.sub("", unicodedata.normalize("NFD", first)).replace("ê", "e")
        if plain.isascii() and plain:
            table[code] = plain
    table.update({ord(k): v for k, v in _READINGS.items()})
    return table


def has_han(text: str) -> bool:
    """Whether the text holds at least one Chinese character."""
    return not text.isascii() and _HAN_RE.search(text) is not None


def script_of(text: str) -> str:
    """`han`, `latin`, `mixed` (both) or `other` (neither)."""
    han = has_han(text)
    latin = _LATIN_RE.search(text) is not None
    if han:
        return "mixed" if latin else "han"
    return "latin" if latin else "other"


def squeeze(text: str) -> str:
    """One blank between words, none around."""
    return " ".join(text.split())


def fold(text: str) -> str:
    """Width, compatibility forms, quotes, dashes, blanks and traditional characters folded; case kept."""
    if text.isascii():
        return " ".join((text if text.isprintable() else text.translate(_fold_table())).split())
    if not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", text)
    # Looking a character up in vain is dear in `translate`; most texts hold none that changes.
    if _folded_characters().search(text):
        # Dropping an invisible character may bring a letter and its accent together: normalised once more.
        text = unicodedata.normalize("NFKC", text.translate(_fold_table()))
    return " ".join(text.split())


@cache
def _folded_characters() -> re.Pattern[str]:
    return re.compile("[" + "".join(re.escape(chr(code)) for code in _fold_table()) + "]")


def plain_latin(text: str) -> str:
    """Diacritics written out the German and Nordic way (ü → ue, ø → o, æ → ae), others dropped; case kept."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFC", text).translate(_LETTER_TABLE)
    return _TONE_RE.sub("", unicodedata.normalize("NFD", text)) if not text.isascii() else text


def bare_latin(text: str) -> str:
    """Diacritics dropped (ü → u), for spellings that lost them on the way; case kept."""
    if text.isascii():
        return text
    text = _TONE_RE.sub("", unicodedata.normalize("NFD", text))
    return text if text.isascii() else text.translate(_LETTER_TABLE)


def pinyin(text: str) -> str:
    """Toneless pinyin of Chinese characters without blanks; other characters stay."""
    if _PHRASE_RE.search(text):
        text = _PHRASE_RE.sub(lambda m: _PHRASES[m.group()], text)
    return "".join(map(_READINGS_MET.__getitem__, text))


class _Readings(dict[str, str]):
    """Readings of the characters met so far: a table much smaller, and so quicker, than that of all characters."""

    def __missing__(self, char: str) -> str:
        reading = self[char] = _pinyin_table().get(ord(char), char)
        return reading


_READINGS_MET = _Readings()


def to_ascii(text: str) -> str:
    """ASCII form of any text in lower case: Chinese as pinyin, Latin without diacritics, other scripts by sound."""
    if not text.isascii() and _HAN_RE.search(text):
        text = pinyin(text)
    if text.isascii():
        return text.lower()
    text = plain_latin(text)
    if not text.isascii():
        from anyascii import anyascii

        text = anyascii(text)
    return text.lower()


def ascii_key(text: str) -> str | None:
    """`to_ascii` reduced to letters and digits, null when nothing is left."""
    # Chinese characters only, or plain words: by far the most frequent cases.
    if text.isascii():
        key = text.replace(" ", "")
    else:
        key = pinyin(text) if _HAN_RE.search(text) else ""
    if key.isalnum() and key.isascii():
        return key.lower()
    key = to_ascii(text)
    return (key if key.isalnum() and key.isascii() else _NOT_KEY_RE.sub("", key)) or None
