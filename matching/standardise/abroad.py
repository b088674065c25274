"""Which country a city outside China speaks of, for reading telephone numbers where no country is known.

020 7946 0958 is a number of London and has the form of one of Guangzhou: the record's city tells which.
"""

from __future__ import annotations

from functools import cache, lru_cache

from matching.standardise.divisions import romanised_code
from matching.standardise.person_latin import is_pinyin
from matching.standardise.phones import NOT_CHINA
from matching.standardise.wordlists import list_groups


@cache
def _listed() -> dict[str, str]:
    return {city.replace("_", " "): country for city, country in list_groups("cities_abroad").items()}


def city_country(city: str | None) -> str | None:
    """ISO country of a city as standardised ('london'), null for a city that is not listed."""
    return _listed().get(city) if city else None


@lru_cache(maxsize=50_000)
def city_abroad(city: str | None) -> str | None:
    """`NOT_CHINA` for a city in Latin letters that cannot be one of China, else null."""
    if not city or not city.isascii() or romanised_code(city) is not None:
        return None
    return None if all(is_pinyin(word) for word in city.split()) else NOT_CHINA
