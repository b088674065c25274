"""Resolving an entity type: from changed source records to golden records, as work files that the store publishes.

Knows no Dagster and no HTTP; reads the hub store and writes into the run's folder only. Publishing is the store's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from matching.added import untrained
from matching.batch import Work, cluster, load_features, solve, working
from matching.declared import declared
from matching.delta import Delta
from matching.few import FewDelta
from matching.golden import Past, past_of, whole_past, write_golden
from matching.inputs import (
    Progress,
    Raw,
    Verdicts,
    changes,
    raw_members,
    read_work,
    standard_table,
    verdicts,
    work_file,
)
from matching.overriding import overridden
from matching.realtime.rules import compiled_rules
from matching.rekeyed import rekeyed
from matching.reopen import Reopening, reopenings
from matching.said import Pair, pairs_of
from matching.standardise import standardise, standardise_added
from matching.tasks import write_tasks
from matching.training import outgrown, published_model, train_now, words_on
from models.config import Config
from models.match_model import PublishedModel
from models.stewardship import PAIR, SPLIT
from models.store import Store
from models.store import tables as t

Ints = npt.NDArray[np.int64]
FEW_SHARE = 0.2
FEW_CHANGES = 200
VERY_FEW_CHANGES = 2_000
"""Up to so many changed records they are looked at one by one, which costs less than the planning of queries."""


@dataclass
class EntityResult:
    """What resolving one entity type did: counts, the model, the blocks per rule, words for the user, seconds.

    `cut` counts, per blocking rule, the blocks that were not compared because they are larger than the cap; in a run
    over a part, those of the records that it looked at.
    """

    entity: str
    records: int = 0
    touched: int = 0
    model_id: str = ""
    trained: bool = False
    pairs_scored: int = 0
    golden: int = 0
    merged: int = 0
    split: int = 0
    created: int = 0
    retired: int = 0
    tasks_open: int = 0
    max_cluster: int = 0
    blocks: list[dict[str, Any]] = field(default_factory=list)
    cut: dict[str, int] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


def standardise_entity(
    store: Store,
    config: Config,
    entity: str,
    folder: Path,
    *,
    raw: Raw,
    full: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Writes the standard columns of the run's changed records (with `full`: of all current ones).

    `raw` gives stored records their canonical raw columns. Returns `rows` and `seconds`.
    """
    began = time.perf_counter()
    members = raw_members(store, folder, entity, raw, None if full else _changed_ids(folder, entity))
    if progress:
        progress("standardise", 0, len(members))
    members = overridden(config, entity, members)
    table = standardise(entity, members, threads=config.threads or 2)
    table = standardise_added(config, entity, members, table)
    pq.write_table(table, work_file(folder, "standard", entity), compression="zstd")
    if progress:
        progress("standardise", len(members), len(members))
    return {"rows": len(table), "seconds": time.perf_counter() - began}


def resolve_entity(
    store: Store,
    config: Config,
    entity: str,
    folder: Path,
    *,
    run_id: str,
    raw: Raw,
    full: bool = False,
    progress: Progress | None = None,
    model: PublishedModel | None = None,
) -> EntityResult:
    """Resolves the entity type with the published model (or `model`), training one first where there is none.

    Writes the work files keys, edges, membership, aliases, lineage, golden, events, tasks, profile and touched.
    Raises ModelError where no sensible model can be trained.
    """
    model = model or published_model(store, entity)
    base = model.declaration if model else None
    said = verdicts(store, config, entity, rekeyed(folder, entity).as_dict())
    changed = changes(folder, entity)
    few = model is not None and not full and _is_few(store, entity, 0 if changed is None else len(changed))
    small = few and (changed is None or len(changed) <= VERY_FEW_CHANGES)
    with working(config, entity, declared(config, entity, base), folder, progress, small=small) as work:
        result = EntityResult(entity, max_cluster=work.limits.max_cluster)
        run = _Resolving(store, config, entity, folder, raw, work, said, result, model)
        if few and model is not None:
            return run.some(model)
        return run.everything(model, full)


