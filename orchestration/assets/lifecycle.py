"""Assets of the lifecycle in the layer `core`: touchpoints taken in, stages, findings, and the matrix.

Thin: what they show is what the steps of a run found. There are none where no stream delivers touchpoints.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pyarrow.parquet as pq

from models.config import Config
from models.store import lifecycle_tables as lt
from models.store.customer_lookup import STAGE_HISTORY
from models.vocabulary import PARTY_TYPES
from orchestration import checks, lifecycle
from orchestration.assets import columns
from orchestration.assets.core import SOURCE_RECORDS, golden
from orchestration.display import table
from orchestration.hub_run import HubRun

GROUP = "core"
TOUCHPOINTS, STAGES, FINDINGS, MATRIX = "core_touchpoints", "core_stages", "core_findings", "core_matrix"

Results = Iterator[dg.MaterializeResult[Any]]


def lifecycle_assets(config: Config) -> list[dg.AssetsDefinition]:
    """The assets of the lifecycle, none where nothing of one is delivered."""
    return [_touchpoints(config), _evaluation(config)] if lifecycle.has_lifecycle(config) else []


def last_assets(config: Config) -> list[str]:
    """What has to stand before a run is published."""
    return [STAGES, FINDINGS, MATRIX] if lifecycle.has_lifecycle(config) else []


def _touchpoints(config: Config) -> dg.AssetsDefinition:
    @dg.asset(
        name=TOUCHPOINTS,
        deps=[SOURCE_RECORDS],
        group_name=GROUP,
        kinds={"duckdb", "parquet"},
        metadata={"dagster/column_schema": columns.of_touchpoints(config)},
        description=(
            "Changed touchpoints, vehicles and relations with days, numbers and VINs in one form, and the source keys "
            "that they hang on."
        ),
    )
    def core_touchpoints(hub: dg.ResourceParam[HubRun]) -> Results:
        yield dg.MaterializeResult(metadata={"dagster/row_count": lifecycle.take_touchpoints_in(hub)})

    return core_touchpoints


def _evaluation(config: Config) -> dg.AssetsDefinition:
    parties = [entity for entity in config.entities() if entity in PARTY_TYPES]
    after = [TOUCHPOINTS, *map(golden, parties)]
    sources = [source.name for source in config.sources]

    def spec(name: str, deps: list[str], of: dg.TableSchema, words: str) -> dg.AssetSpec:
        metadata = {"dagster/column_schema": of}
        return dg.AssetSpec(name, deps=deps, group_name=GROUP, kinds={"duckdb"}, metadata=metadata, description=words)

    stages = columns.of_standard(STAGE_HISTORY)
    findings, cells = (columns.of_table(table) for table in (lt.finding, lt.matrix_cell))

    @dg.multi_asset(
        name="evaluate_lifecycle",
        specs=[
            spec(STAGES, after, stages, "Stages of customers, opportunities and vehicles, and since when."),
            spec(FINDINGS, [STAGES], findings, "What breaks the contracts of the stages, opened, kept and closed."),
            spec(MATRIX, [FINDINGS], cells, "Touchpoint × stage × source: collected, complete, valid, fresh."),
        ],
        check_specs=checks.contract_specs(FINDINGS, sources),
        description="Derives stages, checks the contracts, and counts the matrix, of the customers that a run touches.",
    )
    def evaluate(hub: dg.ResourceParam[HubRun]) -> Results:
        found = lifecycle.evaluate_lifecycle(hub)
        blocking = found.get("blocking") or []
        if blocking:
            hub.error = hub.error or "; ".join(blocking)
        standing = lifecycle.open_by_source(hub)
        yield dg.MaterializeResult(
            STAGES,
            metadata={
                "customers evaluated": found.get("customers", 0),
                "day": found.get("today", ""),
                "seconds": dg.MetadataValue.md(table(("phase", "seconds"), list(found.get("seconds", {}).items()))),
            },
        )
        yield dg.MaterializeResult(
            FINDINGS,
            metadata={name: number for name, number in found.get("findings", {}).items()},
            check_results=checks.contract_results(FINDINGS, sources, standing, blocking),
        )
        yield dg.MaterializeResult(MATRIX, metadata=_matrix(hub))

    return evaluate


def _matrix(run: HubRun) -> dict[str, Any]:
    """The cells of the matrix, in per cent, as a table."""
    path = run.folder / "lifecycle" / "matrix.parquet"
    if not path.exists():
        return {"result": "nothing changed"}

    def share(part: int, whole: int) -> str:
        return f"{part / whole:.0%}" if whole else ""

    rows = [
        (
            *(row[name] for name in ("touchpoint", "stage", "source")),
            share(row["collected"], row["expected"]),
            row["touchpoints"],
            share(row["complete"], row["touchpoints"]),
            share(row["valid"], row["touchpoints"]),
            share(row["fresh"], row["present"]),
        )
        for row in pq.read_table(path).to_pylist()
    ]
    names = ("touchpoint", "stage", "source", "collected", "number", "complete", "valid", "fresh")
    return {"dagster/row_count": len(rows), "matrix": dg.MetadataValue.md(table(names, rows))}
