"""Assets whose partitions are periods of the past: one per source that declares `backfill`."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from connectors.period import Period
from models.config import Backfill, Config, Source
from orchestration import steps
from orchestration.assets.raw import GROUP, warn_unpublished
from orchestration.display import table
from orchestration.hub_run import HubRun
from orchestration.names import backfill_asset, plain


def backfill_assets(config: Config) -> list[dg.AssetsDefinition]:
    """One per source with `backfill`."""
    return [_periods(source, source.backfill) for source in config.sources if source.backfill]


def partitions(how: Backfill) -> dg.TimeWindowPartitionsDefinition:
    """The periods as Dagster counts them, in UTC; a week begins on Monday."""
    start = how.since.isoformat()
    if how.by == "day":
        return dg.DailyPartitionsDefinition(start_date=start)
    if how.by == "week":
        return dg.WeeklyPartitionsDefinition(start_date=start, day_offset=1)
    return dg.MonthlyPartitionsDefinition(start_date=start)


def _periods(source: Source, how: Backfill) -> dg.AssetsDefinition:
    asset = dg.AssetSpec(
        backfill_asset(source),
        group_name=GROUP,
        kinds={"parquet"},
        tags={"kehu/source": source.name, "kehu/family": source.family},
        description=f"What {source.name} changed in one {how.by} of the past, read again by `updated_at`.",
    )

    # With a name of its own: its job is called like the asset, and Dagster tells jobs and steps apart by name alone.
    @dg.multi_asset(
        name=f"read_periods_of_{plain(source.name)}",
        specs=[asset],
        partitions_def=partitions(how),
        op_tags={"kehu/reads": plain(source.name)},
    )
    def periods(
        context: dg.AssetExecutionContext, hub: dg.ResourceParam[HubRun]
    ) -> Iterator[dg.MaterializeResult[Any]]:
        warn_unpublished(context, backfill_asset(source))
        window = context.partition_time_window
        hub.period = Period(window.start, window.end)
        found = [steps.land_stream(hub, source, stream) for stream in source.streams if stream.updated_at]
        failed = [landed for landed in found if landed.status in steps.FAILED]
        if failed:
            hub.error = "\n".join(landed.failure for landed in failed)
            raise dg.Failure(hub.error, allow_retries=False)
        rows = [(d.stream, d.status, d.rows, d.bad_rows) for d in found]
        yield dg.MaterializeResult(
            metadata={
                "period": hub.period.text,
                "deliveries": dg.MetadataValue.md(table(("stream", "status", "rows", "bad rows"), rows)),
                "dagster/row_count": sum(landed.rows for landed in found),
            }
        )

    return periods
