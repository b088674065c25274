"""From candidates to golden records: weights, the best member of each, what a run would do, and the reasons."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from matching.cluster import BETWEEN, CLIP, STEWARD, solve_component
from matching.model.compiled import DIGITS, probability
from matching.realtime.answer import GoldenMatch, MatchReason, Outcome, SourceRecord
from matching.realtime.candidates import Candidates, weights_of
from matching.realtime.contacts import ContactRoles
from matching.realtime.features import Features
from matching.realtime.rules import Rules
from matching.said import Verdicts
from models.store.lookup import Lookup, Member

DISAGREE = "the other records of the golden record disagree"
NEW = -1
"""Stands for the number of a record that the hub does not hold: those of records are never negative."""
TOGETHER = 40
"""Up to so many records are solved as a whole, every pair of them weighed, while somebody waits."""
Words = Callable[[Sequence[int]], Verdicts]
"""Record ids → what is said about any of them and others, the newest word on each pair."""


def ranked(
    lookup: Lookup,
    rules: Rules,
    asked: Features,
    roles: ContactRoles,
    found: Candidates,
    number: int | None,
    limit: int,
    floor: float,
    words: Words,
) -> list[GoldenMatch]:
    """The golden records of the candidates of at least `floor` bits, the best first, at most `limit`.

    `number` is that of `asked` where the hub holds it; `words` tells what stewards and tables say about records.
    """
    weights = weights_of(lookup, rules, asked, roles, found, floor)
    if not weights or limit < 1:
        return []
    groups: dict[str, list[Member]] = {}
    homes, values = lookup.homes(list(weights))
    for member in homes:
        groups.setdefault(member.golden_id, []).append(member)

    def fit(member: Member) -> tuple[float, int]:
        return weights.get(member.record_id, float("-inf")), -member.record_id

    best = {golden_id: max(members, key=fit) for golden_id, members in groups.items()}
    order = sorted(best, key=lambda g: (-weights[best[g].record_id], g))[:limit]
    members = {
        m.record_id: found.records.get(m.record_id) or rules.features(orjson.loads(m.standard), roles)
        for golden_id in order
        for m in groups[golden_id]
        if m.standard is not None and m.record_id != number
    }
    roles.learn(lookup, members.values())
    said = {} if number is None else _said(words([number]), number)
    inside = {g: {m.record_id: members[m.record_id] for m in groups[g] if m.record_id in members} for g in order}
    outcomes = {g: _outcome(rules, asked, inside[g], weights[best[g].record_id], said) for g in order}
    joined = [g for g in order if outcomes[g][0] == "match"]
    if len(joined) > 1:
        outcomes |= _together(rules, asked, number, {g: inside[g] for g in joined}, words)
    answer = []
    for golden_id in order:
        winner, weight = best[golden_id], weights[best[golden_id].record_id]
        held = members[winner.record_id]
        outcome, why = outcomes[golden_id]
        answer.append(
            GoldenMatch(
                golden_id=golden_id,
                weight=weight,
                probability=probability(weight),
                outcome=outcome,
                why=why,
                best=SourceRecord(winner.source, winner.stream, winner.source_key),
                members=len(groups[golden_id]),
                own=any(m.record_id == number for m in groups[golden_id]),
                values=values.get(golden_id, {}),
                reasons=_reasons(rules, asked, held),
            )
        )
    return answer


def _outcome(
    rules: Rules, asked: Features, members: Mapping[int, Features], weight: float, said: Mapping[int, str]
) -> tuple[Outcome, str | None]:
    """What a run would do about a record and a golden record with these members, and why it would not join them."""
    verdicts = {said[i] for i in members if i in said}
    if "no_match" in verdicts:
        return "refused", STEWARD
    if "match" in verdicts:
        return "match", None
    if weight < rules.declaration.auto:
        return ("review" if weight >= rules.declaration.review else "unlikely"), None
    for other in members.values():
        if why := rules.forbids(asked, other):
            return "refused", why
    prior, weigh = rules.compiled.prior_weight, rules.compiled.weight
    said_by_all = [min(max(weigh(asked, other) - prior, -CLIP), CLIP) for other in members.values()]
    if sum(said_by_all) / len(said_by_all) < rules.declaration.cohesion:
        return "refused", DISAGREE
    return "match", None


def _together(
    rules: Rules, asked: Features, number: int | None, golden: Mapping[str, Mapping[int, Features]], words: Words
) -> dict[str, tuple[Outcome, str | None]]:
    """What a run would do about a record that several golden records would take: it may unite them, or join one of
    them, or none, when it lies between two that a rule keeps apart.

    The component is solved as a run solves it. Where that would take long, each golden record stays judged by itself.
    """
    me = NEW if number is None else number
    records = {me: asked, **{i: features for members in golden.values() for i, features in members.items()}}
    if len(records) > TOGETHER:
        return {}
    said = words([i for i in records if i != NEW])
    pairs = list(itertools.combinations(sorted(records), 2))
    must = said.match.intersection(pairs)
    forbidden = {(a, b): why for a, b in pairs if (why := rules.forbids(records[a], records[b]))}
    forbidden |= dict.fromkeys(said.no_match.intersection(pairs), STEWARD)
    solution = solve_component(
        records,
        {(a, b): round(rules.compiled.weight(records[a], records[b]), DIGITS) for a, b in pairs},
        auto=rules.declaration.auto,
        cohesion=rules.declaration.cohesion,
        prior=rules.compiled.prior_weight,
        must=must,
        forbidden=forbidden,
    )
    mine = {i for i, cluster in solution.cluster.items() if cluster == solution.cluster[me]}
    found: dict[str, tuple[Outcome, str | None]] = {}
    for golden_id, members in golden.items():
        if mine & members.keys():
            found[golden_id] = "match", None
            continue
        # A steward's word makes no refusal that anybody would have to look at.
        refusals = [((one.left_id, one.right_id), one.reason) for one in solution.refused]
        between = {
            why
            for (left, right), why in (*refusals, *forbidden.items())
            if (left in mine and right in members) or (right in mine and left in members)
        }
        found[golden_id] = "refused", next((w for w in (STEWARD, BETWEEN, *sorted(between)) if w in between), DISAGREE)
    return found


def _said(words: Verdicts, number: int) -> dict[int, str]:
    """What is said about a record and others."""
    found: dict[int, str] = {}
    for verdict, pairs in (("match", words.match), ("no_match", words.no_match)):
        found |= {(right if left == number else left): verdict for left, right in pairs if number in (left, right)}
    return found


def _reasons(rules: Rules, asked: Features, held: Features) -> list[MatchReason]:
    _, reasons = rules.compiled.explain(asked, held)
    columns = {comparison.name: comparison.columns for comparison in rules.declaration.comparisons}
    found = [
        MatchReason(
            r.comparison,
            r.level,
            round(r.weight, DIGITS),
            round(r.rarity, DIGITS),
            _shown(asked, columns[r.comparison]),
            _shown(held, columns[r.comparison]),
        )
        for r in reasons
        if r.weight or _shown(asked, columns[r.comparison])
    ]
    return sorted(found, key=lambda r: -abs(r.weight))


def _shown(record: Features, columns: Sequence[str]) -> dict[str, Any]:
    return {column: record[column] for column in columns if record[column] is not None}
