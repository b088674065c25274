"""Finding customers by whatever somebody typed: a name in characters, pinyin or English, with slips of the fingers;
its first letters (sfwl); an id of today or before; a telephone number, mailbox, tax id; the key that a source has for
them; the VIN or plate of one of their vehicles.

Words of the index (`models.store.search_tables`) lead to candidates, which are then compared with what was typed.
Nobody finds anybody by an attribute that they do not see.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson
import sqlalchemy as sa
from rapidfuzz import fuzz

from matching.standardise.single import standardise_one
from models.config import Config
from models.store import Store
from models.store import tables as t
from models.store.lifecycle_tables import record_link
from models.store.search_tables import search_word, word_number
from models.vocabulary import PARTY_TYPES, record_id
from serving.access import Masking, Principal
from serving.asking import shown_name

Why = Literal["name", "id", "alias", "phone", "email", "identifier", "source key", "web domain", "initials", "vehicle"]

_RARE = 400  # records under a word that are looked at one by one
_COMMON = 20_000  # records under a word that are looked at for another word
_MOST = 200  # candidates that are compared with what was typed
_LIKE = 62.0  # of a hundred; below this a name is another one
_BEHIND = 25.0  # what fits so much worse than the best was not meant
_HAN = re.compile(r"[\u4e00-\u9fff]")
_EXACT: dict[str, tuple[Why, str]] = {
    "n": ("phone", "phone"),
    "m": ("email", "email"),
    "i": ("identifier", "tax_id"),
    "d": ("web domain", "website"),
}


@dataclass
class Hit:
    """A golden record that was found: why, how well it fits (0 to 100), and the values that the reader sees."""

    golden_id: str
    entity_type: str
    name: str
    why: Why
    score: float
    records: int
    status: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Found:
    why: Why
    score: float
    attribute: str | None = None


def warm() -> None:
    """Load the lists that names are read with, so that the first who searches need not wait for them."""
    standardise_one("organization", {"name": "北京市某某物流有限公司", "phone": "010-64511234"})
    for name in ("王芳", "Bobby Miller"):
        standardise_one("person", {"full_name": name})


def search(
    store: Store,
    config: Config,
    masking: Masking,
    who: Principal,
    text: str,
    *,
    limit: int = 30,
    entity: str | None = None,
) -> list[Hit]:
    """The golden records that fit a text, the best first. Raises NotAllowed."""
    who.require("customers.read")
    text = " ".join(text.split())[:200]
    if not text:
        return []
    with store.snapshot(), store.database.read() as connection:
        direct = _by_id(store, text) | _by_source_key(store, config, connection, text)
        by_record = _by_word(connection, _exact_words(text))
        by_record |= _by_vehicle(connection, masking, who, text)
        names = _Names(text)
        candidates = _by_name(connection, names)
        homes = _homes(connection, [*by_record, *candidates])
        found: dict[str, _Found] = dict(direct)
        for number, why in by_record.items():
            if number in homes:
                found.setdefault(homes[number], why)
        wanted = list(dict.fromkeys(homes[n] for n in candidates if n in homes))[:_MOST]
        rows = _golden(connection, list(dict.fromkeys([*found, *wanted])))
        alternatives = _alternatives(connection, candidates, homes, set(wanted))
    hits = []
    for golden_id, row in rows.items():
        hit = _hit(masking, who, row, found.get(golden_id), names, alternatives.get(golden_id, ()))
        if hit is not None:
            hits.append(hit)
    hits.sort(key=lambda h: (-h.score, -h.records, h.golden_id))
    best = hits[0].score if hits else 0.0
    return [hit for hit in hits[:limit] if hit.score >= best - _BEHIND]


def _hit(
    masking: Masking, who: Principal, row: dict[str, Any], exact: _Found | None, names: _Names, others: Iterable[str]
) -> Hit | None:
    entity = row["entity_type"]
    values = orjson.loads(row["values"])
    shown, _, _ = masking.split(who, entity, values)
    if exact is not None and exact.attribute is not None:
        attribute = exact.attribute
        if entity == "person":
            attribute = {"tax_id": "national_id", "name": "full_name"}.get(attribute, attribute)
        if not masking.sees(who, entity, attribute):
            exact = None
    why: Why = "name"
    if exact is not None:
        why, score = exact.why, exact.score
    else:
        attribute = "full_name" if entity == "person" else "name"
        if not masking.sees(who, entity, attribute):
            return None
        own = [str(values[n]) for n in ("name", "name_en", "short_name", "full_name") if values.get(n)]
        score = names.likeness([*own, *others])
        if score < _LIKE:
            return None
    name = shown_name(shown) or "—"
    return Hit(row["golden_id"], entity, name, why, score, row["records"], row["status"], shown)


class _Names:
    """What was typed, read as a name: its words for the index, and how like it other names are."""

    def __init__(self, text: str):
        self.text = text.casefold()
        self.is_han = bool(_HAN.search(text))
        organization = standardise_one("organization", {"name": text})[0]
        person = standardise_one("person", {"full_name": text})[0]
        cores = (organization.get("name_core"), *organization.get("alt_cores", ()), person.get("full_norm"))
        self.cores = list(dict.fromkeys(c for c in (*cores, self.text) if c))
        latin = [organization.get("name_ascii"), person.get("name_ascii"), organization.get("stem_ascii")]
        letters = [] if self.is_han else [self.text]
        self.letters = list(dict.fromkeys(x for x in (_letters(c) for c in [*letters, *latin] if c) if len(x) > 1))

    def words(self) -> list[tuple[str, str]]:
        """Kind and text of the words to look for, the telling ones first."""
        found: list[tuple[str, str]] = [("a", x) for x in self.letters]
        for core in self.cores:
            han = re.sub(r"\s", "", core)
            if _HAN.search(han):
                found += [("h", han[i : i + 2]) for i in range(len(han) - 1)] or [("1", han)]
            else:
                found += [("w", w) for w in core.lower().split() if len(w) > 1]
        for x in self.letters:
            if len(x) >= 4:
                found += [("b", x[:4]), ("e", x[-4:])]
        return list(dict.fromkeys(found))

    def likeness(self, names: Iterable[str]) -> float:
        """How like one of these names is to what was typed, of a hundred; letters count for Chinese names as well."""
        best = 0.0
        for name in names:
            other = name.casefold()
            if self.is_han or not _HAN.search(other):
                best = max(best, _like(self.text, other))
            if (letters := _letters(other)) and not _HAN.search(other):
                best = max(best, *(0.97 * _like(mine, letters) for mine in self.letters)) if self.letters else best
        return best


def _like(asked: str, name: str) -> float:
    if asked == name:
        return 100.0
    whole = fuzz.ratio(asked, name)
    if len(asked) >= len(name):
        return min(whole, 99.0)
    # Part of a name fits less well the more of the name is left over, but it fits.
    return min(max(whole, 0.97 * fuzz.partial_ratio(asked, name) - min(8.0, 0.4 * (len(name) - len(asked)))), 99.0)


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _exact_words(text: str) -> dict[int, _Found]:
    """The words that mean one thing only: a number, a mailbox, an identifier, a domain."""
    found: dict[int, _Found] = {}

    def add(kind: str, word: str, score: float) -> None:
        why, attribute = _EXACT[kind]
        found[word_number(kind, word)] = _Found(why, score, attribute)

    digits = re.sub(r"\D", "", text)
    if len(digits) >= 7 and re.fullmatch(r"[\d\s()+/.-]+", text):
        add("n", digits[-8:], 98.0)
    if "@" in text:
        add("m", text.lower(), 99.0)
    plain = re.sub(r"[^0-9A-Z]", "", text.upper())
    if len(plain) >= 6 and any(c.isdigit() for c in plain):
        add("i", plain, 99.5)
    if 3 <= len(text) <= 16 and text.isascii() and text.isalpha():
        # The first letters of a name fit worse than a name that is spelled so.
        found[word_number("p", text.lower())] = _Found("initials", 90.0, "name")
    if "." in text and " " not in text and "@" not in text:
        add("d", re.sub(r"^(https?://)?(www\.)?", "", text.lower()).split("/")[0], 97.0)
    return found


def _by_word(connection: sa.Connection, words: dict[int, _Found]) -> dict[int, _Found]:
    found: dict[int, _Found] = {}
    w = search_word.c
    for number, why in words.items():
        for (record,) in connection.execute(sa.select(w.record_id).where(w.word == number).limit(_RARE)):
            found.setdefault(int(record), why)
    return found


def _by_vehicle(connection: sa.Connection, masking: Masking, who: Principal, text: str) -> dict[int, _Found]:
    """Records of the parties of a vehicle, by its VIN, the last eight characters of it, or its plate."""
    plain = re.sub(r"[^0-9A-Z\u4e00-\u9fff]", "", text.upper())
    if not 5 <= len(plain) <= 17 or not any(c.isdigit() for c in plain):
        return {}
    kinds = [kind for kind, name in (("v", "vin"), ("l", "plate")) if masking.sees(who, "vehicle", name)]
    w, r = search_word.c, t.source_record.c
    words = [word_number(kind, plain) for kind in kinds]
    query = sa.select(r.standard).join(search_word, w.record_id == r.record_id)
    rows = connection.scalars(query.where(w.word.in_(words), r.deleted.is_(False)).limit(_RARE)).all()
    parties = [int(party) for row in rows if row for party in orjson.loads(row).get("party_ids") or ()]
    return {party: _Found("vehicle", 97.5) for party in parties}


def _by_name(connection: sa.Connection, names: _Names) -> list[int]:
    """Records that share words with a name, those that share the most and rarest first."""
    w = search_word.c
    scores: dict[int, float] = {}
    common: list[int] = []
    for kind, text in names.words():
        number = word_number(kind, text)
        query = sa.select(w.record_id).where(w.word == number).limit(_RARE + 1)
        records = [int(r) for r in connection.scalars(query)]
        if len(records) > _RARE:
            common.append(number)
            continue
        for record in records:
            scores[record] = scores.get(record, 0.0) + _WEIGHTS[kind] / (1 + len(records)) ** 0.25
    if not common:
        return _best(scores)
    for number in common:
        # Who has rare words already gains by a common one; else two common ones together may be rare.
        asked = _best(scores)
        if asked:
            also = connection.scalars(sa.select(w.record_id).where(w.word == number, w.record_id.in_(asked)))
            for record in also:
                scores[int(record)] += 0.1
    if len(scores) < _RARE // 4:
        for record in _together(connection, common):
            scores.setdefault(record, 0.05)
    return _best(scores)


def _together(connection: sa.Connection, common: Sequence[int]) -> list[int]:
    """Records under the first two common words at once; under the only one, its first."""
    w = search_word.c
    first = sa.select(w.record_id).where(w.word == common[0])
    if len(common) == 1:
        return [int(r) for r in connection.scalars(first.limit(_RARE))]
    # Of words that a hundred thousand have, as many are looked at as can be while somebody waits.
    a = first.limit(_COMMON).subquery()
    query = sa.select(a.c.record_id).where(sa.exists().where(w.word == common[1], w.record_id == a.c.record_id))
    return [int(r) for r in connection.scalars(query.limit(_RARE))]


_WEIGHTS = {"a": 3.0, "h": 1.0, "1": 1.0, "w": 1.0, "b": 0.6, "e": 0.6}


def _best(scores: dict[int, float]) -> list[int]:
    return sorted(scores, key=lambda r: (-scores[r], r))[:_MOST]


def _by_id(store: Store, text: str) -> dict[str, _Found]:
    if not re.fullmatch(r"[0-9a-zA-Z-]{2,64}", text):
        return {}
    golden = store.resolve_id(text) or store.resolve_id(text.lower())
    return {golden: _Found("id" if golden == text.lower() else "alias", 100.0)} if golden else {}


def _by_source_key(store: Store, config: Config, connection: sa.Connection, text: str) -> dict[str, _Found]:
    """Golden records of the source records of this key, in any stream; of an order or a vehicle, whose it is."""
    place, _, rest = text.partition(":")
    source, _, stream = place.partition(".")
    numbers: list[int] = []
    for one, other in config.streams():
        keys = {text, text.upper()}
        if rest and source == one.name and stream in ("", other.name):
            keys |= {rest, rest.strip()}
        numbers += [record_id(one.name, other.name, key) for key in keys]
    link = record_link.c
    owners = connection.scalars(sa.select(link.target_id).where(link.record_id.in_(numbers), link.kind >= 10))
    homes = _homes(connection, [*numbers, *map(int, owners)])
    return {home: _Found("source key", 99.9) for home in homes.values()}


def _homes(connection: sa.Connection, records: Sequence[int]) -> dict[int, str]:
    m = t.membership.c
    found: dict[int, str] = {}
    for start in range(0, len(records), 900):
        query = sa.select(m.record_id, m.golden_id).where(m.record_id.in_(records[start : start + 900]))
        found |= {int(r): str(g) for r, g in connection.execute(query)}
    return found


def _golden(connection: sa.Connection, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    g = t.golden_record.c
    query = sa.select(g.golden_id, g.entity_type, g.status, g.records, g["values"]).where(g.golden_id.in_(ids))
    rows = {row["golden_id"]: dict(row) for row in connection.execute(query).mappings()}
    return {i: rows[i] for i in ids if i in rows and rows[i]["entity_type"] in PARTY_TYPES}


def _alternatives(
    connection: sa.Connection, records: Sequence[int], homes: dict[int, str], wanted: set[str]
) -> dict[str, set[str]]:
    """What the source records call the golden records, and these names in Latin letters."""
    r = t.source_record.c
    found: dict[str, set[str]] = {}
    for number, text in connection.execute(sa.select(r.record_id, r.standard).where(r.record_id.in_(list(records)))):
        home = homes.get(int(number))
        if home not in wanted or not text:
            continue
        standard = orjson.loads(text)
        names = [standard.get(c) for c in ("name_norm", "name_core", "name_ascii", "stem_ascii", "full_norm")]
        names.append(standard.get("surname_ascii", "") + standard.get("given_ascii", ""))
        names += [*standard.get("alt_cores", ()), *standard.get("alt_ascii", ())]
        found.setdefault(str(home), set()).update(n for n in names if n)
    return found
