"""How far a change reaches: records whose clusters may differ, with all members of their clusters and golden records.

Used by runs and by decisions that take effect at once, so that both look at the same records.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

import pyarrow as pa
import pyarrow.compute as pc

from models.store import Store

Near = Callable[[Collection[int]], Iterable[int]]
"""Records that hang together with some others by what the store's edges do not say: fresh edges, stewards' words."""


def reached(store: Store, start: Iterable[int], auto: float, near: Near, stale: Collection[int] = ()) -> set[int]:
    """Every record that the records of `start` may share a cluster with, themselves included, deleted ones too.

    `auto` is the match weight from which a stored edge merges. An edge of a `stale` record (one that is scored again)
    holds no more; whom it held in the first step is reached all the same, because it may fall out of the cluster.
    """
    scope: set[int] = set()
    frontier = set(map(int, start))
    golden: set[str] = set()
    first = True
    while frontier:
        scope |= frontier
        ids = pa.array(sorted(frontier), pa.int64())
        edges = store.edges_touching(ids)
        edges = edges.filter(pc.greater_equal(edges["weight"], auto))
        found: set[int] = set()
        for left, right in zip(edges["left_id"].to_pylist(), edges["right_id"].to_pylist(), strict=True):
            if first or (left not in stale and right not in stale):
                found.update((left, right))
        first = False
        found.update(near(frontier))
        homes = set(store.memberships(ids)["golden_id"].to_pylist()) - golden
        if homes:
            golden |= homes
            found.update(store.members_of(pa.array(sorted(homes)))["record_id"].to_pylist())
        frontier = found - scope
    return scope
