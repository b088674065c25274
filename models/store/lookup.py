"""Quick reads of few rows, for answers that somebody waits for: prepared statements, plain tuples, one published state.

Bulk reads, in Arrow, are in `reading`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from models.store.database import Database


class Member(NamedTuple):
    """A source record with the golden record that it is in, and its standard values as JSON."""

    golden_id: str
    record_id: int
    source: str
    stream: str
    source_key: str
    standard: str | None


class Held(NamedTuple):
    """A source record as the hub holds it."""

    entity_type: str
    source: str
    stream: str
    source_key: str
    deleted: bool
    standard: str | None


@contextmanager
def looking(database: Database) -> Iterator[Lookup]:
    """Lookups that all see one published state; inside a snapshot or transaction of this thread, that one's."""
    sqlite = database.dialect == "sqlite"
    if database.is_held():
        with database.read() as connection:
            yield Lookup(connection.connection.driver_connection, sqlite)
        return
    # Without SQLAlchemy's own beginning and ending, which takes as long as the reads.
    with database.clear_errors():
        if not sqlite:
            with database.looks.snapshot() as driver:
                yield Lookup(driver, sqlite)
            return
        pooled = database.engine.raw_connection()
        file: Any = pooled.driver_connection
        try:
            file.execute("BEGIN")
            yield Lookup(file, sqlite)
        finally:
            try:
                file.rollback()
            finally:
                pooled.close()


@dataclass(frozen=True)
class Lookup:
    """Reads through a driver's own connection, which must be inside a transaction."""

    _driver: Any
    _sqlite: bool

    def last_run(self) -> str | None:
        """The run whose state is published."""
        rows = self._rows("SELECT run_id FROM run WHERE status = 'published' ORDER BY run_id DESC LIMIT 1")
        return rows[0][0] if rows else None

    def metrics(self, run_id: str) -> dict[str, Any]:
        """What a run left word of when it was published."""
        rows = self._rows("SELECT metrics FROM run WHERE run_id = ?", run_id)
        found: dict[str, Any] = orjson.loads(rows[0][0]) if rows and rows[0][0] else {}
        return found

    def model(self, entity_type: str, model_id: str | None) -> tuple[str, dict[str, Any]] | None:
        """Id and document of a match model; without an id, of the one that is published."""
        which = "model_id = ?" if model_id else "entity_type = ? AND status = 'published'"
        rows = self._rows(f"SELECT model_id, document FROM match_model WHERE {which}", model_id or entity_type)
        return (rows[0][0], orjson.loads(rows[0][1])) if rows else None

    def record(self, record_id: int) -> Held | None:
        """One source record."""
        columns = "entity_type, source, stream, source_key, deleted, standard"
        rows = self._rows(f"SELECT {columns} FROM source_record WHERE record_id = ?", record_id)
        return Held(*rows[0]) if rows else None

    def blocks(self, keys: Sequence[int], caps: Sequence[int]) -> list[list[int]]:
        """Per match key the records under it, but no more than its cap and one."""
        if self._sqlite:
            query = "SELECT record_id FROM match_key WHERE key = ? LIMIT ?"
            run = self._driver.execute
            return [[r for (r,) in run(query, (k, n + 1)).fetchall()] for k, n in zip(keys, caps, strict=True)]
        found: dict[int, list[int]] = {key: [] for key in keys}
        for key, record in self._rows(
            "SELECT k.key, m.record_id FROM unnest(?::bigint[], ?::bigint[]) AS k(key, cap) CROSS JOIN LATERAL "
            "(SELECT record_id FROM match_key WHERE match_key.key = k.key LIMIT k.cap + 1) m",
            list(keys),
            list(caps),
        ):
            found[key].append(record)
        return [found[key] for key in keys]

    def standards(self, ids: Sequence[int]) -> list[tuple[int, str]]:
        """record_id and standard values (JSON) of those of the records that are not deleted."""
        return self._rows(
            f"SELECT record_id, standard FROM source_record WHERE record_id {self._among()} AND NOT deleted "
            "AND standard IS NOT NULL",
            self._list(ids),
        )

    def homes(self, ids: Sequence[int]) -> list[Member]:
        """All members of the golden records that these records are in."""
        rows = self._rows(
            "SELECT m.golden_id, m.record_id, r.source, r.stream, r.source_key, r.standard FROM membership m "
            "JOIN source_record r ON r.record_id = m.record_id WHERE m.golden_id IN "
            f"(SELECT golden_id FROM membership WHERE record_id {self._among()}) ORDER BY m.golden_id, m.record_id",
            self._list(ids),
        )
        return [Member(*row) for row in rows]

    def golden_values(self, golden_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The values of golden records, by their ids."""
        rows = self._rows(
            f'SELECT golden_id, "values" FROM golden_record WHERE golden_id {self._among("text")}',
            self._list(golden_ids),
        )
        return {golden_id: orjson.loads(values) for golden_id, values in rows}

    def contact_roles(self, entity_type: str, values: Mapping[str, Sequence[str]]) -> list[tuple[str, str, str]]:
        """kind, value, role of those of the contact values (by kind) that are not simply somebody's own."""
        columns = "SELECT kind, value, role FROM contact_profile"
        if self._sqlite:
            query = f"{columns} WHERE entity_type = ? AND kind = ? AND value {self._among()} AND role <> 'own'"
            return [
                row for kind, some in values.items() for row in self._rows(query, entity_type, kind, self._list(some))
            ]
        wanted = [(kind, value) for kind, some in values.items() for value in some]
        return self._rows(
            f"{columns} JOIN unnest(?::text[], ?::text[]) AS w(kind, value) USING (kind, value) "
            "WHERE entity_type = ? AND role <> 'own'",
            [kind for kind, _ in wanted],
            [value for _, value in wanted],
            entity_type,
        )

    def decided(self, ids: Sequence[int]) -> list[dict[str, Any]]:
        """The decisions on pairs and splits about any of the records that hold, oldest first.

        Of each entity_type, kind, left_id, right_id, verdict and detail (JSON).
        """
        names = ("entity_type", "kind", "left_id", "right_id", "verdict", "detail")
        # What needs a second person's approval counts since it has that.
        approved = "SELECT max(p.id) FROM decision p WHERE p.approves = d.id AND p.verdict = 'approve'"
        rows = self._rows(
            f"SELECT {', '.join(names)} FROM decision d WHERE id IN "
            f"(SELECT decision_id FROM decision_record WHERE record_id {self._among()}) "
            "AND kind IN ('pair', 'split') AND undoes IS NULL "
            "AND NOT EXISTS (SELECT 1 FROM decision u WHERE u.undoes = d.id) "
            f"AND (approval IS NULL OR ({approved}) IS NOT NULL) ORDER BY coalesce(({approved}), id), id",
            self._list(ids),
        )
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _among(self, kind: str = "bigint") -> str:
        return "IN (SELECT value FROM json_each(?))" if self._sqlite else f"= ANY(?::{kind}[])"

    def _list(self, values: Sequence[Any]) -> Any:
        # One bound value whatever their number, so that the statement is prepared once.
        return orjson.dumps(values).decode() if self._sqlite else list(values)

    def _rows(self, query: str, *values: Any) -> list[Any]:
        if self._sqlite:
            found: list[Any] = self._driver.execute(query, values).fetchall()
            return found
        with self._driver.cursor(binary=True) as cursor:
            found = cursor.execute(query.replace("?", "%s"), values, prepare=True).fetchall()
            return found
