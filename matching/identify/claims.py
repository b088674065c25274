"""Which parts take an old id back: the undoing of merges and the return of deleted records.

Only claims; what becomes of a part that claims nothing, and which of several ids survives, is decided in `rules`.
"""

from __future__ import annotations

import numpy as np

from matching.identify.scope import NONE, Bools, Ints, Overlap, Scope


def is_split(scope: Scope) -> Bools:
    """By id: are its living records spread over several parts?"""
    split: Bools = np.bincount(scope.current.golden, minlength=len(scope.ids)) > 1
    return split


def claims(scope: Scope) -> Ints:
    """The dead id that each part may take back (NONE: none).

    A part qualifies for an alias's id when it has at least half of the alias's former members and they are at least
    half of the part; for a retired id, which nobody else can claim, the second half is enough. Only parts which split
    off a living id, or have none at all, take an id back: a merge that stays whole must not rename itself.

    A living id that is split competes with what it was before each of its merges, so that its own part does not take
    the id of one that it had absorbed earlier. Members that went back to an id of their own no longer count for the id
    that had absorbed them, so that a tree of merges can be undone at once: each round settles the ids whose absorbed
    ids are settled.
    """
    claim = np.full(len(scope.part_size), NONE, dtype=np.int64)
    rivals, size_then, owner, exact = _rivals(scope)
    eligible = np.ones(len(claim), np.bool_)
    eligible[scope.current.part] = False
    eligible[scope.current.part[is_split(scope)[scope.current.golden]]] = True
    mainly = eligible[rivals.part] & (2 * rivals.weight >= scope.part_size[rivals.part])

    taken: set[int] = set()
    while True:
        claimed = claim[rivals.part]
        elsewhere = (claimed != NONE) & (claimed != owner[rivals.golden])
        gone = np.bincount(rivals.golden[elsewhere], weights=rivals.weight[elsewhere], minlength=len(owner))
        size = (size_then - gone.astype(np.int64))[rivals.golden]
        fits = mainly & (claimed == NONE) & ((2 * rivals.weight >= size) | ~exact[rivals.golden])
        rows = np.flatnonzero(fits)
        # Largest overlap first; of equal ones the closest fit, then the id created first, then the part with the
        # smallest record: greedy, and independent of the order of the input.
        misfit = scope.part_size[rivals.part] + size
        golden = owner[rivals.golden]
        rows = rows[np.lexsort((rivals.part[rows], golden[rows], misfit[rows], -rivals.weight[rows]))]
        before = len(taken)
        for part, one in zip(rivals.part[rows].tolist(), golden[rows].tolist(), strict=True):
            if claim[part] == NONE and one not in taken:
                claim[part] = one
                taken.add(one)
        if len(taken) == before:
            break
    alive = np.zeros(len(scope.ids) + 1, np.bool_)
    alive[scope.living] = True
    return np.where(alive[claim], NONE, claim)


def _rivals(scope: Scope) -> tuple[Overlap, Ints, Ints, Bools]:
    """The overlaps that compete: with dead ids, and with earlier states of split ids.

    Returns them with, by number: the size, the id that it stands for, and whether half of the size must be there.
    """
    ids, former = len(scope.ids), scope.former
    exact = np.zeros(ids, np.bool_)
    exact[scope.alias] = True
    owner = np.arange(ids, dtype=np.int64)
    died = scope.died[scope.alias]
    known = (died != NONE) & is_split(scope)[scope.target]
    states = np.unique(np.stack([scope.target[known], died[known]]), axis=1)
    if not states.shape[1]:
        return former, scope.former_size, owner, exact

    golden, moment = states
    rows = np.flatnonzero(scope.before != NONE)
    rows = rows[np.argsort(scope.before[rows], kind="stable")]
    start = np.searchsorted(scope.before[rows], golden)
    count = np.searchsorted(scope.before[rows], golden, side="right") - start
    state = np.repeat(np.arange(len(golden)), count)
    member = rows[np.arange(count.sum()) + np.repeat(start - np.r_[0, np.cumsum(count)[:-1]], count)]
    there = scope.since[member] < moment[state]
    state, part = state[there], scope.part[member[there]]
    key, weight = np.unique(part * len(golden) + state, return_counts=True)
    rivals = Overlap(
        np.r_[former.part, key // len(golden)],
        np.r_[former.golden, ids + key % len(golden)],
        np.r_[former.weight, weight],
        np.r_[former.age, np.zeros(len(key), np.int64)],
    )
    size = np.r_[scope.former_size, np.bincount(state, minlength=len(golden))]
    return rivals, size, np.r_[owner, golden], np.r_[exact, np.ones(len(golden), np.bool_)]
