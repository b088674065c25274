"""Country names and codes as they are typed, mapped to ISO 3166-1 alpha-2, and states of countries that have them."""

from __future__ import annotations

from functools import cache

_NAMES = """
CN china|prc|chn|peoples republic of china|p r china|pr china|mainland china|zhongguo|中国|中华人民共和国|中国大陆
HK hong kong|hongkong|hkg|hong kong sar|香港
MO macau|macao|mac|澳门
TW taiwan|twn|taiwan roc|台湾
US united states|usa|us|u s a|u s|united states of america|america|美国
GB united kingdom|uk|gb|gbr|great britain|england|scotland|wales|northern ireland|britain|英国
CA canada|can|加拿大
AU australia|aus|澳大利亚
NZ new zealand|nzl|新西兰
DE germany|deu|ger|deutschland|德国
AT austria|aut|oesterreich|奥地利
CH switzerland|che|schweiz|suisse|瑞士
LI liechtenstein|lichtenstein|lie
FR france|fra|法国
IT italy|ita|italia|意大利
ES spain|esp|espana|西班牙
PT portugal|prt|葡萄牙
NL netherlands|nld|the netherlands|holland|nederland|荷兰
BE belgium|bel|belgique|belgie|比利时
LU luxembourg|lux|卢森堡
DK denmark|dnk|danmark|丹麦
SE sweden|swe|sverige|瑞典
NO norway|nor|norge|挪威
FI finland|fin|suomi|芬兰
IE ireland|irl|爱尔兰
PL poland|pol|polska|波兰
CZ czech republic|cze|czechia|捷克
HU hungary|hun|匈牙利
RO romania|rou
GR greece|grc|希腊
RU russia|rus|russian federation|俄罗斯
UA ukraine|ukr
TR turkey|tur|turkiye|土耳其
JP japan|jpn|日本
KR south korea|korea|kor|republic of korea|韩国
SG singapore|sgp|新加坡
MY malaysia|mys|马来西亚
TH thailand|tha|泰国
VN vietnam|viet nam|vnm|越南
PH philippines|phl|菲律宾
ID indonesia|idn|印度尼西亚|印尼
IN india|ind|印度
PK pakistan|pak|巴基斯坦
KH cambodia|khm|柬埔寨
AE united arab emirates|uae|are|阿联酋
SA saudi arabia|sau|沙特
IL israel|isr
ZA south africa|zaf|南非
EG egypt|egy
BR brazil|bra|brasil|巴西
MX mexico|mex|墨西哥
AR argentina|arg
CL chile|chl
CO colombia|col
KZ kazakhstan|kaz|哈萨克斯坦
"""
_US_STATES = """
al alabama|ak alaska|az arizona|ar arkansas|ca california|co colorado|ct connecticut|de delaware|fl florida|ga georgia|hi hawaii|id idaho
il illinois|in indiana|ia iowa|ks kansas|ky kentucky|la louisiana|me maine|md maryland|ma massachusetts|mi michigan|mn minnesota
ms mississippi|mo missouri|mt montana|ne nebraska|nv nevada|nh new hampshire|nj new jersey|nm new mexico|ny new york|nc north carolina
nd north dakota|oh ohio|ok oklahoma|or oregon|pa pennsylvania|ri rhode island|sc south carolina|sd south dakota|tn tennessee|tx texas
ut utah|vt vermont|va virginia|wa washington|wv west virginia|wi wisconsin|wy wyoming|dc district of columbia|pr puerto rico
"""
_OTHER_STATES = """
AU nsw new south wales|AU vic victoria|AU qld queensland|AU wa western australia|AU sa south australia|AU tas tasmania
AU act australian capital territory|AU nt northern territory|CA on ontario|CA qc quebec|CA bc british columbia|CA ab alberta
CA mb manitoba|CA sk saskatchewan|CA ns nova scotia|CA nb new brunswick|CA nl newfoundland and labrador|CA pe prince edward island
"""


@cache
def _countries() -> dict[str, str]:
    table: dict[str, str] = {}
    for line in _NAMES.strip().splitlines():
        code, _, names = line.partition(" ")
        table[code.lower()] = code
        for name in names.split("|"):
            table[name] = code
    return table


@cache
def us_states() -> dict[str, str]:
    """US state names and codes (lower case) → code in lower case."""
    table: dict[str, str] = {}
    for entry in _US_STATES.strip().replace("\n", "|").split("|"):
        code, _, name = entry.partition(" ")
        table[code] = table[name] = code
    return table


@cache
def other_states() -> dict[str, tuple[str, str]]:
    """Australian and Canadian state names and codes → (country, code)."""
    table: dict[str, tuple[str, str]] = {}
    for entry in _OTHER_STATES.strip().replace("\n", "|").split("|"):
        country, code, name = entry.split(" ", 2)
        table.setdefault(code, (country, code))
        table[name] = (country, code)
    return table


def country_code(name: str) -> str | None:
    """ISO code of a country as typed (folded lower-case ASCII or Chinese), null when unknown."""
    return _countries().get(name)