@dataclass
class _Resolving:
    """One entity type under way."""

    store: Store
    config: Config
    entity: str
    folder: Path
    raw: Raw
    work: Work
    said: Verdicts
    result: EntityResult
    model: PublishedModel | None = None

    def everything(self, model: PublishedModel | None, complete: bool) -> EntityResult:
        """Resolve all current records; `complete` says that this run standardised every one."""
        store, entity, folder, work, result = self.store, self.entity, self.folder, self.work, self.result
        with work.phase("load"):
            standard = standard_table(store, entity, folder, work.schema, complete=complete)
        profile = load_features(work, standard)
        if model is None and len(standard) >= 2:
            with work.phase("train"):
                model, report = train_now(store, work)
            result.trained = True
            result.messages += words_on(model, report)
        result.records = result.touched = len(standard)
        if model is None:
            result.messages.append("fewer than two records: nothing to match")
            clusters = pa.table({"record_id": standard["record_id"], "cluster": standard["record_id"]})
        else:
            result.model_id = model.model_id
            solved = solve(work, model.model_copy(update={"declaration": work.declaration}), self.said)
            result.pairs_scored, result.blocks = solved.pairs, solved.blocks_report()
            result.cut = {block.rule: block.blocks_cut for block in solved.blocks if block.blocks_cut}
            result.messages += _cut_off(result.cut) + outgrown(model.records, len(standard))
            if fresh := untrained(self.config, entity, work.declaration):
                result.messages.append(f"compared from the next 'kehu train' on: {', '.join(fresh)}")
            clusters = work.con.sql("SELECT record_id, cluster FROM clusters").to_arrow_table()
            again = self._reopened(work.con, standard, None)
            result.tasks_open = write_tasks(work, solved.links, folder, self.said, again)
            with work.phase("write"):
                _write_links(work, folder)
        _write_profile(profile.table, folder, entity, None if complete else store.contact_profiles(entity))
        changed = changes(folder, entity)
        touched = [standard["record_id"], *([] if changed is None else [changed["record_id"]])]
        ids = pc.unique(pa.chunked_array([chunk for column in touched for chunk in column.chunks], pa.int64()))
        pq.write_table(pa.table({"record_id": ids}), work_file(folder, "touched", entity))
        # What a program created while this run was under way is the next run's.
        past = whole_past(store, entity).among(ids)
        return self._golden(clusters, past, standard, everything=True)

    def some(self, model: PublishedModel) -> EntityResult:
        """Resolve what the changed records and the new decisions touch."""
        store, entity, folder, work, result = self.store, self.entity, self.folder, self.work, self.result
        current = model.model_copy(update={"declaration": work.declaration})
        result.model_id = model.model_id
        changed, moved = changes(folder, entity), rekeyed(folder, entity)
        delta = FewDelta if changed is None or len(changed) <= VERY_FEW_CHANGES else Delta
        hanging: set[int] = set()
        if changed is not None:
            # What was decided about a changed record reaches every other record that it was decided about.
            about = store.records_of_decisions(store.decisions_about(changed["record_id"], evidence=False)["id"])
            hanging = {moved.as_dict().get(n, n) for records in about.values() for n in records}
        decided = [*_decided(store, entity), *moved.new.tolist(), *hanging]
        scope = delta(work, store, current, folder, self.said).find(decided)
        con = work.con
        with work.phase("cluster"):
            con.register("scope_rows", pa.table({"record_id": scope.records}))
            con.execute("CREATE OR REPLACE TABLE scope AS SELECT record_id FROM scope_rows")
            con.unregister("scope_rows")
            links = cluster(work, current, self.said, "scope")
            clusters = con.sql("SELECT record_id, cluster FROM clusters").to_arrow_table()
            elsewhere = self._neighbours()
            fresh = read_work(folder, "standard", entity)
            fresh = work.schema.empty_table() if fresh is None else fresh
            again = self._reopened(con, fresh, scope.touched)
            result.tasks_open = write_tasks(work, links, folder, self.said, again, elsewhere)
        with work.phase("write"):
            _write_links(work, folder)
            _write_profile(scope.profile.table, folder, entity, None)
            pq.write_table(pa.table({"record_id": scope.touched}), work_file(folder, "touched", entity))
            pq.write_table(pa.table({"record_id": scope.changed}), work_file(folder, "keyed", entity))
        result.records, result.touched, result.pairs_scored = len(scope.records), len(scope.touched), scope.pairs
        result.cut = scope.cut
        result.messages += _cut_off(result.cut)
        columns = ", ".join(f'"{name}"' for name in work.schema.names)
        standard = con.sql(f"SELECT {columns} FROM loaded SEMI JOIN scope USING (record_id)").to_arrow_table()
        return self._golden(clusters, past_of(store, pa.array(scope.touched)), standard, everything=False)

    def _reopened(self, con: duckdb.DuckDBPyConnection, fresh: pa.Table, touched: Ints | None) -> list[Reopening]:
        """Decisions about the touched records (None: all) that somebody must look at again."""
        store, moved = self.store, rekeyed(self.folder, self.entity)
        if touched is None:
            rows = store.decisions(active_only=True)
        else:
            former = moved.old[np.isin(moved.new, touched)]
            rows = store.decisions_about(pa.array(np.union1d(touched, former)))
        said = [r for r in rows.to_pylist() if r["entity_type"] == self.entity and r["kind"] in (PAIR, SPLIT)]
        model = self.model
        if not said or model is None:
            return []
        rules = compiled_rules(model.model_copy(update={"declaration": self.work.declaration}))
        changed = changes(self.folder, self.entity)
        hidden = set() if changed is None or touched is None else set(changed["record_id"].to_pylist())
        pairs = {pair for row in said for pair, verdict in pairs_of(row, moved.as_dict()) if verdict == "no_match"}
        weights = _weights(con, pairs, self.work.limits.review)

        def standards(ids: Sequence[int]) -> dict[int, dict[str, Any]]:
            wanted = pa.array(ids, pa.int64())
            mine = fresh.filter(pc.is_in(fresh["record_id"], value_set=wanted)).to_pylist()
            found = {row["record_id"]: row for row in mine}
            if touched is not None:
                rest = [i for i in ids if i not in found and i not in hidden]
                held = store.records_by_id(pa.array(rest, pa.int64()), ["standard", "deleted"]).to_pylist()
                found |= {r["record_id"]: json.loads(r["standard"]) for r in held if r["standard"] and not r["deleted"]}
            return found

        return reopenings(said, rules, standards, weights, moved.as_dict())

    def _neighbours(self) -> dict[int, int]:
        """Adds to `clusters` the clusters next to the scope, which nothing changed: tasks are between two clusters.

        Returns record → cluster of the others that stewards told apart from records of the scope: they may be of
        clusters next to it though nothing else in them is like the scope.
        """
        con = self.work.con
        outside = con.execute(
            "SELECT DISTINCT id FROM (SELECT unnest([left_id, right_id]) AS id FROM scored WHERE weight >= ?) "
            "ANTI JOIN (SELECT record_id AS id FROM clusters) USING (id)",
            [self.work.limits.review],
        ).fetchnumpy()["id"]
        apart = np.array(sorted(self.said.no_match), np.int64).reshape(-1, 2)
        inside = np.isin(apart, con.execute("SELECT record_id FROM clusters").fetchnumpy()["record_id"])
        told = np.setdiff1d(apart[inside[:, ::-1] & ~inside], outside)
        members = self.store.memberships(pa.array(np.concatenate([outside.astype(np.int64), told])))
        homes = pc.dictionary_encode(members["golden_id"]).combine_chunks()
        found = pa.table(
            {
                "record_id": members["record_id"],
                "cluster": pc.subtract(pc.negate(homes.indices.cast(pa.int64())), 1),
            }
        )
        others = pc.is_in(found["record_id"], value_set=pa.array(told))
        con.register("next_rows", found.filter(pc.invert(others)))
        con.execute("INSERT INTO clusters SELECT record_id, cluster FROM next_rows")
        con.unregister("next_rows")
        rest = found.filter(others)
        return dict(zip(rest["record_id"].to_pylist(), rest["cluster"].to_pylist(), strict=True))

    def _golden(self, clusters: pa.Table, past: Past, standard: pa.Table, *, everything: bool) -> EntityResult:
        result = self.result
        with self.work.phase("survive"):
            _, counts = write_golden(
                self.store,
                self.config,
                self.entity,
                self.folder,
                clusters,
                past,
                standard,
                self.raw,
                everything=everything,
            )
        result.golden, result.created, result.merged = counts.golden, counts.created, counts.merged
        result.split, result.retired = counts.split, counts.retired
        result.seconds = self.work.seconds
        return result


