"""The feature columns of one record, each made when it is asked for: what `matching.features` says in SQL, in Python.

Both give the same for every record (tested); the order of values in a list is not fixed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from matching.model.conditions import SET_SUFFIX, Record
from matching.words import COMMON_WORDS, PARTICLES
from models.match_model import Declaration

OWN, SHARED, JUNK = "own", "shared", "junk"

Roles = Mapping[str, Mapping[str, str]]
"""Contact column → value → own, shared or junk, for every contact value of the records that are compared."""
Maker = Callable[["Features"], Any]
_SET_END = SET_SUFFIX[-1]

# The characters of the script Han (Unicode), as RE2 has them.
_HAN = re.compile(
    "[\u2e80-\u2e99\u2e9b-\u2ef3\u2f00-\u2fd5\u3005\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufa6d\ufa70-\ufad9\U00016fe2\U00016fe3\U00016ff0\U00016ff1\U00020000-\U0002a6df\U0002a700-\U0002b739"
    "\U0002b740-\U0002b81d\U0002b820-\U0002cea1\U0002ceb0-\U0002ebe0\U0002f800-\U0002fa1d\U00030000-\U0003134a"
    "\U00031350-\U000323af]"
)
_NO_DIGIT = re.compile(r"[^0-9]+")
_DIGITS = re.compile(r"[0-9]")
_NO_ZERO = re.compile(r"[^0]")
_NO_LETTER = re.compile(r"[^a-z]+")
_NO_CONSONANT = re.compile(r"[^bcdfgjklmnpqrstvz]+")
_CONSONANTS = "bcdfgjklmnpqrstvz"


class Features(Record):
    """A record's standard columns, and on demand what is derived from them.

    `roles` tells contact values apart.
    """

    __slots__ = ("makers", "roles")

    def __init__(self, standard: Mapping[str, Any], makers: Mapping[str, Maker], roles: Roles):
        super().__init__(standard)
        self.makers = makers
        self.roles = roles

    def __missing__(self, name: str) -> Any:
        maker = self.makers.get(name)
        if maker is not None:
            found = self[name] = maker(self)
            return found
        if name[-1] != _SET_END:
            self[name] = None
            return None
        return Record.__missing__(self, name)


def makers_of(declaration: Declaration) -> dict[str, Maker]:
    """How each derived column of a declaration's entity type is made; standard columns need no making."""
    makers: dict[str, Maker] = dict(_MAKERS.get(declaration.entity_type, {}))
    for kind in declaration.contacts:
        makers[kind.column + "_own"] = _split(kind.column, OWN)
        makers[kind.column + "_shared"] = _split(kind.column, SHARED)
    return makers


def _split(column: str, role: str) -> Maker:
    def made(r: Features) -> list[str] | None:
        values = r[column]
        if values is None:
            return None
        roles = r.roles[column]
        return [v for v in values if roles[v] == role] or None

    return made


def _has_han(text: str | None) -> bool | None:
    return None if text is None else _HAN.search(text) is not None


def _distinct(values: Iterable[str | None]) -> list[str] | None:
    return [value for value in dict.fromkeys(values) if value is not None] or None


def _joined(*parts: str | None) -> str:
    return "".join(part for part in parts if part is not None)


def _characters(text: str | None) -> list[str] | None:
    # The empty text counts as one value, as in DuckDB.
    return None if text is None else [*dict.fromkeys(text or [""])]


def _street(r: Features) -> str | None:
    line = r["address_norm"]
    if line is None or _HAN.search(line):
        return None
    road = r["road"] if r["road"] is not None else r["address_ascii"]
    return None if road is None else _NO_LETTER.sub("", road) or None


# Organizations


def _domains(r: Features) -> list[str] | None:
    found = r["email_domains"]
    return _distinct([r["web_domain"]] if found is None else [*found, r["web_domain"]])


def _tail(number: str) -> str:
    """The last nine digits of a telephone number."""
    tail = number[-9:]
    return tail if tail.isascii() and tail.isdigit() else _NO_DIGIT.sub("", number)[-9:]


def _base_tails(r: Features) -> list[str] | None:
    bases = r["phone_bases"]
    return None if bases is None else _distinct([_tail(base) for base in bases])


def _doors(r: Features) -> list[str] | None:
    if r["road_key"] is None or r["road_no"] is None:
        return None
    city = r["city_code"][:4] if r["city_code"] is not None else r["city_norm"]
    return ["|".join((city or "", r["road_key"], r["road_no"]))]


def _owner_name(r: Features) -> str | None:
    if r["name_script"] == "latin":
        return None if r["name_tokens"] is None else "latin " + " ".join(r["name_tokens"])
    return None if r["name_ascii"] is None else "other " + str(r["name_ascii"])


def _core(han: bool) -> Maker:
    return lambda r: next((core for core in r["alt_cores"] or () if _has_han(core) is han), None)


def _is_stem(r: Features) -> bool:
    return r["name_script"] in ("han", "mixed")


def _stem(r: Features) -> str:
    return _joined(r["name_region"], r["name_core"], r["name_industry"])


def _stem_gaps(r: Features) -> list[str] | None:
    core = r["name_core"]
    if not _is_stem(r) or core is None or len(core) > 10:
        return None
    region, trade = r["name_region"], r["name_industry"]
    return _distinct((*(_joined(region, core[:i], core[i + 1 :], trade) for i in range(len(core))), _stem(r)))


def _sound_key(r: Features) -> str | None:
    if r["name_script"] != "latin":
        whole: str | None = r["name_ascii"]
        return whole
    return r["alt_ascii"][-1] if r["alt_ascii"] else None


