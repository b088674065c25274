"""Assets of the layer `out`: the published hub, and what it looks like as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg

from models.config import Config
from models.vocabulary import PARTY_TYPES
from orchestration import checks, reports, steps
from orchestration.assets.core import SOURCE_RECORDS, golden
from orchestration.assets.lifecycle import last_assets
from orchestration.display import size_histogram, table, weight_histogram
from orchestration.hub_run import HubRun
from orchestration.summary import summary

GROUP = "out"
PUBLISHED, OVERLAP, QUALITY = "out_published", "out_overlap", "out_quality"
REPORTS = (OVERLAP, QUALITY)
"""Assets that only show; their cost follows the size of the hub, not of the change."""

Results = Iterator[dg.MaterializeResult[Any]]


def out_assets(config: Config) -> list[dg.AssetsDefinition]:
    """Publishing, and the two reports."""
    parties = [entity for entity in config.entities() if entity in PARTY_TYPES]
    store = "postgresql" if config.store.startswith("postgresql") else "sqlite"
    return [_published(parties, store, last_assets(config)), _overlap(parties, store), _quality(parties, store)]


def _published(parties: list[str], store: str, lifecycle: list[str]) -> dg.AssetsDefinition:
    @dg.asset(
        name=PUBLISHED,
        deps=[SOURCE_RECORDS, *map(golden, parties), *lifecycle],
        group_name=GROUP,
        kinds={store},
        check_specs=checks.law_specs(PUBLISHED, checks.AFTER, blocking=False),
        description=(
            "The hub after the run: source records, crosswalk, golden records with their history, tasks and events, "
            "published in one transaction. Readers see the state before until it ends."
        ),
    )
    def out_published(hub: dg.ResourceParam[HubRun]) -> Results:
        written = steps.publish(hub)
        verdicts = steps.check_after(hub)
        found = summary(hub)
        counts = [
            (name, value) for name, value in found.items() if isinstance(value, int) and not isinstance(value, bool)
        ]
        seconds = [(phase, value) for phase, value in found["seconds"].items()]
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": found["golden"],
                "run": hub.run_id,
                "summary": dg.MetadataValue.md(table(("", "number"), counts)),
                "seconds": dg.MetadataValue.md(table(("phase", "seconds"), seconds)),
                "rows written": dg.MetadataValue.md(table(("step", "rows"), list(written.items()))),
            },
            check_results=[checks.law_result(PUBLISHED, verdict) for verdict in verdicts],
        )

    return out_published


def _overlap(parties: list[str], store: str) -> dg.AssetsDefinition:
    @dg.asset(
        name=OVERLAP,
        deps=[PUBLISHED],
        group_name=GROUP,
        kinds={store, "duckdb"},
        description="How many golden records each two sources have in common, and how many only one source knows.",
    )
    def out_overlap(hub: dg.ResourceParam[HubRun]) -> Results:
        metadata: dict[str, Any] = {}
        for entity in parties:
            found = reports.overlap(hub.store, entity)
            rows = [
                [source, *(found.shared.get((source, other), 0) for other in found.sources), found.alone.get(source, 0)]
                for source in found.sources
            ]
            metadata[entity] = dg.MetadataValue.md(table(("", *found.sources, "in no other"), rows))
            metadata[f"{entity} golden records"] = found.golden
        yield dg.MaterializeResult(metadata=metadata)

    return out_overlap


def _quality(parties: list[str], store: str) -> dg.AssetsDefinition:
    @dg.asset(
        name=QUALITY,
        deps=[PUBLISHED],
        group_name=GROUP,
        kinds={store},
        description="How well pairs are told apart (weights of all kept pairs), golden records by size, open tasks.",
    )
    def out_quality(hub: dg.ResourceParam[HubRun]) -> Results:
        tasks = reports.open_tasks(hub.store)
        metadata: dict[str, Any] = {
            "open tasks": dg.MetadataValue.md(table(("entity type", "kind", "tasks"), tasks)) if tasks else "none"
        }
        for entity in parties:
            rule = reports.declared(hub.store, hub.config, entity)
            marks = {"review": rule.review, "auto": rule.auto}
            title = f"{entity}: pairs by match weight"
            picture, _ = weight_histogram(reports.weights(hub.store, entity), marks, title)
            sizes = size_histogram(reports.sizes(hub.store, entity), "Golden records by size")
            metadata[entity] = dg.MetadataValue.md(f"{picture}\n\n{sizes}")
        yield dg.MaterializeResult(metadata=metadata)

    return out_quality
