"""How a customer came to be what it is: versions with what changed in each, and which records joined and left."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from models.store.tables import membership_history, source_record
from serving.customers.asker import Asker
from serving.customers.golden import Golden, lineage, versions


def history(asker: Asker, golden_id: str) -> dict[str, Any] | None:
    """Versions (the newest first, each with the attributes that changed), former members, merges and splits.

    None for an id that never was.
    """
    found = versions(asker.store, golden_id)
    if not found:
        return None
    before = [*found[1:], None]
    return {
        "golden_id": golden_id,
        "versions": [_version(asker, now, then) for now, then in zip(found, before, strict=True)],
        "left": _left(asker, golden_id),
        "lineage": lineage(asker.store, golden_id),
    }


def _version(asker: Asker, now: Golden, then: Golden | None) -> dict[str, Any]:
    values, masked = asker.shown(now.golden_id, now.entity_type, now.values)
    old = then.values if then is not None else {}
    changed = sorted(n for n in {*now.values, *old} if now.values.get(n) != old.get(n))
    return {
        "version": now.version,
        "status": now.status,
        "valid_from": now.valid_from,
        "recorded_at": now.recorded_at,
        "recorded_to": now.recorded_to,
        "run_id": now.run_id,
        "records": now.records,
        "changed": changed,
        "values": values,
        "masked": masked,
    }


def _left(asker: Asker, golden_id: str) -> list[dict[str, Any]]:
    """Source records that were in the golden record once and are no more."""
    h, r = membership_history.c, source_record.c
    query = (
        sa.select(r.source, r.stream, r.source_key, h.from_run, h.to_run)
        .join_from(membership_history, source_record, r.record_id == h.record_id)
        .where(h.golden_id == golden_id)
        .order_by(h.to_run, r.source, r.stream, r.source_key)
    )
    with asker.store.database.read() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]
