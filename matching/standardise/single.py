"""`standardise_one()`: the standard columns of one record, in plain Python.

Gives what `table.standardise` gives for the same values, without tables or processes: for questions that wait for
their answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from matching.standardise.abroad import city_abroad, city_country
from matching.standardise.subjects import (
    ADDRESS,
    BIRTH,
    LIST_SEPARATOR,
    NAME_SUBJECTS,
    PHONE,
    SINGLE_SUBJECTS,
    Subject,
)
from matching.standardise.table import COUNTRY_DOMAIN

_COUNTRY_DOMAIN = re.compile(COUNTRY_DOMAIN.removesuffix("$") + r"\Z")


def standardise_one(entity_type: str, raw: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The standard columns that have a value, and attribute → why it has no usable value.

    `raw` holds canonical raw attributes: text, or a list of text; others are ignored. Raises ValueError for an entity
    type without standard columns.
    """
    if entity_type not in NAME_SUBJECTS:
        raise ValueError(f"no standard columns for entity type {entity_type!r}; known: {', '.join(NAME_SUBJECTS)}")
    texts = {name: _text(value) for name, value in raw.items()}
    out: dict[str, Any] = {}
    reasons: list[str] = []

    def add(subject: Subject, inputs: Mapping[str, str | None]) -> None:
        key = tuple(inputs.get(name) for name in subject.inputs)
        if not any(key):
            return
        row = subject.parse(key)
        columns = (*subject.outputs, *subject.extra)
        out.update((name, value) for name, value in zip(columns, row, strict=False) if value is not None)
        if row[-1] is not None:
            reasons.append(row[-1])

    for subject in (NAME_SUBJECTS[entity_type], ADDRESS, *SINGLE_SUBJECTS[entity_type]):
        add(subject, texts)
    hint, city = out.pop("_hint", None), out.get("city_norm")
    region = (
        out.get("country") or city_country(city) or hint or next(_country_hints(texts, out), None) or city_abroad(city)
    )
    if texts.get("phone"):
        add(PHONE, {"phone": texts["phone"], "_region": region})
    if entity_type == "person" and texts.get("birth_date"):
        add(BIRTH, {"birth_date": texts["birth_date"], "country": out.get("country")})
    return out, json.loads("{" + ",".join(reasons) + "}")


def _country_hints(texts: Mapping[str, str | None], out: Mapping[str, Any]) -> Iterator[str]:
    """Countries that a tax number, web domain or mailbox speaks of, the first one counts."""
    if out.get("tax_id_kind") == "vat":
        yield _country(out["tax_id"][:2])
    for text in (out.get("web_domain"), texts.get("email")):
        # The dotted capital I is one letter in Arrow's lower case, two in Python's.
        found = _COUNTRY_DOMAIN.search(text.replace("\u0130", "i").lower()) if text else None
        if found:
            yield _country(found["country"].upper())


def _country(code: str) -> str:
    return code.replace("UK", "GB").replace("EL", "GR")


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        value = LIST_SEPARATOR.join(str(one) for one in value if one is not None)
    return value.strip() or None
