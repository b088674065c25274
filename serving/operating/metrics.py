"""Numbers for Prometheus: requests as they come, and the hub's state when somebody asks.

With several processes each writes its counts into files of a folder that all share (PROMETHEUS_MULTIPROC_DIR).
"""

from __future__ import annotations

import datetime as dt
import os

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

from models.stewardship import OPEN_STATES
from models.store import Store
from models.store.lifecycle_tables import finding
from models.store.serving_tables import dead_letter, webhook
from models.store.tables import quarantine, run, task
from serving.feed import lags, last_event

SHARED = "PROMETHEUS_MULTIPROC_DIR"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 35)


class Requests:
    """Counts of one application's requests."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        names = ("method", "route", "status")
        self.count = Counter("kehu_requests", "Requests answered", names, registry=self.registry)
        self.seconds = Histogram(
            "kehu_request_seconds",
            "Seconds to an answer",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self.registry,
        )

    def saw(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self.count.labels(method, route, str(status)).inc()
        self.seconds.labels(method, route).observe(seconds)

    def text(self) -> bytes:
        """What this process counted, or all of them where they share a folder."""
        if not os.environ.get(SHARED):
            return generate_latest(self.registry)
        shared = CollectorRegistry()
        multiprocess.MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
        return generate_latest(shared)


def hub_text(store: Store) -> bytes:
    """The state of the hub, read now: runs, events, work that waits, and how far behind consumers are."""
    registry = CollectorRegistry()

    def gauge(name: str, words: str, value: float) -> None:
        Gauge(name, words, registry=registry).set(value)

    with store.snapshot(), store.database.read() as connection:
        last = connection.execute(
            sa.select(run.c.finished_at, run.c.metrics)
            .where(run.c.status == "published")
            .order_by(run.c.run_id.desc())
            .limit(1)
        ).first()
        if last is not None:
            age = (dt.datetime.now(dt.UTC) - last.finished_at).total_seconds()
            gauge("kehu_published_age_seconds", "Age of the last published run", age)
            began = sa.select(sa.func.count()).select_from(quarantine)
            gauge("kehu_quarantined_rows", "Rows that were set aside", connection.scalar(began) or 0)
        runs = Gauge("kehu_runs", "Runs by how they ended", ("status",), registry=registry)
        for status, count in connection.execute(sa.select(run.c.status, sa.func.count()).group_by(run.c.status)):
            runs.labels(status).set(count)
        gauge("kehu_last_event", "Number of the newest event", last_event(store))
        waiting = sa.select(sa.func.count()).select_from(task).where(task.c.status.in_(OPEN_STATES))
        gauge("kehu_tasks_open", "Tasks that wait for stewards", connection.scalar(waiting) or 0)
        open_findings = sa.select(sa.func.count()).select_from(finding).where(finding.c.status == "open")
        gauge("kehu_findings_open", "Findings that are open", connection.scalar(open_findings) or 0)
        dead = sa.select(sa.func.count()).select_from(dead_letter).where(dead_letter.c.replayed_at.is_(None))
        gauge("kehu_dead_letters", "Deliveries that were given up", connection.scalar(dead) or 0)
        paused = sa.select(sa.func.count()).select_from(webhook).where(webhook.c.state == "paused")
        gauge("kehu_webhooks_paused", "Webhooks that are paused", connection.scalar(paused) or 0)
        behind = Gauge("kehu_feed_behind_events", "Events not read", ("consumer", "reader"), registry=registry)
        for row in lags(store):
            behind.labels(row["consumer"], row["reader"]).set(row["behind"])
    return generate_latest(registry)
