"""Whether a hub can answer, and how old what it answers is."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa

from models.errors import StoreError
from models.store import Store
from models.store.tables import SCHEMA_REVISION, run


def readiness(store: Store) -> tuple[bool, dict[str, Any]]:
    """Whether the store answers, has the program's schema, and something is published; with what is known of that.

    `age_seconds` is the age of the last published run: whoever watches decides what is too old.
    """
    try:
        with store.database.read() as connection:
            schema = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
            query = sa.select(run.c.run_id, run.c.finished_at, run.c.kind).where(run.c.status == "published")
            last = connection.execute(query.order_by(run.c.run_id.desc()).limit(1)).first()
    except StoreError as error:
        return False, {"status": "unavailable", "detail": f"the hub store does not answer ({type(error).__name__})"}
    if schema != SCHEMA_REVISION:
        return False, {"status": "unavailable", "detail": "the hub store has the schema of another program version"}
    if last is None:
        return False, {"status": "empty", "detail": "nothing is published yet"}
    age = (dt.datetime.now(dt.UTC) - last.finished_at).total_seconds()
    return True, {
        "status": "ready",
        "run_id": last.run_id,
        "published_at": last.finished_at,
        "age_seconds": round(age, 1),
    }
