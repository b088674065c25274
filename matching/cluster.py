"""Clusters of records that are one customer, judged as wholes and not on single pairs.

Components of merge-worthy pairs are solved one by one with every pair inside them scored: clusters merge from the
heaviest agreement down, when the best pair is certain and the average over all pairs between them does not speak
against it. A merge that would break a hard rule or a steward's "no match" is refused and becomes a task. The result
depends on weights and record ids alone, never on the order of arrival.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# A pair's say in the average is bounded, so that one missing telephone or one odd value cannot outweigh everything.
CLIP = 12.0
# How much better than `auto` the only certain pair between two groups must be to join them all the same.
BRIDGE = 6.0
STEWARD = "a steward said: no match"
# A record that fits two customers about equally well (in bits) belongs to neither where these two are not one.
UNDECIDED = 1.0
BETWEEN = "fits two customers that are kept apart"


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
    """A cluster that looks like two customers: the pair that speaks most against it, and why."""

    left_id: int
    right_id: int
    weight: float
    records: list[int]
    reason: str


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


def _rivals(
    pick: tuple[int, int], live: Ints, score: Floats, best: Floats, ban: dict[tuple[int, int], str]
) -> list[tuple[int, int]]:
    """The merges that exclude each other: `pick` and those that are about as good and lead to a cluster that one of
    the two may not share; none where `pick` has no such rival. `score` is by place in `live`, the rest by cluster.
    """
    place = {int(cluster): i for i, cluster in enumerate(live)}
    found = []
    for here, there in (pick, pick[::-1]):
        scores, least = score[place[here]], best[pick] - UNDECIDED
        for i in np.flatnonzero(scores > score[place[here], place[there]] - UNDECIDED):
            other = int(live[i])
            apart = ban.get((min(there, other), max(there, other)), BETWEEN)
            if other != there and best[here, other] > least and apart not in (BETWEEN, STEWARD):
                found.append((here, other))
    return [pick, *found] if found else []


def solve_component(
    members: Iterable[int],
    weights: dict[tuple[int, int], float],
    *,
    auto: float,
    cohesion: float,
    prior: float = 0.0,
    must: Iterable[tuple[int, int]] = (),
    forbidden: dict[tuple[int, int], str] | None = None,
) -> Solution:
    """Solves one component. `weights` (bits) holds every pair, smaller id first; pairs not in it count as `-CLIP`.

    Clusters merge when their best pair weighs at least `auto` and what all pairs between them say is on average at
    least `cohesion`; `prior` is the model's prior in bits, which is part of every weight.

    `must` pairs are joined first, also against the model; `forbidden` maps pairs to the reason why they stay apart, and
    of these only a steward's word (`STEWARD`) holds against `must`.
    """
    ids = sorted(members)
    n = len(ids)
    place = {record: i for i, record in enumerate(ids)}
    forbidden = forbidden or {}
    # Per pair of live clusters: sum of clipped weights, best raw weight, its pair, and the reason that forbids it.
    total = np.zeros((n, n))
    best = np.full((n, n), -np.inf)
    arg: dict[tuple[int, int], tuple[int, int]] = {}
    ban: dict[tuple[int, int], str] = {}
    size = np.ones(n)
    certain = np.zeros((n, n))  # pairs at or above `auto` between two clusters
    for i in range(n):
        for j in range(i + 1, n):
            pair = (ids[i], ids[j])
            w = weights.get(pair, -CLIP)
            # What the two records say, without how rare matches are: records with nothing to compare say nothing.
            total[i, j] = total[j, i] = min(max(w - prior, -CLIP), CLIP)
            best[i, j] = best[j, i] = w
            arg[i, j] = pair
            certain[i, j] = certain[j, i] = float(w >= auto)
            if pair in forbidden:
                ban[i, j] = forbidden[pair]
    alive = np.ones(n, dtype=bool)
    group = list(range(n))
    refused: dict[tuple[int, int], Refusal] = {}

    def root(i: int) -> int:
        while group[i] != i:
            i = group[i]
        return i

    def merge(a: int, b: int) -> None:
        a, b = min(a, b), max(a, b)
        group[b] = a
        alive[b] = False
        for c in range(n):
            if not alive[c] or c == a:
                continue
            ac, bc = (min(a, c), max(a, c)), (min(b, c), max(b, c))
            total[a, c] = total[c, a] = total[a, c] + total[b, c]
            certain[a, c] = certain[c, a] = certain[a, c] + certain[b, c]
            if (best[b, c], tuple(-i for i in arg[bc])) > (best[a, c], tuple(-i for i in arg[ac])):
                best[a, c] = best[c, a] = best[b, c]
                arg[ac] = arg[bc]
            # A steward's word outlives a rule's: it alone holds against `must`.
            if bc in ban and (ac not in ban or ban[bc] == STEWARD):
                ban[ac] = ban[bc]
        size[a] += size[b]

    for left, right in sorted(must):
        a, b = root(place[left]), root(place[right])
        if a == b:
            continue
        if ban.get((min(a, b), max(a, b))) == STEWARD:
            words = "one steward said match, another no match, about records that hang together"
            refused[a, b] = Refusal(left, right, weights.get((left, right), -CLIP), words, "conflict")
            continue
        merge(a, b)
    conflicts = list(refused.values())
    refused.clear()
    while True:
        live = np.flatnonzero(alive)
        if len(live) < 2:
            break
        sub_best = best[np.ix_(live, live)]
        mean = total[np.ix_(live, live)] / np.outer(size[live], size[live])
        pairs = np.minimum.outer(size[live], size[live])
        bridge = (pairs >= 2) & (certain[np.ix_(live, live)] < 2) & (sub_best < auto + BRIDGE)
        score = np.where((sub_best >= auto) & (mean >= cohesion) & ~bridge, mean, -np.inf)
        for i in range(len(live)):
            for j in range(i + 1, len(live)):
                if (int(live[i]), int(live[j])) in ban:
                    score[i, j] = score[j, i] = -np.inf
        np.fill_diagonal(score, -np.inf)
        top = score.max()
        if top == -np.inf:
            break
        ties = np.argwhere(score >= top - 1e-9)
        pick = min(((int(live[i]), int(live[j])) for i, j in ties if i < j), key=lambda p: (-best[p], p))
        rivals = _rivals(pick, live, score, best, ban)
        for a, b in rivals:
            ban[min(a, b), max(a, b)] = BETWEEN
        if not rivals:
            merge(*pick)
    live_now = [int(i) for i in np.flatnonzero(alive)]
    for x, a in enumerate(live_now):
        for b in live_now[x + 1 :]:
            if best[a, b] >= auto:
                kind, reason = "refused_merge", ban.get((a, b))
                if reason == STEWARD:
                    continue
                if reason is None and total[a, b] / (size[a] * size[b]) >= cohesion:
                    kind, reason = "weak_bridge", "only one pair of records joins two groups"
                reason = reason or "the other records of the two clusters disagree"
                left, right = arg[a, b]
                refused[a, b] = Refusal(left, right, float(best[a, b]), reason, kind)
    roots = [root(i) for i in range(n)]
    name = {r: min(ids[i] for i in range(n) if roots[i] == r) for r in set(roots)}
    cluster = {ids[i]: name[roots[i]] for i in range(n)}
    joined = {(min(pair), max(pair)) for pair in must}
    doubtful = _doubts(cluster, weights, prior, forbidden, joined)
    return Solution(cluster, [*conflicts, *refused.values()], doubtful)


def _doubts(
    cluster: dict[int, int],
    weights: dict[tuple[int, int], float],
    prior: float,
    forbidden: dict[tuple[int, int], str],
    joined: set[tuple[int, int]],
) -> list[Doubt]:
    """The clusters with a pair that a hard rule keeps apart, or about which everything speaks for two customers."""
    groups: dict[int, list[int]] = {}
    for record, name in cluster.items():
        groups.setdefault(name, []).append(record)
    found = []
    for group in groups.values():
        group.sort()
        worst: tuple[int, float, tuple[int, int], str] | None = None
        for i, left in enumerate(group):
            for right in group[i + 1 :]:
                pair, weight = (left, right), weights.get((left, right), -CLIP)
                if pair in joined:
                    continue
                if pair in forbidden:
                    one = (0, weight, pair, forbidden[pair])
                elif weight - prior <= -CLIP and pair in weights:
                    one = (1, weight, pair, "two of its records have next to nothing in common")
                else:
                    continue
                worst = one if worst is None else min(worst, one)
        if worst is not None:
            found.append(Doubt(*worst[2], worst[1], group, worst[3]))
    return found
