"""How far each program has read the feed, and so how far behind it is."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import orjson
import sqlalchemy as sa

from models.errors import BusyError
from models.store import Store
from models.store.account_tables import api_key
from models.store.serving_tables import feed_cursor, webhook
from models.store.tables import event
from serving.feed.reading import last_event

_OF_WEBHOOK = re.compile("webhook [0-9a-f]{16}")
"""What older versions noted of webhooks, which their rows tell better."""


def note_cursor(store: Store, consumer: str, name: str, seq: int) -> None:
    """Remember that a reader has read up to a number. Left out while another process is writing."""
    c = feed_cursor.c
    mine = sa.and_(c.consumer == consumer, c.name == name)
    with store.database.read() as connection:
        held = connection.scalar(sa.select(c.seq).where(mine))
    if held == seq:
        return
    values = {"seq": seq, "at": dt.datetime.now(dt.UTC)}
    try:
        with store.database.write(wait=False) as connection:
            if not connection.execute(sa.update(feed_cursor).where(mine).values(**values)).rowcount:
                connection.execute(sa.insert(feed_cursor).values(consumer=consumer, name=name, **values))
    except BusyError:
        pass  # the next call notes it


def lags(store: Store) -> list[dict[str, Any]]:
    """Per reader: consumer, reader, seq, at, behind (events), behind_seconds (age of the oldest event not read).

    A webhook is a reader `webhook ID` that stands where its row says; what numbers of corrections it was sent is not
    told in events, so those of corrections are left out. So are programs without a key that holds: they read no more.
    """
    last = last_event(store)
    now = dt.datetime.now(dt.UTC)
    c = feed_cursor.c
    found = []
    with store.database.read() as connection:
        query = sa.select(feed_cursor).where(c.consumer.in_(_with_keys(now))).order_by(c.consumer, c.name)
        noted = connection.execute(query).mappings().all()
        hooks = (
            connection.execute(sa.select(webhook).order_by(webhook.c.consumer, webhook.c.created_at)).mappings().all()
        )
        readers = [dict(row) for row in noted if not _OF_WEBHOOK.fullmatch(row["name"])]
        for hook in hooks:
            if orjson.loads(hook["filters"]).get("corrections_of") is None:
                at = hook["delivered_at"] or hook["created_at"]
                readers.append({**hook, "name": f"webhook {hook['webhook_id']}", "at": at})
        for row in readers:
            oldest = connection.scalar(sa.select(event.c.at).where(event.c.seq == row["seq"] + 1))
            behind = (now - oldest).total_seconds() if oldest is not None else 0.0
            found.append(
                {
                    "consumer": row["consumer"],
                    "reader": row["name"],
                    "seq": row["seq"],
                    "at": row["at"],
                    "behind": max(0, last - row["seq"]),
                    "behind_seconds": round(behind, 1),
                }
            )
    return found


def _with_keys(now: dt.datetime) -> sa.Select[tuple[str]]:
    k = api_key.c
    return sa.select(k.consumer).where(k.revoked_at.is_(None), sa.or_(k.expires_at.is_(None), k.expires_at > now))
