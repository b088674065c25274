"""Clusters of records that are one customer, judged as wholes and not on single pairs.

Components of merge-worthy pairs are solved one by one with every pair inside them scored: clusters merge from the
heaviest agreement down, when the best pair is certain and the average over all pairs between them does not speak
against it. A merge that would break a hard rule or a steward's "no match" is refused and becomes a task. Then a
steward's "match" joins the whole clusters of its two records, also against a hard rule: what contradicts it becomes a
task, never a silent split. The result depends on weights, words and record ids alone, never on the order of arrival.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Pair = tuple[int, int]

# A pair's say in the average is bounded, so that one missing telephone or one odd value cannot outweigh everything.
CLIP = 12.0
# How much better than `auto` the only certain pair between two groups must be to join them all the same.
BRIDGE = 6.0
STEWARD = "a steward said: no match"
# A record that fits two customers about equally well (in bits) belongs to neither where these two are not one.
UNDECIDED = 1.0
BETWEEN = "fits two customers that are kept apart"
DESPITE = "a steward's match joins what a rule keeps apart: "
"""What the reason of a conflict begins with; the rule follows."""


@dataclass
class Refusal:
    """A merge that looked right and was not made: the pair that spoke most for it, and why it was refused.

    `kind` is that of the task: refused_merge, weak_bridge, or conflict (stewards contradict each other).
    """

    left_id: int
    right_id: int
    weight: float
    reason: str
    kind: str = "refused_merge"


@dataclass
class Doubt:
    """A cluster that looks like two customers: the pair that speaks most against it, and why.

    `kind` is that of the task: two_customers, or conflict where a steward's "match" holds the cluster together against
    a hard rule that nobody said should yield.
    """

    left_id: int
    right_id: int
    weight: float
    records: list[int]
    reason: str
    kind: str = "two_customers"


@dataclass
class Solution:
    """Cluster of each record (named by its smallest record id), refused merges, what looks like two customers."""

    cluster: dict[int, int] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    doubtful: list[Doubt] = field(default_factory=list)


def components(left: Ints, right: Ints) -> tuple[Ints, npt.NDArray[np.int32]]:
    """Connected components of an edge list: the distinct record ids (sorted) and the component number of each."""
    # Slow to import, and one record is judged without it.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    nodes = np.unique(np.concatenate([left, right]))
    if not len(nodes):
        return nodes, np.zeros(0, dtype=np.int32)
    a, b = np.searchsorted(nodes, left), np.searchsorted(nodes, right)
    graph = coo_array((np.ones(len(a), dtype=np.int8), (a, b)), shape=(len(nodes), len(nodes)))
    _, labels = connected_components(graph, directed=False)
    return nodes, labels.astype(np.int32)


class _Clusters:
    """The clusters of a component on their way from single records. Records and clusters go by their place in `ids`; a
    cluster is named by its smallest.

    Per pair of living clusters: `total` of the clipped weights, `best` raw weight and its pair, how many pairs are
    `certain`, and the rule that is a `ban` on joining them. `whole` says which clusters a steward's "match" holds
    together, whether or not they are one yet; `told` which wholes a steward told apart, whatever becomes of them.
    """

    def __init__(self, ids: list[int], weights: Mapping[Pair, float], auto: float, cohesion: float, prior: float):
        self.ids, self.weights, self.auto, self.cohesion = ids, weights, auto, cohesion
        n = len(ids)
        self.total, self.certain = np.zeros((n, n)), np.zeros((n, n))
        self.best = np.full((n, n), -np.inf)
        self.arg: dict[Pair, Pair] = {}
        self.ban: dict[Pair, str] = {}
        self.told = np.zeros((n, n), dtype=bool)
        self.size = np.ones(n)
        self.alive = np.ones(n, dtype=bool)
        self._group, self._whole = list(range(n)), list(range(n))
        for i in range(n):
            for j in range(i + 1, n):
                w = weights.get((ids[i], ids[j]), -CLIP)
                # What the two records say, without how rare matches are: records with nothing to compare say nothing.
                self.total[i, j] = self.total[j, i] = min(max(w - prior, -CLIP), CLIP)
                self.best[i, j] = self.best[j, i] = w
                self.arg[i, j] = ids[i], ids[j]
                self.certain[i, j] = self.certain[j, i] = float(w >= auto)

    def root(self, i: int) -> int:
        """The cluster of a record."""
        while self._group[i] != i:
            i = self._group[i]
        return i

    def whole(self, i: int) -> int:
        """What a steward's words hold together with a record."""
        while self._whole[i] != i:
            i = self._whole[i]
        return i

    def hold(self, i: int, j: int) -> bool:
        """Let two records' wholes be one; False where a steward told them apart."""
        a, b = sorted((self.whole(i), self.whole(j)))
        if self.told[a, b]:
            return False
        if a != b:
            self._whole[b] = a
            self.told[a] |= self.told[b]
            self.told[:, a] |= self.told[:, b]
        return True

    def merge(self, a: int, b: int) -> None:
        """Make one of two living clusters that nobody told apart."""
        a, b = min(a, b), max(a, b)
        self.hold(a, b)
        self._group[b] = a
        self.alive[b] = False
        total, best, certain, arg = self.total, self.best, self.certain, self.arg
        for c in np.flatnonzero(self.alive).tolist():
            if c == a:
                continue
            ac, bc = (min(a, c), max(a, c)), (min(b, c), max(b, c))
            total[a, c] = total[c, a] = total[a, c] + total[b, c]
            certain[a, c] = certain[c, a] = certain[a, c] + certain[b, c]
            if (best[b, c], tuple(-i for i in arg[bc])) > (best[a, c], tuple(-i for i in arg[ac])):
                best[a, c] = best[c, a] = best[b, c]
                arg[ac] = arg[bc]
            if bc in self.ban and ac not in self.ban:
                self.ban[ac] = self.ban[bc]
        self.size[a] += self.size[b]

    def agree(self) -> None:
        """Merge from the heaviest agreement down, as long as something agrees that nothing keeps apart."""
        while True:
            live = np.flatnonzero(self.alive)
            if len(live) < 2:
                return
            here = np.ix_(live, live)
            best = self.best[here]
            mean = self.total[here] / np.outer(self.size[live], self.size[live])
            pairs = np.minimum.outer(self.size[live], self.size[live])
            bridge = (pairs >= 2) & (self.certain[here] < 2) & (best < self.auto + BRIDGE)
            score = np.where((best >= self.auto) & (mean >= self.cohesion) & ~bridge, mean, -np.inf)
            wholes = [self.whole(i) for i in live.tolist()]
            score[self.told[np.ix_(wholes, wholes)]] = -np.inf
            for i in range(len(live)):
                for j in range(i + 1, len(live)):
                    if (int(live[i]), int(live[j])) in self.ban:
                        score[i, j] = score[j, i] = -np.inf
            np.fill_diagonal(score, -np.inf)
            top = score.max()
            if top == -np.inf:
                return
            ties = np.argwhere(score >= top - 1e-9)
            found = ((int(live[i]), int(live[j])) for i, j in ties if i < j)
            pick = min(found, key=lambda p: (-self.best[p], p))
            rivals = self._rivals(pick, live, score)
            for a, b in rivals:
                self.ban[min(a, b), max(a, b)] = BETWEEN
            if not rivals:
                self.merge(*pick)

    def _rivals(self, pick: Pair, live: Ints, score: Floats) -> list[Pair]:
        """The merges that exclude each other: `pick` and those that are about as good and lead to a cluster that one of
        the two may not share; none where `pick` has no such rival. `score` is by place in `live`, the rest by cluster.
        """
        place = {int(cluster): i for i, cluster in enumerate(live)}
        found = []
        for here, there in (pick, pick[::-1]):
            scores, least = score[place[here]], self.best[pick] - UNDECIDED
            for i in np.flatnonzero(scores > score[place[here], place[there]] - UNDECIDED):
                other = int(live[i])
                if other == there or self.best[here, other] <= least:
                    continue
                rule = self.ban.get((min(there, other), max(there, other)), BETWEEN)
                if rule != BETWEEN and not self.told[self.whole(there), self.whole(other)]:
                    found.append((here, other))
        return [pick, *found] if found else []

    def refusals(self) -> list[Refusal]:
        """The merges that looked right and were not made; what a steward told apart is none."""
        found = []
        live = np.flatnonzero(self.alive).tolist()
        for x, a in enumerate(live):
            for b in live[x + 1 :]:
                if self.best[a, b] < self.auto or self.told[self.whole(a), self.whole(b)]:
                    continue
                kind, reason = "refused_merge", self.ban.get((a, b))
                if reason is None and self.total[a, b] / (self.size[a] * self.size[b]) >= self.cohesion:
                    kind, reason = "weak_bridge", "only one pair of records joins two groups"
                reason = reason or "the other records of the two clusters disagree"
                left, right = self.arg[a, b]
                found.append(Refusal(left, right, float(self.best[a, b]), reason, kind))
        return found

    def named(self) -> dict[int, int]:
        """Record → its cluster, named by the smallest record."""
        return {record: self.ids[self.root(i)] for i, record in enumerate(self.ids)}


