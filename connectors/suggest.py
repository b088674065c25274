"""Suggests how a stream's columns become canonical attributes, by their names and by what stands in them.

A suggestion is a start for a person who reads it (`kehu discover`, `kehu check`); nothing is mapped by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any

import pyarrow as pa
from anyascii import anyascii
from rapidfuzz import fuzz
from stdnum.cn import ric, uscc

from connectors.arrow import whole
from connectors.protocol import Discovered
from connectors.synonyms import CURSOR_NAMES, DELETED_NAMES, ENTITY_NAMES, KEY_NAMES, SYNONYMS
from connectors.text import TRUE_WORDS, clean, text_form
from models.vocabulary import ENTITY_TYPES, attributes

SIMILAR_ENOUGH = 88
"""Of 100, by rapidfuzz's ratio on names without case and separators; below it, suggestions were mostly noise."""
SAMPLE = 200
"""Values of a column that are looked at."""
_MOST = 0.9
_MANY = 0.6


def _matches(pattern: str) -> Callable[[str], bool]:
    search = re.compile(pattern, re.IGNORECASE).search
    return lambda text: search(text) is not None


CONTENT: dict[str, tuple[Callable[[str], bool], float]] = {
    "email": (_matches(r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$"), _MOST),
    "tax_id": (lambda value: bool(uscc.is_valid(value)), _MOST),
    "national_id": (lambda value: bool(ric.is_valid(value)), _MOST),
    "vin": (_matches(r"^(?=.*[A-Z])(?=.*\d)[A-HJ-NPR-Z0-9]{17}$"), _MOST),
    "website": (_matches(r"^(https?://|www\.)\S+\.\w{2,}"), _MOST),
    "phone": (_matches(r"^(\+\d[\d\s().-]{6,18}|(\+?86[- ]?)?1[3-9]\d{9}|\(?0\d{2,3}\)?[- ]\d{7,8}(-\d+)?)$"), _MOST),
    "gender": (_matches(r"^(m|f|male|female|男|女|男性|女性)$"), _MOST),
    "name": (_matches(r"(公司|集团|大学|医院|\b(ltd|limited|inc|gmbh|llc|corp|co|ag|sa|bv|plc)\b\.?$)"), _MANY),
    "address_line": (_matches(r"([路街道巷弄].*号|\d+.*\b(street|st|road|rd|avenue|ave|drive|lane|str)\b)"), _MANY),
    "province": (_matches(r"^.{2,6}(省|自治区)$|^(北京|上海|天津|重庆)市?$"), _MANY),
    "city": (_matches(r"^.{2,8}(市|自治州|地区)$"), _MANY),
}
"""Attribute → what a value of it looks like, and the share of a column's values that must."""


def by_name(columns: Iterable[str], names: Iterable[str], mapped: Iterable[str] = ()) -> dict[str, str]:
    """Delivered column → canonical attribute that its name suggests, for attributes that are not mapped yet."""
    free = [name for name in names if name not in set(mapped)]
    found: dict[str, str] = {}
    for column in columns:
        best, score = None, float(SIMILAR_ENOUGH)
        for attribute in free:
            for name in (attribute, *SYNONYMS.get(attribute, ())):
                ratio = fuzz.ratio(_plain(column), _plain(name))
                if ratio > score or (ratio == score and best is None):
                    best, score = attribute, ratio
        if best:
            found[column] = best
    return found


def by_content(rows: pa.Table, names: Iterable[str]) -> dict[str, str]:
    """Delivered column → canonical attribute that its values look like; the most particular look goes first."""
    wanted, found = set(names), {}
    for column in dict.fromkeys(rows.column_names):
        values = _values(rows, column)
        for attribute, (looks, share) in CONTENT.items():
            if attribute in wanted and values and sum(bool(looks(v)) for v in values) >= share * len(values):
                found[column] = attribute
                break
    return found


def propose(found: Discovered) -> dict[str, Any]:
    """A stream as `kehu.yaml` declares it: what the connector knows, and for the rest what names and values suggest.

    `key` and `fields` may be empty where nothing fits, and are for a person to fill in.
    """
    columns = list(found.columns)
    entity = found.entity or entity_of(found.name, columns)
    key = list(found.key) or key_of(found, columns)
    cursor = found.cursor or _named(columns, CURSOR_NAMES)
    deleted = found.deleted or _flag(found, columns)
    stream: dict[str, Any] = {"name": found.name, "entity": entity, "key": key[0] if len(key) == 1 else key}
    if cursor:
        stream["updated_at"] = cursor
    if deleted:
        stream["deleted"] = deleted
    if found.mode:
        stream["mode"] = found.mode
    taken = {*key, cursor, deleted} if len(key) == 1 else {cursor, deleted}
    stream["fields"] = found.fields or fields_of(found, entity, [c for c in columns if c not in taken])
    for name in ("constants", "codes", "refers", "options"):
        if given := getattr(found, name):
            stream[name] = given
    return stream


def fields_of(found: Discovered, entity: str, columns: Sequence[str]) -> dict[str, str | list[str]]:
    """Attribute → column, or columns where the attribute is a list, in the vocabulary's order."""
    canonical = attributes(entity)
    seen = (
        by_content(found.rows.select([c for c in columns if c in found.rows.column_names]), canonical)
        if (found.rows is not None)
        else {}
    )
    named = by_name(columns, canonical)
    # What stands in a column says more than its name where the two disagree about something with a form of its own.
    shaped = {"email", "tax_id", "national_id", "vin"}
    meant = {c: seen[c] if seen.get(c) in shaped else named.get(c) or seen.get(c) for c in columns}
    given: dict[str, list[str]] = {}
    for column, attribute in meant.items():
        if attribute is not None:
            given.setdefault(attribute, []).append(column)
    chosen: dict[str, str | list[str]] = {}
    for name in canonical:
        if fitting := given.get(name):
            best = max(fitting, key=lambda column: (column in named, -fitting.index(column)))
            chosen[name] = fitting if canonical[name].multi and len(fitting) > 1 else best
    return chosen


def first_rows(items: Iterable[object], most: int) -> pa.Table:
    """The first rows among what a reading yields, no more of it than they take."""
    parts: list[pa.RecordBatch] = []
    for item in items:
        if isinstance(item, pa.RecordBatch):
            parts.append(item)
            if sum(part.num_rows for part in parts) >= most:
                break
    tables = [pa.Table.from_batches([part]) for part in parts]
    return pa.concat_tables(tables, promote_options="permissive").slice(0, most) if tables else pa.table({})


def stream_name(text: str, *, taken: Sequence[str] = ()) -> str:
    """A name for a stream that is called so in its source: letters of a to z, digits, `_` and `-`, and not taken."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", anyascii(text)).strip("_-") or "stream"
    used = {name.casefold().replace("-", "_") for name in taken}
    names = (plain if number == 1 else f"{plain}_{number}" for number in count(1))
    return next(name for name in names if name.casefold().replace("-", "_") not in used)


def entity_of(name: str, columns: Sequence[str]) -> str:
    """The entity type that a stream of this name, with these columns, most likely holds."""
    words = _plain(name)
    for entity in ("relation", "touchpoint", "vehicle", "person", "organization"):
        for known in ENTITY_NAMES[entity]:
            if words in (_plain(known), _plain(known) + "s", re.sub("y$", "ies", _plain(known))):
                return entity
    scores = {entity: len(set(by_name(columns, attributes(entity)).values())) for entity in ENTITY_TYPES}
    for entity, known_names in ENTITY_NAMES.items():
        scores[entity] += 2 * any(_plain(known) in words for known in known_names)
    return max(scores, key=lambda entity: (scores[entity], -ENTITY_TYPES.index(entity)))


def key_of(found: Discovered, columns: Sequence[str]) -> list[str]:
    """The column that looks like the key: by its name, and filled and different in every row that was seen."""
    single = re.sub("(ies|s)$", "", found.name.lower())
    named = [c for c in columns if any(_plain(c) in (_plain(k), _plain(single + k)) for k in KEY_NAMES)]
    named += [c for c in columns if c not in named and re.search(r"(_|[a-z])(id|ID|Id|no|key|code)$|编号$", c)]
    return next(([column] for column in named if _unique(found.rows, column)), [])


def _flag(found: Discovered, columns: Sequence[str]) -> str | None:
    name = _named(columns, DELETED_NAMES)
    if name is None or found.rows is None or name not in found.rows.column_names:
        return name
    words = {*TRUE_WORDS, "0", "false", "f", "no", "n", "off", "否", "假"}
    return name if {v.lower() for v in _values(found.rows, name)} <= words else None


def _named(columns: Sequence[str], names: Sequence[str]) -> str | None:
    plain = {_plain(column): column for column in reversed(columns)}
    return next((plain[_plain(name)] for name in names if _plain(name) in plain), None)


def _unique(rows: pa.Table | None, column: str) -> bool:
    if rows is None or not rows.num_rows or column not in rows.column_names:
        return True
    values = clean(text_form(whole(rows.column(column)))).to_pylist()
    return None not in values and len(set(values)) == len(values)


def _values(rows: pa.Table, column: str) -> list[str]:
    part = whole(rows.column(column).slice(0, SAMPLE))
    return [str(value) for value in clean(text_form(part)).drop_null().to_pylist()]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()
