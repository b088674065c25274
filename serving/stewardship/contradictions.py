"""What keeps two golden records apart by a hard rule: told to whoever is about to say that they are one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matching.realtime.features import Features
from matching.realtime.rules import Rules
from matching.survive.spelling import subjects_of
from models.match_model import condition_columns
from models.vocabulary import Sensitivity
from serving.stewardship.bench import Bench
from serving.stewardship.compare import columns_of_added
from serving.stewardship.errors import StewardError
from serving.stewardship.raw import raw_values

MOST_RECORDS = 200
"""Of a golden record with more records, so many are looked at."""


@dataclass(frozen=True)
class Contradiction:
    """Two records, one of each golden record, that a hard rule keeps apart.

    `attributes` are those that the rule reads and in which the two differ: name, sensitivity, and the values of each.
    """

    rule: str
    left: str
    right: str
    left_id: int
    right_id: int
    attributes: list[tuple[str, Sensitivity, list[str], list[str]]]


class Contradicts(StewardError):
    """Two golden records that a `match` would join contradict each other, and it was not said that this is known.

    `detail` has `rules`, `attributes` and `golden_ids`.
    """

    status = 409
    code = "contradiction"


def contradictions(bench: Bench, entity: str, left: int, right: int, *, alone: bool = False) -> list[Contradiction]:
    """What speaks against joining the golden records of two records (`alone`: against the left record alone joining
    the right one's): of each hard rule one pair, that of the two records themselves where it is one.

    None where they share a golden record, or before the first run.
    """
    rules, store = bench.rules(entity), bench.store
    with store.snapshot():
        rows = store.memberships([left, right]).to_pylist()
        home = {row["record_id"]: row["golden_id"] for row in rows}
        if rules is None or not rules.hard or len(set(home.values())) < 2 or len(home) < 2:
            return []
        members = store.members_of(sorted(set(home.values()))).to_pylist()
        sides = [[left], [right]]
        for row in sorted(members, key=lambda row: row["record_id"]):
            number, side = row["record_id"], sides[row["golden_id"] == home[right]]
            if number not in (left, right) and len(side) < MOST_RECORDS and not (alone and side is sides[0]):
                side.append(number)
        features = bench.features(entity, [number for side in sides for number in side])
        found = _found(rules, sides, features)
        numbers = sorted({number for _, pair in found for number in pair})
        held, raw = bench.records(numbers), raw_values(bench, numbers)
    known = bench.config.attributes_of(entity)
    attributes: dict[str, tuple[str, ...]] = {
        column: (name,) for name in bench.config.added(entity) for column in columns_of_added(name)
    }
    for subject in subjects_of(entity):
        attributes |= {column: tuple(name for name in subject.inputs if name in known) for column in subject.outputs}
    reads = {rule.name: condition_columns(rule.when) for rule in rules.declaration.cannot_link}
    told = []
    for rule, (one, other) in found:
        columns = [read for column in reads[rule] for read in _read(column, features[one], features[other])]
        names = dict.fromkeys(name for column in columns for name in attributes.get(column, ()))
        values = [(name, known[name].sensitivity, _texts(raw, one, name), _texts(raw, other, name)) for name in names]
        differ = [row for row in values if row[2] and row[3] and row[2] != row[3]]
        told.append(Contradiction(rule, held[one]["name"], held[other]["name"], one, other, differ))
    return told


def refuse(found: Sequence[Contradiction], golden_ids: Sequence[str]) -> None:
    """Raises Contradicts where something speaks against it."""
    if found:
        names = list(dict.fromkeys(row[0] for one in found for row in one.attributes))
        where = ", ".join(names) or found[0].rule
        words = f"the golden records contradict each other: {where}"
        raise Contradicts(
            words, rules=[one.rule for one in found], attributes=names, golden_ids=sorted(set(golden_ids))
        )


def _found(
    rules: Rules, sides: Sequence[Sequence[int]], features: dict[int, Features]
) -> list[tuple[str, tuple[int, int]]]:
    """Each hard rule that two records of different sides break, with the first such pair."""
    pairs = [p for p in itertools.product(*sides) if p[0] in features and p[1] in features]
    found = []
    for name, test in rules.hard:
        broken = next(((a, b) for a, b in pairs if test(features[a], features[b])), None)
        if broken is not None:
            found.append((name, broken))
    return found


class _Traced(Features):
    """Features that remember which of a record's own columns were read."""

    __slots__ = ("asked",)

    def __init__(self, features: Features):
        super().__init__(features, features.makers, features.roles)
        self.asked: list[str] = []

    def __getitem__(self, name: str) -> Any:
        self.asked.append(name)
        maker = self.makers.get(name)
        return super().__getitem__(name) if maker is None else maker(self)


def _read(column: str, *records: Features) -> list[str]:
    """The columns that a column is made of, itself included."""
    asked = [column]
    for features in records:
        traced = _Traced(features)
        _ = traced[column]
        asked += traced.asked
    return list(dict.fromkeys(asked))


def _texts(raw: dict[int, dict[str, object]], number: int, name: str) -> list[str]:
    value = raw.get(number, {}).get(name)
    return [] if value is None else [str(v) for v in value] if isinstance(value, list) else [str(value)]
