"""The rules by which parts get their golden ids, on numbers alone.

Pure: the same scope gives the same assignment. What it means in words is put together in `report`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matching.identify.scope import NONE, Bools, Ints, Scope


@dataclass(frozen=True)
class Assignment:
    """`golden` is the id number of each part, numbers from `len(scope.ids)` on are new ids in that order.

    `successor` is, for each id number, the id where its records' main part went (NONE: unknown or retired).
    `home` is the main part of each living id; `revived` the dead ids that live again; `joined` the retired ids whose
    records came back into another living record.
    """

    golden: Ints
    home: Ints
    successor: Ints
    revived: Ints
    joined: Ints
    created: int


def assign(scope: Scope) -> Assignment:
    """Apply the rules: old ids come back first, then every id follows its largest part, then the oldest survives."""
    ids, parts = len(scope.ids), len(scope.part_size)
    claim = _claims(scope)
    home, claim = _homes(scope, claim)

    golden = np.full(parts, ids, dtype=np.int64)
    settled = scope.living[home[scope.living] != NONE]
    np.minimum.at(golden, home[settled], settled)
    occupied = golden < ids

    is_alias = np.zeros(ids, np.bool_)
    is_alias[scope.alias] = True
    claimed = np.flatnonzero(claim != NONE)
    wins = (is_alias[claim[claimed]] & (claim[claimed] < golden[claimed])) | ~occupied[claimed]
    golden[claimed[wins]] = claim[claimed[wins]]
    revived = np.sort(claim[claimed[wins]])

    fresh = np.flatnonzero(golden == ids)
    golden[fresh] = ids + np.arange(len(fresh))

    successor = np.full(ids, NONE, dtype=np.int64)
    successor[settled] = golden[home[settled]]
    joined = _joined(scope, occupied, is_alias, revived)
    successor[joined[0]] = golden[joined[1]]
    return Assignment(golden, home, successor, revived, joined[0], len(fresh))


def _claims(scope: Scope) -> Ints:
    """The dead id that each part may take back (NONE: none).

    A part qualifies for an alias's id when it has at least half of the alias's former members and they are at least
    half of the part; for a retired id, which nobody else can claim, the second half is enough. Only parts which split
    off a living id, or have none at all, take an id back: a merge that stays whole must not rename itself.

    Members that went back to an id of their own no longer count for the id that had absorbed them, so that a tree of
    merges can be undone at once: each round settles the ids whose absorbed ids are settled.
    """
    claim = np.full(len(scope.part_size), NONE, dtype=np.int64)
    former = scope.former
    eligible = np.ones(len(claim), np.bool_)
    eligible[scope.current.part] = False
    eligible[scope.current.part[_split(scope)[scope.current.golden]]] = True
    is_alias = np.zeros(len(scope.ids), np.bool_)
    is_alias[scope.alias] = True
    mainly = 2 * former.weight >= scope.part_size[former.part]

    taken: set[int] = set()
    while True:
        claimed = claim[former.part]
        elsewhere = (claimed != NONE) & (claimed != former.golden)
        left = scope.former_size - np.bincount(
            former.golden[elsewhere], weights=former.weight[elsewhere], minlength=len(scope.ids)
        ).astype(np.int64)
        size = left[former.golden]
        fits = eligible[former.part] & (claimed == NONE) & mainly
        fits &= (2 * former.weight >= size) | ~is_alias[former.golden]
        rows = np.flatnonzero(fits)
        # Largest overlap first; of equal ones the closest fit, then the id created first, then the part with the
        # smallest record: greedy, and independent of the order of the input.
        misfit = scope.part_size[former.part] + size
        rows = rows[np.lexsort((former.part[rows], former.golden[rows], misfit[rows], -former.weight[rows]))]
        before = len(taken)
        for part, golden in zip(former.part[rows].tolist(), former.golden[rows].tolist(), strict=True):
            if claim[part] == NONE and golden not in taken:
                claim[part] = golden
                taken.add(golden)
        if len(taken) == before:
            return claim


def _split(scope: Scope) -> Bools:
    """By id: are its living records spread over several parts?"""
    split: Bools = np.bincount(scope.current.golden, minlength=len(scope.ids)) > 1
    return split


def _homes(scope: Scope, claim: Ints) -> tuple[Ints, Ints]:
    """The part in which each living id stays, and the claims that stand.

    An id stays where most of its records are; ties go to the older records. Parts that take an old id back step aside,
    so that undoing a merge gives both ids back even where the merged-in side was the larger one; unless all parts
    would, because an id with living records never dies in a split.
    """
    overlap = scope.current
    aside = (claim[overlap.part] != NONE) & _split(scope)[overlap.golden]
    sequence = np.lexsort((overlap.age, -overlap.weight, aside, overlap.golden))
    golden = overlap.golden[sequence]
    first = sequence[np.r_[True, golden[1:] != golden[:-1]]] if len(golden) else np.zeros(0, np.int64)
    home = np.full(len(scope.ids), NONE, dtype=np.int64)
    home[overlap.golden[first]] = overlap.part[first]
    claim = claim.copy()
    claim[overlap.part[first[aside[first]]]] = NONE
    return home, claim


def _joined(scope: Scope, occupied: Bools, is_alias: Bools, revived: Ints) -> tuple[Ints, Ints]:
    """Retired ids, most of whose last members came back into a part that has a living id: (ids, parts)."""
    former = scope.former
    rows = occupied[former.part] & ~is_alias[former.golden] & ~np.isin(former.golden, revived)
    rows &= 2 * former.weight >= scope.former_size[former.golden]
    kept = np.flatnonzero(rows)
    kept = kept[np.lexsort((former.age[kept], -former.weight[kept], former.golden[kept]))]
    golden = former.golden[kept]
    first = kept[np.r_[True, golden[1:] != golden[:-1]]] if len(golden) else kept
    return former.golden[first], former.part[first]
