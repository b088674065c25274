"""The hub as a resource of Dagster: every run opens it, holds its lock, and closes it.

All steps of a run share one process (the in-process executor), and so one lock and one run of the hub.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from pydantic import Field

from connectors.period import period_of
from models.config import load_config
from orchestration.hub_run import HubRun, open_run

WAIT_SECONDS = 900.0
"""How long a run that Dagster started waits for another that holds the hub, `kehu run` from a shell for example."""


class HubResource(dg.ConfigurableResource[HubRun]):
    """Opens the hub of a configuration for one run; assets get the `HubRun`."""

    config_path: str = Field(description="The configuration file, kehu.yaml.")
    full: bool = Field(default=False, description="Resolve every record again, not only what changed.")
    keep_going: bool = Field(
        default=False, description="Record a source that fails, and go on with the others; otherwise the run fails."
    )
    wait: float = Field(default=WAIT_SECONDS, description="Seconds to wait for a run that holds the hub.")

    source_period: str = Field(default="", description="START/END (ISO 8601): read what changed in this period alone.")
    replay: str = Field(default="", description="STREAM:BATCH of the job's source: take a landed batch again.")

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator[HubRun, None, None]:
        """The hub, held until the last step has ended. Raises LockError, StoreError or ConfigError."""
        log = context.log

        def tell(phase: str, message: str = "", *, done: int | None = None, total: int | None = None) -> None:
            if log is not None and done is None:
                log.info(f"{phase}: {message}" if message else phase)

        config = load_config(Path(self.config_path))
        with open_run(config, full=self.full, keep_going=self.keep_going, wait=self.wait, tell=tell) as run:
            if self.source_period:
                run.period = period_of(*self.source_period.split("/", 1))
            if self.replay:
                stream, _, batch = self.replay.partition(":")
                run.replay = (stream, batch or "latest")
            yield run