def solve_component(
    members: Iterable[int],
    weights: Mapping[Pair, float],
    *,
    auto: float,
    cohesion: float,
    prior: float = 0.0,
    must: Iterable[Pair] = (),
    forbidden: Mapping[Pair, str] | None = None,
    despite: Mapping[Pair, Collection[str]] | None = None,
) -> Solution:
    """Solves one component. `weights` (bits) holds every pair, smaller id first; pairs not in it count as `-CLIP`.

    Clusters merge when their best pair weighs at least `auto` and what all pairs between them say is on average at
    least `cohesion`; `prior` is the model's prior in bits, which is part of every weight.

    `must` pairs join the clusters that their records are in, against the model and against rules. `forbidden` maps
    pairs to the reason why they stay apart; of these only a steward's word (`STEWARD`) holds against `must`. `despite`
    names the rules that whoever said `must` of a pair knew to speak against it; what other rules say is a conflict.
    """
    ids = sorted(members)
    place = {record: i for i, record in enumerate(ids)}
    found = _Clusters(ids, weights, auto, cohesion, prior)
    rules: dict[Pair, str] = {}
    for (left, right), reason in (forbidden or {}).items():
        i, j = place[left], place[right]
        if reason == STEWARD:
            found.told[i, j] = found.told[j, i] = True
        else:
            found.ban[i, j] = rules[left, right] = reason
    joined, conflicts = [], dict[Pair, Refusal]()
    for left, right in sorted(must):
        if found.hold(place[left], place[right]):
            joined.append((left, right))
        else:
            wholes = found.whole(place[left]), found.whole(place[right])
            words = "one steward said match, another no match, about records that hang together"
            weight = weights.get((left, right), -CLIP)
            conflicts[min(wholes), max(wholes)] = Refusal(left, right, weight, words, "conflict")
    found.agree()
    alone = found.named()
    if joined:
        for left, right in joined:
            a, b = found.root(place[left]), found.root(place[right])
            if a != b:
                found.merge(a, b)
        # Who fitted two customers that are one now lies between them no longer.
        found.ban = {pair: reason for pair, reason in found.ban.items() if reason != BETWEEN}
        found.agree()
    cluster = found.named()
    held = _Words(joined, alone, rules, despite or {})
    doubtful = _doubts(cluster, weights, prior, rules, held)
    return Solution(cluster, [*conflicts.values(), *found.refusals()], doubtful)


