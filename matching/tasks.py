"""What the machine leaves to stewards: doubtful pairs, merges it refused, components too large to judge.

One task per pair of golden records, keyed by its records, so that the same doubt stays one task from run to run.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from matching.batch import Work
from matching.inputs import Pair, Verdicts, work_file
from matching.link import Links
from matching.model.compiled import probability

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
    ]
)


def grey_pairs(
    con: duckdb.DuckDBPyConnection, review: float, auto: float, clusters: str = "clusters"
) -> list[tuple[int, int, int, int, float]]:
    """The best pair between each two clusters that is doubtful: at least `review`, below `auto`.

    Returns (left record, right record, left cluster, right cluster, weight).
    """
    rows = con.execute(
        f"SELECT arg_max(left_id, (weight, -left_id, -right_id)), arg_max(right_id, (weight, -left_id, -right_id)), "
        f"c1, c2, max(weight) FROM (SELECT s.left_id, s.right_id, s.weight, "
        f"least(a.cluster, b.cluster) AS c1, greatest(a.cluster, b.cluster) AS c2 FROM scored s "
        f"JOIN {clusters} a ON a.record_id = s.left_id JOIN {clusters} b ON b.record_id = s.right_id "
        f"WHERE s.weight >= ? AND a.cluster <> b.cluster) GROUP BY c1, c2 HAVING max(weight) < ? ORDER BY 5 DESC, 1, 2",
        [review, auto],
    ).fetchall()
    return [(int(a), int(b), int(c), int(d), float(w)) for a, b, c, d, w in rows]


def write_tasks(work: Work, links: Links, folder: Path, said: Verdicts) -> int:
    """Writes the tasks of the clusters in `work`; clusters that a steward told apart are none. Returns how many."""
    named = list(said.records())
    of = dict(
        work.con.execute(
            "SELECT record_id, cluster FROM clusters WHERE list_contains(?::BIGINT[], record_id)", [named]
        ).fetchall()
        if named
        else ()
    )
    apart = {frozenset((of.get(a, a), of.get(b, b))) for a, b in said.no_match}
    rows: dict[str, list[object]] = {name: [] for name in TASKS.names}

    def add(kind: str, pair: Pair | None, records: list[int], weight: float | None, reason: str) -> None:
        named = "-".join(map(str, pair or ())) or xxhash.xxh3_64_hexdigest(orjson.dumps(sorted(records)))
        values = (
            f"{kind}:{named}",
            kind,
            pair[0] if pair else None,
            pair[1] if pair else None,
            orjson.dumps(sorted(records)).decode(),
            weight,
            None if weight is None else probability(weight),
            reason,
        )
        for name, value in zip(TASKS.names, values, strict=True):
            rows[name].append(value)

    for left, right, one, other, weight in grey_pairs(work.con, work.limits.review, work.limits.auto):
        if frozenset((one, other)) not in apart:
            add("grey_pair", (left, right), [left, right], weight, "neither certain nor unlikely")
    for refusal in links.refused:
        pair = (refusal.left_id, refusal.right_id)
        add(refusal.kind, pair, list(pair), refusal.weight, refusal.reason)
    for records in links.oversized:
        reason = f"{len(records)} records hang together; only what is most alike was merged"
        add("oversized", None, records, None, reason)
    table = pa.table(rows, schema=TASKS)
    pq.write_table(table, work_file(folder, "tasks", work.entity), compression="zstd")
    return len(table)
