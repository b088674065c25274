"""Assets of the layer `core`: from what landed to golden records that wait to be published.

Their data are the work tables of one run (`workspace/runs/<run_id>`); the hub store changes only in the layer `out`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg
import numpy as np
import pyarrow.parquet as pq

from matching.standardise import schema_of
from models.config import Config
from models.vocabulary import PARTY_TYPES
from orchestration import checks, steps
from orchestration.assets import columns
from orchestration.display import filled_table, size_histogram, table, weight_histogram
from orchestration.hub_run import HubRun
from orchestration.names import backfill_asset, source_asset
from orchestration.reports import declared

GROUP = "core"
SOURCE_RECORDS = "core_source_records"

Results = Iterator[dg.MaterializeResult[Any]]


def core_assets(config: Config) -> list[dg.AssetsDefinition]:
    """The assets for all entity types of the configuration that become golden records."""
    found = [_source_records(config)]
    for entity in config.entities():
        if entity in PARTY_TYPES:
            found += [_standardised(config, entity), _golden(config, entity)]
    return found


def standardised(entity: str) -> str:
    """The asset with the standard values of an entity type."""
    return f"core_standardised_{entity}"


def golden(entity: str) -> str:
    """The asset with the golden records of an entity type."""
    return f"core_golden_records_{entity}"


def _source_records(config: Config) -> dg.AssetsDefinition:
    @dg.asset(
        name=SOURCE_RECORDS,
        deps=[
            *(source_asset(source) for source in config.sources),
            *(backfill_asset(source) for source in config.sources if source.backfill),
        ],
        group_name=GROUP,
        kinds={"duckdb", "parquet"},
        metadata={"dagster/column_schema": columns.of_changes(config)},
        check_specs=[checks.quarantine_spec(SOURCE_RECORDS)],
        description=(
            "Rows that are new, changed or gone since the last run, found by comparing content hashes with the hub; "
            "rows that cannot be used are set aside in quarantine with their reason."
        ),
    )
    def core_source_records(hub: dg.ResourceParam[HubRun]) -> Results:
        steps.detect(hub)
        plan = steps.plan(hub)
        sources = steps.source_rows(hub)
        names = (
            "source",
            "stream",
            "status",
            *("inserted", "updated", "deleted", "unchanged", "quarantined", "late", "kept"),
        )
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": sum(row[n] for row in sources for n in ("inserted", "updated", "deleted")),
                "changes": dg.MetadataValue.md(table(names, [[row[name] for name in names] for row in sources])),
                "resolved next": ", ".join(plan["entities"]) or "nothing: no change",
                "everything is resolved, because": plan["reason"]
                or ("it was asked for" if plan["full"] else "it is not"),
            },
            check_results=[checks.quarantine_result(sources)],
        )

    return core_source_records


def _standardised(config: Config, entity: str) -> dg.AssetsDefinition:
    @dg.asset(
        name=standardised(entity),
        deps=[SOURCE_RECORDS],
        group_name=GROUP,
        kinds={"duckdb", "parquet"},
        tags={"kehu/entity": entity},
        metadata={"dagster/column_schema": columns.of_standard(schema_of(config, entity))},
        description=(
            f"Standard values of the changed {entity} records (in a full run of all): names, identifiers, contacts and "
            "addresses in comparable form, with a reason where a value cannot be used."
        ),
    )
    def core_standardised(hub: dg.ResourceParam[HubRun]) -> Results:
        metadata: dict[str, Any] = {"dagster/row_count": steps.standardise(hub, entity)}
        path = hub.folder / f"standard_{entity}.parquet"
        if path.exists():
            metadata["filled"] = dg.MetadataValue.md(filled_table(path))
        yield dg.MaterializeResult(metadata=metadata)

    return core_standardised


def _golden(config: Config, entity: str) -> dg.AssetsDefinition:
    keys, pairs, clusters = (f"core_{what}_{entity}" for what in ("match_keys", "scored_pairs", "clusters"))

    def spec(name: str, after: str, kind: str, kinds: set[str], words: str) -> dg.AssetSpec:
        return dg.AssetSpec(
            name,
            deps=[after],
            group_name=GROUP,
            kinds=kinds,
            tags={"kehu/entity": entity},
            metadata={"dagster/column_schema": columns.of_file(kind)},
            description=words.format(entity),
        )

    told = (
        (keys, standardised(entity), "keys", {"duckdb"}, "Match keys: {} records that share one are compared."),
        (pairs, keys, "edges", {"splink", "duckdb"}, "Pairs of {} records with their match weight."),
        (clusters, pairs, "membership", {"python"}, "Which golden record each {} record is in from this run on."),
        (golden(entity), clusters, "golden", {"duckdb"}, "Golden {} records: surviving values, each with its source."),
    )  # fmt: skip

    @dg.multi_asset(
        name=f"resolve_{entity}",
        specs=[spec(*parts) for parts in told],
        check_specs=checks.law_specs(golden(entity), checks.BEFORE, blocking=True),
        description=f"Compares, clusters and merges {entity} records.",
    )
    def resolve(hub: dg.ResourceParam[HubRun]) -> Results:
        result = steps.resolve(hub, entity)
        blocks = [b for b in result.get("blocks", []) if b]
        cut = {"blocks_cut": sum(result.get("cut", {}).values())} if result else {}
        yield _materialised(hub, keys, "keys", {"blocks": _blocks(blocks), **cut} if blocks else cut)
        yield _materialised(hub, pairs, "edges", _pairs(hub, entity, result))
        yield _materialised(hub, clusters, "membership", {})
        verdicts = steps.check_before(hub, entity, max_cluster=declared(hub.store, hub.config, entity).max_cluster)
        broken = [v.words for v in verdicts if not v.passed and v.severity == "ERROR"]
        hub.error = hub.error or "; ".join(broken) or None
        yield dg.MaterializeResult(
            golden(entity),
            metadata={"dagster/row_count": steps.rows(hub, "golden", entity), **_golden_metadata(hub, entity, result)},
            check_results=[checks.law_result(golden(entity), verdict) for verdict in verdicts],
        )

    def _materialised(hub: HubRun, asset: str, kind: str, more: dict[str, Any]) -> dg.MaterializeResult[Any]:
        return dg.MaterializeResult(asset, metadata={"dagster/row_count": steps.rows(hub, kind, entity), **more})

    return resolve


def _blocks(blocks: list[dict[str, Any]]) -> dg.MarkdownMetadataValue:
    names = list(dict.fromkeys(name for block in blocks for name in block))
    return dg.MetadataValue.md(table(names, [[block.get(name) for name in names] for block in blocks]))


def _pairs(run: HubRun, entity: str, result: dict[str, Any]) -> dict[str, Any]:
    path = run.folder / f"edges_{entity}.parquet"
    if not result or not path.exists():
        return {}
    weights = pq.read_table(path, columns=["weight"])["weight"].to_numpy().astype(np.float64)
    rule = declared(run.store, run.config, entity)
    marks = {"review": rule.review, "auto": rule.auto}
    picture, rows = weight_histogram(weights, marks, f"{entity}: pairs by match weight")
    return {
        "pairs_scored": result["pairs_scored"],
        "model": result["model_id"],
        "match weights": dg.MetadataValue.md(f"{picture}\n\n{table(('match weight', 'pairs'), rows)}"),
    }


def _golden_metadata(run: HubRun, entity: str, result: dict[str, Any]) -> dict[str, Any]:
    if not result:
        return {"result": "nothing changed"}
    found: dict[str, Any] = {
        name: result[name] for name in ("golden", "created", "merged", "split", "retired", "tasks_open")
    }
    path = run.folder / f"golden_{entity}.parquet"
    if path.exists():
        held, golden_records = np.unique(pq.read_table(path, columns=["records"])["records"], return_counts=True)
        sizes = dict(zip(held.tolist(), golden_records.tolist(), strict=True))
        found["sizes"] = dg.MetadataValue.md(size_histogram(sizes, "Golden records of this run by size"))
    if result["messages"]:
        found["messages"] = dg.MetadataValue.md("\n".join(f"- {message}" for message in result["messages"]))
    return found
