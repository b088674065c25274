"""How addresses, phones and mails of the generated worlds come about, and how each system writes them down."""

from dataclasses import dataclass

from worlds import lexicon_han as han
from worlds import lexicon_latin as latin
from worlds.dice import Dice
from worlds.identifiers import typo_digit
from worlds.places import City

FREE_MAIL = {
    "CN": ("qq.com", "163.com", "126.com", "sina.com", "139.com", "aliyun.com"),
    "GB": ("gmail.com", "hotmail.co.uk", "yahoo.co.uk", "btinternet.com", "outlook.com"),
    "US": ("gmail.com", "yahoo.com", "hotmail.com", "aol.com", "outlook.com", "icloud.com"),
    "DE": ("gmx.de", "web.de", "gmail.com", "t-online.de", "freenet.de"),
}
COUNTRY_NAMES = {"CN": "中国", "GB": "United Kingdom", "US": "USA", "DE": "Germany"}


@dataclass(slots=True)
class Address:
    """A postal address in parts; `unit` is a building, floor or flat, '' where there is none."""

    city: City
    district_code: str
    district: str
    road: tuple[str, str]
    number: int
    unit: str
    postal: str


def address(rng: Dice, city: City, site: bool = False) -> Address:
    """An address in the city; with `site` sometimes on a named estate (物流园), or a unit."""
    if city.country == "CN":
        code, district = city.districts[int(rng.random() ** 1.4 * len(city.districts))]
        road = (
            han.ROAD_STEMS[int(rng.random() * len(han.ROAD_STEMS))]
            + han.ROAD_TAILS[int(rng.random() * len(han.ROAD_TAILS))]
        )
        unit = ""
        draw = rng.random()
        if site and draw < 0.3:
            unit = f"{district[:2]}{rng.pick(han.SITES)}{rng.pick('ABCD')}区{rng.between(1, 60)}号"
        elif draw < 0.65:
            unit = f"{rng.between(1, 31)}号楼{rng.between(1, 5)}单元{rng.between(1, 29)}{rng.between(1, 5):02d}"
        elif draw < 0.8:
            unit = f"{rng.pick('ABC')}座{rng.between(2, 29)}{rng.between(1, 20):02d}室"
        return Address(
            city,
            code,
            district,
            (road, road),
            rng.between(1, 900),
            unit,
            f"{city.postal[0]}{rng.below(60):02d}",
        )
    unit = (
        f"{'Unit' if site else 'Flat' if city.country == 'GB' else 'Apt'} {rng.between(1, 120)}"
        if rng.random() < 0.25
        else ""
    )
    if city.country == "DE":
        stem = rng.pick(latin.STREETS_DE)
        full, short = f"{stem}straße", f"{stem}str."
        return Address(
            city,
            "",
            "",
            (full, short),
            rng.between(1, 180),
            "",
            f"{rng.pick(city.postal)}{rng.between(100, 999)}".ljust(5, "0")[:5],
        )
    stem, (kind, abbreviation) = rng.pick(latin.STREETS), rng.pick(latin.STREET_TYPES[city.country])
    road2 = (f"{stem} {kind}", f"{stem} {abbreviation}")
    if city.country == "US":
        return Address(city, "", "", road2, rng.between(10, 9900), unit, f"{city.postal[0]}{rng.between(1, 99):02d}")
    tail = f"{rng.between(1, 10)}{rng.pick('ABDEFGHJLN')}{rng.pick('ABDEFGHJLN')}"
    return Address(
        city, "", "", road2, rng.between(1, 300), unit, f"{rng.pick(city.postal)}{rng.between(1, 21)} {tail}"
    )


def address_line(rng: Dice, a: Address, style: str) -> str:
    """The address as one line; `style`: full (with province and city), local (from the district), street."""
    if a.city.country == "CN":
        head = ""
        if style == "full":
            municipality = a.city.province == a.city.full
            head = a.city.full if municipality or rng.random() < 0.4 else a.city.province + a.city.full
            head = head.replace("省", "").replace("市", "") if rng.random() < 0.12 else head
        district = "" if style == "street" and rng.random() < 0.5 else a.district
        unit = a.unit if rng.random() < 0.7 else ""
        return f"{head}{district}{a.road[0]}{a.number}号{unit}"
    road = a.road[0] if rng.random() < 0.6 else a.road[1]
    if a.city.country == "DE":
        line = f"{road} {a.number}"
    else:
        line = f"{a.number} {road}"
        if a.unit and rng.random() < 0.7:
            line = f"{a.unit}, {line}" if a.city.country == "GB" else f"{line} {a.unit}"
    return f"{line}, {a.city.name} {a.postal}" if style == "full" else line


def phone_text(rng: Dice, digits: str, city: City, extension: int = 0, international: float = 0.15) -> str:
    """International digits (no plus sign) as people write them; `international`: share written with a country code."""
    if city.country == "CN":
        return _chinese_phone(rng, digits, extension, international)
    code = {"GB": "44", "DE": "49", "US": "1"}[city.country]
    national = digits[len(code) :]
    tail = f" ext {extension}" if extension else ""
    if rng.random() < international:
        return f"+{code} {national[:-7]} {national[-7:]}{tail}" if rng.random() < 0.5 else f"+{digits}{tail}"
    if city.country == "US":
        form = rng.below(4)
        a, b, c = national[:3], national[3:6], national[6:]
        return (f"({a}) {b}-{c}", f"{a}-{b}-{c}", f"{a}.{b}.{c}", national)[form] + tail
    cut = 2 if national.startswith(("20", "30", "40", "69", "89")) else 4 if national[0] == "7" and code == "44" else 3
    return (f"0{national[:cut]} {national[cut:]}", f"0{national}", f"(0{national[:cut]}) {national[cut:]}")[
        rng.below(3)
    ] + tail


def _chinese_phone(rng: Dice, digits: str, extension: int, international: float) -> str:
    national = digits[2:]
    if len(national) == 11 and national[0] == "1" and national[1] in "3456789":
        draw = rng.random()
        if draw < international:
            return f"+86 {national[:3]} {national[3:7]} {national[7:]}" if draw < international / 2 else f"86{national}"
        return f"{national[:3]}-{national[3:7]}-{national[7:]}" if draw > 0.9 else national
    cut = 2 if national[0] in "12" else 3
    area, local = national[:cut], national[cut:]
    tail = (f"转{extension}", f"-{extension}")[rng.below(2)] if extension else ""
    draw = rng.random()
    if draw < international:
        return f"+86 {area} {local[:4]} {local[4:]}{tail}" if draw < international / 2 else f"0086-{area}-{local}{tail}"
    return (f"0{area}-{local}", f"0{area}-{local}", f"(0{area}){local}", f"0{area}{local}")[rng.below(4)] + tail


def wrong_phone(rng: Dice, digits: str) -> str:
    """The number with a mistyped digit behind its country and area code."""
    return digits[:5] + typo_digit(rng, digits[5:])
