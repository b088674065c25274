"""Small worlds full of near-duplicates: a few customers, each written in many ways, who share phones and houses.

A hub holds many worlds at once, whose names and numbers are their own, so that one run carries many histories on. Some
values are of all worlds: a forwarder's mailbox, a switchboard.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any

from worlds.dice import Dice
from worlds.identifiers import credit_code, resident_id

Row = dict[str, str]
Writings = dict[str, list[str]]

_OFFICE = "400-810-8888"
_FORWARDER = "service@transport-hub.cn"
_SIGNS = "海川盛龙远航恒通宏达众诚天顺安吉德邦泰和金马长风云鹏瑞丰东润华信康宁百联"
_SYLLABLES = "hai chuan sheng long yuan hang heng tong hong da zhong cheng tian shun an ji de bang tai he".split()
_GIVEN = "建国军梅丽华强伟娜敏静磊洋勇艳杰娟涛明超秀霞平刚桂英"
_FAMILY = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
_LATIN = "Robert Walter Simone Franz Ingrid Oliver Martha Jürgen Nicole Stefan".split()
_LAST = "Miller Kühne Schäfer Baker Novak Larsen Weber Hofmann Carter Lindgren".split()


def columns(entity: str) -> list[str]:
    """The columns of a row."""
    return list(customers(entity, 0)[0])


def row(entity: str, world: int, dice: Dice) -> Row:
    """A row about one of the world's customers: each value in one of its writings, or absent."""
    known = dice.pick(customers(entity, world))
    found: Row = {}
    for place, (column, values) in enumerate(known.items()):
        if place == 0 or dice.random() < 0.6:
            found[column] = values[0] if dice.random() < 0.6 else dice.pick(values)
    return found


@cache
def customers(entity: str, world: int) -> list[Writings]:
    """The customers of a world: by column the ways in which a value is written, the usual one first."""
    dice = Dice(1000 + world)
    return _organizations(dice, world) if entity == "organization" else _persons(dice, world)


def _organizations(dice: Dice, world: int) -> list[Writings]:
    one, two = (dice.pick(_SIGNS) for _ in range(2))
    brand, latin = one + two, "".join(dice.pick(_SYLLABLES) for _ in range(3)).capitalize()
    mobile, agent = f"138{world:04d}{dice.below(10_000):04d}", f"0532-8{world:04d}{dice.below(100):02d}0"
    street = dice.between(1, 400)

    def tax() -> str:
        return credit_code(dice, "370202")

    return [
        {
            "name": [
                f"青岛{brand}货运有限公司",
                f"青岛{brand}货运公司",
                f"{brand}货运",
                f"青岛{brand}货运有限公司市北分公司",
            ],
            "name_en": [f"Qingdao {latin} Freight Co., Ltd", f"{latin} Freight"],
            "tax_id": [tax(), tax()],
            "phone": [f"0532-8{world:04d}111"[:13], mobile, agent, _OFFICE],
            "email": [f"info@{latin.lower()}.cn", _FORWARDER],
            "website": [f"www.{latin.lower()}.cn", f"{latin.lower()}.com.cn"],
            "address_line": [f"香港中路{street}号", f"香港中路{street}号3楼", "延安三路220号"],
            "city": ["青岛市", "青岛"],
        },
        {  # its sister: one house, one telephone
            "name": [f"青岛{brand}物流有限公司", f"青岛{brand}国际物流有限公司", f"{brand}物流"],
            "name_en": [f"{latin} Logistics Co., Ltd"],
            "tax_id": [tax()],
            "phone": [f"0532-8{world:04d}222"[:13], mobile, agent, _OFFICE],
            "email": [f"info@{latin.lower()}-logistics.cn", f"info@{latin.lower()}.cn"],
            "website": [f"www.{latin.lower()}-logistics.cn"],
            "address_line": [f"香港中路{street + 2}号", f"香港中路{street}号"],
            "city": ["青岛市"],
        },
        {
            "name": [f"上海{two}{one}商贸有限公司", f"上海{two}{one}贸易有限公司", f"{two}{one}商贸"],
            "name_en": [f"Shanghai {latin[::-1].capitalize()} Trading Co., Ltd"],
            "tax_id": [credit_code(dice, "310115")],
            "phone": [f"021-6{world:04d}333"[:12], agent],
            "email": [f"sales@{latin.lower()[::-1]}.com", _FORWARDER],
            "website": [f"www.{latin.lower()[::-1]}.com"],
            "address_line": [f"世纪大道{street}号", f"世纪大道{street}号12楼"],
            "city": ["上海市"],
        },
    ]


def _persons(dice: Dice, world: int) -> list[Writings]:
    family, given, other = dice.pick(_FAMILY), dice.pick(_GIVEN) + dice.pick(_GIVEN), dice.pick(_GIVEN)
    first, last = dice.pick(_LATIN), dice.pick(_LAST)
    home, house = f"0532-7{world:04d}{dice.below(1000):03d}", f"香港中路{dice.between(1, 400)}号2单元101"
    mailbox = f"family{world}@home{world}.cn"

    def person(names: list[str], born: date, male: bool, **more: Any) -> Writings:
        number = f"13{dice.between(0, 9)}{world:04d}{dice.below(10_000):04d}"
        known = {
            "full_name": names,
            "birth_date": [str(born), f"{born:%Y}-{born.day % 12 + 1:02d}-{born.month:02d}"],
            "national_id": [resident_id(dice, "370202", born, male)],
            "phone": [number, home, _OFFICE],
            "email": [f"p{number}@qq.com", mailbox, _FORWARDER],
            "address_line": [house, f"延安三路{dice.between(1, 400)}号"],
            "city": ["青岛市"],
        }
        return {**known, **more}

    def born(*years: int) -> date:
        return date(dice.between(*years), dice.between(1, 12), dice.between(1, 28))

    father = person([family + given, f"{family}{given}先生"], born(1950, 1970), True)
    son = person([family + given[0] + other, family + given], born(1985, 2005), True)
    wife = person([dice.pick(_FAMILY) + other, f"{dice.pick(_FAMILY)}{other}"], born(1950, 1970), False)
    foreigner = person(
        [f"{first} {last}", f"{first[0]}. {last}", f"{last}, {first}"],
        born(1950, 2000),
        True,
        national_id=[f"C{world:04d}{dice.below(10_000):04d}"],
        address_line=["Hafenstraße 12", "Hafenstr. 12"],
        city=["Hamburg"],
    )
    return [father, son, wife, foreigner]
