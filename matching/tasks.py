"""What the machine leaves to stewards: doubtful pairs, merges it refused, components too large to judge, conflicts.

One task per pair of golden records, keyed by its records, so that the same doubt stays one task from run to run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from matching.batch import Work
from matching.inputs import Pair, Verdicts, work_file
from matching.link import Links
from matching.model.compiled import probability
from matching.reopen import Reopening

TASKS = pa.schema(
    [
        ("task_key", pa.string()),
        ("kind", pa.string()),
        ("left_id", pa.int64()),
        ("right_id", pa.int64()),
        ("records", pa.string()),
        ("weight", pa.float64()),
        ("probability", pa.float64()),
        ("reason", pa.string()),
        ("decision_id", pa.int64()),
    ]
)
Grey = tuple[int, int, int, int, float]
"""left record, right record, left cluster, right cluster, weight"""


def grey_pairs(con: duckdb.DuckDBPyConnection, review: float, auto: float, clusters: str = "clusters") -> list[Grey]:
    """The best pair between each two clusters that is doubtful: at least `review`, below `auto`."""
    rows = con.execute(
        f"SELECT arg_max(left_id, (weight, -left_id, -right_id)), arg_max(right_id, (weight, -left_id, -right_id)), "
        f"c1, c2, max(weight) FROM (SELECT s.left_id, s.right_id, s.weight, "
        f"least(a.cluster, b.cluster) AS c1, greatest(a.cluster, b.cluster) AS c2 FROM scored s "
        f"JOIN {clusters} a ON a.record_id = s.left_id JOIN {clusters} b ON b.record_id = s.right_id "
        f"WHERE s.weight >= ? AND a.cluster <> b.cluster) GROUP BY c1, c2 HAVING max(weight) < ? ORDER BY 5 DESC, 1, 2",
        [review, auto],
    ).fetchall()
    return [(int(a), int(b), int(c), int(d), float(w)) for a, b, c, d, w in rows]


def few_grey_pairs(weights: Mapping[Pair, float], cluster: Mapping[int, int], review: float, auto: float) -> list[Grey]:
    """`grey_pairs` of few pairs, without a database: the same rows, in the same order."""
    best: dict[Pair, tuple[float, int, int]] = {}
    for (left, right), weight in weights.items():
        one, other = cluster.get(left), cluster.get(right)
        if weight < review or one is None or other is None or one == other:
            continue
        between = (min(one, other), max(one, other))
        found = (weight, -left, -right)
        best[between] = max(best.get(between, found), found)
    rows = [(-a, -b, one, other, weight) for (one, other), (weight, a, b) in best.items() if weight < auto]
    return sorted(rows, key=lambda row: (-row[4], row[0], row[1]))


def task_table(
    grey: Iterable[Grey], links: Links, apart: set[frozenset[int]], found: Iterable[Reopening] = ()
) -> pa.Table:
    """The tasks of some clusters. `apart`: pairs of clusters that a steward told apart."""
    rows: dict[str, list[object]] = {name: [] for name in TASKS.names}

    def add(
        kind: str,
        pair: Pair | None,
        records: Sequence[int],
        weight: float | None,
        reason: str,
        decision: int | None = None,
    ) -> None:
        named = "-".join(map(str, pair or ())) or xxhash.xxh3_64_hexdigest(orjson.dumps(sorted(records)))
        values = (
            f"{kind}:{decision or named}",
            kind,
            pair[0] if pair else None,
            pair[1] if pair else None,
            orjson.dumps(sorted(records)).decode(),
            weight,
            None if weight is None else probability(weight),
            reason,
            decision,
        )
        for name, value in zip(TASKS.names, values, strict=True):
            rows[name].append(value)

    for left, right, here, there, weight in grey:
        if frozenset((here, there)) not in apart:
            add("grey_pair", (left, right), [left, right], weight, "neither certain nor unlikely")
    for refusal in links.refused:
        pair = (refusal.left_id, refusal.right_id)
        add(refusal.kind, pair, list(pair), refusal.weight, refusal.reason)
    for records in links.oversized:
        reason = f"{len(records)} records hang together; only what is most alike was merged"
        add("oversized", None, records, None, reason)
    for doubt in links.doubtful:
        add(doubt.kind, (doubt.left_id, doubt.right_id), doubt.records, doubt.weight, doubt.reason)
    for one_found in found:
        add(
            one_found.kind, one_found.pair, one_found.records, one_found.weight, one_found.reason, one_found.decision_id
        )
    return pa.table(rows, schema=TASKS)


def write_tasks(
    work: Work,
    links: Links,
    folder: Path,
    said: Verdicts,
    found: Iterable[Reopening] = (),
    elsewhere: Mapping[int, int] = MappingProxyType({}),
) -> int:
    """Writes the tasks of the clusters in `work`; clusters that a steward told apart are none. Returns how many.

    `elsewhere` tells the clusters of records that `work` does not hold.
    """
    named = list(said.records())
    of = dict(
        work.con.execute(
            "SELECT record_id, cluster FROM clusters WHERE list_contains(?::BIGINT[], record_id)", [named]
        ).fetchall()
        if named
        else ()
    )
    grey = grey_pairs(work.con, work.limits.review, work.limits.auto)
    table = task_table(grey, links, told_apart(said, {**elsewhere, **of}), found)
    pq.write_table(table, work_file(folder, "tasks", work.entity), compression="zstd")
    return len(table)


def add_tasks(folder: Path, entity: str, found: Sequence[Reopening]) -> None:
    """Adds to the tasks of a run those of decisions that somebody must look at again."""
    if not found:
        return
    path = work_file(folder, "tasks", entity)
    more = task_table((), Links(pa.table({}), []), set(), found)
    parts = [pq.read_table(path).cast(TASKS), more] if path.exists() else [more]
    pq.write_table(pa.concat_tables(parts), path, compression="zstd")


def told_apart(said: Verdicts, cluster: Mapping[int, int]) -> set[frozenset[int]]:
    """The pairs of clusters that a steward told apart."""
    return {frozenset((cluster.get(a, a), cluster.get(b, b))) for a, b in said.no_match}
