"""When what runs: the jobs, and the schedules and sensors that `kehu.yaml` declares.

Schedules and sensors are on as soon as they are declared; taking them out of the file switches them off.
"""

from __future__ import annotations

import glob
import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import dagster as dg
import orjson

from connectors.announced import announced
from models.config import Config, Source, load_config
from models.store import open_store
from orchestration.alerts import tell_all
from orchestration.assets.out import REPORTS
from orchestration.names import backfill_asset, source_asset, source_job, stream_assets
from orchestration.resources import WAIT_SECONDS
from orchestration.verifying import verify_graph

RESOLVE, FULL, VERIFY = "resolve", "full", "verify"
_Look: TypeAlias = Callable[[dg.SensorEvaluationContext, Source, Path], dg.SensorResult | dg.SkipReason]
ALERTS, ALERTS_EVERY = "lifecycle_alerts", 60


def jobs(config: Config, *, with_resource: bool = True) -> list[Any]:
    """`resolve` and `full` over everything, and one job per source.

    Without `with_resource` they carry no configuration for the hub, since it is handed to them open.
    """
    backfills = [backfill_asset(source) for source in config.sources if source.backfill]
    everything = dg.AssetSelection.all() - dg.AssetSelection.assets(*backfills)

    def hub(**values: Any) -> dict[str, Any] | None:
        given = {"config_path": str(config.file), "wait": WAIT_SECONDS, **values}
        return {"resources": {"hub": {"config": given}}} if with_resource else None

    found: list[Any] = [
        dg.define_asset_job(
            RESOLVE,
            selection=everything,
            config=hub(keep_going=True),
            description="Reads every source, resolves what changed, publishes. A failing source is left out and shown.",
        ),
        dg.define_asset_job(
            FULL,
            selection=everything,
            config=hub(keep_going=True, full=True),
            description="Reads every source, resolves every record again. The result is that of `resolve`, later.",
        ),
    ]
    if with_resource:
        found.append(verify_graph.to_job(name=VERIFY, config=hub()))
    for source in config.sources:
        if source.backfill and with_resource:
            found.append(
                dg.define_asset_job(
                    backfill_asset(source),
                    selection=source_selection(config, source, backfill=True),
                    config=hub(),
                    tags={"kehu/source": source.name},
                    description=f"Reads again what {source.name} changed in a period, and publishes.",
                )
            )
        found.append(
            dg.define_asset_job(
                source_job(source),
                selection=source_selection(config, source),
                config=hub(),
                tags={"kehu/source": source.name},
                description=f"Reads {source.name}, resolves what changed, publishes. Fails when it cannot be read.",
            )
        )
    return found


def source_selection(config: Config, source: Source, *, backfill: bool = False) -> dg.AssetSelection:
    """The assets of one source's job: everything but the other sources and the reports over the whole hub.

    `backfill`: those of the job that reads periods of it, and not what is new.
    """
    streams = stream_assets(config)
    others = [name for (owner, _), name in streams.items() if owner != source.name]
    others += [source_asset(other) for other in config.sources if other.name != source.name]
    others += [
        backfill_asset(other) for other in config.sources if other.backfill and not (backfill and other == source)
    ]
    if backfill:
        others += [*(streams[source.name, stream.name] for stream in source.streams), source_asset(source)]
    return dg.AssetSelection.all() - dg.AssetSelection.assets(*others, *REPORTS)


def schedules(config: Config) -> list[dg.ScheduleDefinition]:
    """One per source with `schedule`; its cron expression is in UTC."""
    return [_schedule(source, source.schedule) for source in config.sources if source.schedule]


