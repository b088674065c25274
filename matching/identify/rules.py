"""The rules by which parts get their golden ids, on numbers alone.

Pure: the same scope gives the same assignment. What it means in words is put together in `report`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matching.identify.claims import claims, is_split
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
    claim = claims(scope)
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
    joined = _joined(scope, is_alias, revived)
    successor[joined[0]] = golden[joined[1]]
    return Assignment(golden, home, successor, revived, joined[0], len(fresh))


def _homes(scope: Scope, claim: Ints) -> tuple[Ints, Ints]:
    """The part in which each living id stays, and the claims that stand.

    An id stays where most of its records are; ties go to the older records. Parts that take an old id back step aside,
    so that undoing a merge gives both ids back even where the merged-in side was the larger one; unless all parts
    would, because an id with living records never dies in a split.
    """
    overlap = scope.current
    aside = (claim[overlap.part] != NONE) & is_split(scope)[overlap.golden]
    sequence = np.lexsort((overlap.age, -overlap.weight, aside, overlap.golden))
    golden = overlap.golden[sequence]
    first = sequence[np.r_[True, golden[1:] != golden[:-1]]] if len(golden) else np.zeros(0, np.int64)
    home = np.full(len(scope.ids), NONE, dtype=np.int64)
    home[overlap.golden[first]] = overlap.part[first]
    claim = claim.copy()
    claim[overlap.part[first[aside[first]]]] = NONE
    return home, claim


def _joined(scope: Scope, is_alias: Bools, revived: Ints) -> tuple[Ints, Ints]:
    """Retired ids, most of whose last members came back into a part that bears another id: (ids, parts)."""
    former = scope.former
    rows = ~is_alias[former.golden] & ~np.isin(former.golden, revived)
    rows &= 2 * former.weight >= scope.former_size[former.golden]
    kept = np.flatnonzero(rows)
    kept = kept[np.lexsort((former.age[kept], -former.weight[kept], former.golden[kept]))]
    golden = former.golden[kept]
    first = kept[np.r_[True, golden[1:] != golden[:-1]]] if len(golden) else kept
    return former.golden[first], former.part[first]
