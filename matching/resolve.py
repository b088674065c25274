"""Resolving an entity type: from changed source records to golden records, as work files that the store publishes.

Knows no Dagster and no HTTP; reads the hub store and writes into the run's folder only. Publishing is the store's.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from matching.batch import Solved, Work, declared, load_features, solve, working
from matching.golden import whole_past, write_golden
from matching.inputs import Progress, Raw, read_work, raw_members, standard_table, verdicts, work_file
from matching.model.train import TrainingReport, train
from matching.profile import Profile
from matching.standardise import PARSER_VERSION, standardise
from matching.tasks import write_tasks
from models.config import Config
from models.match_model import PublishedModel
from models.store import Store

FEW_RECORDS = 50
_LIBRARIES = ("splink", "duckdb", "rapidfuzz", "phonenumbers", "pypinyin")


@dataclass
class EntityResult:
    """What resolving one entity type did: counts, the model, the blocks per rule, words for the user, seconds."""

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
    blocks: list[dict[str, Any]] = field(default_factory=list)
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
    table = standardise(entity, members, threads=config.threads or 2)
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
) -> EntityResult:
    """Resolves the entity type with the published model, training one first where there is none.

    Writes the work files keys, edges, membership, aliases, lineage, golden, events, tasks, profile and touched.
    Raises ModelError where no sensible model can be trained.
    """
    result = EntityResult(entity)
    model = published_model(store, entity)
    base = model.declaration if model else None
    with working(config, entity, declared(config, entity, base), folder, progress) as work:
        with work.phase("load"):
            standard = standard_table(store, entity, folder, complete=full)
        profile = load_features(work, standard)
        if model is None and len(standard) >= 2:
            with work.phase("train"):
                model, report = _train(store, work)
            result.trained = True
            result.messages += _told(model, report)
        result.records = result.touched = len(standard)
        said = verdicts(store, entity)
        if model is None:
            result.messages.append("fewer than two records: nothing to match")
            clusters = pa.table({"record_id": standard["record_id"], "cluster": standard["record_id"]})
        else:
            result.model_id = model.model_id
            current = model.model_copy(update={"declaration": work.declaration})
            solved = solve(work, current, said)
            result.pairs_scored, result.blocks = solved.pairs, solved.blocks_report()
            result.messages += _cut_off(solved)
            clusters = work.con.execute("SELECT record_id, cluster FROM clusters").to_arrow_table()
            result.tasks_open = write_tasks(work, solved.links, folder, said)
            with work.phase("write"):
                _write_links(work, folder)
        _write_profile(work, profile, folder)
        with work.phase("survive"):
            _, counts = write_golden(
                store, config, entity, folder, clusters, whole_past(store, entity), standard, raw, everything=True
            )
        pq.write_table(standard.select(["record_id"]), work_file(folder, "touched", entity))
        result.golden, result.created, result.merged = counts.golden, counts.created, counts.merged
        result.split, result.retired = counts.split, counts.retired
        result.seconds = work.seconds
    return result


def train_entity(
    store: Store, config: Config, entity: str, folder: Path, *, progress: Progress | None = None
) -> PublishedModel:
    """Trains a model on the run's standard records (see `standardise_entity`, `full`) and publishes it.

    Raises ModelError where no sensible model can be trained.
    """
    with working(config, entity, declared(config, entity), folder, progress) as work:
        load_features(work, standard_table(store, entity, folder, complete=True))
        with work.phase("train"):
            model, _ = _train(store, work)
    return model


def published_model(store: Store, entity: str) -> PublishedModel | None:
    """The model in use for an entity type."""
    found = store.load_published_model(entity)
    return PublishedModel.model_validate(found["document"]) if found else None


def _train(store: Store, work: Work) -> tuple[PublishedModel, TrainingReport]:
    now = dt.datetime.now(dt.UTC)
    model_id = f"{work.entity}-{now:%Y%m%d%H%M%S}-{secrets.token_hex(3)}"
    versions = {name: version(name) for name in _LIBRARIES}
    model, report = train(
        work.con,
        work.declaration,
        "features",
        model_id=model_id,
        parser_version=PARSER_VERSION,
        versions=versions,
        now=now,
    )
    store.save_model(model_id, work.entity, json.loads(model.model_dump_json()), publish=True)
    return model, report


def _told(model: PublishedModel, report: TrainingReport) -> list[str]:
    told = [
        f"no model was published yet: trained {model.model_id} without labels on {report.records:,} records "
        f"(about {report.expected_matches:,.0f} matching pairs expected)"
    ]
    if report.records < FEW_RECORDS:
        told.append(f"{report.records} records are few to learn from; run 'kehu train' when there are more")
    return told


def _cut_off(solved: Solved) -> list[str]:
    cut = [b for b in solved.blocks if b.blocks_cut]
    if not cut:
        return []
    rules = ", ".join(f"{b.rule} ({b.blocks_cut:,})" for b in cut)
    return [f"blocks larger than block_cap were not compared: {rules}"]


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


def _write_profile(work: Work, profile: Profile, folder: Path) -> None:
    table = profile.table
    owners = pc.binary_join_element_wise('{"owners":', table["owners"].cast(pa.string()), "}", "")
    rows = pa.table(
        {
            "kind": table["column"],
            "value": table["value"],
            "role": table["class"],
            "records": table["records"],
            "detail": owners,
        }
    )
    pq.write_table(rows, work_file(folder, "profile", work.entity))
