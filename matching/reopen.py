"""Decisions that somebody must look at again: what they rested on has changed, or the machine has come to think
otherwise. The decision holds all the same: a machine never overrules a person.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from matching.realtime.features import OWN
from matching.realtime.rules import Rules
from matching.said import NOWHERE, Moved, Pair, pairs_of
from models.stewardship import PAIR, SPLIT

MOST_RECORDS = 200
"""Of a split with more records, changed ones are compared with so many others."""
Standards = Callable[[Sequence[int]], Mapping[int, Mapping[str, Any]]]
"""Living records → their standard values; deleted ones are left out."""


@dataclass(frozen=True)
class Reopening:
    """A task about a decision. `kind`: `reopened` or `conflict`."""

    kind: str
    decision_id: int
    pair: Pair | None
    records: list[int]
    weight: float | None
    reason: str


class _Own(dict[str, dict[str, str]]):
    """Contact roles under which every value is its holder's own, so that only the records' own values count."""

    def __missing__(self, column: str) -> dict[str, str]:
        return _Values()


class _Values(dict[str, str]):
    def __missing__(self, value: str) -> str:
        return OWN


def reopenings(
    rows: Iterable[Mapping[str, Any]],
    rules: Rules,
    standards: Standards,
    weights: Mapping[Pair, float],
    moved: Moved = NOWHERE,
) -> list[Reopening]:
    """What is to be looked at again of the decisions in `rows`: entries of the log that hold, oldest first, with
    evidence. `weights`: the match weights of pairs that have an edge.

    Only the newest word on a pair counts; decisions without evidence, or about deleted records, are left alone.
    """
    newest: dict[Pair, int] = {}
    chosen: list[Mapping[str, Any]] = []
    for row in rows:
        if row["kind"] not in (PAIR, SPLIT) or not row["evidence"] or row["verdict"] == "unsure":
            if row["kind"] == PAIR:
                newest |= {pair: row["id"] for pair, _ in pairs_of(row, moved)}
            continue
        newest |= {pair: row["id"] for pair, _ in pairs_of(row, moved)}
        chosen.append(row)
    told = [(row, _then(row, moved)) for row in chosen]
    now = standards(sorted({record for _, then in told for record in then}))
    found = []
    for row, kept in told:
        then = {record: values for record, values in kept.items() if record in now}
        pairs = [(p, v) for p, v in pairs_of(row, moved) if newest[p] == row["id"] and p[0] in then and p[1] in then]
        if not pairs:
            continue
        records = sorted(then)
        single = pairs[0][0] if row["kind"] == PAIR else None
        if changed := _changed(rules, then, now):
            words = f"{row['by']} said {_word(row)}; since then {', '.join(changed)} changed"
            found.append(Reopening("reopened", row["id"], single, records, _weight(weights, single), words))
        if contradicted := _contradicted(row, rules, then, pairs, weights):
            words = f"{row['by']} said {_word(row)}; by now the records agree so well that they would be merged"
            weight = weights[contradicted]
            found.append(Reopening("conflict", row["id"], contradicted, records, weight, words))
    return found


def value_reopenings(
    rows: Iterable[Mapping[str, Any]], raw: Mapping[int, Mapping[str, Any]], moved: Moved = NOWHERE
) -> list[Reopening]:
    """`reopenings` of decisions about values: those whose records deliver another value of the attribute by now.

    `raw`: living record → attribute → text, or list of text.
    """
    found = []
    for row in rows:
        name = _read(row["detail"])["attribute"]
        then = value_evidence(row, moved)
        if any(record in raw and _listed(raw[record].get(name)) != values for record, values in then.items()):
            words = f"{row['by']} decided about {name}; since then a source delivers another value"
            found.append(Reopening("reopened", row["id"], None, sorted(then.keys() & raw.keys()), None, words))
    return found


def value_evidence(row: Mapping[str, Any], moved: Moved = NOWHERE) -> dict[int, list[Any]]:
    """What each record delivered of the attribute when somebody decided about its value."""
    evidence = _read(row["evidence"])
    return {moved.get(int(r), int(r)): values for r, values in (evidence or {}).get("values", {}).items()}


def _listed(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list) else [value]


def _read(text: Any) -> Any:
    return orjson.loads(text) if isinstance(text, str) else text


def _then(row: Mapping[str, Any], moved: Moved) -> dict[int, Mapping[str, Any]]:
    kept = {moved.get(int(r), int(r)): values for r, values in _read(row["evidence"]).get("records", {}).items()}
    about = {record for pair, _ in pairs_of(row, moved) for record in pair}
    return {record: values for record, values in kept.items() if record in about}


def _changed(rules: Rules, then: Mapping[int, Mapping[str, Any]], now: Mapping[int, Mapping[str, Any]]) -> list[str]:
    """The comparisons that fall out otherwise than they did, because a value that they read has changed."""
    other_now = {record for record, values in then.items() if _values(values) != _values(now[record])}
    if not other_now:
        return []
    before = {record: rules.features(values, _Own()) for record, values in then.items()}
    after = {record: rules.features(now[record], _Own()) for record in then}
    found: dict[str, None] = {}
    for left, right in itertools.combinations(sorted(then)[:MOST_RECORDS], 2):
        if left in other_now or right in other_now:
            old = rules.compiled.explain(before[left], before[right])[1]
            new = rules.compiled.explain(after[left], after[right])[1]
            found |= {one.comparison: None for one, other in zip(old, new, strict=True) if one.level != other.level}
    return list(found)


def _values(standard: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: frozenset(value) if isinstance(value, list) else value
        for name, value in standard.items()
        if value is not None and name not in ("reasons", "record_id")
    }


def _contradicted(
    row: Mapping[str, Any],
    rules: Rules,
    then: Mapping[int, Mapping[str, Any]],
    pairs: Sequence[tuple[Pair, str]],
    weights: Mapping[Pair, float],
) -> Pair | None:
    """The first pair that a person told apart and the machine would merge by now, but would not have merged then."""
    auto = rules.declaration.auto
    for pair, verdict in pairs:
        if verdict == "no_match" and weights.get(pair, auto - 1) >= auto:
            before = _read(row["evidence"]).get("weight") if row["kind"] == PAIR else None
            if before is None:
                before = rules.compiled.weight(*(rules.features(then[record], _Own()) for record in pair))
            if before < auto:
                return pair
    return None


def _weight(weights: Mapping[Pair, float], pair: Pair | None) -> float | None:
    return None if pair is None else weights.get(pair)


def _word(row: Mapping[str, Any]) -> str:
    return "these are several customers" if row["kind"] == SPLIT else str(row["verdict"]).replace("_", " ")
