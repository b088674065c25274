"""Assets of the layer `raw`: what the sources delivered, as they delivered it.

One step reads one source: an asset per stream, and one for the source as a whole on which everything later rests. A
stream's asset counts as materialised only when a new delivery landed, so that its age is the delivery's age.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pyarrow.parquet as pq

from connectors.landing import Landed
from models.config import Config, Source, Stream
from models.config.cron import next_due
from orchestration import checks, steps
from orchestration.assets import columns
from orchestration.assets.out import PUBLISHED
from orchestration.display import filled_table, table
from orchestration.hub_run import HubRun
from orchestration.names import plain, source_asset, source_job, stream_assets

GROUP = "raw"
_KINDS = {"files": "file", "sql": "sql"}


def raw_assets(config: Config) -> list[dg.AssetsDefinition]:
    """One definition per source."""
    names = stream_assets(config)
    return [_source(source, {t.name: names[source.name, t.name] for t in source.streams}) for source in config.sources]


def _source(source: Source, assets: dict[str, str]) -> dg.AssetsDefinition:
    whole = source_asset(source)
    specs = [_stream_spec(source, stream, assets[stream.name]) for stream in source.streams]
    tags = {"kehu/source": source.name, "kehu/family": source.family}
    told = dg.AssetSpec(
        whole,
        deps=list(assets.values()),
        group_name=GROUP,
        kinds={"parquet"},
        tags=tags,
        description=f"What {source.name} ({source.family}) delivered in the latest run: its streams with their state.",
    )

    @dg.multi_asset(
        name=f"land_{plain(source.name)}",
        specs=[*specs, told],
        check_specs=[spec for name in assets.values() for spec in checks.stream_specs(name)],
        can_subset=True,
        description=f"Reads {source.name} into the workspace.",
    )
    def land_source(
        context: dg.AssetExecutionContext, hub: dg.ResourceParam[HubRun]
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        warn_unpublished(context, source_job(source))
        chosen = {key.path[-1] for key in context.selected_asset_keys}
        deliveries = []
        for stream in source.streams:
            if assets[stream.name] not in chosen:
                continue
            landed = steps.land_stream(hub, source, stream)
            deliveries.append(landed)
            yield from checks.stream_results(assets[stream.name], landed)
            if landed.status == "landed":
                yield dg.MaterializeResult(assets[stream.name], metadata=_metadata(hub, source, stream, landed))
        failed = [landed for landed in deliveries if landed.status in steps.FAILED]
        if failed and not hub.keep_going:
            hub.error = "\n".join(landed.failure for landed in failed)
            raise dg.Failure(hub.error, allow_retries=False)
        if whole not in chosen:
            return
        now = dt.datetime.now(dt.UTC)
        rows = [
            (d.stream, d.status, d.rows, d.bad_rows, _rate(d), _lag(hub, d, now), "; ".join(d.drift), d.error)
            for d in deliveries
        ]
        names = ("stream", "status", "rows", "bad rows", "rows/s", "hours since delivery", "drift", "error")
        shown = table(names, rows)
        yield dg.MaterializeResult(
            whole,
            metadata={
                "deliveries": dg.MetadataValue.md(shown),
                "dagster/row_count": sum(d.rows for d in deliveries if d.status == "landed"),
                "seconds": round(sum(d.seconds for d in deliveries), 3),
                "bad_rows": sum(d.bad_rows for d in deliveries),
                "next run": _next(source, now),
            },
        )

    return land_source


def warn_unpublished(context: dg.AssetExecutionContext, job: str) -> None:
    """Say so where assets were chosen without the one that publishes: the run succeeds, and the hub stays as it is."""
    chosen = context.run.asset_selection
    if chosen is not None and dg.AssetKey(PUBLISHED) not in chosen:
        context.log.warning(f"what is read is not published, since {PUBLISHED} was not chosen; the job {job} does all")


def _rate(landed: Landed) -> int | None:
    return round(landed.rows / landed.seconds) if landed.status == "landed" and landed.seconds else None


def _lag(run: HubRun, landed: Landed, now: dt.datetime) -> float | None:
    """Hours since the stream last delivered something that was taken."""
    if landed.status == "landed":
        return 0.0
    state = run.store.stream_state(landed.source, landed.stream)
    return round((now - state["delivered_at"]).total_seconds() / 3600, 2) if state else None


def _next(source: Source, now: dt.datetime) -> str:
    due = next_due(source.schedule, now) if source.schedule else None
    if due is not None:
        return f"{due:%Y-%m-%d %H:%M} UTC"
    return f"a look every {source.sensor.every:g} s" if source.sensor else "by hand"


def _stream_spec(source: Source, stream: Stream, name: str) -> dg.AssetSpec:
    kind = str(source.connector["type"])
    hours = stream.freshness or source.freshness
    freshness = dg.FreshnessPolicy.time_window(dt.timedelta(hours=hours)) if hours else None
    return dg.AssetSpec(
        name,
        skippable=True,
        group_name=GROUP,
        kinds={_KINDS.get(kind, plain(kind)), "parquet"},
        tags={"kehu/source": source.name, "kehu/family": source.family, "kehu/entity": stream.entity},
        metadata={"dagster/column_schema": columns.of_stream(stream)},
        freshness_policy=freshness,
        description=f"{stream.name} of {source.name} ({source.family}) as delivered, one row per {stream.entity}.",
    )


def _metadata(run: HubRun, source: Source, stream: Stream, landed: Landed) -> dict[str, Any]:
    batch = run.config.workspace / (landed.batch_dir or "")
    found: dict[str, Any] = {
        "dagster/row_count": landed.rows,
        "bad_rows": landed.bad_rows,
        "mode": landed.mode,
        "batch": dg.MetadataValue.path(str(batch)),
        "seconds": round(landed.seconds, 3),
        "rows per second": _rate(landed) or 0,
        "batches kept": source.keep_batches,
    }
    if landed.drift:
        found["drift"] = dg.MetadataValue.md(table(("what",), [(line,) for line in landed.drift]))
    if landed.replayed or landed.period:
        found["how"] = f"batch {landed.replayed} again" if landed.replayed else f"period {landed.period}"
    if landed.extra_columns:
        found["columns without attribute"] = ", ".join(landed.extra_columns)
    parts = sorted(batch.glob("part-*.parquet"))
    if parts:
        found["dagster/column_schema"] = columns.of_delivery(pq.read_schema(parts[0]), stream)
        found["filled"] = dg.MetadataValue.md(filled_table(parts[0]))
    return found
