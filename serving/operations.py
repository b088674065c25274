"""How the hub is doing, for people who run it: runs, and sources with what their streams last delivered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson
import sqlalchemy as sa

from models.store import tables as t
from models.store.apply import RUN_KINDS

if TYPE_CHECKING:
    from models.config import Config
    from models.store import Store

_SECRET = re.compile(r"((?:password|secret|token|api_key|key_id|credential)\w*\s*:\s*)(?!\$\{)[^\s,}][^,}\n]*", re.I)
_IN_ADDRESS = re.compile(r"(://[^/\s:@]+:)(?!\$\{)[^@/\s]+@")
SUMS = ("records", "changed", "deleted", "quarantined", "pairs_scored", "golden", "merged", "split", "tasks_open")


def runs(store: Store, *, status: str | None = None, limit: int = 50, offset: int = 0) -> list[dict[str, Any]]:
    """Runs, the newest first, with `sums` (what the whole run counted) and `seconds`; decisions are none."""
    query = sa.select(t.run).where(t.run.c.kind.in_(RUN_KINDS))
    query = query.order_by(t.run.c.run_id.desc()).limit(limit).offset(offset)
    if status:
        query = query.where(t.run.c.status == status)
    with store.database.read() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    for row in rows:
        row["metrics"] = orjson.loads(row["metrics"]) if row["metrics"] else {}
        row["sums"] = sums(row["metrics"])
        row["seconds"] = (row["finished_at"] - row["started_at"]).total_seconds() if row["finished_at"] else None
    return rows


def sums(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """What a run counted over all of its entity types and sources."""
    entities, delivered = metrics.get("entities") or [], metrics.get("sources") or []
    found = {name: sum(e.get(name) or 0 for e in entities) for name in SUMS if name not in ("changed", "quarantined")}
    found["changed"] = sum((s.get("inserted") or 0) + (s.get("updated") or 0) for s in delivered)
    found["deleted"] = sum(s.get("deleted") or 0 for s in delivered)
    found["quarantined"] = sum(s.get("quarantined") or 0 for s in delivered)
    return found


def sources(config: Config, store: Store) -> list[dict[str, Any]]:
    """Every source of the configuration with its streams: rows, when they last delivered, what came of the last try."""
    states = {(s["source"], s["stream"]): s for s in store.stream_states()}
    last = _last_tries(store)
    found = []
    for source in config.sources:
        streams = []
        for stream in source.streams:
            state, tried = states.get((source.name, stream.name)), last.get((source.name, stream.name))
            streams.append(
                {
                    "stream": stream.name,
                    "entity": stream.entity,
                    "rows": state["rows"] if state else None,
                    "delivered_at": state["delivered_at"] if state else None,
                    "status": tried["status"] if tried else None,
                    "error": tried.get("error") if tried else None,
                    "tried_at": tried["at"] if tried else None,
                    "quarantined": tried.get("quarantined") if tried else None,
                    "mapping": stream.field_columns,
                    "columns": state["schema"] if state else {},
                }
            )
        about = {"name": source.name, "family": source.family, "priority": source.priority}
        found.append({**about, "kind": source.connector["type"], "streams": streams})
    return found


def settings(config: Config) -> str:
    """The configuration file as it stands. Secrets belong into the environment; one that is there is not shown."""
    text = config.file.read_text(encoding="utf-8") if config.file.exists() else ""
    return _IN_ADDRESS.sub(r"\1•••@", _SECRET.sub(r"\1•••", text))


def _last_tries(store: Store, depth: int = 30) -> dict[tuple[str, str], dict[str, Any]]:
    """What the newest run that tried each stream said of it."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for run in runs(store, limit=depth):
        tries: Sequence[Mapping[str, Any]] = run["metrics"].get("sources") or []
        for tried in tries:
            place = (tried["source"], tried["stream"])
            found.setdefault(place, {**tried, "at": run["started_at"], "run": run["run_id"]})
    return found
