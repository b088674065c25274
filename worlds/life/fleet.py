"""Vehicles of the demo world: models with their prices, identification numbers whose check digit holds, plates."""

from __future__ import annotations

from worlds.dice import Dice

MODELS: tuple[tuple[str, int], ...] = (
    ("天驰T7牵引车", 385_000),
    ("天驰T7 LNG牵引车", 428_000),
    ("山岳K5自卸车", 412_000),
    ("速达M3冷藏车", 268_000),
    ("速达M3载货车", 215_000),
    ("城达E1纯电轻卡", 168_000),
    ("重载H9纯电牵引车", 446_000),
)
BUSES: tuple[tuple[str, int], ...] = (("和畅B12城市客车", 1_080_000), ("和畅B8通勤客车", 560_000))
PLATES = {
    "山东": "鲁", "江苏": "苏", "浙江": "浙", "广东": "粤", "河南": "豫", "河北": "冀", "四川": "川", "湖北": "鄂",
    "湖南": "湘", "安徽": "皖", "福建": "闽", "陕西": "陕", "辽宁": "辽", "山西": "晋", "北京": "京", "上海": "沪",
    "天津": "津", "重庆": "渝",
}  # fmt: skip

_VALUE = {
    **{str(i): i for i in range(10)},
    **dict(zip("ABCDEFGH", range(1, 9), strict=True)),
    **dict(zip("JKLMN", range(1, 6), strict=True)),
    "P": 7,
    "R": 9,
    **dict(zip("STUVWXYZ", range(2, 10), strict=True)),
}
_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_YEARS = "RSTV"  # model years 2024 to 2027


def vin(rng: Dice) -> str:
    """A vehicle identification number (GB 16735): maker LKH, check digit in the ninth place, 17 characters."""
    head = "LKH" + "".join([rng.pick("ABCDEFGHJKLMNPRSTUVWXYZ1234567890") for _ in range(5)])
    tail = rng.pick(_YEARS) + rng.pick("ABCDEFGH") + f"{rng.below(1_000_000):06d}"
    total = sum(_VALUE[c] * w for c, w in zip(f"{head}0{tail}", _WEIGHTS, strict=True)) % 11
    return f"{head}{'X' if total == 10 else total}{tail}"


def wrong_vin(good: str) -> str:
    """The number with another check digit."""
    return good[:8] + ("0" if good[8] != "0" else "1") + good[9:]


def plate(rng: Dice, province: str) -> str:
    """A plate of a province (without 省); of Shandong where the province has none here."""
    return f"{PLATES.get(province[:2], '鲁')}{rng.pick('ABCDEFGH')}{rng.between(10_000, 99_999)}"
