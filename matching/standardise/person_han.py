"""Chinese person names: compound surnames, forms of address (王总), readings of surnames, blanks inside.

Foreign names in Chinese characters (约翰·史密斯) are recognised by the dot and keep their order.
"""

from __future__ import annotations

import re

from matching.standardise.person_names import PersonName
from matching.standardise.text import HAN, has_han, pinyin, script_of, to_ascii

COMPOUND = frozenset(
    """欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台 皇甫 宗政 濮阳 公冶 太叔 申屠 公孙 慕容 仲孙 钟离 长孙 宇文
    司徒 鲜于 司空 闾丘 子车 亓官 司寇 巫马 公西 颛孙 壤驷 公良 漆雕 乐正 宰父 谷梁 拓跋 夹谷 轩辕 令狐 段干 百里 呼延 东郭 南门 羊舌 微生 公户 公玉 公仪
    梁丘 公仲 公上 公门 公山 公坚 左丘 公伯 西门 公祖 第五 公乘 贯丘 公皙 南荣 东里 东宫 仲长 子书 子桑 即墨 达奚 褚师 吴铭 纳兰 完颜 爱新觉罗 叶赫那拉 欧陽 耶律
    """.split()
)
_SURNAMES = frozenset(
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳酆鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄和穆萧尹姚邵湛汪祁毛禹狄米贝明臧计伏成戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯昝管卢莫经房裘缪干解应宗丁宣贲邓郁单杭洪包诸左石崔吉钮龚程嵇邢滑裴陆荣翁荀羊於惠甄曲家封芮羿储靳汲邴糜松井段富巫乌焦巴弓牧隗山谷车侯宓蓬全郗班仰秋仲伊宫宁仇栾暴甘钭厉戎祖武符刘景詹束龙叶幸司韶郜黎蓟薄印宿白怀蒲邰从鄂索咸籍赖卓蔺屠蒙池乔阴鬱胥能苍双闻莘党翟谭贡劳逄姬申扶堵冉宰郦雍郤璩桑桂濮牛寿通边扈燕冀郏浦尚农温别庄晏柴瞿阎充慕连茹习宦艾鱼容向古易慎戈廖庾终暨居衡步都耿满弘匡国文寇广禄阙东欧殳沃利蔚越夔隆师巩厍聂晁勾敖融冷訾辛阚那简饶空曾毋沙乜养鞠须丰巢关蒯相查后荆红游竺权逯盖益桓公佟覃闫肖岳帅代付仝缑亢况郈有琴归海晋楚法汝鄢涂钦牟商佘佴伯赏墨哈谯笪年爱阳佟苑冼区仉过揭初随原药英展候操苟尧粟仵门信迟展战矫谌禤卯莽"
)
_TITLE_WORDS = (
    "董事长|副董事长|总经理|副总经理|副总|总监|副总监|总裁|副总裁|经理|副经理|主任|副主任|主管|厂长|副厂长|站长|店长|队长|车队长|班长|组长|科长|副科长|处长|副处长|局长|副局长|部长|副部长|所长|院长|校长|书记|主席|会长|秘书长|秘书|"
    "老板娘|老板|掌柜|师傅|司机|工程师|高工|总工|会计|出纳|采购|文员|助理|老师|教授|医生|大夫|护士|律师|博士|院士|先生|女士|小姐|太太|夫人|同志|阿姨|大姐|大哥|叔叔|"
    "董事|法人|负责人|联系人|总|董|工|哥|姐|叔|姨|嫂|导|局|处|科|厂|队|老|姓"
)
_TITLE_RE = re.compile(rf"^([{HAN}]{{1,5}}?)[\s·]*(?:[(]?)({_TITLE_WORDS})(?:[)]?)$")
_STRONG_TITLE_RE = re.compile(
    "(?:董事长|总经理|副总|总监|总裁|经理|主任|主管|厂长|站长|店长|队长|科长|处长|局长|部长|所长|院长|校长|书记|老板娘?|师傅|司机|工程师|先生|女士|小姐|太太|夫人|老师|教授|医生|律师|会计|联系人|负责人)$"
)
_PREFIX_RE = re.compile(r"^(?:尊敬的|联系人[::]?|法人[::]?|收件人[::]?|先生|女士|姓名[::]?)\s*")
_YOUNG_OLD_RE = re.compile(rf"^(?:[小老阿大])([{HAN}])$")
_NOTE_RE = re.compile(r"[(\[【<《][^)\]】>》]*[)\]】>》]?|[\d#*+_/\\,;:。!?\"~^=|@.-]+")
_DOT_RE = re.compile(r"[·.•・‧]")
_SURNAME_READINGS = {
    "单": "shan", "区": "ou", "查": "zha", "仇": "qiu", "曾": "zeng", "解": "xie", "朴": "piao", "盖": "ge", "任": "ren",
    "覃": "qin", "冼": "xian", "翟": "zhai", "缪": "miao", "乐": "yue", "尉": "wei", "员": "yun", "折": "she", "黑": "he",
    "牟": "mou", "召": "shao", "种": "chong", "秘": "bi", "逄": "pang", "乜": "nie", "仉": "zhang", "谌": "chen", "隗": "wei",
    "褚": "chu", "繁": "po", "过": "guo", "葛": "ge", "宁": "ning", "华": "hua", "洗": "xian", "燕": "yan", "万俟": "moqi",
    "尉迟": "yuchi", "长孙": "zhangsun", "澹台": "tantai", "令狐": "linghu", "郗": "xi", "郄": "qie", "瞿": "qu", "郇": "xun",
    "撒": "sa", "纪": "ji", "祭": "zhai", "车": "che", "卜": "bu", "佴": "nai", "靳": "jin", "应": "ying", "於": "yu", "强": "qiang",
    "叶": "ye", "沈": "shen", "石": "shi", "贾": "jia", "薄": "bo", "藏": "zang", "柏": "bai", "句": "gou", "那": "na", "哈": "ha",
    "长": "chang", "阚": "kan", "阙": "que", "盛": "sheng", "俞": "yu", "宓": "mi", "幺": "yao", "么": "yao", "冯": "feng",
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
        if len(surname) > len(first) and surname.endswith(first) and len(surname) > 2 and surname[0] in _SURNAMES:
            surname = surname[: -len(first)]
        if len(first) == 1 and len(surname) in (2, 3) and surname not in COMPOUND and first in _SURNAMES and surname[0] not in _SURNAMES:
            surname, first = first, surname
        return _build(raw, surname or None, first or None, None, script)
    text = full or family or given or ""
    text = _PREFIX_RE.sub("", text)
    title_note = re.search(rf"[(\[]({_TITLE_WORDS})[)\]]", text)
    if _DOT_RE.search(text) and re.search(rf"[{HAN}A-Za-z][·.•・‧]\s?[{HAN}]", text):
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
        head, title = found.group(1), found.group(2)
        surname, first = _split(head)
        if first is None or len(head) == 1:
            return _build(raw, surname or head, None, title, script)
        return _build(raw, surname, first, title, script)
    young = _YOUNG_OLD_RE.match(text)
    if young and young.group(1) in _SURNAMES:
        return _build(raw, young.group(1), None, text[0], script)
    surname_, first = _split(text)
    return _build(raw, surname_, first, title, script)


def _is_address(head: str, title: str) -> bool:
    """Whether a tail is a form of address (王总, 李经理, 张伟经理) and not the end of a given name (王建国, 李工)."""
    if head in COMPOUND or (len(head) == 1 and head in _SURNAMES):
        return True
    if _STRONG_TITLE_RE.search(title) and len(head) <= 4:
        return head[0] in _SURNAMES or head[:2] in COMPOUND
    return title in ("总", "工") and len(head) == 3 and head[0] in _SURNAMES


def _clean(text: str) -> str:
    return re.sub(r"\s+", "", _NOTE_RE.sub(" ", text)).strip("'·")


def _split(text: str) -> tuple[str | None, str | None]:
    if text[:4] in COMPOUND and len(text) > 4:
        return text[:4], text[4:]
    if text[:2] in COMPOUND and len(text) > 2:
        return text[:2], text[2:]
    if text in COMPOUND:
        return text, None
    if len(text) == 1:
        return text, None
    if len(text) == 4 and text[0] in _SURNAMES and text[1] in _SURNAMES:
        return text[:2], text[2:]
    return text[0], text[1:]


def _foreign(raw: str, parts: list[str], script: str) -> PersonName:
    tokens = sorted(t for t in (to_ascii(p) for p in parts) if t)
    surname, given = parts[-1], parts[0]
    return PersonName(
        raw, "·".join(parts), surname, given, " ".join(parts[1:-1]) or None, None, None, False, script, " ".join(tokens),
        to_ascii(surname), to_ascii(given), to_ascii(given),
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
