"""What a parsed name or address consists of.

Plain values without behaviour, apart from the parsers so that these can stand on each other.
"""

from __future__ import annotations

from typing import NamedTuple


class OrgName(NamedTuple):
    """A parsed organisation name; every part is null when absent, `reason` says why there is no usable name.

    core: the trade name (字号), or a Latin name without legal form and stop words. region: divisions in the name
    without suffixes, region_code their most exact GB/T 2260 code. branch: place and kind of a dependent part.
    stem_ascii: region, trade name and trade words by sound, whatever characters they were typed with.
    """

    raw: str
    norm: str | None = None
    core: str | None = None
    region: str | None = None
    region_code: str | None = None
    industry: str | None = None
    form: str | None = None
    branch: str | None = None
    sole_trader: bool = False
    status: str | None = None
    script: str | None = None
    ascii: str | None = None
    stem_ascii: str | None = None
    tokens: tuple[str, ...] = ()
    alt_cores: tuple[str, ...] = ()
    alt_ascii: tuple[str, ...] = ()
    reason: str | None = None


class PersonName(NamedTuple):
    """A parsed person name; every part is null when absent, `reason` says why there is no usable name.

    full_norm: family name first for Chinese without a blank, given name first for Latin. ascii: all name tokens in
    ASCII, sorted, so that order does not matter. given_root: the given name a nickname stands for.
    """

    raw: str
    full_norm: str | None = None
    surname: str | None = None
    given: str | None = None
    middle: str | None = None
    suffix: str | None = None
    title: str | None = None
    is_partial: bool = False
    script: str | None = None
    ascii: str | None = None
    surname_ascii: str | None = None
    given_ascii: str | None = None
    given_root: str | None = None
    reason: str | None = None


class Address(NamedTuple):
    """A parsed address; every part is null when absent, `reason` says why a line gave nothing.

    Codes are GB/T 2260 (Chinese divisions only). road_key is the road without direction and suffix ('58th', '建国').
    """

    country: str | None = None
    province_code: str | None = None
    city_code: str | None = None
    district_code: str | None = None
    province: str | None = None
    city: str | None = None
    district: str | None = None
    postal_code: str | None = None
    road: str | None = None
    road_key: str | None = None
    road_no: str | None = None
    unit: str | None = None
    norm: str | None = None
    ascii: str | None = None
    tokens: tuple[str, ...] = ()
    reason: str | None = None
