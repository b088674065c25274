"""The summary of a run, as `kehu run --json` ends with it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from models.store import Store
from models.store import lifecycle_tables as lt
from models.store import tables as t
from models.store.left_out import left_out
from models.store.totals import total
from orchestration.hub_run import HubRun
from orchestration.steps import FAILED, peak_rss_mb, source_rows


def summary(run: HubRun) -> dict[str, Any]:
    """Counts of the run and of the hub after it; seconds per phase; the streams with what they delivered.

    `records`, `golden`, `tasks_open` and `findings_open` are of the hub, everything else is of this run.
    """
    sources = source_rows(run)
    entities = run.read_all("entities")
    published = run.read("published") or {}
    removed = run.read("removed") or []

    def sum_of(rows: list[dict[str, Any]], *names: str) -> int:
        return sum(int(row[name]) for row in rows for name in names)

    return {
        "run_id": run.run_id,
        "records": total(run.store.database, "records"),
        "changed": sum_of(sources, "inserted", "updated"),
        "deleted": sum_of(sources, "deleted") + sum_of(removed, "deleted"),
        "quarantined": sum_of(sources, "quarantined"),
        "pairs_scored": sum_of(entities, "pairs_scored"),
        "golden": total(run.store.database, "golden"),
        "merged": sum_of(entities, "merged"),
        "split": sum_of(entities, "split"),
        "tasks_open": _count(run.store, sa.select(sa.func.count()).where(t.task.c.status == "open")),
        "findings_open": open_findings(run.store),
        "events": int(published.get("events", 0)),
        "seconds": {phase: round(seconds, 3) for phase, seconds in run.seconds.items()},
        "peak_rss_mb": peak_rss_mb(),
        "blocks_cut": sum(sum(row.get("cut", {}).values()) for row in entities),
        "full": run.full,
        "sources": sources,
        "failed_sources": list(dict.fromkeys(row["source"] for row in sources if row["status"] in FAILED)),
        "models": {row["entity"]: row["model_id"] for row in entities},
        "trained": [row["entity"] for row in entities if row["trained"]],
        "broken_laws": [f"{law['law']}: {law['words']}" for law in run.read("laws") or [] if not law["passed"]],
        "messages": [f"{row['entity']}: {message}" for row in entities for message in row["messages"]]
        + [f"{g['deleted']:,} records of {g['source']}.{g['stream']} were deleted, as it was removed" for g in removed]
        + _left_out(run),
    }


def _left_out(run: HubRun) -> list[str]:
    with run.store.database.read() as connection:
        return left_out(connection, run.config)


def open_findings(store: Store) -> int:
    """Findings that are open, waived ones included."""
    return _count(store, sa.select(sa.func.count()).where(lt.finding.c.status == "open"))


def _count(store: Store, query: sa.Select[Any]) -> int:
    with store.database.read() as connection:
        return int(connection.scalar(query) or 0)
