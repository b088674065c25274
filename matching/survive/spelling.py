"""Whether two delivered values are one value in two spellings: 广州 and 广州市, +86 138-0013-8000 and 13800138000.

Every value is standardised by itself here. The standard columns of a record cannot tell: an address line completes the
city beside it and several numbers make one list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matching.standardise.added import standardise_added_one
from matching.standardise.single import standardise_one
from matching.standardise.subjects import ADDRESS, BIRTH, NAME_SUBJECTS, PHONE, SINGLE_SUBJECTS, Subject
from models.config import Config


def subjects_of(entity: str) -> tuple[Subject, ...]:
    """What makes the standard columns of an entity type, and of which attributes."""
    return (NAME_SUBJECTS[entity], ADDRESS, PHONE, BIRTH, *SINGLE_SUBJECTS[entity])


def met(
    config: Config,
    entity: str,
    attribute: str,
    values: tuple[Sequence[str], Sequence[str]],
    raw: tuple[Mapping[str, Any], Mapping[str, Any]],
) -> tuple[list[bool], list[bool]]:
    """Of the values of two records, which of them the other record has too, however it is written.

    `raw` holds all raw values of both records: a telephone number is read by the country of its record.
    """
    one, other = values
    if set(one) == set(other):
        return [True] * len(one), [True] * len(other)
    left = [_form(config, entity, attribute, value, raw[0]) for value in one]
    right = [_form(config, entity, attribute, value, raw[1]) for value in other]
    return [_among(v, f, other, right) for v, f in zip(one, left, strict=True)], [
        _among(v, f, one, left) for v, f in zip(other, right, strict=True)
    ]


def _among(value: str, form: Any, others: Sequence[str], forms: Sequence[Any]) -> bool:
    return value in others or (form is not None and form in forms)


def _form(config: Config, entity: str, attribute: str, value: str, raw: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The standard columns of one value; None where it has no standard form."""
    if attribute in config.added(entity):
        return _read(*standardise_added_one(config, entity, {attribute: [value]}), attribute)
    subject = next((s for s in subjects_of(entity) if attribute in s.inputs), None)
    if subject is None:
        return None
    # Of what is read of several attributes together, this one says nothing about the others.
    alone = subject in (NAME_SUBJECTS[entity], ADDRESS)
    found = _read(*standardise_one(entity, {**({} if alone else raw), attribute: value}), attribute)
    if found is not None and attribute == "district":
        # Several cities have a 朝阳区: which one is meant, the city beside it says.
        beside = {name: raw.get(name) for name in ("province", "city")}
        placed, _ = standardise_one(entity, {**beside, attribute: value})
        if placed.get("district_code"):
            return {"district_code": placed["district_code"]}
    return None if found is None else {name: found[name] for name in subject.outputs if name in found} or None


def _read(columns: Mapping[str, Any], reasons: Mapping[str, str], attribute: str) -> Mapping[str, Any] | None:
    found = {name: value for name, value in columns.items() if value not in (None, [])}
    return found if found and attribute not in reasons else None
