"""How far the contracts are kept: of what a rule could find something in, how much it found nothing in, by stage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lifecycle.contracts import ASIDE, STAGES, Contracts, bound_rules
from lifecycle.contracts.bound import BoundRule

SORT = "a"
"""Measures of this sort are `a:RULE` with the parts `of` and `broken`, made anew from the other sums by every run."""


@dataclass(frozen=True)
class Kept:
    """A rule, how many customers or records it speaks of, and how many of them break it."""

    rule: str
    stage: str | None
    of: int
    broken: int

    @property
    def share(self) -> float:
        """The share that keeps it."""
        return max(0.0, 1 - self.broken / self.of)


@dataclass(frozen=True)
class StageAdherence:
    """A stage (None: no stage in particular), the mean of its rules, and the rules, the least kept first."""

    stage: str | None
    share: float
    rules: list[Kept]


def counted(rules: Sequence[BoundRule], sums: Mapping[tuple[str, str], Sequence[int]]) -> list[Kept]:
    """Every rule that speaks of somebody, from the sums over all customers: (sort, key) → numbers."""
    subjects: dict[str, int] = defaultdict(int)
    broken: dict[str, int] = defaultdict(int)
    stages: dict[str, int] = {}
    for (sort, key), numbers in sums.items():
        head, _, part = key.partition("/")
        if sort == "t":
            subjects[head] += numbers[0]
        elif sort == "r":
            broken[head] += numbers[0]
        elif sort == "s" and head == "stage":
            stages[part] = numbers[0]
    found = []
    for bound in rules:
        if bound.rule.about in ("customer", "contact"):
            of = sum(stages.get(stage, 0) for stage in bound.stages)
        else:
            of = subjects[bound.rule.about]
        if of:
            found.append(Kept(bound.id, bound.stage, of, broken[bound.id]))
    return found


def adherence(contracts: Contracts, measures: Mapping[str, Mapping[str, float]]) -> list[StageAdherence]:
    """How far each stage's rules are kept, by the measures of a run: measure → part → value; in their order."""
    by_stage: dict[str | None, list[Kept]] = defaultdict(list)
    for bound in bound_rules(contracts):
        if told := measures.get(f"{SORT}:{bound.id}"):
            kept = Kept(bound.id, bound.stage, int(told["of"]), int(told.get("broken", 0)))
            by_stage[bound.stage].append(kept)
    return [
        StageAdherence(stage, sum(k.share for k in some) / len(some), sorted(some, key=lambda k: (k.share, k.rule)))
        for stage in (*STAGES, *ASIDE, None)
        if (some := by_stage.get(stage))
    ]