def _weights(con: duckdb.DuckDBPyConnection, pairs: Collection[Pair], least: float) -> dict[Pair, float]:
    """The match weights of pairs that have an edge; a look at few records knows no weights below `least`."""
    if not pairs:
        return {}
    left, right = zip(*sorted(pairs), strict=True)
    con.register("asked", pa.table({"left_id": pa.array(left, pa.int64()), "right_id": pa.array(right, pa.int64())}))
    query = "SELECT left_id, right_id, weight FROM scored SEMI JOIN asked USING (left_id, right_id) WHERE weight >= ?"
    rows = con.execute(query, [least])
    found = {(int(a), int(b)): float(w) for a, b, w in rows.fetchall()}
    con.unregister("asked")
    return found


def _is_few(store: Store, entity: str, changed: int) -> bool:
    """Whether looking up what changes touch costs less than resolving everything."""
    r = t.source_record.c
    # Counted no further than needed, so that the cost does not grow with the hub.
    enough = 1 if changed <= FEW_CHANGES else int(changed / FEW_SHARE)
    held = sa.select(r.record_id).where(r.entity_type == entity, r.deleted.is_(False)).limit(enough).subquery()
    count = sa.select(sa.func.count().label("n")).select_from(held)
    return int(store.fetch_arrow(count)["n"][0].as_py()) >= enough


