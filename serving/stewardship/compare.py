"""Records side by side: raw and standard values per attribute, and how the match weight of two of them comes about."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

import orjson

from matching.model.compiled import DIGITS, probability
from matching.realtime.rules import Rules
from matching.standardise.added import likeness_of
from matching.survive.spelling import met, subjects_of
from models.config import Config
from models.vocabulary import Sensitivity, added_column
from serving.stewardship.bench import Bench
from serving.stewardship.raw import raw_values

Agreement = Literal["same", "alike", "different", "missing"]


# Columns that records have in common without being alike: the kind of an id, the form of a company, a place.
_COMMON = re.compile(
    r"_(kind|ok|script|code|region|industry|year|digits)$|^(org_form|country|gender)$|^(province|city|district)_"
)


@dataclass(frozen=True)
class RecordView:
    """A source record as a column of the comparison. `name` is SOURCE.STREAM:KEY."""

    record_id: int
    entity_type: str
    name: str
    source: str
    stream: str
    source_key: str
    source_time: dt.datetime | None
    deleted: bool
    golden_id: str | None


@dataclass(frozen=True)
class Cell:
    """One record's values of an attribute: as delivered, in standard form (column → value), and why they do not count.

    `shared` names the contact values that several customers use: they say less, or nothing. `met` says of each value
    whether the other of the first two records has it too, however it is written.
    """

    raw: list[str] = field(default_factory=list)
    standard: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None
    shared: dict[str, str] = field(default_factory=dict)
    met: list[bool] = field(default_factory=list)


@dataclass(frozen=True)
class AttributeRow:
    """An attribute across the records, in their order. `agreement` is between the first two.

    `respelt`: they are the same only once they are standardised.
    """

    attribute: str
    sensitivity: Sensitivity
    cells: list[Cell]
    agreement: Agreement
    respelt: bool = False


@dataclass(frozen=True)
class Bar:
    """What one comparison adds to the match weight of two records, in bits; `after` is the sum up to here.

    `level` says how they agree, `rarity` how much of the weight a rare value gave, `columns` what was compared:
    column → the two values.
    """

    comparison: str
    level: str
    weight: float
    rarity: float
    after: float
    columns: dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Waterfall:
    """From the prior to the match weight of two records. `review` and `auto` are the thresholds, all in bits.

    `forbidden` names the rule that keeps the two apart whatever the weight.
    """

    prior: float
    bars: list[Bar]
    weight: float
    probability: float
    review: float
    auto: float
    forbidden: str | None
    model_id: str


def record_views(bench: Bench, records: Sequence[int]) -> list[RecordView]:
    """Records as columns, in the order given; unknown ones are left out."""
    held = bench.records(records)
    names = [one.name for one in fields(RecordView)]
    return [RecordView(**{name: held[number][name] for name in names}) for number in records if number in held]


def attribute_rows(bench: Bench, entity: str, records: Sequence[int]) -> list[AttributeRow]:
    """One row per attribute that one of the records has, in the vocabulary's order."""
    held, raw = bench.records(records), raw_values(bench, records)
    features = bench.features(entity, records)
    rules = bench.rules(entity)
    kinds = {kind.column for kind, _ in rules.contacts} if rules is not None else set()
    columns = columns_of(bench.config, entity)
    rows = []
    for name, attribute in bench.config.attributes_of(entity).items():
        cells = []
        for number in records:
            values = raw.get(number, {}).get(name)
            standard = held[number]["standard"] if number in held else {}
            reasons = _reasons(standard)
            mine = {c: v for c in columns.get(name, ()) if (v := standard.get(c)) not in (None, [])}
            roles = features[number].roles if number in features else {}
            shared = {v: role for c in mine if c in kinds for v in mine[c] if (role := roles[c][v]) != "own"}
            texts = [] if values is None else [str(v) for v in values] if isinstance(values, list) else [str(values)]
            cells.append(Cell(texts, mine, reasons.get(name), shared))
        if not any(cell.raw for cell in cells):
            continue
        if len(cells) > 1 and cells[0].raw and cells[1].raw:
            values, others = (cells[0].raw, cells[1].raw), (raw[records[0]], raw[records[1]])
            mets = met(bench.config, entity, name, values, others)
            cells[:2] = (replace(cell, met=found) for cell, found in zip(cells[:2], mets, strict=True))
        agreement = _agreement(cells)
        respelt = agreement == "same" and set(cells[0].raw) != set(cells[1].raw)
        rows.append(AttributeRow(name, attribute.sensitivity, cells, agreement, respelt))
    return rows


def waterfall(bench: Bench, entity: str, left: int, right: int) -> Waterfall | None:
    """How the match weight of two records comes about; None without a model, or where one is deleted."""
    rules = bench.rules(entity)
    features = bench.features(entity, [left, right])
    if rules is None or len(features) < 2:
        return None
    return explained(rules, features[left], features[right])


def explained(rules: Rules, a: Any, b: Any) -> Waterfall:
    """The waterfall of two records given by their features."""
    weight, reasons = rules.compiled.explain(a, b)
    bars, after = [], rules.compiled.prior_weight
    for comparison, reason in zip(rules.declaration.comparisons, reasons, strict=True):
        after += reason.weight
        columns = {c: (a[c], b[c]) for c in comparison.columns if a[c] is not None or b[c] is not None}
        bars.append(
            Bar(
                reason.comparison,
                reason.level,
                round(reason.weight, DIGITS),
                round(reason.rarity, DIGITS),
                round(after, DIGITS),
                columns,
            )
        )
    return Waterfall(
        round(rules.compiled.prior_weight, DIGITS),
        bars,
        round(weight, DIGITS),
        probability(weight),
        rules.declaration.review,
        rules.declaration.auto,
        rules.forbids(a, b),
        rules.model.model_id,
    )


def columns_of(config: Config, entity: str) -> dict[str, list[str]]:
    """Attribute → the standard columns that are made of it."""
    found: dict[str, list[str]] = {}
    for subject in subjects_of(entity):
        # What a subject makes of several attributes stands beside the first of them.
        found.setdefault(subject.inputs[0], []).extend(subject.outputs)
    for name in config.added(entity):
        found[name] = columns_of_added(name)
    return found


def columns_of_added(name: str) -> list[str]:
    """The standard columns of an attribute that the configuration adds."""
    return [added_column(name), likeness_of(name)]


def _reasons(standard: Mapping[str, Any]) -> dict[str, str]:
    reasons = standard.get("reasons")
    found: dict[str, str] = orjson.loads(reasons) if isinstance(reasons, str) else reasons or {}
    return found


def _agreement(cells: Sequence[Cell]) -> Agreement:
    if len(cells) < 2 or not cells[0].raw or not cells[1].raw:
        return "missing"
    one, other = cells[0], cells[1]
    if all(one.met + other.met) or (one.standard and one.standard == other.standard):
        return "same"
    if any(one.met):
        return "alike"
    both = {column for column in one.standard.keys() & other.standard.keys() if not _COMMON.search(column)}
    return "alike" if any(_share(one.standard[c], other.standard[c]) for c in both) else "different"


def _share(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return not set(one).isdisjoint(other)
    return not isinstance(one, bool) and bool(one == other)
