"""What a run solves again, and the tables that clustering asks for: whole clusters, with every weight inside them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from matching.loaded import ids_of
from matching.profile import Profile
from matching.reach import reached
from models.store import Store

Ints = npt.NDArray[np.int64]


@dataclass
class Scope:
    """What is solved again: `records` (living, closed under clusters and golden records) and `touched` (those and the
    deleted ones). The DuckDB tables `known` (features with term frequencies), `scored` and `keys` hold what that needs.
    `changed` are the records whose keys are in `keys`: the others keep theirs.
    `cut` counts, per blocking rule, the keys of rescored records whose blocks are above the cap.
    """

    records: Ints
    touched: Ints
    changed: Ints
    profile: Profile
    pairs: int
    rescored: int
    cut: dict[str, int]


def closure(
    store: Store,
    joined: Iterable[tuple[int, int]],
    *,
    auto: float,
    stale: Ints,
    decided: Iterable[int],
    living: Ints,
    gone: Ints,
) -> Ints:
    """Living records whose clusters may differ, with all members of their clusters and of their golden records.

    `joined` are the pairs that belong together by fresh weights or decisions, `stale` the records whose stored edges
    hold no more, `living` and `gone` the changed records.
    """
    near: dict[int, set[int]] = defaultdict(set)
    for left, right in joined:
        near[left].add(right)
        near[right].add(left)
    dead, old = set(gone.tolist()), set(stale.tolist())

    def hanging(records: Collection[int]) -> set[int]:
        return {other for record in records for other in near.get(record, ())}

    scope = reached(store, old | set(map(int, decided)), auto, hanging, old)
    wanted = np.array(sorted(scope - dead), dtype=np.int64)
    current = store.records_by_id(pa.array(wanted), ["deleted"])
    there = current.filter(pc.invert(pc.fill_null(current["deleted"], False)))["record_id"].to_pylist()
    kept = set(there) | set(living.tolist())
    return np.array([i for i in wanted.tolist() if i in kept], dtype=np.int64)


def write_scored(con: duckdb.DuckDBPyConnection, store: Store, records: Ints, stale: Ints) -> None:
    """Creates `scored`: the weights of `fresh_scored`, and the stored ones of edges in scope that nothing changed."""
    edges = store.edges_touching(pa.array(records))
    keep = ~(np.isin(ids_of(edges["left_id"]), stale) | np.isin(ids_of(edges["right_id"]), stale))
    con.register("stored_edges", edges.filter(pa.array(keep)).select(["left_id", "right_id", "weight"]))
    con.execute(
        "CREATE OR REPLACE TABLE scored AS SELECT left_id, right_id, weight FROM fresh_scored UNION ALL "
        "SELECT left_id, right_id, weight FROM stored_edges"
    )
    con.unregister("stored_edges")


def write_keys(con: duckdb.DuckDBPyConnection) -> None:
    """Creates `keys` (record_id, key) of the changed records."""
    con.execute("CREATE OR REPLACE TABLE keys AS SELECT DISTINCT record_id, key FROM keys_now")