class _Words:
    """What stewards' matches (`joined`) hold together of the clusters that there would be without them (`alone`)."""

    def __init__(
        self,
        joined: Collection[Pair],
        alone: Mapping[int, int],
        rules: Mapping[Pair, str],
        despite: Mapping[Pair, Collection[str]],
    ):
        self.joined, self._alone = frozenset(joined), alone
        self._lines: dict[Pair, set[str]] = {}  # two clusters → the rules that are to yield between them
        for pair in joined:
            a, b = sorted(alone[record] for record in pair)
            yielding = self._lines.setdefault((a, b), set())
            yielding |= {*despite.get(pair, ()), *([rules[pair]] if pair in rules else [])}

    def hold(self, left: int, right: int, *, without: str | None = None) -> bool:
        """Whether two records are together by stewards' words; `without` those that overrule this rule."""
        a, b = self._alone[left], self._alone[right]
        lines = [pair for pair, yielding in self._lines.items() if without not in yielding]
        seen, todo = {a}, [a]
        while todo:
            at = todo.pop()
            near = {y if x == at else x for x, y in lines if at in (x, y)} - seen
            seen |= near
            todo += near
        return a != b and b in seen

    def overrule(self, left: int, right: int, rule: str) -> bool:
        """Whether somebody who joined the clusters of two records knew that this rule keeps them apart."""
        a, b = sorted((self._alone[left], self._alone[right]))
        return rule in self._lines.get((a, b), ()) or not self.hold(left, right, without=rule)


def _doubts(
    cluster: Mapping[int, int], weights: Mapping[Pair, float], prior: float, rules: Mapping[Pair, str], words: _Words
) -> list[Doubt]:
    """The clusters with a pair that a hard rule keeps apart, or about which everything speaks for two customers."""
    groups: dict[int, list[int]] = {}
    for record, name in cluster.items():
        groups.setdefault(name, []).append(record)
    found = []
    for group in groups.values():
        group.sort()
        worst: tuple[int, float, Pair, str, str] | None = None
        for i, left in enumerate(group):
            for right in group[i + 1 :]:
                pair, weight = (left, right), weights.get((left, right), -CLIP)
                if pair in words.joined:
                    continue
                if pair in rules:
                    if words.overrule(left, right, rules[pair]):
                        continue
                    one = (0, weight, pair, DESPITE + rules[pair], "conflict")
                elif weight - prior <= -CLIP and pair in weights and not words.hold(left, right):
                    one = (1, weight, pair, "two of its records have next to nothing in common", "two_customers")
                else:
                    continue
                worst = one if worst is None else min(worst, one)
        if worst is not None:
            found.append(Doubt(*worst[2], worst[1], group, worst[3], worst[4]))
    return found
