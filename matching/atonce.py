"""Resolving few records at once, while somebody waits: what a run would do about them, without DuckDB.

The rules are those of runs: how far a change reaches, how a component is solved, golden ids, values, tasks. Only the
tables are small enough for Python. Source records do not change here; decisions do.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from matching.cluster import STEWARD, components, solve_component
from matching.golden import golden_tables, past_of
from matching.identify import Identities, identify
from matching.inputs import Raw
from matching.link import Links, cut_oversized
from matching.model.compiled import DIGITS
from matching.reach import reached
from matching.realtime.contacts import ContactRoles
from matching.realtime.features import Features
from matching.realtime.rules import Rules
from matching.reopen import reopenings
from matching.said import Pair, Verdicts, pairs_of, said_by_tables, said_of
from matching.standardise import schema_of
from matching.tasks import few_grey_pairs, task_table, told_apart
from models.config import Config
from models.stewardship import PAIR, SPLIT
from models.store import Store
from models.store.columns import parse_json_rows
from models.store.lookup import looking

_COLUMNS = ["source", "stream", "source_key", "source_time", "payload", "deleted", "standard"]


@dataclass(frozen=True)
class Few:
    """What resolving some records of an entity type changes, as tables of the columns that a run publishes.

    `touched` are the records that were looked at; `members` tells the golden id that each has now.
    """

    entity: str
    touched: list[int]
    found: Identities
    golden: pa.Table
    events: pa.Table
    tasks: pa.Table

    @property
    def members(self) -> dict[int, str]:
        """Record → golden id."""
        table = self.found.members
        return dict(zip(table["record_id"].to_pylist(), table["golden_id"].to_pylist(), strict=True))


@dataclass
class _Scope:
    """The records that are solved again: their features, the edges with an end among them, what stewards said."""

    features: dict[int, Features]
    weights: dict[Pair, float]
    said: Verdicts
    rows: list[dict[str, Any]] = field(default_factory=list)


def resolve_few(
    store: Store,
    config: Config,
    rules: Rules,
    records: Iterable[int],
    *,
    raw: Raw,
    more: Callable[[Verdicts], None] | None = None,
) -> Few:
    """Resolve what decisions about these records touch. Call it inside the transaction that the decision is part of.

    `raw` gives stored records their canonical raw columns. `more` may add words to those of the log, for a look at what
    a decision would do.
    """
    entity = rules.model.entity_type
    scope = _scope(store, config, rules, records, more)
    links, clusters = _linked(rules, scope)
    ids = pa.array(sorted(scope.features), pa.int64())
    named = pa.table({"record_id": ids, "cluster": pa.array([clusters[i] for i in sorted(clusters)], pa.int64())})
    past = past_of(store, ids)
    found = identify(named, past.current, past.history, past.aliases, past.order)
    held = store.records_by_id(ids, _COLUMNS)

    def delivered(some: pa.Table) -> pa.Table:
        return raw(some.drop_columns(["standard", "deleted"])).drop_columns(["payload"])

    def elsewhere(others: pa.Array[Any]) -> pa.Table:
        rows = store.records_by_id(others, _COLUMNS)
        living = rows.filter(pc.invert(pc.fill_null(rows["deleted"], False)))
        return delivered(living) if living.num_rows else living

    members = delivered(held)
    schema = pa.schema([f for f in schema_of(config, entity) if f.name != "record_id"])
    standard = parse_json_rows(held.select(["record_id", "standard"]), "standard", schema)
    changed, events, reopened = golden_tables(store, config, entity, found, members, standard, elsewhere)
    again = reopenings(scope.rows, rules, _standards(store), scope.weights)
    tasks = _tasks(store, rules, scope, links, clusters, [*again, *reopened])
    return Few(entity, sorted(scope.features), found, changed, events, tasks)


def _scope(
    store: Store, config: Config, rules: Rules, start: Iterable[int], more: Callable[[Verdicts], None] | None
) -> _Scope:
    """Everything that these records reach, deleted records left out."""
    entity, declaration = rules.model.entity_type, rules.declaration
    extra = said_by_tables(config, entity)
    if more is not None:
        more(extra)

    def near(records: Collection[int]) -> set[int]:
        rows = store.decisions_about(sorted(records), evidence=False).to_pylist()
        joined = [p for row in rows for p, verdict in pairs_of(row) if verdict == "match" and not _is_apart(p, records)]
        return {record for pair in (*joined, *extra.match) if not _is_apart(pair, records) for record in pair}

    reach = sorted(reached(store, start, declaration.auto, near))
    rows = [r for r in store.decisions_about(reach).to_pylist() if r["entity_type"] == entity]
    said = said_of(rows, entity, tables=said_by_tables(config, entity))
    if more is not None:
        more(said)
    with looking(store.database) as lookup:
        roles = ContactRoles(rules)
        features = {r: rules.features(orjson.loads(text), roles) for r, text in lookup.standards(reach)}
        roles.learn(lookup, features.values())
    edges = store.edges_touching(sorted(features)).to_pylist()
    weights = {(e["left_id"], e["right_id"]): e["weight"] for e in edges}
    return _Scope(features, weights, said, [row for row in rows if row["kind"] in (PAIR, SPLIT)])


def _is_apart(pair: Pair, records: Collection[int]) -> bool:
    """Whether a pair has no end among some records."""
    return pair[0] not in records and pair[1] not in records


def _linked(rules: Rules, scope: _Scope) -> tuple[Links, dict[int, int]]:
    """Clusters of the records in scope, as `matching.link` makes them of tables."""
    features, declaration = scope.features, rules.declaration
    inside = {p: w for p, w in scope.weights.items() if p[0] in features and p[1] in features}
    must = [p for p in sorted(scope.said.match) if p[0] in features and p[1] in features]
    edges = [(*pair, weight) for pair, weight in sorted(inside.items()) if weight >= declaration.auto]
    edges += [(*pair, np.inf) for pair in must]
    left, right = (np.array([edge[i] for edge in edges], np.int64) for i in (0, 1))
    weight = np.array([edge[2] for edge in edges], np.float64)
    nodes, label = components(left, right)
    label, oversized = cut_oversized(nodes, label, left, right, weight, declaration.max_cluster)
    groups: dict[int, list[int]] = defaultdict(list)
    for node, number in zip(nodes.tolist(), label.tolist(), strict=True):
        groups[number].append(node)
    clusters = {record: record for record in features}
    links = Links(pa.table({}), [], oversized)
    for group in groups.values():
        if len(group) > 1:
            _solve(rules, scope, group, inside, set(must), links, clusters)
    return links, clusters


def _solve(
    rules: Rules,
    scope: _Scope,
    group: Sequence[int],
    inside: Mapping[Pair, float],
    must: set[Pair],
    links: Links,
    clusters: dict[int, int],
) -> None:
    features, declaration = scope.features, rules.declaration
    weights: dict[Pair, float] = {}
    forbidden: dict[Pair, str] = {}
    for pair in itertools.combinations(sorted(group), 2):
        one, other = features[pair[0]], features[pair[1]]
        known = inside.get(pair)
        weights[pair] = round(rules.compiled.weight(one, other), DIGITS) if known is None else known
        if pair in scope.said.no_match:
            forbidden[pair] = STEWARD
        elif why := rules.forbids(one, other):
            forbidden[pair] = why
    if not forbidden and min(weights.values()) >= declaration.auto:
        clusters.update(dict.fromkeys(group, min(group)))
        return
    members = set(group)
    solution = solve_component(
        group,
        weights,
        auto=declaration.auto,
        cohesion=declaration.cohesion,
        prior=rules.compiled.prior_weight,
        must=[pair for pair in must if pair[0] in members and pair[1] in members],
        forbidden=forbidden,
        despite=scope.said.despite,
    )
    clusters.update(solution.cluster)
    links.refused += solution.refused
    links.doubtful += solution.doubtful


def _tasks(
    store: Store, rules: Rules, scope: _Scope, links: Links, clusters: Mapping[int, int], again: Sequence[Any]
) -> pa.Table:
    """The tasks of the records in scope; those between them and others are about the others' golden records."""
    declaration = rules.declaration
    near = {r for pair, w in scope.weights.items() if w >= declaration.review for r in pair}
    # Two golden records may have been told apart by records of theirs that are not alike.
    told = {r for pair in scope.said.no_match if not _is_apart(pair, clusters) for r in pair}
    homes = store.memberships(sorted((near | told) - set(clusters))).to_pylist()
    numbers: dict[str, int] = {}
    known = dict(clusters)
    for row in homes:
        known[row["record_id"]] = -1 - numbers.setdefault(row["golden_id"], len(numbers))
    grey = few_grey_pairs(scope.weights, known, declaration.review, declaration.auto)
    return task_table(grey, links, told_apart(scope.said, known), again)


def _standards(store: Store) -> Callable[[Sequence[int]], dict[int, dict[str, Any]]]:
    def read(ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        with looking(store.database) as lookup:
            return {number: orjson.loads(text) for number, text in lookup.standards(list(ids))}

    return read