def _schedule(source: Source, cron: str) -> dg.ScheduleDefinition:
    def due(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if _busy(context.instance, source):
            return dg.SkipReason(
                "the run before waits or works still; what is new then is read by it or by the next one"
            )
        return dg.RunRequest()

    return dg.ScheduleDefinition(
        name=f"{source_job(source)}_schedule",
        job_name=source_job(source),
        cron_schedule=cron,
        execution_timezone="UTC",
        execution_fn=due,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Reads {source.name} at {cron} (UTC).",
    )


def sensors(config: Config) -> list[dg.SensorDefinition]:
    """One per source with `sensor`: of files, when they changed; of anything else, at every look. One for alerts."""
    found = [_sensor(config, source) for source in config.sources if source.sensor]
    return [*found, _alerts(config)] if config.lifecycle.alerts else found


def _alerts(config: Config) -> dg.SensorDefinition:
    path = config.file

    @dg.sensor(
        name=ALERTS,
        minimum_interval_seconds=ALERTS_EVERY,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Looks every {ALERTS_EVERY} s for runs with new findings, and tells those in `lifecycle.alerts`.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        loaded = load_config(path)
        told = orjson.loads(context.cursor) if context.cursor else {}
        with open_store(loaded.store) as store:
            now, wrong = tell_all(store, loaded, told)
        context.update_cursor(orjson.dumps(now).decode())
        for line in wrong:
            context.log.warning(line)
        return dg.SkipReason("; ".join(wrong) or "everybody was told")

    return sensor


def _sensor(config: Config, source: Source) -> dg.SensorDefinition:
    assert source.sensor is not None
    every = max(1, math.ceil(source.sensor.every))
    look: _Look = _look_at_files if source.connector["type"] == "files" else _look_anyway
    if source.sensor.announced:
        look = _look_for_announcements
    base, workspace = config.base, config.workspace

    @dg.sensor(
        name=f"{source_job(source)}_sensor",
        job_name=source_job(source),
        minimum_interval_seconds=every,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Looks at {source.name} every {every} s and reads it when it has something new.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if _busy(context.instance, source):
            return dg.SkipReason("a run of this source is under way")
        return look(context, source, workspace if source.sensor and source.sensor.announced else base)

    return sensor


def _look_at_files(context: dg.SensorEvaluationContext, source: Source, base: Path) -> dg.SensorResult | dg.SkipReason:
    """Ask for a run when the files are others than at the last request, and no longer growing."""
    cursor = orjson.loads(context.cursor) if context.cursor else {"seen": None, "asked": None}
    now = fingerprint(source, base)
    update = orjson.dumps({"seen": now, "asked": cursor["asked"]}).decode()
    if now is None:
        context.update_cursor(update)
        return dg.SkipReason("there is no file yet")
    if now == cursor["asked"]:
        context.update_cursor(update)
        return dg.SkipReason("the files did not change")
    if now != cursor["seen"]:
        context.update_cursor(update)
        return dg.SkipReason("the files changed; they are read when they have stayed the same for one more look")
    asked = orjson.dumps({"seen": now, "asked": now}).decode()
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"{source.name}:{now}")], cursor=asked)


def _look_anyway(context: dg.SensorEvaluationContext, source: Source, base: Path) -> dg.SensorResult | dg.SkipReason:
    """Ask for a run: only reading tells whether a database has something new."""
    return dg.SensorResult(run_requests=[dg.RunRequest()])


def _look_for_announcements(
    context: dg.SensorEvaluationContext, source: Source, workspace: Path
) -> dg.SensorResult | dg.SkipReason:
    """Ask for a run when a change was announced since the last one that was asked for."""
    mark = announced(workspace, source.name)
    if mark is None or mark == context.cursor:
        return dg.SkipReason("no change was announced since")
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"{source.name}:{mark}")], cursor=mark)


def _busy(instance: dg.DagsterInstance, source: Source) -> bool:
    """Whether a run of the source waits or works: another one behind it would read the same."""
    return bool(instance.get_runs(dg.RunsFilter(job_name=source_job(source), statuses=[*_UNDER_WAY]), limit=1))


_UNDER_WAY = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
)


def fingerprint(source: Source, base: Path) -> str | None:
    """A hash over path, size and time of the files that a source of type `files` reads; None when there are none."""
    found: set[tuple[str, int, int]] = set()
    for stream in source.streams:
        pattern = str(stream.options.get("path") or source.connector.get("path") or "")
        if not pattern:
            continue
        for name in glob.glob(str(base / pattern.format(stream=stream.name)), recursive=True):
            try:
                state = Path(name).stat()
            except FileNotFoundError:  # gone between the two calls; the next look sees the rest
                continue
            found.add((name, state.st_size, state.st_mtime_ns))
    return hashlib.sha256(repr(sorted(found)).encode()).hexdigest()[:16] if found else None
