"""The neighbourhood of some records as a small graph: records, the edges between them, golden records as groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from models.config import Config
from models.store import Store
from serving.asking import shown_name
from serving.stewardship.bench import bench_of
from serving.stewardship.raw import raw_values

EdgeKind = Literal["merges", "doubtful", "forbidden", "match", "no_match"]
MOST_NODES = 60


@dataclass(frozen=True)
class Node:
    """A record; `focus` says that the graph was asked for about it."""

    record_id: int
    name: str
    source: str
    golden_id: str | None
    focus: bool


@dataclass(frozen=True)
class Edge:
    """Two records with their match weight in bits (None: only a decision joins them).

    `merges`: at or above `auto`; `doubtful`: between `review` and `auto`; `forbidden`: a hard rule keeps them apart;
    `match` and `no_match`: a steward's word. `bridge`: without it the records would fall into two groups.
    """

    left: int
    right: int
    weight: float | None
    kind: EdgeKind
    bridge: bool


@dataclass(frozen=True)
class Graph:
    """Nodes and edges; `cut` says that the neighbourhood is larger than what is shown."""

    nodes: list[Node]
    edges: list[Edge]
    cut: bool


def graph_of(store: Store, config: Config, entity: str, records: Sequence[int], most: int = MOST_NODES) -> Graph:
    """The records, the members of their golden records, and whom these have an edge with, nearest first."""
    bench = bench_of(store, config)
    rules = bench.rules(entity)
    with store.snapshot():
        homes = sorted(set(store.memberships(list(records))["golden_id"].to_pylist()))
        members = store.members_of(homes)["record_id"].to_pylist() if homes else []
        ring = list(dict.fromkeys([*records, *sorted(members)]))
        edges = store.edges_touching(ring).to_pylist()
        edges.sort(key=lambda e: (-e["weight"], e["left_id"], e["right_id"]))
        near = [n for e in edges for n in (e["left_id"], e["right_id"])]
        chosen = list(dict.fromkeys([*ring, *near]))
        cut = len(chosen) > most
        kept = set(chosen[:most])
        edges = [e for e in store.edges_touching(sorted(kept)).to_pylist() if {e["left_id"], e["right_id"]} <= kept]
        said = store.decisions_about(sorted(kept)).to_pylist()
        held = bench.records(sorted(kept))
        raw = raw_values(bench, sorted(kept))
    features = bench.features(entity, kept)
    verdicts = {
        (min(r["left_id"], r["right_id"]), max(r["left_id"], r["right_id"])): r["verdict"]
        for r in said
        if r["kind"] == "pair" and r["verdict"] in ("match", "no_match") and {r["left_id"], r["right_id"]} <= kept
    }
    weights: dict[tuple[int, int], float | None] = {(e["left_id"], e["right_id"]): e["weight"] for e in edges}
    weights |= {pair: None for pair in verdicts if pair not in weights}
    bridges = _bridges([pair for pair in weights if verdicts.get(pair) != "no_match"])
    shown = []
    for (left, right), weight in sorted(weights.items()):
        kind: EdgeKind = "doubtful"
        if (left, right) in verdicts:
            kind = verdicts[left, right]
        elif rules and left in features and right in features and rules.forbids(features[left], features[right]):
            kind = "forbidden"
        elif rules and weight is not None and weight >= rules.declaration.auto:
            kind = "merges"
        shown.append(Edge(left, right, weight, kind, (left, right) in bridges))
    focus = set(records)
    nodes = [
        Node(n, shown_name(raw.get(n, {})) or held[n]["name"], held[n]["source"], held[n]["golden_id"], n in focus)
        for n in chosen[:most]
        if n in held
    ]
    return Graph(nodes, shown, cut)


def _bridges(pairs: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """The pairs without which a component would fall apart (Tarjan), for components of more than two records."""
    near: dict[int, list[int]] = {}
    for left, right in pairs:
        near.setdefault(left, []).append(right)
        near.setdefault(right, []).append(left)
    number: dict[int, int] = {}
    low: dict[int, int] = {}
    found: set[tuple[int, int]] = set()
    for start in near:
        if start in number:
            continue
        number[start] = low[start] = len(number)
        stack = [(start, -1, iter(near[start]))]
        while stack:
            node, parent, rest = stack[-1]
            step = next(rest, None)
            if step is None:
                stack.pop()
                if stack:
                    above = stack[-1][0]
                    low[above] = min(low[above], low[node])
                    if low[node] > number[above] and (len(near[node]) > 1 or len(near[above]) > 1):
                        found.add((min(node, above), max(node, above)))
            elif step not in number:
                number[step] = low[step] = len(number)
                stack.append((step, node, iter(near[step])))
            elif step != parent:
                low[node] = min(low[node], number[step])
    return found
