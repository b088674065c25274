"""That an erasure left nothing: looked for once everything is removed, kept in the audit log, shown to whoever asked.

The log has how many texts were looked for and where something was left, never a text.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from models.config import Config
from models.errors import KehuError
from models.store import Store
from models.store.audits import AuditFilter
from models.store.serving_tables import tombstone
from models.store.tables import golden_record, source_record
from serving.privacy.subject import Erasure, finish_erasure, prove

log = logging.getLogger("kehu.privacy")

ACTION = "erase.proof"
_LISTED = 200


@dataclass(frozen=True)
class Proof:
    """What a scan found: how many texts and numbers it looked for, and the places where something was left."""

    at: dt.datetime
    by: str
    looked_for: int
    seconds: float
    left: list[dict[str, Any]]


@dataclass(frozen=True)
class Erased:
    """An erasure as it stands: `removed` once nothing of the records is in the store, `proof` the newest scan."""

    erasure: str
    at: dt.datetime
    by: str
    golden_ids: list[str]
    records: int
    removed: bool
    proof: Proof | None


def prove_and_note(store: Store, config: Config, erasure: Erasure, *, by: str) -> list[dict[str, Any]]:
    """Wait until everything is removed, look whether anything was left, and keep what was found in the audit log.

    Returns the places where something was left. Raises LockError where a run does not end within an hour.
    """
    if not erasure.removed:
        finish_erasure(store, config)
    began = time.monotonic()
    left = prove(store, config, erasure)
    looked_for = len(erasure.needles) + len(erasure.records)
    detail = {"looked_for": looked_for, "seconds": round(time.monotonic() - began, 1), "left": left}
    store.add_audit(by, ACTION, object_type="erasure", object_id=erasure.erasure, detail=detail)
    return left


def prove_soon(store: Store, config: Config, erasure: Erasure, *, by: str) -> threading.Thread:
    """`prove_and_note` in a thread of its own, for a caller who does not wait."""

    def prove_it() -> None:
        try:
            prove_and_note(store, config, erasure, by=by)
        except KehuError as error:
            log.warning("erasure %s is not proved: %s", erasure.erasure, error)

    thread = threading.Thread(target=prove_it, name="kehu-proof", daemon=True)
    thread.start()
    return thread


def look_again(store: Store, config: Config, erasure: str, texts: Sequence[str], *, by: str) -> threading.Thread | None:
    """Look once more for what an erasure left: its records, and texts that whoever asks knows. None: no such one."""
    found = _rows(store, erasure)
    if not found:
        return None
    ids = {kind: [row["id"] for row in found if row["kind"] == kind] for kind in ("record", "golden")}
    asked = Erasure(erasure, "", [int(i) for i in ids["record"]], ids["golden"], list(texts))
    return prove_soon(store, config, replace(asked, removed=_removed(store, found)), by=by)


def erasure_of(store: Store, erasure: str) -> Erased | None:
    """One erasure; None where there is none of this number."""
    rows = _rows(store, erasure)
    return _told(store, erasure, rows) if rows else None


def erasures(store: Store) -> list[Erased]:
    """The newest erasures, the newest first."""
    c = tombstone.c
    query = sa.select(c.erasure).group_by(c.erasure).order_by(sa.func.max(c.at).desc()).limit(_LISTED)
    with store.database.read() as connection:
        numbers = list(connection.scalars(query))
    return [_told(store, number, _rows(store, number)) for number in numbers]


def _rows(store: Store, erasure: str) -> list[dict[str, Any]]:
    query = sa.select(tombstone).where(tombstone.c.erasure == erasure).order_by(tombstone.c.kind, tombstone.c.id)
    with store.database.read() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def _told(store: Store, erasure: str, rows: Sequence[dict[str, Any]]) -> Erased:
    golden = [row["id"] for row in rows if row["kind"] == "golden"]
    records = sum(row["kind"] == "record" for row in rows)
    said = store.find_audit(AuditFilter(action=ACTION, object_type="erasure", object_id=erasure), limit=1)
    proof = None
    if said:
        detail = said[0]["detail"] or {}
        numbers = (int(detail.get("looked_for", 0)), float(detail.get("seconds", 0)))
        proof = Proof(said[0]["at"], said[0]["actor"], *numbers, list(detail.get("left", ())))
    first = rows[0]
    return Erased(erasure, first["at"], first["by"], golden, records, _removed(store, rows), proof)


def _removed(store: Store, rows: Sequence[dict[str, Any]]) -> bool:
    records = [int(row["id"]) for row in rows if row["kind"] == "record"]
    golden = [row["id"] for row in rows if row["kind"] == "golden"]
    asked = (
        sa.select(source_record.c.record_id).where(source_record.c.record_id.in_(records)).limit(1),
        sa.select(golden_record.c.golden_id).where(golden_record.c.golden_id.in_(golden)).limit(1),
    )
    with store.database.read() as connection:
        return all(connection.scalar(query) is None for query in asked)
