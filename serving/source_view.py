"""One source for people who keep deliveries going: last deliveries, rates, lag, drift, quarantine, what is due next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from connectors.announced import announced
from connectors.replay import batches
from models.config.cron import next_due
from serving.operations import runs
from serving.quarantine import quarantined

if TYPE_CHECKING:
    from models.config import Config, Source
    from models.store import Store

_RUNS, _SHOWN = 100, 30


def source_view(config: Config, store: Store, name: str, now: dt.datetime | None = None) -> dict[str, Any]:
    """What the page of a source shows, over the newest hundred runs. Raises KeyError for an unknown source.

    `lag` is the age of a stream's last delivery in seconds, `late` whether that is beyond its `freshness`, `rate` the
    rows per second of its last reading; `next` when the schedule is due (UTC), None without one.
    """
    source = config.source(name)
    now = now or dt.datetime.now(dt.UTC)
    tries = _tries(store, name)
    groups, _ = quarantined(store, source=name, limit=0)
    return {
        "name": source.name,
        "family": source.family,
        "kind": source.connector["type"],
        "priority": source.priority,
        "schedule": source.schedule,
        "sensor": source.sensor.every if source.sensor else None,
        "announced": _moment(announced(config.workspace, name)) if source.sensor and source.sensor.announced else None,
        "next": next_due(source.schedule, now) if source.schedule else None,
        "streams": [_stream(config, store, source, stream.name, tries, now) for stream in source.streams],
        "deliveries": tries[:_SHOWN],
        "drift": [(one["at"], one["stream"], line) for one in tries[:_SHOWN] for line in one.get("drift") or ()],
        "quarantine": groups,
        "quarantined": sum(group["rows"] for group in groups),
    }


def _tries(store: Store, name: str) -> list[dict[str, Any]]:
    """What runs said of the source's streams, the newest first."""
    found = []
    for run in runs(store, limit=_RUNS):
        for told in run["metrics"].get("sources") or []:
            if told["source"] == name:
                seconds = told.get("seconds")
                rate = told["rows"] / seconds if seconds and told["status"] == "landed" else None
                found.append({**told, "at": run["started_at"], "run": run["run_id"], "rate": rate})
    return found


def _stream(
    config: Config, store: Store, source: Source, name: str, tries: list[dict[str, Any]], now: dt.datetime
) -> dict[str, Any]:
    stream = source.stream(name)
    state = store.stream_state(source.name, name)
    own = [one for one in tries if one["stream"] == name]
    landed = next((one for one in own if one["status"] == "landed"), {})
    lag = (now - state["delivered_at"]).total_seconds() if state else None
    freshness = stream.freshness or source.freshness
    last: Mapping[str, Any] = own[0] if own else {}
    return {
        "stream": name,
        "entity": stream.entity,
        "status": last.get("status"),
        "error": last.get("error"),
        "rows": state["rows"] if state else None,
        "delivered_at": state["delivered_at"] if state else None,
        "lag": lag,
        "freshness": freshness,
        "late": lag is not None and freshness is not None and lag > freshness * 3600,
        "rate": landed.get("rate"),
        "seconds": landed.get("seconds"),
        "quarantined": last.get("quarantined"),
        "batches": batches(config.workspace, source, stream),
        "mapping": stream.field_columns,
        "columns": state["schema"] if state else {},
    }


def _moment(mark: str | None) -> dt.datetime | None:
    return dt.datetime.strptime(mark[:21], "%Y%m%dT%H%M%S%f").replace(tzinfo=dt.UTC) if mark else None