def _of_latin(make: Maker) -> Maker:
    return lambda r: make(r) if r["name_script"] == "latin" else None


def _core_words(r: Features) -> list[str] | None:
    trade = (r["name_industry"] or "").split(" ")
    return [w for w in r["name_tokens"] or () if w not in COMMON_WORDS and w not in trade] or None


def _key_tokens(r: Features) -> list[str] | None:
    return [w for w in _core_words(r) or () if len(w) > 1 and w != r["name_industry"]] or None


def _latin_trade(r: Features) -> str | None:
    return None if r["name_industry"] is None else r["name_industry"].replace("group ", "")


def _branch_mark(r: Features) -> str | None:
    if r["name_norm"] is None:
        return None
    return "-" if r["branch"] is None else r["branch"]


def _owner_kind(r: Features) -> str | None:
    form = r["org_form"]
    if r["is_sole_trader"]:
        return "sole trader"
    return None if form is None else "partnership" if "partnership" in form else "company"


def _name_district(r: Features) -> str | None:
    code = r["name_region_code"]
    return None if code is None or code[-2:] == "00" else code


def _cities(r: Features) -> list[str] | None:
    city, named = r["city_code"], r["name_region_code"]
    in_name = None if named is None or named[-4:] == "0000" else named[:4]
    return _distinct((r["city_norm"] if city is None else city[:4], in_name))


def _provinces(r: Features) -> list[str] | None:
    province, named = r["province_code"], r["name_region_code"]
    return _distinct((r["province_norm"] if province is None else province[:2], None if named is None else named[:2]))


# Persons


def _tails(r: Features) -> list[str] | None:
    found = []
    for phone in r["phones"] or ():
        base, *extension = phone.split(";")
        found.append(_tail(base) + (";" + extension[0] if extension else ""))
    return _distinct(found)


def _valid_id(r: Features) -> str | None:
    valid = r["national_id_ok"] and r["national_id_kind"] == "resident"
    return r["national_id"] if valid else None


def _born(r: Features) -> str | None:
    if r["birth_digits"] is not None:
        digits: str = r["birth_digits"]
        return digits
    return None if r["valid_id"] is None else r["valid_id"][6:14]


def _in_script(column: str, han: bool, shown: str) -> Maker:
    return lambda r: r[shown] if _has_han(r[column]) is han else None


def _given_long(r: Features) -> str | None:
    given = r["given"]
    return given if given is not None and (len(given) > 1 or _has_han(given)) else None


def _owner(r: Features) -> str | None:
    given, root = r["given_ascii"], r["given_root"]
    if given is not None and root is not None and given != root:
        given = f"{given}/{root}"
    return " ".join(word for word in (r["surname_ascii"], given) if word is not None) or None


def _generation(r: Features) -> str | None:
    return r["name_suffix"] if r["name_suffix"] is not None else "i" if r["middle"] == "i" else None


def _surnames(r: Features) -> list[str] | None:
    words = r["name_ascii"]
    if words is None or _has_han(r["surname"]) is not False:
        return None
    given = r["given_ascii"] or ""
    found = [*words.split(" "), r["surname_ascii"]]
    return _distinct(w for w in found if w and len(w) > 3 and w != given and w not in PARTICLES)


def _bones(name: str) -> Maker:
    def made(r: Features) -> str | None:
        text, letters = r[name], r[name + "_ascii"]
        if text is None or letters is None or _HAN.search(text):
            return None
        letters = letters.lower().replace("x", "ks").replace("ph", "f").replace("ck", "k")
        bones = _NO_CONSONANT.sub("", letters)
        for letter in _CONSONANTS:
            bones = bones.replace(letter * 2, letter)
        return bones if len(bones) >= 2 else None

    return made


_MAKERS: dict[str, dict[str, Maker]] = {
    "organization": {
        "domains": _domains,
        "base_tails": _base_tails,
        "street_latin": _street,
        "doors": _doors,
        "owner_name": _owner_name,
        "han_core": _core(True),
        "latin_core": _core(False),
        "core_chars": lambda r: _characters(r["han_core"]),
        "stem_chars": lambda r: _characters(_stem(r)) if _is_stem(r) else None,
        "stem_gaps": _stem_gaps,
        "sound_key": _sound_key,
        "words": _of_latin(lambda r: r["name_tokens"]),
        "core_words": _of_latin(_core_words),
        "key_tokens": _of_latin(_key_tokens),
        "latin_trade": _of_latin(_latin_trade),
        "valid_tax_id": lambda r: r["tax_id"] if r["tax_id_ok"] else None,
        "branch_mark": _branch_mark,
        "owner_kind": _owner_kind,
        "name_district": _name_district,
        "trade": lambda r: r["name_industry"] if _is_stem(r) else None,
        "trade_chars": lambda r: _characters(r["name_industry"]) if _is_stem(r) else None,
        "cities": _cities,
        "provinces": _provinces,
    },
    "person": {
        "phone_tails": _tails,
        "owner_name": _owner,
        "street_latin": _street,
        "valid_id": _valid_id,
        "id_shape": lambda r: (
            None if r["national_id"] is None else _NO_ZERO.sub("A", _DIGITS.sub("0", r["national_id"]))
        ),
        "born": _born,
        "given_latin": _in_script("given", False, "given_ascii"),
        "surname_latin": _in_script("surname", False, "surname_ascii"),
        "given_han": _in_script("given", True, "given"),
        "given_long": _given_long,
        "generation": _generation,
        "surnames": _surnames,
        "name_words": lambda r: None if r["name_ascii"] is None else r["name_ascii"].split(" "),
        "given_bones": _bones("given"),
        "surname_bones": _bones("surname"),
    },
}
