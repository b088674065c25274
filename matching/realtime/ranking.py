"""From candidates to golden records: weights, the best member of each, what a run would do, and the reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from matching.cluster import CLIP, STEWARD
from matching.model.compiled import DIGITS, probability
from matching.realtime.answer import GoldenMatch, MatchReason, Outcome, SourceRecord
from matching.realtime.candidates import Candidates, weights_of
from matching.realtime.contacts import ContactRoles
from matching.realtime.features import Features
from matching.realtime.rules import Rules
from models.store.lookup import Lookup, Member

DISAGREE = "the other records of the golden record disagree"


def ranked(
    lookup: Lookup,
    rules: Rules,
    asked: Features,
    roles: ContactRoles,
    found: Candidates,
    number: int | None,
    limit: int,
    floor: float,
) -> list[GoldenMatch]:
    """The golden records of the candidates of at least `floor` bits, the best first, at most `limit`.

    `number` is that of `asked` where the hub holds it.
    """
    weights = weights_of(lookup, rules, asked, roles, found, floor)
    if not weights or limit < 1:
        return []
    groups: dict[str, list[Member]] = {}
    for member in lookup.homes(list(weights)):
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
    said = {} if number is None else _said(lookup, number)
    values = lookup.golden_values(order)
    answer = []
    for golden_id in order:
        winner, weight = best[golden_id], weights[best[golden_id].record_id]
        held = members[winner.record_id]
        others = {m.record_id: members[m.record_id] for m in groups[golden_id] if m.record_id in members}
        outcome, why = _outcome(rules, asked, others, weight, said)
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


def _said(lookup: Lookup, number: int) -> dict[int, str]:
    """What stewards said about a record and others: the newest word on each."""
    return {(right if left == number else left): verdict for left, right, verdict in lookup.verdicts([number])}


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
