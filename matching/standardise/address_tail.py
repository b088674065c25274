"""What stands behind the street in a Latin address line: state, city, postal code, country; city and state names.

Gazetteers are not used: a city inside a line is found by punctuation, state, postal code or the street's suffix.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from matching.standardise.countries import country_code, normal_postcode, other_states, us_states
from matching.standardise.text import plain_latin, squeeze, to_ascii
from matching.standardise.wordlists import list_groups

_UK_POST_RE = re.compile(r"\b([a-z]{1,2}\d[a-z\d]?)\s*(\d[a-z]{2})\b")
_CA_POST_RE = re.compile(r"\b([a-z]\d[a-z])\s*(\d[a-z]\d)\b")
_ZIP_RE = re.compile(r"\b(\d{5})(?:-\d{4})?\s*$")
_LONG_POST_RE = re.compile(r"\b\d{6}$")
_AU_TAIL_RE = re.compile(r"\b(nsw|vic|qld|wa|sa|tas|act|nt)\s+(\d{4})$")
_POST_CITY_RE = re.compile(r"^(?:[a-z]{1,2}-)?(\d{4,6})\s+(\D+)$")
_ROAD_END_RE = re.compile(r"\b(road|rd|street|st)\s*$")
_DIGIT_RE = re.compile(r"\d")
_WORD_RE = re.compile(r"[a-z0-9]+")
_COUNTRY_TAILS = (
    "usa", "united states", "united kingdom", "singapore", "germany", "india", "china", "cambodia", "canada",
    "australia", "france",
)  # fmt: skip
_COUNTRY_TAIL_RE = re.compile(rf"(?<=[\s\d])({'|'.join(_COUNTRY_TAILS)})$")
_CITY_ALIASES = {
    "la": "los angeles", "l a": "los angeles", "nyc": "new york", "new york city": "new york",
    "manhattan": "new york", "sf": "san francisco",
    "lv": "las vegas", "west la": "west los angeles", "w la": "west los angeles", "phila": "philadelphia",
    "chgo": "chicago",
    "wash dc": "washington", "washington dc": "washington", "st louis": "saint louis", "ny": "new york",
}  # fmt: skip
_CITY_WORDS = {
    "st": "saint", "mt": "mount", "ft": "fort", "n": "north", "s": "south", "e": "east", "w": "west",
    "hts": "heights", "vlg": "village",
    "spgs": "springs", "pk": "park", "bch": "beach", "hls": "hills", "jct": "junction", "ctr": "center",
}  # fmt: skip


_STATES_LIKE_COUNTRIES = frozenset("ca in de co il ar la al ga md me mn mo ms mt nc ne pa sc sd va id".split())
_STATES_LIKE_WORDS = frozenset("ne la in de me ct al co pa".split())


@lru_cache(maxsize=50_000)
def city_name(text: str) -> str | None:
    """A city's name in lower case ASCII with common abbreviations written out."""
    words = _WORD_RE.findall(to_ascii(text.replace("'", "")))
    joined = " ".join(words)
    if joined in _CITY_ALIASES:
        return _CITY_ALIASES[joined]
    return " ".join(_CITY_WORDS.get(w, w) for w in words) or None


@cache
def street_suffixes() -> dict[str, str]:
    """Street suffix as typed → as written here."""
    return list_groups("street_suffixes")


@cache
def _state_tails() -> frozenset[str]:
    """Last words of all state names."""
    return frozenset(name.split()[-1] for name in (*us_states(), *other_states()))


@lru_cache(maxsize=5_000)
def state_name(text: str) -> tuple[str | None, str | None]:
    """A state as (its code or its name in lower case, its country or null where that is open)."""
    plain = " ".join(re.findall(r"[a-z]+", plain_latin(text).lower()))
    if plain == "wa":
        # Washington or Western Australia: the postal code decides.
        return plain, None
    if plain in us_states():
        return us_states()[plain], "US"
    if plain in other_states():
        country, code = other_states()[plain]
        return code, country
    return plain or None, None


