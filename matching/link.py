"""From features to clusters for one entity type: keys, pairs, scores, components, clusters and tasks for stewards.

The batch path: DuckDB and numpy do what is many, Python solves the few components in which not everything agrees.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from matching.cluster import STEWARD, Doubt, Refusal, components, solve_component
from matching.model.conditions import quoted, to_sql
from matching.scoring import score_known
from models.match_model import Declaration, PublishedModel

Ints = npt.NDArray[np.int64]


@dataclass
class Links:
    """Outcome of linking: `clusters` (record_id, cluster) of the records that are with others, refused merges."""

    clusters: pa.Table
    refused: list[Refusal]
    oversized: list[list[int]] = field(default_factory=list)
    rescored: int = 0
    doubtful: list[Doubt] = field(default_factory=list)


def forbidden_sql(declaration: Declaration, pairs: str, features: str) -> str:
    """SQL giving (left_id, right_id, reason) of the pairs in table `pairs` that a hard rule keeps apart."""
    columns = sorted({c for rule in declaration.cannot_link for c in _columns(rule.when)})
    left = ", ".join(f"a.{quoted(c)} AS {quoted(c, '_l')}" for c in columns)
    right = ", ".join(f"b.{quoted(c)} AS {quoted(c, '_r')}" for c in columns)
    cases = " ".join(
        f"WHEN {to_sql(r.when)} THEN '{r.name.replace(chr(39), chr(39) * 2)}'" for r in declaration.cannot_link
    )
    return (
        f"SELECT left_id, right_id, reason FROM (SELECT left_id, right_id, CASE {cases} END AS reason FROM "
        f"(SELECT p.left_id, p.right_id, {left}, {right} FROM {pairs} p JOIN {features} a ON a.record_id = p.left_id "
        f"JOIN {features} b ON b.record_id = p.right_id)) WHERE reason IS NOT NULL"
    )


def _columns(condition: object) -> list[str]:
    from models.match_model import condition_columns

    return condition_columns(condition)


def link(
    con: duckdb.DuckDBPyConnection,
    model: PublishedModel,
    features: str,
    scored: str,
    *,
    auto: float,
    cohesion: float | None = None,
    must: Iterable[tuple[int, int]] = (),
    never: Iterable[tuple[int, int]] = (),
    despite: Mapping[tuple[int, int], Collection[str]] | None = None,
) -> Links:
    """Clusters the pairs of table `scored` (left_id, right_id, weight; every candidate pair, also the weak ones).

    `must` and `never` are stewards' verdicts; `never` outranks the model, `must` outranks everything but `never`.
    `despite` names the hard rules that a steward knew to speak against a pair of `must`.
    """
    must, never = list(must), list(never)
    declaration = model.declaration
    cohesion = declaration.cohesion if cohesion is None else cohesion
    # Verdicts about records that are not here (deleted, or out of scope) wait.
    here = (
        set(
            con.execute(
                f"SELECT record_id FROM {features} WHERE list_contains(?, record_id)",
                [[i for p in (*must, *never) for i in p]],
            )
            .fetchnumpy()["record_id"]
            .tolist()
        )
        if must or never
        else set()
    )
    must = [pair for pair in must if here.issuperset(pair)]
    never = [pair for pair in never if here.issuperset(pair)]
    edges = con.execute(f"SELECT left_id, right_id, weight FROM {scored} WHERE weight >= ?", [auto]).fetchnumpy()
    left, right, weight = (np.asarray(edges[c]) for c in ("left_id", "right_id", "weight"))
    if must:
        left = np.concatenate([left, np.array([m[0] for m in must], dtype=np.int64)])
        right = np.concatenate([right, np.array([m[1] for m in must], dtype=np.int64)])
        weight = np.concatenate([weight, np.full(len(must), np.inf)])
    nodes, label = components(left.astype(np.int64), right.astype(np.int64))
    label, oversized = cut_oversized(nodes, label, left, right, weight, declaration.max_cluster)
    con.register("component_rows", pa.table({"record_id": nodes, "component": label}))
    con.execute("CREATE OR REPLACE TEMP TABLE component AS SELECT * FROM component_rows")
    con.unregister("component_rows")
    con.execute(
        "CREATE OR REPLACE TEMP TABLE inner_pairs AS SELECT a.component, a.record_id AS left_id, b.record_id "
        "AS right_id "
        "FROM component a JOIN component b ON a.component = b.component AND a.record_id < b.record_id"
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE unscored AS SELECT left_id, right_id FROM inner_pairs ANTI JOIN "
        f"{scored} USING (left_id, right_id)"
    )
    (missing,) = con.execute("SELECT count(*) FROM unscored").fetchall()[0]
    union = f"SELECT left_id, right_id, weight FROM {scored}"
    if missing:
        score_known(con, model, features, "unscored", "rescored")
        union += " UNION ALL SELECT left_id, right_id, weight FROM rescored"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE inner_scored AS SELECT p.component, p.left_id, p.right_id, s.weight "
        f"FROM inner_pairs p JOIN ({union}) s USING (left_id, right_id)"
    )
    con.execute("CREATE OR REPLACE TEMP TABLE banned (left_id BIGINT, right_id BIGINT, reason VARCHAR)")
    if declaration.cannot_link:
        con.execute(f"INSERT INTO banned {forbidden_sql(declaration, 'inner_pairs', features)}")
    if never:
        _load_pairs(con, "apart", never)
        con.execute(
            "INSERT INTO banned SELECT left_id, right_id, ? FROM apart SEMI JOIN inner_pairs USING (left_id, right_id)",
            [STEWARD],
        )
    prior = float(np.log2(model.prior / (1.0 - model.prior)))
    return _solve(con, nodes, label, auto, cohesion, prior, must, despite or {}, oversized, int(missing))


def _load_pairs(con: duckdb.DuckDBPyConnection, name: str, pairs: Iterable[tuple[int, int]]) -> None:
    rows = list(pairs)
    table = pa.table(
        {"left_id": pa.array([r[0] for r in rows], pa.int64()), "right_id": pa.array([r[1] for r in rows], pa.int64())}
    )
    con.register("pair_rows", table)
    con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM pair_rows")
    con.unregister("pair_rows")


def cut_oversized(
    nodes: Ints, label: npt.NDArray[np.int32], left: Ints, right: Ints, weight: npt.NDArray[np.float64], most: int
) -> tuple[npt.NDArray[np.int32], list[list[int]]]:
    """Splits components of more than `most` records by asking for ever heavier pairs; names those it split."""
    sizes = np.bincount(label) if len(label) else np.zeros(0, dtype=np.int64)
    big = np.flatnonzero(sizes > most)
    oversized: list[list[int]] = []
    fresh = len(sizes)
    for component in big:
        inside = label == component
        oversized.append([int(r) for r in nodes[inside]])
        mine = inside[np.searchsorted(nodes, left)]
        floor = float(weight[mine].min())
        todo = [(nodes[inside], floor)]
        while todo:
            members, at = todo.pop()
            keep = mine & np.isin(left, members) & np.isin(right, members) & (weight >= at)
            parts_nodes, parts = components(left[keep], right[keep])
            alone = np.setdiff1d(members, parts_nodes)
            for record in alone:
                label[np.searchsorted(nodes, record)] = fresh
                fresh += 1
            for part in range(int(parts.max()) + 1 if len(parts) else 0):
                group = parts_nodes[parts == part]
                if len(group) > most and at < 60:
                    todo.append((group, at + 1.0))
                else:
                    label[np.searchsorted(nodes, group)] = fresh
                    fresh += 1
    return label, oversized


def _solve(
    con: duckdb.DuckDBPyConnection,
    nodes: Ints,
    label: npt.NDArray[np.int32],
    auto: float,
    cohesion: float,
    prior: float,
    must: list[tuple[int, int]],
    despite: Mapping[tuple[int, int], Collection[str]],
    oversized: list[list[int]],
    rescored: int,
) -> Links:
    hard = con.execute(
        "SELECT DISTINCT component FROM inner_scored WHERE weight < ? UNION "
        "SELECT DISTINCT c.component FROM banned b JOIN component c ON c.record_id = b.left_id",
        [auto],
    ).fetchnumpy()["component"]
    # Where every pair inside agrees, the component is the cluster, named by its smallest record.
    order = np.lexsort((nodes, label))
    first = np.ones(len(order), dtype=bool)
    first[1:] = label[order][1:] != label[order][:-1]
    name_of = np.zeros(int(label.max()) + 1 if len(label) else 0, dtype=np.int64)
    name_of[label[order][first]] = nodes[order][first]
    cluster = name_of[label] if len(label) else np.zeros(0, dtype=np.int64)
    refused: list[Refusal] = []
    doubtful: list[Doubt] = []
    if len(hard):
        con.register("hard_rows", pa.table({"component": np.sort(hard)}))
        rows = con.execute(
            "SELECT s.component, s.left_id, s.right_id, s.weight FROM inner_scored s SEMI JOIN hard_rows h "
            "USING (component) ORDER BY s.component"
        ).fetchnumpy()
        bans = con.execute(
            "SELECT c.component, b.left_id, b.right_id, coalesce(max(b.reason) FILTER (b.reason = ?), min(b.reason)) "
            "FROM banned b JOIN component c ON c.record_id = b.left_id GROUP BY ALL",
            [STEWARD],
        ).fetchall()
        con.unregister("hard_rows")
        forbidden: dict[int, dict[tuple[int, int], str]] = defaultdict(dict)
        for component, a, b, reason in bans:
            forbidden[component][a, b] = reason
        wanted: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for a, b in must:
            wanted[int(label[np.searchsorted(nodes, a)])].append((a, b))
        cuts = np.flatnonzero(np.diff(rows["component"])) + 1
        for chunk in np.split(np.arange(len(rows["component"])), cuts):
            component = int(rows["component"][chunk[0]])
            pairs = zip(rows["left_id"][chunk].tolist(), rows["right_id"][chunk].tolist(), strict=True)
            weights = dict(zip(pairs, rows["weight"][chunk].tolist(), strict=True))
            members = {record for pair in weights for record in pair}
            solution = solve_component(
                members,
                weights,
                auto=auto,
                cohesion=cohesion,
                prior=prior,
                must=wanted.get(component, ()),
                forbidden=forbidden.get(component),
                despite=despite,
            )
            refused += solution.refused
            doubtful += solution.doubtful
            at = np.searchsorted(nodes, np.fromiter(solution.cluster.keys(), dtype=np.int64))
            cluster[at] = np.fromiter(solution.cluster.values(), dtype=np.int64)
    return Links(pa.table({"record_id": nodes, "cluster": cluster}), refused, oversized, rescored, doubtful)
