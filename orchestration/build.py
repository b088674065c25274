"""From a configuration to Dagster's definitions: assets, checks, jobs, schedules, sensors. Reads nothing."""

from __future__ import annotations

import dagster as dg

from models.config import Config
from orchestration.assets.backfill import backfill_assets
from orchestration.assets.core import core_assets
from orchestration.assets.lifecycle import lifecycle_assets
from orchestration.assets.out import out_assets
from orchestration.assets.raw import raw_assets
from orchestration.hub_run import HubRun
from orchestration.resources import HubResource
from orchestration.triggers import jobs, schedules, sensors


def build_definitions(config: Config, hub: HubRun | None = None) -> dg.Definitions:
    """Everything of one hub. With `hub`, a run that is open already, jobs use it instead of opening their own."""
    opens = HubResource(config_path=str(config.file))
    return dg.Definitions(
        assets=[
            *raw_assets(config),
            *backfill_assets(config),
            *core_assets(config),
            *lifecycle_assets(config),
            *out_assets(config),
        ],
        jobs=jobs(config, with_resource=hub is None),
        schedules=schedules(config) if hub is None else [],
        sensors=sensors(config) if hub is None else [],
        resources={"hub": opens if hub is None else hub},
        # One process per run: the steps share the hub's lock, and starting a process costs more than most steps.
        executor=dg.in_process_executor,
    )
