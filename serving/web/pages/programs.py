"""Programs: which used what, how far behind the feed each is, and how its webhooks go. Nothing is changed here."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter
from fastapi.responses import Response

from models.store import Store
from models.store.serving_tables import dead_letter
from serving.feed import lags
from serving.feed.webhooks import webhooks
from serving.operating.watching import usage_of
from serving.web.rendering import page
from serving.web.visits import SignedIn

RIGHT = "usage.read"
DAYS = 30
router = APIRouter()


@router.get("/programs")
def programs(visit: SignedIn) -> Response:
    """Every program that asked something within the last days, reads the feed, or has a key."""
    visit.require(RIGHT)
    with visit.store.snapshot():
        found = programs_of(visit.store)
    return page(
        visit,
        "operations/programs.html",
        title=visit.speech("Programs"),
        here="runs",
        tab="programs",
        programs=found,
        days=DAYS,
    )


def programs_of(store: Store) -> list[dict[str, Any]]:
    """Per program: requests, refused, last_day, endpoints, readers of the feed, webhooks, keys that hold."""
    since = (dt.datetime.now(dt.UTC) - dt.timedelta(days=DAYS)).date().isoformat()
    used, readers, hooks, keys = (defaultdict[str, list[dict[str, Any]]](list) for _ in range(4))
    for row in usage_of(store, since=since):
        used[row["consumer"]].append(row)
    for row in lags(store):
        readers[row["consumer"]].append(row)
    d = dead_letter.c
    with store.database.read() as connection:
        query = sa.select(d.webhook_id, sa.func.count()).where(d.replayed_at.is_(None)).group_by(d.webhook_id)
        dead = {webhook: count for webhook, count in connection.execute(query)}
    for row in webhooks(store):
        hooks[row["consumer"]].append({**row, "dead": dead.get(row["webhook_id"], 0)})
    for row in store.keys():
        if row["revoked_at"] is None:
            keys[row["consumer"]].append(row)
    return [
        {
            "name": name,
            "requests": sum(row["requests"] for row in used[name]),
            "refused": sum(row["refused"] for row in used[name]),
            "last_day": max((row["last_day"] for row in used[name]), default=None),
            "endpoints": sorted(used[name], key=lambda row: -row["requests"]),
            "readers": readers[name],
            "webhooks": hooks[name],
            "keys": len(keys[name]),
        }
        for name in sorted({*used, *readers, *hooks, *keys})
    ]