class Tail:
    """Takes state, city, postal code and country off the end of a line; what attributes say stays.

    `rest` are the parts left, by comma; `bare` says that city and street stand in one part without a comma between.
    """

    __slots__ = ("bare", "city", "country", "postal", "rest", "state")

    def __init__(self, state: str | None, city: str | None, postal: str | None, country: str | None) -> None:
        self.state, self.city, self.postal, self.country = state, city, postal, country
        self.rest: list[str] = []
        self.bare = False

    def read(self, text: str) -> None:
        """Reads a line in lower case ASCII."""
        text = squeeze(text.replace("\n", ", ").replace(";", ",")).strip(" ,.")
        self.rest = [part for part in (part.strip(" .") for part in text.split(",")) if part]
        while self.rest and (self._take_country() or self._take_post_and_city()):
            pass
        if self.rest:
            self._take_post()
        if self.rest:
            self._take_state()
        if self.postal is not None:
            self.postal = normal_postcode(self.postal, self.country)

    def _put_back(self, part: str) -> None:
        part = part.strip(" ,.")
        if part:
            self.rest[-1] = part
        else:
            self.rest.pop()

    def _take_country(self) -> bool:
        last = self.rest[-1]
        if len(self.rest) > 1 and last not in _STATES_LIKE_COUNTRIES:
            code = country_code(" ".join(last.replace(".", " ").split()))
            if code:
                self.country = self.country or code
                self.rest.pop()
                return True
        found = _COUNTRY_TAIL_RE.search(last) if last.endswith(_COUNTRY_TAILS) else None
        if found is None or _ROAD_END_RE.search(last[: found.start()]):
            return False
        self.country = self.country or country_code(found.group(1))
        self._put_back(last[: found.start()])
        return True

    def _take_post_and_city(self) -> bool:
        """A part like '10115 berlin'."""
        found = _POST_CITY_RE.match(self.rest[-1]) if len(self.rest) > 1 else None
        if found is None or _ZIP_RE.search(self.rest[-1]):
            return False
        self.postal = self.postal or found.group(1)
        self.city = self.city or city_name(found.group(2))
        self.rest.pop()
        return True

    def _take_post(self) -> None:
        last = self.rest[-1]
        if last.isalpha() or not any(c.isdigit() for c in last[-8:]):
            return
        alone = len(self.rest) == 1
        found = _UK_POST_RE.search(last)
        if found and found.end() == len(last) and self.country in (None, "GB"):
            self._post(found, (found.group(1) + found.group(2)).upper(), "GB")
        elif found := _CA_POST_RE.search(last):
            self._post(found, (found.group(1) + found.group(2)).upper(), "CA")
        elif (found := _ZIP_RE.search(last)) and not (alone and found.start() == 0):
            self._post(found, found.group(1), None)
        elif (found := _LONG_POST_RE.search(last)) and not (alone and found.start() == 0):
            self._post(found, found.group(), None)
        elif found := _AU_TAIL_RE.search(last):
            self.postal = self.postal or found.group(2)
            self.rest[-1] = last[: found.end(1)]

    def _post(self, found: re.Match[str], code: str, country: str | None) -> None:
        self.postal = self.postal or code
        self.country = self.country or country
        self._put_back(self.rest[-1][: found.start()])

    def _take_state(self) -> None:
        words = [word.strip(".") for word in self.rest[-1].split()]
        for size in (3, 2, 1) if words[-1] in _state_tails() else ():
            whole = size == len(words)
            if size > len(words) or (whole and len(self.rest) == 1):
                continue
            state = self._state_of(" ".join(words[-size:]), whole)
            if state is not None:
                self.state, self.country = self.state or state[0], self.country or state[1]
                self._take_city(" ".join(self.rest[-1].split()[:-size]))
                return

    def _state_of(self, name: str, whole: bool) -> tuple[str, str] | None:
        if name in us_states() and (len(name) == 2 or len(self.rest) > 1 or self.postal):
            # A direction or an article at the end is a state only where a postal code stands behind it.
            doubtful = name in _STATES_LIKE_WORDS and not self.postal and not whole
            return None if doubtful else (us_states()[name], "US")
        if name in other_states() and len(self.rest) > 1:
            country, code = other_states()[name]
            return code, country
        return None

    def _take_city(self, head: str) -> None:
        """The city before the state: the rest of its part, or the part before."""
        if head:
            self.rest[-1] = head
            self.bare = len(self.rest) == 1 or _DIGIT_RE.search(head) is not None
            if not self.bare:
                self.city = self.city or city_name(head)
                self.rest.pop()
            return
        self.rest.pop()
        if len(self.rest) > 1 and not _DIGIT_RE.search(self.rest[-1]):
            if self.rest[-1].split()[-1] not in street_suffixes():
                self.city = self.city or city_name(self.rest[-1])
                self.rest.pop()
