"""Attributes that a configuration adds: their standard values, a column `x_<attribute>` each.

An attribute has one where it is compared or names a standardiser; compared for likeness, it has `xs_<attribute>` too:
its letters and digits alone, Chinese by sound. What the values are used for is declared elsewhere (`matching.added`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from matching.standardise.contacts import parse_email, parse_web_domain, split_emails
from matching.standardise.dates import parse_date
from matching.standardise.ids import compact
from matching.standardise.junk import junk_reason
from matching.standardise.phones import parse_phone, split_phones
from matching.standardise.schema import standard_schema
from matching.standardise.text import ascii_key, fold
from models.config import AttributeSpec, Config
from models.vocabulary import added_column

_Parsed = tuple[list[str], list[str]]

_THOUSANDS_RE = re.compile(r"[+-]?\d{1,3}(?:[,' _]\d{3})+(?:\.\d+)?")
_NUMBER_RE = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)")
NOT_A_NUMBER = "not a number"


def likeness_of(name: str) -> str:
    """The column in which its values are compared for likeness."""
    return f"xs_{name}"


def standardised(config: Config, entity: str) -> dict[str, AttributeSpec]:
    """The added attributes of an entity type that have standard values, by name."""
    return {name: spec for name, spec in config.added(entity).items() if spec.read_by}


def schema_of(config: Config, entity: str) -> pa.Schema:
    """`standard_schema`, and behind it the columns of the added attributes."""
    fields = list(standard_schema(entity))
    for name, spec in standardised(config, entity).items():
        fields.append(pa.field(added_column(name), pa.list_(pa.string()) if spec.multi else pa.string()))
        if spec.comparison == "similar":
            fields.append(pa.field(likeness_of(name), pa.string()))
    return pa.schema(fields)


def standardise_added(config: Config, entity: str, raw: pa.Table, standard: pa.Table) -> pa.Table:
    """`standard` with the columns of the added attributes, of the records of `raw` in the same order.

    Why a value cannot be used is added to `reasons` under the attribute's name.
    """
    schema = schema_of(config, entity)
    columns = {name: standard[name] for name in standard.column_names}
    told: dict[str, list[str | None]] = {}
    for name, spec in standardised(config, entity).items():
        column = raw[name] if name in raw.column_names else pa.chunked_array([pa.nulls(len(raw), pa.string())])
        distinct, at = _coded(column)
        parsed = [_parsed(spec, value) for value in distinct]
        kind = schema.field(added_column(name)).type
        values: list[Any] = [(found or None) if spec.multi else next(iter(found), None) for found, _ in parsed]
        columns[added_column(name)] = pa.array(values, kind).take(at)
        if spec.comparison == "similar":
            alike = [None if value is None else ascii_key(value) for value in values]
            columns[likeness_of(name)] = pa.array(alike, pa.string()).take(at)
        reasons = pa.array([_joined(why) or None for _, why in parsed], pa.string()).take(at)
        if reasons.null_count < len(reasons):
            told[name] = reasons.to_pylist()
    if told:
        columns["reasons"] = _with_reasons(standard["reasons"].to_pylist(), told)
    return pa.table({name: columns[name] for name in schema.names}, schema=schema)


def standardise_added_one(
    config: Config, entity: str, raw: Mapping[str, list[str]]
) -> tuple[dict[str, Any], dict[str, str]]:
    """What `standardise_added` gives for one record: the columns that have a value, and attribute → why it has none.

    `raw` holds the texts of each attribute.
    """
    out: dict[str, Any] = {}
    told: dict[str, str] = {}
    for name, spec in standardised(config, entity).items():
        found, why = _parsed(spec, raw.get(name, []))
        if found:
            out[added_column(name)] = found if spec.multi else found[0]
            if spec.comparison == "similar":
                out[likeness_of(name)] = ascii_key(found[0])
        if why:
            told[name] = _joined(why)
    return out, told


def _joined(reasons: list[str]) -> str:
    return "; ".join(dict.fromkeys(reasons))


def _alone(text: str) -> list[str]:
    return [text]


def _coded(column: pa.ChunkedArray[Any]) -> tuple[list[list[str]], pa.Array[Any]]:
    """Distinct values, each as a list of texts, and for every record which of them it has (null: none)."""
    flat: Any = column.combine_chunks()
    if pa.types.is_list(flat.type) or pa.types.is_large_list(flat.type):
        # Arrow does not number lists.
        flat = pa.array([orjson.dumps(v).decode() if v else None for v in flat.to_pylist()], pa.string())
        read: Callable[[str], list[str]] = orjson.loads
    else:
        flat = flat.cast(pa.string())
        read = _alone
    encoded = flat if pa.types.is_dictionary(flat.type) else pc.dictionary_encode(flat)
    return [[str(x) for x in read(text) if x is not None] for text in encoded.dictionary.to_pylist()], encoded.indices


def _parsed(spec: AttributeSpec, values: list[str]) -> _Parsed:
    parse = _PARSERS[str(spec.read_by)]
    found: dict[str, None] = {}
    reasons: list[str] = []
    for value in values:
        if value.strip():
            good, why = parse(value.strip())
            found.update(dict.fromkeys(good))
            reasons += why
    # A value that can be used needs no excuse for its neighbour.
    return list(found), [] if found else reasons


def _one(value: str | None, reason: str | None) -> _Parsed:
    return ([value], []) if value else ([], [reason or "not recognised"])


def _text(raw: str) -> _Parsed:
    reason = junk_reason(raw)
    return _one(None if reason else fold(raw).casefold(), reason)


def _identifier(raw: str) -> _Parsed:
    reason = junk_reason(raw)
    return _one(None if reason else compact(raw), reason)


def _number(raw: str) -> _Parsed:
    text = fold(raw)
    if _THOUSANDS_RE.fullmatch(text):
        text = re.sub("[,' _]", "", text)
    elif text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    if not _NUMBER_RE.fullmatch(text):
        return _one(None, NOT_A_NUMBER)
    try:
        number = Decimal(text)
    except InvalidOperation:
        return _one(None, NOT_A_NUMBER)
    return _one("0" if not number else format(number.normalize(), "f"), None)


def _date(raw: str) -> _Parsed:
    date = parse_date(raw)
    return _one(date.iso, date.reason)


def _phone(raw: str) -> _Parsed:
    phones = [parse_phone(part) for part in split_phones(raw)]
    return [p.value for p in phones if p.value], [p.reason for p in phones if p.reason]


def _email(raw: str) -> _Parsed:
    emails = [parse_email(part) for part in split_emails(raw)]
    return [e.value for e in emails if e.value], [e.reason for e in emails if e.reason]


def _domain(raw: str) -> _Parsed:
    domain = parse_web_domain(raw)
    return _one(domain.value, domain.reason)


_PARSERS: dict[str, Callable[[str], _Parsed]] = {
    "text": _text,
    "identifier": _identifier,
    "number": _number,
    "date": _date,
    "phone": _phone,
    "email": _email,
    "domain": _domain,
}


def _with_reasons(held: list[str | None], told: Mapping[str, list[str | None]]) -> pa.Array[Any]:
    out = []
    for i, text in enumerate(held):
        more = {name: reason for name, reasons in told.items() if (reason := reasons[i])}
        if more:
            text = orjson.dumps({**(orjson.loads(text) if text else {}), **more}).decode()
        out.append(text)
    return pa.array(out, pa.string())
