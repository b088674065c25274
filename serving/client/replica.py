"""A copy of the golden records that stays in step with the hub: an example of a consumer, and one to use.

It is one SQLite file. Events and the number to go on from are written in one transaction, so it may be killed at any
moment and started again, and events that come twice do no harm.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serving.client.errors import HubError
from serving.client.hub import Hub

_TABLES = """
CREATE TABLE IF NOT EXISTS golden (golden_id TEXT PRIMARY KEY, entity_type TEXT, version INTEGER, "values" TEXT);
CREATE TABLE IF NOT EXISTS alias (alias_id TEXT PRIMARY KEY, golden_id TEXT);
CREATE TABLE IF NOT EXISTS place (name TEXT PRIMARY KEY, seq INTEGER);
"""


class Replica:
    """The copy in a file, kept by one process. `with` closes it."""

    def __init__(self, hub: Hub, path: str | Path, *, reader: str = "replica"):
        self._hub, self._reader = hub, reader
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(_TABLES)

    @property
    def seq(self) -> int | None:
        """The event that the copy is at; None before the first snapshot."""
        row = self._db.execute("SELECT seq FROM place WHERE name = 'feed'").fetchone()
        return int(row[0]) if row else None

    def sync(self, *, wait: float = 0) -> int:
        """Take a snapshot if there is none yet, then every event there is. Returns how many events were taken.

        Where the feed does not go on from here (the hub was restored from a backup), the copy begins anew.
        """
        if self.seq is None:
            self._snapshot()
        taken = 0
        while True:
            try:
                events, upto = self._hub.changes(self.seq or 0, wait=wait, reader=self._reader)
            except HubError as error:
                if error.code != "cursor_gone":
                    raise
                self._snapshot()
                continue
            self._take(events, upto)
            taken += len(events)
            if not events:
                return taken
            wait = 0

    def golden(self) -> dict[str, dict[str, Any]]:
        """Golden id → version and values of every living golden record."""
        rows = self._db.execute('SELECT golden_id, version, "values" FROM golden')
        return {golden_id: {"version": version, "values": json.loads(values)} for golden_id, version, values in rows}

    def differences(self) -> list[str]:
        """Golden ids of which the copy says something else than the hub does now. Empty: they are equal."""
        held = self.golden()
        there = {c["golden_id"]: {"version": c["version"], "values": c["values"]} for c in self._hub.customers()}
        return sorted(i for i in {*held, *there} if held.get(i) != there.get(i))

    def _snapshot(self) -> None:
        """Everything, and the number of before: what happens while it is read comes again with the feed."""
        seq = self._hub.cursor()
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.execute("DELETE FROM golden")
            self._db.execute("DELETE FROM alias")
            for customer in self._hub.customers():
                self._keep(customer["golden_id"], customer["entity_type"], customer["version"], customer["values"])
            self._db.execute("INSERT OR REPLACE INTO place VALUES ('feed', ?)", (seq,))
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    def _take(self, events: list[dict[str, Any]], upto: int) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for event in events:
                self._apply(event)
            self._db.execute("INSERT OR REPLACE INTO place VALUES ('feed', ?)", (upto,))
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    def _apply(self, event: Mapping[str, Any]) -> None:
        kind, golden_id = event["type"], event["golden_id"]
        if kind == "created":
            self._db.execute("DELETE FROM alias WHERE alias_id = ?", (golden_id,))
            self._keep(golden_id, event["entity_type"], event["version"], event["after"] or {})
        elif kind == "changed":
            row = self._db.execute('SELECT version, "values" FROM golden WHERE golden_id = ?', (golden_id,)).fetchone()
            if row is None or row[0] >= event["version"]:
                return  # gone again already, or known from the snapshot
            kept = {n: v for n, v in json.loads(row[1]).items() if n not in (event["attributes"] or ())}
            self._keep(golden_id, event["entity_type"], event["version"], kept | (event["after"] or {}))
        elif kind in ("retired", "erased"):
            self._db.execute("DELETE FROM golden WHERE golden_id = ?", (golden_id,))
        elif kind == "alias":
            self._db.execute("DELETE FROM golden WHERE golden_id = ?", (golden_id,))
            self._db.execute("INSERT OR REPLACE INTO alias VALUES (?, ?)", (golden_id, event["after"][0]))

    def _keep(self, golden_id: str, entity_type: str, version: int, values: Mapping[str, Any]) -> None:
        row = self._db.execute("SELECT version FROM golden WHERE golden_id = ?", (golden_id,)).fetchone()
        if row is None or row[0] <= version:
            text = json.dumps(values, ensure_ascii=False)
            self._db.execute(
                "INSERT OR REPLACE INTO golden VALUES (?, ?, ?, ?)", (golden_id, entity_type, version, text)
            )

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Replica:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