def _decided(store: Store, entity: str) -> list[int]:
    """Records that decisions since the last published run are about, undone ones included."""
    return store.decided_records(entity, after=int((store.last_run() or {}).get("decisions_upto") or 0))


def _cut_off(cut: Mapping[str, int]) -> list[str]:
    rules = ", ".join(f"{rule} ({blocks:,})" for rule, blocks in cut.items())
    return [f"blocks larger than block_cap were not compared: {rules}"] if cut else []


def _changed_ids(folder: Path, entity: str) -> pa.Array[pa.Int64Scalar]:
    changed = read_work(folder, "changes", entity, ["record_id", "change"])
    if changed is None:
        return pa.array([], pa.int64())
    living = changed.filter(pc.is_in(changed["change"], value_set=pa.array(["insert", "update"])))
    return living["record_id"].combine_chunks()


def _write_links(work: Work, folder: Path) -> None:
    """Match keys, and the edges that stewards see or that merge."""
    paths = {kind: str(work_file(folder, kind, work.entity)).replace("'", "''") for kind in ("keys", "edges")}
    work.con.execute(f"COPY (SELECT record_id, key FROM keys) TO '{paths['keys']}' (FORMAT parquet, COMPRESSION zstd)")
    work.con.execute(
        f"COPY (SELECT left_id, right_id, weight FROM scored WHERE weight >= {work.limits.review!r}) "
        f"TO '{paths['edges']}' (FORMAT parquet, COMPRESSION zstd)"
    )


def _write_profile(found: pa.Table, folder: Path, entity: str, held: pa.Table | None) -> None:
    """The contact values that are not simply somebody's own, and those of `held` (the store's) that became so."""
    owners = pc.binary_join_element_wise('{"owners":', found["owners"].cast(pa.string()), "}", "")
    rows = pa.table(
        {
            "kind": found["column"],
            "value": found["value"],
            "role": found["class"],
            "records": found["records"],
            "detail": owners,
        }
    )
    if held is not None and held.num_rows:
        known = {(row["kind"], row["value"]) for row in rows.select(["kind", "value"]).to_pylist()}
        stale = [row for row in held.select(["kind", "value"]).to_pylist() if (row["kind"], row["value"]) not in known]
        own = [{**row, "role": "own", "records": 0, "detail": '{"owners":1}'} for row in stale]
        rows = pa.concat_tables([rows, pa.Table.from_pylist(own, schema=rows.schema)])
    pq.write_table(rows, work_file(folder, "profile", entity))
